"""Post-stratification: an arm's moments put together from its strata with the same weights as the other arm's.

w_k = N_k / N, N_k the units of both arms in stratum k: m_a = sum w_k m_ak, so that the effect is sum w_k d_k with
variance sum w_k^2 (v_tk + v_ck) + sum w_k (d_k - d)^2 / N, the last term because the shares are random (Miratrix,
Sekhon & Yu 2013; Xie & Aurisset 2016). Where the split differs between strata (a ramp), the arms pooled differ by the
mix of their strata alone; so weighted they don't.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from abimpact.estimate.clustered import Clustered, by_cluster, covariance_of_means
from abimpact.estimate.estimate import NotEstimated
from abimpact.spec.metric import MetricKind
from abimpact.summarise.summary import Floats, MetricSummary, Moments

FEWEST_UNITS = 2
MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class PostStratified(Moments):
    """One arm's moments under the weights of all units, `strata` (K,) with their `shares` (K,) of `total` units.

    `mean` is the weighted mean, `covariance` / n the covariance of that mean. `third` is not used: it is the strata's
    that count.
    """

    strata: tuple[Moments, ...]
    shares: Floats
    total: int

    @property
    def deviations(self) -> Floats:
        """The strata's means less the weighted mean, (K, d)."""
        return np.stack([m.mean for m in self.strata]) - self.mean


def shared_covariance(t: Moments, c: Moments) -> Floats:
    """The covariance (d, d) of two arms' means: of common clusters, or of common strata's random shares; else 0."""
    if isinstance(t, Clustered) and isinstance(c, Clustered):
        return covariance_of_means(t, c)
    if isinstance(t, PostStratified) and isinstance(c, PostStratified):
        shared: Floats = np.einsum("k,ki,kj->ij", t.shares, t.deviations, c.deviations) / t.total
        return shared
    return np.zeros((len(t.mean), len(c.mean)))


def post_stratified(summary: MetricSummary, proposed: int) -> tuple[MetricSummary, tuple[str, ...]] | NotEstimated:
    """`summary` with the moments of the incumbent and variant `proposed` post-stratified, and notes that say so.

    A summary without strata is given back as it is. Bins, which are pooled over strata, are taken out. Quantiles have
    no moments: they are pooled where chance alone mixes the strata, and refused over phases.
    """
    strata = summary.strata
    if strata is None:
        return summary, ()
    if summary.metric.kind is MetricKind.QUANTILE:
        if len(set(strata.phases)) < 2:
            return replace(summary, strata=None), (f"not stratified by {strata.by}: a quantile is that of all units",)
        return NotEstimated(
            reason="not_stratified",
            message="a quantile is not stratified, and pooled over phases with different splits it would compare times",
        )
    pairs, notes = _usable(summary, proposed)
    if not pairs:
        return NotEstimated(
            reason="no_common_stratum", message=f"no {strata.by} has {FEWEST_UNITS} units of both variants"
        )
    moments = list(summary.moments)
    sizes = np.array([t.n + c.n for t, c in pairs])
    for arm, mine in ((proposed, [t for t, _ in pairs]), (0, [c for _, c in pairs])):
        moments[arm] = _weighted(mine, sizes)
    told = f"stratified by {strata.by} ({len(pairs)} strata)"
    whole = replace(summary, moments=tuple(moments), bins=None, strata=None)
    return whole, (told, *notes)


def weighed_alike(summary: MetricSummary, proposed: int) -> MetricSummary:
    """`summary` by cluster, or post-stratified where it can be, else as it is."""
    if summary.clusters:
        return by_cluster(summary, proposed)
    found = post_stratified(summary, proposed)
    return summary if isinstance(found, NotEstimated) else found[0]


def _weighted(strata: Sequence[Moments], sizes: Floats) -> PostStratified:
    """The arm with moments `strata`, weighted by the strata's `sizes` in both arms."""
    total = int(sizes.sum())
    shares = sizes / total
    n, d = sum(m.n for m in strata), len(strata[0].mean)
    mean = np.einsum("k,ki->i", shares, np.stack([m.mean for m in strata]))
    away = np.stack([m.mean for m in strata]) - mean
    within = sum((w**2 * m.covariance / m.n for w, m in zip(shares, strata, strict=True)), start=np.zeros((d, d)))
    of_mean = within + np.einsum("k,ki,kj->ij", shares, away, away) / total
    return PostStratified(n, mean, of_mean * n * (n - 1), np.zeros((d, d, d)), tuple(strata), shares, total)


def _usable(summary: MetricSummary, proposed: int) -> tuple[list[tuple[Moments, Moments]], tuple[str, ...]]:
    """The strata as (proposed, incumbent) with `FEWEST_UNITS` units in both arms, and what became of the others.

    One that has too few is merged into its neighbour in the same phase. A phase in which a variant did not run is left
    out: merged into another, its days would look like an effect.
    """
    strata = summary.strata
    assert strata is not None
    pairs: list[tuple[Moments, Moments]] = []
    merged: list[str] = []
    left_out: dict[str, int] = {}
    for phase in dict.fromkeys(strata.phases):
        cells = [
            (name, (moments[proposed], moments[0]))
            for name, moments, its in zip(strata.names, strata.moments, strata.phases, strict=True)
            if its == phase and moments[proposed].n + moments[0].n
        ]
        whole, names = _merged([pair for _, pair in cells])
        pairs += [pair for pair in whole if _is_enough(pair)]
        merged += [cells[i][0] for i in names]
        lost = [pair for pair in whole if not _is_enough(pair)]
        left_out |= {cells[0][0]: sum(m.n for pair in lost for m in pair)} if lost else {}
    notes = [f"merged into their neighbours for want of units: {_some(merged)}"] if merged else []
    lost_units = [f"{name} ({units:,} units)" for name, units in left_out.items()]
    notes += [f"left out, as only one of the variants ran: {_some(lost_units)}"] if left_out else []
    return pairs, tuple(notes)


def _is_enough(pair: tuple[Moments, Moments]) -> bool:
    return min(m.n for m in pair) >= FEWEST_UNITS


def _merged(cells: Sequence[tuple[Moments, Moments]]) -> tuple[list[tuple[Moments, Moments]], list[int]]:
    """Neighbouring cells put together until each has enough units of both arms, and the places of those merged."""
    found: list[tuple[Moments, Moments]] = []
    small = []
    for place, cell in enumerate(cells):
        if found and not (_is_enough(found[-1]) and _is_enough(cell)):
            small.append(place if not _is_enough(cell) else place - 1)
            found[-1] = (found[-1][0] + cell[0], found[-1][1] + cell[1])
        else:
            found.append(cell)
    return found, small


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more
