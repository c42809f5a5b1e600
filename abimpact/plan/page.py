"""A plan as people read it: the answer in a sentence, what it takes, other sizes, the money, what was assumed."""

from abimpact.plan.charts import charts_of
from abimpact.plan.values import Change, ClaimKind, KpiPlan, Plan, Seen, Together
from abimpact.render import numbers, phrases
from abimpact.render.document import Document, Section, Table
from abimpact.render.numbers import NONE, PERCENT
from abimpact.spec.metric import Role

CLAIMS = {ClaimKind.BETTER: "changed", ClaimKind.SAFE: "not worse by", ClaimKind.EQUIVALENT: "within ±"}
SEQUENTIAL = {
    "none": "once, at the end",
    "always-valid": "at any time (confidence sequence)",
    "group": "at planned looks",
}
# Lengths of a test whose money is listed.
MOST_LENGTHS = 12


def page(plan: Plan) -> Document:
    """The plan in sections."""
    sections = [_takes(plan), _guardrails(plan), _sizes(plan), _money(plan), _leads(plan)]
    return Document(
        kind="Plan of a test",
        word="PLAN",
        tone="keep",
        headline=headline(plan),
        summary=_summary(plan),
        sections=(
            *(s for s in sections if s),
            Section(title="Pictures", charts=charts_of(plan)),
            Section(title="What it rests on", facts=facts(plan), is_detail=True),
        ),
        footer="The plan is signed with -o plan.toml -o plan.md, and compared by: abimpact report LOG --plan plan.toml",
    )


def headline(plan: Plan) -> str:
    """Units and days for the effect, or the effect for units and days, or the length that earns most."""
    kpi = plan.primary
    chance = f"{numbers.plain(plan.power * 100)} % probability"
    units = f"{numbers.count(plan.total)} units"
    if plan.days is not None:
        units += f" in {numbers.count(plan.days)} day{'' if plan.days == 1 else 's'}"
    name = phrases.name(kpi.seen.metric.name)
    if plan.decides and plan.prospect and plan.known.terms:
        return _economic(plan, units)
    if kpi.power is not None and (kpi.change or kpi.margin):
        if kpi.total is not None and kpi.total == plan.total:
            return f"{units}: {_shows(kpi)} with {chance}."
        return f"{units}: {_shows(kpi)} with {share(kpi.power)} probability; {chance} would take {_total(kpi)}."
    if kpi.detectable is None:
        return f"{units} show no change of {name} with {chance}."
    return f"{units} show a change of {name} by {written(kpi.seen, kpi.detectable)} or more with {chance}."


def _economic(plan: Plan, units: str) -> str:
    money, terms = plan.prospect, plan.known.terms
    assert money is not None
    assert terms is not None
    now = numbers.money(money.now, terms.currency)
    if money.best is None:
        return f"No test is worth its price: deciding now is expected to earn {now}, and no length of a test more."
    net = numbers.money(money.best.net, terms.currency)
    return f"{units} earn most: an expected net value of {net}, where deciding now is expected to earn {now}."


def aim(kpi: KpiPlan) -> str:
    """What is to be shown: "changes by +2 %"."""
    if kpi.margin is not None:
        margin = numbers.limit(kpi.margin, kpi.seen.metric.kind, 0)
        return f"stays within ±{margin}" if kpi.claim is ClaimKind.EQUIVALENT else f"is not worse by {margin}"
    return f"changes by {written(kpi.seen, kpi.change)}" if kpi.change else "changes"


def _shows(kpi: KpiPlan) -> str:
    name = phrases.name(kpi.seen.metric.name)
    if kpi.margin is None:
        return f"if {name} {aim(kpi)}, the test shows it"
    return f"if {name} does not change, the test shows that it {aim(kpi)}"


def _total(kpi: KpiPlan) -> str:
    return NONE if kpi.total is None else f"{numbers.count(kpi.total)} units"


