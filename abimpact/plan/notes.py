"""What a plan's numbers rest on, where that may not hold."""

from abimpact.estimate.skewed import FLAG
from abimpact.plan.values import Seen
from abimpact.spec.planning import PlanTerms

# A mean is normal enough from so many units per squared skewness on (Boos & Hughes-Oliver 2000).
UNITS_PER_SKEW = 355


def notes_of(seen: Seen, n: float, ratio: float, sequential: str) -> tuple[str, ...]:
    """Caveats of one KPI at `n` units of the incumbent and `ratio` of a proposed variant for each."""
    notes = []
    t = n * ratio
    if seen.third and seen.curve is None:
        # The skewness of the difference, from units alike in both variants (methods.md k).
        gamma = seen.third * (1 / t**2 - 1 / n**2) / (seen.sd**2 * (1 / t + 1 / n)) ** 1.5
        if abs(gamma) > FLAG:
            wider = (
                "so skewed for this split that the report will use a wider interval: power is less than it says here"
            )
            notes.append(wider + ("; no early look will be trusted" if sequential == "always-valid" else ""))
        elif min(n, t) < UNITS_PER_SKEW * (seen.third / seen.sd**3) ** 2:
            notes.append("skewed for so few units: power is approximate")
    return tuple(notes)


def then_of(terms: PlanTerms, variants: tuple[str, ...]) -> dict[str, str]:
    """What each verdict leads to: as declared, else what the verdict means."""
    incumbent, proposed = variants[0], " or ".join(variants[1:])
    usual = {
        "ship": f"{proposed} replaces {incumbent} for all units.",
        "keep": f"All units stay with {incumbent}.",
        "keep_testing": "The test goes on for the time that the report names; nothing is rolled out.",
        "invalid": "Nothing is decided: what the checks found is mended, and the test repeated if need be.",
    }
    return usual | dict(terms.then)
