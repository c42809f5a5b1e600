"""A bare DuckDB process that groups the events by user and variant: the floor of any tool that makes units of them."""

import sys

import duckdb

grouped = f"SELECT user_id, variant, count(*) AS n, sum(value) AS v FROM '{sys.argv[1]}' GROUP BY user_id, variant"
print(duckdb.sql(f"SELECT count(*), sum(n), sum(v) FROM ({grouped})").fetchall())
