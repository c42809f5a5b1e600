"""The Python API of stored results: `compare` two runs, take many tests together as a `portfolio`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abimpact.errors import UsageError
from abimpact.findings import Finding
from abimpact.pipeline.reading import Running
from abimpact.portfolio import compare_json, compare_page, formats, portfolio_json, portfolio_page
from abimpact.portfolio.compare import Comparison as ComparisonValues
from abimpact.portfolio.compare import compare_runs
from abimpact.portfolio.formats import Told
from abimpact.portfolio.gather import expand_results, read_experiments, read_results
from abimpact.portfolio.portfolio import Portfolio as PortfolioValues
from abimpact.portfolio.portfolio import portfolio_of
from abimpact.portfolio.stored import Stored, read_report, stored
from abimpact.render.printed import Printed
from abimpact.render.table import Options
from abimpact.spec.config import load_request

if TYPE_CHECKING:
    import pandas as pd

DEFAULT_LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Printable(Printed):
    """A result that can be read as a dictionary or as text for people."""

    told: Told = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """The dictionary that the JSON file holds."""
        return dict(self.told.numbers)

    def to_csv(self) -> str:
        """The rows as CSV."""
        return self._rendered("csv")

    def to_text(self) -> str:
        """The headline and little more, to paste into a chat."""
        return self._rendered("text")

    def write(self, path: str | PathLike[str]) -> None:
        """Write the result in the format of the extension: .html, .md, .json, .csv, .xlsx or .txt."""
        from abimpact.render.write import write

        name = formats.format_of(fspath(path))
        write(fspath(path), formats.render(self.told, name, Options()))

    def to_pandas(self) -> "pd.DataFrame":
        """The rows of `to_csv` as a data frame."""
        import pandas as pd

        return pd.DataFrame(list(self.told.rows()))

    def _rendered(self, name: str) -> str:
        return formats.render_text(self.told, name, Options())


@dataclass(frozen=True, slots=True)
class Comparison(Printable):
    """What changed between two runs."""

    values: ComparisonValues

    @property
    def is_verdict_changed(self) -> bool:
        """Whether the verdict, its reason or its variant differs."""
        return self.values.is_verdict_changed


@dataclass(frozen=True, slots=True)
class Portfolio(Printable):
    """Many tests together."""

    values: PortfolioValues


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """How a table of experiments is read (`flags` as on the command line), and how all tests are taken together."""

    config: Path | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    level: float | None = None
    prior_lift_sd: float | None = None


def compare(old: Any, new: Any) -> Comparison:
    """What changed between two runs, given as paths of result.json, as reports or as their dictionaries.

    Raises `abimpact.errors.DataError` for what is no report.
    """
    found = compare_runs(_stored(old, "old"), _stored(new, "new"))
    numbers = compare_json.to_dict(found)
    return Comparison(Told(compare_page.document(found), numbers, lambda: compare_json.rows(found)), found)


def portfolio(
    results: Any,
    *,
    config: str | PathLike[str] | None = None,
    where: str | None = None,
    level: float | None = None,
    prior_lift_sd: float | None = None,
) -> Portfolio:
    """Many tests together: what they earned, how many shipped, and what of it was luck.

    `results` is a list (or one) of reports, their dictionaries, paths of result.json, folders or patterns of them; or
    the path of a table of aggregates with several experiments, read as `config` says. `prior_lift_sd` is the standard
    deviation of true lifts (0.02: 2 %), estimated from ten lifts or more if not given.
    """
    if level is not None and not 0 < level < 1:
        raise UsageError(f"level {level!r} is no share between 0 and 1.")
    given = [results] if isinstance(results, (str, PathLike, Mapping)) or hasattr(results, "to_dict") else list(results)
    paths = [fspath(x) for x in given if isinstance(x, (str, PathLike))]
    here = [_stored(x, f"result {i + 1}") for i, x in enumerate(given) if not isinstance(x, (str, PathLike))]
    asked = Asked(
        config=Path(config) if config is not None else None,
        flags={"where": where},
        level=level,
        prior_lift_sd=prior_lift_sd,
    )
    return together(paths, asked, here=here, command="abimpact.portfolio")


def together(
    sources: Sequence[str],
    asked: Asked,
    *,
    here: Sequence[Stored] = (),
    command: str = "",
    running: Running | None = None,
) -> Portfolio:
    """The portfolio of everything that `sources` name, and of the reports that are at hand."""
    results, others = expand_results(sources)
    reports, findings = read_results(results)
    level = asked.level
    if others:
        request = load_request({**asked.flags, "level": asked.level}, others, asked.config)
        found, more = read_experiments(request, command=command, running=running or Running())
        reports, findings, level = [*reports, *found], [*findings, *more], request.level
    return _portfolio([*here, *reports], asked.prior_lift_sd, level or DEFAULT_LEVEL, findings)


def _portfolio(
    reports: Sequence[Stored], prior_lift_sd: float | None, level: float, findings: Sequence[Finding]
) -> Portfolio:
    if not reports:
        raise UsageError("No report is given.", "Give what abimpact report -o result.json wrote.")
    found = portfolio_of(reports, level=level, prior_lift_sd=prior_lift_sd, findings=findings)
    numbers = portfolio_json.to_dict(found)
    return Portfolio(Told(portfolio_page.document(found), numbers, lambda: portfolio_json.rows(found)), found)


def _stored(run: Any, name: str) -> Stored:
    """A report from its file, from the dictionary it makes of itself, or from that dictionary."""
    if isinstance(run, (str, PathLike)):
        return read_report(fspath(run))
    return stored(run.to_dict() if hasattr(run, "to_dict") else run, name)
