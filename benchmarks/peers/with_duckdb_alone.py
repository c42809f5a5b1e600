"""A bare DuckDB process that sums the same columns by variant: the floor of any tool that reads the file."""

import sys

import duckdb

columns = ", ".join(f"sum({c})" for c in ("converted", "orders", "revenue", "revenue_pre"))
print(duckdb.sql(f"SELECT variant, {columns} FROM '{sys.argv[1]}' GROUP BY variant").fetchall())
