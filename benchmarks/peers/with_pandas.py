"""pandas and scipy by hand, as a data scientist would: tests and sample ratio, no bootstrap."""

import sys

import numpy as np
import pandas as pd
from scipy import stats

COLUMNS = ["variant", "converted", "orders", "revenue", "revenue_pre"]
data = pd.read_parquet(sys.argv[1], columns=COLUMNS)
rules, ml = (data[data.variant == v] for v in ("rules", "ml"))
theta = np.cov(data.revenue, data.revenue_pre)[0, 1] / data.revenue_pre.var()
for name in ("converted", "orders", "revenue"):
    print(name, stats.ttest_ind(ml[name], rules[name], equal_var=False))
ratios = []
for arm in (rules, ml):
    ratio = arm.revenue.sum() / arm.orders.sum()
    ratios.append((arm.revenue - ratio * arm.orders) / arm.orders.mean() + ratio)
print("revenue/orders", stats.ttest_ind(ratios[1], ratios[0], equal_var=False))
adjusted = [arm.revenue - theta * arm.revenue_pre for arm in (rules, ml)]
print("adjusted", stats.ttest_ind(adjusted[1], adjusted[0], equal_var=False))
print("sample ratio", stats.chisquare([len(rules), len(ml)]))
