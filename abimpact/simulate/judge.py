"""Whether the analysis can be trusted on this log's data: does it cry wolf more often than it says?"""

from collections.abc import Sequence

from abimpact.simulate.tally import is_more_than
from abimpact.simulate.values import NoEffect

# A metric without a result in more than this share of repetitions cannot be judged by the others.
MOST_WITHOUT_RESULT = 0.05
# Chance of calling an analysis wrong that is right, over all metrics together.
RISK = 0.01


def judged(rows: Sequence[NoEffect], level: float) -> tuple[bool | None, tuple[str, ...]]:
    """False where a reported method errs too often, None where too few repetitions had a result; with the reasons."""
    reported = [row for row in rows if row.is_chosen]
    if not reported:
        return None, ("No metric gave a result in any repetition.",)
    alpha, wrong, unknown = 1 - level, [], []
    for row in reported:
        n = sum(row.histogram)
        shown = row.false_positives
        assert shown.estimate is not None
        if is_more_than(alpha, round(shown.estimate * n), n, RISK / len(reported)):
            wrong.append(
                f"{row.metric}: {shown.estimate * 100:.1f} % of tests without an effect are significant, more than the "
                f"{alpha * 100:.3g} % that are due."
            )
        elif row.not_estimated > MOST_WITHOUT_RESULT * (n + row.not_estimated):
            unknown.append(f"{row.metric}: {row.not_estimated:,} repetitions gave no result ({row.reason}).")
    return False if wrong else None if unknown else True, (*wrong, *unknown)
