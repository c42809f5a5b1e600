"""One row per decision with canonical columns: what was decided, what came of it, what either decision earns.

`decided` is a table of the engine, which spills to disk; no row comes to Python.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from abimpact.backtest.reading import History
from abimpact.errors import DataError
from abimpact.read.calendar import day_of, period_sql
from abimpact.read.distinct import are_distinct
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.flags import flag, number
from abimpact.read.loaded import ROW
from abimpact.read.reading import DAY, PLACE
from abimpact.spec.derive import with_derived
from abimpact.spec.expression import literal, quote

# Why a row is left out, in the order in which it is asked.
LEFT_OUT = {
    "missing_decision": "no decision of the rules",
    "missing_proposed": "no decision or score of a proposed variant",
    "missing_unit": "no unit",
    "missing_time": "no date",
    "missing_probability": "no probability of what was logged",
    "missing_payoff": "no amount to tell what the decision earns",
    "missing_outcome": "no outcome",
}
LARGEST = 1e70


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """The engine's table `decided`, one row a decision that can be used, and what was met on the way.

    `half` is 0 for rows on which thresholds and trees are found and 1 for those on which they are paid; `split` says in
    words how these were told apart, empty where nothing is to be found. `days` are all days with their rows, none
    without a time column; `units` and `repeated` count units and those with several rows. `rules_sql` is the rules'
    decision (1 or 0) as SQL over the log's own columns; `outside` counts rows of days that do not count.
    """

    engine: DuckDBEngine
    read: int
    rows: int
    units: int
    repeated: int
    duplicates: int
    left_out: Mapping[str, int]
    outside: int
    days: Mapping[date, int]
    split: str
    cut: date | None
    rules_sql: str
    guesses: tuple[str, ...]


def decide_rows(history: History) -> Rows:
    """Make the table `decided`; rows that lack what is needed are counted and left out.

    Columns: `inc`, `y`, `v1` and `v0` (what acting and not acting earns; null where only the outcome could tell),
    `g1` and `g0` (the gain of acting if the outcome is 1 or 0), `reward`, `p` (of what was logged), `q` (of the
    proposed), `c0`… (decisions or scores), `l0`… (what an act takes of a limit), `s0`…, `t0`…, `rules`, `reason`,
    `unit`, `day`, `month`, `fold`, `half`.
    """
    engine, asked = history.engine, history.asked
    place = ROW if history.loaded.files else history.loaded.order
    relation = f"(SELECT *, {place} AS {PLACE} FROM {history.loaded.relation})"
    relation = with_derived(relation, asked.derive)
    read = engine.rows(f"SELECT count(*) FROM {relation}")[0][0]
    if asked.where:
        relation = f"(SELECT * FROM {relation} WHERE {asked.where.sql})"
    relation, outside, said = _dated(history, relation)
    columns, guesses = _columns(history, relation)
    selected = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    staged = f"(SELECT {selected} FROM {relation})"
    reasons = _reasons(history)
    cases = " ".join(f"WHEN {condition} THEN {literal(code)}" for code, condition in reasons.items())
    engine.execute(
        f"CREATE TEMP TABLE known AS SELECT *, CASE {cases} END AS left_out FROM (SELECT *, {_values(history)} "
        f"FROM {staged})"
    )
    if not engine.rows("SELECT count(*) FROM known")[0][0]:
        raise DataError(f"The log has {read:,} rows" + (" and the filter keeps none." if read else "."), "Check it.")
    left_out = dict(
        engine.rows("SELECT left_out, count(*) FROM known WHERE left_out IS NOT NULL GROUP BY 1 ORDER BY 1")
    )
    days = dict(engine.rows("SELECT day, count(*) FROM known WHERE left_out IS NULL AND day IS NOT NULL GROUP BY 1 "
                            "ORDER BY 1"))  # fmt: skip
    split, cut = _split(history, days)
    _halve(history, split, cut)
    rows, units, repeated, duplicates = _count(engine, asked.unit is not None)
    return Rows(
        engine=engine,
        read=read,
        rows=rows,
        units=units,
        repeated=repeated,
        duplicates=duplicates,
        left_out=left_out,
        days=days,
        split=split,
        cut=cut,
        rules_sql=columns["inc"],
        outside=outside,
        guesses=(*asked.guesses, *history.loaded.guesses, *said, *guesses),
    )


def _dated(history: History, relation: str) -> tuple[str, int, tuple[str, ...]]:
    """`relation` with each row's day, less rows of days that do not count; their number; what was assumed."""
    asked = history.asked
    if not asked.time:
        return relation, 0, ()
    zone = asked.calendar.timezone
    day, said = day_of(history.engine, relation, asked.time, history.families.get(asked.time), zone)
    dated = f"(SELECT *, {day} AS {DAY} FROM {relation})"
    inside = period_sql(asked.calendar, DAY)
    if not inside:
        return dated, 0, said
    outside = history.engine.rows(f"SELECT count(*) FROM {dated} WHERE NOT ({inside})")[0][0]
    return f"(SELECT * FROM {dated} WHERE ({inside}) IS NOT FALSE)", int(outside), said


