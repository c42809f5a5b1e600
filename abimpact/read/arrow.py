"""Arrow and Feather files, and columns for Arrow tables."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.sources import InputFile
from abimpact.read.tables import Taken, unreadable
from abimpact.spec.request import Pick

# Beyond this, not every whole number is a double.
LARGEST_WHOLE = 2.0**53


def read_arrow(engine: DuckDBEngine, file: InputFile, pick: Pick) -> Taken:  # noqa: ARG001 - a reader's signature
    """An Arrow file, an Arrow stream or a Feather file of either version."""
    try:
        with open(file.path, "rb") as stream:
            head = stream.read(4)
        if head == b"FEA1":
            from pyarrow import feather

            return Taken(rows=feather.read_table(file.path))
        # Not mapped into memory: a file that is cut off meanwhile would take the process down.
        source = pa.OSFile(file.path)
        if head != b"ARRO":
            return Taken(rows=pa.ipc.open_stream(source))
        reader = pa.ipc.open_file(source)
        batches = (reader.get_batch(i) for i in range(reader.num_record_batches))
        return Taken(rows=pa.RecordBatchReader.from_batches(reader.schema, batches))
    except (pa.ArrowException, OSError) as error:
        raise unreadable(file, str(error).splitlines()[0]) from error


def whole_numbers_as_such(column: Any) -> Any:
    """A column of doubles as 64-bit integers, if all its values are whole numbers."""
    if not pa.types.is_floating(column.type) or column.null_count == len(column):
        return column
    values = np.asarray(column.drop_null())
    is_whole = bool(np.all((values == np.trunc(values)) & (np.abs(values) < LARGEST_WHOLE)))
    return pc.cast(column, pa.int64()) if is_whole else column
