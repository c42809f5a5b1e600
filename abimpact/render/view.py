"""A report as rows and sentences, made once: formats lay them out, escape them, and compute nothing.

All text is plain: user names stand in it as they are. Every number is a string made by `numbers`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from abimpact.decide.decision import Because, Decision, Verdict
from abimpact.decide.provenance import Provenance, Source
from abimpact.decide.report import CheckReport, Report
from abimpact.findings import Finding, Severity
from abimpact.render import numbers, phrases, planned, promise, triggered, words
from abimpact.render.capacity import LimitRow, limit_row
from abimpact.render.course import Developed, developed
from abimpact.render.methods import METHODS
from abimpact.render.money import Money, contrast, money
from abimpact.render.rows import EstimateRow, GuardrailRow, KpiRow, estimate_row, guardrail_row, kpi_row
from abimpact.render.segments import ForWhom, for_whom
from abimpact.spec.metric import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """All that is said of one proposed variant; whatever holds KPIs is empty where they are withheld.

    `name` is the variant's own, `proposed` as it is printed.
    """

    verdict: Verdict
    word: str
    title: str
    headline: str
    name: str
    proposed: str
    kpis: tuple[KpiRow, ...]
    guardrails: tuple[GuardrailRow, ...]
    estimates: tuple[EstimateRow, ...]
    money: Money | None
    limits: tuple[LimitRow, ...]
    differing: tuple[str, ...]
    for_whom: tuple[ForWhom, ...]
    developed: tuple[Developed, ...]
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One finding; `mark` is ✗ (blocks), ! (warns), i (informs) or ✓ (fine)."""

    mark: str
    code: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A report ready to be laid out.

    `title` is empty where none was given. `overall` is the deciding block, `blocks` one for each proposed
    variant, `contrasts` say in money how these compare. `warning` says that KPIs are withheld or shown although
    invalid. `plan` says whether the test ran as it was signed, `promise` what became of an earlier report's. `methods`
    are pairs of name and
    description, `provenance` of label and text.
    """

    title: str
    incumbent: str
    overall: Block
    blocks: tuple[Block, ...]
    summary: str
    plan: tuple[str, ...]
    promise: tuple[str, ...]
    level: str
    warning: str
    contrasts: tuple[str, ...]
    tally: tuple[str, ...]
    checks: tuple[Check, ...]
    fine: tuple[Check, ...]
    sample: str
    methods: tuple[tuple[str, str], ...]
    provenance: tuple[tuple[str, str], ...]


MARKS = {Severity.BLOCK: "✗", Severity.WARN: "!", Severity.INFO: "i", Severity.PASS: "✓"}


def view(report: Report, *, show_anyway: bool = False) -> View:
    """The report as text; with an invalid verdict KPIs are withheld unless `show_anyway`."""
    is_invalid = report.verdict.code is Verdict.INVALID
    blocks = tuple(_block(report, d, is_withheld=is_invalid and not show_anyway) for d in report.verdicts)
    checks = tuple(check_of(f) for severity in MARKS for f in report.findings if f.severity is severity)
    return View(
        title=report.presentation.title,
        incumbent=phrases.name(report.incumbent),
        overall=blocks[report.verdicts.index(report.verdict)],
        blocks=blocks,
        summary=_summary(report),
        plan=planned.lines(report.plan),
        promise=() if is_invalid and not show_anyway else promise.lines(report.promise),
        level=f"{numbers.plain(report.level * 100)} %",
        warning=(words.MARKED if show_anyway else words.WITHHELD) if is_invalid else "",
        contrasts=()
        if (is_invalid and not show_anyway) or report.terms is None
        else tuple(contrast(c, report.terms.currency) for c in report.contrasts),
        tally=tally_of(report.findings),
        checks=tuple(c for c in checks if c.mark != "✓"),
        fine=tuple(c for c in checks if c.mark == "✓"),
        sample=sample_of(report),
        methods=_methods(report),
        provenance=(*planned.facts(report.plan), *provenance_facts(report.provenance)),
    )


def _block(report: Report, decision: Decision, *, is_withheld: bool) -> Block:
    results = [m for m in report.metrics if m.proposed.variant == decision.proposed and not is_withheld]
    worth = report.value_of(decision.proposed)
    return Block(
        verdict=decision.code,
        word=words.VERDICT[decision.code],
        title=words.title(report, decision),
        headline=words.headline(report, decision),
        name=decision.proposed,
        proposed=phrases.name(decision.proposed),
        kpis=tuple(kpi_row(m) for m in results if m.metric.role is not Role.GUARDRAIL),
        guardrails=tuple(guardrail_row(m) for m in results if m.metric.role is Role.GUARDRAIL),
        estimates=tuple(estimate_row(m, e) for m in results for e in m.estimates),
        money=None if worth is None or is_withheld else money(report, worth),
        differing=tuple(x for m in results if m.metric.role is Role.PRIMARY for x in triggered.lines(m)),
        for_whom=tuple(f for m in results if m.metric.role is Role.PRIMARY for f in for_whom(m)),
        developed=tuple(d for m in results if m.metric.role is Role.PRIMARY for d in developed(m)),
        limits=() if is_withheld else tuple(limit_row(c) for c in report.capacities if c.proposed == decision.proposed),
        because=() if is_withheld else tuple(_because(report, decision, b) for b in decision.because),
    )


def _because(report: Report, decision: Decision, rule: Because) -> str:
    return words.because(report, decision, rule) + (" This decides." if rule.binds else "")


def check_of(found: Finding) -> Check:
    """A finding as it is printed."""
    return Check(mark=MARKS[found.severity], code=found.code, text=phrases.finding(found))


def tally_of(findings: Sequence[Finding]) -> tuple[str, ...]:
    """How many findings there are of each severity."""
    n = {s: sum(f.severity is s for f in findings) for s in Severity}
    parts = [f"✓ {n[Severity.PASS]} fine"]
    parts += [f"i {n[Severity.INFO]} to know"] if n[Severity.INFO] else []
    parts.append(f"! {n[Severity.WARN]} warning{'' if n[Severity.WARN] == 1 else 's'}")
    return (*parts, f"✗ {n[Severity.BLOCK]} blocking")


def _held(safe: int, of: int) -> str:
    if of == 1:
        return "the guardrail holds" if safe else "the guardrail is not shown to hold"
    return "guardrails hold" if safe == of else f"{safe} of {of} guardrails hold"


def _summary(report: Report) -> str:
    """The second line under the verdict: guardrails and warnings in brief."""
    results = [m for m in report.metrics if m.proposed.variant == report.verdict.proposed]
    rails = [m.guardrail for m in results if m.metric.role is Role.GUARDRAIL and m.metric.margin]
    warnings = sum(f.severity is Severity.WARN for f in report.findings)
    parts = []
    if rails and report.verdict.code is not Verdict.INVALID:
        safe = sum(r is not None and r.is_safe for r in rails)
        parts.append(_held(safe, len(rails)))
    if warnings:
        parts.append(f"{warnings} warning{'' if warnings == 1 else 's'}")
    return "; ".join(parts).capitalize() + "." if parts else ""


def sample_of(report: Report | CheckReport) -> str:
    """Units by variant, the days, and whose report it is."""
    each = ", ".join(f"{numbers.count(n)} {phrases.name(v)}" for v, n in report.units.items())
    total = f"{numbers.count(sum(report.units.values()))} units ({each})"
    days = numbers.period(report.start, report.end)
    if days and report.timezone:
        days += f" ({report.timezone})"
    told = ", ".join(filter(None, [total, days]))
    owner = report.presentation.owner
    return f"{told} · owner: {owner}" if owner else told


def _methods(report: Report) -> tuple[tuple[str, str], ...]:
    used = {e.method for m in report.metrics for e in m.estimates}
    return tuple((name, f"{m.text} {m.source}.") for name, m in METHODS.items() if name in used)


def _source(source: Source) -> list[tuple[str, str]]:
    """A file with its digest, and what it holds in numbers that can be held against another report."""
    read = [] if source.bytes is None else [f"{numbers.count(source.bytes)} bytes, sha256 {source.sha256}"]
    if source.rows is None:
        return [("filled in from", f"{source.path} ({', '.join(source.fills)}; {', '.join(read)})")]
    units = [] if source.units is None else [f"{numbers.count(source.units)} units"]
    rows = ", ".join([f"{numbers.count(source.rows)} rows", *units, *read])
    sums = [f"{name} {'none' if x is None else numbers.plain(x)}" for name, x in source.totals.items()]
    return [("source", f"{source.path} ({rows})"), *([("its totals", "; ".join(sums))] if sums else [])]


def provenance_facts(p: Provenance) -> tuple[tuple[str, str], ...]:
    """Where the result comes from, as labels and texts."""
    packages = ", ".join(f"{name} {version}" for name, version in p.packages.items())
    return (
        ("command", p.command),
        *(pair for source in p.sources for pair in _source(source)),
        ("software", f"abimpact {p.abimpact}, Python {p.python}, {packages}; engine {p.engine}"),
        ("seed", str(p.seed)),
        ("created", p.created),
    )
