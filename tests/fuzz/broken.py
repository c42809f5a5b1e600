"""Broken and odd files, made by code: each maker writes into a folder and names what is to be read."""

import gzip
import os
import random
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

HEADER = "unit,variant,value\n"
UNITS = 60
ROWS = "".join(f"{i},{'ml' if i % 2 else 'rules'},{i % 7}.5\n" for i in range(UNITS))
Maker = Callable[[Path], str]


def table(units: int = UNITS, **columns: Any) -> pa.Table:
    """A sound small log."""
    made = {
        "unit": np.arange(units),
        "variant": np.where(np.arange(units) % 2, "ml", "rules"),
        "value": np.arange(units) % 7 + 0.5,
    }
    return pa.table({**made, **columns})


def written(name: str, content: str | bytes) -> Maker:
    """A file of this content."""

    def make(folder: Path) -> str:
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
        return name

    return make


def parquet_bytes(**columns: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table(**columns), sink)
    return bytes(sink.getvalue())


def flipped(content: bytes, first: int, last: int, seed: int) -> bytes:
    """Some bits changed between two places."""
    rng = random.Random(seed)
    broken = bytearray(content)
    for _ in range(rng.choice((1, 2, 8))):
        broken[rng.randrange(first, last)] ^= 1 << rng.randrange(8)
    return bytes(broken)


def _linked(folder: Path) -> str:
    (folder / "loop.csv").symlink_to(folder / "loop.csv")
    return "loop.csv"


def _loops(folder: Path) -> str:
    (folder / "logs").mkdir()
    (folder / "logs" / "log.csv").write_text(HEADER + ROWS)
    for name in "abc":
        (folder / "logs" / name).symlink_to(folder / "logs")
    return "logs/**/**/*/**/*.csv"


def _deep(folder: Path) -> str:
    deep = folder / "/".join("d" * 60)
    deep.mkdir(parents=True)
    (deep / "log.csv").write_text(HEADER + ROWS)
    return "**/d/**/d/**/d/**/*.csv"


def _fifo(folder: Path) -> str:
    os.mkfifo(folder / "log.csv")
    return "log.csv"


def _fifo_in_folder(folder: Path) -> str:
    (folder / "logs").mkdir()
    os.mkfifo(folder / "logs" / "log.csv")
    return "logs"


def _folder(folder: Path) -> str:
    (folder / "log.parquet").mkdir()
    return "log.parquet"


def _empty_partitions(folder: Path) -> str:
    for day in ("2026-03-01", "2026-03-02"):
        (folder / "logs" / f"day={day}").mkdir(parents=True)
    pq.write_table(table(), folder / "logs" / "day=2026-03-01" / "log.parquet")
    return "logs"


def _empty_table_beside(folder: Path) -> str:
    (folder / "logs").mkdir()
    pq.write_table(table(), folder / "logs" / "a.parquet")
    pq.write_table(table().slice(0, 0), folder / "logs" / "b.parquet")
    return "logs"


def _wide(ending: str) -> Maker:
    def make(folder: Path) -> str:
        wide = table(**{f"c{i}": np.zeros(UNITS) for i in range(10_000)})
        path = folder / f"log.{ending}"
        pq.write_table(wide, path) if ending == "parquet" else wide.to_pandas().to_csv(path, index=False)
        return path.name

    return make


def _long_line(folder: Path) -> str:
    with (folder / "log.csv").open("w") as out:
        out.write(HEADER + ROWS + "100,ml,")
        for _ in range(100):
            out.write("1" * 1_000_000)
    return "log.csv"


def _long_text(folder: Path) -> str:
    (folder / "log.csv").write_text(HEADER[:-1] + ",note\n" + ROWS.replace("\n", ',"' + "x" * 100_000 + '"\n'))
    return "log.csv"


def _gzip_bomb(text: bytes, times: int) -> Maker:
    def make(folder: Path) -> str:
        with gzip.open(folder / "log.csv.gz", "wb") as out:
            out.write(HEADER.encode() + ROWS.encode())
            for _ in range(times):
                out.write(text)
        return "log.csv.gz"

    return make


def _zstd_bomb(text: bytes, times: int) -> Maker:
    def make(folder: Path) -> str:
        with pa.CompressedOutputStream(str(folder / "log.csv.zst"), "zstd") as out:
            out.write(HEADER.encode() + ROWS.encode())
            for _ in range(times):
                out.write(text)
        return "log.csv.zst"

    return make


