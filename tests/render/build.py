"""Small invented reports, one for each situation that a format must show."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from abimpact.decide.decision import Because, Decision, Verdict
from abimpact.decide.limits import Capacity
from abimpact.decide.money import value
from abimpact.decide.provenance import Provenance, Source
from abimpact.decide.report import Arm, MetricResult, Report
from abimpact.decide.value import Effect, Trial
from abimpact.estimate.estimate import Estimate, Interval, Kind, Margin, NotEstimated
from abimpact.findings import Finding, Severity
from abimpact.spec.expression import column
from abimpact.spec.limit import Limit
from abimpact.spec.metric import Better, Metric, MetricKind, Role, Tolerance
from abimpact.spec.presentation import Presentation
from abimpact.spec.value import Costs, ValueTerms

PRIMARY = "profit per user"
Limits = tuple[float | None, float | None, float | None]
HOSTILE = "a|b`c` [x](http://evil.example) <img src=x> @team #12 **b** [red]\x1b[31m\u202e\r\nnew &lt; $x$"


def interval(limits: Limits, kind: Kind = Kind.BOUNDED) -> Interval:
    estimate, low, high = limits
    return Interval(estimate=estimate, low=low, high=high, level=0.95, kind=kind)


def estimate(method: str, absolute: Limits, relative: Limits, pvalue: float, **more: Any) -> Estimate:
    return Estimate(
        method=method,
        absolute=interval(absolute),
        relative=interval(relative, more.pop("kind", Kind.BOUNDED)),
        statistic=more.pop("statistic", 2.0),
        df=more.pop("df", None),
        pvalue=pvalue,
        **more,
    )


def metric(
    name: str,
    *estimates: Estimate,
    values: tuple[float | None, float | None] = (2.61, 2.72),
    kind: MetricKind = MetricKind.MEAN,
    role: Role = Role.SECONDARY,
    better: Better = Better.HIGHER,
    **more: Any,
) -> MetricResult:
    spec = Metric(
        name=name,
        kind=kind,
        role=role,
        better=better,
        value=column("x"),
        margin=more.pop("margin", None),
        equivalence_margin=more.pop("equivalence_margin", None),
    )
    return MetricResult(
        metric=spec,
        incumbent=Arm(variant="rules", units=401_608, value=values[0]),
        proposed=Arm(variant="ml", units=401_504, value=values[1]),
        chosen_method=estimates[0].method if estimates else None,
        estimates=estimates,
        not_estimated=more.pop("not_estimated", None),
        guardrail=more.pop("guardrail", None),
        equivalence=more.pop("equivalence", None),
    )


def margin(size: float, bound: float, safe: float, worse: float, equivalent: float = 0.9) -> Margin:
    return Margin(
        margin=size,
        is_relative=True,
        level=0.95,
        bound=bound,
        pvalue_safe=safe,
        pvalue_worse=worse,
        pvalue_equivalent=equivalent,
    )


PROFIT = metric(
    "profit per user",
    estimate("adjusted", (0.1096, 0.047, 0.1749), (0.042, 0.0181, 0.0672), 0.0007, notes=("variance −38 %",)),
    estimate("welch", (0.1121, 0.0312, 0.193), (0.043, 0.0118, 0.0752), 0.0066, df=801_234.5),
    estimate("bootstrap", (0.1121, 0.0319, 0.1922), (0.043, 0.012, 0.0749), 0.0068),
    role=Role.PRIMARY,
)
LOSS = metric(
    "profit per user",
    estimate("welch", (-0.0522, -0.0887, -0.0157), (-0.02, -0.034, -0.006), 0.0051),
    values=(2.61, 2.558),
    role=Role.PRIMARY,
)
OPEN = metric(
    "profit per user",
    estimate("welch", (0.0301, -0.0209, 0.0809), (0.0115, -0.008, 0.031), 0.2468),
    values=(2.61, 2.64),
    role=Role.PRIMARY,
)
CONVERSION = metric(
    "conversion",
    estimate("score", (0.00048, -0.00043, 0.00144), (0.01, -0.009, 0.03), 0.3012),
    values=(0.0481, 0.04858),
    kind=MetricKind.PROPORTION,
)
ORDERS = metric(
    "orders/sessions",
    estimate("delta", (0.0019, -0.0004, 0.0042), (0.009, -0.002, 0.02), 0.1103),
    values=(0.2121, 0.214),
    kind=MetricKind.RATIO,
)
DECLINES = metric(
    "false declines",
    estimate("score", (-0.00019, -0.0006, 0.00022), (-0.021, -0.066, 0.0258), 0.36),
    values=(0.009, 0.00881),
    kind=MetricKind.PROPORTION,
    role=Role.GUARDRAIL,
    better=Better.LOWER,
    margin=Tolerance(amount=0.05, is_relative=True),
    guardrail=margin(0.05, 0.018, 0.002, 0.998),
)
REVIEW = metric(
    "review_minutes:p90",
    estimate("quantile", (8.0, 6.7, 9.3), (0.044, 0.037, 0.0511), 1e-12),
    values=(182.0, 190.0),
    kind=MetricKind.QUANTILE,
    role=Role.GUARDRAIL,
    better=Better.LOWER,
    margin=Tolerance(amount=0.1, is_relative=True),
    guardrail=margin(0.1, 0.0499, 1e-9, 1.0),
)
BROKEN = replace(
    DECLINES,
    proposed=Arm(variant="ml", units=401_504, value=0.01008),
    estimates=(estimate("score", (0.00108, 0.00066, 0.0015), (0.12, 0.0731, 0.169), 4e-7),),
    guardrail=margin(0.05, 0.161, 0.999, 0.0008),
)
WATCHED = metric(
    "unsubscribes",
    estimate("score", (0.0002, -0.0003, 0.0007), (0.0083, -0.0125, 0.0292), 0.43),
    values=(0.0240, 0.0242),
    kind=MetricKind.PROPORTION,
    role=Role.GUARDRAIL,
    better=Better.LOWER,
)
MISSING = metric(
    "refund:p99",
    values=(None, 81.2),
    kind=MetricKind.QUANTILE,
    better=Better.LOWER,
    not_estimated=NotEstimated(reason="too_few_units", message="needs 380 units an arm, rules has 120"),
)
NO_LIFT = metric(
    "balance",
    estimate(
        "welch",
        (12.4, -3.1, 27.9),
        (None, None, None),
        0.117,
        kind=Kind.WHOLE,
        notes=("the relative lift is not estimable",),
    ),
    values=(-0.4, 12.0),
)

FINE = tuple(
    Finding(code=code, severity=Severity.PASS, message=message)
    for code, message in (
        ("sample_ratio", "50:50 was planned, 401,608 : 401,504 arrived"),
        ("units_in_both_arms", "no unit was seen in both variants"),
    )
)
WARNING = Finding(
    code="outliers",
    severity=Severity.WARN,
    message="3 units carry 22 % of the effect on profit per user",
    why="Without them it is +3.3 %",
    do="Decide on a cap before the next test (cap_quantile).",
    data={"metric": "profit per user", "share_of_effect": 0.22, "effect_without": 0.033},
)
GUESS = Finding(
    code="duplicate_rows",
    severity=Severity.INFO,
    message="12 rows repeat 9 units; the first row of each was taken",
    data={"rows": 12, "units": 9},
)
RATIO = Finding(
    code="sample_ratio",
    severity=Severity.BLOCK,
    message="50:50 was planned; units: 20,101 rules, 18,377 ml (by chance less than once in a million tests).",
    why="Units were lost in one variant, and the lost ones may differ from the rest",
    do="Find the loss before reading any KPI.",
    data={
        "counts": {"rules": 20101, "ml": 18377},
        "expected": [19239, 19239],
        "statistic": 77.2,
        "pvalue": 1.5e-18,
    },
)
PROVENANCE = Provenance(
    abimpact="0.1.0",
    python="3.11.7",
    packages={"duckdb": "2.0.0", "numpy": "2.4.0"},
    engine="duckdb 2.0.0",
    command="abimpact report log.parquet",
    config={"data": {"unit": "user_id", "from": date(2026, 3, 1)}},
    sources=(Source(path="log.parquet", bytes=12_345_678, rows=803_112, sha256="ab" * 32),),
    seed=0,
    created="2026-04-01T09:00:00Z",
)


def items(results: tuple[MetricResult, ...], *shown: str) -> dict[str, Any]:
    """The data of a rule over some metrics, of which `shown` satisfy it."""
    return {"metrics": [{"metric": r.metric.name, "shown": r.metric.name in shown} for r in results]}


def decision(code: Verdict, reason: str, results: tuple[MetricResult, ...], **shown: Any) -> Decision:
    """A decision whose `because` looked at all rules; keywords name the metrics that satisfied each."""
    primary = tuple(r for r in results if r.metric.role is Role.PRIMARY)
    rails = tuple(r for r in results if r.metric.role is Role.GUARDRAIL)
    safe = tuple(r.metric.name for r in rails if r.guardrail and r.guardrail.is_safe)
    data: dict[str, Mapping[str, Any]] = {
        "checks": {"blocking": shown.get("blocking", [])},
        "primary_worse": items(primary, *shown.get("worse", ())),
        "guardrails": items(rails, *shown.get("broken", ())),
        "primary_better": {**items(primary, *shown.get("better", ())), "more_units": shown.get("more_units")},
        "guardrails_safe": items(tuple(r for r in rails if r.metric.margin), *safe),
        "equivalence": items(tuple(r for r in primary if r.equivalence), *shown.get("equivalent", ())),
        "trade_off": {"better": [], "worse": [], "exchange_rate": None, **shown.get("trade_off", {})},
    }
    because = tuple(Because(rule=rule, binds=rule == shown.get("binds"), data=d) for rule, d in data.items())
    return Decision(code=code, reason=reason, proposed="ml", because=because)


def report(verdict: Decision, results: tuple[MetricResult, ...], *findings: Finding) -> Report:
    return Report(
        incumbent="rules",
        proposed=("ml",),
        unit="user_id",
        units={"rules": 401_608, "ml": 401_504},
        split=(50.0, 50.0),
        start=date(2026, 3, 1),
        end=date(2026, 3, 28),
        level=0.95,
        findings=(*FINE, *findings),
        metrics=results,
        verdict=verdict,
        verdicts=(verdict,),
        provenance=PROVENANCE,
        presentation=Presentation(),
    )


def ship() -> Report:
    results = (PROFIT, CONVERSION, ORDERS, DECLINES, REVIEW)
    return report(
        decision(Verdict.SHIP, "superior", results, better=["profit per user"], binds="primary_better"),
        results,
        WARNING,
    )


def pays() -> Report:
    """Two proposed variants with money and limits; one has costs of its own and exceeds its limit."""
    base = several()
    vendor = Costs(once={"build_cost": 5e3, "audit_cost": 7e3}, per_year={"run_cost_per_year": 9e4}, metric=PRIMARY)
    terms = ValueTerms(
        metric=PRIMARY,
        worth=0.8,
        currency="EUR",
        units_per_year=2_400_000.0,
        traffic_share=1.0,
        horizon_years=3.0,
        discount_rate=0.08,
        usual=Costs(once={"build_cost": 6e4}, per_year={"run_cost_per_year": 3.6e4}, per_unit=0.002, metric=PRIMARY),
        costs={"tree": vendor},
        test_cost_per_day=0.0,
        prior=None,
        advantage_half_life=None,
        ship_probability=0.95,
        keep_probability=0.05,
        simplest_first=(),
        assumed=("worth",),
    )
    trial = Trial(units=803_112, share=0.5, years=28 / 365)
    effects = {
        "ml": Effect(estimate=0.1096, se=0.0326, incumbent=2.61),
        "tree": Effect(estimate=-0.0522, se=0.0186, incumbent=2.61),
    }
    values = tuple(value(effect, terms, name, 2_400_000.0, 0.95, trial) for name, effect in effects.items())
    rule = Because(rule="value", binds=True, data={})
    ship, keep = base.verdicts
    told = replace(ship, reason="pays", because=(*ship.because[:3], rule))
    refused = replace(keep, because=(*keep.because, replace(rule, binds=False)))
    fits, exceeds = (
        Capacity(
            limit=Limit(name="manual reviews", at_most=1_400.0, days=days),
            proposed=name,
            total=interval((total, total - 22.5, total + 22.5)),
            incumbent_total=1_290.4,
            peak=1.2 * total,
            peak_day=date(2026, 3, 14),
            share_that_fits=min(1.0, 1_400 / total),
        )
        for name, total, days in (("ml", 1_312.4, 1), ("tree", 1_630.7, 7))
    )
    more = {"terms": terms, "values": values, "capacities": (fits, exceeds)}
    return replace(base, **more, verdict=told, verdicts=(told, refused))


def worse() -> Report:
    results = (LOSS, CONVERSION, DECLINES)
    return report(decision(Verdict.KEEP, "worse", results, worse=["profit per user"]), results)


def guardrail() -> Report:
    results = (PROFIT, CONVERSION, BROKEN, WATCHED)
    told = decision(Verdict.KEEP, "guardrail", results, better=["profit per user"], broken=["false declines"])
    return report(told, results, GUESS)


def equivalent() -> Report:
    same = replace(
        OPEN,
        metric=replace(OPEN.metric, equivalence_margin=Tolerance(amount=0.01, is_relative=True)),
        estimates=(estimate("welch", (0.0026, -0.0157, 0.0209), (0.001, -0.006, 0.008), 0.78),),
        equivalence=margin(0.01, -0.005, 0.001, 0.99, 0.004),
    )
    return report(decision(Verdict.KEEP, "equivalent", (same,), equivalent=["profit per user"]), (same,))


def not_shown() -> Report:
    return report(decision(Verdict.KEEP, "not_shown", (OPEN,)), (OPEN,))


def guardrail_open() -> Report:
    waiting = replace(DECLINES, guardrail=margin(0.05, 0.0497 + 0.004, 0.07, 0.93))
    results = (PROFIT, waiting)
    return report(decision(Verdict.KEEP_TESTING, "guardrail", results, better=["profit per user"]), results)


def trade_off() -> Report:
    falling = replace(LOSS, metric=replace(LOSS.metric, name="rating", better=Better.HIGHER))
    told = {"better": ["profit per user"], "worse": ["rating"], "exchange_rate": 2.0996}
    results = (PROFIT, falling)
    return report(decision(Verdict.KEEP_TESTING, "trade_off", results, trade_off=told), results)


def inconclusive() -> Report:
    results = (OPEN, CONVERSION)
    return report(decision(Verdict.KEEP_TESTING, "inconclusive", results, more_units=1_240_000), results)


def invalid() -> Report:
    results = (PROFIT, CONVERSION, DECLINES)
    told = decision(Verdict.INVALID, "sample_ratio", results, blocking=["sample_ratio"])
    return replace(report(told, results, RATIO), findings=(FINE[1], RATIO))


def not_an_experiment() -> Report:
    found = Finding(
        code="not_concurrent",
        severity=Severity.BLOCK,
        message="rules ran until 28 Feb, ml from 1 Mar; the calendar and ml can't be told apart",
        do="Run both at once, or randomise by day (--cluster day)",
    )
    told = decision(Verdict.INVALID, "not_an_experiment", (PROFIT,), blocking=["not_concurrent"])
    return report(told, (PROFIT,), found)


def not_estimated() -> Report:
    results = (OPEN, MISSING, NO_LIFT)
    return report(decision(Verdict.KEEP_TESTING, "inconclusive", results), results)


def primary_not_estimated() -> Report:
    primary = replace(MISSING, metric=replace(MISSING.metric, role=Role.PRIMARY))
    return report(decision(Verdict.KEEP_TESTING, "inconclusive", (primary,)), (primary,))


def several() -> Report:
    """Two proposed variants: ml ships, tree is worse."""
    tree = tuple(replace(m, proposed=replace(m.proposed, variant="tree")) for m in (LOSS, DECLINES))
    base = ship()
    told = replace(decision(Verdict.KEEP, "worse", tree, worse=["profit per user"]), proposed="tree")
    return replace(
        base,
        proposed=("ml", "tree"),
        split=None,
        units={**base.units, "tree": 400_123},
        metrics=(*base.metrics, *tree),
        verdicts=(base.verdict, told),
    )


def hostile() -> Report:
    """Every name from the data is hostile; it has the table shapes of `plain`."""
    return _named(HOSTILE)


def plain() -> Report:
    return _named("x")


def _named(text: str) -> Report:
    def arms(m: MetricResult) -> MetricResult:
        return replace(
            m,
            metric=replace(m.metric, name=text + m.metric.name),
            incumbent=replace(m.incumbent, variant=text + "rules"),
            proposed=replace(m.proposed, variant=text + "ml"),
        )

    results = tuple(arms(m) for m in (PROFIT, CONVERSION, MISSING, DECLINES, WATCHED))
    told = decision(Verdict.SHIP, "superior", results, better=[text + "profit per user"])
    told = replace(told, proposed=text + "ml")
    warning = replace(WARNING, message=f"3 units carry 22 % of the effect on {text}")
    return replace(
        report(told, results, warning),
        incumbent=text + "rules",
        proposed=(text + "ml",),
        units={text + "rules": 401_608, text + "ml": 401_504},
        provenance=replace(PROVENANCE, command=f"abimpact report {text!r}", engine=text),
    )


SITUATIONS: dict[str, Callable[[], Report]] = {
    maker.__name__: maker
    for maker in (
        ship, pays, worse, guardrail, equivalent, not_shown, guardrail_open, trade_off, inconclusive, invalid,
        not_an_experiment, not_estimated, primary_not_estimated, several, hostile,
    )
}  # fmt: skip
