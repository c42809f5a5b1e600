import pandas as pd

from abimpact.render.frame import to_pandas
from tests.render.build import not_estimated, ship


def test_one_row_per_estimate() -> None:
    report = ship()
    frame = to_pandas(report)
    assert len(frame) == sum(len(m.estimates) for m in report.metrics)
    chosen = frame[frame.is_chosen & (frame.metric == "profit per user")].iloc[0]
    assert (chosen.method, chosen.relative_low, chosen.proposed_units) == ("adjusted", 0.0181, 401_504)


def test_a_metric_without_estimate_says_why() -> None:
    frame = to_pandas(not_estimated())
    row = frame[frame.metric == "refund:p99"].iloc[0]
    assert row.not_estimated == "too_few_units"
    assert (pd.isna(row.pvalue), bool(row.is_chosen)) == (True, False)
