#!/usr/bin/env python3
"""Makes the sample data of `abimpact backtest`: invented card payments whose outcomes are all known.

Payments (backtest/payments.parquet): a shop's rules decline payments; a logistic regression and boosted trees scored
the same payments. 20,000 payments in 56 days from 6 April 2026. How likely a payment is fraud depends on its amount, on
whether the card is new, on the country and on how the customer behaves on the site; rules know nothing of behaviour.

    column               unit  meaning
    payment_id           id    unique
    date                 day   of the payment
    country              text  five countries
    amount               EUR   median 60
    new_card             0/1   first use of the card
    velocity             count payments of the card in the last hour before this one
    rules_decision       text  approve or decline
    rules_fired          text  the rules that fired, separated by ;
    logistic, trees      0-1   scores, both of them probabilities of fraud; trees knows behaviour better
    fraud                0/1   whether it was fraud, known for all payments because the rules ran in shadow mode
    fraud_seen           0/1   the same if the rules had really declined: unknown where they did
    fraud_released       0/1   the same if a random part of the declined had been released
    release_probability  0-1   with which the outcome was to be seen: 1 if approved, else 0.10 to 0.50 by amount

Simple payments (backtest/simple.parquet): the same columns but for the last three; fraud depends on amount and new_card
alone, so that three questions find all that there is.

A declined good payment costs 5 EUR, an approved fraud its amount, an approved good payment earns 3 % of its amount.
`truth` computes what a decision really earns, from as many fresh payments as are asked for.

The same seed gives the same files, whatever the machine. Needs numpy and pyarrow.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

SEED = 20260406
PAYMENTS, DAYS, START = 20_000, 56, np.datetime64("2026-04-06")
COUNTRIES, COUNTRY_SHARE = ("DE", "FR", "NL", "PL", "SE"), (0.40, 0.22, 0.16, 0.14, 0.08)
COUNTRY_RISK = np.array([0.0, 0.2, 0.0, 0.7, 0.3])
RULES = ("amount > 250 and new card", "amount > 500", "2 payments in an hour", "PL and new card")
MARGIN, FALSE_ALARM = 0.03, 5.0
HERE = Path(__file__).parent
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def payments(rng: np.random.Generator, n: int = PAYMENTS, *, days: int = DAYS) -> pa.Table:
    """`n` payments in the order of their dates."""
    day = np.sort(rng.integers(0, days, n))
    amount, new_card, country, velocity = _seen(rng, n)
    behaviour = rng.normal(0.0, 1.0, n)
    known = 0.7 * (np.log(amount) - 4.1) + 1.3 * new_card + COUNTRY_RISK[country] + 0.5 * velocity
    risk = known + 1.6 * behaviour - 5.0
    fraud = rng.random(n) < _sigmoid(risk)
    fired = _fired(amount, new_card, country, velocity)
    declined = np.asarray(fired.any(axis=1), dtype=np.bool_)
    release = np.where(declined, np.clip(0.1 + 100 / amount, 0.1, 0.5), 1.0)
    seen = rng.random(n) < release
    return pa.table(
        {
            **_common(rng, day, country, amount, new_card, velocity, declined, fired, fraud),
            "logistic": np.round(_sigmoid(known + 0.5 * behaviour + rng.normal(0.0, 0.5, n) - 4.2), 6),
            "trees": np.round(_sigmoid(risk + rng.normal(0.0, 0.4, n)), 6),
            "fraud_seen": pa.array(fraud.astype(np.int8), mask=declined),
            "fraud_released": pa.array(fraud.astype(np.int8), mask=~seen),
            "release_probability": np.round(release, 6),
        }
    )


def simple(rng: np.random.Generator, n: int = PAYMENTS) -> pa.Table:
    """`n` payments whose fraud three questions tell, as well as any score can."""
    day = np.sort(rng.integers(0, DAYS, n))
    amount, new_card, country, velocity = _seen(rng, n)
    rate = np.where(new_card & (amount > 60), 0.25, 0.002)
    fraud = rng.random(n) < rate
    fired = _fired(amount, new_card, country, velocity)
    declined = np.asarray(fired.any(axis=1), dtype=np.bool_)
    return pa.table(
        {
            **_common(rng, day, country, amount, new_card, velocity, declined, fired, fraud),
            "logistic": np.round(np.clip(rate * np.exp(rng.normal(0.0, 0.6, n)), 0, 1), 6),
            "trees": np.round(np.clip(rate * np.exp(rng.normal(0.0, 0.1, n)), 0, 1), 6),
        }
    )


def _seen(rng: np.random.Generator, n: int) -> tuple[Floats, Bools, Ints, Ints]:
    """Amount, new card, country and velocity."""
    amount: Floats = np.asarray(np.round(np.exp(rng.normal(4.1, 0.8, n)), 2), dtype=np.float64)
    return amount, rng.random(n) < 0.15, rng.choice(5, n, p=COUNTRY_SHARE), rng.poisson(0.25, n)


def _fired(amount: Floats, new_card: Bools, country: Ints, velocity: Ints) -> Bools:
    """Which of `RULES` fire, one column each."""
    return np.column_stack([(amount > 250) & new_card, amount > 500, velocity >= 2, (country == 3) & new_card])


def _common(
    rng: np.random.Generator,
    day: Ints,
    country: Ints,
    amount: Floats,
    new_card: Bools,
    velocity: Ints,
    declined: Bools,
    fired: Bools,
    fraud: Bools,
) -> dict[str, object]:
    """The columns that both logs have."""
    texts = np.full(len(day), "", dtype=object)
    for j, rule in enumerate(RULES):
        texts = np.where(fired[:, j], np.where(texts == "", rule, texts + ";" + rule), texts)
    return {
        "payment_id": rng.permutation(len(day)) + 1,
        "date": START + day.astype("timedelta64[D]"),
        "country": pa.array(np.array(COUNTRIES)[country]),
        "amount": amount,
        "new_card": new_card.astype(np.int8),
        "velocity": velocity.astype(np.int8),
        "rules_decision": pa.array(np.where(declined, "decline", "approve")),
        "rules_fired": pa.array([text or None for text in texts], pa.string()),
        "fraud": fraud.astype(np.int8),
    }


def _sigmoid(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-x))


def differences(table: pa.Table, score: str, threshold: float) -> NDArray[np.float64]:
    """What declining from a threshold on earns more than the rules, payment by payment."""
    amount, fraud = table["amount"].to_numpy(), table["fraud"].to_numpy() == 1
    rules = table["rules_decision"].to_numpy(zero_copy_only=False) == "decline"
    earned = np.where(fraud, -amount, MARGIN * amount)
    stopped = np.where(fraud, 0.0, -FALSE_ALARM)
    ml = table[score].to_numpy() >= threshold
    return np.where(ml, stopped, earned) - np.where(rules, stopped, earned)


def truth(score: str, threshold: float, n: int = 10_000_000) -> tuple[float, float]:
    """What a decision earns a payment more than the rules, with its standard error, from `n` fresh payments."""
    rng, sums = np.random.default_rng([SEED, 1]), np.zeros(3)
    for _ in range(n // 500_000):
        d = differences(payments(rng, 500_000), score, threshold)
        sums += len(d), d.sum(), (d**2).sum()
    mean = sums[1] / sums[0]
    return float(mean), float(np.sqrt((sums[2] / sums[0] - mean**2) / sums[0]))


def write(folder: Path) -> None:
    """Write both files below `folder`."""
    (folder / "backtest").mkdir(exist_ok=True)
    for name, make, seed in (("payments", payments, SEED), ("simple", simple, SEED + 1)):
        table = make(np.random.default_rng(seed))
        pq.write_table(table, folder / "backtest" / f"{name}.parquet", compression="zstd", version="2.6")


if __name__ == "__main__":
    write(HERE)
