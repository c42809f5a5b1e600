"""The workbook, read back by openpyxl and, where it is installed, recalculated by LibreOffice."""

import math
import re
import shutil
import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import openpyxl
import pytest
from scipy.special import ndtr, ndtri

from abimpact.decide.money import value
from abimpact.decide.report import Report
from abimpact.decide.value import Effect
from abimpact.render.json import to_dict
from abimpact.render.table import Options, render
from tests.render.build import SITUATIONS, _named, hostile, invalid, pays, ship

FUNCTIONS = {
    "IF": lambda test, yes, no: yes if test else no,
    "NORMSDIST": ndtr, "NORMSINV": ndtri, "EXP": math.exp, "SQRT": math.sqrt, "ABS": abs, "MAX": max,
    "PI": lambda: math.pi,
}  # fmt: skip


def made(report: Report, **options: bool) -> bytes:
    content = render(report, "xlsx", Options(**options))
    assert isinstance(content, bytes)
    return content


def book(content: bytes, *, values: bool = True) -> Any:
    return openpyxl.load_workbook(BytesIO(content), data_only=values)


def table(sheet: Any) -> list[dict[str, Any]]:
    heads, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(heads, row, strict=True)) for row in rows]


def money(content: bytes) -> dict[str, list[Any]]:
    return {row[0]: list(row[1:]) for row in book(content)["Money"].iter_rows(values_only=True)}


def test_sheets() -> None:
    assert book(made(pays())).sheetnames == [
        "Summary", "KPIs", "Estimates", "Money", "Limits", "Checks", "Provenance",
    ]  # fmt: skip
    assert book(made(ship())).sheetnames == ["Summary", "KPIs", "Estimates", "Checks", "Provenance"]


@pytest.mark.parametrize("situation", [s for s in SITUATIONS if s not in {"invalid", "not_an_experiment"}])
def test_numbers_are_the_jsons_as_numbers(situation: str) -> None:
    report = SITUATIONS[situation]()
    found = table(book(made(report))["Estimates"])
    wanted = [(m, e) for m in to_dict(report)["metrics"] for e in m["estimates"]]
    assert len(found) == len(wanted)
    for row, (metric, estimate) in zip(found, wanted, strict=True):
        points = 100 if metric["kind"] == "proportion" else 1
        for end, suffix in (("estimate", ""), ("low", " low"), ("high", " high")):
            difference = estimate["absolute"][end]
            assert row["lift" + suffix] == estimate["relative"][end]
            assert row["difference" + suffix] == (
                difference if difference is None else pytest.approx(points * difference, rel=1e-14)
            )
        assert (row["p"], row["p adjusted"]) == (estimate["pvalue"], estimate["pvalue_adjusted"])


def test_limits_are_the_jsons() -> None:
    for row, limit in zip(table(book(made(pays()))["Limits"]), to_dict(pays())["limits"], strict=True):
        assert (row["proposed variant"], row["low"]) == (limit["total"]["estimate"], limit["total"]["low"])
        assert (row["limit"], row["status"] == "exceeded") == (limit["at_most"], limit["exceeded"])


def test_money_is_the_jsons() -> None:
    report = pays()
    cells = money(made(report))
    for i, worth in enumerate(report.values):
        for label, interval in (
            ("a year, before costs", worth.annual),
            ("a year, net", worth.annual_net),
            ("3-year value", worth.npv),
        ):
            ends = [cells[label + end][i] for end in ("", ": low", ": high")]
            assert ends == [interval.estimate, interval.low, interval.high]
        assert cells["pays with probability"][i] == worth.probability_pays
    assert cells["audit, once"] == [0, 7000]


def test_formulas_give_the_values_beside_them() -> None:
    # The same arithmetic as in Excel, by Python, from the inputs alone.
    sheet = book(made(pays()), values=False)["Money"]
    shown = book(made(pays()))["Money"]
    known: dict[str, Any] = {}
    checked = 0
    for row in sheet.iter_rows(min_row=2, min_col=2):
        for cell in row:
            known[cell.coordinate] = cell.value
            if isinstance(cell.value, str) and cell.value.startswith("="):
                formula = re.sub(r"\^", "**", cell.value[1:])
                formula = re.sub(r"(?<![<>=])=(?!=)", "==", formula)
                formula = re.sub(r"\b([A-Z]\d+)\b", r"known['\1']", formula)
                known[cell.coordinate] = eval(formula, {**FUNCTIONS, "known": known})
                now = shown[cell.coordinate].value
                assert known[cell.coordinate] == (
                    now if isinstance(now, str) else pytest.approx(now, rel=1e-9, abs=1e-9)
                )
                checked += 1
    assert checked > 30


def test_a_fading_advantage_is_an_input() -> None:
    report = pays()
    assert report.terms is not None
    terms = replace(report.terms, advantage_half_life=1.5)
    fading = value(Effect(estimate=0.1, se=0.02, incumbent=2.61), terms, "ml", 1e6, 0.95)
    cells = money(made(replace(report, terms=terms, values=(fading, report.values[1]))))
    years = cells["discounted years of an advantage that halves in 1.5 years"][0]
    assert years * 1e6 * terms.worth == pytest.approx(fading.per_effect)
    assert cells["3-year value"][0] == fading.npv.estimate


def test_invalid_withholds_kpis_and_money_unless_asked() -> None:
    assert book(made(invalid())).sheetnames == ["Summary", "Checks", "Provenance"]
    assert "KPIs" in book(made(invalid(), show_anyway=True)).sheetnames


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "http://x.example", "\x00\x1b\ufffe", "é" * 40_000, "_x0041_"])
def test_names_are_text(text: str) -> None:
    content = made(_named(text))
    for sheet in book(content, values=False):
        for row in sheet.iter_rows():
            assert all(cell.data_type in {"s", "n"} and cell.hyperlink is None for cell in row)
    assert len(book(content)["KPIs"]["B2"].value) < 32_767


def test_same_bytes() -> None:
    assert made(hostile()) == made(hostile())


def without_values(content: bytes) -> bytes:
    """The workbook without what its formulas gave, so that whoever opens it has to calculate."""
    out = BytesIO()
    with ZipFile(BytesIO(content)) as old, ZipFile(out, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            new.writestr(name, re.sub(rb"(</f>)<v>[^<]*</v>", rb"\1", text) if "worksheets/" in name else text)
    return out.getvalue()


@pytest.mark.slow
def test_libreoffice_recalculates_the_same_money(tmp_path: Path) -> None:
    program = shutil.which("soffice")
    if program is None:
        pytest.skip("LibreOffice is not installed (Debian: libreoffice-calc)")
    content = made(pays())
    (tmp_path / "in.xlsx").write_bytes(without_values(content))
    assert "None" in str(money(without_values(content))["3-year value"])
    home = f"-env:UserInstallation={(tmp_path / 'home').as_uri()}"
    command = [program, home, "--headless", "--convert-to", "xlsx:Calc MS Excel 2007 XML", "--outdir", "out", "in.xlsx"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=240)
    found, wanted = money((tmp_path / "out" / "in.xlsx").read_bytes()), money(content)
    assert found.keys() == wanted.keys()
    for label, cells in wanted.items():
        for one, other in zip(found[label], cells, strict=True):
            assert one == (pytest.approx(other, rel=1e-9, abs=1e-9) if isinstance(other, float) else other), label
