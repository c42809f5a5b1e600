"""Where the whole says the opposite of all its parts: the variants got different mixes of them (Simpson 1951)."""

from collections.abc import Sequence

from abimpact.decide.report import MetricResult, SegmentResult
from abimpact.findings import Finding, Severity

MOST_LISTED = 5
# Segments with an effect have to hold at least this share of the units.
KNOWN_SHARE = 0.95


def simpson(results: Sequence[MetricResult]) -> list[Finding]:
    """Effects whose sign over all units is the opposite of that in every segment, with the shift of the mix."""
    cases = [
        (result, by, [s for s in result.segments if s.by == by])
        for result in results
        for by in dict.fromkeys(s.by for s in result.segments)
    ]
    findings = [found for result, by, segments in cases if (found := _reversal(result, by, segments))]
    if cases and not findings:
        message = "No effect is the opposite of that in all its segments."
        return [Finding(code="mix_shift", severity=Severity.PASS, message=message)]
    return findings


def _reversal(result: MetricResult, by: str, segments: Sequence[SegmentResult]) -> Finding | None:
    whole = result.chosen.absolute.estimate if result.chosen else None
    units = sum(sum(s.units) for s in segments)
    segments = [s for s in segments if s.estimates]
    effects = [s.estimates[-1].absolute.estimate or 0.0 for s in segments]
    # A few units in no large segment hide nothing.
    is_known = len(effects) > 1 and sum(sum(s.units) for s in segments) >= KNOWN_SHARE * units
    if not whole or not is_known or any(effect * whole >= 0 for effect in effects):
        return None
    totals = [sum(s.units[arm] for s in segments) for arm in (0, 1)]
    mix = {
        s.value or "": {
            "effect": effect,
            "share_incumbent": s.units[0] / totals[0],
            "share_proposed": s.units[1] / totals[1],
        }
        for s, effect in zip(segments, effects, strict=True)
    }
    name, proposed = result.metric.name, result.proposed.variant
    shifted = sorted(mix.items(), key=lambda m: -abs(m[1]["share_proposed"] - m[1]["share_incumbent"]))
    shares = "; ".join(
        f"{value or '(none)'} {m['share_incumbent'] * 100:.0f} % of {result.incumbent.variant}, "
        f"{m['share_proposed'] * 100:.0f} % of {proposed}"
        for value, m in shifted[:MOST_LISTED]
    )
    sign, other = ("higher", "lower") if whole > 0 else ("lower", "higher")
    return Finding(
        code="mix_shift",
        severity=Severity.WARN,
        message=f"{name} is {sign} with {proposed} over all units, and {other} in every {by}: {shares}.",
        why="The variants have different mixes of it, which makes the difference; neither sign is the variant's doing "
        "before that is understood.",
        do=f'Find out why the mixes differ; if {by} was known before, compare within it: [analysis] strata = ["{by}"].',
        data={"metric": name, "proposed": proposed, "by": by, "effect": whole, "segments": mix},
    )
