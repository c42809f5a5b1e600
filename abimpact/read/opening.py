"""Opens a log: from loaded rows to one row per unit with canonical columns (a `Log`)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from abimpact.errors import DataError
from abimpact.read.arms import assign_arms
from abimpact.read.capping import capped
from abimpact.read.clusters import clusters_of
from abimpact.read.differing import differing_sql
from abimpact.read.duckdb_engine import FAILURES
from abimpact.read.engine import Engine, failure
from abimpact.read.events import units_of_events
from abimpact.read.forming import form_units
from abimpact.read.loaded import Loaded
from abimpact.read.log import Log
from abimpact.read.profile import canonical_sql, profile
from abimpact.read.reading import ARM, DAY, PLACE, Reading
from abimpact.read.strata import strata_of
from abimpact.read.terms import matured, terms_of
from abimpact.read.usable import check_usable, with_kind
from abimpact.spec.experiment import Experiment
from abimpact.spec.expression import literal
from abimpact.spec.metric import MetricKind


@dataclass(frozen=True, slots=True)
class Opener:
    """The steps from loaded rows to a `Log`, on one engine for one experiment."""

    engine: Engine
    loaded: Loaded
    families: Mapping[str, str]
    experiment: Experiment

    def open(self) -> Log:
        """Form the units; everything that is left out is counted."""
        for name in (*self.families, *self.experiment.derive):
            if name.casefold() in (ARM, PLACE, DAY):
                raise DataError(f"A column is called {name!r}, which abimpact needs itself.", "Rename the column.")
        units = tuple(name for name in (self.experiment.unit, self.experiment.cluster) if name)
        try:
            loaded = replace(self.loaded, identifiers=units)
            return _open(Reading(self.engine, loaded, self.families, self.experiment))
        except FAILURES as error:
            raise failure(error, [file.path for file in self.loaded.files]) from error


def _open(reading: Reading) -> Log:
    events, files = None, reading.loaded.files
    if reading.experiment.events:
        reading, events = units_of_events(reading)
    experiment, engine = reading.experiment, reading.engine
    variants, row_counts, guesses = assign_arms(reading)
    terms, places, said = terms_of(reading)
    differing, also_said = differing_sql(reading, len(variants))
    said += also_said
    relation, unit_counts = form_units(reading, terms, row_counts, differing)
    relation, caps = capped(engine, relation, terms, len(variants))
    units, columns, days = profile(engine, relation, terms, len(variants), has_days=bool(experiment.time))
    strata = strata_of(reading, relation)
    kept = ["unit"] * experiment.keeps_units + [*reading.segments, *reading.days, *reading.clusters]
    kept += [f"{strata[1]} AS stratum"] if strata else []
    kept += ["differs"] if differing else []
    selected = ", ".join(["arm", *kept, *canonical_sql(columns, terms)])
    engine.execute(f"CREATE TEMP VIEW log AS SELECT {selected} FROM {relation}")
    by_metric = {name: tuple(columns[i] for i in indices) for name, indices in places.items()}
    check_usable(experiment.metrics, by_metric, sum(units))
    metrics = tuple(with_kind(m, by_metric[m.name][0]) for m in experiment.metrics)
    for metric in metrics:
        if metric.kind is MetricKind.PROPORTION and by_metric[metric.name][1:]:
            by_metric[metric.name] = by_metric[metric.name][:1]
            said.append(f"{metric.name} is a proportion, which is not adjusted: its covariates are not used.")
    return Log(
        engine=engine,
        relation="log",
        raw="rows",
        families=reading.families,
        experiment=replace(experiment, incumbent=variants[0], proposed=variants[1:]),
        variants=variants,
        units=units,
        metrics=metrics,
        columns=by_metric,
        row_counts=row_counts,
        unit_counts=unit_counts,
        days=days,
        immature=_immature(engine, relation, experiment, len(variants)),
        caps={name: caps[i[0]] for name, i in places.items() if i[0] in caps},
        row_sql={
            m.name: tuple(terms[i].sql for i in places[m.name][: 1 + (m.denominator is not None)])
            for m in experiment.metrics
        },
        clusters=clusters_of(reading, relation, len(variants)),
        segment_cells={},
        files=files,
        fills=reading.loaded.fills,
        guesses=(*experiment.guesses, *reading.loaded.guesses, *guesses, *said),
        strata=strata[0] if strata else None,
        has_differing=differing is not None,
        events=events,
    )


def _immature(engine: Engine, relation: str, experiment: Experiment, n_variants: int) -> dict[str, tuple[int, ...]]:
    """Units too young for a metric, by variant."""
    found = {}
    for metric in experiment.metrics:
        if until := matured(experiment, metric):
            old = f"coalesce(day <= {literal(until.isoformat())}::DATE, false)"
            counts = dict(engine.rows(f"SELECT arm, count_if(NOT {old}) FROM {relation} GROUP BY arm"))
            found[metric.name] = tuple(int(counts.get(arm, 0)) for arm in range(n_variants))
    return found
