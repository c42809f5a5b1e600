"""A report as a tidy pandas table."""

from typing import TYPE_CHECKING, Any

from abimpact.decide.report import MetricResult, Report
from abimpact.estimate.estimate import Estimate, Interval

if TYPE_CHECKING:
    import pandas as pd


def to_pandas(report: Report) -> "pd.DataFrame":
    """One row per estimate; a metric without any has one row, with the reason's code in `not_estimated`."""
    import pandas as pd

    rows = [_row(m, e) for m in report.metrics for e in m.estimates or (None,)]
    return pd.DataFrame(rows)


def _row(result: MetricResult, estimate: Estimate | None) -> dict[str, Any]:
    metric = result.metric
    return {
        "proposed": result.proposed.variant,
        "metric": metric.name,
        "kind": metric.kind and metric.kind.value,
        "role": metric.role.value,
        "better": metric.better.value,
        "incumbent_units": result.incumbent.units,
        "incumbent_value": result.incumbent.value,
        "proposed_units": result.proposed.units,
        "proposed_value": result.proposed.value,
        "method": estimate and estimate.method,
        "is_chosen": estimate is not None and estimate.method == result.chosen_method,
        **_limits("absolute", estimate.absolute if estimate else None),
        **_limits("relative", estimate.relative if estimate else None),
        "level": estimate.absolute.level if estimate else None,
        **{key: getattr(estimate, key, None) for key in ("statistic", "df", "pvalue", "pvalue_adjusted")},
        "notes": "; ".join(estimate.notes) if estimate else "",
        "not_estimated": result.not_estimated and result.not_estimated.reason,
    }


def _limits(prefix: str, interval: Interval | None) -> dict[str, float | None]:
    """An interval's columns."""
    return {f"{prefix}_{end}": getattr(interval, end, None) for end in ("estimate", "low", "high")}
