"""What is refused of a metric once its values are seen, and the kind that they make it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from abimpact.errors import DataError
from abimpact.read.log import Column
from abimpact.spec.metric import Metric, MetricKind

# Fourth powers of larger numbers are infinite to a computer.
LARGEST = 1e70


def check_usable(metrics: Sequence[Metric], columns: Mapping[str, Sequence[Column]], units: int) -> None:
    """Refuse what no arithmetic can use: numbers too large for it, and metrics without a single value."""
    for metric in metrics:
        for number in columns[metric.name]:
            if max(abs(number.low), abs(number.high)) > LARGEST:
                raise DataError(
                    f"{number.text!r} has values beyond {LARGEST:g}, which nothing can be computed with.",
                    "Leave them out with --where, or divide by a unit in an expression.",
                )
            if number.is_lost and metric.kind is not MetricKind.QUANTILE:
                largest = max(abs(number.low), abs(number.high))
                raise DataError(
                    f"{number.text!r} has values up to {largest:.3g}, beside which those of another variant are lost.",
                    "Leave the largest out with --where, or cap them.",
                )
        outcome = columns[metric.name][0]
        if sum(outcome.missing) + sum(outcome.nonfinite) == units and not metric.missing_is_zero:
            raise DataError(
                f"Metric {metric.name!r}: {outcome.text!r} has no value in any of the {units:,} units.",
                "Check the column and the filter; if no value means zero, say --missing zero.",
            )


def with_kind(metric: Metric, value: Column) -> Metric:
    """The metric with its kind settled by the values seen."""
    if metric.kind is None:
        metric = replace(metric, kind=MetricKind.PROPORTION if value.is_binary else MetricKind.MEAN)
    if metric.kind is MetricKind.PROPORTION and not value.is_binary:
        raise DataError(
            f"Metric {metric.name!r} is declared a proportion, but {value.text!r} has values other than 0 and 1.",
            "Declare it a mean, or write an expression that is 0 or 1.",
        )
    return replace(metric, covariates=()) if metric.kind is MetricKind.PROPORTION else metric
