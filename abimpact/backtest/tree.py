"""The cheapest thing that would do: a tree of at most three questions, grown on one half of the rows.

The tree is grown to tell rows on which acting gains from those on which it loses, weighted by how much; each of its
leaves then does what earned most there: act, don't, or leave it to the rules. scikit-learn grows it from a bounded
sample, everything else is SQL over all rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from abimpact.errors import DataError, UsageError
from abimpact.read.engine import Engine
from abimpact.spec.backtest import Backtest
from abimpact.spec.expression import literal, quote
from abimpact.summarise.summary import Floats

if TYPE_CHECKING:
    from sklearn.tree import DecisionTreeClassifier

# Rows that a tree is grown from at most, values of a text column that it may ask for, and rows a leaf has at least.
MOST_ROWS, MOST_VALUES, LEAST_ROWS = 100_000, 20, 50
ACT, DONT, RULES = "act", "don't act", "as the rules"
# Stands for a value: the feature is the rules' decision, or a column of nothing but 0 and 1.
RULE, FLAG = object(), object()


# A feature's place, whether it is above the edge, and the edge.
Question = tuple[int, bool, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """What a tree may ask for: SQL over `gained`, over the log, and in words.

    `value` is a text that a column may have, `RULE`, `FLAG`, or None for a number.
    """

    sql: str
    log_sql: str
    text: str
    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """Conditions that all hold, in words and as SQL over the log, and what is done there."""

    conditions: tuple[str, ...]
    log_sql: tuple[str, ...]
    sql: tuple[str, ...]
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A grown tree: its leaves, what it decides as SQL over `gained` (0 or 1) and over the log."""

    leaves: tuple[Leaf, ...]
    sql: str
    log_sql: str
    rows: int

    @property
    def ifs(self) -> tuple[str, ...]:
        """The leaves that do something else than the rules, as readable IFs."""
        said = {ACT: "act", DONT: "don't act"}
        return tuple(
            f"IF {' AND '.join(leaf.conditions) or 'always'} THEN {said[leaf.action]}"
            for leaf in self.leaves
            if leaf.action != RULES
        )


def grow(engine: Engine, asked: Backtest, rules_sql: str) -> Tree:
    """The tree grown on the half of `gained` that things are found on.

    `rules_sql` is the rules' decision over the log's own columns.
    """
    features = _features(engine, asked, rules_sql)
    selected = ", ".join(f"CAST({f.sql} AS DOUBLE) AS f{i}" for i, f in enumerate(features))
    n = engine.rows("SELECT count(*) FROM gained WHERE half = 0")[0][0]
    columns = ", ".join(f"f{i}" for i in range(len(features)))
    # A digest of the row, not the row's place, says whether it is in the sample; sorted, since order may decide ties.
    share = min(MOST_ROWS / max(n, 1), 1.0)
    sample = f"SELECT g, coalesce(inc, 0) AS inc, {selected} FROM gained WHERE half = 0" + (
        f" AND md5_number_lower(CAST(row(unit, place) AS VARCHAR)) % 1000000 < {int(share * 1e6)}" if share < 1 else ""
    )
    table = engine.query(f"SELECT g, inc, {columns} FROM ({sample}) ORDER BY ALL")
    g, inc = (np.ma.filled(table[k].astype(float), 0.0) for k in ("g", "inc"))
    if len(g) < 2 * LEAST_ROWS or not np.any(g):
        raise DataError(
            f"{len(g):,} rows are too few to grow a tree from.",
            f"Give at least {4 * LEAST_ROWS:,}, or no tree_columns.",
        )
    values = np.column_stack(
        [np.ma.filled(np.ma.masked_invalid(table[f"f{i}"].astype(float)), np.nan) for i in range(len(features))]
    )
    filled = np.where(np.isnan(values), _below(values), values)
    model = _fitted(filled, g, asked)
    leaves = _leaves(model, features, filled, g, inc)
    return Tree(
        leaves=leaves,
        sql=_case([(leaf.sql, leaf.action) for leaf in leaves], "inc"),
        log_sql=_case([(leaf.log_sql, leaf.action) for leaf in leaves], rules_sql),
        rows=len(g),
    )


def _below(values: Floats) -> Floats:
    """For each column a number below all of its values, which stands for missing ones."""
    low, high = np.nanmin(values, axis=0, initial=np.inf), np.nanmax(values, axis=0, initial=-np.inf)
    return np.where(np.isfinite(low), low - 1.0 - np.abs(high - low), 0.0)


def _features(engine: Engine, asked: Backtest, rules_sql: str) -> list[Feature]:
    """The numbers among the columns, the common values of the texts, and what the rules decided."""
    found = [Feature(sql="inc", log_sql=rules_sql, text=f"{asked.name} act", value=RULE)]
    families = engine.describe("gained")
    for j, name in enumerate(asked.tree_columns):
        family = families[f"t{j}"]
        if family in ("integer", "float", "boolean"):
            odd = engine.rows(f"SELECT count(*) FROM gained WHERE half = 0 AND CAST(t{j} AS DOUBLE) NOT IN (0, 1)")[0][
                0
            ]
            found.append(Feature(sql=f"t{j}", log_sql=quote(name), text=name, value=None if odd else FLAG))
        elif family == "text":
            rows = engine.rows(
                f"SELECT t{j}, count(*) FROM gained WHERE half = 0 AND t{j} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 "
                f"LIMIT {MOST_VALUES}"
            )
            for value, _ in rows:
                is_value = f"coalesce({{}} = {literal(value)}, false)"
                found.append(
                    Feature(sql=is_value.format(f"t{j}"), log_sql=is_value.format(quote(name)), text=name, value=value)
                )
        else:
            raise DataError(
                f"tree_columns: column {name!r} holds neither numbers nor texts.", "Derive a number from it."
            )
    return found


