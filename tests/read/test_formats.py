"""The same log in every format gives the same report, and a file that is not what it says is an error."""

import gzip
import json
import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyreadstat
import pytest

from abimpact import analyze
from abimpact.errors import AbimpactError, DataError
from tests.logs import frame

UNITS = 400
ASKED: dict[str, Any] = {
    "unit": "unit",
    "variant": "variant",
    "incumbent": "rules",
    "time": "day",
    "metrics": ["value", "converted", "value/sessions"],
    "segments": ["country"],
    "resamples": 0,
}


def log() -> pd.DataFrame:
    """A sound log whose values are missing for a few units."""
    data = frame(UNITS)
    data.loc[:4, "value"] = None
    return data


def numbers(data: Any, **asked: Any) -> dict[str, Any]:
    """The report without what differs between files."""
    report = analyze(data, **{**ASKED, **asked}).to_dict()
    checks = [c for c in report["checks"] if c["code"] != "guessed"]
    return {**report, "checks": checks, "provenance": 0}


def as_json_lines(path: Path, data: pd.DataFrame) -> None:
    text = data.assign(day=data.day.astype(str)).to_json(orient="records", lines=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())


def as_json_list(path: Path, data: pd.DataFrame) -> None:
    data.assign(day=data.day.astype(str)).to_json(path, orient="records")


def as_arrow_stream(path: Path, data: pd.DataFrame) -> None:
    table = pa.Table.from_pandas(data, preserve_index=False)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def as_spss(path: Path, data: pd.DataFrame) -> None:
    coded = data.assign(variant=data.variant.map({"rules": 1, "ml": 2}))
    coded["value"] = coded["value"].fillna(-9)
    labels = {"variant": {1: "rules", 2: "ml"}, "converted": {0: "left", 1: "bought"}, "value": {-9: "not asked"}}
    write = {"variable_value_labels": labels, "missing_ranges": {"value": [-9]}}
    pyreadstat.write_sav(coded, str(path), compress=path.suffix == ".zsav", **write)


def as_stata(path: Path, data: pd.DataFrame) -> None:
    coded = data.assign(variant=data.variant.map({"rules": 1, "ml": 2}))
    labels = {"variant": {1: "rules", 2: "ml"}, "converted": {0: "left", 1: "bought"}}
    pyreadstat.write_dta(coded, str(path), variable_value_labels=labels)


def as_sqlite(path: Path, data: pd.DataFrame) -> None:
    with sqlite3.connect(path) as connection:
        data.to_sql("log", connection, index=False)
    connection.close()


def as_duckdb(path: Path, data: pd.DataFrame) -> None:
    connection = duckdb.connect(str(path))
    connection.register("data", data)
    connection.execute("CREATE TABLE log AS SELECT * FROM data")
    connection.close()


def as_excel(path: Path, data: pd.DataFrame) -> None:
    data.to_excel(path, index=False)


WRITERS: dict[str, Callable[[Path, pd.DataFrame], None]] = {
    "log.jsonl": as_json_lines,
    "log.ndjson.gz": as_json_lines,
    "log.json": as_json_list,
    "log.arrow": as_arrow_stream,
    "plain.feather": lambda path, data: feather.write_feather(data, path, compression="uncompressed"),
    "lz4.feather": lambda path, data: feather.write_feather(data, path, compression="lz4"),
    "zstd.feather": lambda path, data: feather.write_feather(data, path, compression="zstd"),
    "log.sav": as_spss,
    "log.zsav": as_spss,
    "log.dta": as_stata,
    "log.sqlite": as_sqlite,
    "lite.db": as_sqlite,
    "log.duckdb": as_duckdb,
    "duck.db": as_duckdb,
    "log.xlsx": as_excel,
}


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    return numbers(log())


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_report(name: str, tmp_path: Path, expected: dict[str, Any]) -> None:
    path = tmp_path / name
    WRITERS[name](path, log())
    before = path.read_bytes()
    assert numbers(path) == expected
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", [n for n in WRITERS if not n.endswith((".sav", ".zsav", ".dta"))])
def test_a_file_that_is_cut_off_is_an_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    WRITERS[name](path, log())
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(DataError) as caught:
        numbers(path)
    assert name in caught.value.message


