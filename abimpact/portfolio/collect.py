"""Which reports count: one for each experiment, the latest; and what is to be known of them all."""

from collections.abc import Mapping, Sequence

from abimpact.estimate.history import LEAST_TESTS
from abimpact.findings import Finding, Severity
from abimpact.portfolio.measured import Test
from abimpact.portfolio.priors import OTHERS, Prior, prior_for
from abimpact.portfolio.stored import Stored

# From so many experiments on, all shipped is a selection and not a success.
SUSPICIOUS = 5
_LISTED = 5  # names in a sentence


def collect(reports: Sequence[Stored]) -> tuple[list[Stored], list[Finding]]:
    """The latest report of every experiment in the order given, and what was left out."""
    kept: list[Stored] = []
    places: dict[object, int] = {}
    dropped: list[str] = []
    for run in reports:
        keys = _identities(run)
        place = next((places[key] for key in keys if key in places), len(kept))
        if place == len(kept):
            kept.append(run)
        else:
            later, earlier = (run, kept[place]) if _age(run) >= _age(kept[place]) else (kept[place], run)
            kept[place] = later
            dropped.append(earlier.path or earlier.name)
        places |= dict.fromkeys(keys, place)
    if not dropped:
        return kept, []
    n = len(dropped)
    found = Finding(
        code="duplicate_tests",
        severity=Severity.WARN,
        message=f"{n} report{' is' if n == 1 else 's are'} of an experiment that has a later one: {_some(dropped)}.",
        why="An experiment that counts twice would earn its money twice; the latest report of each was taken.",
        do="Keep one report for each experiment.",
        data={"left_out": dropped},
    )
    return kept, [found]


def _identities(run: Stored) -> list[object]:
    """What makes two reports reports of one experiment.

    The same variants, and the same files (by content, or by path from the same day on) under the same filter, or the
    same title from the same day on.
    """
    e, p = run.experiment, run.provenance
    variants = (e.incumbent, *sorted(e.proposed))
    # Experiments that share a table are told apart by their filter.
    part = (variants, str(p.config.get("where")), str(p.config.get("experiment")))
    found: list[object] = []
    if p.sources:
        found.append((part, frozenset(s.sha256 for s in p.sources)))
    if p.sources and e.start:
        found.append((part, e.start, frozenset(s.path for s in p.sources)))
    if e.title and e.start:
        found.append((variants, e.start, e.title))
    return found


def _age(run: Stored) -> tuple[str, str]:
    return (run.experiment.end.isoformat() if run.experiment.end else "", run.provenance.created)


def findings_of(reports: Sequence[Stored], tests: Sequence[Test], priors: Mapping[str, Prior]) -> list[Finding]:
    """What is to be known before the numbers are read."""
    found = [
        _selection(reports),
        _broken(reports, tests),
        _left_out(tests),
        _few(tests, priors),
        _pooled(tests, priors),
        _own_priors(tests),
        _currencies(tests),
        _without_money(tests),
    ]
    return [f for f in found if f]


def _selection(reports: Sequence[Stored]) -> Finding | None:
    if len(reports) < SUSPICIOUS or any(run.verdict.code != "ship" for run in reports):
        return None
    return Finding(
        code="only_winners",
        severity=Severity.WARN,
        message=f"All {len(reports)} experiments shipped.",
        why="If the others were not given, luck cannot be told from effect: what is said of it here is too kind.",
        do="Give the reports of all experiments, the failed ones too.",
        data={"experiments": len(reports)},
    )


def _broken(reports: Sequence[Stored], tests: Sequence[Test]) -> Finding:
    names = list(dict.fromkeys(t.name for t in tests if t.sample_ratio is Severity.BLOCK))
    n = len(names)
    checked = len({t.experiment for t in tests if t.sample_ratio is not None})
    return Finding(
        code="sample_ratio",
        severity=Severity.WARN if n else Severity.PASS,
        message=f"{n} of {checked} experiments do not have the planned split{f': {_some(names)}' if n else ''}.",
        why="Units went missing by variant, which makes effects of its own. They count in no total and in no average."
        if n
        else "",
        do="Find where units are lost; most often it is one cause for all." if n else "",
        data={"failed": names, "checked": checked, "experiments": len(reports)},
    )


