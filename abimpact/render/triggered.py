"""Where the variants decide differently, in words and as values."""

from typing import Any

from abimpact.decide.report import MetricResult
from abimpact.estimate.estimate import Estimate, Triggered
from abimpact.render import numbers, phrases


def lines(result: MetricResult) -> tuple[str, ...]:
    """A metric's effect where decisions differ, and on all units; nothing where they were not logged."""
    found = result.triggered
    if found is None:
        return ()
    metric = phrases.name(result.metric.name)
    if not isinstance(found, Triggered):
        return (f"{metric} where they decide differently: {found.message}.",)
    share = numbers.signed(found.share, numbers.PERCENT).lstrip("+")
    alone, diluted = _effect(result, found.alone), _effect(result, found.diluted)
    gain = numbers.plain(float(f"{found.variance_ratio:.2g}"))
    return (
        f"On {share} of the units {phrases.name(result.incumbent.variant)} and {phrases.name(result.proposed.variant)} "
        f"decide differently; there {metric} changes by {alone}. Over all units that is {diluted}, with {gain} times "
        "less variance than comparing all of them.",
    )


def _effect(result: MetricResult, estimate: Estimate) -> str:
    interval, unit = numbers.shown(estimate, result.metric.kind)
    return numbers.change(interval, unit).sentence


def to_dict(result: MetricResult) -> dict[str, Any] | None:
    """The same as values; null where decisions were not logged."""
    from abimpact.render.json_metric import estimate_of

    found = result.triggered
    if found is None:
        return None
    if not isinstance(found, Triggered):
        missing = {"reason": found.reason, "message": found.message}
        return {"not_estimated": missing, "units": None, "share": None, "alone": None, "diluted": None,
                "variance_ratio": None}  # fmt: skip
    return {
        "not_estimated": None,
        "units": dict(zip((result.incumbent.variant, result.proposed.variant), found.units, strict=True)),
        "share": found.share,
        "alone": estimate_of(found.alone),
        "diluted": estimate_of(found.diluted),
        "variance_ratio": found.variance_ratio,
    }
