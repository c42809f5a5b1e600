"""The studies in validation/ hold what their pages say."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


def study(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "validation" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_following_the_verdicts_pays() -> None:
    pay = study("decisions_pay")
    made, found = pay.made()
    text = (ROOT / "docs" / "decisions-pay.md").read_text(encoding="utf-8")
    assert pay.page(text, made) == text
    others = [name for name in next(iter(found.values())) if name.startswith("ship when")]
    for setting, net in found.items():
        for name in others:
            more = net["abimpact, prior stated"] - net[name]
            assert more.mean() >= 0, (setting, name)


def test_the_study_decides_by_the_verdicts() -> None:
    pay = study("decisions_pay")
    # 300 tests: the rules differ by some 10,000 here, with a standard error of about 2,000.
    (most,) = (v for k, v in pay.study(300).items() if k == (0.03, 4))
    assert most["abimpact, prior stated"].mean() > most["ship when p < .05"].mean()
    assert most["abimpact, prior stated"].mean() < most[pay.ORACLE].mean()


def test_the_stated_probability_is_right() -> None:
    # 5,000 tests; a tenth of the probabilities has at least 100, so a share errs by 0.05 at most in one of 400 times.
    for said, pays, n in study("decisions_pay").calibration(5_000):
        assert pays == pytest.approx(said, abs=3 * (said * (1 - said) / n) ** 0.5 + 0.01)