def _cut_zstd(folder: Path) -> str:
    content = pa.compress((HEADER + ROWS * 200).encode(), "zstd", asbytes=True)
    (folder / "log.csv.zst").write_bytes(content[: len(content) // 2])
    return "log.csv.zst"


def _workbook_bomb(folder: Path) -> str:
    pd.DataFrame(table().to_pandas()).to_excel(folder / "sound.xlsx", index=False)
    with (
        zipfile.ZipFile(folder / "sound.xlsx") as sound,
        zipfile.ZipFile(folder / "log.xlsx", "w", zipfile.ZIP_DEFLATED) as out,
    ):
        for name in sound.namelist():
            content = sound.read(name)
            if name.endswith("sheet1.xml"):
                content = content.replace(b"<sheetData>", b"<sheetData>" + b" " * 1_500_000_000)
            out.writestr(name, content)
    (folder / "sound.xlsx").unlink()
    return "log.xlsx"


def _duplicate_columns(folder: Path) -> str:
    names = ["unit", "variant", "value", "value", "VALUE"]
    columns = [table()[n if n in ("unit", "variant") else "value"] for n in names]
    pq.write_table(pa.Table.from_arrays([c.combine_chunks() for c in columns], names=names), folder / "log.parquet")
    return "log.parquet"


def _feather_cut(folder: Path) -> str:
    feather.write_feather(table(), folder / "log.feather")
    content = (folder / "log.feather").read_bytes()
    (folder / "log.feather").write_bytes(content[: len(content) // 2])
    return "log.feather"


def _frame(change: Callable[[pd.DataFrame], pd.DataFrame], ending: str = "parquet") -> Maker:
    def make(folder: Path) -> str:
        found = change(table().to_pandas())
        path = folder / f"log.{ending}"
        found.to_parquet(path) if ending == "parquet" else found.to_csv(path, index=False)
        return path.name

    return make


def _values(values: Any) -> Maker:
    def make(folder: Path) -> str:
        column = values if isinstance(values, pa.Array) else pa.array(values)
        pq.write_table(table().set_column(2, "value", column), folder / "log.parquet")
        return "log.parquet"

    return make


BIG = "9" * 400
MAKERS: dict[str, Maker] = {
    "nothing": written("log.csv", ""),
    "only a header": written("log.csv", HEADER),
    "only a header, without its end": written("log.csv", HEADER.strip()),
    "only line ends": written("log.csv", "\n" * 100),
    "only zeros": written("log.csv", b"\0" * 5000),
    "only quotes": written("log.csv", '"' * 5001),
    "zeros within": written("log.csv", (HEADER + ROWS).replace("7,ml", "7,\0ml")),
    "a quote that never ends": written("log.csv", HEADER + ROWS + '100,"ml,1\n' + ROWS),
    "a mark in the middle": written("log.csv", HEADER + ROWS + "\ufeff" + HEADER + ROWS),
    "a mark at the start": written("log.csv", "\ufeff" + HEADER + ROWS),
    "utf-16": written("log.csv", (HEADER + ROWS).encode("utf-16")),
    "utf-16 without a mark": written("log.csv", (HEADER + ROWS).encode("utf-16-le")),
    "utf-16 of odd length": written("log.csv", (HEADER + ROWS).encode("utf-16") + b"x"),
    "utf-32": written("log.csv", (HEADER + ROWS).encode("utf-32")),
    "two encodings": written("log.csv", HEADER.encode() + "1,ml,2\n2,rülés,3\n".encode("latin-1") + "3,ü,1\n".encode()),
    "latin-1": written("log.csv", (HEADER + ROWS.replace("ml", "mél")).encode("latin-1")),
    "lone surrogates": written("log.csv", (HEADER + ROWS).encode() + b"99,\xed\xa0\x80,1\n"),
    "old line ends": written("log.csv", (HEADER + ROWS).replace("\n", "\r")),
    "mixed line ends": written("log.csv", HEADER + ROWS.replace("5\n", "5\r\n", 20)),
    "windows line ends": written("log.csv", (HEADER + ROWS).replace("\n", "\r\n")),
    "ragged": written("log.csv", HEADER + ROWS + "1\n1,2,3,4,5\n"),
    "names twice": written("log.csv", "unit,variant,value,value,VALUE\n" + ROWS.replace(".5\n", ".5,1,2\n")),
    "names twice in parquet": _duplicate_columns,
    "no names": written("log.csv", ",,\n" + ROWS),
    "a name of 100,000 letters": written(
        "log.csv", f"unit,variant,value,{'x' * 100_000}\n" + ROWS.replace("\n", ",1\n")
    ),
    "html": written("log.csv", "<!doctype html><html><body>Sign in</body></html>\n" * 50),
    "json called csv": written("log.csv", '{"a": 1}\n'),
    "csv called json": written("log.json", HEADER + ROWS),
    "csv called parquet": written("log.parquet", HEADER + ROWS),
    "csv called xlsx": written("log.xlsx", HEADER + ROWS),
    "csv called gz": written("log.csv.gz", HEADER + ROWS),
    "csv called sav": written("log.sav", HEADER + ROWS),
    "csv called dta": written("log.dta", HEADER + ROWS),
    "csv called feather": written("log.feather", HEADER + ROWS),
    "csv called sqlite": written("log.sqlite", HEADER + ROWS),
    "csv called duckdb": written("log.duckdb", HEADER + ROWS),
    "parquet called csv": written("log.csv", parquet_bytes()),
    "gz called csv": written("log.csv", gzip.compress((HEADER + ROWS).encode())),
    "a broken workbook": written("log.xlsx", b"PK\x03\x04" + b"x" * 500),
    "a broken old workbook": written("log.xls", b"\xd0\xcf\x11\xe0" + b"x" * 5000),
    "a broken spss file": written("log.sav", b"$FL2" + b"x" * 5000),
    "a broken stata file": written("log.dta", b"<stata_dta>" + b"x" * 5000),
    "a broken sqlite file": written("log.sqlite", b"SQLite format 3\0" + b"x" * 5000),
    "a broken duckdb file": written("log.duckdb", b"x" * 8 + b"DUCK" + b"x" * 20_000),
    "a cut feather file": _feather_cut,
    "an arrow file of letters": written("log.arrow", b"ARROW1\0\0" + b"\xff" * 500),
    "cut gzip": written("log.csv.gz", gzip.compress((HEADER + ROWS * 50).encode())[:-20]),
    "gzip with rubbish behind": written("log.csv.gz", gzip.compress((HEADER + ROWS).encode()) + b"rubbish" * 20),
    "two gzips": written("log.csv.gz", gzip.compress((HEADER + ROWS[:-1]).encode()) + gzip.compress(b"\n99,ml,1\n")),
    "cut zstd": written("log.csv.zst", b"\x28\xb5\x2f\xfd" + b"\x00" * 30),
    "zstd cut in the middle": _cut_zstd,
    "gzip whose sum is wrong": written("log.csv.gz", gzip.compress((HEADER + ROWS).encode())[:-8] + b"abcd\x01\0\0\0"),
    "nested json": written("log.jsonl", '{"a":' * 5000 + "1" + "}" * 5000 + "\n"),
    "json of lists": written("log.jsonl", "[[1]]\n[[2]]\n"),
    "json cut": written("log.jsonl", '{"unit": 1, "variant": "ml", "value": 1}\n{"unit": 2, "va'),
    "json numbers": written("log.jsonl", f'{{"unit": {BIG}, "variant": "ml", "value": {BIG}}}\n' * 3),
    "parquet of nothing": written("log.parquet", b"PAR1PAR1"),
    "parquet whose footer is too long": written("log.parquet", b"PAR1" + b"x" * 20 + b"\xff\xff\xff\x7fPAR1"),
    "parquet cut in the middle": written("log.parquet", parquet_bytes()[:700]),
    "parquet, its middle lost": written("log.parquet", parquet_bytes()[:200] + parquet_bytes()[400:]),
    "parquet without rows": written("log.parquet", parquet_bytes()[:0] or b"PAR1" + b"\0" * 8),
    "10,000 columns": _wide("parquet"),
    "10,000 columns of text": _wide("csv"),
    "a line of 100 MB": _long_line,
    "texts of 100 kB": _long_text,
    "a link to itself": _linked,
    "loops of links": _loops,
    "a deep folder": _deep,
    "a pipe": _fifo,
    "a pipe in a folder": _fifo_in_folder,
    "a folder with a file's name": _folder,
    "an empty partition": _empty_partitions,
    "a file without rows": _empty_table_beside,
    "zero without end": lambda _: "/dev/zero",
    "null": lambda _: "/dev/null",
    "a process's own": lambda _: "/proc/self/mem",
    "no such file": lambda _: "nowhere.csv",
    "no such pattern": lambda _: "nowhere/**/*.csv",
    "a name of 5,000 letters": lambda _: "x" * 5000,
    "a name with a zero": lambda _: "log\0.csv",
    "infinite values": _values([float("inf"), float("-inf"), float("nan"), None] * (UNITS // 4)),
    "only nan": _values([float("nan")] * UNITS),
    "only null": _values(pa.nulls(UNITS, pa.float64())),
    "null type": _values(pa.nulls(UNITS)),
    "the ends of int64": _values([2**63 - 1, -(2**63)] * (UNITS // 2)),
    "the end of uint64": _values(pa.array([2**64 - 1, 0] * (UNITS // 2), pa.uint64())),
    "decimals beyond a float": _values(pa.array([int("9" * 38), 1] * (UNITS // 2), pa.decimal128(38, 0))),
    "wide decimals": _values(pa.array([int("9" * 76), 1] * (UNITS // 2), pa.decimal256(76, 0))),
    "tiny values": _values([5e-324, 0.0, 1e-300] * (UNITS // 3)),
    "huge values": _values([1.7e308, -1.7e308] * (UNITS // 2)),
    "dates as values": _values(pa.array([0] * UNITS, pa.date32())),
    "lists as values": _values([[1.0]] * UNITS),
    "structs as values": _values([{"a": 1}] * UNITS),
    "binary values": _values([b"\xff\0"] * UNITS),
    "huge numbers as text": written("log.csv", HEADER + f"1,ml,{BIG}\n2,rules,1e400\n3,ml,-1e400\n4,rules,1\n"),
    "dates out of range": _frame(lambda d: d.assign(day=["9999999-01-01", "-44-03-15"] * (UNITS // 2)), "csv"),
    "names of all kinds": _frame(
        lambda d: d.assign(
            **dict.fromkeys(("a'b", 'c"d', "e\nf", "\x1b[31mred", "😀", "\u202eltr", "[b]", "", " "), d.value)
        )
    ),
    "variants of all kinds": _frame(
        lambda d: d.assign(variant=["rules", "a'b", 'c"d', "e\nf", "\x1b[31m", "😀", "\u202eltr", "=1+1", "", " "] * 6)
    ),
}
BOMBS: dict[str, Maker] = {
    "a gzip bomb of one line": _gzip_bomb(b"0" * 10_000_000, 300),
    "a gzip bomb of rows": _gzip_bomb(b"1,ml,1\n" * 1_000_000, 300),
    "a zstd bomb of one line": _zstd_bomb(b"0" * 10_000_000, 300),
    "a zstd bomb of rows": _zstd_bomb(b"1,ml,1\n" * 1_000_000, 300),
    "a workbook bomb": _workbook_bomb,
}


def _excel(path: Path) -> None:
    table().to_pandas().to_excel(path, index=False)


def _spss(path: Path) -> None:
    import pyreadstat

    pyreadstat.write_sav(table().to_pandas(), path, compress=path.suffix == ".zsav")


def _stata(path: Path) -> None:
    import pyreadstat

    pyreadstat.write_dta(table().to_pandas(), path)


def _arrow(path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table().schema) as out:
        out.write_table(table())


def _sqlite(path: Path) -> None:
    connection = sqlite3.connect(path)
    table().to_pandas().to_sql("log", connection, index=False)
    connection.close()


def _duckdb(path: Path) -> None:
    connection = duckdb.connect(str(path))
    connection.register("given", table())
    connection.execute("CREATE TABLE log AS SELECT * FROM given")
    connection.close()


def _zstd(path: Path) -> None:
    with pa.CompressedOutputStream(str(path), "zstd") as out:
        out.write((HEADER + ROWS).encode())


PACKED: dict[str, Callable[[Path], object]] = {
    "parquet": lambda path: pq.write_table(table(), path),
    "csv": lambda path: path.write_text(HEADER + ROWS),
    "csv.gz": lambda path: path.write_bytes(gzip.compress((HEADER + ROWS).encode())),
    "csv.zst": _zstd,
    "jsonl": lambda path: table().to_pandas().to_json(path, orient="records", lines=True),
    "feather": lambda path: feather.write_feather(table(), path),
    "arrow": _arrow,
    "xlsx": _excel,
    "sav": _spss,
    "zsav": _spss,
    "dta": _stata,
    "sqlite": _sqlite,
    "duckdb": _duckdb,
}


@cache
def packed(ending: str) -> bytes:
    """The sound log as a file of this kind."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"log.{ending}"
        PACKED[ending](path)
        return path.read_bytes()
