"""Files become one engine relation: Parquet is scanned in place, text files are parsed once into a table."""

import csv
import glob
import gzip
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO

import duckdb

from abimpact.errors import DataError
from abimpact.read.duckdb_engine import DuckDBEngine, first_line
from abimpact.read.sources import InputFile
from abimpact.spec.expression import literal, quote

DELIMITERS = ",;\t|"
HEAD_BYTES = 1 << 16
SNIFFED_ROWS, ALL_ROWS = 20_480, -1
READ_AS_LATIN = "A file is not UTF-8: it was read as Latin-1. Save it as UTF-8 to be sure."
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


# The helper column that names a row's file.
FILE = "abimpact_file"


@dataclass(frozen=True, slots=True)
class Loaded:
    """A relation with the log's own columns, and the expression that gives its rows their file order.

    `is_parsed` says that its texts were parsed from text files, `has_decimal_commas` that one of these separates its
    columns by semicolons, as people do who write decimal commas; `guesses` what was assumed.
    """

    relation: str
    order: str
    is_parsed: bool = False
    has_decimal_commas: bool = False
    guesses: tuple[str, ...] = ()


def columns_of(engine: DuckDBEngine, files: Sequence[InputFile]) -> dict[str, str]:
    """Names and type families of all columns of `files` together."""
    for encoding in ("utf-8", "latin-1"):
        try:
            found = engine.describe(_reader(files, encoding=encoding))
            return {name: family for name, family in found.items() if name != FILE}
        except duckdb.Error as error:
            failure = error
            if not _is_encoding_error(error):
                break
    raise _data_error(failure, files) from failure


def load(engine: DuckDBEngine, files: Sequence[InputFile], families: Mapping[str, str], texts: Sequence[str]) -> Loaded:
    """Make the columns of `families` (all of `files`, or those needed) readable as one relation.

    In text files the columns `texts` keep the file's own spelling. Every row is read as it is written, or the error
    says which line cannot be.
    """
    if all(f.format == "parquet" for f in files):
        return Loaded(_reader(files), f"struct_pack(f := {FILE}, r := file_row_number)")
    selected = ", ".join(quote(c) for c in (*families, FILE))
    spelled = {name: "VARCHAR" for name in texts if name in families}
    # DuckDB rounds 1.5 to 2 where the first rows of a column were whole numbers, so those are read as doubles.
    doubles = {name: "DOUBLE" for name, family in families.items() if family == "integer"} | spelled
    attempts = [(doubles, SNIFFED_ROWS, "utf-8"), (spelled, ALL_ROWS, "utf-8")]
    attempts += [(types, rows, "latin-1") for types, rows, _ in attempts]
    failure: duckdb.Error | None = None
    for types, rows, encoding in attempts:
        if failure is not None and encoding == "latin-1" and not _is_encoding_error(failure):
            break
        try:
            source = _reader(files, types=types, encoding=encoding, sample_size=rows)
            engine.execute(f"CREATE OR REPLACE TEMP TABLE file_rows AS SELECT {selected} FROM {source}")
        except duckdb.Error as error:
            failure = error
        else:
            return Loaded(
                "file_rows",
                "rowid",
                is_parsed=True,
                has_decimal_commas=any(f.format == "csv" and _dialect(f, encoding)[0] == ";" for f in files),
                guesses=(READ_AS_LATIN,) if encoding == "latin-1" else (),
            )
    assert failure is not None
    raise _data_error(failure, files) from failure


def load_frame(engine: DuckDBEngine, frame: object) -> Loaded:
    """Make a data frame or Arrow table readable as a relation in the order of its rows."""
    engine.register("frame", frame)
    engine.execute("CREATE TEMP TABLE frame_rows AS SELECT * FROM frame")
    return Loaded("frame_rows", "rowid")


def rows_per_file(engine: DuckDBEngine, loaded: Loaded) -> dict[str, int]:
    """The number of rows that each file gave."""
    return dict(engine.rows(f"SELECT {FILE}, count(*) FROM {loaded.relation} GROUP BY ALL"))


