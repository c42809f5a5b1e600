"""SPSS and Stata files: numbers, and the labels that stand for some of them."""

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyreadstat

from abimpact.read.arrow import whole_numbers_as_such
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.sources import InputFile
from abimpact.read.tables import Taken, unreadable
from abimpact.spec.request import Pick

# What the reader stumbles over in a damaged file, beside its own errors.
DAMAGES = (ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError)


def read_spss(engine: DuckDBEngine, file: InputFile, pick: Pick) -> Taken:  # noqa: ARG001 - a reader's signature
    """An SPSS file; values declared missing are missing."""
    return _taken(file, pyreadstat.read_sav)


def read_stata(engine: DuckDBEngine, file: InputFile, pick: Pick) -> Taken:  # noqa: ARG001 - a reader's signature
    """A Stata file."""
    return _taken(file, pyreadstat.read_dta)


def _taken(file: InputFile, read: Callable[..., Any]) -> Taken:
    """All rows; a damaged file's names and values may be of any type, and are refused wherever that is noticed."""
    try:
        return _rows(file, read)
    except DAMAGES as error:
        raise unreadable(file, f"it is damaged ({type(error).__name__})") from error


def _rows(file: InputFile, read: Callable[..., Any]) -> Taken:
    """All rows; a column whose values all have labels is one of labels, with its numbers beside it."""
    guesses: list[str] = []
    try:
        try:
            frame, meta = read(file.path)
        except (UnicodeDecodeError, pyreadstat.ReadstatError) as error:
            if "encoding" not in str(error) and not isinstance(error, UnicodeDecodeError):
                raise
            frame, meta = read(file.path, encoding="LATIN1")
            guesses.append(f"{file.path} has texts that are not in its encoding: they were read as Latin-1.")
    except (pyreadstat.ReadstatError, UnicodeDecodeError) as error:
        raise unreadable(file, str(error) or "it is damaged") from error
    columns: dict[str, Any] = {}
    codes: dict[str, str] = {}
    for name in frame.columns:
        column = whole_numbers_as_such(_column(frame[name]))
        labels = meta.variable_value_labels.get(name, {})
        labelled = _labelled(column, labels)
        if labelled is None:
            columns[name] = column
            continue
        if labelled.null_count > column.null_count:
            columns[name] = column
            guesses.append(f"{file.path}: column {name!r} has labels for some of its values; it was read as numbers.")
            continue
        columns[name], codes[name] = labelled, f"{name} (code)"
        columns[codes[name]] = column
    return Taken(rows=pa.table(columns), codes=codes, guesses=tuple(guesses))


def _column(series: Any) -> Any:
    """A data frame's column; empty texts, SPSS's way to write no text, are missing."""
    column = pa.Array.from_pandas(series)
    if pa.types.is_null(column.type):
        return pc.cast(column, pa.string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pc.if_else(pc.equal(pc.utf8_trim_whitespace(column), ""), None, column)
    return column


def _labelled(column: Any, labels: Mapping[Any, str]) -> Any:
    """The labels of a column's values, null where a value has none; None if the file has none for its values."""
    if not labels:
        return None
    try:
        known = pc.cast(pa.array(list(labels)), column.type)
    except (pa.ArrowException, ValueError):
        return None
    found = pa.array([str(label) for label in labels.values()]).take(pc.index_in(column, value_set=known))
    return None if found.null_count == len(found) else found
