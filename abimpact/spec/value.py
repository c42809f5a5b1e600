"""What the user says an effect is worth and what the proposed variant costs. Nothing here is ever guessed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from abimpact.errors import ConfigError, nearest
from abimpact.spec.expression import Expression, find_column, parse_expression, quote
from abimpact.spec.metric import Better, Metric, MetricKind, Role

FROM_LOG = "log"
SHARE = re.compile(r"\s*(\d+\.?\d*|\.\d+)\s*(%?)\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What one proposed variant costs beyond the incumbent, in the report's currency.

    `once` and `per_year` hold the user's items by their keys, `per_unit` a fixed price. `varying` is what each unit
    cost as logged (an expression), if any; it is taken from the effect unit by unit, in the metric called `metric`.
    """

    once: Mapping[str, float] = field(default_factory=dict)
    per_year: Mapping[str, float] = field(default_factory=dict)
    per_unit: float = 0.0
    varying: Expression | None = None
    metric: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is believed of the effect before this test, normal, in the metric's unit or as a lift."""

    mean: float
    sd: float
    is_relative: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueTerms:
    """Everything that turns an effect on `metric` into money.

    `worth` is money for each unit by which the metric is better. `units_per_year` None is taken from the log, of whose
    traffic the test had `traffic_share`. The horizon and the half-life of an advantage that fades are in years, the
    discount rate is a yearly fraction. `test_cost_per_day` is the price of
    testing in itself. `costs` has the proposed variants that cost otherwise than `usual`.
    `simplest_first` orders variants from the simplest to the dearest. `assumed` names the keys that were
    not given and have their default.
    """

    metric: str
    worth: float
    currency: str
    units_per_year: float | None
    traffic_share: float
    horizon_years: float
    discount_rate: float
    usual: Costs
    costs: Mapping[str, Costs]
    test_cost_per_day: float
    prior: Prior | None
    advantage_half_life: float | None
    ship_probability: float
    keep_probability: float
    simplest_first: tuple[str, ...]
    assumed: tuple[str, ...]

    def costs_of(self, variant: str) -> Costs:
        """The costs of a proposed variant."""
        return self.costs.get(variant, self.usual)


def resolve_value(
    table: Mapping[str, Any], metrics: Sequence[Metric], columns: Mapping[str, str]
) -> tuple[ValueTerms, tuple[Metric, ...]]:
    """The terms that `[value]` means, and the metrics less logged costs that they need in addition."""
    named = table.get("metric") or next(m.name for m in metrics if m.role is Role.PRIMARY)
    metric = next((m for m in metrics if m.name == named), None)
    if metric is None:
        raise ConfigError(f"[value] metric: no metric is called {named!r}.", nearest(named, [m.name for m in metrics]))
    if metric.kind is MetricKind.QUANTILE:
        raise ConfigError(
            f"[value] metric: {named!r} is a quantile, which does not add up to money.", "Name a mean or a ratio."
        )
    extra: dict[str, Metric] = {}
    usual = _costs(table, "[value]", metric, columns, extra)
    costs = {
        name: _costs({**table, **own}, f"[value.costs.{name}]", metric, columns, extra)
        for name, own in table.get("costs", {}).items()
    }
    for net in extra.values():
        if net.name in {m.name for m in metrics}:
            raise ConfigError(f"A metric is called {net.name!r} already.", "Give it another name.")
    volume = table["units_per_year"]
    terms = ValueTerms(
        metric=metric.name,
        worth=table["worth"],
        currency=table["currency"],
        units_per_year=None if volume == FROM_LOG else volume,
        traffic_share=table["traffic_share"],
        horizon_years=table["horizon_years"],
        discount_rate=table["discount_rate"],
        usual=usual,
        costs=costs,
        test_cost_per_day=table["test_cost_per_day"],
        prior=_prior(table),
        advantage_half_life=table.get("advantage_half_life"),
        ship_probability=table["ship_probability"],
        keep_probability=table["keep_probability"],
        simplest_first=tuple(table.get("simplest_first", ())),
        assumed=tuple(table["assumed"]),
    )
    return terms, tuple(extra.values())


