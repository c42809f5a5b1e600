"""Opens a table of aggregates: counts, means and variances by variant become the moments that rows would give."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb
import numpy as np

from abimpact.errors import DataError
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.engine import first_line
from abimpact.read.loaded import Loaded
from abimpact.read.log import Days, Log, RowCounts
from abimpact.spec.aggregates import Aggregates, Cell
from abimpact.spec.experiment import Experiment
from abimpact.spec.expression import column, literal, quote
from abimpact.spec.metric import Better, Metric, MetricKind, Role
from abimpact.spec.variants import resolve_variants

# Small segments together.
OTHER = "(other)"
ONLY_MOMENTS = (
    "The log is a table of aggregates: bootstrap, quantiles and the checks of skewness, outliers and missing values "
    "need rows, and are left out."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A table of aggregates: the log without rows, and the cells of each metric by look (rising) and variant."""

    log: Log
    looks: Mapping[str, Sequence[Sequence[Cell]]]


def open_aggregates(
    engine: DuckDBEngine, loaded: Loaded, families: Mapping[str, str], experiment: Experiment
) -> Opened:
    """The cells of one experiment; its metrics are those declared, or all there are, the first primary."""
    tables = _tables(engine, loaded, experiment)
    if len(tables) > 1:
        column_name = experiment.aggregates.experiment if experiment.aggregates else None
        names = sorted(tables)
        raise DataError(
            f"The table holds several experiments ({', '.join(names[:3])}, …).",
            f"Take one, like: --where \"{column_name} = '{names[0]}'\"; or all: abimpact portfolio.",
        )
    cells, read = next(iter(tables.values()))
    return _open(engine, loaded, families, experiment, cells, read)


def open_experiments(
    engine: DuckDBEngine, loaded: Loaded, families: Mapping[str, str], experiment: Experiment
) -> Iterator[tuple[str, Opened | str]]:
    """Every experiment of a table by its name, or why it cannot be analysed.

    A declared split of equal shares is meant for any number of variants. Metrics without a variance in one of the
    experiments are left out there.
    """
    tables = _tables(engine, loaded, experiment)
    known = sorted({cell.metric for cells, _ in tables.values() for cell in cells})
    for metric in experiment.metrics:
        if metric.value.text not in known:
            raise _no_metric(metric.value.text, known)
    for name, (cells, read) in sorted(tables.items()):
        try:
            yield name, _open(engine, loaded, families, experiment, cells, read, is_one_of_many=True)
        except DataError as error:
            yield name, error.message


def _tables(engine: DuckDBEngine, loaded: Loaded, experiment: Experiment) -> dict[str, tuple[list[Cell], int]]:
    """The cells and the rows read of every experiment."""
    assert experiment.aggregates is not None
    try:
        found = _cells(engine, loaded, experiment, experiment.aggregates)
    except duckdb.Error as error:
        raise DataError(
            f"The table cannot be read: {first_line(error)}", "Check the columns of [data.aggregates]."
        ) from error
    if not any(cells for cells, _ in found.values()):
        read = sum(rows for _, rows in found.values())
        raise DataError(f"None of the {read:,} rows has a count and a mean.", "Check the columns and the filter.")
    return {name: table for name, table in found.items() if table[0]}


def _open(
    engine: DuckDBEngine,
    loaded: Loaded,
    families: Mapping[str, str],
    experiment: Experiment,
    cells: Sequence[Cell],
    read: int,
    *,
    is_one_of_many: bool = False,
) -> Opened:
    rows = {name: sum(c.variant == name for c in cells) for name in dict.fromkeys(c.variant for c in cells)}
    incumbent, proposed, guesses = resolve_variants(rows, experiment.incumbent, experiment.proposed)
    variants = (incumbent, *proposed)
    metrics = experiment.metrics or _all_metrics(cells)
    is_needed = bool(experiment.metrics) and not is_one_of_many
    looks = {m.name: _looks(m.value.text, cells, variants, needs_one=is_needed) for m in metrics}
    left_out = [m.name for m in metrics if not looks[m.name]]
    if left_out and not is_one_of_many:
        guesses += (f"Metrics without a variance in two variants are left out: {', '.join(left_out)}.",)
    metrics = tuple(m for m in metrics if looks[m.name])
    if not any(m.role is Role.PRIMARY for m in metrics) and metrics and not is_needed:
        metrics = (replace(metrics[0], role=Role.PRIMARY), *metrics[1:])
    primary = next((m for m in metrics if m.role is Role.PRIMARY), None)
    if primary is None:
        raise DataError("No look has a count, a mean and a variance of the primary metric in all variants.")
    split = experiment.split
    if is_one_of_many and split and len(set(split)) == 1:
        split = (split[0],) * len(variants)
    log = Log(
        engine=engine,
        relation="",
        raw="",
        families=families,
        experiment=replace(experiment, incumbent=incumbent, proposed=proposed, metrics=metrics, split=split),
        variants=variants,
        units=tuple(_units(arm, primary.name, looks) for arm in range(len(variants))),
        metrics=metrics,
        columns={},
        row_counts=RowCounts(
            read=read, kept=len(cells), missing_variant=0, missing_unit=0, compared=len(cells), unknown={}
        ),
        unit_counts=None,
        days=Days(days=(), counts=()),
        immature={},
        caps={},
        row_sql={},
        segment_cells=_by_segment(cells, variants, metrics, experiment),
        files=loaded.files,
        fills=loaded.fills,
        guesses=(*experiment.guesses, *loaded.guesses, *guesses, ONLY_MOMENTS),
    )
    return Opened(log=log, looks={m.name: looks[m.name] for m in metrics})