def _reader(
    files: Sequence[InputFile],
    *,
    types: Mapping[str, str] = MappingProxyType({}),
    encoding: str = "utf-8",
    sample_size: int = SNIFFED_ROWS,
) -> str:
    """The SQL table expression that reads `files`, matching columns by name."""
    groups: dict[tuple[str, str, str], list[InputFile]] = {}
    for file in files:
        dialect = _dialect(file, encoding) if file.format == "csv" else ("", "")
        groups.setdefault((file.format, *dialect), []).append(file)
    parts = []
    for (file_format, delimiter, codec), members in groups.items():
        listed = ", ".join(literal(glob.escape(f.path)) for f in members)
        hive = str(any(f.is_hive for f in members)).lower()
        common = f"[{listed}], union_by_name = true, hive_partitioning = {hive}, filename = '{FILE}'"
        if file_format == "parquet":
            parts.append(f"read_parquet({common})")
            continue
        forced = ", ".join(f"{literal(name)}: '{sql_type}'" for name, sql_type in types.items())
        parts.append(
            f"read_csv({common}, header = true, skip = 0, comment = '', quote = '\"', escape = '\"', "
            f"delim = {literal(delimiter)}, encoding = {literal(codec)}, sample_size = {sample_size}, "
            f"ignore_errors = false, null_padding = false{f', types = {{{forced}}}' if forced else ''})"
        )
    if len(parts) == 1:
        return parts[0]
    return "(" + " UNION ALL BY NAME ".join(f"SELECT * FROM {p}" for p in parts) + ")"


def _dialect(file: InputFile, encoding: str) -> tuple[str, str]:
    """The delimiter, which is the candidate that the header line has most of, and the encoding."""
    if file.path.endswith(".zst"):
        return "\t" if ".tsv" in file.path else ",", encoding
    try:
        with _open(file) as stream:
            head = stream.read(HEAD_BYTES)
    except (OSError, EOFError) as error:
        raise DataError(f"{file.path} cannot be read: {error}.") from error
    if head.startswith(UTF16_MARKS):
        encoding = "utf-16"
    line = head.decode(encoding, errors="replace").split("\n", 1)[0]
    unquoted = re.sub(r'"[^"]*"', "", line)
    return max(DELIMITERS, key=unquoted.count), encoding


def _open(file: InputFile) -> BinaryIO:
    return gzip.open(file.path) if file.path.endswith(".gz") else open(file.path, "rb")  # type: ignore[return-value]


def _is_encoding_error(error: duckdb.Error) -> bool:
    return "not utf-8 encoded" in str(error)


def _data_error(error: duckdb.Error, files: Sequence[InputFile]) -> DataError:
    """The engine's error in one line, with the file and the line it happened on."""
    text = str(error)
    path = re.search(r"^\s*file ?= ?(.+)$|sniffing file \"(.+)\"", text, re.MULTILINE)
    where = (path.group(1) or path.group(2)).strip() if path else ", ".join(f.path for f in files[:3])
    line = re.search(r"on Line: (\d+)", text)
    detail = re.search(
        r"(Could not convert string .*|Expected Number of Columns.*|Value with unterminated quote.*)", text
    )
    said = detail.group(1) if detail else first_line(error)
    if "sniffing file" in text:
        line, said = None, _misfit(next(f for f in files if f.path == where)) or said
    at = f", line {line.group(1)}" if line else ""
    return DataError(f"{where}{at}: {said.rstrip('.')}.", "Correct the file there, or export it again.")


def _misfit(file: InputFile) -> str:
    """Where the first row stands that has more or fewer values than the header; empty if none does."""
    delimiter, encoding = _dialect(file, "utf-8")
    if file.path.endswith(".zst"):
        return ""
    with _open(file) as stream:
        rows = csv.reader(io.TextIOWrapper(stream, encoding, errors="replace", newline=""), delimiter=delimiter)
        header = next(rows)
        for row in rows:
            if row and len(row) != len(header):
                return f"line {rows.line_num} has {len(row)} values where the header has {len(header)} columns."
    return ""
