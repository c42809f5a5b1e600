"""The clusters of a log: what was randomised where that is coarser than a unit."""

from abimpact.read.log import Clusters, Days
from abimpact.read.reading import ARM, Reading


def clusters_of(reading: Reading, relation: str, n_variants: int) -> Clusters | None:
    """The clusters of the units in `relation`; None where units were randomised."""
    if not reading.experiment.cluster:
        return None
    engine = reading.engine
    known = f" AND {reading.unit} IS NOT NULL" if reading.experiment.unit else ""
    (missing,) = engine.rows(f"SELECT count(*) FROM rows WHERE {ARM} IS NOT NULL{known} AND {reading.cluster} IS NULL")[
        0
    ]
    total, in_several = engine.rows(
        "SELECT count(*), coalesce(count_if(first <> last), 0) FROM "
        f"(SELECT min(arm) AS first, max(arm) AS last FROM {relation} GROUP BY cluster)"
    )[0]
    counts = dict(engine.rows(f"SELECT arm, count(DISTINCT cluster) FROM {relation} GROUP BY arm"))
    return Clusters(
        counts=tuple(int(counts.get(arm, 0)) for arm in range(n_variants)),
        total=total,
        in_several=in_several,
        missing=missing,
        days=_first_days(reading, relation, n_variants),
    )


def _first_days(reading: Reading, relation: str, n_variants: int) -> Days:
    if not reading.experiment.time:
        return Days(days=(), counts=())
    found: dict[object, list[int]] = {}
    first = f"SELECT arm, min(day) AS day FROM {relation} GROUP BY arm, cluster"
    for day, arm, n in reading.engine.rows(
        f"SELECT day, arm, count(*) FROM ({first}) WHERE day IS NOT NULL GROUP BY ALL ORDER BY day"
    ):
        found.setdefault(day, [0] * n_variants)[arm] = n
    return Days(days=tuple(found), counts=tuple(tuple(c) for c in found.values()))  # type: ignore[arg-type]
