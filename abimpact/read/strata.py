"""The strata of a log: the phases of a ramp, and within these the values of the columns that were named."""

from abimpact.errors import DataError
from abimpact.read.calendar import phases_of
from abimpact.read.log import StratumNames
from abimpact.read.reading import Reading
from abimpact.spec.expression import literal

# Post-stratification gains by a few large strata; of a thousand small ones most lack a variant.
MOST_STRATA = 200
NONE = "(none)"


def strata_of(reading: Reading, relation: str) -> tuple[StratumNames, str] | None:
    """The strata of the units in `relation`, with SQL for the number of a unit's; None if there are none."""
    phases = phases_of(reading.experiment.calendar)
    columns = reading.strata
    if not columns:
        return phases
    names, phase_sql = (phases[0].names, phases[1]) if phases else (("",), "0")
    listed = ", ".join(columns)
    found = reading.engine.rows(
        f"SELECT DISTINCT {phase_sql} AS phase, {listed} FROM {relation} ORDER BY phase, {listed} "
        f"LIMIT {MOST_STRATA + 1}"
    )
    named = " and ".join(map(repr, reading.experiment.strata))
    if len(found) > MOST_STRATA:
        raise DataError(
            f"{named} have more than {MOST_STRATA} strata between them.",
            "Name columns with few values, or group the values in [data.derive].",
        )
    told = [[NONE if value is None else value for value in values] for _, *values in found]
    cases = " ".join(
        f"WHEN {phase_sql} = {phase} AND {' AND '.join(map(_is, columns, values))} THEN {i}"
        for i, (phase, *values) in enumerate(found)
    )
    by = " and ".join(reading.experiment.strata)
    strata = StratumNames(
        by=f"phase and {by}" if phases else by,
        names=tuple(" · ".join(filter(None, [names[row[0]], *mine])) for row, mine in zip(found, told, strict=True)),
        phases=tuple(row[0] for row in found),
    )
    return strata, f"CASE {cases} END"


def _is(column: str, value: str | None) -> str:
    return f"{column} IS NULL" if value is None else f"{column} = {literal(value)}"
