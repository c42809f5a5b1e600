"""A log's own units as the population: tests without an effect (A/A) and with a known one (A/B), thousands of times.

The analysis is the one that `report` would use, by the same code; only the arms are dealt out anew.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import cache, partial

from abimpact.errors import DataError, UsageError
from abimpact.estimate.bootstrap import stream
from abimpact.estimate.table import Comparison
from abimpact.pipeline.provenance import Sources, provenance, with_options
from abimpact.pipeline.reading import LooksByMetric, Running, opened
from abimpact.read.log import Log
from abimpact.simulate.deal import Deal, Population, dealt
from abimpact.simulate.inject import with_lift
from abimpact.simulate.judge import judged
from abimpact.simulate.tally import EffectTally, Tally, smallest_found
from abimpact.simulate.values import NoEffect, NotSimulated, Simulation, WithEffect
from abimpact.spec.metric import MetricKind
from abimpact.spec.request import Request
from abimpact.summarise.blocks import scan_blocks, scan_shares
from abimpact.summarise.summarise import covariate_names

REPETITIONS = 2_000
MOST_REPETITIONS = 1_000_000
# Effects beyond this are no effects but other data.
LARGEST_LIFT = 10.0
# Repetitions that tell how wide intervals are, before an effect is chosen.
PILOTS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is simulated: how many tests, of how many units (None: as many as the log has), with which effect.

    `lift` is a fraction; None takes for each metric the one that 80 % of tests would find.
    """

    repetitions: int = REPETITIONS
    units: int | None = None
    lift: float | None = None

    def check(self) -> None:
        """UsageError where a term cannot be."""
        for name, number in (("--repetitions", self.repetitions), ("--units", self.units)):
            if number is not None and number < 1:
                raise UsageError(f"{name} {number} is not a number from 1 on.", "Leave it out for the usual one.")
        if self.repetitions > MOST_REPETITIONS:
            raise UsageError(
                f"--repetitions {self.repetitions:,} would take days.", f"Give at most {MOST_REPETITIONS:,}."
            )
        if self.lift is not None and (not -1 < self.lift <= LARGEST_LIFT or self.lift == 0):
            raise UsageError(f"--lift {self.lift:g} cannot be put in.", "Write it like --lift 3% or --lift 0.03.")


@dataclass(slots=True)
class _Tallies:
    """One metric over all repetitions: what was reported, each method by itself, and the lift put in."""

    reported: Tally = field(default_factory=Tally)
    by_method: dict[str, Tally] = field(default_factory=dict)
    chosen: Counter[str] = field(default_factory=Counter)
    effect: EffectTally | None = None

    def add(self, found: Comparison) -> None:
        """Take a repetition without an effect in."""
        if found.not_estimated is not None:
            self.reported.reasons[found.not_estimated.message] += 1
            return
        assert found.chosen is not None
        self.chosen[found.chosen] += 1
        for made in found.estimates:
            if made.pvalue is None:
                continue
            self.by_method.setdefault(made.method, Tally()).pvalues.append(made.pvalue)
            if made.method == found.chosen:
                self.reported.pvalues.append(made.pvalue)

    def no_effect(self, metric: str, level: float) -> list[NoEffect]:
        """The reported results first, then every method that was not always the one reported."""
        if not self.chosen:
            return []
        (usual, times), *_ = self.chosen.most_common()
        found = [self.reported.no_effect(metric, usual, level, chosen=self.chosen)]
        others = [name for name in self.by_method if name != usual or times < len(self.by_method[name].pvalues)]
        return found + [self.by_method[name].no_effect(metric, name, level) for name in others]

    def with_effect(self, metric: str, level: float) -> list[WithEffect]:
        """What was found of the lift, if one was put in."""
        return [self.effect.found(metric, level)] if self.effect and self.effect.estimated else []

    def not_simulated(self, metric: str) -> list[NotSimulated]:
        """Why there is no result, or none with an effect."""
        if not self.chosen:
            return [NotSimulated(metric=metric, reason=self.reported.reasons.most_common(1)[0][0])]
        if self.effect is None:
            why = "only compared where nothing differs: its lift has no bounded interval to tell how large one is found"
        elif not self.effect.estimated:
            why = f"only compared where nothing differs: its share cannot rise by {self.effect.lift * 100:.3g} %"
        else:
            return []
        return [NotSimulated(metric=metric, reason=why)]


