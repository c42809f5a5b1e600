"""Values beyond a cap count as the cap, which is a quantile of all units."""

from collections.abc import Sequence

from abimpact.read.engine import Engine
from abimpact.read.log import Cap
from abimpact.read.profile import Term


def capped(engine: Engine, relation: str, terms: Sequence[Term], n_variants: int) -> tuple[str, dict[int, Cap]]:
    """`relation` with capped values, and the caps by term: quantiles of all units, whatever their variant."""
    caps: dict[int, Cap] = {}
    for i, term in enumerate(terms):
        if term.cap_quantile is None:
            continue
        number = f"coalesce(r{i}, 0)" if term.missing_is_zero else f"r{i}"
        cap = engine.rows(
            f"SELECT quantile_disc({number}, {term.cap_quantile!r}) FILTER (isfinite({number})) FROM {relation}"
        )[0][0]
        if cap is None:
            continue
        beyond = f"count_if(r{i} > {cap!r} AND isfinite(r{i}))"
        counts = dict(engine.rows(f"SELECT arm, {beyond} FROM {relation} GROUP BY arm"))
        caps[i] = Cap(value=float(cap), units=tuple(int(counts.get(arm, 0)) for arm in range(n_variants)))
    if not caps:
        return relation, caps
    replaced = {
        f"r{i}": f"CASE WHEN r{i} > {c.value!r} AND isfinite(r{i}) THEN {c.value!r} ELSE r{i} END AS r{i}"
        for i, c in caps.items()
    }
    selected = ", ".join(replaced.get(name, name) for name in engine.describe(relation))
    engine.execute(f"CREATE TEMP VIEW capped AS SELECT {selected} FROM {relation}")
    return "capped", caps
