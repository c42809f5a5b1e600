"""What people and attackers write: names, expressions with what they are worth, configs, command lines, logs."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st

Row = Mapping[str, float | None]
Worth = Callable[[Row], float | None]
NASTY = (
    "",
    " ",
    "'",
    '"',
    "`",
    "\\",
    "a'b",
    'a"b',
    "a\nb",
    "a\r\nb",
    "a\tb",
    "\x1b[31mred\x1b[0m",
    "\u202egnp.exe",
    "😀",
    "\ufeff",
    "\x7f",
    "-- x",
    "/* x",
    "; DROP TABLE log",
    "{0}",
    "%s",
    "%n",
    "${HOME}",
    "$(id)",
    "`id`",
    "../../x",
    "=1+1",
    "@x",
    "[b]x[/b]",
    "<script>alert(1)</script>",
    "| a | b |",
    "NULL",
    "nan",
    "inf",
    "-0",
    "1e999",
    "true",
    "0x10",
    "ﬀ",
    "I\u0307",
    "ß",
    "\u0435",
    "a" * 300,
)
names = st.one_of(st.sampled_from(NASTY), st.text(max_size=12), st.sampled_from(("unit", "variant", "value", "rowid")))
edges = st.sampled_from(
    (0.0, -0.0, 1.0, -1.0, 0.1, 5e-324, 1e-300, 1e15, 2.0**53, 2.0**63, 1e60, 1e308, math.inf, -math.inf, math.nan)
)


@dataclass(frozen=True, slots=True)
class Formula:
    """An expression, and what it is worth in a row: a double, or None."""

    text: str
    worth: Worth

    def __repr__(self) -> str:
        return self.text


def _number(x: float) -> Formula:
    # To the engine -0.0 is the number 0, which has no sign.
    return Formula(repr(x + 0.0), lambda _: x + 0.0)


def _column(name: str) -> Formula:
    return Formula(name, lambda row: row[name])


def _lifted(function: Callable[..., Any], *parts: Formula) -> Worth:
    def worth(row: Row) -> float | None:
        values = [part.worth(row) for part in parts]
        if any(v is None for v in values):
            return None
        with np.errstate(all="ignore"):
            return float(function(*map(np.float64, values)))

    return worth


def _binary(one: Formula, sign: str, other: Formula) -> Formula:
    functions = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide}
    return Formula(f"({one.text} {sign} {other.text})", _lifted(functions[sign], one, other))


def _called(name: str, part: Formula) -> Formula:
    functions = {"abs": np.abs, "sqrt": np.sqrt, "floor": np.floor, "ln": np.log}
    return Formula(f"{name}({part.text})", _lifted(functions[name], part))


def _chosen(sign: str, one: Formula, other: Formula, then: Formula, otherwise: Formula) -> Formula:
    holds: dict[str, Callable[[Any, Any], bool]] = {
        "<": lambda x, y: x < y,
        ">=": lambda x, y: x >= y,
        "=": lambda x, y: x == y,
        "<>": lambda x, y: x != y,
    }

    def order(x: float) -> tuple[bool, float]:
        """To the engine NaN equals itself and is the largest of all."""
        return math.isnan(x), 0.0 if math.isnan(x) else x

    def worth(row: Row) -> float | None:
        x, y = one.worth(row), other.worth(row)
        is_so = x is not None and y is not None and holds[sign](order(x), order(y))
        return (then if is_so else otherwise).worth(row)

    text = f"CASE WHEN {one.text} {sign} {other.text} THEN {then.text} ELSE {otherwise.text} END"
    return Formula(text, worth)


def _first(one: Formula, other: Formula) -> Formula:
    def worth(row: Row) -> float | None:
        x = one.worth(row)
        return other.worth(row) if x is None else x

    return Formula(f"coalesce({one.text}, {other.text})", worth)


def formulas(columns: Sequence[str]) -> st.SearchStrategy[Formula]:
    """Arithmetic with a value of its own, known without the engine."""
    leaves = st.one_of(
        st.sampled_from([_column(c) for c in columns]),
        st.floats(-1000, 1000).map(lambda x: _number(round(x, 3))),
    )

    def larger(part: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
        return st.one_of(
            st.builds(_binary, part, st.sampled_from("+-*/"), part),
            st.builds(_called, st.sampled_from(("abs", "sqrt", "floor", "ln")), part),
            st.builds(_chosen, st.sampled_from(("<", ">=", "=", "<>")), part, part, part, part),
            st.builds(_first, part, part),
        )

    return st.recursive(leaves, larger, max_leaves=8)


WORDS = (
    *"value n t unit variant ( ) ( ) + - * / % // ^ ** , . ; : :: = == <> < >= ~ || -> ->> @ # $1 ? [ ] { }".split(),
    *"SELECT FROM WHERE CASE WHEN THEN ELSE END AND OR NOT IN IS NULL LIKE BETWEEN CAST AS INTEGER DOUBLE".split(),
    *"DATE INTERVAL EXISTS UNION WITH LATERAL OVER PARTITION COPY ATTACH PRAGMA SET INSTALL LOAD CALL".split(),
    *"abs( ln( sum( read_csv( read_text( glob( getenv( repeat( range( concat( substring( extract( if(".split(),
    *"1 0 -1 1e308 1e999 9999999999999999999999 0x1F .5 5. 1_000 'x' '/etc/passwd' $$x$$ -- /* */ \\".split(),
    *("'", '"', "\0", "\n", "\t"),
)
soups = st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
repeated = st.builds(lambda word, n: word * n, st.sampled_from(WORDS), st.integers(1, 900))
expressions = st.one_of(soups, st.text(max_size=60), names, repeated)


def configs(known: Mapping[str, Mapping[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Tables with the keys of `known` (by table, "[[x]]" for lists), and values of which most are wrong somehow."""
    values = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**70), 2**70),
        st.floats(),
        names,
        soups,
        st.dates(),
        st.lists(names, max_size=3),
        st.sampled_from(
            (
                "value",
                "unit",
                "variant",
                "n",
                "t",
                "day",
                "2%",
                "1e999%",
                "50:50",
                "90d",
                "mean",
                "ratio",
                "primary",
                "group",
            )
        ),
        st.dictionaries(names, names, max_size=2),
    )

    def table(keys: Mapping[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
        right = {key: st.one_of(st.just(value), values) for key, value in keys.items()}
        return st.fixed_dictionaries({}, optional={**right, "unknown": values})

    parts = {
        name.strip("[]"): st.lists(table(keys), max_size=3) if name.startswith("[[") else table(keys)
        for name, keys in known.items()
    }
    return st.fixed_dictionaries({}, optional=parts)
