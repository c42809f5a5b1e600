"""How p-values are adjusted within each family of comparisons."""

from dataclasses import dataclass
from enum import StrEnum

from abimpact.spec.metric import Role


class Correction(StrEnum):
    """What an adjusted p bounds: the chance of any false claim (Holm), or the share of false ones (BH)."""

    HOLM = "holm"
    BENJAMINI_HOCHBERG = "benjamini_hochberg"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections:
    """By family: a role's metrics for all proposed variants, or all segments of all metrics.

    Guardrails are not adjusted unless asked for: every one must hold, an intersection-union test (Berger 1982).
    """

    primary: Correction = Correction.HOLM
    secondary: Correction = Correction.HOLM
    guardrail: Correction = Correction.NONE
    segment: Correction = Correction.BENJAMINI_HOCHBERG

    def of(self, role: Role) -> Correction:
        """That of the family of a metric."""
        return {
            Role.PRIMARY: self.primary,
            Role.SECONDARY: self.secondary,
            Role.GUARDRAIL: self.guardrail,
        }[role]
