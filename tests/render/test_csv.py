import csv
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abimpact.decide.report import Report
from abimpact.render.csv import COLUMNS, to_csv
from abimpact.render.escape import spreadsheet
from abimpact.render.json import to_dict
from tests.render.build import SITUATIONS, _named, hostile


def rows(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(to_csv(report))))


@pytest.mark.parametrize("situation", [s for s in SITUATIONS if s != "hostile"])
def test_every_estimate_of_the_json_is_there_unrounded(situation: str) -> None:
    report = SITUATIONS[situation]()
    found = {(r["proposed"], r["metric"], r["method"], r["scale"]): r for r in rows(report)}
    wanted = 0
    for metric in to_dict(report)["metrics"]:
        for estimate in metric["estimates"]:
            for scale in ("absolute", "relative"):
                row = found[metric["proposed"]["variant"], metric["name"], estimate["method"], scale]
                known = {**estimate[scale], "pvalue": estimate["pvalue"], "df": estimate["df"]}
                for key in ("estimate", "low", "high", "level", "pvalue", "df"):
                    assert (float(row[key]) if row[key] else None) == known[key]
                assert row["chosen"] == str(estimate["method"] == metric["chosen_method"]).lower()
                wanted += 1
        if not metric["estimates"]:
            row = found[metric["proposed"]["variant"], metric["name"], "", ""]
            assert row["not_estimated"] == metric["not_estimated"]["reason"]
            wanted += 1
    assert len(found) == wanted


def test_every_row_has_every_column_and_the_verdict() -> None:
    for row in csv.reader(StringIO(to_csv(hostile()))):
        assert len(row) == len(COLUMNS)
    assert {r["verdict"] for r in rows(SITUATIONS["invalid"]())} == {"invalid/sample_ratio"}


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "\uff1d1", "=cmd|' /C calc'!A0"]
)
def test_no_cell_is_a_formula(text: str) -> None:
    assert spreadsheet(text).startswith("'")
    assert rows(_named(text))[0]["metric"].startswith("'")


@given(st.text(max_size=20))
def test_any_name_stays_one_cell(text: str) -> None:
    assert to_csv(_named(text)).count("\n") == to_csv(_named("x")).count("\n")
