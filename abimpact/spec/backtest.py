"""What a backtest is asked: who decided what, what came of it, and what each kind of decision earns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from abimpact.errors import ConfigError, UsageError
from abimpact.spec.calendar import Calendar, resolve_calendar
from abimpact.spec.derive import derived_columns
from abimpact.spec.expression import Expression, find_column, parse_expression
from abimpact.spec.limit import Limit, resolve_limits
from abimpact.spec.metric import Better, Metric, MetricKind, Role
from abimpact.spec.request import Request
from abimpact.spec.resolve import UNIT_NAMES, check_values, named_or_guessed, time_column
from abimpact.spec.value import ValueTerms, resolve_value

CELLS = ("true_positive", "false_positive", "false_negative", "true_negative")
# The name under which the small tree is one more proposed variant.
TREE = "tree"
VALUE = "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A proposed variant: a decision of its own, or a score that acts from `threshold` on (None: to be found)."""

    name: str
    expression: Expression
    is_score: bool
    threshold: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """What a log says of decisions taken at random: `propensity` of the logged one, `release` of seeing an outcome.

    `proposed` is the probability with which the proposed variant would have taken the logged decision, out of the
    choices `action` in a `context` of columns.
    """

    propensity: Expression | None
    release: Expression | None
    proposed: Expression | None
    reward: Expression | None
    action: str | None
    context: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """A validated backtest over one log.

    `incumbent` is the rules' decision (None where `logged` has all that is known of it), `payoff` has an expression for
    each of `CELLS` (empty with a reward). `limits` come with what an act takes of them. `simplest_first` are names of
    proposed variants. `assumed` says in sentences what was not given, `guesses` what was guessed.
    """

    name: str
    incumbent: Expression | None
    candidates: tuple[Candidate, ...]
    outcome: Expression | None
    payoff: Mapping[str, Expression]
    logged: Logged
    unit: str | None
    time: str | None
    calendar: Calendar
    where: Expression | None
    derive: Mapping[str, Expression]
    segments: tuple[str, ...]
    rules_fired: str | None
    reason: str | None
    tree_columns: tuple[str, ...]
    tree_depth: int
    limits: tuple[tuple[Limit, Expression], ...]
    value: ValueTerms | None
    currency: str
    simplest_first: tuple[str, ...]
    level: float
    resamples: int
    seed: int
    min_segment_units: int
    assumed: tuple[str, ...]
    guesses: tuple[str, ...]


def resolve_backtest(request: Request, columns: Mapping[str, str]) -> Backtest:
    """The backtest that `request` means in a log with `columns` (names to type families)."""
    check_values(request)
    table = dict(request.decisions or {})
    derive, known = derived_columns(request.derive, columns)

    def parsed(key: str) -> Expression | None:
        return parse_expression(table[key], known, f"[data.decisions] {key}") if table.get(key) else None

    logged = Logged(
        propensity=parsed("propensity"),
        release=parsed("release_probability"),
        proposed=parsed("proposed_probability"),
        reward=parsed("reward"),
        action=find_column(table["action"], known, "[data.decisions] action") if table.get("action") else None,
        context=tuple(find_column(c, known, "[data.decisions] context") for c in table.get("context", ())),
    )
    candidates = _candidates(request, table, known, logged)
    payoff, assumed = _payoff(request, known, logged)
    _check(table, logged, candidates, payoff)
    unit, said = named_or_guessed(request.unit, UNIT_NAMES, known, "--unit")
    time, also_said = time_column(request.time, known)
    value = _value(request, known)
    limits, totals = resolve_limits(
        [{**limit, "value": limit.get("value") or "1"} for limit in request.limits], (), known
    )
    column = {
        key: find_column(table[key], known, f"[data.decisions] {key}") if table.get(key) else None for key in _COLUMNS
    }
    names = [c.name for c in candidates]
    return Backtest(
        name=request.incumbent or table.get("incumbent") or "as logged",
        incumbent=parsed("incumbent"),
        candidates=candidates,
        outcome=parsed("outcome"),
        payoff=payoff,
        logged=logged,
        unit=unit,
        time=time,
        calendar=resolve_calendar(request.timezone, request.first_day, request.last_day, (), time),
        where=parse_expression(request.where, known, "--where") if request.where else None,
        derive=derive,
        segments=tuple(find_column(s, known, "--segment") for s in request.segments),
        rules_fired=column["rules_fired"],
        reason=column["reason"],
        tree_columns=tuple(find_column(c, known, "[data.decisions] tree_columns") for c in table.get(_TREE, ())),
        tree_depth=table.get("tree_depth", 3),
        limits=tuple((limit, total.value) for limit, total in zip(limits, totals, strict=True)),
        value=value,
        currency=(request.payoff or {}).get("currency") or (value.currency if value else ""),
        simplest_first=tuple(n for n in (value.simplest_first if value else ()) if n in names) or tuple(names),
        level=request.level,
        resamples=request.resamples,
        seed=request.seed,
        min_segment_units=request.min_segment_units,
        assumed=assumed,
        guesses=(*said, *also_said),
    )


