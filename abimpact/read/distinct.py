"""Proof that every unit has one row, at near scan speed; a `GROUP BY` over all units is several times dearer."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from abimpact.errors import DataError
from abimpact.read.engine import Engine

# Rows looked at together: 8 bytes each, so memory stays bounded whatever the log's size.
PART_ROWS = 1 << 24
# Whole numbers are ticked off in a table of one byte each while it has at most this many bytes a row.
SPARSE = 16


def are_distinct(engine: Engine, relation: str, unit: str, rows: int, *, is_integer: bool) -> bool:
    """Whether no value of the SQL expression `unit` stands in two of the `rows` rows of `relation` (nulls apart).

    A True is certain. Texts are compared by 64-bit hashes, so a False may be a chance collision (1 in 10^5 logs of
    10M units) and only means that an exact query has to look.
    """
    if is_integer:
        low, high = engine.rows(f"SELECT min({unit}), max({unit}) FROM {relation}")[0]
        if low is not None and high - low < SPARSE * rows:
            return _ticked_off(engine, relation, unit, rows, int(low), int(high))
    parts = -(-rows // PART_ROWS)
    for part in range(parts):
        where = f" AND hash({unit}) % {parts} = {part}" if parts > 1 else ""
        values = engine.query(f"SELECT hash({unit}) AS h FROM {relation} WHERE {unit} IS NOT NULL{where}")["h"]
        if _has_twins(np.asarray(values, dtype=np.uint64)):
            return False
    return True


def _ticked_off(engine: Engine, relation: str, unit: str, rows: int, low: int, high: int) -> bool:
    """Distinct whole numbers tick off as many places as there are rows."""
    parts = -(-rows // PART_ROWS)
    for part in range(parts):
        where = f" AND ({unit} - {low}) % {parts} = {part}" if parts > 1 else ""
        values = np.asarray(
            engine.query(f"SELECT CAST({unit} - {low} AS BIGINT) AS u FROM {relation} WHERE {unit} IS NOT NULL{where}")[
                "u"
            ],
            dtype=np.int64,
        )
        seen = np.zeros((high - low) // parts + 1, dtype=np.bool_)
        try:
            seen[values // parts if parts > 1 else values] = True
        except IndexError as error:
            raise DataError(
                f"The values of the unit {unit} are not those that its file's own statistics tell: it is damaged.",
                "Copy or export it again.",
            ) from error
        if int(np.count_nonzero(seen)) != len(values):
            return False
    return True


def _has_twins(values: NDArray[np.uint64]) -> bool:
    """Whether two values are equal, by sorting the halves below and above the middle on two threads."""
    is_low = values < np.uint64(1 << 63)
    halves = (values[is_low], values[~is_low])

    def has_twins(half: NDArray[np.uint64]) -> bool:
        half.sort()
        return bool((half[1:] == half[:-1]).any())

    with ThreadPoolExecutor(2) as pool:
        return any(pool.map(has_twins, halves))
