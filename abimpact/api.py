"""The Python API: each verb of the command line is a function that gives what the command prints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from abimpact.decide.decision import Decision
from abimpact.decide.report import Report as ReportValues
from abimpact.errors import UsageError, nearest
from abimpact.pipeline.report import run_report
from abimpact.render.printed import Printed
from abimpact.spec.config import load_request
from abimpact.spec.experiment import SeveralRows
from abimpact.spec.metric import Metric, Role
from abimpact.spec.request import MetricRequest, Request

if TYPE_CHECKING:
    import pandas as pd

    from abimpact.backtest.result import BacktestReport, Choice
    from abimpact.render.document import Document


@dataclass(frozen=True, slots=True)
class Report(Printed):
    """A report that can be read as values (`values`), as a dictionary, as a data frame, or as text for people."""

    values: ReportValues

    @property
    def verdict(self) -> Decision:
        """The verdict of the best proposed variant: `code`, `reason`, `because`."""
        return self.values.verdict

    def to_dict(self) -> dict[str, Any]:
        """The report as the dictionary that `result.json` holds."""
        from abimpact.render.json import to_dict

        return to_dict(self.values)

    def to_markdown(self, *, show_anyway: bool = False) -> str:
        """The report as Markdown; with an invalid verdict KPIs are withheld unless `show_anyway`."""
        return self._rendered("markdown", show_anyway=show_anyway)

    def to_html(self, *, show_anyway: bool = False) -> str:
        """The report as one HTML page that needs nothing else; KPIs are withheld as in Markdown."""
        return self._rendered("html", show_anyway=show_anyway)

    def to_csv(self) -> str:
        """The estimates as a tidy CSV table."""
        return self._rendered("csv")

    def to_text(self, *, show_anyway: bool = False) -> str:
        """The report in at most five lines, to paste into a chat."""
        return self._rendered("text", show_anyway=show_anyway)

    def write(self, path: str | PathLike[str], *, show_anyway: bool = False) -> None:
        """Write the report to a file in the format of its extension.

        There are .html, .md, .json, .csv, .xlsx, .pptx, .xml and .txt. The file is written whole or not at all;
        UsageError names a path that can't be written or has another extension.
        """
        from abimpact.render.table import Options, format_of, render
        from abimpact.render.write import write

        name = format_of(fspath(path))
        write(fspath(path), render(self.values, name, Options(show_anyway=show_anyway)))

    def to_pandas(self) -> "pd.DataFrame":
        """One row per metric, proposed variant and method."""
        from abimpact.render.frame import to_pandas

        return to_pandas(self.values)

    def _rendered(self, name: str, *, show_anyway: bool = False) -> str:
        from abimpact.render.table import Options, render_text

        return render_text(self.values, name, Options(show_anyway=show_anyway))


class LogOptions(TypedDict, total=False):
    """What every function that reads a log takes: the command line's options of the same name.

    `metrics` and `guardrails` are SPECs as on the command line, of which the first decides, or `Metric` values;
    `config` is the path of an abimpact.toml, whose paths may also lead into the folders `allow_paths`, and whose engine
    is asked if `allow_engine`.
    """

    unit: str | None
    cluster: str | None
    variant: str | None
    incumbent: str | float | None
    proposed: str | float | Sequence[str | float]
    time: str | None
    metrics: Sequence[str | Metric]
    guardrails: Sequence[str | Metric]
    covariates: Sequence[str]
    segments: Sequence[str]
    split: str | None
    met_by: str | None
    several_rows: str | None
    where: str | None
    missing: str | None
    level: float | None
    seed: int | None
    engine: str | None
    query: str | None
    sheet: str | None
    table: str | None
    config: str | PathLike[str] | None
    allow_paths: Sequence[str | PathLike[str]]
    allow_engine: bool


@dataclass(frozen=True, slots=True)
class Paper(Printed):
    """What a verb found (`values`), as a dictionary or as text for people."""

    values: Any
    numbers: Mapping[str, Any]
    document: "Document"

    def to_dict(self) -> dict[str, Any]:
        """The dictionary that the JSON file holds."""
        return dict(self.numbers)

    def _rendered(self, name: str) -> str:
        from abimpact.render.document import render
        from abimpact.render.table import Options

        return render(self.document, self.numbers, name, Options())


def analyze(
    data: Any = (),
    *,
    value: Mapping[str, Any] | None = None,
    resamples: int | None = None,
    studentized: bool | None = None,
    plan: str | PathLike[str] | None = None,
    promised: str | PathLike[str] | None = None,
    **options: Unpack[LogOptions],
) -> Report:
    """Compare the variants in `data` and decide.

    `data` is a path, a list of paths, or a pandas, polars or Arrow table; it is left out where the log is a `table` or
    `query` of the `engine` at a URL. `value` has the keys of the config's `[value]`; `resamples` is how often the
    bootstrap resamples (0: never), `studentized` resamples in standard errors too. `plan` is the path of a signed
    plan.toml, which the test is held against, `promised` that of a result.json which a holdout is held against. Values
    not given come from `config`, or from the abimpact.toml beside the data, else from the command line's defaults.

    Raises `abimpact.errors.AbimpactError` where the command line exits with 2 or 3.
    """
    request, frame = _request(data, resamples=resamples, studentized=studentized, value=value, signed=plan, **options)
    found = run_report(request, command="abimpact.analyze", frame=frame, with_distribution=True)
    if promised is None:
        return Report(found)
    from abimpact.portfolio.promised import with_promise

    return Report(with_promise(found, fspath(promised)))


def check(data: Any, *, reconcile: str | PathLike[str] | None = None, **options: Unpack[LogOptions]) -> Paper:
    """Check the log `data` without comparing an outcome, so that a running test can be watched.

    `reconcile` names a file of someone else's totals to hold the log against. Its `values` are a `CheckReport`, with
    the `findings`. Raises `abimpact.errors.AbimpactError` as `analyze` does.
    """
    from abimpact.pipeline.check import run_check
    from abimpact.render.check import document, to_dict

    request, frame = _request(data, **options)
    totals = None if reconcile is None else fspath(reconcile)
    found = run_check(request, command="abimpact.check", frame=frame, reconciled=totals)
    return Paper(found, to_dict(found), document(found))


def simulate(
    data: Any = (),
    *,
    repetitions: int = 2_000,
    units: int | None = None,
    lift: float | None = None,
    **options: Unpack[LogOptions],
) -> Paper:
    """Deal the units of `data` out at random, with and without an effect: is the analysis right on this data?

    `units` is the size of each test (as many as the log has), `lift` the effect put in, a fraction (the one that 80 %
    of tests find). Its `values` are a `Simulation`. Raises `abimpact.errors.AbimpactError` as `analyze` does.
    """
    from abimpact.simulate.page import document, to_dict
    from abimpact.simulate.run import Terms, run_simulation

    request, frame = _request(data, **options)
    terms = Terms(repetitions=repetitions, units=units, lift=lift)
    found = run_simulation(request, terms=terms, command="abimpact.simulate", frame=frame)
    return Paper(found, to_dict(found), document(found))


def plan(
    data: Any = None,
    *,
    value: Mapping[str, Any] | None = None,
    sequential: str | None = None,
    looks: Sequence[float] = (),
    baseline: float | None = None,
    sd: float | None = None,
    terms: Mapping[str, Any] | None = None,
    **options: Unpack[LogOptions],
) -> Paper:
    """Plan a test: units and days for an effect, the effect that they show, or the length that earns most.

    `data` is a log of the past as in `analyze`, or None: then `baseline` and `sd` (None: a proportion) tell of the
    first metric. `terms` has the keys of the config's `[plan]`: lift or effect, units or days, power, daily_units and
    so on; `value` those of `[value]`; `looks` are shares of the plan, with `sequential` "group". Its `values` are a
    `Plan`. Raises `abimpact.errors.AbimpactError` as `analyze` does.
    """
    from abimpact.plan.figures import figures
    from abimpact.plan.page import page
    from abimpact.plan.run import run_plan, with_baseline

    request, frame = _request(data, value=value, is_optional=True, **options)
    how = sequential or ("group" if looks else request.sequential)
    request = replace(request, sequential=how, looks=tuple(looks) or request.looks)
    request, known = with_baseline(request, baseline, sd)
    found = run_plan(request, keys={**(terms or {}), "kpi": known}, command="abimpact.plan", frame=frame)
    document = page(found)
    return Paper(found, figures(found, document.headline), document)


def rerun(result: Any, data: Any = (), *, engine: str | None = None, tolerance: float = 1e-9) -> Paper:
    """Run a stored result again: do its numbers still hold?

    `result` is the path of a result.json, a result, or its dictionary. `data` is where its inputs are now (a path,
    paths, or a table), if they are not where they were; `engine` the URL of the engine that has the log; `tolerance`
    the relative difference of a number that is taken for rounding. Its `values` are a `Rerun`, with `holds` and the
    `differences`. Raises `abimpact.errors.AbimpactError` for what cannot be run again.
    """
    from abimpact.rerun.page import document, to_dict
    from abimpact.rerun.recorded import read_recorded, recorded
    from abimpact.rerun.run import run_again

    if isinstance(result, (str, PathLike)):
        stored = read_recorded(fspath(result))
    else:
        stored = recorded(result.to_dict() if hasattr(result, "to_dict") else result, "result")
    given, frame = _split_data(data)
    found = run_again(stored, given=given, frame=frame, engine=engine, tolerance=tolerance, command="abimpact.rerun")
    return Paper(found, to_dict(found), document(found))


def _request(
    data: Any,
    *,
    resamples: int | None = None,
    studentized: bool | None = None,
    value: Mapping[str, Any] | None = None,
    signed: str | PathLike[str] | None = None,
    is_optional: bool = False,
    **options: Unpack[LogOptions],
) -> tuple[Request, Any]:
    """The request that options of the API make, and the table to read instead of files, if it is one.

    Where a log `is_optional`, None is none.
    """
    sources, frame = ((), None) if is_optional and data is None else _split_data(data)
    given: dict[str, Any] = {**options}
    config = given.pop("config", None)
    roles = [Role.PRIMARY, *[Role.SECONDARY] * len(options.get("metrics", ()))]
    named = [_metric(m, role) for m, role in zip(options.get("metrics", ()), roles, strict=False)]
    guarded = [_metric(m, Role.GUARDRAIL) for m in options.get("guardrails", ())]
    incumbent, proposed = options.get("incumbent"), options.get("proposed", ())
    given.pop("guardrails", None)
    flags = {
        **given,
        "incumbent": None if incumbent is None else _text(incumbent),
        "proposed": tuple(map(_text, proposed if isinstance(proposed, (list, tuple)) else [proposed])),
        "metrics": (*named, *guarded),
        "covariates": tuple(options.get("covariates", ())),
        "allow_paths": tuple(str(fspath(path)) for path in options.get("allow_paths", ())),
        "segments": tuple(options.get("segments", ())),
        "several_rows": _rule(options.get("several_rows")),
        "resamples": resamples,
        "studentized": studentized,
        "value": value or {},
        "signed": signed,
    }
    return load_request(flags, sources, Path(fspath(config)) if config is not None else None), frame


def _split_data(data: Any) -> tuple[tuple[str, ...], Any]:
    """The paths that `data` names, or the table that it is."""
    if isinstance(data, tuple) and not data:
        return (), None
    paths = data if isinstance(data, (list, tuple)) else [data]
    if paths and all(isinstance(path, (str, PathLike)) for path in paths):
        return tuple(str(fspath(path)) for path in paths), None
    # Every table of pandas, polars or Arrow has a shape.
    if len(getattr(data, "shape", ())) != 2 or 0 in data.shape[1:]:
        raise UsageError(
            f"{type(data).__name__!r} is no log that can be read.",
            "Give a path, paths, or a pandas, polars or Arrow table.",
        )
    return (), data


def _text(variant: str | float) -> str:
    """A variant's name as text; the engine writes truth in small letters."""
    return str(variant).lower() if isinstance(variant, bool) else str(variant)


