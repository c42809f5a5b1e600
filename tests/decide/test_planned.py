"""A test against its plan, piece by piece: what counts as the same, and how a difference is told."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from abimpact.decide.planned import Course, Planned, held_against
from abimpact.spec.calendar import Calendar
from abimpact.spec.corrections import Corrections
from abimpact.spec.experiment import Experiment, SeveralRows
from abimpact.spec.expression import Expression, column
from abimpact.spec.metric import Better, Metric, MetricKind, Role, Tolerance
from abimpact.spec.request import MetricRequest, Request
from abimpact.spec.signed import SignedPlan
from tests.decide.test_money import TERMS

SIGNED = SignedPlan(path="plan.toml", table={}, digest="sha256:1", found="sha256:1")
START, END = date(2026, 3, 1), date(2026, 3, 28)
FULL = Course(start=START, end=END, units=1_000)


def text(sql: str) -> Expression:
    return replace(column("x"), text=sql)


PROFIT = Metric(name="profit", kind=MetricKind.MEAN, role=Role.PRIMARY, better=Better.HIGHER, value=text("profit"))
ASKED = Request(
    unit="user",
    variant="variant",
    incumbent="rules",
    proposed=("ml",),
    split="50:50",
    metrics=(MetricRequest(spec="profit", role=Role.PRIMARY),),
    planned_end=END,
    planned_units=1_000,
    level=0.95,
    plan={"start": START, "question": "Does it pay?", "then": {"ship": "All get it."}},
)


def done(**more: Any) -> Experiment:
    """The experiment as it was planned, but for what is said."""
    told: dict[str, Any] = {
        "unit": "user", "cluster": None, "variant": "variant", "incumbent": "rules", "proposed": ("ml",), "time": "day",
        "metrics": (PROFIT,), "segments": (), "strata": (), "split": (0.5, 0.5),
        "calendar": Calendar(), "several_rows": None,
        "where": None, "derive": {}, "as_of": None, "planned_end": END, "planned_units": 1_000, "level": 0.95,
        "resamples": 0,
        "studentized": False, "seed": 0, "is_history": False, "keeps_units": False, "met_by": None, "decisions": None,
        "min_segment_units": 100, "corrections": Corrections(), "sequential": "none", "looks": (),
        "spending": "obrien_fleming", "aggregates": None, "events": None, "value": None, "limits": (), "guesses": (),
    }  # fmt: skip
    return Experiment(**{**told, **more})


def held(
    planned: Request = ASKED,
    experiment: Experiment | None = None,
    request: Request | None = None,
    course: Course = FULL,
) -> Planned:
    return held_against(SIGNED, planned, request or planned, experiment or done(), course)


def told(*arguments: Any, **more: Any) -> list[tuple[str, str | None, str | None]]:
    return [(d.what, d.planned, d.found) for d in held(*arguments, **more).deviations]


def test_a_test_that_was_run_as_planned_says_what_the_plan_says() -> None:
    found = held()
    assert found.deviations == ()
    assert (found.path, found.digest, found.is_unchanged, found.is_followed) == ("plan.toml", "sha256:1", True, True)
    assert (found.question, found.then) == ("Does it pay?", {"ship": "All get it."})
    changed = held_against(replace(SIGNED, found="sha256:2"), ASKED, ASKED, done(), FULL)
    assert (changed.is_unchanged, changed.is_followed) == (False, False)
    bare = held(replace(ASKED, plan=None))
    assert (bare.question, bare.then, bare.deviations) == ("", {}, ())
    assert not held(experiment=done(level=0.9)).is_followed


@pytest.mark.parametrize(
    ("done_so", "deviation"),
    [
        ({"unit": "session"}, ("unit", "user", "session")),
        ({"unit": None}, ("unit", "user", None)),
        ({"variant": "arm"}, ("column of the variant", "variant", "arm")),
        ({"incumbent": "old"}, ("incumbent", "rules", "old")),
        ({"proposed": ("ml", "nn")}, ("proposed", "ml", "ml, nn")),
        ({"where": text("x > 0")}, ("filter", "all rows", "x > 0")),
        ({"level": 0.9}, ("level", "0.95", "0.9")),
        ({"split": (0.6, 0.4)}, ("split", "50:50", "0.6:0.4")),
        ({"split": (1.0, 1.0, 1.0)}, ("split", "50:50", "1:1:1")),
    ],
)
def test_settings_that_differ_are_told(done_so: dict[str, Any], deviation: tuple[str, str, str]) -> None:
    assert told(experiment=done(**done_so)) == [deviation]


def test_what_the_plan_leaves_open_and_case_and_scale_are_no_deviations() -> None:
    open_plan = replace(ASKED, unit=None, variant=None, incumbent=None, proposed=(), split=None, level=None)
    assert told(open_plan, done(unit="x", variant="y", incumbent="z", split=(0.9, 0.1), level=0.5)) == []
    assert told(experiment=done(unit="USER", split=(7.0, 7.0))) == []
    assert told(experiment=done(split=None)) == []


def test_the_way_of_looking_and_rows_are_told() -> None:
    plan = replace(ASKED, sequential="group", looks=(0.5, 1.0), spending="pocock", several_rows=SeveralRows.SUM)
    fine = done(sequential="group", looks=(0.5, 1.0), spending="pocock", several_rows=SeveralRows.SUM)
    assert told(plan, fine) == []
    other = done(sequential="none", looks=(0.25, 1.0), spending="obrien_fleming", several_rows=SeveralRows.FIRST)
    assert told(plan, other) == [
        ("several rows", "sum", "first"),
        ("looked at", "group", "none"),
        ("looks", "0.5, 1", "0.25, 1"),
        ("spending", "pocock", "obrien_fleming"),
    ]
    asked = replace(ASKED, missing="zero")
    assert told(asked, request=replace(asked, missing="exclude")) == [("missing outcomes", "zero", "exclude")]


def test_columns_that_were_made_otherwise_are_told() -> None:
    plan = replace(ASKED, derive={"net": "a - b", "gone": "c"})
    assert told(plan, done(derive={"net": text("a - b"), "gone": text("c")})) == []
    assert told(plan, done(derive={"net": text("a")})) == [
        ("column net", "a - b", "a"),
        ("column gone", "c", None),
    ]


def test_metrics_that_are_missing_new_or_other_are_told() -> None:
    new = replace(PROFIT, name="sales", role=Role.SECONDARY)
    both = replace(ASKED, metrics=(*ASKED.metrics, MetricRequest(spec="orders")))
    assert told(both, done(metrics=(PROFIT, new))) == [
        ("KPI orders", "secondary", None),
        ("KPI sales", None, "secondary"),
    ]
    other = replace(
        PROFIT, role=Role.GUARDRAIL, better=Better.LOWER, value=text("revenue"), denominator=text("visits"),
        margin=Tolerance(amount=0.05, is_relative=True), equivalence_margin=Tolerance(amount=0.25, is_relative=False),
        covariates=("before",), cap_quantile=0.999, matures_after=30,
    )  # fmt: skip
    assert told(experiment=done(metrics=(other,))) == [
        ("role of profit", "primary", "guardrail"),
        ("definition of profit", "profit", "revenue / visits"),
        ("direction of profit", "higher", "lower"),
        ("margin of profit", "none", "5 %"),
        ("equivalence margin of profit", "none", "0.25"),
        ("covariates of profit", "none", "before"),
        ("cap of profit", "none", "0.999"),
        ("time to mature of profit", "none", "30 days"),
    ]
    # Limits stand behind the metrics that were asked for, and are told by themselves.
    assert told(experiment=done(metrics=(PROFIT, new))) == []


def test_shared_covariates_are_those_of_every_metric_but_quantiles() -> None:
    plan = replace(ASKED, covariates=("before",))
    assert told(plan, done(metrics=(replace(PROFIT, covariates=("before",)),))) == []
    quantile = replace(plan, metrics=(MetricRequest(spec="profit:p90", name="profit", role=Role.PRIMARY),))
    its = replace(PROFIT, kind=MetricKind.QUANTILE, quantile=0.9)
    assert [d for d in told(quantile, done(metrics=(its,))) if d[0].startswith("covariates")] == []
    assert ("definition of profit", "profit", "profit at 0.9") in told(experiment=done(metrics=(its,)))


def limit(at_most: float) -> dict[str, Any]:
    return {"name": "reviews", "value": "reviewed", "at_most": at_most, "per": "week"}


def test_limits_that_are_new_gone_or_other_are_told() -> None:
    plan, told_so = replace(ASKED, limits=(limit(200),)), "reviewed at most 200 a week"
    assert told(plan) == []
    assert told(plan, request=ASKED) == [("limit reviews", told_so, None)]
    assert told(request=plan) == [("limit reviews", None, told_so)]
    more = replace(ASKED, limits=(limit(1_500),))
    assert told(plan, request=more) == [("limit reviews", told_so, "reviewed at most 1,500 a week")]


def test_money_that_is_new_gone_or_other_is_told() -> None:
    table: dict[str, Any] = {
        "worth": 1.0,
        "assumed": ("x",),
        "costs": {"ml": {"once": {"build_cost": 5.0}}},
        "none": None,
    }
    plan, with_money = replace(ASKED, value=table), done(value=TERMS)
    assert told(plan, with_money) == []
    assert told(plan) == [("costs", "given", None)]
    assert told(ASKED, with_money, replace(ASKED, value=table)) == [("costs", None, "given")]
    other = {"worth": 0.35, "once": {"build_cost": 7.0}, "simplest_first": ("rules",), "assumed": ()}
    assert told(plan, with_money, replace(plan, value=other)) == [
        ("worth", "1", "0.35"),
        ("costs ml build cost", "5", None),
        ("build cost", None, "7"),
        ("simplest first", None, "['rules']"),
    ]


@pytest.mark.parametrize(
    ("units", "is_told"), [(949, True), (950, False), (1_050, False), (1_051, True), (1_000, False)]
)
def test_units_within_a_twentieth_are_those_planned(units: int, is_told: bool) -> None:
    found = told(course=replace(FULL, units=units))
    assert found == ([("units", "1,000", f"{units:,}")] if is_told else [])


def test_days_are_told_where_both_are_known() -> None:
    other = Course(start=date(2026, 3, 2), end=date(2026, 3, 29), units=1_000)
    assert told(course=other) == [
        ("first day", "2026-03-01", "2026-03-02"),
        ("last day", "2026-03-28", "2026-03-29"),
    ]
    assert told(course=Course(start=None, end=None, units=1_000)) == []
    assert told(replace(ASKED, plan={}, planned_end=None, planned_units=None), course=replace(other, units=5)) == []


def test_looks_within_a_fiftieth_are_those_planned_and_always_valid_ones_need_no_plan() -> None:
    plan = replace(ASKED, sequential="group", looks=(0.5, 1.0))
    done_so = done(sequential="group", looks=(0.5, 1.0))
    early = Course(start=START, end=date(2026, 3, 14), units=0)
    for units, is_told in ((515, False), (485, False), (530, True), (470, True), (1_200, False)):
        found = told(plan, done_so, course=replace(early, units=units))
        expected = [("look", "at 0.5, 1 of the units", f"at {units / 1_000:.2f}")]
        assert found == (expected if is_told else [])
    always = replace(ASKED, sequential="always-valid")
    assert told(always, done(sequential="always-valid"), course=replace(early, units=70)) == []
