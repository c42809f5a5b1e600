"""gbstats on sums that DuckDB makes in one scan: tests and sample ratio, no bootstrap."""

import sys

import duckdb
from gbstats.frequentist.tests import TwoSidedTTest
from gbstats.models.statistics import (
    ProportionStatistic,
    RatioStatistic,
    RegressionAdjustedStatistic,
    SampleMeanStatistic,
)
from gbstats.utils import check_srm

COLUMNS = ("converted", "orders", "revenue", "revenue_pre")
PAIRS = (("revenue", "orders"), ("revenue", "revenue_pre"))
sums = [f"sum({c})::DOUBLE, sum({c}*{c})::DOUBLE" for c in COLUMNS] + [f"sum({a}*{b})::DOUBLE" for a, b in PAIRS]
rows = duckdb.sql(
    f"SELECT variant, count(*), {', '.join(sums)} FROM '{sys.argv[1]}' GROUP BY variant ORDER BY variant DESC"
).fetchall()


def statistics(row: tuple) -> list:
    n, rest = row[1], row[2:]
    mean = {c: SampleMeanStatistic(n=n, sum=rest[2 * i], sum_squares=rest[2 * i + 1]) for i, c in enumerate(COLUMNS)}
    ratio = RatioStatistic(n=n, m_statistic=mean["revenue"], d_statistic=mean["orders"], m_d_sum_of_products=rest[8])
    adjusted = RegressionAdjustedStatistic(
        n=n,
        post_statistic=mean["revenue"],
        pre_statistic=mean["revenue_pre"],
        post_pre_sum_of_products=rest[9],
        theta=0,
    )
    return [ProportionStatistic(n=n, sum=rest[0]), mean["orders"], mean["revenue"], ratio, adjusted]


for incumbent, proposed in zip(statistics(rows[0]), statistics(rows[1]), strict=True):
    print(TwoSidedTTest(incumbent, proposed).compute_result())
print(check_srm([rows[0][1], rows[1][1]], [0.5, 0.5]))
