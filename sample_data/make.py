#!/usr/bin/env python3
"""Makes the sample data: invented experiments with known true effects. `make.py --power` prints their power.

Checkout (checkouts.parquet, checkouts.csv.gz): an online shop decides which payments to approve. The incumbent
`rules` decline about 9 % of checkouts; the proposed `ml` scores each one, declines a little less and catches more
fraud. One row is one checkout, the unit of randomisation; 28 days from 2 March 2026, 50:50. The power is that of a log
of this size: the share of 300 fresh draws in which the KPI is shown better, or the guardrail safe.

    column          unit     meaning                                             true effect of ml     power
    checkout_id     id       unique
    variant         text     rules or ml
    date            day      of the checkout
    country         text     five countries
    profit          EUR      margin on an approved order less fraud's cost       +0.41 (+5.3 %)        94 %
    approved        0/1      payment approved, about 91 %                        +0.25 points          94 % (0.5 points)
    review_minutes  minutes  of a person's time, most checkouts none             -4.4 %                95 % (5 %)
    orders          count    orders of the visitor in the week                   +2.2 %                96 % (a session)
    sessions        count    sessions of the visitor in the week                 none
    profit_pre      EUR      profit with the customer in the 28 days before      none (before the experiment)

Recommender (recommender/clicks.parquet): one row is one user, 90:10 rules to ml; clicks per impression are rare
(1.2 %) and ml lifts them by 15 %.

Payments (decisions/payments.parquet): a log that several configs of decisions/ look at, one for each way to decide. One
row is one payment; `rules`, a logistic regression and a neural network (`nn`) get a third each; 14 days.

    payment_id  id    unique
    variant     text  rules, logistic or nn
    date        day   of the payment
    profit      EUR   logistic and nn earn 3 % more than rules
    rating      1-10  of the customer; nn loses 2 %
    reviewed    0/1   by a person: rules 4 %, logistic 5 %, nn 9 %
    seen        EUR   profit of nn as it looked on the last day, chargebacks still to come: 2 % more than rules
    final       EUR   the same 104 days later: 2 % less than rules

Deliveries (messy/): four years of one test as four colleagues kept them, with the mess described in messy/README.md.
One row is one customer; `ml` earns 9 % more than `rules`.

    customer_id  id     unique; `KundenNr` in 2023, `kunde` in 2024
    variant      text   rules or ml; codes with labels in 2022, `ML` and `Rules` in 2023
    date         day    of the first order
    country      text   not in 2022: filled in from customers.csv
    profit       EUR    +9 % with ml; decimal commas in 2024
    orders       count  no effect

Portfolio (portfolio/experiments.csv): what the platform of a shop kept of 40 tests, week by week and cumulated. One row
is one variant at one look. The true lifts are normal around none with a standard deviation of 1.5 %; in two tests a
part of the units of `ml` was lost.

    experiment  text   search-01 to checkout-40
    variant     text   rules or ml
    week        count  1 to 4
    users       count  seen until then
    revenue     EUR    mean per user
    variance    EUR²   of a user's revenue

The same seed gives the same files, whatever the machine. Needs numpy, pyarrow, pandas, pyreadstat and XlsxWriter.
"""

import argparse
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

if TYPE_CHECKING:
    import pandas as pd

SEED = 20260302
CHECKOUTS, USERS, PAYMENTS, DELIVERIES, EXPERIMENTS = 60_000, 40_000, 45_000, 3_000, 40
START, DAYS = np.datetime64("2026-03-02"), 28
COUNTRIES = ("DE", "FR", "NL", "PL", "SE")
COUNTRY_SHARE = (0.40, 0.22, 0.16, 0.14, 0.08)
APPROVAL_RULES, APPROVAL_ML = 0.912, 0.9145
FRAUD_RULES, FRAUD_ML = 0.0130, 0.0080
REVIEW_RULES, REVIEW_ML = 0.0900, 0.0860
ORDER_LIFT, CLICK_LIFT = 0.022, 0.15
CLICK_RATE = 0.012
LIFT_SD = 0.015
LOSING = (6, 27)  # tests whose ml loses units
HERE = Path(__file__).parent