def _units(arm: int, primary: str, looks: Mapping[str, Sequence[Sequence[Cell]]]) -> int:
    """A variant's units: those of the primary metric, or of the first that it has."""
    return next((n for name in (primary, *looks) if looks[name] and (n := looks[name][-1][arm].n)), 0)


def _by_segment(
    cells: Sequence[Cell], variants: Sequence[str], metrics: Sequence[Metric], experiment: Experiment
) -> dict[str | None, dict[str, Sequence[Cell]]]:
    """The last cells of each metric by segment, the small segments together."""
    if experiment.aggregates is None or experiment.aggregates.segment is None:
        return {}
    last = max((c.look for c in cells if c.look is not None), default=None)
    units: dict[str | None, int] = {}
    for cell in cells:
        if cell.metric == metrics[0].value.text and cell.look in (None, last):
            units[cell.segment] = units.get(cell.segment, 0) + cell.n
    small = {s for s, n in units.items() if s is not None and n < experiment.min_segment_units}
    found: dict[str | None, dict[str, Sequence[Cell]]] = {}
    for segment in [*sorted(s for s in units if s is not None and s not in small), *([None] if None in units else [])]:
        mine = [c for c in cells if c.segment == segment]
        found[segment] = {m.name: looks[-1] for m in metrics if (looks := _looks(m.value.text, mine, variants))}
    if small:
        mine = [c for c in cells if c.segment in small]
        found[OTHER] = {m.name: looks[-1] for m in metrics if (looks := _looks(m.value.text, mine, variants))}
    return found


def _cells(
    engine: DuckDBEngine, loaded: Loaded, experiment: Experiment, table: Aggregates
) -> dict[str, tuple[list[Cell], int]]:
    relation = loaded.relation
    for name, expression in experiment.derive.items():
        relation = f"(SELECT *, {expression.sql} AS {quote(name)} FROM {relation})"
    if experiment.where:
        relation = f"(SELECT * FROM {relation} WHERE {experiment.where.sql})"
    proposed = literal(experiment.proposed[0] if experiment.proposed else "proposed")
    variant = f"CAST({quote(experiment.variant)} AS VARCHAR)" if experiment.variant else proposed
    # A table without a column of metrics is about the one that was named.
    only = experiment.metrics[0].value.text if len(experiment.metrics) == 1 else "metric"
    parts = [_select(table, table.cells, variant, relation, only)]
    if table.incumbent:
        # Every row of a proposed variant repeats the incumbent's cells.
        named = literal(experiment.incumbent or "incumbent")
        parts.append(f"SELECT DISTINCT * FROM ({_select(table, table.incumbent, named, relation, only)})")
    rows = engine.rows(" UNION ALL ".join(parts))
    counts = engine.rows(f"SELECT {_experiment(table)} AS experiment, count(*) FROM {relation} GROUP BY experiment")
    found: dict[str, tuple[list[Cell], int]] = {str(name): ([], int(n)) for name, n in counts}
    for experiment_name, metric, name, look, segment, n, mean, variance in rows:
        if n and name is not None and mean is not None and np.isfinite(mean):
            is_known = variance is not None and variance >= 0 and np.isfinite(variance)
            cell = Cell(
                metric=metric,
                variant=name,
                look=look,
                n=int(n),
                mean=mean,
                variance=variance if is_known else None,
                segment=segment,
            )
            found[str(experiment_name)][0].append(cell)
    return found


