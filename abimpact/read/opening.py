"""Opens a log: from loaded rows to one row per unit with canonical columns (a `Log`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import duckdb

from abimpact.errors import DataError, UsageError
from abimpact.read.distinct import are_distinct
from abimpact.read.duckdb_engine import DuckDBEngine, first_line
from abimpact.read.loaded import Loaded
from abimpact.read.log import Cap, Column, Days, Log, RowCounts, UnitCounts
from abimpact.read.numbers_in_text import number_sql
from abimpact.read.profile import Term, canonical_sql, profile
from abimpact.read.units import collapse, count_units
from abimpact.spec.experiment import Experiment, SeveralRows
from abimpact.spec.expression import Expression, column, literal, quote
from abimpact.spec.metric import Metric, MetricKind
from abimpact.spec.variants import resolve_variants

# Fourth powers of larger numbers are infinite to a computer.
LARGEST = 1e70
# Names of helper columns beside the log's own.
ARM, PLACE = "abimpact_arm", "abimpact_place"


@dataclass(frozen=True, slots=True)
class Opener:
    """The steps from loaded rows to a `Log`, on one engine for one experiment."""

    engine: DuckDBEngine
    loaded: Loaded
    families: Mapping[str, str]
    experiment: Experiment

    def open(self) -> Log:
        """Form the units; everything that is left out is counted."""
        for name in (*self.families, *self.experiment.derive):
            if name.casefold() in (ARM, PLACE):
                raise DataError(f"A column is called {name!r}, which abimpact needs itself.", "Rename the column.")
        try:
            return self._open()
        except duckdb.Error as error:
            raise DataError(
                f"The log cannot be read: {first_line(error)}", "Check the columns and expressions named."
            ) from error

    def _open(self) -> Log:
        experiment, engine = self.experiment, self.engine
        variants, row_counts, guesses = self._variants()
        terms, places, said = self._terms()
        self._stage(terms, every_row=row_counts.compared == row_counts.kept)
        unit_counts = self._count_units(row_counts)
        relation = self._units(unit_counts, terms)
        relation, found_caps = self._capped(relation, terms, len(variants))
        units, columns = profile(engine, relation, terms, len(variants))
        selected = ", ".join(["arm", *self._segments(), *canonical_sql(columns, terms)])
        engine.execute(f"CREATE TEMP VIEW log AS SELECT {selected} FROM {relation}")
        by_metric = {name: tuple(columns[i] for i in indices) for name, indices in places.items()}
        _check_usable(experiment.metrics, by_metric, sum(units))
        metrics = tuple(_with_kind(m, by_metric[m.name][0]) for m in experiment.metrics)
        for metric in metrics:
            if metric.kind is MetricKind.PROPORTION and by_metric[metric.name][1:]:
                by_metric[metric.name] = by_metric[metric.name][:1]
                said.append(f"{metric.name} is a proportion, which is not adjusted: its covariates are not used.")
        return Log(
            engine=engine,
            relation="log",
            raw="rows",
            families=self.families,
            experiment=replace(experiment, incumbent=variants[0], proposed=variants[1:]),
            variants=variants,
            units=units,
            metrics=metrics,
            columns=by_metric,
            row_counts=row_counts,
            unit_counts=unit_counts,
            days=self._days(relation, len(variants)),
            immature=self._immature(relation, len(variants)),
            caps={name: found_caps[i[0]] for name, i in places.items() if i[0] in found_caps},
            guesses=(*experiment.guesses, *self.loaded.guesses, *guesses, *said),
        )

    def _variants(self) -> tuple[tuple[str, ...], RowCounts, tuple[str, ...]]:
        """Make the view `rows` (derived columns, filter, arm) and settle which variants are compared."""
        experiment, engine = self.experiment, self.engine
        relation = f"(SELECT *, {self.loaded.order} AS {PLACE} FROM {self.loaded.relation})"
        for name, expression in experiment.derive.items():
            relation = f"(SELECT *, {expression.sql} AS {quote(name)} FROM {relation})"
        if experiment.where:
            relation = f"(SELECT * FROM {relation} WHERE {experiment.where.sql})"
        name_sql = f"CAST({quote(experiment.variant)} AS VARCHAR)"
        counts, with_unit = self._rows_by_variant(relation, name_sql)
        kept = sum(counts.values())
        read = engine.rows(f"SELECT count(*) FROM {self.loaded.relation}")[0][0] if experiment.where else kept
        if not kept:
            raise DataError(
                f"The log has {read:,} rows" + (" and the filter --where keeps none." if read else "."),
                "Loosen the filter." if read else "Check the export that wrote it.",
            )
        missing = counts.pop("", 0)
        incumbent, proposed, guesses = resolve_variants(counts, experiment.incumbent, experiment.proposed)
        variants = (incumbent, *proposed)
        if experiment.split and len(experiment.split) != len(variants):
            raise UsageError(
                f"--split has {len(experiment.split)} parts for {len(variants)} variants ({', '.join(variants)}).",
                "Give one number a variant, the incumbent's first.",
            )
        cases = " ".join(f"WHEN {literal(v)} THEN {i}" for i, v in enumerate(variants))
        engine.execute(
            f"CREATE TEMP VIEW rows AS SELECT *, CAST(CASE {name_sql} {cases} END AS TINYINT) AS {ARM} FROM {relation}"
        )
        unknown = {name: n for name, n in counts.items() if name not in variants}
        found = RowCounts(
            read=read,
            kept=kept,
            missing_variant=missing,
            missing_unit=sum(counts[v] - with_unit[v] for v in variants),
            compared=sum(with_unit[v] for v in variants),
            unknown=unknown,
        )
        return variants, found, guesses

    def _rows_by_variant(self, relation: str, name_sql: str) -> tuple[dict[str, int], dict[str, int]]:
        """Rows, and rows with a unit, by the variant's text; those without a variant under the empty text."""
        rows: dict[str, int] = {}
        with_unit: dict[str, int] = {}
        unit = self._unit if self.experiment.unit else "*"
        query = f"SELECT {name_sql}, count(*), count({unit}) FROM {relation} GROUP BY {quote(self.experiment.variant)}"
        for name, n, n_units in sorted(self.engine.rows(query), key=lambda row: row[0] or ""):
            rows[name or ""] = rows.get(name or "", 0) + n
            with_unit[name or ""] = with_unit.get(name or "", 0) + n_units
        return rows, with_unit

    def _terms(self) -> tuple[list[Term], dict[str, list[int]], list[str]]:
        """The distinct numbers that all metrics need, and each metric's places among them."""
        terms: dict[Term, int] = {}
        places: dict[str, list[int]] = {}
        said: dict[str, None] = {}
        for metric in self.experiment.metrics:
            outcomes = [e for e in (metric.value, metric.denominator) if e is not None]
            parts = [(e, False) for e in outcomes] + [(column(c), True) for c in metric.covariates]
            for expression, is_covariate in parts:
                sql, is_integer, guess = self._number(expression)
                if guess:
                    said[guess] = None
                missing_is_zero = metric.missing_is_zero and not is_covariate
                term = Term(
                    sql,
                    expression.text,
                    is_covariate,
                    missing_is_zero,
                    is_integer,
                    until=None if is_covariate else self._matured(metric),
                    cap_quantile=None if is_covariate else metric.cap_quantile,
                )
                places.setdefault(metric.name, []).append(terms.setdefault(term, len(terms)))
        return list(terms), places, list(said)

    def _matured(self, metric: Metric) -> date | None:
        """The last day whose units are old enough for the metric; None where every unit is."""
        if metric.matures_after is None or self.experiment.as_of is None:
            return None
        return self.experiment.as_of - timedelta(days=metric.matures_after)

    def _immature(self, relation: str, n_variants: int) -> dict[str, tuple[int, ...]]:
        """Units too young for a metric, by variant."""
        found = {}
        for metric in self.experiment.metrics:
            if until := self._matured(metric):
                old = f"coalesce(day <= {literal(until.isoformat())}::DATE, false)"
                rows = self.engine.rows(f"SELECT arm, count_if(NOT {old}) FROM {relation} GROUP BY arm")
                counts = dict(rows)
                found[metric.name] = tuple(int(counts.get(arm, 0)) for arm in range(n_variants))
        return found

    def _number(self, expression: Expression) -> tuple[str, bool, str]:
        """SQL for an expression as a number, whether its type holds whole numbers only, and what was assumed."""
        is_column = expression.columns == (expression.text,)
        family = self.families.get(expression.text, "") if is_column else ""
        if family == "text":
            sql, said = number_sql(self.engine, self.loaded, expression.text)
            return sql, False, said
        if family in ("date", "timestamp"):
            raise DataError(
                f"Column {expression.text!r} holds dates where numbers belong.",
                'Compute a number from it, like: -m "name=hour(column)".',
            )
        if not is_column:
            self._try(expression.sql, f"The expression {expression.text!r}")
        # Whole numbers of a text file are read as doubles, in case later rows have fractions.
        is_integer = family == "boolean" or (family == "integer" and not self.loaded.is_parsed)
        return f"CAST({expression.sql} AS DOUBLE)", is_integer, ""

    def _try(self, sql: str, what: str) -> None:
        """Let the engine check the types of an expression before it is part of larger queries."""
        try:
            self.engine.rows(f"DESCRIBE SELECT {sql} FROM rows")
        except duckdb.Error as error:
            raise DataError(
                f"{what} cannot be computed: {first_line(error)}", "Check the types of its columns."
            ) from error

    def _stage(self, terms: list[Term], *, every_row: bool) -> None:
        """Make the view `staged`: the rows of known units of the compared variants (all, if that is `every_row`)."""
        experiment = self.experiment
        parts = [f"{ARM} AS arm", *(f"{t.sql} AS r{i}" for i, t in enumerate(terms))]
        parts += [f"CAST({quote(s)} AS VARCHAR) AS s{j}" for j, s in enumerate(experiment.segments)]
        time = f"{quote(experiment.time)}" if experiment.time else "NULL"
        if experiment.time:
            if self.families.get(experiment.time) not in ("date", "timestamp", "text", None):
                raise DataError(
                    f"--time: column {experiment.time!r} holds no dates.", "Name a column of dates or times."
                )
            parts.append(f"CAST({time} AS DATE) AS day")
        condition = f"{ARM} IS NOT NULL"
        if experiment.unit:
            parts += [f"{self._unit} AS unit", f"struct_pack(t := {time}, p := {PLACE}) AS place"]
            condition += f" AND {self._unit} IS NOT NULL"
        where = "" if every_row else f" WHERE {condition}"
        self.engine.execute(f"CREATE TEMP VIEW staged AS SELECT {', '.join(parts)} FROM rows{where}")

    @property
    def _unit(self) -> str:
        name = self.experiment.unit or ""
        return f"nullif({quote(name)}, '')" if self.families.get(name) == "text" else quote(name)

    def _segments(self) -> list[str]:
        return [f"s{j}" for j in range(len(self.experiment.segments))]

    def _count_units(self, rows: RowCounts) -> UnitCounts | None:
        """What is known of the units' identity; None where each row is a unit."""
        if not self.experiment.unit:
            return None
        is_integer = self.families.get(self.experiment.unit) == "integer"
        if are_distinct(self.engine, "rows", self._unit, rows.kept, is_integer=is_integer):
            return UnitCounts(total=rows.compared, in_both=0, in_both_rows=0, repeated=0, extra_rows=0, rule=None)
        return count_units(self.engine, "staged", self.experiment.several_rows)

    def _units(self, counts: UnitCounts | None, terms: list[Term]) -> str:
        """The relation with one row per unit: `staged` itself where every row is one."""
        if counts is None or not (counts.in_both or counts.repeated):
            return "staged"
        outcomes = [f"r{i}" for i, t in enumerate(terms) if not t.is_covariate]
        attributes = [f"r{i}" for i, t in enumerate(terms) if t.is_covariate] + self._segments()
        attributes += ["day"] if self.experiment.time else []
        rule = counts.rule or SeveralRows.FIRST
        self.engine.execute(f"CREATE TEMP TABLE units AS {collapse('staged', rule, outcomes, attributes)}")
        return "units"

    def _capped(self, relation: str, terms: list[Term], n_variants: int) -> tuple[str, dict[int, Cap]]:
        """`relation` with capped values, and the caps by term: quantiles of all units, whatever their variant."""
        caps: dict[int, Cap] = {}
        for i, term in enumerate(terms):
            if term.cap_quantile is None:
                continue
            number = f"coalesce(r{i}, 0)" if term.missing_is_zero else f"r{i}"
            cap = self.engine.rows(
                f"SELECT quantile_disc({number}, {term.cap_quantile!r}) FILTER (isfinite({number})) FROM {relation}"
            )[0][0]
            if cap is None:
                continue
            beyond = f"count_if(r{i} > {cap!r} AND isfinite(r{i}))"
            counts = dict(self.engine.rows(f"SELECT arm, {beyond} FROM {relation} GROUP BY arm"))
            caps[i] = Cap(value=float(cap), units=tuple(int(counts.get(arm, 0)) for arm in range(n_variants)))
        if not caps:
            return relation, caps
        replaced = ", ".join(
            f"CASE WHEN r{i} > {c.value!r} AND isfinite(r{i}) THEN {c.value!r} ELSE r{i} END AS r{i}"
            for i, c in caps.items()
        )
        self.engine.execute(f"CREATE TEMP VIEW capped AS SELECT * REPLACE ({replaced}) FROM {relation}")
        return "capped", caps

    def _days(self, relation: str, n_variants: int) -> Days:
        if not self.experiment.time:
            return Days(days=(), counts=())
        found: dict[object, list[int]] = {}
        for day, arm, n in self.engine.rows(
            f"SELECT day, arm, count(*) FROM {relation} WHERE day IS NOT NULL GROUP BY ALL ORDER BY day"
        ):
            found.setdefault(day, [0] * n_variants)[arm] = n
        return Days(days=tuple(found), counts=tuple(tuple(c) for c in found.values()))  # type: ignore[arg-type]


