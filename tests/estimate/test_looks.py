"""Earlier looks against scipy's Welch from the same moments, and what is said of peeking."""

from typing import Any

import pytest
from scipy.stats import ttest_ind_from_stats

from abimpact.estimate.looks import Looks, compare_looks, peeking
from abimpact.findings import Severity
from abimpact.spec.aggregates import Cell


def cell(variant: str, look: float | None, n: int, mean: float, variance: float | None) -> Cell:
    return Cell(metric="sales", variant=variant, look=look, n=n, mean=mean, variance=variance)


TABLE = [
    [cell("rules", 0.25, 50, 2.0, 4.0), cell("ml", 0.25, 60, 2.9, 5.0), cell("tree", 0.25, 40, 1.7, 1.0)],
    [cell("rules", 1.0, 210, 2.1, 4.4), cell("ml", 1.0, 190, 2.2, 5.5), cell("tree", 1.0, 205, 1.5, 0.9)],
]


def test_every_look_has_welchs_p() -> None:
    ml, tree = compare_looks({"sales": TABLE})
    assert [(x.metric, x.proposed, x.at) for x in (ml, tree)] == [("sales", n, (0.25, 1.0)) for n in ("ml", "tree")]
    for arm, found in ((1, ml), (2, tree)):
        for look, pvalue in zip(TABLE, found.pvalues, strict=True):
            (m0, v0, n0), (m1, v1, n1) = ((c.mean, c.variance or 0.0, c.n) for c in (look[0], look[arm]))
            theirs = ttest_ind_from_stats(m1, v1**0.5, n1, m0, v0**0.5, n0, equal_var=False)
            assert pvalue == pytest.approx(theirs.pvalue, rel=1e-9)


def test_a_look_without_units_or_spread_shows_nothing_and_a_variant_without_units_is_none() -> None:
    empty = [cell("rules", None, 0, 0.0, 0.0), cell("ml", None, 0, 0.0, 0.0), cell("tree", None, 0, 0.0, 0.0)]
    flat = [cell("rules", 1.0, 9, 1.0, 0.0), cell("ml", 1.0, 9, 2.0, 0.0), cell("tree", 1.0, 0, 0.0, 0.0)]
    (only,) = compare_looks({"sales": [empty, flat]})
    assert (only.proposed, only.at, only.pvalues) == ("ml", (0.0, 1.0), (1.0, 1.0))


@pytest.mark.parametrize(
    ("pvalues", "severity", "first", "crossed"),
    [
        ((0.2, 0.4), Severity.WARN, 1.0, 1),
        ((0.2, 0.25), Severity.WARN, 1.0, 1),
        ((0.4, 0.01, 0.02), Severity.INFO, 2.0, 2),
        ((0.4, 0.3), Severity.PASS, None, 0),
        ((0.25, 0.3), Severity.PASS, None, 0),
    ],
)
def test_peeking_misleads_where_an_earlier_look_says_what_the_last_does_not(
    pvalues: tuple[float, ...], severity: Severity, first: float | None, crossed: int
) -> None:
    looks = Looks(metric="sales", proposed="ml", at=tuple(1.0 + i for i in range(len(pvalues))), pvalues=pvalues)
    (found,) = peeking([looks], 0.75, is_sequential=False)
    assert (found.code, found.severity) == ("peeking", severity)
    data: dict[str, Any] = {"metric": "sales", "proposed": "ml", "looks": len(pvalues), "significant_looks": crossed,
                            "first": first, "pvalue": pvalues[-1]}  # fmt: skip
    assert found.data == data
    assert f"of {len(pvalues)} looks, {crossed} had p < 0.25" in found.message
    assert ("the first at" in found.message) == bool(found.why) == bool(found.do) == (crossed > 0)
    assert peeking([looks], 0.75, is_sequential=True) == []


def test_one_look_is_no_peeking_and_the_others_are_still_told() -> None:
    one = Looks(metric="sales", proposed="ml", at=(1.0,), pvalues=(0.01,))
    two = Looks(metric="orders", proposed="ml", at=(1.0, 2.0), pvalues=(0.3, 0.4))
    assert [f.data["metric"] for f in peeking([one, two], 0.95, is_sequential=False)] == ["orders"]