def _columns(history: History, relation: str) -> tuple[dict[str, str], list[str]]:
    """SQL of every canonical column that the log gives, and what was assumed."""
    asked = history.asked
    said: list[str] = []
    columns: dict[str, str] = {"arm": "CAST(0 AS TINYINT)"}

    def add(name: str, found: tuple[str, tuple[str, ...]]) -> None:
        columns[name] = found[0]
        said.extend(found[1])

    nothing = ("CAST(NULL AS DOUBLE)", ())
    add("inc", flag(history, relation, asked.incumbent, "the rules' decision") if asked.incumbent else nothing)
    add("y", flag(history, relation, asked.outcome, "the outcome") if asked.outcome else nothing)
    for key, expression in asked.payoff.items():
        add(key, number(history, relation, expression, f"[payoff] {key}"))
    logged = asked.logged
    probability = logged.propensity or logged.release
    add("p", number(history, relation, probability, "the probability") if probability else nothing)
    add("q", number(history, relation, logged.proposed, "proposed_probability") if logged.proposed else nothing)
    add("reward", number(history, relation, logged.reward, "reward") if logged.reward else nothing)
    for k, candidate in enumerate(asked.candidates):
        read = number if candidate.is_score or logged.proposed else flag
        add(f"c{k}", read(history, relation, candidate.expression, candidate.name))
    for j, (limit, expression) in enumerate(asked.limits):
        add(f"l{j}", number(history, relation, expression, f"[[limit]] {limit.name!r}"))
    for j, name in enumerate(asked.segments):
        columns[f"s{j}"] = f"CAST({quote(name)} AS VARCHAR)"
    for j, name in enumerate(asked.tree_columns):
        columns[f"t{j}"] = quote(name)
    for j, name in enumerate((logged.action, *logged.context) if logged.action else ()):
        columns[f"x{j}"] = f"CAST({quote(name)} AS VARCHAR)"
    columns["rules"] = _rules(history, asked.rules_fired)
    columns["reason"] = f"nullif(trim(CAST({quote(asked.reason)} AS VARCHAR)), '')" if asked.reason else "NULL::VARCHAR"
    unit = f"nullif(CAST({quote(asked.unit)} AS VARCHAR), '')" if asked.unit else "NULL::VARCHAR"
    columns["unit"] = unit
    columns["place"] = PLACE
    columns["day"] = DAY if asked.time else "NULL::DATE"
    return columns, list(dict.fromkeys(said))


def _rules(history: History, name: str | None) -> str:
    """SQL of the list of rules that fired, from a list column or text with one separator."""
    if name is None:
        return "NULL::VARCHAR[]"
    if history.families.get(name) != "text":
        return f"CAST({quote(name)} AS VARCHAR[])"
    counts = history.engine.rows(
        "SELECT " + ", ".join(f"count(*) FILTER (contains({quote(name)}, '{s}'))" for s in ";|,")
        + f" FROM {history.loaded.relation}"
    )[0]  # fmt: skip
    separator = next((s for s, n in zip(";|,", counts, strict=True) if n), ";")
    bare = f"trim({quote(name)}, '[]\"'' ')"
    parts = f"list_transform(string_split({bare}, '{separator}'), lambda x: trim(x, ' \"'''))"
    return f"CASE WHEN {quote(name)} IS NOT NULL THEN list_distinct(list_filter({parts}, lambda x: x <> '')) END"


def _values(history: History) -> str:
    """SQL of what acting and not acting earns; where only an unknown outcome could tell, null."""
    if history.asked.logged.reward:
        reward = "CASE WHEN isfinite(reward) THEN reward END"
        return ", ".join([f"{reward} AS v1", f"{reward} AS v0", "NULL::DOUBLE AS g1", "NULL::DOUBLE AS g0"])

    def either(one: str, other: str) -> str:
        return f"CASE WHEN y = 1 THEN {one} WHEN y = 0 THEN {other} WHEN {one} = {other} THEN {one} END"

    return ", ".join(
        [
            f"{either('true_positive', 'false_positive')} AS v1",
            f"{either('false_negative', 'true_negative')} AS v0",
            "true_positive - false_negative AS g1",
            "false_positive - true_negative AS g0",
        ]
    )


