"""What columns each file has, under the log's names, and which files can be read alike."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path

import duckdb

from abimpact.errors import DataError
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.loaded import FILE, ROW
from abimpact.read.sources import InputFile
from abimpact.read.tables import take
from abimpact.read.text_files import csv_reader, data_error, dialect, is_encoding_error, listed
from abimpact.spec.request import Pick

Aliases = Mapping[str, Sequence[str] | Mapping[str, Sequence[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Files of one format with the same columns. `columns` are type families by the log's names.

    `names` has the files' own names where they are others. CSV files are separated by `delimiter`; a file that is
    neither CSV nor Parquet lies in the engine's `table`. `codes`: see `Taken`.
    """

    files: tuple[InputFile, ...]
    columns: Mapping[str, str]
    names: Mapping[str, str]
    delimiter: str = ""
    encoding: str = ""
    table: str = ""
    codes: Mapping[str, str]

    @property
    def format(self) -> str:
        """The format of its files."""
        return self.files[0].format


@dataclass(frozen=True, slots=True)
class Survey:
    """All parts of a log, and what was assumed about its files."""

    parts: tuple[Part, ...]
    guesses: tuple[str, ...]

    @property
    def families(self) -> dict[str, str]:
        """Names and type families of all columns together."""
        found: dict[str, set[str]] = {}
        for part in self.parts:
            for name, family in part.columns.items():
                found.setdefault(name, set()).add(family)
        return {name: _common(families) for name, families in found.items()}


@dataclass(frozen=True, slots=True)
class _Seen:
    """One file with its own columns, before these have the log's names."""

    file: InputFile
    columns: Mapping[str, str]
    delimiter: str = ""
    encoding: str = ""
    table: str = ""
    codes: tuple[tuple[str, str], ...] = ()


def survey(engine: DuckDBEngine, files: Sequence[InputFile], pick: Pick, *, prefix: str = "rows") -> Survey:
    """The parts of the log that `files` make. Tables of the engine begin with `prefix`."""
    guesses: list[str] = []
    seen = [*_parquet(engine, [f for f in files if f.format == "parquet"])]
    for file in files:
        if file.format == "csv":
            seen.append(_csv(engine, file))
        elif file.format != "parquet":
            table = f"{prefix}_{len(seen)}"
            taken = take(engine, file, pick, table)
            guesses += taken.guesses
            hidden = {*taken.codes.values(), ROW}
            columns = {name: family for name, family in engine.describe(table).items() if name not in hidden}
            seen.append(_Seen(file, columns, table=table, codes=tuple(taken.codes.items())))
    log_names = {name.casefold(): name for name, others in pick.columns.items() if not isinstance(others, Mapping)}
    groups: dict[object, list[Part]] = {}
    for one in seen:
        part = _part(one, pick.columns, log_names)
        kinds = tuple((name, "float" if f == "integer" else f) for name, f in part.columns.items())
        key = (part.format, part.delimiter, part.encoding, part.table, kinds, tuple(part.names.items()))
        groups.setdefault(key, []).append(part)
    return Survey(tuple(map(_merged, groups.values())), tuple(guesses))


def _common(families: set[str]) -> str:
    """The family of a column that has these in its files; numbers win over text until all values are seen."""
    if len(families) == 1:
        return next(iter(families))
    if families <= {"date", "timestamp"}:
        return "timestamp"
    numbers = families & {"integer", "float", "boolean"}
    return "float" if numbers and families <= {"integer", "float", "boolean", "text"} else "text"


def _merged(parts: Sequence[Part]) -> Part:
    columns = {name: _common({part.columns[name] for part in parts}) for name in parts[0].columns}
    return replace(parts[0], files=tuple(file for part in parts for file in part.files), columns=columns)


def _parquet(engine: DuckDBEngine, files: Sequence[InputFile]) -> Iterable[_Seen]:
    """Parquet files with their columns; those of the same columns and types are looked at together."""
    if not files:
        return
    try:
        groups: dict[str, list[InputFile]] = {}
        if len(files) > 1:
            by_path = {file.path: file for file in files}
            signature = "string_agg(concat(name, ' ', duckdb_type), chr(10) ORDER BY column_id)"
            names = listed(files).split("],")[0] + "]"
            for path, text in engine.rows(
                f"SELECT file_name, {signature} FROM parquet_schema({names}) GROUP BY ALL ORDER BY ALL"
            ):
                groups.setdefault(text, []).append(by_path[path])
        for group in groups.values() or [list(files)]:
            columns = _own_columns(engine, f"read_parquet({listed(group)})")
            yield from (_Seen(file, columns) for file in group)
    except duckdb.Error as error:
        raise data_error(error, files) from error


def _csv(engine: DuckDBEngine, file: InputFile) -> _Seen:
    for encoding in ("utf-8", "latin-1"):
        delimiter, codec = dialect(file, encoding)
        try:
            return _Seen(file, _own_columns(engine, csv_reader([file], delimiter, codec)), delimiter, codec)
        except duckdb.Error as error:
            failure = error
            if not is_encoding_error(error):
                break
    raise data_error(failure, [file]) from failure


def _own_columns(engine: DuckDBEngine, reader: str) -> dict[str, str]:
    return {name: family for name, family in engine.describe(reader).items() if name != FILE}


def _part(seen: _Seen, aliases: Aliases, log_names: dict[str, str]) -> Part:
    """The part with the log's names, to which `log_names` (by folded name) those not met before are added."""
    declared = {own: name for name, own in _declared(seen, aliases).items()}
    columns: dict[str, str] = {}
    names: dict[str, str] = {}
    codes: dict[str, str] = {}
    for own, family in seen.columns.items():
        name = declared.get(own) or log_names.setdefault(own.casefold(), own)
        log_names.setdefault(name.casefold(), name)
        columns[name] = family
        if name != own:
            names[name] = own
        if code := dict(seen.codes).get(own):
            codes[name] = code
    return Part(
        files=(seen.file,), columns=columns, names=names, codes=codes,
        delimiter=seen.delimiter, encoding=seen.encoding, table=seen.table,
    )  # fmt: skip


def _declared(seen: _Seen, aliases: Aliases) -> dict[str, str]:
    """The files' own names of columns, by the log's name, as far as [data.columns] declares them."""
    path = seen.file.path
    shared: dict[str, Sequence[str]] = {}
    special: dict[str, Sequence[str]] = {}
    for name, others in aliases.items():
        if not isinstance(others, Mapping):
            shared[name] = others
        elif fnmatch(Path(path).name, name) or fnmatch(path, name):
            special |= others
    folded = {own.casefold(): own for own in seen.columns}
    found: dict[str, str] = {}
    for name, others in {**shared, **special}.items():
        present = list(dict.fromkeys(folded[o.casefold()] for o in others if o.casefold() in folded))
        if name.casefold() in folded:
            present = [folded[name.casefold()], *(p for p in present if name in special)]
        if len(present) > 1:
            raise DataError(
                f"{path} has several columns for {name!r}: {', '.join(map(repr, present))}.",
                "Rename one of them in the file, or leave it out of [data.columns].",
            )
        if present:
            found[name] = present[0]
    return found