def checkouts(rng: np.random.Generator, n: int = CHECKOUTS) -> pa.Table:
    """`n` checkouts, in the order of their dates."""
    ml = rng.random(n) < 0.5
    day = np.sort(rng.integers(0, DAYS, n))
    customer = rng.normal(0.0, 0.7, n)  # what makes a customer worth more than another, before and now
    amount = np.exp(3.6 + customer + rng.normal(0.0, 0.5, n))
    approved = rng.random(n) < np.where(ml, APPROVAL_ML, APPROVAL_RULES)
    fraud = rng.random(n) < np.where(ml, FRAUD_ML, FRAUD_RULES)
    margin = 0.18 * amount
    # A fraudulent order is lost with its goods and a fee; large baskets attract fraud.
    loss = np.where(fraud, 0.9 * amount * np.exp(rng.normal(0.3, 0.4, n)) + 15.0, 0.0)
    profit = np.where(approved, margin - loss, 0.0)
    pre = 0.18 * np.exp(3.6 + customer + rng.normal(0.0, 0.35, n)) * (rng.random(n) < 0.9)
    reviewed = rng.random(n) < np.where(ml, REVIEW_ML, REVIEW_RULES)
    minutes = np.where(reviewed, rng.gamma(4.0, 1.5, n), 0.0)
    sessions = 1 + rng.poisson(1.4, n)
    orders = rng.binomial(sessions, np.where(ml, 0.42 * (1 + ORDER_LIFT), 0.42))
    return pa.table(
        {
            "checkout_id": np.arange(1, n + 1),
            "variant": pa.array(np.where(ml, "ml", "rules")),
            "date": START + day.astype("timedelta64[D]"),
            "country": pa.array(rng.choice(COUNTRIES, n, p=COUNTRY_SHARE)),
            "profit": np.round(profit, 2),
            "approved": approved.astype(np.int8),
            "review_minutes": np.round(minutes, 1),
            "orders": orders.astype(np.int16),
            "sessions": sessions.astype(np.int16),
            "profit_pre": np.round(pre, 2),
        }
    )


def clicks(rng: np.random.Generator, n: int = USERS) -> pa.Table:
    """`n` users with their impressions and clicks."""
    ml = rng.random(n) < 0.1
    impressions = 1 + rng.negative_binomial(1.2, 1.2 / (1.2 + 24), n)
    taste = rng.gamma(2.0, 0.5, n)
    rate = np.minimum(CLICK_RATE * taste * np.where(ml, 1 + CLICK_LIFT, 1.0), 1.0)
    return pa.table(
        {
            "user_id": pa.array([f"u{i:06d}" for i in range(n)]),
            "variant": pa.array(np.where(ml, "ml", "rules")),
            "impressions": impressions.astype(np.int32),
            "clicks": rng.binomial(impressions, rate).astype(np.int32),
        }
    )


def payments(rng: np.random.Generator, n: int = PAYMENTS) -> pa.Table:
    """`n` payments of three variants."""
    arm = rng.integers(0, 3, n)
    day = np.sort(rng.integers(0, 14, n))
    profit = rng.gamma(9.0, 8.0 / 9.0, n) * np.array([1.0, 1.03, 1.03])[arm]
    rating = np.clip(np.round(rng.normal(np.array([7.5, 7.5, 7.35])[arm], 1.5)), 1, 10)
    amount = rng.gamma(9.0, 8.0 / 9.0, n)
    late = rng.random(n) < 0.03 * (arm == 2)
    seen = amount * np.where(arm == 2, 1.02, 1.0)
    return pa.table(
        {
            "payment_id": np.arange(1, n + 1),
            "variant": pa.array(np.array(["rules", "logistic", "nn"])[arm]),
            "date": START + day.astype("timedelta64[D]"),
            "profit": np.round(profit, 2),
            "rating": rating.astype(np.int8),
            "reviewed": (rng.random(n) < np.array([0.04, 0.05, 0.09])[arm]).astype(np.int8),
            "seen": np.round(seen, 2),
            # A late chargeback takes 4 % of an average profit on average: 0.03 × 10.9.
            "final": np.round(seen - 10.9 * late, 2),
        }
    )


def deliveries(rng: np.random.Generator, n: int = DELIVERIES) -> pa.Table:
    """`n` customers of four years, as one clean table."""
    ml = rng.random(n) < 0.5
    day = np.sort(rng.integers(0, 4 * 365, n))
    return pa.table(
        {
            "customer_id": rng.permutation(np.arange(10_000, 10_000 + n)),
            "variant": pa.array(np.where(ml, "ml", "rules")),
            "date": np.datetime64("2022-01-01") + day.astype("timedelta64[D]"),
            "country": pa.array(rng.choice(COUNTRIES, n, p=COUNTRY_SHARE)),
            "profit": np.round(rng.gamma(2.0, 12.0, n) * np.where(ml, 1.09, 1.0), 2),
            "orders": 1 + rng.poisson(1.2, n),
        }
    )


def experiments(rng: np.random.Generator, n: int = EXPERIMENTS) -> tuple[pa.Table, dict[str, float]]:
    """The tests of a shop as aggregates, and their true lifts.

    A week's users bring normal means of theirs: at such numbers of users that is what sums of revenues do.
    """
    rows: list[tuple[str, str, int, int, float, float]] = []
    truth = {}
    for i in range(n):
        name = f"{('search', 'ranking', 'pricing', 'checkout')[i % 4]}-{i + 1:02}"
        truth[name] = float(rng.normal(0, LIFT_SD))
        weekly = int(rng.integers(8_000, 40_000))
        for variant, mean in (("rules", 12.0), ("ml", 12.0 * (1 + truth[name]))):
            lost = 0.93 if variant == "ml" and i in LOSING else 1.0
            users = rng.binomial(2 * weekly, 0.5 * lost, 4).cumsum()
            added = rng.normal(mean * np.diff(users, prepend=0), 30.0 * np.sqrt(np.diff(users, prepend=0))).cumsum()
            rows += [
                (name, variant, week + 1, int(users[week]), round(float(added[week] / users[week]), 4), 900.0)
                for week in range(4)
            ]
    columns = list(zip(*rows, strict=True))
    names = ["experiment", "variant", "week", "users", "revenue", "variance"]
    return pa.table(dict(zip(names, columns, strict=True))), truth


