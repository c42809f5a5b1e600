"""Many tests together, from reports and from a table of aggregates."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pandas as pd
import pytest

from abimpact import Portfolio, analyze, portfolio
from abimpact.cli.main import main
from abimpact.errors import AbimpactError, ConfigError, DataError, UsageError
from tests.logs import frame, real_data
from tests.portfolio.build import history, run, sample

SCHEMA = json.loads(files("abimpact.portfolio").joinpath("portfolio.schema.json").read_text())
Z = 1.959963984540054


def told(reports: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    found = portfolio(reports, **more).to_dict()
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    return found


def codes(found: dict[str, Any]) -> dict[str, Any]:
    return {c["code"]: c for c in found["checks"]}


def test_lifts_are_drawn_by_the_moments_of_all_tests() -> None:
    reports = history()
    found = told(reports)
    d = np.array([r["metrics"][0]["estimates"][0]["relative"]["estimate"] for r in reports])
    tau2 = np.mean(d**2 - 0.01**2)
    (own, _) = found["priors"]
    assert (own["metric"], own["basis"], own["effects"]) == ("profit", "estimated", 24)
    assert own["tau2"] == pytest.approx(tau2, rel=1e-9)
    weight = tau2 / (tau2 + 0.01**2)
    for test, measured in zip(found["tests"], d, strict=True):
        (row,) = test["metrics"]
        assert row["se"] == pytest.approx(0.01, rel=1e-9)
        assert row["weight"] == pytest.approx(weight, rel=1e-9)
        assert row["shrunken"]["estimate"] == pytest.approx(weight * measured, rel=1e-9)
        half = Z * np.hypot(np.sqrt(weight) * 0.01, (1 - weight) * np.sqrt(2 / 22) * measured)
        assert row["shrunken"]["high"] - row["shrunken"]["estimate"] == pytest.approx(half, rel=1e-6)
    shipped = d[d > 1.96 * 0.01]
    assert found["shipped"] == {"experiments": len(shipped), "share": len(shipped) / 24}
    (winners,) = found["winners"]
    assert winners["measured"] == pytest.approx(shipped.mean(), rel=1e-9)
    assert winners["shrunken"] == pytest.approx(weight * shipped.mean(), rel=1e-9)
    assert 0 < found["expected_harmful"] < 1
    assert set(codes(found)) == {"sample_ratio"}


def test_money_is_drawn_as_its_lift_is_and_costs_stay() -> None:
    reports = history(currency="eur")
    found = told(reports)
    d = np.array([r["metrics"][0]["estimates"][0]["relative"]["estimate"] for r in reports])
    won, weight = d[d > 1.96 * 0.01], found["tests"][0]["metrics"][0]["weight"]
    (total,) = found["totals"]
    assert (total["currency"], total["tests"]) == ("EUR", len(won))
    assert total["measured"]["annual_net"]["estimate"] == pytest.approx(1_000 * won.sum() - 10 * len(won), rel=1e-9)
    assert total["annual_net"]["estimate"] == pytest.approx(1_000 * weight * won.sum() - 10 * len(won), rel=1e-9)
    assert total["npv"]["estimate"] == pytest.approx(2_000 * weight * won.sum() - 35 * len(won), rel=1e-9)
    # Own errors add in squares, the error of the common weight as it is (equal errors: Morris's).
    sd = np.hypot(10 * np.sqrt(len(won) * weight), 1_000 * won.sum() * (1 - weight) * np.sqrt(2 / 22))
    assert total["annual_net"]["high"] - total["annual_net"]["estimate"] == pytest.approx(Z * sd, rel=1e-6)
    paying = sum(2_000 * weight * x > 35 for x in won)
    assert (found["paid"]["tests"], found["paid"]["of"]) == (paying, len(won))
    assert 0 < found["paid"]["expected"] < len(won)


def test_few_tests_are_not_drawn_and_that_is_said() -> None:
    reports = [run(0, 0.05, 0.01, code="ship", currency="EUR"), run(1, 0.0, 0.01)]
    found = told(reports)
    assert codes(found)["few_tests"]["severity"] == "warn"
    assert found["tests"][0]["metrics"][0]["shrunken"] is None
    (total,) = found["totals"]
    assert total["annual_net"] == total["measured"]["annual_net"]
    given = told(reports, prior_lift_sd=0.01)
    assert given["tests"][0]["metrics"][0]["weight"] == pytest.approx(0.5, rel=1e-9)
    assert given["tests"][0]["metrics"][0]["shrunken"]["estimate"] == pytest.approx(0.025, rel=1e-9)
    assert "few_tests" not in codes(given)


def test_a_kpi_with_tests_enough_has_its_own_history_and_others_share_one() -> None:
    wide = history(1, 12, tau=0.1)
    narrow = [run(100 + i, 0.001 * i, 0.01, metric=f"kpi {i % 3}") for i in range(11)]
    found = told([*wide, *narrow])
    assert [(p["metric"], p["effects"]) for p in found["priors"]] == [("profit", 12), (None, 11)]
    assert found["priors"][0]["sd"] > 0.05 > found["priors"][1]["sd"]
    assert codes(found)["several_kpis"]["data"]["metrics"] == ["kpi 0", "kpi 1", "kpi 2"]


def test_lower_is_better_turns_what_is_a_winner() -> None:
    reports = [run(i, -0.05, 0.01, better="lower", code="ship") for i in range(6)]
    reports += [run(10 + i, 0.05, 0.01, better="lower") for i in range(6)]
    found = told(reports)
    (winners,) = found["winners"]
    assert (winners["comparisons"], winners["measured"]) == (6, pytest.approx(0.05))
    assert found["tests"][0]["metrics"][0]["probability_worse"] < 0.01


def test_a_broken_split_counts_as_a_test_and_nowhere_else() -> None:
    reports = history(currency="EUR")
    broken = run(99, 0.5, 0.01, code="invalid", currency="EUR")
    broken["checks"][0]["severity"] = "block"
    sound, found = told(reports), told([*reports, broken])
    assert found["sample_ratio"] == {"failed": ["test 99"], "share": 1 / 25}
    assert found["totals"] == sound["totals"]
    assert found["priors"] == sound["priors"]
    assert found["experiments"] == 25
    assert codes(found)["left_out"]["data"]["reasons"] == {"the log is not sound": ["test 99"]}


def test_each_currency_has_its_total() -> None:
    reports = [run(i, 0.05, 0.01, code="ship", currency=c) for i, c in enumerate(["EUR", "usd", "EUR"])]
    found = told(reports)
    assert [(t["currency"], t["tests"]) for t in found["totals"]] == [("EUR", 2), ("USD", 1)]
    assert codes(found)["mixed_currency"]["data"]["currencies"] == ["EUR", "USD"]


def test_a_prior_of_its_own_is_not_drawn_twice() -> None:
    reports = history(currency="EUR")
    mine = run(99, 0.06, 0.01, code="ship", currency="EUR")
    mine["values"][0]["posterior"]["weight"] = 0.8
    found = told([*reports, mine])
    value = found["tests"][-1]["value"]
    assert value["annual_net"] == value["measured"]["annual_net"]
    assert codes(found)["own_prior"]["data"]["tests"] == ["test 99"]


def test_an_experiment_counts_once_by_its_latest_report() -> None:
    early, late = run(0, 0.05, 0.01, code="ship"), run(0, 0.02, 0.01)
    late["provenance"] |= {"created": "2026-12-31T00:00:00+00:00"}
    for order in ([early, late], [late, early]):
        found = told(order)
        assert [t["verdict"]["code"] for t in found["tests"]] == ["keep"]
        assert codes(found)["duplicate_tests"]["severity"] == "warn"
    grown = run(0, 0.03, 0.01)
    grown["provenance"]["sources"][0]["sha256"] = "f" * 64
    grown["experiment"]["end"] = "2026-12-31"
    assert told([early, grown])["experiments"] == 1
    other = run(1, 0.05, 0.01)
    other["experiment"]["title"] = early["experiment"]["title"]
    other["experiment"]["start"] = "2025-01-01"
    assert told([early, other])["experiments"] == 2


def test_winners_alone_are_noticed() -> None:
    assert "only_winners" in codes(told([run(i, 0.05, 0.01, code="ship") for i in range(5)]))


def test_variants_of_one_experiment_are_tests_of_one_experiment() -> None:
    found = told([analyze(frame(3_000, variant=np.arange(3_000) % 3), unit="unit", variant="variant", incumbent="0",
                          metrics=["value"], resamples=0).to_dict()])  # fmt: skip
    assert (found["experiments"], [t["proposed"] for t in found["tests"]]) == (1, ["1", "2"])


# Files and formats


def written(folder: Path, reports: list[dict[str, Any]]) -> Path:
    for i, report in enumerate(reports):
        (folder / f"{i:02}.json").write_text(json.dumps(report))
    return folder


@pytest.mark.parametrize("how", ["folder", "pattern", "files"])
def test_the_command_takes_folders_patterns_and_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    folder = written(tmp_path, history(tests=12, currency="EUR"))
    sources = {
        "folder": [str(folder)],
        "pattern": [str(folder / "*.json")],
        "files": [str(p) for p in sorted(folder.glob("*.json"))],
    }[how]
    out = tmp_path / "out"
    out.mkdir()
    names = ["p.json", "p.md", "p.html", "p.csv", "p.txt", "p.xlsx"]
    assert main(["portfolio", *sources, *(x for n in names for x in ("-o", str(out / n)))]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(" 12 EXPERIMENTS   Of 12 experiments")
    found = json.loads((out / "p.json").read_text())
    assert found["experiments"] == 12
    table = pd.read_csv(out / "p.csv")
    assert table["shrunken_estimate"].tolist() == pytest.approx(
        [t["metrics"][0]["shrunken"]["estimate"] for t in found["tests"]], rel=1e-12
    )
    sheet = pd.read_excel(out / "p.xlsx", sheet_name=None, engine="openpyxl")
    assert list(sheet) == ["Summary", "Rows", "Checks"]
    assert sheet["Rows"]["shrunken_estimate"].tolist() == pytest.approx(table["shrunken_estimate"].tolist(), rel=1e-12)
    for name in names[1:3]:
        assert "as measured" in (out / name).read_text(encoding="utf-8")
    assert "<svg" in (out / "p.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 60, 80, 120, 140])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    from abimpact.portfolio.formats import render_text
    from abimpact.render.table import Options

    made = portfolio([*history(currency="EUR"), sample()])
    text = render_text(made.told, "terminal", Options(width=width, is_verbose=True))
    assert max(map(len, text.splitlines())) <= width
    assert render_text(made.told, "terminal", Options(is_quiet=True)).count("\n") == 1


def test_names_are_harmless_in_every_format() -> None:
    hostile = '<img src=x>|=1+1\x1b[31m"'
    reports = history(tests=12)
    reports[0]["experiment"]["title"] = hostile
    reports[0]["metrics"][0]["name"] = hostile
    found = portfolio(reports)
    assert "\x1b" not in found.to_markdown() + found.to_html() + found.to_csv() + found.to_text()
    assert "<img" not in found.to_html()
    assert "\n=1" not in found.to_csv()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is no JSON"),
        ("[1, 2]", "is no report of abimpact"),
        ('{"schema": "abimpact/check/1"}', "is abimpact/check/1, not a report"),
        ('{"schema": "abimpact/report/2"}', "this version of abimpact reads abimpact/report/1"),
        ('{"schema": "abimpact/report/1"}', "verdict: field required"),
        ('{"schema": "abimpact/report/1", "x": NaN}', "NaN is no number"),
    ],
)
def test_what_is_no_report_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, said: str
) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    for command in (["portfolio", str(path)], ["compare", str(path), str(path)]):
        assert main(command) == 3
        message = capsys.readouterr().err
        assert said in message
        assert "x.json" in message
    assert main(["portfolio", str(tmp_path / "nope.json")]) == 3


def test_files_of_other_verbs_are_left_out_and_said(tmp_path: Path) -> None:
    folder = written(tmp_path, history(tests=3))
    (folder / "check.json").write_text('{"schema": "abimpact/check/1"}')
    found = portfolio(folder).to_dict()
    assert found["experiments"] == 3
    assert codes(found)["not_reports"]["data"]["files"] == [str(folder / "check.json")]
    (folder / "foreign.json").write_text("{}")
    with pytest.raises(DataError, match=r"foreign\.json"):
        portfolio(folder)


def test_mistakes_of_use_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    written(tmp_path, history(tests=1))
    assert main(["portfolio", str(tmp_path), "-f", "xlsx"]) == 2
    assert main(["portfolio", str(tmp_path), "-o", "p.docx"]) == 2
    assert main(["portfolio", str(tmp_path), "-f", "xls"]) == 2
    assert main(["portfolio", str(tmp_path), "--prior-lift-sd", "lots"]) == 2
    assert "Write it like" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["portfolio", str(tmp_path / "empty")]) == 3
    for wrong in ([], [3]):
        with pytest.raises(AbimpactError):
            portfolio(wrong)
    with pytest.raises(UsageError):
        portfolio([sample()], level=95)


def test_python_takes_reports_and_reads_like_a_table() -> None:
    report = analyze(Path("sample_data") / "checkouts.parquet", resamples=0)
    found = portfolio([report])
    assert isinstance(found, Portfolio)
    assert found.to_pandas()["name"].tolist() == ["profit per checkout", "orders per session"]
    assert "iframe" in found._repr_html_()


# Tables of aggregates

CONFIG = """
[data]
kind = "aggregates"
variant = "variant"
incumbent = "rules"
split = "50:50"
[data.aggregates]
experiment = "experiment"
metric = "metric"
look = "look"
count = "n"
mean = "mean"
variance = "variance"
"""


def aggregates(experiments: int = 12) -> pd.DataFrame:
    """Two looks at a revenue and a rate in every experiment; the first has three variants, the second no variance."""
    rng = np.random.default_rng(5)
    rows = []
    for e in range(experiments):
        for v in ("rules", "ml", "nn")[: 3 if e == 0 else 2]:
            for metric, mean, variance in (("rate", 0.2, 0.16), ("revenue", 10.0, 400.0)):
                for look, n in ((1, 5_000), (2, 10_000)):
                    x = mean * (1 + (0.03 * rng.normal() if v != "rules" else 0)) + rng.normal() * (variance / n) ** 0.5
                    rows.append((f"e{e:02}", v, metric, look, n, x, None if e == 1 else variance))
    columns = ["experiment", "variant", "metric", "look", "n", "mean", "variance"]
    return pd.DataFrame(rows, columns=columns)


def test_a_table_of_experiments_gives_the_reports_of_each(tmp_path: Path) -> None:
    table, config = aggregates(), tmp_path / "abimpact.toml"
    config.write_text(CONFIG)
    table.to_parquet(tmp_path / "all.parquet")
    found = portfolio(tmp_path / "all.parquet", config=config).to_dict()
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert found["experiments"] == 11
    assert codes(found)["not_analysed"]["data"]["experiments"].keys() == {"e01"}
    assert [t["proposed"] for t in found["tests"][:2]] == ["ml", "nn"]
    assert found["peeking"]["comparisons"] == 24
    one = analyze(tmp_path / "all.parquet", config=config, where="experiment = 'e05'").to_dict()
    row = next(t for t in found["tests"] if t["experiment"] == "e05")["metrics"][0]
    assert row["lift"]["estimate"] == one["metrics"][0]["estimates"][0]["relative"]["estimate"]
    ones = portfolio([one]).to_dict()["tests"]
    assert ones[0]["metrics"][0]["se"] == row["se"]


def test_mistakes_in_a_table_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "abimpact.toml"
    config.write_text(CONFIG)
    aggregates(3).to_parquet(tmp_path / "all.parquet")
    asked = ["portfolio", str(tmp_path / "all.parquet")]
    for more, said in (
        (["-m", "profit"], "no metric 'profit'"),
        (["--where", "experiment = 'e01'"], "e01: No look has a count, a mean and a variance"),
        (["--where", "experiment = 'e99'"], "None of the 0 rows"),
    ):
        assert main([*asked, *more]) == 3
        assert said in capsys.readouterr().err


def test_a_log_of_rows_is_no_table_of_experiments(tmp_path: Path) -> None:
    frame().to_parquet(tmp_path / "log.parquet")
    with pytest.raises(ConfigError, match=r"log\.parquet: is no report"):
        portfolio(tmp_path / "log.parquet")


REAL = real_data()
ASOS = CONFIG.replace('variant = "variant"', 'variant = "variant_id"').replace('"rules"', '"control"')
ASOS = (
    ASOS[: ASOS.index("[data.aggregates]")]
    + """[data.aggregates]