def _check_usable(metrics: Sequence[Metric], columns: Mapping[str, Sequence[Column]], units: int) -> None:
    """Refuse what no arithmetic can use: numbers too large for it, and metrics without a single value."""
    for metric in metrics:
        for number in columns[metric.name]:
            if max(abs(number.low), abs(number.high)) > LARGEST:
                raise DataError(
                    f"{number.text!r} has values beyond {LARGEST:g}, which nothing can be computed with.",
                    "Leave them out with --where, or divide by a unit in an expression.",
                )
        outcome = columns[metric.name][0]
        if sum(outcome.missing) + sum(outcome.nonfinite) == units and not metric.missing_is_zero:
            raise DataError(
                f"Metric {metric.name!r}: {outcome.text!r} has no value in any of the {units:,} units.",
                "Check the column and the filter; if no value means zero, say --missing zero.",
            )


def _with_kind(metric: Metric, value: Column) -> Metric:
    """The metric with its kind settled by the values seen."""
    if metric.kind is None:
        metric = replace(metric, kind=MetricKind.PROPORTION if value.is_binary else MetricKind.MEAN)
    if metric.kind is MetricKind.PROPORTION and not value.is_binary:
        raise DataError(
            f"Metric {metric.name!r} is declared a proportion, but {value.text!r} has values other than 0 and 1.",
            "Declare it a mean, or write an expression that is 0 or 1.",
        )
    return replace(metric, covariates=()) if metric.kind is MetricKind.PROPORTION else metric
