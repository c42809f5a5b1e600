"""What the steps of opening a log share: loaded rows on an engine, read for one experiment."""

from collections.abc import Mapping
from dataclasses import dataclass

from abimpact.errors import DataError
from abimpact.read.duckdb_engine import FAILURES
from abimpact.read.engine import Engine, first_line
from abimpact.read.loaded import Loaded
from abimpact.spec.derive import with_derived
from abimpact.spec.experiment import Experiment
from abimpact.spec.expression import quote

# Names of helper columns beside the log's own.
ARM, PLACE, DAY = "abimpact_arm", "abimpact_place", "abimpact_day"
# The view of all rows, with derived columns and before any filter.
EVERY = "every_row"


@dataclass(frozen=True, slots=True)
class Reading:
    """Loaded rows on an engine, the type families of their columns, and the experiment that they are read for."""

    engine: Engine
    loaded: Loaded
    families: Mapping[str, str]
    experiment: Experiment

    @property
    def unit(self) -> str:
        """SQL of a row's unit; an empty text is none."""
        return self._named(self.experiment.unit or "")

    @property
    def cluster(self) -> str:
        """SQL of a row's cluster, likewise."""
        return self._named(self.experiment.cluster or "")

    @property
    def identity(self) -> str:
        """SQL of what is one unit: with clusters it counts once in every cluster and variant that it is met in."""
        if not self.experiment.cluster:
            return self.unit
        # A sign that hardly any name has keeps the parts apart.
        return " || '␟' || ".join(f"CAST({part} AS VARCHAR)" for part in (self.unit, self.cluster, ARM))

    def _named(self, name: str) -> str:
        return f"nullif({quote(name)}, '')" if self.families.get(name) == "text" else quote(name)

    @property
    def segments(self) -> list[str]:
        """Names of the columns of declared segments in the relations of units."""
        return [f"s{j}" for j in range(len(self.experiment.segments))]

    @property
    def strata(self) -> list[str]:
        """Names of the columns that effects are stratified by in the relations of units."""
        return [f"t{j}" for j in range(len(self.experiment.strata))]

    @property
    def clusters(self) -> list[str]:
        """The column of the unit's cluster in the relations of units, where clusters were randomised."""
        return ["cluster"] if self.experiment.cluster else []

    @property
    def days(self) -> list[str]:
        """The column of the unit's day in the relations of units, where the log has dates."""
        return ["day"] if self.experiment.time else []

    @property
    def derived(self) -> str:
        """The loaded rows with their place and the derived columns."""
        relation = f"(SELECT *, {self.loaded.order or 0} AS {PLACE} FROM {self.loaded.relation})"
        return with_derived(relation, self.experiment.derive)

    def try_sql(self, sql: str, what: str) -> None:
        """Let the engine check the types of an expression over `rows` before it is part of larger queries."""
        try:
            self.engine.describe(f"(SELECT {sql} AS tried FROM rows)")
        except FAILURES as error:
            raise DataError(
                f"{what} cannot be computed: {first_line(error)}", "Check the types of its columns."
            ) from error