_COLUMNS, _TREE = ("rules_fired", "reason"), "tree_columns"


def _candidates(
    request: Request, table: Mapping[str, Any], columns: Mapping[str, str], logged: Logged
) -> tuple[Candidate, ...]:
    """The proposed variants in the order given."""
    named = request.proposed[0] if len(request.proposed) == 1 else None
    shared, own = table.get("threshold"), table.get("thresholds", {})
    found = []
    if text := table.get("proposed"):
        expression = parse_expression(text, columns, "[data.decisions] proposed")
        found.append(Candidate(name=named or text, expression=expression, is_score=False))
    if logged.proposed:
        found.append(Candidate(name=named or "proposed", expression=logged.proposed, is_score=False))
    scores = dict(table.get("scores", {}))
    if text := table.get("score"):
        scores = {(named if named and not found else text): text, **scores}
    for name, text in scores.items():
        expression = parse_expression(text, columns, f"[data.decisions] score {name!r}")
        found.append(Candidate(name=name, expression=expression, is_score=True, threshold=own.get(name, shared)))
    for name in own:
        if name not in scores:
            raise ConfigError(f"[data.decisions.thresholds]: no score is called {name!r}.", "Name one of the scores.")
    names = [c.name for c in found]
    if len(set(names)) < len(names) or TREE in names:
        raise ConfigError(f"Two proposed variants have one name: {', '.join(names)}; {TREE!r} is the small tree's.")
    return tuple(found)


def _payoff(
    request: Request, columns: Mapping[str, str], logged: Logged
) -> tuple[dict[str, Expression], tuple[str, ...]]:
    """An expression for each kind of decision, and which of them were not given."""
    table = request.payoff or {}
    given = {key: table[key] for key in CELLS if key in table}
    if logged.reward:
        if given:
            raise ConfigError("[data.decisions] reward and [payoff] exclude each other.", "Give one of them.")
        return {}, ()
    if not given:
        raise UsageError(
            "What does a decision earn? A backtest compares money.",
            "Give [payoff] true_positive, false_positive, false_negative and true_negative, or --payoff KIND=EXPR.",
        )
    found = {key: parse_expression(str(given.get(key, 0)), columns, f"[payoff] {key}") for key in CELLS}
    missing = [key.replace("_", " ") for key in CELLS if key not in given]
    said = (f"What a {' or a '.join(missing)} earns was not given and counts as 0.",) if missing else ()
    return found, said


def _check(
    table: Mapping[str, Any], logged: Logged, candidates: tuple[Candidate, ...], payoff: Mapping[str, Expression]
) -> None:
    """What must be named, and what excludes each other."""
    if not candidates:
        raise UsageError(
            "What would the proposed variant have decided?",
            "Name its column (--proposed), or its score (--score) with or without a --threshold.",
        )
    if logged.proposed and (len(candidates) > 1 or not logged.propensity or not logged.reward):
        raise ConfigError(
            "[data.decisions] proposed_probability goes with propensity and reward, and with no other variant.",
            "Give the probability of the logged choice under both policies, and what it earned.",
        )
    if logged.release and logged.propensity:
        raise ConfigError(
            "[data.decisions] release_probability and propensity exclude each other.",
            "propensity: the decision itself was random. release_probability: whether its outcome was seen.",
        )
    if logged.reward and not logged.propensity:
        raise ConfigError("[data.decisions] reward needs propensity.", "Or give outcome and [payoff].")
    if not logged.proposed and not table.get("incumbent"):
        raise UsageError("What did the rules decide?", "Name the column of their decision: --incumbent COLUMN.")
    if payoff and not table.get("outcome"):
        raise UsageError("What came of it? The outcome is not named.", "Name its column: --outcome COLUMN.")


def _value(request: Request, columns: Mapping[str, str]) -> ValueTerms | None:
    """The costs of `[value]`; the payoff is money already, so its metric and worth do not count here."""
    if request.value is None:
        return None
    table = {k: v for k, v in request.value.items() if k != "metric"} | {"worth": 1.0}
    money = Metric(
        name=VALUE,
        kind=MetricKind.MEAN,
        role=Role.PRIMARY,
        better=Better.HIGHER,
        value=Expression("0", "0", ()),
    )
    terms, extra = resolve_value(table, (money,), columns)
    if extra:
        raise ConfigError(
            "[value]: a backtest takes costs per unit as a number.", "Put costs of single decisions into [payoff]."
        )
    return terms
