"""From the facts of a log to a first config: what each key is to be, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from abimpact.spec import words
from abimpact.spec.facts import ColumnFacts, GroupFacts, LogFacts
from abimpact.spec.kpis import Kpi
from abimpact.spec.roles import Choice

# From this share of repeating units on, the report wants to know what several rows mean.
REPEATING = 0.01
ARMS = {
    "incumbent": frozenset("c control a incumbent baseline rules old ctrl".split()),
    "proposed": frozenset("t treatment b proposed variant test ml new trt".split()),
}
# What a column of a table of aggregates can hold, by the words of its name; the first that fits counts.
HOLDS = (
    ("sum_squares", frozenset("squares sumsq sq squared".split())),
    ("variance", frozenset("variance var".split())),
    ("mean", frozenset("mean avg average".split())),
    ("sum", frozenset("sum total".split())),
    ("count", frozenset("count n units users size nobs visitors customers".split())),
)
METRIC, LOOK = frozenset("metric kpi measure".split()), frozenset("look day date time since period week".split())
EXPERIMENT = frozenset("experiment".split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A first config. `incumbent` and `counts` (rows by variant) are of the column `variant`.

    `several_rows` is empty where no rule is needed; `following` are columns that nearly determine the variant, with the
    share of rows in which they do. `aggregates` has the keys of `[data.aggregates]` where rows are counts and means of
    many units, and `experiments` the names of the experiments in such a table; `events` those of `[data.events]` where
    rows are events.
    """

    variant: Choice | None
    incumbent: Choice
    counts: Mapping[str, int]
    unit: Choice | None
    several_rows: str = ""
    time: Choice | None = None
    metrics: tuple[Kpi, ...] = ()
    segments: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    following: Mapping[str, float] = field(default_factory=dict)
    aggregates: Mapping[str, str] = field(default_factory=dict)
    experiments: tuple[str, ...] = ()
    events: Mapping[str, str] = field(default_factory=dict)

    @property
    def doubts(self) -> list[str]:
        """The keys that a person has to look at."""
        named = {"variant": self.variant, "incumbent": self.incumbent, "unit": self.unit, "time": self.time}
        doubts = [key for key, choice in named.items() if choice is not None and not choice.is_sure]
        return doubts + ([] if self.metrics or self.aggregates else ["metric"])


def rule_for(unit: Choice | None, groups: Mapping[str, GroupFacts]) -> str:
    """What several rows of a unit are proposed to mean: nothing where few units repeat."""
    if unit is None or unit.name not in groups:
        return ""
    group = groups[unit.name]
    return "sum" if group.several >= REPEATING * max(group.values - group.in_both, 1) else ""


def find_aggregates(facts: LogFacts) -> dict[str, str]:
    """The keys of `[data.aggregates]`, if the columns hold counts, means and variances; else empty."""
    found: dict[str, list[str]] = {}
    for column in facts.columns.values():
        if (key := _holds(column)) and column.is_number:
            found.setdefault(key, []).append(column.name)
    keys = {key: names[0] for key, names in found.items() if len(names) == 1}
    prefixes = ("", "incumbent_") if any(key.startswith("incumbent_") for key in keys) else ("",)
    for prefix in prefixes:
        if not (
            f"{prefix}count" in keys
            and {f"{prefix}mean", f"{prefix}sum"} & set(keys)
            and {f"{prefix}variance", f"{prefix}sum_squares"} & set(keys)
        ):
            return {}
    for prefix in prefixes:
        # A mean says what a sum does, and a variance what squares do.
        if f"{prefix}mean" in keys:
            keys.pop(f"{prefix}sum", None)
        if f"{prefix}variance" in keys:
            keys.pop(f"{prefix}sum_squares", None)
    for key, of in (("metric", METRIC), ("look", LOOK), ("experiment", EXPERIMENT)):
        names = [c.name for c in facts.columns.values() if c.name not in keys.values() and words.has(c.name, of)]
        names = [n for n in names if not words.has(n, words.VARIANT - EXPERIMENT)]
        if names and facts.columns[names[0]].distinct > 1:
            keys[key] = names[0]
    return keys


def _holds(column: ColumnFacts) -> str:
    """The key of `[data.aggregates]` that a column's name means; empty if none."""
    parts = list(words.parts(column.name))
    arm = next((arm for arm, of in ARMS.items() if parts and len(parts) > 1 and {parts[0], parts[-1]} & of), "")
    key = next((key for key, of in HOLDS if not of.isdisjoint(parts)), "")
    return f"incumbent_{key}" if key and arm == "incumbent" else key