def written(seen: Seen, change: Change | None) -> str:
    """A change as a lift, or in the KPI's unit where there is none."""
    if change is None:
        return NONE
    if change.relative is not None:
        return numbers.signed(change.relative, PERCENT)
    return numbers.signed(change.absolute, numbers.difference_unit(seen.metric.kind))


def _summary(plan: Plan) -> str:
    each = ", ".join(f"{numbers.count(n)} {phrases.name(v)}" for v, n in plan.units.items())
    told = [f"Units: {each}."]
    if plan.planned_days and plan.planned_days != plan.days:
        told.append(f"In whole weeks: {numbers.count(plan.planned_days)} days.")
    if plan.end:
        told.append(f"{numbers.period(plan.start, plan.end)}.")
    if plan.mean_share is not None:
        told.append(f"With its looks it ends after {plan.mean_share * 100:.0f} % of the units on average.")
    if plan.inflation is not None:
        more = numbers.signed(plan.inflation - 1, PERCENT).lstrip("+")
        told.append(f"Looking takes {more} more units than a single look.")
    return " ".join(told)


def _takes(plan: Plan) -> Section:
    rows = tuple(_row(k) for k in plan.kpis if k.seen.metric.role is Role.PRIMARY)
    wanted = f"units for {numbers.plain(plan.power * 100)} %"
    headers = ("KPI", "today", "to be shown", wanted, "power", "smallest shown")
    notes = list(plan.known.left_out)
    notes += [f"{phrases.name(k.seen.metric.name)}: {note}." for k in plan.kpis for note in k.notes]
    primary = plan.primary
    if primary.overstated is not None and primary.change:
        notes.append(
            f"Where such an effect is shown, it will seem {numbers.plain(round(primary.overstated, 2))} times as large "
            "as it is, on average."
        )
    return Section(
        title="What it takes", tables=(Table(headers=headers, alignment="lrlrrr", rows=rows),), sentences=tuple(notes)
    )


def _row(k: KpiPlan) -> tuple[str, ...]:
    metric = k.seen.metric
    return (
        phrases.name(metric.name),
        numbers.value(k.seen.baseline, metric.kind),
        aim(k) if k.change or k.margin else NONE,
        NONE if k.total is None else numbers.count(k.total),
        NONE if k.power is None else share(k.power),
        written(k.seen, k.detectable),
    )


def share(p: float) -> str:
    """A power, never rounded to certainty."""
    return "over 99 %" if p > 0.99 else "under 1 %" if p < 0.01 else f"{p * 100:.0f} %"


def _guardrails(plan: Plan) -> Section | None:
    rails = [k for k in plan.kpis if k.seen.metric.role is Role.GUARDRAIL]
    if not rails:
        return None
    told = []
    if plan.guardrails and len([k for k in rails if k.margin]) > 1:
        told.append(f"All guardrails are shown safe with {_bounds(plan.guardrails)}, if none changes.")
    if plan.everything:
        told.append(f"The primary KPI as planned and all guardrails are shown with {_bounds(plan.everything)}.")
    told += [
        f"{phrases.name(k.seen.metric.name)} has no margin: it is watched, and cannot be shown safe."
        for k in rails
        if k.margin is None
    ]
    wanted = f"units for {numbers.plain(plan.power * 100)} %"
    rows = tuple(_row(k)[:5] for k in rails)
    headers = ("Guardrail", "today", "to be shown", wanted, "power")
    table = Table(headers=headers, alignment="lrlrr", rows=rows)
    return Section(title="Guardrails", tables=(table,), sentences=tuple(told))


def _bounds(found: Together) -> str:
    if found.least == found.most:
        return f"{share(found.most)} probability"
    return (
        f"{share(found.independent)} probability if they are independent (whatever their relation, between "
        f"{share(found.least)} and {share(found.most)})"
    )


