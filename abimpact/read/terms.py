"""The numbers that metrics need, as SQL over the log's columns, each once."""

from datetime import date, timedelta

from abimpact.errors import ConfigError, DataError
from abimpact.read.numbers_in_text import number_sql
from abimpact.read.profile import Term
from abimpact.read.reading import Reading
from abimpact.spec.experiment import Experiment
from abimpact.spec.expression import Expression, column
from abimpact.spec.metric import Metric


def terms_of(reading: Reading) -> tuple[list[Term], dict[str, list[int]], list[str]]:
    """The distinct numbers that all metrics need, and each metric's places among them."""
    terms: dict[Term, int] = {}
    places: dict[str, list[int]] = {}
    said: dict[str, None] = {}
    for metric in reading.experiment.metrics:
        outcomes = [e for e in (metric.value, metric.denominator) if e is not None]
        parts = [(e, False) for e in outcomes] + [(column(c), True) for c in metric.covariates]
        for expression, is_covariate in parts:
            sql, is_integer, guess = _number(reading, expression)
            if guess:
                said[guess] = None
            missing_is_zero = metric.missing_is_zero and not is_covariate
            term = Term(
                sql,
                expression.text,
                is_covariate,
                missing_is_zero,
                is_integer,
                until=None if is_covariate else matured(reading.experiment, metric),
                cap_quantile=None if is_covariate else metric.cap_quantile,
            )
            places.setdefault(metric.name, []).append(terms.setdefault(term, len(terms)))
    return list(terms), places, list(said)


def matured(experiment: Experiment, metric: Metric) -> date | None:
    """The last day whose units are old enough for the metric; None where every unit is."""
    if metric.matures_after is None or experiment.as_of is None:
        return None
    try:
        return experiment.as_of - timedelta(days=metric.matures_after)
    except OverflowError as error:
        raise ConfigError(
            f"metric {metric.name!r}: {metric.matures_after:,} days before {experiment.as_of} there is no day.",
            "Give matures_after and as_of as they are.",
        ) from error


def _number(reading: Reading, expression: Expression) -> tuple[str, bool, str]:
    """SQL for an expression as a number, whether its type holds whole numbers only, and what was assumed."""
    is_column = expression.columns == (expression.text,)
    family = reading.families.get(expression.text, "") if is_column else ""
    if family == "text":
        sql, said = number_sql(reading.engine, reading.loaded, expression.text)
        return sql, False, said
    if family in ("date", "timestamp"):
        raise DataError(
            f"Column {expression.text!r} holds dates where numbers belong.",
            'Compute a number from it, like: -m "name=hour(column)".',
        )
    if not is_column:
        reading.try_sql(expression.sql, f"The expression {expression.text!r}")
    # Whole numbers of a text file are read as doubles, in case later rows have fractions.
    is_integer = family == "boolean" or (family == "integer" and not reading.loaded.is_parsed)
    return f"CAST({expression.sql} AS DOUBLE)", is_integer, ""
