"""The options that say what a log is and what to compare in it, written once for every command that reads one."""

import inspect
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from abimpact.cli import options as o
from abimpact.spec.engine_url import redacted

if TYPE_CHECKING:
    from abimpact.spec.request import MetricRequest, Request

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of a log by flags, and how the run may use the machine."""

    flags: Mapping[str, Any]
    sources: tuple[str, ...]
    config: Path | None
    running: Mapping[str, Any]
    is_progress_wanted: bool

    @property
    def inputs(self) -> "tuple[str | Path | None, ...]":
        """What is read, as it was named."""
        return (*self.sources, self.config, self.flags["outcomes"])

    def request(self, **more: Any) -> "Request":
        """The request that these flags, `more` of them, the environment and the config make together."""
        from abimpact.spec.config import load_request

        return load_request({**self.flags, **more}, self.sources, self.config)

    def run(self, call: Callable[..., Result], request: "Request") -> Result:
        """`call` one of the pipeline's functions, with a progress bar where one can be seen."""
        from abimpact.cli.progress import shown_progress
        from abimpact.pipeline.reading import Running

        with shown_progress(is_wanted=self.is_progress_wanted) as progress:
            return call(
                request,
                command=redacted(shlex.join(["abimpact", *sys.argv[1:]])),
                running=Running(**self.running, progress=progress),
            )


def reads_a_log(command: Callable[..., int], *, is_needed: bool = True) -> Callable[..., int]:
    """`command` with the options of `asked_options` before its own: its first argument becomes an `Asked`.

    Where a log is not needed, there may be no SOURCE.
    """
    shared = inspect.signature(asked_options).parameters
    (_, *own) = inspect.signature(command).parameters.values()

    @wraps(command)
    def run(**given: Any) -> int:
        asked = asked_options(**{name: given.pop(name) for name in shared})
        return command(asked, **given)

    asked_for = {**shared} if is_needed else {**shared, "sources": shared["sources"].replace(default=None)}
    parameters = sorted([*asked_for.values(), *own], key=lambda p: p.default is not inspect.Parameter.empty)
    hints = {**get_type_hints(asked_options, include_extras=True), **get_type_hints(command, include_extras=True)}
    hints |= {} if is_needed else {"sources": o.AnySources}
    typed = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[p.name]) for p in parameters]
    run.__signature__ = inspect.Signature(typed, return_annotation=int)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in typed} | {"return": int}
    del run.__wrapped__
    return run


def asked_options(
    sources: o.FilesOrEngine = None,
    config: o.Config = None,
    allow_path: o.AllowPaths = None,
    engine: o.Engine = None,
    allow_engine: o.AllowEngine = False,
    query: o.Query = None,
    sheet: o.Sheet = None,
    table: o.Table = None,
    unit: o.Unit = None,
    cluster: o.Cluster = None,
    variant: o.Variant = None,
    incumbent: o.Incumbent = None,
    proposed: o.Proposed = None,
    time: o.Time = None,
    metric: o.Metrics = None,
    guardrail: o.Guardrails = None,
    covariate: o.Covariates = None,
    segment: o.Segments = None,
    met_by: o.MetBy = None,
    outcomes: o.Outcomes = None,
    several_rows: o.SeveralRows = None,
    where: o.Where = None,
    missing: o.MissingMeans = None,
    split: o.Split = None,
    level: o.Level = None,
    seed: o.Seed = None,
    memory_limit: o.MemoryLimit = None,
    threads: o.Threads = None,
    no_progress: o.NoProgress = False,
) -> Asked:
    """The options that say what a log is and what to compare in it."""
    return Asked(
        flags={
            "allow_paths": tuple(allow_path or ()),
            "allow_engine": allow_engine,
            "engine": engine,
            "query": query,
            "sheet": sheet,
            "table": table,
            "unit": unit,
            "cluster": cluster,
            "variant": variant,
            "incumbent": incumbent,
            "proposed": tuple(proposed or ()),
            "time": time,
            "metrics": metrics_of(metric or [], guardrail or []),
            "covariates": tuple(covariate or ()),
            "segments": tuple(segment or ()),
            "met_by": met_by,
            "outcomes": outcomes,
            "several_rows": several_rows,
            "where": where,
            "missing": missing.value if missing else None,
            "split": split,
            "level": level,
            "seed": seed,
        },
        sources=tuple(sources or ()),
        config=config,
        running={"memory_limit": memory_limit, "threads": threads},
        is_progress_wanted=not no_progress,
    )


def metrics_of(metrics: list[str], guardrails: list[str]) -> "tuple[MetricRequest, ...]":
    """The first metric is primary, the others secondary."""
    from abimpact.spec.metric import Role
    from abimpact.spec.request import MetricRequest

    roles = [Role.PRIMARY, *[Role.SECONDARY] * len(metrics)]
    named = [MetricRequest(spec=spec, role=role) for spec, role in zip(metrics, roles, strict=False)]
    return (*named, *(MetricRequest(spec=spec, role=Role.GUARDRAIL) for spec in guardrails))