def _costs(
    table: Mapping[str, Any], what: str, metric: Metric, columns: Mapping[str, str], extra: dict[str, Metric]
) -> Costs:
    """The costs in one table; a metric less what varies is added to `extra`, by the expression of the costs."""
    per_unit, parts = table.get("cost_per_unit", 0.0), []
    if isinstance(per_unit, str):
        parts.append(parse_expression(per_unit, columns, f"{what} cost_per_unit"))
        per_unit = 0.0
    for key, amount in table.get("per_column", {}).items():
        name = find_column(key.removeprefix("cost_per_"), columns, f"{what} {key}")
        parts.append(Expression(f"{amount:g} * {name}", f"{amount!r} * {quote(name)}", (name,)))
    varying = _sum(parts) if parts else None
    if varying and varying.sql not in extra:
        extra[varying.sql] = _net(metric, table["worth"], varying, f" ({len(extra) + 1})" if extra else "", what)
    return Costs(
        once={"build_cost": table["build_cost"], **table.get("once", {})},
        per_year={"run_cost_per_year": table["run_cost_per_year"], **table.get("per_year", {})},
        per_unit=float(per_unit),
        varying=varying,
        metric=extra[varying.sql].name if varying else metric.name,
    )


def _sum(parts: Sequence[Expression]) -> Expression:
    """The sum of costs; a unit without one costs nothing."""
    return Expression(
        " + ".join(p.text for p in parts),
        " + ".join(f"coalesce({p.sql}, 0)" for p in parts),
        tuple(dict.fromkeys(c for p in parts for c in p.columns)),
    )


def _net(metric: Metric, worth: float, varying: Expression, suffix: str, what: str) -> Metric:
    """The money that each unit is worth, less what it cost."""
    if metric.kind is MetricKind.RATIO:
        raise ConfigError(
            f"{what}: costs of single units need a metric that is a mean; {metric.name!r} is a ratio.",
            "Name another metric, or take the costs into its numerator.",
        )
    sign = 1.0 if metric.better is Better.HIGHER else -1.0
    net = Expression(
        f"{sign * worth:g} * ({metric.value.text}) - ({varying.text})",
        f"{sign * worth!r} * ({metric.value.sql}) - ({varying.sql})",
        tuple(dict.fromkeys((*metric.value.columns, *varying.columns))),
    )
    return Metric(
        name=f"{metric.name} less costs{suffix}",
        kind=MetricKind.MEAN,
        role=Role.SECONDARY,
        better=Better.HIGHER,
        value=net,
        covariates=metric.covariates,
        missing_is_zero=metric.missing_is_zero,
        matures_after=metric.matures_after,
        cap_quantile=metric.cap_quantile,
    )


def _prior(table: Mapping[str, Any]) -> Prior | None:
    """The declared prior; none is the default."""
    lift_sd, sd = table.get("prior_lift_sd"), table.get("prior_sd")
    if lift_sd is not None and sd is not None:
        raise ConfigError("[value]: prior_lift_sd and prior_sd exclude each other.", "Give one of them.")
    if lift_sd is not None:
        return Prior(mean=0.0, sd=_share(lift_sd), is_relative=True)
    if sd is not None:
        return Prior(mean=table.get("prior_mean", 0.0), sd=sd, is_relative=False)
    if table.get("prior_mean") is not None:
        raise ConfigError("[value]: prior_mean needs prior_sd.", "Say how sure you are of it.")
    return None


def _share(text: str | float) -> float:
    """A share written as "2%" or 0.02."""
    match = SHARE.fullmatch(str(text))
    share = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if share <= 0:
        raise ConfigError(f"[value] prior_lift_sd: {text!r} is no share.", 'Write it like "2%".')
    return share
