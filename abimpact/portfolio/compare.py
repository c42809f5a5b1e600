"""What changed between two runs of one experiment: data, config, numbers, verdict; and whether chance explains it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from scipy.special import ndtri

from abimpact.estimate.estimate import Interval, Kind
from abimpact.findings import Severity
from abimpact.portfolio.runs import (
    KeyChange,
    Relation,
    SourceChange,
    key_changes,
    relation,
    source_changes,
    spread,
    without_margin,
)
from abimpact.portfolio.stored import Stored, StoredMetric, StoredValue

# What a metric is, as its config says; if one of these differs, two numbers of one name are not the same thing.
DEFINITION = ("value", "numerator", "denominator", "quantile", "kind", "weight", "cap_quantile", "missing", "spec")
# The config's own entries for what is compared apart.
APART = ("sources", "config", "needs_metrics")


class Status(StrEnum):
    """What is to be thought of a metric's change."""

    UNCHANGED = "unchanged"
    WITHIN_CHANCE = "within_chance"
    BEYOND_CHANCE = "beyond_chance"
    UNCLEAR = "unclear"
    RECOMPUTED = "recomputed"
    REDEFINED = "redefined"
    ADDED = "added"
    REMOVED = "removed"
    NOT_ESTIMATED = "not_estimated"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricChange:
    """One metric of one proposed variant in both runs, on the scale that is printed.

    `change` is new minus old; `least` and `most` bound the standard deviation that chance gives it, None where chance
    has no part in it or nothing can be said. `outside_chance` is None where that cannot be told.
    """

    name: str
    role: str
    kind: str | None
    proposed: str
    scale: str
    old: Interval | None
    new: Interval | None
    methods: tuple[str | None, str | None]
    change: float | None
    least: float | None
    most: float | None
    status: Status

    @property
    def outside_chance(self) -> bool | None:
        """Whether the change is more than chance explains."""
        return {Status.BEYOND_CHANCE: True, Status.WITHIN_CHANCE: False}.get(self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckChange:
    """A check that says another severity than before; None where a run does not have it."""

    code: str
    metric: str | None
    old: Severity | None
    new: Severity | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs held against each other; `level` is the confidence at which chance is judged."""

    old: Stored
    new: Stored
    level: float
    relation: Relation
    sources: tuple[SourceChange, ...]
    config: tuple[KeyChange, ...]
    software: tuple[KeyChange, ...]
    metrics: tuple[MetricChange, ...]
    checks: tuple[CheckChange, ...]
    values: tuple[tuple[StoredValue | None, StoredValue | None], ...]

    @property
    def is_verdict_changed(self) -> bool:
        """Whether the verdict, its reason or its variant differs."""
        return _verdict(self.old) != _verdict(self.new)

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing that counts differs: not the data, the config, a number or the verdict."""
        return not (
            self.relation is not Relation.SAME
            or self.is_verdict_changed
            or self.config
            or self.checks
            or any(m.status is not Status.UNCHANGED for m in self.metrics)
        )


def compare_runs(old: Stored, new: Stored) -> Comparison:
    """Everything that differs between two stored reports."""
    how = relation(old, new)
    config = tuple(
        c for c in key_changes(old.provenance.config, new.provenance.config) if c.key.split(".", 1)[0] not in APART
    )
    level = next((m.chosen.absolute.level for m in new.metrics if m.chosen), 0.95)
    redefined = _redefined(config)
    one, other = _by_key(old), _by_key(new)
    metrics = tuple(
        _metric(one.get(key), other.get(key), how, level, is_redefined=key[1] in redefined)
        for key in dict.fromkeys((*other, *one))
    )
    return Comparison(
        old=old,
        new=new,
        level=level,
        relation=how,
        sources=source_changes(old, new),
        config=config,
        software=_software(old, new),
        metrics=metrics,
        checks=_checks(old, new),
        values=_values(old, new),
    )


def _redefined(config: Sequence[KeyChange]) -> set[str]:
    """The metrics of which one key says another thing."""
    found = set()
    for c in config:
        table, _, rest = c.key.partition(".")
        name, _, key = rest.rpartition(".")
        values = [without_margin(x) if key == "spec" and isinstance(x, str) else x for x in (c.old, c.new)]
        if table == "metrics" and key in DEFINITION and values[0] != values[1]:
            found.add(name)
    return found


def _verdict(run: Stored) -> tuple[str, str, str]:
    return run.verdict.code, run.verdict.reason, run.verdict.proposed


def _by_key(run: Stored) -> dict[tuple[str, str], StoredMetric]:
    return {(m.proposed.variant, m.name): m for m in run.metrics}


def _metric(
    old: StoredMetric | None, new: StoredMetric | None, how: Relation, level: float, *, is_redefined: bool
) -> MetricChange:
    known = new or old
    assert known is not None
    scale = "relative" if all(m is None or _has_lift(m) for m in (old, new)) else "absolute"
    before, after = (_interval(m, scale) for m in (old, new))
    change = least = most = None
    status = Status.ADDED if old is None else Status.REMOVED if new is None else Status.NOT_ESTIMATED
    if before and after and before.estimate is not None and after.estimate is not None:
        assert old is not None
        assert new is not None
        change = after.estimate - before.estimate
        ses = [m.lift_se if scale == "relative" else m.se for m in (old, new)]
        if is_redefined or old.kind != new.kind or old.better != new.better:
            status = Status.REDEFINED
        elif how is Relation.SAME or how is Relation.RESTATED:
            status = Status.UNCHANGED if before == after else Status.RECOMPUTED
        elif ses[0] is None or ses[1] is None:
            status = Status.UNCLEAR
        else:
            least, most = spread(how, (ses[0], ses[1]), (_units(old), _units(new)))
            status = _judged(abs(change), least, most, level)
    return MetricChange(
        name=known.name,
        role=known.role,
        kind=known.kind,
        proposed=known.proposed.variant,
        scale=scale,
        old=before,
        new=after,
        methods=(old.chosen_method if old else None, new.chosen_method if new else None),
        change=change,
        least=least,
        most=most,
        status=status,
    )


def _judged(change: float, least: float, most: float, level: float) -> Status:
    """Beyond chance if the change is larger than chance may make it, within if smaller, on either reading."""
    z = float(ndtri(0.5 + level / 2))
    if change == 0 and least == 0:
        return Status.UNCHANGED
    if change > z * most:
        return Status.BEYOND_CHANCE
    return Status.WITHIN_CHANCE if change <= z * least else Status.UNCLEAR


def _units(metric: StoredMetric) -> int:
    return metric.incumbent.units + metric.proposed.units


def _has_lift(metric: StoredMetric) -> bool:
    return metric.chosen is None or metric.chosen.relative.kind is Kind.BOUNDED


def _interval(metric: StoredMetric | None, scale: str) -> Interval | None:
    if metric is None or metric.chosen is None:
        return None
    return metric.chosen.relative if scale == "relative" else metric.chosen.absolute


def _software(old: Stored, new: Stored) -> tuple[KeyChange, ...]:
    def versions(run: Stored) -> Mapping[str, Any]:
        p = run.provenance
        return {"abimpact": p.abimpact, "python": p.python, **p.packages, "engine": p.engine}

    return key_changes(versions(old), versions(new))


def _checks(old: Stored, new: Stored) -> tuple[CheckChange, ...]:
    one, other = _worst(old), _worst(new)
    return tuple(
        CheckChange(code=key[0], metric=key[1], old=one.get(key), new=other.get(key))
        for key in dict.fromkeys((*other, *one))
        if one.get(key) is not other.get(key) and {one.get(key), other.get(key)} & {Severity.BLOCK, Severity.WARN}
    )


def _worst(run: Stored) -> dict[tuple[str, str | None], Severity]:
    """The worst severity of each check by metric."""
    order = list(Severity)
    found: dict[tuple[str, str | None], Severity] = {}
    for check in run.checks:
        metric = check.data.get("metric")
        key = (check.code, metric if isinstance(metric, str) else None)
        found[key] = min(found.get(key, Severity.PASS), check.severity, key=order.index)
    return found


def _values(old: Stored, new: Stored) -> tuple[tuple[StoredValue | None, StoredValue | None], ...]:
    one, other = ({v.proposed: v for v in run.values} for run in (old, new))
    return tuple((one.get(name), other.get(name)) for name in dict.fromkeys((*other, *one)))
