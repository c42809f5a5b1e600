"""Words that columns and variants are called by, for guesses that a person looks at before they count."""

import re
from collections.abc import Iterable

from abimpact.spec.variants import INCUMBENT_WORDS

PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_]+")

VARIANT = frozenset(
    "variant variation arm arms bucket treatment policy promotion campaign group version experiment test strategy "
    "model algorithm cell split assignment segment cohort".split()
)
INCUMBENT = frozenset(w for w in INCUMBENT_WORDS if w.isalpha()) | frozenset(
    "rule random default existing holdout none no without placebo standard legacy manual heuristic off status".split()
)
PROPOSED = frozenset("treatment treated test ml new b challenger experimental proposed model bandit ai nn on".split())
UNIT = frozenset(
    "user customer visitor client member account player patient subscriber household store location shop unit person "
    "checkout payment device session merchant seller driver employee student".split()
)
ID = frozenset("id uid uuid guid key nr".split())
CALENDAR = frozenset("week weekday day month quarter year hour minute date time timestamp".split())
ATTRIBUTE = frozenset(
    "country region city state zip postcode channel device platform os browser gender sex language market size "
    "category tier plan segment type age tenure cohort industry source newbie".split()
)
BEFORE = frozenset("pre before prior previous prev past baseline history historic historical covariate lag".split())
NEVER = frozenset("propensity score probability affinity feature embedding index rank position lat lon weight".split())

MONEY = frozenset(
    "profit margin revenue spend spending sales gmv amount basket turnover income earnings payout".split()
)
YES_NO = frozenset(
    "conversion converted convert retention retained purchase purchased bought visit visited click clicked signup "
    "subscribed booked approved accepted success won activated opened".split()
)
COUNTS = frozenset(
    "orders order purchases clicks visits conversions rounds gamerounds bookings trips sessions items views pageviews "
    "impressions visitors users messages streams minutes seconds hours duration".split()
)
LOWER = frozenset(
    "error errors failure failures refund refunds return returns churn churned cost costs complaint complaints bounce "
    "bounced fraud chargeback chargebacks cancelled canceled cancellation decline declined unsubscribed tickets".split()
)
SLOWNESS = frozenset("latency ms millis milliseconds delay wait ttfb".split())
# Counts of occasions, by which counts of what came of them can be divided.
OCCASIONS = frozenset("sessions impressions visits views pageviews searches requests".split())
DIVIDED = frozenset("orders clicks conversions purchases bookings".split())


def parts(name: str) -> tuple[str, ...]:
    """The words in a name, in small letters: `LocationID` gives location and id."""
    return tuple(part.casefold() for part in PART.findall(name))


def has(name: str, words: Iterable[str]) -> bool:
    """Whether one of the words in a name is one of `words`."""
    return not set(words).isdisjoint(parts(name))
