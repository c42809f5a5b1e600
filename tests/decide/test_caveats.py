"""Notes on what is chosen: not final yet, and too large for being read because it is significant."""

from dataclasses import replace

import pytest
from scipy.stats import norm

from abimpact.decide.caveats import SO_FAR, with_caveats
from abimpact.decide.report import MetricResult
from abimpact.estimate.estimate import Kind
from abimpact.estimate.selection import shrunken
from abimpact.spec.metric import Role
from tests.render import build

Z = norm.ppf(0.975)


def significant(z: float = 2.3, role: Role = Role.PRIMARY, kind: Kind = Kind.BOUNDED) -> MetricResult:
    """An effect of 5 and a lift of 10 %, `z` standard errors away from 0."""
    sign = 1 if z > 0 else -1
    chosen = build.estimate(
        "welch", (5.0 * sign, 0.0, 9.0), (0.1 * sign, 0.0, 0.2), 2 * norm.sf(abs(z)), statistic=z, kind=kind,
        notes=("first",),
    )  # fmt: skip
    return build.metric("profit", chosen, build.estimate("bootstrap", (5, 0, 9), (0.1, 0, 0.2), 0.03), role=role)


def notes(
    result: MetricResult, level: float = 0.95, *, is_unfinished: bool = False, is_sequential: bool = False
) -> list[str]:
    (found,) = with_caveats([result], level, is_unfinished=is_unfinished, is_sequential=is_sequential)
    assert found.estimates[1] == result.estimates[1]  # only what is chosen is told of
    told = list(found.estimates[0].notes)
    assert told[0] == "first"
    return told[1:]


@pytest.mark.parametrize("z", [2.0, 2.3, -2.3, 2.75])
def test_a_just_significant_effect_is_told_with_what_is_left_of_it(z: float) -> None:
    (note,) = notes(significant(z))
    left = 10 * shrunken(z, Z) / abs(z)
    assert note.endswith(f": {left:+.2g} % if that is allowed for".replace("-", "−"))
    (note,) = notes(significant(z, kind=Kind.EXCLUSIVE))
    assert note.endswith(f": {left / 2:+.2g} if that is allowed for".replace("-", "−"))


@pytest.mark.parametrize("z", [1.9, Z + norm.ppf(0.8) + 0.01, 5.0])
def test_what_is_not_significant_or_clearly_so_is_not(z: float) -> None:
    assert notes(significant(z)) == []


def test_only_single_looks_at_primaries_are_selected() -> None:
    assert notes(significant(role=Role.SECONDARY)) == []
    assert notes(significant(), is_sequential=True) == []
    assert notes(significant(2.3), 0.99) == []  # not significant at this level
    assert len(notes(significant(2.8), 0.99)) == 1
    base = significant()
    for missing in ({"statistic": None}, {"pvalue": None}, {"absolute": build.interval((0.0, -1, 1))}):
        assert notes(replace(base, estimates=(replace(base.estimates[0], **missing), base.estimates[1]))) == []  # type: ignore[arg-type]
    none = replace(base, estimates=(), chosen_method=None)
    assert with_caveats([none], 0.95, is_unfinished=True, is_sequential=False) == (none,)


def test_an_unfinished_test_is_so_far_unless_looks_are_allowed_for() -> None:
    assert notes(significant(5.0), is_unfinished=True) == [SO_FAR]
    assert notes(significant(5.0, Role.SECONDARY), is_unfinished=True) == [SO_FAR]
    assert notes(significant(5.0), is_unfinished=True, is_sequential=True) == []
    assert notes(significant(2.3), is_unfinished=True)[0] == SO_FAR
    assert len(notes(significant(2.3), is_unfinished=True)) == 2
