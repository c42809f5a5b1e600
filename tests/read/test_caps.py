"""Capped means: the cap is a quantile of all units, and what lies beyond it is counted by variant."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abimpact import analyze
from abimpact.errors import ConfigError
from tests.logs import frame

CONFIG = """
[data]
unit = "unit"
variant = "variant"
incumbent = "rules"
[[metric]]
name = "value"
role = "primary"
{metric}
[[metric]]
name = "as it is"
value = "value"
[analysis]
resamples = 99
"""


def report(folder: Path, log: Any, metric: str) -> dict[str, Any]:
    path = folder / "abimpact.toml"
    path.write_text(CONFIG.format(metric=metric))
    return analyze(log, config=path).to_dict()


@pytest.mark.parametrize("missing", ["exclude", "zero"])
def test_values_beyond_the_pooled_quantile_count_as_it(tmp_path: Path, missing: str) -> None:
    log = frame()
    log.loc[::5, "value"] = np.nan
    log.loc[1, "value"] = 1e9
    told = report(tmp_path, log, f'cap_quantile = 0.99\nmissing = "{missing}"')
    values = log["value"].fillna(0.0) if missing == "zero" else log["value"]
    cap = float(values.quantile(0.99, interpolation="lower"))
    data = next(c["data"] for c in told["checks"] if c["code"] == "capped")
    # DuckDB's discrete quantile is the value at rank ceil(q n), pandas' lower one at floor(q (n - 1)) + 1.
    beyond = int((values > data["cap"]).sum())
    assert data["cap"] >= cap
    assert beyond == pytest.approx(0.01 * values.notna().sum(), abs=1)
    assert sum(data["units"].values()) == beyond
    for arm in ("incumbent", "proposed"):
        variant = told["metrics"][0][arm]["variant"]
        mine = values[log["variant"] == variant].clip(upper=data["cap"])
        assert told["metrics"][0][arm]["value"] == pytest.approx(mine.mean(), rel=1e-12)
        plain = log.loc[log["variant"] == variant, "value"].mean()
        assert told["metrics"][1][arm]["value"] == pytest.approx(plain, rel=1e-9)


@pytest.mark.parametrize(
    "metric", ["kind = 'proportion'\ncap_quantile = 0.99", "kind = 'quantile'\nquantile = 0.9\ncap_quantile = 0.99"]
)
def test_only_means_are_capped(tmp_path: Path, metric: str) -> None:
    with pytest.raises(ConfigError, match="only a mean"):
        report(tmp_path, frame(), metric)
