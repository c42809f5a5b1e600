"""Files as people have them become one relation, or an error that says where they can't."""

import gzip
from pathlib import Path

import pytest

from abimpact.errors import AbimpactError, DataError
from abimpact.read.duckdb_engine import DuckDBEngine
from abimpact.read.loaded import FILE
from abimpact.read.loading import load
from abimpact.read.sources import expand
from abimpact.read.survey import survey
from abimpact.spec.request import Pick


def read(*sources: Path | str, texts: tuple[str, ...] = ()) -> tuple[dict[str, str], list[tuple]]:
    files = expand([str(s) for s in sources])
    engine = DuckDBEngine()
    try:
        engine.lock([f.path for f in files])
        found = survey(engine, files, Pick())
        columns = found.families
        loaded = load(engine, found, texts=texts)
        selected = ", ".join(f'"{c}"' for c in columns)
        return columns, engine.rows(f"SELECT {selected} FROM {loaded.relation}")
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"id,v,x\n1,rules,1\n2,ml,2\n", [(1, "rules", 1), (2, "ml", 2)]),
        (b"id;v;x\n1;rules;1,5\n2;ml;2,5\n", [(1, "rules", "1,5"), (2, "ml", "2,5")]),
        (b"id\tv\tx\n1\trules\t1\n", [(1, "rules", 1)]),
        (b"\xef\xbb\xbfid,v,x\n1,rules,1\n", [(1, "rules", 1)]),
        (b'id,v,x\n1,rules,"a\nb"\n2,ml,"say ""hi"""\n', [(1, "rules", "a\nb"), (2, "ml", 'say "hi"')]),
        (b"id,v,x\r\n1,rules,1\r\n2,ml,2\r\n", [(1, "rules", 1), (2, "ml", 2)]),
        (b"id,v,x\n#1,rules,1\n#2,ml,2\n", [("#1", "rules", 1), ("#2", "ml", 2)]),
        ("id,v,x\n1,rules,caf\u00e9\n".encode("latin-1"), [(1, "rules", "caf\u00e9")]),
        ("id,v,x\n1,rules,1\n".encode("utf-16"), [(1, "rules", 1)]),
        (b"id,v,x\n1,rules,1", [(1, "rules", 1)]),
    ],
    ids=["plain", "semicolon", "tab", "bom", "quoted", "crlf", "hash", "latin-1", "utf-16", "no-last-newline"],
)
def test_csv_dialects_give_every_row(tmp_path: Path, content: bytes, rows: list[tuple]) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(content)
    assert read(path)[1] == rows


def test_text_columns_keep_the_spelling_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("id,v\n007,No\n08,Yes\n")
    assert read(path, texts=("id", "v"))[1] == [("007", "No"), ("08", "Yes")]


def test_a_late_change_of_type_is_read_in_a_second_pass(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("id,x\n" + "1,1\n" * 30_000 + "2,1.5\n")
    columns, rows = read(path)
    assert columns["x"] == "integer"
    assert len(rows) == 30_001
    assert rows[-1] == (2, 1.5)


def test_gzip_is_read_like_the_plain_file(tmp_path: Path) -> None:
    path = tmp_path / "log.csv.gz"
    path.write_bytes(gzip.compress(b"id,v\n1,rules\n"))
    assert read(path)[1] == [(1, "rules")]


def test_folders_globs_and_hive_partitions_are_one_log(tmp_path: Path) -> None:
    for day in ("2026-01-01", "2026-01-02"):
        folder = tmp_path / f"day={day}"
        folder.mkdir()
        (folder / "part.csv").write_text(f"id,v\n{day[-1]},ml\n")
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / "notes.txt").write_text("not data")
    columns, rows = read(tmp_path)
    assert columns["day"] == "date"
    assert sorted(r[0] for r in rows) == [1, 2]
    assert len(read(str(tmp_path / "*" / "*.csv"))[1]) == 2


def test_files_with_other_delimiters_are_matched_by_column_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("id,v,x\n1,rules,1\n")
    (tmp_path / "b.csv").write_text("v;id\nml;2\n")
    files = expand([str(tmp_path)])
    engine = DuckDBEngine()
    loaded = load(engine, survey(engine, files, Pick()))
    assert sorted(engine.rows(f"SELECT id, v, x FROM {loaded.relation}")) == [(1, "rules", 1), (2, "ml", None)]
    assert engine.rows(f"SELECT count(*) FROM {loaded.relation} GROUP BY {FILE}") == [(1,), (1,)]
    engine.close()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("log.csv", b"", "empty"),
        ("log.parquet", b"hello, I am text", "not a Parquet file"),
        ("log.parquet", b"PAR1" + b"\0" * 100, "cut off"),
        ("log.csv", b"id,v\n1,ml\n2,ml,3\n", "line 3 has 3 values where the header has 2"),
        ("log.csv", b"id,v\n" + b"1,ml\n" * 30_000 + b"2\n", "line 30002"),
        ("log.doc", b"id,v\n1,ml\n", "ending '.doc' is not known"),
        ("log.csv.gz", b"not gzip at all", "cannot be read"),
    ],
)
def test_broken_files_are_errors_that_say_where(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(AbimpactError) as caught:
        read(path)
    assert said in caught.value.message
    assert name in caught.value.message


def test_a_missing_file_offers_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "january.csv").write_text("id\n1\n")
    with pytest.raises(DataError) as caught:
        expand([str(tmp_path / "januar.csv")])
    assert "january.csv" in caught.value.hint
    assert not (tmp_path / "januar.csv").exists()


def test_an_empty_folder_and_a_glob_without_match_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no data files"):
        expand([str(tmp_path)])
    with pytest.raises(DataError, match="No file matches"):
        expand([str(tmp_path / "*.csv")])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "ATTACH '{folder}/other.duckdb'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
    ],
)
def test_a_locked_engine_reaches_nothing_else(tmp_path: Path, sql: str) -> None:
    engine = DuckDBEngine()
    engine.lock([])
    with pytest.raises(Exception, match=r"(?i)disabled|locked|permission|cannot"):
        engine.execute(sql.format(folder=tmp_path))
    engine.close()
    assert list(tmp_path.iterdir()) == []
