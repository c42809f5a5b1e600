"""What each row says of acting: values that any decision rule can be priced with.

A rule that acts on `a` (0 or 1) earns `v0 + a * g` on a row, the incumbent `vi`; so a rule's difference is
`v0 + a * g - vi`. Where outcomes are known, g = v1 - v0 as logged. Where they are seen at random, with a known
probability p, inverse-probability weighting (Horvitz & Thompson 1952) makes v0 and g unbiased, and the doubly robust
form (Robins, Rotnitzky & Zhao 1994; Dudík, Langford & Li 2011) takes what a model explains out of the noise:
model + seen / p * (value - model). The model is the mean of a cell, fitted on the other half of the rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from abimpact.backtest.capacity import Capacity, days_table
from abimpact.read.engine import Engine
from abimpact.spec.backtest import Backtest
from abimpact.summarise.summary import Floats


class Mode(StrEnum):
    """How outcomes came to be known."""

    LABELLED = "labelled"
    RELEASED = "released"
    RANDOMISED = "randomised"
    CHOSEN = "chosen"  # among many


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """The engine's table `gained`: `decided` with `g`, `v0`, `vi`, `f0` and, if weighted, `gi`, `v0i`, `w`, `rr`.

    `done` is the share of the incumbent's acts that is done on each day, `needed` what its acts need of each limit.
    """

    mode: Mode
    done: Floats
    needed: tuple[Floats, ...]

    @property
    def is_weighted(self) -> bool:
        """Whether rows have weights because outcomes or decisions are random."""
        return self.mode is not Mode.LABELLED


def mode_of(asked: Backtest) -> Mode:
    """How the log's outcomes came to be known."""
    if asked.logged.proposed:
        return Mode.CHOSEN
    if asked.logged.propensity:
        return Mode.RANDOMISED
    return Mode.RELEASED if asked.logged.release else Mode.LABELLED


def gain(engine: Engine, asked: Backtest, capacity: Capacity, cell: str) -> Gains:
    """Make the table `gained`. `cell` is SQL of what rows have in common that a model of their value goes by."""
    mode = mode_of(asked)
    needed = needed_by_day(engine, "decided", "inc", capacity) if mode in (Mode.LABELLED, Mode.RELEASED) else ()
    done = capacity.done(needed) if needed else np.ones(max(len(capacity.days), 1))
    engine.execute(f"CREATE TEMP TABLE done_by_rules AS {days_table({'f0': done}, capacity.days)}")
    join = "LEFT JOIN done_by_rules USING (day)" if capacity.days else "CROSS JOIN (SELECT f0 FROM done_by_rules)"
    base = f"(SELECT d.*, coalesce(f0, 1.0) AS f0, {cell} AS cell FROM decided AS d {join})"
    made = {Mode.LABELLED: _labelled, Mode.RELEASED: _released, Mode.RANDOMISED: _randomised, Mode.CHOSEN: _chosen}
    engine.execute(f"CREATE TEMP TABLE gained AS {made[mode](base)}")
    engine.execute("DROP TABLE decided")
    return Gains(mode=mode, done=done, needed=tuple(needed))


def needed_by_day(engine: Engine, relation: str, acts: str, capacity: Capacity) -> list[Floats]:
    """What the rows for which the SQL number `acts` is 1 need of each limit, on each day."""
    if not capacity.limits:
        return []
    parts = ", ".join(f"fsum(l{j}) FILTER ({acts} = 1)" for j in range(len(capacity.limits)))
    found = {row[0]: row[1:] for row in engine.rows(f"SELECT day, {parts} FROM {relation} GROUP BY day")}
    empty = (None,) * len(capacity.limits)
    return [
        np.array([float(found.get(day, empty)[j] or 0.0) for day in capacity.days]) for j in range(len(capacity.limits))
    ]


def _labelled(base: str) -> str:
    return f"SELECT *, v0 + inc * f0 * g AS vi FROM (SELECT *, v1 - v0 AS g FROM {base})"


