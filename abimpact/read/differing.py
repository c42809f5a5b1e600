"""On which units the variants decide differently, where both decisions are logged."""

from abimpact.read.flags import flag, number
from abimpact.read.reading import Reading
from abimpact.spec.decisions import Decisions
from abimpact.spec.expression import quote


def differing_sql(reading: Reading, n_variants: int) -> tuple[str | None, tuple[str, ...]]:
    """SQL over `rows` that is true where decisions differ or one is missing, and what was assumed; None without any."""
    decisions = reading.experiment.decisions
    if decisions is None:
        return None, ()
    if n_variants > 2 or reading.experiment.cluster:
        why = "clusters were randomised" if reading.experiment.cluster else "several variants are proposed"
        return None, (f"[data.decisions] is not used: {why}.",)
    texts = [e.text for e in (decisions.incumbent, decisions.proposed) if _is_text(reading, e.text)]
    if len(texts) == 2 and decisions.threshold is None:
        one, other = (f"lower(trim({quote(text)}))" for text in texts)
        return f"coalesce({one} <> {other}, TRUE)", ()
    one, said = flag(reading, "rows", decisions.incumbent, "[data.decisions] incumbent")
    other, also_said = _proposed(reading, decisions)
    return f"coalesce({one} <> {other}, TRUE)", (*said, *also_said)


def _proposed(reading: Reading, decisions: Decisions) -> tuple[str, tuple[str, ...]]:
    if decisions.threshold is None:
        return flag(reading, "rows", decisions.proposed, "[data.decisions] proposed")
    sql, said = number(reading, "rows", decisions.proposed, "[data.decisions] score")
    return (
        f"CASE WHEN {sql} >= {decisions.threshold!r} THEN 1.0 WHEN {sql} < {decisions.threshold!r} THEN 0.0 END",
        said,
    )


def _is_text(reading: Reading, name: str) -> bool:
    return reading.families.get(name) == "text"
