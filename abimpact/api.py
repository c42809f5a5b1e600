"""The Python API: `analyze` gives the report that the command line prints."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abimpact.decide.decision import Decision
from abimpact.decide.report import Report as ReportValues
from abimpact.errors import UsageError, nearest
from abimpact.pipeline.report import run_report
from abimpact.spec.config import load_request
from abimpact.spec.experiment import SeveralRows
from abimpact.spec.metric import Metric, Role
from abimpact.spec.request import MetricRequest

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Report:
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

    def to_json(self) -> str:
        """The text of `result.json`."""
        return self._rendered("json")

    def to_markdown(self, *, show_anyway: bool = False) -> str:
        """The report as Markdown; with an invalid verdict KPIs are withheld unless `show_anyway`."""
        return self._rendered("markdown", show_anyway=show_anyway)

    def to_html(self, *, show_anyway: bool = False) -> str:
        """The report as one HTML page that needs nothing else; KPIs are withheld as in Markdown."""
        return self._rendered("html", show_anyway=show_anyway)

    def _repr_html_(self) -> str:
        """The page in a frame of its own, so that a notebook's styles and the report's leave each other alone."""
        from abimpact.render.html import framed

        return framed(self.to_html())

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


def analyze(
    data: Any,
    *,
    unit: str | None = None,
    variant: str | None = None,
    incumbent: str | float | None = None,
    proposed: str | float | Sequence[str | float] = (),
    time: str | None = None,
    metrics: Sequence[str | Metric] = (),
    guardrails: Sequence[str | Metric] = (),
    covariates: Sequence[str] = (),
    segments: Sequence[str] = (),
    split: str | None = None,
    several_rows: str | None = None,
    where: str | None = None,
    missing: str | None = None,
    level: float | None = None,
    resamples: int | None = None,
    seed: int | None = None,
    value: Mapping[str, Any] | None = None,
    sheet: str | None = None,
    table: str | None = None,
    config: str | PathLike[str] | None = None,
) -> Report:
    """Compare the variants in `data` and decide.

    `data` is a path, a list of paths, or a pandas, polars or Arrow table. `metrics` are SPECs as on the command line
    (the first is primary) or `Metric` values; `value` has the keys of the config's `[value]`; the other parameters are
    the options of the same name. Values not given come from `config`, or from the abimpact.toml beside the data, else
    from the command line's defaults.

    Raises `abimpact.errors.AbimpactError` where the command line exits with 2 or 3.
    """
    sources, frame = _split_data(data)
    named = [_metric(m, Role.PRIMARY if i == 0 else Role.SECONDARY) for i, m in enumerate(metrics)]
    named += [_metric(m, Role.GUARDRAIL) for m in guardrails]
    request = load_request(
        {
            "sheet": sheet,
            "table": table,
            "unit": unit,
            "variant": variant,
            "incumbent": None if incumbent is None else _text(incumbent),
            "proposed": tuple(map(_text, proposed if isinstance(proposed, (list, tuple)) else [proposed])),
            "time": time,
            "metrics": tuple(named),
            "covariates": tuple(covariates),
            "segments": tuple(segments),
            "several_rows": _rule(several_rows),
            "where": where,
            "missing": missing,
            "split": split,
            "level": level,
            "resamples": resamples,
            "seed": seed,
            "value": dict(value or {}),
        },
        sources,
        Path(config) if config is not None else None,
    )
    return Report(run_report(request, command="abimpact.analyze", frame=frame))


def _split_data(data: Any) -> tuple[tuple[str, ...], Any]:
    """The paths that `data` names, or the table that it is."""
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
