"""Composes a backtest: from a request to what each proposed variant would have earned instead of the rules."""

from collections.abc import Sequence
from dataclasses import replace

from abimpact.backtest.capacity import Capacity
from abimpact.backtest.checks import check_overlap, check_rows, why_none
from abimpact.backtest.curve import Curve, curve
from abimpact.backtest.gains import Mode, gain, mode_of
from abimpact.backtest.grid import check_score, place_sql, ranked
from abimpact.backtest.labels import check_labels, check_probabilities
from abimpact.backtest.outcome import incumbent_of, outcomes_of, pairs_of, share_of_gain
from abimpact.backtest.parts import MONTH, Whole, culprits, parts_of
from abimpact.backtest.pay import Variant, confusions, price
from abimpact.backtest.reading import History, opened
from abimpact.backtest.recommend import recommend
from abimpact.backtest.result import BacktestReport, SmallTree
from abimpact.backtest.rows import Rows, decide_rows
from abimpact.backtest.tree import Tree, grow
from abimpact.errors import ConfigError, DataError
from abimpact.estimate.estimate import Interval
from abimpact.findings import Finding
from abimpact.pipeline.provenance import Sources, provenance
from abimpact.pipeline.reading import Running
from abimpact.spec.backtest import TREE, Backtest
from abimpact.spec.request import Request

# Groups of a score that a model of its rows' values tells apart.
MODEL_GROUPS = 10


def run_backtest(
    request: Request, *, command: str = "", frame: object = None, running: Running | None = None
) -> BacktestReport:
    """What deciding otherwise would have earned on the labelled history that `request` names (or the table `frame`)."""
    running = running or Running()

    def finish(history: History, sources: Sources) -> BacktestReport:
        running.progress("reading", 0.1)
        rows, findings = _usable(history)
        running.progress("comparing", 0.4)
        return _report(history, rows, findings, request, sources, command)

    return opened(request, frame, running, finish)


def _usable(history: History) -> tuple[Rows, list[Finding]]:
    """The rows that can be used, and whether their outcomes can."""
    rows, mode = decide_rows(history), mode_of(history.asked)
    findings = check_labels(history.engine) if mode is Mode.LABELLED else []
    history.engine.execute("DROP TABLE known")
    if not rows.rows:
        raise DataError(f"None of the log's {rows.read:,} rows can be used.", why_none(rows))
    if mode is not Mode.LABELLED:
        findings += check_probabilities(history.engine, mode)
    return rows, findings


def _report(
    history: History, rows: Rows, findings: list[Finding], request: Request, sources: Sources, command: str
) -> BacktestReport:
    asked, engine, mode = history.asked, history.engine, mode_of(history.asked)
    capacity = Capacity(tuple(limit for limit, _ in asked.limits), tuple(rows.days))
    capacity.check()
    gains = gain(engine, asked, capacity, _cell(history, mode))
    curves = _curves(history, capacity, is_halved=bool(rows.split))
    tree = _grown(history, mode, rows.rules_sql) if asked.tree_columns else None
    variants = _variants(asked, curves, tree, mode)
    is_clustered = bool(rows.repeated)
    priced = price(engine, gains, variants, capacity, is_clustered=is_clustered, with_bins=asked.resamples > 0)
    tables = confusions(engine, mode, len(variants))
    outcomes = outcomes_of(engine, asked, gains, priced, variants, tables, rows)
    pairs = pairs_of(priced, variants, asked.level)
    findings += [*check_rows(rows, asked, priced), *check_overlap(outcomes)]
    choice = recommend(outcomes, pairs, findings, asked.simplest_first, asked.value)
    whole = Whole(units=priced.units, is_clustered=is_clustered, level=asked.level)
    keys = [(name, f"s{j}") for j, name in enumerate(asked.segments)] + [(MONTH, MONTH)] * (len(rows.days) > 1)
    place = [o.name for o in outcomes].index(choice.blamed)
    days = [d for d in rows.days if rows.cut is None or d > rows.cut]
    return BacktestReport(
        asked=asked,
        mode=mode.value,
        choice=choice,
        proposed=tuple(
            replace(o, parts=parts_of(engine, i, keys, asked.min_segment_units, whole)) for i, o in enumerate(outcomes)
        ),
        incumbent=incumbent_of(engine, priced, tables),
        incumbent_loads=capacity.loads(gains.needed) if gains.needed else (),
        pairs=tuple(pairs),
        curves=tuple(curves),
        rules=culprits(engine, place, "rules", whole) if asked.rules_fired and asked.incumbent else (),
        reasons=culprits(engine, place, "reason", whole) if asked.reason and asked.incumbent else (),
        tree=_small_tree(tree, share_of_gain(priced, outcomes, asked.level)),
        findings=tuple(findings),
        read=rows.read,
        rows=rows.rows,
        evaluated=priced.rows,
        units=priced.units,
        start=days[0] if days else None,
        end=days[-1] if days else None,
        split=rows.split,
        cut=rows.cut,
        guesses=rows.guesses,
        presentation=request.presentation,
        provenance=provenance(engine, request, sources({}), command),
    )


