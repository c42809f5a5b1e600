"""What earlier looks would have said: how often peeking finds what the last look does not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from abimpact.findings import Finding, Severity
from abimpact.spec.aggregates import Cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """Welch's two-sided p of one metric and proposed variant at every look, in their order."""

    metric: str
    proposed: str
    at: tuple[float, ...]
    pvalues: tuple[float, ...]

    def first_below(self, alpha: float) -> float | None:
        """The first look at which p falls below `alpha`."""
        return next((at for at, p in zip(self.at, self.pvalues, strict=True) if p < alpha), None)


def compare_looks(looks: Mapping[str, Sequence[Sequence[Cell]]]) -> tuple[Looks, ...]:
    """Every metric and proposed variant at every look (rising); looks at which nothing varies have p 1."""
    found = []
    for metric, at in looks.items():
        n, mean, variance = (
            np.array([[getattr(cell, key) for cell in look] for look in at], dtype=float)
            for key in ("n", "mean", "variance")
        )
        squared = variance / np.maximum(n, 1)
        for arm in (a for a in range(1, n.shape[1]) if n[:, a].any()):
            pair = squared[:, [0, arm]]
            total = pair.sum(axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                t = (mean[:, arm] - mean[:, 0]) / np.sqrt(total)
                df = total**2 / (pair**2 / (n[:, [0, arm]] - 1)).sum(axis=1)
                pvalues = 2 * stdtr(df, -np.abs(t))
            pvalues = np.where(np.isfinite(pvalues), pvalues, 1.0)
            found.append(
                Looks(
                    metric=metric,
                    proposed=at[0][arm].variant,
                    at=tuple(look[0].look or 0.0 for look in at),
                    pvalues=tuple(map(float, pvalues)),
                )
            )
    return tuple(found)


def peeking(looks: Sequence[Looks], level: float, *, is_sequential: bool) -> list[Finding]:
    """Where an earlier look was significant and the last one is not; silent where the analysis allows for looks."""
    alpha = 1 - level
    findings = []
    for found in looks:
        first, last = found.first_below(alpha), found.pvalues[-1]
        if is_sequential or len(found.at) < 2:
            continue
        crossed = sum(p < alpha for p in found.pvalues)
        lost = first is not None and last >= alpha
        findings.append(
            Finding(
                code="peeking",
                severity=Severity.WARN if lost else Severity.INFO if crossed else Severity.PASS,
                message=f"{found.metric}, {found.proposed}: of {len(found.at)} looks, {crossed} had p < {alpha:.2g}"
                + (f", the first at {first:g}; the last one has p = {last:.2g}." if first is not None else "."),
                why="Who stops at the first significant look is misled far more often than the p-value says."
                if crossed
                else "",
                do='Decide by the last look, or use sequential = "always-valid".' if crossed else "",
                data={
                    "metric": found.metric,
                    "proposed": found.proposed,
                    "looks": len(found.at),
                    "significant_looks": crossed,
                    "first": first,
                    "pvalue": last,
                },
            )
        )
    return findings