def _reasons(history: History) -> dict[str, str]:
    """For each reason to leave a row out, the SQL condition."""
    asked, logged = history.asked, history.asked.logged
    scores = [f"(c{k} IS NULL OR NOT isfinite(c{k}))" for k in range(len(asked.candidates))]
    limits = [f"(l{j} IS NULL OR NOT isfinite(l{j}))" for j in range(len(asked.limits))]
    is_random = logged.propensity is not None or logged.release is not None
    known = "(y IS NOT NULL OR (v1 IS NOT NULL AND v0 IS NOT NULL))"
    bad = (
        f"(v1 IS NULL OR v0 IS NULL OR NOT isfinite(v1) OR NOT isfinite(v0) OR greatest(abs(v1), abs(v0)) > {LARGEST})"
    )
    conditions = {
        "missing_decision": "inc IS NULL" if asked.incumbent else "false",
        "missing_proposed": " OR ".join(scores),
        "missing_unit": "unit IS NULL" if asked.unit else "false",
        "missing_time": "day IS NULL" if asked.time else "false",
        "missing_probability": "p IS NULL OR NOT isfinite(p)" if is_random else "false",
        "missing_payoff": " OR ".join([f"({known} AND {bad})", *limits]),
        # Where outcomes are seen at random, an unseen one is part of the estimate.
        "missing_outcome": "false" if is_random else "y IS NULL AND (v1 IS NULL OR v0 IS NULL)",
    }
    return {code: conditions[code] for code in LEFT_OUT}


def _split(history: History, days: Mapping[date, int]) -> tuple[str, date | None]:
    """How the rows are halved, in words, and the last day of the first half."""
    asked = history.asked
    is_searched = bool(asked.tree_columns) or any(c.is_score and c.threshold is None for c in asked.candidates)
    if not is_searched:
        return "", None
    if len(days) < 2:
        return ("by a hash of the unit" if asked.unit else "by a hash of the row"), None
    total, so_far, cut = sum(days.values()), 0, None
    for day in list(days)[:-1]:
        so_far += days[day]
        if cut is None or 2 * so_far <= total:
            cut = day
    return "by time", cut


def _halve(history: History, split: str, cut: date | None) -> None:
    """Make `decided`: what is kept of `known`, with its half and the fold of models that are fitted across."""
    engine, asked = history.engine, history.asked
    # A digest that no version of the engine changes; of the row's place where there is no unit: what is in a row would
    # tell its half its outcome.
    hashed = f"md5_number_lower(CAST({'unit' if asked.unit else 'place'} AS VARCHAR))"
    half = "1" if not split else f"CAST(day > {literal(cut.isoformat())}::DATE AS INT)" if cut else f"{hashed} % 2"
    payoff = ", ".join(asked.payoff)
    kept = f"* EXCLUDE (left_out{', ' + payoff if payoff else ''})"
    engine.execute(
        f"CREATE TEMP TABLE decided AS SELECT {kept}, strftime(day, '%Y-%m') AS month, "
        f"CAST({hashed} // 2 % 2 AS TINYINT) AS fold, CAST({half} AS TINYINT) AS half FROM known WHERE left_out IS NULL"
    )


def _count(engine: DuckDBEngine, has_unit: bool) -> tuple[int, int, int, int]:
    """Rows, units, units with several rows, and rows that are exact copies of another one of their unit."""
    rows = engine.rows("SELECT count(*) FROM decided")[0][0]
    if not has_unit or are_distinct(engine, "decided", "unit", rows, is_integer=False):
        return rows, rows, 0, 0
    units, repeated = engine.rows(
        "SELECT count(*), count(*) FILTER (n > 1) FROM (SELECT count(*) AS n FROM decided GROUP BY unit)"
    )[0]
    if not repeated:
        return rows, units, 0, 0
    each = "SELECT count(*) AS n FROM (SELECT * EXCLUDE (place) FROM decided) GROUP BY ALL"
    copies = engine.rows(f"SELECT coalesce(sum(n - 1), 0) FROM ({each})")
    return rows, units, repeated, int(copies[0][0])