def run_simulation(
    request: Request,
    *,
    terms: Terms | None = None,
    command: str = "",
    frame: object = None,
    running: Running | None = None,
) -> Simulation:
    """Simulate tests on the log that `request` names (or the table `frame`), all its units pooled.

    Raises UsageError for settings that cannot be, DataError for a log without the rows that this needs.
    """
    terms, running = terms or Terms(), running or Running()
    terms.check()
    if request.aggregates:
        raise DataError("Aggregates cannot be dealt out again.", "A simulation needs the rows of units.")

    def finish(log: Log, _: LooksByMetric, sources: Sources) -> Simulation:
        deal = _deal(log, terms.units)
        tallies = _tallied(log, deal, terms, partial(running.progress, "simulating"))
        level = log.experiment.level
        rows = tuple(row for name, mine in tallies.items() for row in mine.no_effect(name, level))
        is_trusted, because = judged(rows, level)
        return Simulation(
            variants=deal.variants,
            repetitions=terms.repetitions,
            pooled_units=sum(log.units),
            units=round(sum(log.units) * math.fsum(deal.shares)),
            split=(deal.shares[0] / math.fsum(deal.shares), deal.shares[1] / math.fsum(deal.shares)),
            level=level,
            no_effect=rows,
            with_effect=tuple(its for name, mine in tallies.items() for its in mine.with_effect(name, level)),
            not_simulated=tuple(its for name, mine in tallies.items() for its in mine.not_simulated(name)),
            is_trusted=is_trusted,
            because=because,
            presentation=request.presentation,
            provenance=with_options(provenance(log.engine, request, sources({}), command), **asdict(terms)),
        )

    return opened(replace(request, keeps_units=True, is_history=True), frame, running, finish)


def _tallied(log: Log, deal: Deal, terms: Terms, progress: Callable[[float], None]) -> dict[str, _Tallies]:
    """Every metric over all repetitions, each of them without an effect and then with one."""
    population, streams = _population(log, deal), cache(partial(stream, log.experiment.seed, "simulate"))
    pilots = [list(map(deal.compare, s)) for s in dealt(population, deal, min(PILOTS, terms.repetitions), streams)]
    tallies = {}
    for place, metric in enumerate(log.metrics):
        lift = terms.lift or smallest_found([e.relative for p in pilots if (e := p[place].decisive)])
        tallies[metric.name] = _Tallies(effect=EffectTally(lift) if lift else None)
    for done, summaries in enumerate(dealt(population, deal, terms.repetitions, streams), start=1):
        for summary in summaries:
            mine = tallies[summary.metric.name]
            mine.add(deal.compare(summary))
            if mine.effect is not None:
                changed = with_lift(summary, mine.effect.lift, streams(summary.metric.name))
                mine.effect.add(None if changed is None else deal.compare(changed))
        progress(done / terms.repetitions)
    return tallies


def _deal(log: Log, units: int | None) -> Deal:
    """The shares that the variants get: as planned, else as in a log of two variants, else half each."""
    experiment, known = log.experiment, log.variants
    split = experiment.split if experiment.split and len(experiment.split) == 2 else log.units
    incumbent, proposed = split if len(split) == 2 else (1, 1)
    size = 1.0 if units is None else units / sum(log.units)
    return Deal(
        variants=(known[0], known[1] if len(known) > 1 else "proposed"),
        shares=(size * incumbent / (incumbent + proposed), size * proposed / (incumbent + proposed)),
        level=experiment.level,
    )


def _population(log: Log, deal: Deal) -> Population:
    columns = [log.columns[m.name] for m in log.metrics]
    quantiles = [(m, c[0]) for m, c in zip(log.metrics, columns, strict=True) if m.kind is MetricKind.QUANTILE]
    smallest = min(deal.shares) * sum(log.units)
    return Population(
        blocks=scan_blocks(log, columns, log.experiment.seed),
        shares={
            m.name: scan_shares(log.engine, log.relation, column, m.quantile or 0.5, smallest)
            for m, column in quantiles
        },
        metrics=tuple((m, covariate_names(c, m)) for m, c in zip(log.metrics, columns, strict=True)),
    )