def _experiment(table: Aggregates) -> str:
    return f"CAST({quote(table.experiment)} AS VARCHAR)" if table.experiment else "''"


def _select(table: Aggregates, cells: Mapping[str, str], variant: str, relation: str, only: str) -> str:
    def number(key: str) -> str:
        return f"CAST({quote(cells[key])} AS DOUBLE)"

    n = number("count")
    mean = number("mean") if "mean" in cells else f"{number('sum')} / {n}"
    variance = (
        number("variance")
        if "variance" in cells
        else f"({number('sum_squares')} - {n} * ({mean}) * ({mean})) / nullif({n} - 1, 0)"
    )
    metric = f"CAST({quote(table.metric)} AS VARCHAR)" if table.metric else literal(only)
    segment = f"CAST({quote(table.segment)} AS VARCHAR)" if table.segment else "NULL"
    look = _look(table.look) if table.look else "NULL"
    return (
        f"SELECT {_experiment(table)} AS experiment, {metric} AS metric, {variant} AS variant, {look} AS look, "
        f"{segment} AS segment, {n} AS n, {mean} AS mean, {variance} AS variance FROM {relation}"
    )


def _look(name: str) -> str:
    """A look as a number: days and times by their place in time."""
    return f"coalesce(try_cast({quote(name)} AS DOUBLE), epoch(try_cast({quote(name)} AS TIMESTAMP)))"


def _all_metrics(cells: Sequence[Cell]) -> tuple[Metric, ...]:
    names = sorted({c.metric for c in cells})
    roles = [Role.PRIMARY, *[Role.SECONDARY] * len(names)]
    return tuple(
        Metric(name=name, kind=MetricKind.MEAN, role=role, better=Better.HIGHER, value=column(name))
        for name, role in zip(names, roles, strict=False)
    )


def _looks(metric: str, cells: Sequence[Cell], variants: Sequence[str], *, needs_one: bool = False) -> list[list[Cell]]:
    """The cells of every look at which all variants have a variance, in the order of `variants`.

    A variant that never has one together with the incumbent has cells without units.
    """
    mine = [c for c in cells if c.metric == metric]
    if not mine and needs_one:
        raise _no_metric(metric, sorted({c.metric for c in cells}))
    by_look: dict[float | None, dict[str, Cell]] = {}
    _check_parts(mine)
    for cell in mine:
        at = by_look.setdefault(cell.look, {})
        at[cell.variant] = _added(at[cell.variant], cell) if cell.variant in at else cell
    known = {look: {v for v, c in at.items() if c.variance is not None} for look, at in by_look.items()}
    present = [v for v in variants if any({variants[0], v} <= names for names in known.values())]
    complete = [
        [
            at[v] if v in present else Cell(metric=metric, variant=v, look=look, n=0, mean=0.0, variance=0.0)
            for v in variants
        ]
        for look, at in sorted(by_look.items(), key=lambda item: item[0] or 0.0)
        if len(present) > 1 and known[look] >= set(present)
    ]
    if not complete and needs_one:
        raise DataError(
            f"Metric {metric!r}: no look has a count, a mean and a variance of two of {', '.join(variants)}.",
            "Check the columns of [data.aggregates] and the variants named.",
        )
    return complete


def _check_parts(cells: Sequence[Cell]) -> None:
    """Rows of one look are of different parts of the units, or they cannot be told apart."""
    seen = set()
    for cell in (c for c in cells if c.look is not None):
        key = (cell.look, cell.variant, cell.segment)
        if key in seen:
            raise DataError(
                f"Metric {cell.metric!r} has several rows of variant {cell.variant!r} at one look.",
                "Cut it down with --where, or name what tells the rows apart as experiment or segment.",
            )
        seen.add(key)


def _no_metric(metric: str, known: Sequence[str]) -> DataError:
    return DataError(f"The table has no metric {metric!r}.", f"It has: {', '.join(map(repr, known[:12]))}.")


def _added(a: Cell, b: Cell) -> Cell:
    """Two disjoint sets of units as one (Chan, Golub & LeVeque 1983)."""
    n, gap = a.n + b.n, b.mean - a.mean
    variance = None
    if a.variance is not None and b.variance is not None:
        squares = a.variance * (a.n - 1) + b.variance * (b.n - 1) + gap * gap * a.n * b.n / n
        variance = squares / (n - 1)
    return replace(a, n=n, mean=a.mean + gap * b.n / n, variance=variance)