experiment = "experiment_id"
metric = "metric_id"
look = "time_since_start"
count = "count_t"
mean = "mean_t"
variance = "variance_t"
incumbent_count = "count_c"
incumbent_mean = "mean_c"
incumbent_variance = "variance_c"
"""
)


@pytest.mark.skipif(REAL is None, reason="the real logs are not part of the project")
def test_the_78_real_experiments(tmp_path: Path) -> None:
    assert REAL
    config = tmp_path / "abimpact.toml"
    config.write_text(ASOS)
    found = portfolio(REAL / "asos.parquet", config=config).to_dict()
    golden = json.loads((Path(__file__).parents[1] / "golden" / "asos.json").read_text())["peeking"]
    assert found["peeking"] == {
        "comparisons": golden["comparisons"],
        "at_some_look": golden["significant_at_some_look"],
        "at_last_look": golden["significant_at_last_look"],
    }
    assert (found["experiments"], len(found["tests"])) == (78, 99)
    # Those whose first metric has p < 0.001 against 50:50, as listed beside the data.
    assert sorted(found["sample_ratio"]["failed"]) == [
        "26bd38", "329386", "530a76", "54a85a", "64dc88", "81761c", "834947", "a68bf4", "c3d89d", "eeefa3",
    ]  # fmt: skip
