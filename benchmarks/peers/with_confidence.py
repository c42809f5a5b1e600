"""spotify-confidence fed with DuckDB's sums: z-tests of three metrics; it has no ratios of sums."""

import sys

import duckdb
import spotify_confidence as confidence

frame = duckdb.sql(
    f"""SELECT variant, count(*) AS n, sum(converted) AS converted, sum(orders) AS orders,
    sum(orders * orders) AS orders2, sum(revenue) AS revenue, sum(revenue * revenue) AS revenue2
    FROM read_parquet('{sys.argv[1]}') GROUP BY variant"""
).df()
for metric, squares in (("converted", None), ("orders", "orders2"), ("revenue", "revenue2")):
    test = confidence.ZTest(
        frame,
        numerator_column=metric,
        numerator_sum_squares_column=squares,
        denominator_column="n",
        categorical_group_columns="variant",
    )
    print(test.difference(level_1="rules", level_2="ml"))
