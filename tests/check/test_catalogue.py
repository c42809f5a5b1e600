"""Every check of the catalogue: a log on which it speaks and one on which it does not, its numbers, and its page."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact import analyze
from abimpact.findings import Finding
from tests.logs import frame

PAGE = (Path(__file__).parents[2] / "docs" / "checks.md").read_text(encoding="utf-8")
SOUND: dict[str, Any] = {
    "unit": "unit",
    "variant": "variant",
    "incumbent": "rules",
    "time": "day",
    "metrics": ["value"],
    "covariates": ["value_pre"],
    "segments": ["country"],
    "resamples": 0,
}
UNITS = 8_000


def sound() -> pd.DataFrame:
    data = frame(UNITS, seed=4)
    data["value_pre"] = np.round(np.random.default_rng(8).gamma(2.0, 5.0, UNITS), 2)
    return data


@dataclass(frozen=True)
class Case:
    """What is done to a sound log so that the check speaks; its severity, and the keys that its numbers have."""

    spoil: Callable[[pd.DataFrame], pd.DataFrame]
    severity: str
    keys: str
    asked: Mapping[str, Any] = field(default_factory=dict)


def only(data: pd.DataFrame, rows: int, **values: Any) -> pd.DataFrame:
    """The log with other values in its first rows of `ml`."""
    places = data.index[data.variant == "ml"][:rows]
    data = data.astype({name: object for name, value in values.items() if isinstance(value, str)})
    for name, value in values.items():
        data.loc[places, name] = value
    return data


def both_arms(data: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([data, data[:20].assign(variant=np.where(data.variant[:20] == "ml", "rules", "ml"))])


CASES = {
    "sample_ratio": Case(
        lambda d: d.drop(d.index[d.variant == "ml"][:400]), "block", "counts expected statistic pvalue"
    ),
    "units_in_both_arms": Case(both_arms, "warn", "units share rows"),
    "duplicate_rows": Case(lambda d: pd.concat([d, d[:20]]), "warn", "rows units"),
    "missing_unit": Case(lambda d: only(d.astype({"unit": "Int64"}), 9, unit=pd.NA), "warn", "rows"),
    "missing_variant": Case(lambda d: only(d, 9, variant=None), "warn", "rows"),
    "unknown_variant": Case(lambda d: only(d, 9, variant="beta"), "info", "rows values", {"proposed": ["ml"]}),
    "missing_values": Case(lambda d: only(d, 90, value=None), "warn", "metric missing pvalue"),
    "nonfinite_values": Case(lambda d: only(d, 9, value=np.inf), "warn", "metric rows"),
    "too_few_units": Case(lambda d: d[:40], "warn", "units needed", {"metrics": ["value", "converted"]}),
    "constant_metric": Case(lambda d: d.assign(converted=1), "warn", "metric", {"metrics": ["value", "converted"]}),
    "outliers": Case(lambda d: only(d, 3, value=9_000.0), "warn", "metric share_of_effect effect_without"),
    "skewed_metric": Case(
        lambda d: only(d.drop(d.index[d.variant == "ml"][:3_600]), 3, value=9_000.0),
        "warn", "metric skewness", {"split": "10:1"},
    ),
    "sample_ratio_over_time": Case(
        lambda d: d.drop(d.index[(d.day == "2026-03-09") & (d.variant == "ml")][:110]), "warn", "days pvalue_adjusted"
    ),
    "exposure_gaps": Case(lambda d: d[d.day != "2026-03-09"], "warn", "days variants"),
    "pre_period_imbalance": Case(
        lambda d: d.assign(value_pre=d.value_pre + (d.variant == "ml")), "warn", "covariate proposed pvalue"
    ),
    "not_concurrent": Case(
        lambda d: d.assign(day=d.day + pd.to_timedelta(np.where(d.variant == "ml", 28, 0), unit="D")),
        "block", "overlap days",
    ),
    "variant_follows": Case(
        lambda d: d.assign(country=np.where(d.variant == "ml", "DE", d.country.replace("DE", "SE"))),
        "block", "column values units",
    ),
    "looks_like_unit": Case(
        lambda d: d.drop(columns="unit").assign(store=np.where(d.variant == "ml", 0, 100) + np.arange(len(d)) % 50),
        "warn", "column values rows", {"unit": None},
    ),
    "mixed_currency": Case(
        lambda d: d.assign(currency=np.where(d.unit % 3 == 0, "USD", "EUR")), "warn", "column rows"
    ),
    "schema_drift": Case(lambda d: only(d, 9, variant="ML "), "warn", "kind column spellings files rows"),
    "peeking": Case(lambda d: d, "warn", "planned_end as_of units", {"planned_end": date(2026, 5, 1)}),
    "too_good": Case(lambda d: d.assign(value=d.value * np.where(d.variant == "ml", 2, 1)), "warn", "metric low high"),
    "filtered_rows": Case(lambda d: d, "info", "rows read", {"where": "country <> 'DE'"}),
    "guessed": Case(lambda d: d, "info", "", {"incumbent": None}),
}  # fmt: skip
# Said only where there is something to say.
SILENT = frozenset("schema_drift filtered_rows guessed looks_like_unit mixed_currency peeking".split())


def found(data: pd.DataFrame, folder: Path, code: str, **asked: Any) -> list[Finding]:
    planned = asked.pop("planned_end", None)
    config = folder / "abimpact.toml"
    config.write_text(f"[data]\nplanned_end = {planned}\n" if planned else "")
    options = {**SOUND, **asked, "config": config}
    options["covariates"] = [c for c in options["covariates"] if c in data]
    return [f for f in analyze(data, **options).values.findings if f.code == code]


@pytest.mark.parametrize("code", CASES)
def test_it_speaks_of_what_it_is_for(tmp_path: Path, code: str) -> None:
    case = CASES[code]
    first = found(case.spoil(sound()), tmp_path, code, **case.asked)[0]
    assert first.severity == case.severity
    assert set(case.keys.split()) <= set(first.data)
    assert first.do or case.severity == "info"


@pytest.mark.parametrize("code", CASES)
def test_it_is_fine_with_a_sound_log(tmp_path: Path, code: str) -> None:
    speaks = found(sound(), tmp_path, code)
    assert [f.severity for f in speaks] == ([] if code in SILENT else ["pass"])


def test_every_check_has_a_section_that_says_why_and_what_to_do() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))
    assert set(CASES) <= set(sections)
    for code, text in sections.items():
        assert re.search(r"^- \*\*Why\*\*: .+^- \*\*Do\*\*: .+^- \*\*Data\*\*: ", text, re.DOTALL | re.MULTILINE), code


@pytest.mark.parametrize("code", [c for c, case in CASES.items() if case.keys])
def test_the_page_names_the_numbers(code: str) -> None:
    data = re.search(rf"^## {code}\n.*?^- \*\*Data\*\*: (.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE)
    assert data
    for key in CASES[code].keys.split():
        assert f"`{key}`" in data[1], key