def _released(base: str) -> str:
    """Outcomes seen with probability p: weight the seen rows, and let the cells' means explain what they can."""
    seen = f"(SELECT *, CAST(v1 IS NOT NULL AND v0 IS NOT NULL AS INT) AS o FROM {base})"
    weighted = (
        f"(SELECT *, o / p AS w, CASE WHEN o = 1 THEN v1 - v0 ELSE 0 END AS go, coalesce(o * v0, 0) AS v0o FROM {seen})"
    )
    means = {"m_g": "fsum(w * go) / nullif(fsum(w), 0)", "m_v0": "fsum(w * v0o) / nullif(fsum(w), 0)"}
    robust = _with_model(weighted, means)
    return (
        "SELECT * EXCLUDE (o, go, v0o, m_g, m_v0), v0 + inc * f0 * g AS vi, 0.0 AS rr FROM (SELECT * EXCLUDE (v0), "
        f"m_g + w * (go - m_g) AS g, m_v0 + w * (v0o - m_v0) AS v0, w * go AS gi, w * v0o AS v0i FROM {robust})"
    )


def _randomised(base: str) -> str:
    """The incumbent decides at random: what acting earns is seen where it acted, with probability p."""
    logged = f"(SELECT *, CASE WHEN inc = 1 THEN v1 ELSE v0 END AS rr, inc / p AS wa, (1 - inc) / p AS wn FROM {base})"
    means = {"m_1": "fsum(wa * rr) / nullif(fsum(wa), 0)", "m_0": "fsum(wn * rr) / nullif(fsum(wn), 0)"}
    robust = _with_model(logged, means)
    return (
        "SELECT * EXCLUDE (m_1, m_0, wa, wn), rr AS vi, 1 / p AS w FROM (SELECT * EXCLUDE (v1, v0), "
        "m_0 + wn * (rr - m_0) AS v0, m_1 + wa * (rr - m_1) - (m_0 + wn * (rr - m_0)) AS g, "
        f"wn * rr AS v0i, (wa - wn) * rr AS gi FROM {robust})"
    )


def _chosen(base: str) -> str:
    """One of many choices, logged with its probability p; the proposed would have made it with probability q.

    The model of a context sums q times the mean reward over the choices seen there in the other fold; a choice not seen
    there has the model 0 in both of its places, so that the estimate stays unbiased.
    """
    logged = f"(SELECT *, cell.context AS context, reward AS rr, q / p AS w FROM {base})"
    seen = f"(SELECT 1 - fold AS fold, context, cell, favg(q) AS q, favg(rr) AS m FROM {logged} GROUP BY ALL)"
    whole = f"(SELECT fold, context, {_rounded('fsum(q * m)')} AS m_all FROM {seen} GROUP BY ALL)"
    single = f"(SELECT fold, cell, {_rounded('m')} AS m_r FROM {seen} WHERE cell.action IS NOT NULL)"
    robust = (
        f"(SELECT r.*, coalesce(m_r, 0.0) AS m_r, "
        "CASE WHEN r.cell.action IS NULL THEN 0.0 ELSE coalesce(m_all, 0.0) END "
        f"AS m_all FROM {logged} AS r LEFT JOIN {single} AS c ON r.fold = c.fold AND r.cell = c.cell "
        f"LEFT JOIN {whole} AS a ON r.fold = a.fold AND r.context IS NOT DISTINCT FROM a.context)"
    )
    return (
        "SELECT * EXCLUDE (m_r, m_all, v0, v1), rr AS vi, 0.0 AS v0, 0.0 AS v0i, w * rr AS gi, "
        f"m_all + w * (rr - m_r) AS g FROM {robust}"
    )


def _rounded(sql: str) -> str:
    """A model's number with the digits that do not depend on the order of rows; any number is a valid model."""
    return f"CAST(CAST({sql} AS FLOAT) AS DOUBLE)"


def _with_model(relation: str, means: Mapping[str, str]) -> str:
    """`relation` with the means of each row's cell in the other fold, those of the whole fold where a cell is empty."""
    filled = ", ".join(f"coalesce(c.{n}, a.{n}, 0.0) AS {n}" for n in means)
    made = ", ".join(f"{_rounded(sql)} AS {name}" for name, sql in means.items())
    return (
        f"(SELECT r.*, {filled} FROM {relation} AS r "
        f"LEFT JOIN (SELECT 1 - fold AS fold, cell, {made} FROM {relation} GROUP BY ALL) AS c "
        "ON r.fold = c.fold AND r.cell IS NOT DISTINCT FROM c.cell "
        f"LEFT JOIN (SELECT 1 - fold AS fold, {made} FROM {relation} GROUP BY ALL) AS a ON r.fold = a.fold)"
    )