@pytest.mark.parametrize("name", [n for n in WRITERS if not n.endswith((".json", ".jsonl"))])
def test_text_under_another_ending_is_an_error(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text("unit,variant,value\n1,rules,2\n2,ml,3\n" * 10)
    with pytest.raises(DataError, match=name):
        numbers(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="is empty"):
        numbers(path)


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_of_another_format_under_csv_is_an_error(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name, log())
    path = tmp_path / "renamed.csv"
    (tmp_path / name).rename(path)
    with pytest.raises(AbimpactError, match=r"renamed\.csv") as caught:
        numbers(path)
    assert caught.value.exit_code == 3


def test_labels_are_categories_and_their_numbers_are_metrics(tmp_path: Path) -> None:
    path = tmp_path / "log.sav"
    as_spss(path, log())
    report = analyze(path, **{**ASKED, "metrics": ["converted"], "where": "variant = 'ml' OR value > 5"})
    assert set(report.values.units) == {"rules", "ml"}
    assert 0 < report.to_dict()["metrics"][0]["incumbent"]["value"] < 1


def test_partly_labelled_columns_stay_numbers_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "log.sav"
    data = log().drop(columns="day")
    pyreadstat.write_sav(data, str(path), variable_value_labels={"sessions": {1: "one"}})
    found = analyze(path, unit="unit", variant="variant", incumbent="rules", metrics=["sessions"], resamples=0)
    assert found.to_dict()["metrics"][0]["incumbent"]["value"] == data[data.variant == "rules"].sessions.mean()
    assert any("'sessions' has labels for some of its values" in c["message"] for c in found.to_dict()["checks"])


@pytest.mark.parametrize(("name", "what"), [("log.sqlite", "table"), ("log.duckdb", "table"), ("log.xlsx", "sheet")])
def test_one_of_several_tables_has_to_be_named(name: str, what: str, tmp_path: Path, expected: dict[str, Any]) -> None:
    path = tmp_path / name
    WRITERS[name](path, log())
    if name == "log.xlsx":
        with pd.ExcelWriter(path) as book:
            log().to_excel(book, sheet_name="log", index=False)
            log()[:3].to_excel(book, sheet_name="other", index=False)
    else:
        connection: Any = sqlite3.connect(path) if name == "log.sqlite" else duckdb.connect(str(path))
        connection.execute("CREATE TABLE other (x INTEGER)")
        connection.commit()
        connection.close()
    with pytest.raises(DataError, match=f"several {what}s: 'log', 'other'") as caught:
        numbers(path)
    assert f"--{what}" in caught.value.hint
    with pytest.raises(DataError, match=r"has no \w+ 'lgo'"):
        numbers(path, **{what: "lgo"})
    assert numbers(path, **{what: "log"}) == expected


def sheet(path: Path, rows: list[list[Any]], *, hidden: bool = False) -> None:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = "Data"
    for row in rows:
        page.append(row)
    book.create_sheet("Sheet2")
    if hidden:
        other = book.create_sheet("Lookup")
        other.append(["a", "b"])
        other.sheet_state = "hidden"
    book.save(path)


def test_a_sheet_as_people_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "log.xlsx"
    body: list[list[Any]] = [
        [None, 100 + i, ("rules", "ml")[i % 2], None, float(i % 7), datetime(2026, 3, 1 + i % 28), i % 3 == 0]
        for i in range(80)
    ]
    rows: list[list[Any]] = [
        [None, "Experiment 2026 (checked by Ann)"],
        [],
        [None, "made on", datetime(2026, 4, 1)],
        [None, "customer", "Variant", None, "value", "day", "won"],
        *body[:40],
        [],
        *body[40:],
        [],
        [None, "Total", None, None, 999.0],
        [None, "Source: warehouse"],
    ]
    sheet(path, rows, hidden=True)
    report = analyze(path, unit="customer", variant="variant", incumbent="rules", metrics=["value", "won"], resamples=0)
    found = report.to_dict()
    assert found["experiment"]["units"] == {"rules": 40, "ml": 40}
    assert found["experiment"]["start"] == "2026-03-01"
    assert found["metrics"][0]["incumbent"]["value"] == sum(i % 7 for i in range(0, 80, 2)) / 40
    said = " ".join(c["message"] for c in found["checks"] if c["code"] == "guessed")
    assert "row 4 was taken as the one with the names of the columns; 2 rows were above it" in said
    assert "2 rows were below the table" in said
    assert "the only visible one with content" in said


def test_a_bad_cell_is_located(tmp_path: Path) -> None:
    path = tmp_path / "log.xlsx"
    body: list[list[Any]] = [[i, ("rules", "ml")[i % 2], 1.5 * i] for i in range(40)]
    body[20][2] = "see mail"
    sheet(path, [["Title"], ["unit", "variant", "value"], *body[:10], [], *body[10:]])
    asked = {**ASKED, "metrics": ["value"], "segments": (), "time": None}
    with pytest.raises(DataError, match=r"log\.xlsx, row 24: column 'value' .* 'see mail'"):
        analyze(path, **asked)
    rows = [f"{i},{v},{x}" for i, v, x in body]
    for name, text in (("a.csv", [*rows[:3]]), ("b.csv", rows)):
        (tmp_path / name).write_text("\n".join(["unit,variant,value", *text]) + "\n")
    with pytest.raises(DataError, match=r"b\.csv, row 22: column 'value' .* 'see mail'"):
        analyze([tmp_path / "a.csv", tmp_path / "b.csv"], **asked)
    lines = [json.dumps({"unit": i, "variant": v, "value": x, "day": "2026-03-01"}) for i, v, x in body]
    (tmp_path / "c.jsonl").write_text("\n".join(lines))
    with pytest.raises(DataError, match=r"c\.jsonl, row 21: column 'value' .* 'see mail'"):
        analyze(tmp_path / "c.jsonl", **asked)


def test_json_without_records_and_an_empty_sheet_are_errors(tmp_path: Path) -> None:
    (tmp_path / "log.json").write_text("[]")
    with pytest.raises(DataError, match="has no records"):
        numbers(tmp_path / "log.json")
    sheet(tmp_path / "log.xlsx", [])
    with pytest.raises(DataError, match="no sheet with rows"):
        numbers(tmp_path / "log.xlsx")


def test_sqlite_types_follow_the_values(tmp_path: Path) -> None:
    path = tmp_path / "log.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE log (unit INTEGER, variant TEXT, value INTEGER, at TIMESTAMP, note BLOB)")
        rows = [
            (i, ("rules", "ml")[i % 2], i if i % 3 else i + 0.5, f"2026-03-0{1 + i % 9} 10:00", b"\xff")
            for i in range(60)
        ]
        connection.executemany("INSERT INTO log VALUES (?, ?, ?, ?, ?)", rows)
    connection.close()
    report = analyze(path, incumbent="rules", unit="unit", variant="variant", metrics=["value"], resamples=0).to_dict()
    assert report["metrics"][0]["incumbent"]["value"] == sum(r[2] for r in rows if r[1] == "rules") / 30
    assert (report["experiment"]["start"], report["experiment"]["end"]) == ("2026-03-01", "2026-03-09")


def test_a_duckdb_file_reaches_no_other_file(tmp_path: Path) -> None:
    path, secret = tmp_path / "log.duckdb", tmp_path / "secret.csv"
    secret.write_text("unit,variant,value\n1,rules,2\n2,ml,3\n")
    connection = duckdb.connect(str(path))
    connection.execute(f"CREATE VIEW log AS SELECT * FROM read_csv('{secret}')")
    connection.close()
    with pytest.raises(DataError, match="disabled"):
        numbers(path)
