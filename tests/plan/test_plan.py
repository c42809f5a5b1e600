"""Plans from numbers, from logs and by their money, through the code that the command runs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact.errors import AbimpactError, ConfigError, DataError, UsageError
from abimpact.plan.figures import figures
from abimpact.plan.page import headline, page
from abimpact.plan.run import run_plan
from abimpact.plan.values import Plan
from abimpact.render.document import render
from abimpact.render.table import Options
from abimpact.spec.metric import Role
from abimpact.spec.request import MetricRequest, Request
from tests.estimate.cases import cases
from tests.logs import frame

PRIMARY = (MetricRequest(spec="value", role=Role.PRIMARY),)
GUARDED = (*PRIMARY, MetricRequest(spec="sessions@5%", role=Role.GUARDRAIL),
           MetricRequest(spec="converted:lower@2 points", role=Role.GUARDRAIL))  # fmt: skip
MONEY = {
    "metric": "value", "worth": 0.35, "currency": "EUR", "units_per_year": 12e6, "traffic_share": 1.0,
    "build_cost": 90_000.0, "run_cost_per_year": 60_000.0, "horizon_years": 2.0, "discount_rate": 0.1,
    "test_cost_per_day": 0.0, "prior": "none", "ship_probability": 0.95, "keep_probability": 0.05,
    "costs": {}, "assumed": [],
}  # fmt: skip


def told(baseline: float, sd: float | None = None, name: str = "value") -> dict[str, Any]:
    return {"kpi": [{"name": name, "baseline": baseline, "sd": sd}]}


def numbers(request: Request | None = None, **keys: Any) -> Plan:
    return run_plan(request or Request(metrics=PRIMARY), keys=keys)


def from_log(log: pd.DataFrame, request: Request | None = None, **keys: Any) -> Plan:
    return run_plan(request or Request(metrics=PRIMARY), keys=keys, frame=log)


@cases("sample_size_mean")
def test_golden_means(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    split = f"1:{given['treat_to_control_ratio']!r}"
    found = numbers(
        Request(metrics=PRIMARY, split=split, level=1 - given["alpha"]),
        **told(given["control_mean"], given["sd"]),
        lift=given["relative_lift"], power=given["power"], covariate_correlation=given["cuped_correlation"],
    )  # fmt: skip
    exact = figures(found, "")["metrics"][0]["units"]
    assert exact["incumbent"] == pytest.approx(expected["n_control_closed_form"], rel=1e-9)
    assert exact["proposed"] == pytest.approx(expected["n_treatment_closed_form"], rel=1e-9)
    assert found.units["incumbent"] == int(np.ceil(expected["n_control_closed_form"] - 1e-6))


@cases("sample_size_proportion")
def test_golden_proportions(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    split = f"1:{given['treat_to_control_ratio']!r}"
    found = numbers(
        Request(metrics=PRIMARY, split=split, level=1 - given["alpha"]),
        **told(given["control_rate"]), lift=given["relative_lift"], power=given["power"],
    )  # fmt: skip
    exact = found.primary.exact
    assert exact is not None
    assert exact[0] == pytest.approx(expected["n_control_pooled_null"], rel=1e-9)
    assert found.primary.seen.metric.kind == "proportion"
    # An effect is shown with z above 1.96 only: 1 + phi(0.842) / 0.8 / 2.802 at a power of 0.8.
    assert found.primary.overstated == pytest.approx({0.8: 1.125, 0.9: 1.060}[given["power"]], abs=0.001)


@cases("mde")
def test_golden_detectable_effects(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    found = numbers(
        Request(metrics=PRIMARY, split=f"{given['n_c']}:{given['n_t']}"),
        **told(given["mean"], given["sd"]), units=given["n_c"] + given["n_t"], power=given["power"],
    ).primary.detectable  # fmt: skip
    assert found is not None
    assert (found.absolute, found.relative) == pytest.approx(
        (expected["mde_absolute"], expected["mde_relative"]), rel=1e-9
    )


@cases("duration")
def test_golden_durations(case: dict[str, Any]) -> None:
    given, expected = case["inputs"], case["expected"]
    found = numbers(
        Request(metrics=PRIMARY, split=f"1:{given['treat_to_control_ratio']}"), **told(1.0, 1.0),
        daily_units=given["eligible_new_units_per_day"], traffic_share=given["traffic_share"],
        units=int(expected["n_total"]),
    )  # fmt: skip
    assert found.units["incumbent"] == given["n_control"]
    assert (found.days, found.planned_days) == (expected["days"], expected["days_rounded_to_weeks"])


def test_a_log_of_the_past_needs_no_variant_and_one_with_variants_gives_the_incumbent() -> None:
    log = frame(4_000)
    mine = log[log["variant"] == "rules"]
    history = from_log(mine.drop(columns="variant"), lift="10%")
    seen = history.primary.seen
    assert (seen.baseline, seen.sd) == pytest.approx((mine["value"].mean(), mine["value"].std()))
    assert history.daily_units == pytest.approx(len(mine) / 28)
    tested = from_log(log, Request(metrics=PRIMARY, variant="variant", incumbent="rules"), lift="10%")
    assert tested.primary.seen.baseline == pytest.approx(seen.baseline)
    assert tested.daily_units == pytest.approx(len(log) / 28)
    only = from_log(mine, Request(metrics=PRIMARY, variant="variant"), lift="10%")
    assert only.primary.exact == pytest.approx(history.primary.exact)


def test_the_plan_of_a_log_is_that_of_its_numbers() -> None:
    log = frame(4_000)
    by_log = from_log(log, lift="10%")
    by_numbers = numbers(**told(log["value"].mean(), log["value"].std()), lift="10%")
    assert by_log.primary.exact == pytest.approx(by_numbers.primary.exact, rel=1e-9)


def test_ratios_and_covariates_take_the_spread_that_the_report_has() -> None:
    log = frame(4_000)
    ratio = from_log(log, Request(metrics=(MetricRequest(spec="value/sessions", role=Role.PRIMARY),)), lift="5%")
    y, x = log["value"], log["sessions"]
    influence = (y - y.sum() / x.sum() * x) / x.mean()
    assert ratio.primary.seen.sd == pytest.approx(influence.std(), rel=1e-9)
    adjusted = from_log(log, Request(metrics=PRIMARY, covariates=("sessions",)), lift="5%")
    assert adjusted.primary.seen.correlation == pytest.approx(abs(np.corrcoef(y, x)[0, 1]), rel=1e-9)


def test_guardrails_have_their_own_power_and_one_together() -> None:
    found = from_log(frame(4_000), Request(metrics=GUARDED), lift="20%")
    rails = [k for k in found.kpis if k.seen.metric.role is Role.GUARDRAIL]
    powers = [k.power for k in rails]
    assert None not in powers
    assert found.guardrails is not None
    assert found.everything is not None
    assert found.guardrails.independent == pytest.approx(np.prod(powers))
    assert found.guardrails.least <= found.guardrails.independent <= found.guardrails.most
    assert found.everything.independent == pytest.approx(0.8 * np.prod(powers), rel=1e-3)
    assert all(k.total is not None for k in rails)


def test_variants_and_primaries_share_the_error() -> None:
    one = numbers(**told(4.0, 10.0), lift="2%").primary
    three = numbers(Request(metrics=PRIMARY, split="1:1:1"), **told(4.0, 10.0), lift="2%")
    assert three.comparisons == 2
    assert (one.alpha, three.primary.alpha) == pytest.approx((0.05, 0.025))
    stated = numbers(Request(metrics=PRIMARY), **told(4.0, 10.0), lift="2%", comparisons=2)
    assert three.primary.exact is not None
    assert stated.primary.exact == pytest.approx(three.primary.exact[:2])
    assert sum(three.units.values()) == three.total == 3 * three.units["incumbent"]


def test_looks_and_margins_reach_the_plan() -> None:
    fixed = numbers(**told(4.0, 10.0), lift="2%")
    group = numbers(Request(metrics=PRIMARY, sequential="group", looks=(0.5, 1.0)), **told(4.0, 10.0), lift="2%")
    anytime = numbers(Request(metrics=PRIMARY, sequential="always-valid"), **told(4.0, 10.0), lift="2%")
    assert fixed.total < group.total < 1.05 * fixed.total
    assert 1.9 * fixed.total < anytime.total < 2.3 * fixed.total
    assert group.mean_share is not None
    assert 0.8 < group.mean_share < 1
    assert group.inflation == pytest.approx(group.total / fixed.total, rel=1e-4)
    assert anytime.inflation == pytest.approx(anytime.total / fixed.total, rel=1e-4)
    assert fixed.inflation is None
    same = numbers(**told(4.0, 10.0), claim="equivalent", margin="2%")
    safe = numbers(**told(4.0, 10.0), claim="safe", margin="2%")
    # One-sided at 5 %: (1.645 + 0.842)^2, and (1.645 + 1.282)^2 for both sides.
    assert safe.total == pytest.approx(2 * (2.4865 * 10 / 0.08) ** 2 * (1 + 0.98**2), rel=1e-3)
    assert same.total == pytest.approx(4 * (2.9264 * 10 / 0.08) ** 2, rel=0.02)
    assert "stays within ±2 %" in headline(same)


def test_the_money_chooses_the_length_that_earns_most() -> None:
    request = Request(metrics=PRIMARY, value={**MONEY, "prior_sd": 0.03, "prior_mean": 0.0})
    found = numbers(request, **told(2.6, 3.35), daily_units=20_000)
    assert found.decides
    assert found.prospect is not None
    assert found.prospect.best is not None
    assert found.days == found.prospect.best.days
    assert max(x.net for x in found.prospect.lengths) == found.prospect.best.net
    assert found.break_even is not None
    # Methods.md m: 0.026633, or 1.024 %.
    assert (found.break_even.absolute, found.break_even.relative) == pytest.approx((0.026633, 0.010243), rel=1e-4)
    assert "earn most" in headline(found)
    dear = replace(request, value={**MONEY, "prior_sd": 0.03, "test_cost_per_day": 1e6})
    assert headline(numbers(dear, **told(2.6, 3.35), daily_units=20_000)).startswith("No test is worth its price")


def test_skew_is_said() -> None:
    rng = np.random.default_rng(6)
    log = pd.DataFrame({"value": np.exp(1.6 * rng.standard_normal(20_000)), "day": pd.Timestamp("2026-03-01")})
    found = from_log(log, Request(metrics=PRIMARY, split="95:5", sequential="always-valid"), lift="30%")
    assert "no early look" in found.primary.notes[0]


@pytest.mark.parametrize(
    ("keys", "request_", "error", "said"),
    [
        ({"lift": "2%"}, {}, UsageError, "neither a log nor a baseline"),
        ({**told(4.0), "lift": "2%"}, {}, UsageError, "no proportion"),
        ({**told(4.0, 1.0)}, {}, UsageError, "What is the test to find"),
        ({**told(4.0, 1.0), "lift": "2%", "effect": 1.0}, {}, UsageError, "exclude"),
        ({**told(4.0, 1.0), "days": 7}, {}, UsageError, "--daily-units"),
        ({**told(4.0, 1.0), "lift": "much"}, {}, ConfigError, "is no lift"),
        ({**told(4.0, 1.0), "claim": "safe"}, {}, ConfigError, "margin"),
        ({**told(4.0, 1.0), "lift": "2%", "power": 2.0}, {}, ConfigError, "power"),
        ({**told(0.9), "lift": "20%"}, {}, UsageError, "cannot change"),
        ({**told(0.0, 1.0), "lift": "20%"}, {}, UsageError, "no lift"),
        ({**told(4.0, 1.0), "lift": "2%"}, {"split": "1:1:1", "proposed": ("ml",)}, UsageError, "parts for 2"),
        ({**told(4.0, 1.0), "lift": "2%"}, {"sequential": "group", "looks": (0.5,)}, UsageError, "end at 1"),
        ({**told(0.5, 1.0, "value:p90"), "lift": "2%"},
         {"metrics": (MetricRequest(spec="value:p90", role=Role.PRIMARY),)}, UsageError, "quantile"),
    ],
)  # fmt: skip
def test_what_is_missing_is_named(
    keys: dict[str, Any], request_: dict[str, Any], error: type[AbimpactError], said: str
) -> None:
    with pytest.raises(error) as caught:
        numbers(Request(**{"metrics": PRIMARY, **request_}), **keys)
    assert said in f"{caught.value} {caught.value.hint}"


def test_a_constant_log_cannot_be_planned_from() -> None:
    with pytest.raises(DataError, match="same value"):
        from_log(pd.DataFrame({"value": [2.5] * 50}), lift="2%")


@pytest.mark.parametrize("name", ["terminal", "markdown", "html"])
def test_every_format_tells_the_units(name: str) -> None:
    request = Request(metrics=GUARDED, value={**MONEY, "prior_sd": 0.03})
    found = from_log(frame(4_000), request, lift="20%")
    text = render(page(found), {}, name, Options(is_verbose=True))
    assert f"{found.total:,}" in text
    assert name != "html" or text.count("<svg") == 3


def test_the_plan_is_written_and_signed(tmp_path: Path) -> None:
    import tomllib

    from abimpact.plan.signed import sheet, to_toml
    from abimpact.spec.config import load_request
    from abimpact.spec.signed import read_signed

    request = Request(metrics=GUARDED, value={**MONEY, "prior_sd": 0.03, "once": {"move_cost": 5.0}, "per_year": {}})
    found = from_log(frame(4_000), request, lift="20%", start="2026-05-04", question='Is "ml" worth it?')
    path = tmp_path / "plan.toml"
    path.write_text(to_toml(found), encoding="utf-8")
    signed = read_signed(path)
    assert signed.is_unchanged
    again = load_request({}, (), path)
    assert [m.name for m in again.metrics] == ["value", "sessions", "converted"]  # type: ignore[union-attr]
    assert (again.planned_units, again.planned_end) == (found.total, found.end)
    assert again.value is not None
    assert again.value["once"] == {"move_cost": 5.0}
    assert tomllib.loads(path.read_text())["plan"]["question"] == 'Is "ml" worth it?'
    # The plan that is made of the signed plan is the same.
    replanned = run_plan(again, keys={}, frame=frame(4_000))
    assert replanned.total == found.total
    path.write_text(path.read_text().replace("2026-05-04", "2026-05-05"), encoding="utf-8")
    assert not read_signed(path).is_unchanged
    told_ = sheet(found)
    for part in ("Owner", "value", "sessions", "Signed", signed.digest, "Runs"):
        assert part in told_


def test_hostile_names_stay_names() -> None:
    import tomllib

    from abimpact.plan.signed import sheet, to_toml

    name = "x|y\n# <b>z</b>\x1b[31m\"'"
    request = Request(metrics=(MetricRequest(name=name, value="value", role=Role.PRIMARY),), incumbent="<i>|\n# r")
    found = run_plan(request, keys={**told(4.0, 1.0, name), "lift": "2%", "start": "2026-05-04"})
    assert tomllib.loads(to_toml(found))["metric"][0]["name"] == name
    terminal, *marked = (render(page(found), {}, f, Options()) for f in ("terminal", "markdown", "html"))
    for text in (terminal, sheet(found), *marked):
        assert text is terminal or "<b>" not in text.replace("\\<b>", "")
        assert "\x1b" not in text
        assert "\n# <" not in text
        assert "\n# r" not in text


QUANTILES = (
    MetricRequest(spec="value:p90", role=Role.PRIMARY),
    MetricRequest(spec="value:p50@10%", name="median", role=Role.GUARDRAIL),
)


def test_a_quantile_is_planned_from_the_values_that_were_seen() -> None:
    log = frame(8_000)
    found = from_log(log, Request(metrics=QUANTILES), lift="10%")
    high, median = found.kpis
    assert high.seen.baseline == pytest.approx(log["value"].quantile(0.9), rel=0.01)
    assert median.seen.baseline == pytest.approx(log["value"].quantile(0.5), rel=0.01)
    # The standard error of a quantile is sqrt(q (1 - q) / n) / density; a tenth is about 8 % above 22.4 / sqrt(...).
    n = found.primary.exact
    assert n is not None
    density = np.histogram(log["value"], bins=[high.seen.baseline * 0.95, high.seen.baseline * 1.05])[0][0] / 8_000
    density /= high.seen.baseline * 0.1
    expected = (1 + 1.1**2) * (2.802 * 0.3 / density / (0.1 * high.seen.baseline)) ** 2
    assert n[0] == pytest.approx(expected, rel=0.25)
    assert (high.power or 0) >= 0.8 - 0.02
    # The smallest change that so many units show is the one that was planned for.
    again = from_log(log, Request(metrics=QUANTILES), units=found.total)
    assert again.primary.detectable is not None
    assert again.primary.detectable.relative == pytest.approx(0.1, rel=0.1)
    for name in ("terminal", "markdown"):
        assert "value:p90" in render(page(found), {}, name, Options())


@pytest.mark.parametrize("claim", ["safe", "equivalent"])
def test_a_margin_of_a_quantile_is_one_edge_or_two(claim: str) -> None:
    request = Request(metrics=(MetricRequest(spec="value:p50", role=Role.PRIMARY),))

    def units(margin: str) -> float:
        found = from_log(frame(8_000), request, claim=claim, margin=margin).primary.exact
        assert found is not None
        return found[0]

    # Twice the margin needs about a quarter of the units.
    assert units("10%") / units("20%") == pytest.approx(4.0, rel=0.35)
    half = float(frame(8_000)["value"].median()) / 10
    assert units(f"{half:.4f}") == pytest.approx(units("10%"), rel=0.15)
    with pytest.raises(DataError, match="too few for a quantile"):
        from_log(pd.DataFrame({"value": [1.0]}), request, claim=claim, margin="10%")
