"""Simulated tests: dealt right, lifted right, judged right; on a sound log the analysis is trusted."""

import json
from dataclasses import replace
from importlib.resources import files as files_of
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jsonschema import validate

from abimpact import simulate
from abimpact.cli.main import main
from abimpact.errors import AbimpactError
from abimpact.estimate.estimate import Interval
from abimpact.simulate.deal import Deal, Population, Streams, _ranks, dealt
from abimpact.simulate.inject import with_lift
from abimpact.simulate.judge import judged
from abimpact.simulate.tally import is_more_than, share, smallest_found
from abimpact.simulate.values import NoEffect
from abimpact.spec.expression import column
from abimpact.spec.metric import Better, Metric, MetricKind, Role
from abimpact.summarise.blocks import scan_blocks, scan_shares
from abimpact.summarise.scan import scan_moments
from abimpact.summarise.summary import MetricSummary, Moments
from tests.logs import frame, opened

RNG = np.random.default_rng


def stream(seed: int) -> Streams:
    rng = RNG(seed)
    return lambda _: rng


def moments(values: np.ndarray) -> Moments:
    d = values - values.mean(axis=0)
    return Moments(len(d), values.mean(axis=0), np.einsum("ni,nj->ij", d, d), np.einsum("ni,nj,nk->ijk", d, d, d))


def summary(kind: MetricKind, c: np.ndarray, t: np.ndarray) -> MetricSummary:
    metric = Metric(name="m", kind=kind, role=Role.PRIMARY, better=Better.HIGHER, value=column("m"))
    return MetricSummary(
        metric=metric,
        variants=("rules", "ml"),
        covariates=(),
        moments=(moments(c), moments(t)),
        bins=None,
        ranks=None,
        extremes=(),
    )


def test_all_blocks_together_are_the_log() -> None:
    data = frame(3_000)
    with opened(data, ["value", "converted", "value/sessions"], keeps_units=True) as log:
        columns = [log.columns[m.name] for m in log.metrics]
        blocks = scan_blocks(log, columns, seed=0)
        (pooled,) = blocks.moments(np.ones((1, len(blocks.units))))
        arms = scan_moments(log.engine, log.relation, columns, 2)
    assert blocks.units.sum() == 3_000
    for mine, (c, t) in zip(pooled, arms, strict=True):
        whole = c + t
        assert mine.n == whole.n
        for a, b in ((mine.mean, whole.mean), (mine.second, whole.second), (mine.third, whole.third)):
            np.testing.assert_allclose(a, b, rtol=1e-9)


def test_dealing_has_the_variance_of_random_units() -> None:
    data = frame(3_000)
    deal = Deal(variants=("rules", "ml"), shares=(0.75, 0.25), level=0.95)
    with opened(data, ["value"], keeps_units=True) as log:
        columns = [log.columns["value"]]
        population = Population(blocks=scan_blocks(log, columns, seed=0), shares={}, metrics=((log.metrics[0], ()),))
        drawn = [s[0].moments for s in dealt(population, deal, 4_000, stream(1))]
    effects = np.array([t.mean[0] - c.mean[0] for c, t in drawn])
    expected = data["value"].var() * (1 / 2_250 + 1 / 750)
    # A variance of 4,000 draws has a standard error of 2.2 %, and 16,384 blocks add 1.1 %: five of them together.
    assert effects.var() == pytest.approx(expected, rel=0.125)
    assert np.mean([t.n for _, t in drawn]) == pytest.approx(750, rel=0.01)


def test_more_units_than_the_log_has_are_drawn_again() -> None:
    deal = Deal(variants=("rules", "ml"), shares=(1.0, 1.0), level=0.95)
    with opened(frame(1_000), ["value"], keeps_units=True) as log:
        population = Population(
            blocks=scan_blocks(log, [log.columns["value"]], seed=0), shares={}, metrics=((log.metrics[0], ()),)
        )
        sizes = [s[0].moments[1].n for s in dealt(population, deal, 400, stream(1))]
    assert np.mean(sizes) == pytest.approx(1_000, rel=0.01)