def _cell(history: History, mode: Mode) -> str:
    """SQL of the group of rows by which a model knows their value: decisions and the score's group, or the choice."""
    asked, engine = history.asked, history.engine
    if mode is Mode.LABELLED:
        return "NULL"
    if mode is Mode.CHOSEN:
        if not asked.logged.action:
            return "{'context': CAST(NULL AS VARCHAR), 'action': CAST(NULL AS VARCHAR)}"
        context = ", ".join(f"x{j + 1}" for j in range(len(asked.logged.context)))
        return f"{{'context': CAST(row({context or 'NULL'}) AS VARCHAR), 'action': x0}}"
    # A decision that is random must not be part of what its own value is modelled by.
    parts = ["inc"] if mode is Mode.RELEASED else ["NULL"]
    for k, candidate in enumerate(asked.candidates[:1]):
        parts.append(
            place_sql(f"c{k}", ranked(engine, "decided", f"c{k}", MODEL_GROUPS)) if candidate.is_score else f"c{k}"
        )
    return f"row({', '.join(parts)})"


def _curves(history: History, capacity: Capacity, *, is_halved: bool) -> list[Curve]:
    """The curve of every score."""
    asked, found = history.asked, []
    for place, candidate in enumerate(asked.candidates):
        if candidate.is_score:
            if candidate.threshold is None:
                check_score(history.engine, "gained", f"c{place}", candidate.name)
            found.append(
                curve(
                    history.engine,
                    candidate.name,
                    place,
                    capacity,
                    fixed=candidate.threshold,
                    level=asked.level,
                    is_halved=is_halved,
                )
            )
    return found


def _grown(history: History, mode: Mode, rules_sql: str) -> Tree:
    if mode is Mode.CHOSEN:
        raise ConfigError("[data.decisions] tree_columns: a tree needs two decisions, to act or not.", "Leave it out.")
    return grow(history.engine, history.asked, rules_sql)


def _variants(asked: Backtest, curves: Sequence[Curve], tree: Tree | None, mode: Mode) -> list[Variant]:
    """How each proposed variant decides, the tree last."""
    by_name, found = {c.score: c for c in curves}, []
    for place, candidate in enumerate(asked.candidates):
        threshold, name = candidate.threshold, candidate.name
        is_searched = candidate.is_score and threshold is None
        if is_searched:
            threshold = by_name[name].points[by_name[name].best].threshold
        if mode is Mode.CHOSEN:
            acts = "1"
        elif candidate.is_score:
            acts = "0" if threshold is None else f"(c{place} >= {threshold!r})::INT"
        else:
            acts = f"c{place}"
        found.append(Variant(name=name, acts=acts, threshold=threshold, is_searched=is_searched))
    return found if tree is None else [*found, Variant(name=TREE, acts=tree.sql, is_searched=True)]


def _small_tree(tree: Tree | None, share: tuple[str, Interval] | None) -> SmallTree | None:
    """The tree with the share that it earns of the best score's gain."""
    return (
        None if tree is None else SmallTree(tree=tree, of=share[0] if share else "", share=share[1] if share else None)
    )
