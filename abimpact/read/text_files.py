"""CSV as people have it: delimiter, encoding, and errors that name the file and line."""

import csv
import glob
import gzip
import io
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import BinaryIO

import duckdb

from abimpact.errors import DataError
from abimpact.read.engine import first_line
from abimpact.read.loaded import FILE
from abimpact.read.sources import InputFile
from abimpact.spec.expression import literal
from abimpact.spec.private import without_values

DELIMITERS = ",;\t|"
HEAD_BYTES = 1 << 16
SNIFFED_ROWS, ALL_ROWS = 20_480, -1
READ_AS_LATIN = "A file is not UTF-8: it was read as Latin-1. Save it as UTF-8 to be sure."
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def listed(files: Sequence[InputFile]) -> str:
    """The first arguments of a function that reads `files`, matching columns by name."""
    names = ", ".join(literal(glob.escape(f.path)) for f in files)
    hive = str(any(f.is_hive for f in files)).lower()
    return f"[{names}], union_by_name = true, hive_partitioning = {hive}, filename = '{FILE}'"


def csv_reader(
    files: Sequence[InputFile],
    delimiter: str,
    encoding: str,
    *,
    types: Mapping[str, str] = MappingProxyType({}),
    sample_size: int = SNIFFED_ROWS,
) -> str:
    """The SQL table function that reads CSV `files` of one dialect."""
    forced = ", ".join(f"{literal(name)}: '{sql_type}'" for name, sql_type in types.items())
    return (
        f"read_csv({listed(files)}, header = true, skip = 0, comment = '', quote = '\"', escape = '\"', "
        f"delim = {literal(delimiter)}, encoding = {literal(encoding)}, sample_size = {sample_size}, "
        f"ignore_errors = false, null_padding = false{f', types = {{{forced}}}' if forced else ''})"
    )


def dialect(file: InputFile, encoding: str) -> tuple[str, str]:
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


def is_encoding_error(error: duckdb.Error) -> bool:
    """Whether a file is not in the encoding that it was read with."""
    return "not utf-8 encoded" in str(error)


def data_error(error: duckdb.Error, files: Sequence[InputFile]) -> DataError:
    """The engine's error in one line, with the file and the line it happened on."""
    text = str(error)
    path = re.search(r"^\s*file ?= ?(.+)$|sniffing file \"(.+)\"", text, re.MULTILINE)
    where = (path.group(1) or path.group(2)).strip() if path else ", ".join(f.path for f in files[:3])
    line = re.search(r"on Line: (\d+)", text)
    detail = re.search(
        r"(Could not convert string .*|Expected Number of Columns.*|Value with unterminated quote.*)", text
    )
    said = without_values(detail.group(1)) if detail else first_line(error)
    if longest := re.search(r"Maximum line size of (\d+) bytes exceeded", text):
        said, line = f"a line is longer than {int(longest.group(1)):,} bytes", None
    elif "sniffing file" in text:
        line, said = None, _misfit(next(f for f in files if f.path == where)) or said
    at = f", line {line.group(1)}" if line else ""
    return DataError(f"{where}{at}: {said.rstrip('.')}.", "Correct the file there, or export it again.")


def _misfit(file: InputFile) -> str:
    """Where the first row stands that has more or fewer values than the header, or what else is odd; or nothing."""
    delimiter, encoding = dialect(file, "utf-8")
    if file.path.endswith(".zst"):
        return ""
    with _open(file) as stream:
        head = stream.read(HEAD_BYTES)
        if b"\r\n" in head and b"\n" in head.replace(b"\r\n", b""):
            return "its lines end in two ways, as on Windows (CR LF) and as elsewhere (LF)."
        stream.seek(0)
        rows = csv.reader(io.TextIOWrapper(stream, encoding, errors="replace", newline=""), delimiter=delimiter)
        header = next(rows)
        for row in rows:
            if row and len(row) != len(header):
                return f"line {rows.line_num} has {len(row)} values where the header has {len(header)} columns."
    return _ends(file)


def _ends(file: InputFile) -> str:
    """That the lines end in two ways, if they do near the beginning."""
    with _open(file) as stream:
        head = stream.read(HEAD_BYTES)
    has_both = head.count(b"\r\n") not in (0, head.count(b"\n"))
    return "some lines end in \\r\\n and others in \\n; let all end alike." if has_both else ""