def _fitted(values: Floats, g: Floats, asked: Backtest) -> "DecisionTreeClassifier":
    try:
        from sklearn.tree import DecisionTreeClassifier
    except ImportError as error:
        raise UsageError(
            "tree_columns need scikit-learn, which is not installed.", "Run: pip install 'abimpact[why]'"
        ) from error
    least = max(LEAST_ROWS, len(g) // 1000)
    model = DecisionTreeClassifier(max_depth=asked.tree_depth, min_samples_leaf=least, random_state=asked.seed)
    kept = g != 0
    return model.fit(values[kept], g[kept] > 0, sample_weight=np.abs(g[kept]) / np.abs(g[kept]).mean())


def _leaves(model: Any, features: Sequence[Feature], values: Floats, g: Floats, inc: Floats) -> tuple[Leaf, ...]:
    """The leaves from left to right with what earns most there; equal neighbours are one."""
    tree = model.tree_
    reached = model.apply(values)

    def walk(node: int, path: list[Question]) -> list[tuple[list[Question], str]]:
        left, right = tree.children_left[node], tree.children_right[node]
        if left == right:
            here = reached == node
            earned = {RULES: float((inc * g)[here].sum()), ACT: float(g[here].sum()), DONT: 0.0}
            return [(path, max(earned, key=lambda action: earned[action]))]
        # As it is printed, so that who copies it gets the same decisions.
        at, edge = int(tree.feature[node]), float(f"{tree.threshold[node]:.6g}")
        one = walk(left, [*path, (at, False, edge)])
        other = walk(right, [*path, (at, True, edge)])
        if len(one) == len(other) == 1 and one[0][1] == other[0][1]:
            return [(path, one[0][1])]
        return one + other

    return tuple(_leaf(path, action, features) for path, action in walk(0, []))


def _leaf(path: Sequence[Question], action: str, features: Sequence[Feature]) -> Leaf:
    asked = _tightest(path)
    numbers = {at for at, _, _ in asked if features[at].value is None}
    both = {at for at in numbers if {(at, False), (at, True)} <= {(a, is_above) for a, is_above, _ in asked}}
    edges = {(at, is_above): edge for at, is_above, edge in asked}
    said: dict[str, None] = {}
    for at, is_above, edge in asked:
        name = features[at].text
        between = f"{edges.get((at, True), 0.0):.6g} < {name} ≤ {edges.get((at, False), 0.0):.6g}"
        said[between if at in both else _said(features[at], is_above, edge)] = None
    return Leaf(
        conditions=tuple(said),
        log_sql=tuple(_sql(features[at].log_sql, features[at], is_above, edge) for at, is_above, edge in asked),
        sql=tuple(_sql(features[at].sql, features[at], is_above, edge) for at, is_above, edge in asked),
        action=action,
    )


def _tightest(path: Sequence[Question]) -> list[Question]:
    """A path without questions that a later one implies."""
    edges: dict[tuple[int, bool], float] = {}
    for at, is_above, edge in path:
        known = edges.get((at, is_above), edge)
        edges[at, is_above] = max(known, edge) if is_above else min(known, edge)
    return [(at, is_above, edge) for (at, is_above), edge in edges.items()]


def _said(feature: Feature, is_above: bool, edge: float) -> str:
    """One question's answer in words."""
    if feature.value is RULE:
        return feature.text if is_above else f"{feature.text.removesuffix(' act')} don't act"
    if feature.value is FLAG:
        return f"{feature.text} = {int(is_above)}"
    if feature.value is not None:
        return f"{feature.text} {'=' if is_above else '≠'} {feature.value}"
    return f"{feature.text} {'>' if is_above else '≤'} {edge:.6g}"


def _sql(sql: str, feature: Feature, is_above: bool, edge: float) -> str:
    """One question's answer as SQL; a missing number counts as lower than any other."""
    if feature.value is RULE:
        return f"{sql} = {int(is_above)}"
    if feature.value is not None and feature.value is not FLAG:
        return sql if is_above else f"NOT {sql}"
    return f"coalesce({sql} {'>' if is_above else '<='} {edge!r}, {'false' if is_above else 'true'})"


def _case(leaves: Sequence[tuple[tuple[str, ...], str]], rules: str) -> str:
    """SQL of the decision: 1 where the tree acts, 0 where it does not, what the rules say elsewhere."""
    done = {ACT: "1", DONT: "0"}
    parts = [f"WHEN {' AND '.join(sql) or 'true'} THEN {done[action]}" for sql, action in leaves if action != RULES]
    return f"CASE {' '.join(parts)} ELSE {rules} END" if parts else rules