def test_ranks_are_dealt_as_units_are() -> None:
    values = np.sort(RNG(3).lognormal(size=5_000))
    with opened(frame(5_000, value=values), ["value:p90"], keeps_units=True) as log:
        shares = scan_shares(log.engine, log.relation, log.columns["value:p90"][0], 0.9, 1_000)
        metric = log.metrics[0]
    deal = Deal(variants=("rules", "ml"), shares=(0.8, 0.2), level=0.95)
    rng, direct = RNG(4), []
    dealt_out = [next(iter(_ranks(metric, shares, deal, rng)[1].values.values())) for _ in range(2_000)]
    for _ in range(2_000):
        drawn = np.sort(values[rng.random(5_000) < 0.2])
        direct.append(drawn[int(np.ceil(0.9 * len(drawn) - 1e-9)) - 1])
    # 2,000 draws each: the means differ by 0.032 of a standard deviation, the deviations by 2.2 %; five of these.
    assert abs(np.mean(dealt_out) - np.mean(direct)) < 0.16 * np.std(direct)
    assert np.std(dealt_out) == pytest.approx(np.std(direct), rel=0.11)


def test_a_lift_multiplies_values() -> None:
    rng = RNG(0)
    c, t = rng.gamma(2.0, size=(500, 2)), rng.gamma(2.0, size=(400, 2))
    found = with_lift(summary(MetricKind.RATIO, c, t), 0.1, rng)
    assert found is not None
    lifted = moments(t * [1.1, 1.0])
    np.testing.assert_allclose(found.moments[1].mean, lifted.mean)
    np.testing.assert_allclose(found.moments[1].second, lifted.second)
    np.testing.assert_allclose(found.moments[1].third, lifted.third)


@pytest.mark.parametrize("lift", [0.3, -0.3])
def test_a_lift_of_a_proportion_has_the_mean_and_variance_of_units_that_turn(lift: float) -> None:
    rng, n, p = RNG(0), 1_000, 0.2
    shares = []
    for _ in range(4_000):
        c, t = (rng.binomial(1, p, n)[:, None].astype(float) for _ in range(2))
        pooled = (c.sum() + t.sum()) / (2 * n)
        found = with_lift(summary(MetricKind.PROPORTION, c, t), lift, rng)
        assert found is not None
        shares.append(found.moments[1].mean[0] - lift * pooled)
    assert np.mean(shares) == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / n / 4_000))
    assert with_lift(summary(MetricKind.PROPORTION, c, t), 9.0, rng) is None


def no_effect(count: int, n: int, not_estimated: int = 0) -> NoEffect:
    return NoEffect(
        metric="m",
        method="welch",
        is_chosen=True,
        chosen_methods={"welch": n},
        false_positives=share(count, n, 0.95),
        histogram=(count, n - count),
        not_estimated=not_estimated,
        reason="none" if not_estimated else None,
    )


def test_it_is_judged_by_exact_chances() -> None:
    from scipy.stats import binom, binomtest

    assert is_more_than(0.05, 130, 2_000, 0.01) == (binom.sf(129, 2_000, 0.05) < 0.01)
    exact = binomtest(130, 2_000).proportion_ci(0.95)
    found = share(130, 2_000, 0.95)
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), rel=1e-9)
    assert judged([no_effect(100, 2_000)], 0.95) == (True, ())
    trusted, because = judged([no_effect(140, 2_000)], 0.95)
    assert trusted is False
    assert "7.0 %" in because[0]
    assert judged([no_effect(40, 800, not_estimated=200)], 0.95)[0] is None
    assert judged([], 0.95)[0] is None


def test_the_effect_is_what_80_percent_find() -> None:
    from statsmodels.stats.power import NormalIndPower

    half = 0.02
    lift = smallest_found([Interval(estimate=0.0, low=-half, high=half, level=0.95)])
    assert lift is not None
    size = NormalIndPower().solve_power(power=0.8, alpha=0.05, nobs1=1, ratio=1)  # in units of sqrt(2) / n
    assert lift == pytest.approx(size / np.sqrt(2) * half / 1.959964, rel=0.05)  # two digits
    assert smallest_found([replace(Interval(estimate=0.0, low=None, high=None, level=0.95))] * 3) is None


