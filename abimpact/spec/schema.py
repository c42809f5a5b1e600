"""The keys of `abimpact.toml` (design.md §7) with their types; imported only when there is a file to check."""

from collections.abc import Sequence
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from abimpact.spec.experiment import SeveralRows
from abimpact.spec.metric import Better, MetricKind, Role


class _Table(BaseModel):
    """A table that knows its keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Units(_Table):
    """`[data.units]`: a unit with several rows."""

    several_rows: SeveralRows | None = Field(None, description="what several rows of a unit mean")


class Data(_Table):
    """`[data]`: what is what in the log."""

    unit: str | None = Field(None, description="column of what was randomised; absent: each row is a unit")
    variant: str | None = Field(None, description="column of the variant")
    incumbent: str | None = Field(None, description="the variant that runs today, the rules")
    proposed: str | tuple[str, ...] | None = Field(None, description="the variants proposed; absent: all others")
    time: str | None = Field(None, description="column of the row's date or time")
    split: str | None = Field(None, description='planned split, the incumbent first: "50:50"')
    where: str | None = Field(None, description="filter: only rows for which this holds are read")
    missing: Literal["zero", "exclude"] | None = Field(None, description="what a null outcome means")
    derive: dict[str, str] | None = Field(None, description="new columns from expressions, in order")
    units: Units | None = Field(None, description="a unit with several rows")


class MetricTable(_Table):
    """`[[metric]]`: one KPI."""

    name: str = Field(description="its name in the report")
    kind: MetricKind | None = Field(None, description="absent: a mean, or a proportion if all values are 0 or 1")
    value: str | None = Field(None, description="column or expression; absent: the column called like the metric")
    numerator: str | None = Field(None, description="of a ratio of sums")
    denominator: str | None = Field(None, description="of a ratio of sums")
    quantile: float | None = Field(None, description="of a quantile, between 0 and 1")
    role: Role = Field(Role.SECONDARY, description="primary decides, guardrail can stop, secondary informs")
    better: Better = Field(Better.HIGHER, description="the direction that is wanted")
    covariates: tuple[str, ...] = Field((), description="columns known before the experiment, to adjust by")
    margin: str | None = Field(None, description='worsening a guardrail tolerates: "2%", "0.5 points", "5 ms"')
    equivalence_margin: str | None = Field(None, description='a change too small to matter: "1%"')
    missing: Literal["zero", "exclude"] | None = Field(None, description="what a null outcome means")


class Analysis(_Table):
    """`[analysis]`: statistics."""

    level: float | None = Field(None, description="confidence level (0.95)")
    resamples: int | None = Field(None, ge=0, description="bootstrap resamples (9999; 0: none)")
    seed: int | None = Field(None, ge=0, description="seed of the bootstrap (0)")
    segments: tuple[str, ...] | None = Field(None, description="columns that must not determine the variant")


class ConfigFile(_Table):
    """The whole file."""

    data: Data = Data()
    metric: tuple[MetricTable, ...] = ()
    analysis: Analysis = Analysis()

    @classmethod
    def keys_at(cls, location: Sequence[int | str]) -> list[str]:
        """The keys that are known in the table at `location`."""
        table: Any = cls
        for part in location:
            if isinstance(part, str) and part in table.model_fields:
                table = _table_in(table.model_fields[part].annotation)
        return list(table.model_fields)


def _table_in(annotation: Any) -> Any:
    """The table type inside an annotation such as `Units | None` or `tuple[MetricTable, ...]`."""
    options = [annotation, *get_args(annotation)]
    return next((o for o in options if isinstance(o, type) and issubclass(o, _Table)), ConfigFile)


def config_schema() -> dict[str, Any]:
    """The JSON Schema of `abimpact.toml`, for editors."""
    return ConfigFile.model_json_schema()