def _rule(name: str | None) -> SeveralRows | None:
    try:
        return SeveralRows(name) if name else None
    except ValueError as error:
        raise UsageError(f"--several-rows {name!r} is not known.", nearest(str(name), SeveralRows)) from error


def _metric(metric: str | Metric, role: Role) -> Metric | MetricRequest:
    return metric if isinstance(metric, Metric) else MetricRequest(spec=metric, role=role)


@dataclass(frozen=True, slots=True)
class Backtest(Printed):
    """A backtest that can be read as values (`values`), as a dictionary, or as text for people."""

    values: "BacktestReport"

    @property
    def verdict(self) -> "Choice":
        """Whether it is worth an A/B test: `code`, `reason`, `proposed`."""
        return self.values.choice

    def to_dict(self) -> dict[str, Any]:
        """All numbers as the dictionary that JSON holds."""
        from abimpact.backtest.figures import figures

        return figures(self.values)

    def to_csv(self) -> str:
        """The differences as a tidy CSV table."""
        return self._rendered("csv")

    def _rendered(self, name: str) -> str:
        from abimpact.backtest.formats import render
        from abimpact.render.table import Options

        return render(self.values, name, Options())


def backtest(
    data: Any,
    *,
    incumbent: str | None = None,
    proposed: str | None = None,
    scores: Mapping[str, str] | None = None,
    threshold: float | None = None,
    outcome: str | None = None,
    payoff: Mapping[str, str | float] | None = None,
    decisions: Mapping[str, Any] | None = None,
    unit: str | None = None,
    time: str | None = None,
    segments: Sequence[str] = (),
    where: str | None = None,
    value: Mapping[str, Any] | None = None,
    limits: Sequence[Mapping[str, Any]] = (),
    level: float | None = None,
    resamples: int | None = None,
    seed: int | None = None,
    config: str | PathLike[str] | None = None,
    allow_paths: Sequence[str | PathLike[str]] = (),
) -> Backtest:
    """Replay a labelled history: what deciding otherwise would have earned instead of the rules.

    `incumbent`, `proposed` and `outcome` are columns or expressions that are 1, 0 or null, `scores` maps names to score
    columns (the simplest first). `payoff` has the keys of the config's `[payoff]`, `decisions` further keys of
    `[data.decisions]`, `value` those of `[value]`, `limits` tables like `[[limit]]`. Values not given come from
    `config`, or from the abimpact.toml beside the data.

    Raises `abimpact.errors.AbimpactError` where the command line exits with 2 or 3.
    """
    from abimpact.backtest.run import run_backtest

    sources, frame = _split_data(data)
    named = {"incumbent": incumbent, "proposed": proposed, "outcome": outcome, "threshold": threshold}
    request = load_request(
        {
            "allow_paths": tuple(str(fspath(path)) for path in allow_paths),
            "unit": unit,
            "time": time,
            "segments": tuple(segments),
            "where": where,
            "decisions": {
                **(decisions or {}),
                **{key: given for key, given in named.items() if given is not None},
                **({"scores": dict(scores)} if scores else {}),
            },
            "payoff": dict(payoff or {}),
            "value": dict(value or {}),
            "limits": tuple({"per": "day", **limit} for limit in limits),
            "level": level,
            "resamples": resamples,
            "seed": seed,
        },
        sources,
        Path(config) if config is not None else None,
    )
    return Backtest(run_backtest(request, command="abimpact.backtest", frame=frame))