def test_a_sound_log_is_trusted_and_effects_are_found() -> None:
    found = simulate(
        frame(4_000),
        unit="unit",
        variant="variant",
        incumbent="rules",
        metrics=["value", "converted", "value/sessions", "value:p50"],
        repetitions=400,
    )
    assert found.values.is_trusted is True
    for row in found.values.no_effect:
        assert row.false_positives.low <= 0.05 <= row.false_positives.high
    for row in found.values.with_effect:
        # 80 % were aimed at, two digits of the lift and a spread that grows with it allowed for.
        assert 0.65 < row.power.estimate < 0.9
        assert row.coverage.high > 0.95
        assert row.exaggeration > 1
    assert {row.metric for row in found.values.with_effect} == {"value", "converted", "value/sessions", "value:p50"}
    assert "TRUSTED" in found.to_markdown()


@pytest.mark.slow
def test_each_default_method_errs_as_often_as_it_says() -> None:
    data = frame(20_000, seed=5)
    data["before"] = data["value"] * RNG(6).uniform(0.5, 1.5, 20_000)
    found = simulate(
        data,
        unit="unit",
        variant="variant",
        incumbent="rules",
        metrics=["value", "converted", "value/sessions", "value:p90"],
        covariates=["before"],
        repetitions=4_000,
        lift=0.03,
    ).values
    for row in found.no_effect:
        if row.is_chosen:
            # Four standard errors of a share of 5 % in 4,000 tests.
            assert abs(row.false_positives.estimate - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 4_000)
    for row in found.with_effect:
        assert abs(row.coverage.estimate - 0.95) < 4 * np.sqrt(0.05 * 0.95 / 4_000)


def test_the_command_writes_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.parquet"
    frame(800).to_parquet(log)
    asked = ["simulate", str(log), "--incumbent", "rules", "-m", "value", "--repetitions", "50", "--lift", "5%"]
    files = [tmp_path / f"found{end}" for end in (".json", ".md", ".html")]
    assert main([*asked, *(part for f in files for part in ("-o", str(f))), "--plots", str(tmp_path / "plots")]) == 0
    assert "Where nothing differs (A/A)" in capsys.readouterr().out
    numbers = json.loads(files[0].read_text())
    assert numbers["schema"] == "abimpact/simulate/1"
    validate(numbers, json.loads((files_of("abimpact.simulate") / "simulate.schema.json").read_text()))
    assert numbers["repetitions"] == 50
    assert numbers["with_effect"][0]["lift"] == 0.05
    assert sum(numbers["no_effect"][0]["histogram"]) == 50
    assert "<svg" in files[2].read_text()
    assert (tmp_path / "plots" / "pvalues-value.svg").exists()


def test_the_same_seed_gives_the_same_numbers_whatever_the_order() -> None:
    data = frame(1_000)
    asked = {"unit": "unit", "variant": "variant", "incumbent": "rules", "metrics": ["value"], "repetitions": 60}
    one = simulate(data, **asked).values
    other = simulate(data.sample(frac=1, random_state=1), **asked).values
    assert one.no_effect == other.no_effect
    assert one.with_effect == other.with_effect


def test_another_metric_changes_nothing() -> None:
    asked = {"unit": "unit", "variant": "variant", "incumbent": "rules", "repetitions": 60}
    alone = simulate(frame(1_000), metrics=["value:p50"], **asked).values
    both = simulate(frame(1_000), metrics=["value:p50", "converted", "value:p90"], **asked).values
    assert alone.no_effect == tuple(row for row in both.no_effect if row.metric == "value:p50")
    assert alone.with_effect == tuple(row for row in both.with_effect if row.metric == "value:p50")


def test_a_log_from_before_the_test_needs_no_variant() -> None:
    data: pd.DataFrame = frame(1_000).drop(columns="variant")
    found = simulate(data, unit="unit", metrics=["value"], repetitions=50).values
    assert found.split == (0.5, 0.5)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"repetitions": 0}, "--repetitions"),
        ({"units": -1}, "--units"),
        ({"lift": 0.0}, "--lift"),
        ({"lift": -1.5}, "--lift"),
    ],
)
def test_settings_that_cannot_be_are_named(asked: dict[str, float], told: str) -> None:
    with pytest.raises(AbimpactError, match=told):
        simulate(frame(200), unit="unit", variant="variant", incumbent="rules", metrics=["value"], **asked)