def _left_out(tests: Sequence[Test]) -> Finding | None:
    """Primary KPIs that say nothing of others."""
    reasons: dict[str, list[str]] = {}
    for t in tests:
        reason = t.primary.reason if t.primary else "no primary KPI"
        if reason:
            reasons.setdefault(reason, []).append(t.name)
    if not reasons:
        return None
    told = "; ".join(f"{why}: {_some(list(dict.fromkeys(names)))}" for why, names in reasons.items())
    n = sum(map(len, reasons.values()))
    return Finding(
        code="left_out",
        severity=Severity.INFO,
        message=f"{n} of {len(tests)} tests count in no average ({told}).",
        why="They are listed, and they count as tests.",
        data={"reasons": reasons},
    )


def _few(tests: Sequence[Test], priors: Mapping[str, Prior]) -> Finding | None:
    known = [(t.name, t.primary) for t in tests if t.primary and t.primary.is_usable]
    hit = {name for name, effect in known if prior_for(priors, effect.metric).past is None}
    if not hit:
        return None
    return Finding(
        code="few_tests",
        severity=Severity.WARN,
        message=f"{len(hit)} tests have no history: luck can be allowed for from {LEAST_TESTS} tests on.",
        why="Estimates are not shrunk; selected winners overstate what they earn.",
        do='Give more reports, or say how large true lifts are: --prior-lift-sd "2%".',
        data={"tests": sorted(hit), "needed": LEAST_TESTS},
    )


def _pooled(tests: Sequence[Test], priors: Mapping[str, Prior]) -> Finding | None:
    if priors[OTHERS].basis != "estimated":
        return None
    names = list(dict.fromkeys(t.primary.metric for t in tests if t.primary and t.primary.metric not in priors))
    if len(names) < 2:
        return None
    return Finding(
        code="several_kpis",
        severity=Severity.INFO,
        message=f"{len(names)} KPIs share one history of lifts: {_some(names)}.",
        why="None has tests enough of its own, so their lifts are taken to lie equally far apart. Absolute effects are "
        "not comparable and never taken together.",
        do="With more tests of one KPI it gets a history of its own.",
        data={"metrics": names},
    )


def _own_priors(tests: Sequence[Test]) -> Finding | None:
    names = [t.name for t in tests if t.money and t.money.is_final]
    if not names:
        return None
    return Finding(
        code="own_prior",
        severity=Severity.INFO,
        message=f"{len(names)} tests have allowed for luck by a prior of their own: {_some(names)}.",
        why="Their money is taken as it is reported and not drawn together again.",
        data={"tests": names},
    )


def _currencies(tests: Sequence[Test]) -> Finding | None:
    seen = list(dict.fromkeys(t.money.currency for t in tests if t.money))
    if len(seen) < 2:
        return None
    return Finding(
        code="mixed_currency",
        severity=Severity.INFO,
        message=f"The tests earn {', '.join(seen)}.",
        why="Amounts in different currencies are not added up: there is one total for each.",
        data={"currencies": seen},
    )


def _without_money(tests: Sequence[Test]) -> Finding | None:
    shipped = [t for t in tests if t.is_shipped]
    names = [t.name for t in shipped if t.money is None]
    if not names or len(names) == len(shipped):
        return None
    return Finding(
        code="no_money",
        severity=Severity.INFO,
        message=f"{len(names)} of {len(shipped)} shipped tests say nothing of money: {_some(names)}.",
        why="They are in no total.",
        data={"tests": names},
    )


def _some(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")
