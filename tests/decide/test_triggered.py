"""Where decisions differ: what refutes that only they matter, and what is then shown."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy import stats

from abimpact.decide.report import MetricResult
from abimpact.decide.triggered import Parted, with_triggered
from abimpact.estimate.estimate import NotEstimated, Triggered
from abimpact.estimate.triggered import triggered
from abimpact.findings import Finding, Severity
from abimpact.spec.metric import MetricKind, Role
from abimpact.summarise.summary import MetricSummary
from tests.estimate.cases import moments_of, summary
from tests.render import build

RNG = np.random.default_rng(30)
C, T, AC, AT = (RNG.normal(m, 1, n) for m, n in ((1.0, 200), (1.5, 210), (1.0, 800), (1.0, 790)))


def of(c: Any, t: Any, name: str = "profit") -> MetricSummary:
    found = summary(MetricKind.MEAN, moments_of(c), moments_of(t))
    return replace(found, metric=replace(found.metric, name=name))


def result(name: str = "profit", role: Role = Role.PRIMARY, kind: MetricKind = MetricKind.MEAN) -> MetricResult:
    return build.metric(name, build.estimate("welch", (1, 0, 2), (1, 0, 2), 0.5), role=role, kind=kind)


def parted(leak: float = 0.0, **more: Any) -> Parted:
    """The units of one metric (or of two), with a leak of an effect into those on which both decide alike."""
    told: dict[str, Any] = {
        "agreeing": [of(AC, AT - (AT.mean() - AC.mean()) + leak)],
        "different": [of(C, T)],
        "units": (1_000, 1_000),
        "differing": (200, 210),
        "split": (50.0, 50.0),
    }
    return Parted(**{**told, **more})


def told(*results: MetricResult, **more: Any) -> tuple[tuple[MetricResult, ...], Finding]:
    found, (finding,) = with_triggered(results or (result(),), parted(**more), 0.9)
    return found, finding


def test_the_effect_where_they_differ_is_that_of_its_units() -> None:
    (found,), finding = told()
    given = parted()
    assert found.triggered == triggered(given.different[0], given.agreeing[0], 1, 0.9)
    assert isinstance(found.triggered, Triggered)
    assert found.triggered.alone.absolute.level == 0.9
    assert (finding.code, finding.severity) == ("agreeing_units", Severity.PASS)
    table = np.array([[200, 210], [800, 790]])
    assert finding.data == {
        "differing": 410,
        "units": 2_000,
        "share": 0.205,
        "pvalues": {"profit": pytest.approx(1.0)},
        "split_pvalue": pytest.approx(stats.binomtest(200, 410).pvalue),
        "balance_pvalue": pytest.approx(stats.chi2_contingency(table, correction=False).pvalue),
    }
    assert finding.message.startswith("The variants decide differently on 410 of 2,000 units (20 %). Where")
    assert with_triggered((result(),), None, 0.9) == ((result(),), ())


def test_an_effect_on_units_with_one_decision_refutes_it() -> None:
    for leak, severity in ((0.5, Severity.WARN), (0.05, Severity.PASS)):
        (found,), finding = told(leak=leak)
        assert finding.severity is severity
        assert isinstance(found.triggered, NotEstimated) == (severity is Severity.WARN)
    (found,), finding = told(leak=0.5)
    assert isinstance(found.triggered, NotEstimated)
    assert found.triggered.reason == "agreeing_units"
    assert found.triggered.message
    assert "But where they decide alike, profit differs all the same (by chance less than once" in finding.message
    assert finding.why
    assert finding.do


@pytest.mark.parametrize(("differing", "split"), [((200, 320), (200.0, 320.0)), ((200, 210), (80.0, 20.0))])
def test_uneven_numbers_refute_it(differing: tuple[int, int], split: tuple[float, float]) -> None:
    _, finding = told(differing=differing, split=split)
    assert finding.severity is Severity.WARN
    assert "But of these, the variants have uneven numbers (" in finding.message
    _, both = told(differing=differing, split=split, leak=0.5)
    assert "differs all the same" in both.message
    assert "; and of these" in both.message


def test_the_worst_primary_decides_and_secondaries_do_not() -> None:
    agreeing = [*parted().agreeing, of(AC, AT + 0.5, "sales")]
    different = [*parted().different, of(C, T, "sales")]
    more: dict[str, Any] = {"agreeing": agreeing, "different": different}
    (one, other), finding = told(result(), result("sales"), **more)
    assert finding.severity is Severity.WARN
    assert " sales differs all the same" in finding.message
    assert isinstance(one.triggered, NotEstimated)
    assert isinstance(other.triggered, NotEstimated)
    (one, other), finding = told(result(), result("sales", Role.SECONDARY), **more)
    assert finding.severity is Severity.PASS
    assert list(finding.data["pvalues"]) == ["profit"]
    assert isinstance(other.triggered, Triggered)


def test_quantiles_have_none_and_what_never_varies_has_no_p() -> None:
    found, finding = told(result(), result("latency", kind=MetricKind.QUANTILE))
    assert isinstance(found[0].triggered, Triggered)
    assert found[1].triggered is None
    flat = [of([1.0, 1.0], [1.0, 1.0])]
    _, finding = told(agreeing=flat)
    assert finding.data["pvalues"] == {"profit": None}
    assert finding.severity is Severity.PASS


def test_where_they_never_differ_there_is_nothing_uneven() -> None:
    nobody = [of([], [])]
    (found,), finding = told(differing=(0, 0), different=nobody)
    assert finding.severity is Severity.PASS
    assert (finding.data["share"], finding.data["split_pvalue"], finding.data["balance_pvalue"]) == (0.0, 1.0, 1.0)
    assert isinstance(found.triggered, NotEstimated)
