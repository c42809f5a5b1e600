"""An event log: what starts a unit, how long it counts, and the numbers that are made of its events."""

from dataclasses import dataclass

from abimpact.spec.expression import Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class EventAggregate:
    """One number of a unit, made of those of its events that are called `event` (None: any) and meet `condition`.

    It becomes the unit's column `column`. `value` is what is added up or picked, None for count and any. `is_before`
    takes the events before the exposure, else those from it on, within the window. A unit without such events has 0 if
    `is_zero`, else no value.
    """

    column: str
    function: str
    event: str | None
    value: Expression | None
    condition: Expression | None
    is_before: bool
    is_zero: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """How events become units: the first event that is an `exposure` starts a unit and says its variant.

    `name` is the column that says what an event is. `exposure` is its value there, or without names a condition; None
    makes every event an exposure. Events count for `window_days` days, None for ever; with `complete_windows` units
    whose days are not over are left out. `names` gives columns of the log other names: the words that aggregates may
    use for them.
    """

    name: str | None
    exposure: Expression | None
    window_days: float | None
    complete_windows: bool
    aggregates: tuple[EventAggregate, ...]
    names: dict[str, str]
