"""Are outcomes seen whatever the rules decided? If not, nothing tells what other decisions would have earned."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from scipy.special import ndtr

from abimpact.backtest.gains import Mode
from abimpact.errors import DataError
from abimpact.findings import Finding, Severity
from abimpact.read.engine import Engine

# Shares of unknown outcomes this far apart, and not by chance, are refused; smaller ones are warned of.
FAR_APART, NOT_BY_CHANCE = 0.2, 1e-6
SUSPICIOUS, APART = 0.001, 0.01
# So many outcomes 1 expected and none seen is no accident.
EXPECTED = 10
PROBABILITY_OFF = 0.001


@dataclass(frozen=True, slots=True)
class Seen:
    """Rows that the rules decided one way: all, those whose outcome is not known, and those whose outcome is 1."""

    rows: int
    unknown: int
    ones: int

    @property
    def share(self) -> float:
        """The share of unknown outcomes."""
        return self.unknown / self.rows if self.rows else 0.0


def check_labels(engine: Engine) -> list[Finding]:
    """What the outcomes known after each of the rules' decisions say; DataError where they are selected by them.

    Reads the table `known`, before rows without an outcome are left out.
    """
    seen = {0: Seen(0, 0, 0), 1: Seen(0, 0, 0)}
    for inc, rows, unknown, ones in engine.rows(
        "SELECT CAST(inc AS INT), count(*), count(*) FILTER (left_out = 'missing_outcome'), count(*) FILTER (y = 1) "
        "FROM known WHERE left_out IS NULL OR left_out = 'missing_outcome' GROUP BY 1"
    ):
        seen[inc] = Seen(rows, unknown, ones)
    data = {name: asdict(seen[inc]) for name, inc in (("acted", 1), ("not_acted", 0))}
    pvalue = _pvalue(seen[1], seen[0])
    gap = abs(seen[1].share - seen[0].share)
    worse = max(seen, key=lambda inc: seen[inc].share)
    if seen[worse].rows and (seen[worse].unknown == seen[worse].rows or (gap > FAR_APART and pvalue < NOT_BY_CHANCE)):
        raise _refusal(seen, worse)
    if gap > APART and pvalue < SUSPICIOUS:
        return [
            Finding(
                code="selective_labels",
                severity=Severity.WARN,
                message=f"Outcomes are unknown in {seen[1].share:.1%} of the rows on which the rules acted and in "
                f"{seen[0].share:.1%} of the others.",
                why="Which outcomes are known depends on what the rules decided, so the rows compared are a selection.",
                do="Find out why they are missing; log the probability with which an outcome is seen.",
                data={**data, "pvalue": pvalue},
            )
        ]
    return [_one_sided(seen, data) or Finding(
        code="selective_labels",
        severity=Severity.PASS,
        message="Outcomes are known as often where the rules acted as where they did not.",
        data={**data, "pvalue": pvalue},
    )]  # fmt: skip


def _refusal(seen: Mapping[int, Seen], worse: int) -> DataError:
    one = seen[worse]
    did, other = ("acted", "did not act") if worse else ("did not act", "acted")
    known = "none has an outcome" if one.unknown == one.rows else f"{one.unknown:,} have no outcome"
    return DataError(
        f"Outcomes are seen only where the rules {other}: of the {one.rows:,} rows on which they {did}, {known} "
        "(selective labels). What would have become of these is not in the log, so what other decisions would have "
        "earned can't be told from it.",
        "Release a random part of such cases and log its probability (release_probability), log the probability of "
        "decisions that are random anyway (propensity), or run an A/B test.",
    )


def _one_sided(seen: Mapping[int, Seen], data: Mapping[str, object]) -> Finding | None:
    """A finding where one of the rules' decisions never has outcome 1: it may stand for "not known"."""
    for inc, did, severity in ((1, "acted", Severity.BLOCK), (0, "did not act", Severity.WARN)):
        one, other = seen[inc], seen[1 - inc]
        expected = other.ones * one.rows / other.rows if other.rows else 0.0
        if one.ones == 0 and expected >= EXPECTED:
            return Finding(
                code="selective_labels",
                severity=severity,
                message=f"Not one of the {one.rows:,} rows on which the rules {did} has outcome 1; {other.ones:,} of "
                f"the other {other.rows:,} have.",
                why="An outcome that nobody could see may have been written as 0.",
                do="Write unknown outcomes as missing; then release a random part and log its probability.",
                data=data,
            )
    return None


def _pvalue(one: Seen, other: Seen) -> float:
    """Two-sided p of equal shares of unknown outcomes (pooled z)."""
    n = one.rows + other.rows
    if not one.rows or not other.rows:
        return 1.0
    pooled = (one.unknown + other.unknown) / n
    se = math.sqrt(pooled * (1 - pooled) * (1 / one.rows + 1 / other.rows))
    return float(2 * ndtr(-abs(one.share - other.share) / se)) if se else 1.0


def check_probabilities(engine: Engine, mode: Mode) -> list[Finding]:
    """Whether logged probabilities are ones, and whether weights by them average to what they must.

    Over all rows, seen / p averages to 1, 1 / p of one of two decisions to 2, and q / p to 1, if the probabilities are
    right and every choice of the proposed could be logged. DataError names what no estimate can use.
    """
    n, bad, low = engine.rows("SELECT count(*), count(*) FILTER (p <= 0 OR p > 1), min(p) FROM decided")[0]
    if bad:
        raise DataError(
            f"The logged probability is not above 0 and at most 1 in {bad:,} of {n:,} rows (least: {low:g}).",
            "A row that could not be seen says nothing: leave such rows out with --where, and say so.",
        )
    if mode is Mode.RANDOMISED:
        unknown = "CASE WHEN inc = 1 THEN v1 ELSE v0 END IS NULL"
        if missing := engine.rows(f"SELECT count(*) FILTER ({unknown}) FROM decided")[0][0]:
            raise DataError(
                f"What the logged decision earned is not known in {missing:,} of {n:,} rows.",
                "With a propensity, the outcome of the decision that was taken must be known.",
            )
    weight, expected = {
        Mode.RELEASED: ("CASE WHEN v1 IS NOT NULL AND v0 IS NOT NULL THEN 1 / p ELSE 0 END", 1.0),
        Mode.RANDOMISED: ("1 / p", 2.0),
        Mode.CHOSEN: ("q / p", 1.0),
    }[mode]
    first, second = engine.rows(f"SELECT fsum(w), fsum(w * w) FROM (SELECT {weight} AS w FROM decided)")[0]
    mean, se = first / n, math.sqrt(max(second / n - (first / n) ** 2, 0.0) / n)
    pvalue = float(2 * ndtr(-abs(mean - expected) / se)) if se else float(math.isclose(mean, expected))
    data = {"ratio": mean / expected, "pvalue": pvalue}
    told = f"Weights by the logged probabilities average to {mean / expected:.3f} of what they should."
    if pvalue >= PROBABILITY_OFF:
        return [Finding(code="probabilities", severity=Severity.PASS, message=told, data=data)]
    return [
        Finding(
            code="probabilities",
            severity=Severity.WARN,
            message=told,
            why="Estimates that weigh by these probabilities are off by about as much: they are not those that were "
            "used, or the proposed variant does what is never logged.",
            do="Log the probabilities that were really used.",
            data=data,
        )
    ]