def write_messy(folder: Path, table: pa.Table) -> None:
    """The four years of a clean table as four colleagues kept them, and the customers' countries."""
    import pandas as pd
    import pyreadstat

    folder.mkdir(exist_ok=True)
    clean = table.to_pandas()
    years = dict(list(clean.groupby(pd.to_datetime(clean["date"]).dt.year)))
    spss = years[2022].drop(columns="country").assign(variant=years[2022]["variant"].map({"rules": 1, "ml": 2}))
    labels: dict[str, dict[int | float, str]] = {"variant": {1: "rules", 2: "ml"}}
    pyreadstat.write_sav(spss, str(folder / "2022.sav"), variable_value_labels=labels)
    _write_sheet(folder / "2023.xlsx", years[2023])
    texts = years[2024].rename(columns={"customer_id": "kunde"})
    texts.to_csv(folder / "2024.csv", sep=";", decimal=",", index=False, lineterminator="\n")
    last = pa.Table.from_pandas(years[2025], schema=table.schema, preserve_index=False)
    pq.write_table(last.replace_schema_metadata(None), folder / "2025.parquet", compression="zstd", version="2.6")
    known = years[2022].sort_values("customer_id")[["customer_id", "country"]]
    known.to_csv(folder / "customers.csv", index=False, lineterminator="\n")


def their_totals(table: pa.Table) -> str:
    """What a manager has of the same four years, by year and variant: without Sweden, as nobody remembers."""
    clean = table.to_pandas()
    rows = clean[clean["country"] != "SE"].assign(year=clean["date"].map(lambda day: day.year))
    made = rows.groupby(["year", "variant"]).agg(customers=("profit", "size"), profit=("profit", "sum")).round(2)
    return str(made.to_csv(lineterminator="\n"))


def _write_sheet(path: Path, rows: "pd.DataFrame") -> None:
    """A workbook with a title above the table, other spellings in it and a total below."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), {"default_date_format": "yyyy-mm-dd"}) as book:
        book.set_properties({"created": datetime(2026, 3, 2)})
        sheet = book.add_worksheet("Export")
        sheet.write(0, 0, "Delivery test 2023, export of 8 Jan 2024")
        sheet.write_row(2, 0, ["KundenNr", "variant", "date", "country", "profit", "orders"])
        spelled = {"rules": "Rules", "ml": "ML"}
        for place, (unit, variant, day, country, profit, orders) in enumerate(rows.itertuples(index=False), 3):
            sheet.write_row(place, 0, [unit, spelled[variant], day, country, profit, orders])
        sheet.write_row(len(rows) + 4, 0, ["Total", "", "", "", float(rows["profit"].sum())])


def write(folder: Path) -> None:
    """Write all sample files below `folder`."""
    table = checkouts(np.random.default_rng(SEED))
    pq.write_table(table, folder / "checkouts.parquet", compression="zstd", version="2.6")
    with pa.CompressedOutputStream(folder / "checkouts.csv.gz", "gzip") as stream:
        pacsv.write_csv(table, stream)
    (folder / "recommender").mkdir(exist_ok=True)
    (folder / "decisions").mkdir(exist_ok=True)
    table = payments(np.random.default_rng(SEED + 2))
    pq.write_table(table, folder / "decisions" / "payments.parquet", compression="zstd", version="2.6")
    table = deliveries(np.random.default_rng(SEED + 3))
    write_messy(folder / "messy", table)
    (folder / "messy_totals.csv").write_text(their_totals(table), encoding="utf-8")
    (folder / "portfolio").mkdir(exist_ok=True)
    pacsv.write_csv(experiments(np.random.default_rng(SEED + 4))[0], folder / "portfolio" / "experiments.csv")
    users = clicks(np.random.default_rng(SEED + 1))
    pq.write_table(users, folder / "recommender" / "clicks.parquet", compression="zstd", version="2.6")


def power(draws: int = 300) -> dict[str, float]:
    """The share of `draws` fresh checkout experiments in which each KPI is shown better or each guardrail safe."""
    from abimpact import analyze

    won: dict[str, list[bool]] = {}
    for draw in range(draws):
        log = checkouts(np.random.default_rng([SEED, draw]))
        report = analyze(log, config=HERE / "abimpact.toml", resamples=0).values
        for result in report.metrics:
            chosen = result.chosen
            safe = result.guardrail.is_safe if result.guardrail else False
            better = bool(chosen and chosen.pvalue and chosen.pvalue < 0.05 and (chosen.statistic or 0) > 0)
            won.setdefault(result.metric.name, []).append(safe if result.metric.margin else better)
    return {name: float(np.mean(wins)) for name, wins in won.items()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--power", action="store_true", help="print the power of each KPI instead of writing files")
    if parser.parse_args().power:
        for name, share in power().items():
            print(f"{share:6.1%}  {name}")
    else:
        write(HERE)