def _sizes(plan: Plan) -> Section:
    net = {x.days: x.net for x in plan.prospect.lengths} if plan.prospect else {}
    has_days = plan.daily_units is not None and plan.planned_days is not None
    has_target = any(o.power is not None for o in plan.options)
    headers = [*(["days"] if has_days else []), "units", "smallest shown"]
    headers += ["power"] if has_target else []
    headers += ["expected net value"] if net and plan.known.terms else []
    rows = []
    for o in plan.options:
        mark = " (plan)" if o.is_planned else ""
        row = [f"{numbers.count(o.days)}{mark}"] if has_days and o.days else []
        row += [numbers.count(o.units) + ("" if row else mark), written(plan.primary.seen, o.detectable)]
        row += [NONE if o.power is None else share(o.power)] if has_target else []
        if net and plan.known.terms:
            row.append(numbers.money(net[o.days], plan.known.terms.currency) if o.days in net else NONE)
        rows.append(tuple(row))
    title = f"Tests of other sizes: {phrases.name(plan.primary.seen.metric.name)}"
    return Section(title=title, tables=(Table(headers=tuple(headers), alignment="r" * len(headers), rows=tuple(rows)),))


def _money(plan: Plan) -> Section | None:
    terms, money = plan.known.terms, plan.prospect
    if terms is None:
        return None
    found = []
    if plan.break_even:
        found.append(("pays from", written(plan.primary.seen, plan.break_even)))
    if money is None:
        lacking = [] if terms.prior else ["a prior (prior_lift_sd in [value])"]
        lacking += [] if plan.daily_units else ["--daily-units"]
        lacking = lacking or [f"the value that {phrases.name(terms.metric)}, which is money, has today"]
        why = f"To weigh the length of a test by its money, give {phrases.joined(lacking)}."
        return Section(title="Money", facts=tuple(found), sentences=(why,))
    currency = terms.currency
    found += [
        ("deciding now", f"{numbers.money(money.now, currency)} expected"),
        ("knowing the effect", f"would be worth {numbers.money(money.worth.evpi, currency)}"),
    ]
    if money.best:
        found.append(
            (
                "best length",
                f"{numbers.count(money.best.days)} days: {numbers.money(money.best.net, currency)} expected, "
                f"ships with {share(money.best.ships)} probability",
            )
        )
    else:
        found.append(("best length", "none: no test earns more than deciding now"))
    first = phrases.name(money.worth.proposed)
    told = f"This is about {first}, the first proposed variant; the others take their part of the units."
    return Section(title="Money", facts=tuple(found), sentences=(told,) if len(plan.proposed) > 1 else ())


def _leads(plan: Plan) -> Section:
    """What is written into the plan; shown at once where it was declared."""
    told = tuple((k.replace("_", " "), v) for k, v in plan.then.items())
    return Section(title="What each verdict leads to", facts=told, is_detail=not plan.terms.then)


def facts(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Everything that the numbers rest on."""
    split = ":".join(numbers.plain(x) for x in plan.split)
    looked = SEQUENTIAL[plan.sequential]
    if plan.looks and plan.sequential == "group":
        looked += f" ({', '.join(numbers.plain(x) for x in plan.looks)} of the plan)"
    found = [
        ("split", split),
        ("level", f"{numbers.plain(plan.level * 100)} %, shared by {plan.comparisons} comparisons (Holm)"
         if plan.comparisons > 1 else f"{numbers.plain(plan.level * 100)} %"),
        ("looked at", looked),
    ]  # fmt: skip
    if plan.daily_units:
        share_ = "" if plan.traffic_share == 1 else f", {numbers.plain(plan.traffic_share * 100)} % of them in the test"
        found.append(("units a day", f"{numbers.count(round(plan.daily_units))}{share_}"))
    for k in plan.kpis:
        seen = k.seen
        told = f"{numbers.value(seen.baseline, seen.metric.kind)} today, standard deviation {seen.sd:.4g} a unit"
        told += f", correlation {seen.correlation:.2f} with what is known before" if seen.correlation else ""
        told += f" (from {numbers.count(seen.units)} units of the log)" if seen.units else " (as given)"
        found.append((phrases.name(seen.metric.name), told))
    found += [("assumed", guess) for guess in plan.known.guesses]
    return tuple(found)
