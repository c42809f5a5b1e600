"""Units made of events: against a slow reference, against the units that the same generator makes, and as found."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abimpact import analyze
from abimpact.check.table import run_checks
from abimpact.errors import ConfigError, DataError
from abimpact.read.log import Log
from tests.logs import by_code, opened

DATA = Path(__file__).parent / "data"
EVENTS = {"name": "event", "value": "value", "exposure": "exposure"}
SPECS = (
    "count of order",
    "any order",
    "sum of value where event = 'order'",
    "mean of value where event = 'order'",
    "max of value where event = 'order'",
    "min of value where event = 'session'",
    "first of value where event = 'order'",
    "last of value where event = 'order' and value > 2",
)
BEFORE = "sum of value where event = 'order' before exposure"


def hostile(seed: int = 0, units: int = 400) -> pd.DataFrame:
    """Events before, in and after windows, at the exposure's moment, of several exposures, variants and gaps."""
    rng = np.random.default_rng(seed)
    n = units * 8
    made = pd.DataFrame(
        {
            "unit": rng.integers(0, units, n),
            "event_time": pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 40 * 24, n), unit="h"),
            "event": rng.choice(["exposure", "session", "order", "other"], n, p=[0.2, 0.4, 0.3, 0.1]),
            "value": np.where(rng.random(n) < 0.1, np.nan, rng.integers(1, 9, n)).astype(float),
            "country": rng.choice(["DE", "FR"], n),
        }
    )
    made["variant"] = np.where(made.unit % 2, "ml", "rules")
    # Some change sides, some events name no variant, some have no unit or no time.
    made.loc[rng.random(n) < 0.01, "variant"] = "ml"
    made.loc[(rng.random(n) < 0.3) & (made.event != "exposure"), "variant"] = None
    made["unit"] = made.unit.astype("Int64")
    made.loc[rng.random(n) < 0.01, "unit"] = pd.NA
    made.loc[rng.random(n) < 0.01, "event_time"] = pd.NaT
    return made


def reference(events: pd.DataFrame, window: float | None, *, complete: bool = False) -> pd.DataFrame:
    """Units by a loop over them."""
    found = []
    known = events[events.unit.notna() & events.event_time.notna()]
    last = known.event_time.max()
    for unit, mine in known.groupby("unit"):
        mine = mine.sort_values("event_time", kind="stable")
        exposed = mine[(mine.event == "exposure") & mine.variant.notna()]
        if exposed.empty:
            continue
        first = exposed.iloc[0]
        start = first.event_time
        end = start + pd.Timedelta(days=window) if window else last + pd.Timedelta(days=999)
        if complete and end > last:
            continue
        inside = mine[(mine.event_time >= start) & (mine.event_time < end)]
        orders = inside[inside.event == "order"]
        values = orders.value.dropna()
        large = values[values > 2]
        sessions = inside[inside.event == "session"].value.dropna()
        before = mine[(mine.event_time < start) & (mine.event == "order")].value
        found.append(
            {
                "unit": unit,
                "variant": first.variant,
                "country": first.country,
                SPECS[0]: len(orders),
                SPECS[1]: float(len(orders) > 0),
                SPECS[2]: values.sum(),
                SPECS[3]: values.mean() if len(values) else 0,
                SPECS[4]: values.max() if len(values) else 0,
                SPECS[5]: sessions.min() if len(sessions) else 0,
                SPECS[6]: values.iloc[0] if len(values) else 0,
                SPECS[7]: large.iloc[-1] if len(large) else 0,
                BEFORE: before.sum(),
                "before": (mine.event_time < start).sum(),
                "after": (mine.event_time >= end).sum(),
                "crossed": mine.variant.nunique() > 1,
                "open": end > last,
            }
        )
    return pd.DataFrame(found)


@contextmanager
def units(data: Any, specs: Any = SPECS, window: float | None = None, **given: Any) -> Iterator[Log]:
    plan = {**EVENTS, **({"window_days": window} if window else {}), **given.pop("events", {})}
    with opened(data, specs, events=plan, time="event_time", **given) as log:
        yield log


def table(log: Log, *columns: str) -> pd.DataFrame:
    """The units of a log, under the metrics' names."""
    names = {name: log.columns[name][0].name for name in log.columns}
    rows = log.engine.query(f"SELECT arm, {', '.join([*names.values(), *columns])} FROM log")
    return pd.DataFrame(rows).rename(columns={v: k for k, v in names.items()})


@pytest.mark.parametrize("window", [None, 5.0, 0.5])
@pytest.mark.parametrize("complete", [False, True])
def test_units_are_those_of_a_slow_reference(window: float | None, complete: bool) -> None:
    if complete and window is None:
        return
    events = hostile()
    expected = reference(events, window, complete=complete)
    plan = {"complete_windows": True} if complete else {}
    with units(events, window=window, events=plan, segments=("country",)) as log:
        found = table(log, "s0")
        counts = log.events
    key = ["arm", "s0", *SPECS]
    wanted = expected.assign(arm=(expected.variant == "ml").astype(int), s0=expected.country)[key].astype(
        dict.fromkeys(SPECS, float)
    )
    pd.testing.assert_frame_equal(
        found[key].astype({**dict.fromkeys(SPECS, float), "arm": int}).sort_values(key).reset_index(drop=True),
        wanted.sort_values(key).reset_index(drop=True),
        check_dtype=False,
    )
    everyone = reference(events, window)
    assert counts is not None
    assert counts.units == len(everyone)
    assert (counts.before, counts.after) == (everyone.before.sum(), everyone.after.sum())
    assert counts.in_both == everyone.crossed.sum()
    assert counts.open_units == (everyone.open.sum() if window else 0)
    assert counts.without_unit == events.unit.isna().sum()
    assert counts.without_time == (events.event_time.isna() & events.unit.notna()).sum()
    dated = events[events.unit.notna() & events.event_time.notna()]
    assert counts.unexposed_units == dated.unit.nunique() - len(everyone)


def test_what_was_before_is_a_covariate_and_no_outcome() -> None:
    events = hostile()
    expected = reference(events, 5)
    with units(events, (SPECS[2],), window=5, covariates=(BEFORE,)) as log:
        outcome, covariate = log.columns[SPECS[2]]
        found = log.engine.query(f"SELECT {outcome.name} AS y, {covariate.name} AS x FROM log")
    assert sorted(zip(found["y"], found["x"], strict=True)) == sorted(
        zip(expected[SPECS[2]], expected[BEFORE], strict=True)
    )


def test_the_order_of_rows_does_not_matter() -> None:
    events = hostile(units=60).drop_duplicates(["unit", "event_time"])
    with units(events, window=5) as log:
        one = table(log)
    with units(events.sample(frac=1, random_state=1), window=5) as log:
        other = table(log)
    columns = list(one.columns)
    pd.testing.assert_frame_equal(
        one.sort_values(columns).reset_index(drop=True), other.sort_values(columns).reset_index(drop=True)
    )


def test_findings_say_what_was_left_out() -> None:
    events = hostile()
    with units(events, window=5) as log:
        found = by_code(run_checks(log))
    assert found["unexposed"].data["units"] == log.events.unexposed_units  # type: ignore[union-attr]
    assert found["event_windows"].data["open_units"] > 0
    assert "count with what they did so far" in found["event_windows"].message
    assert found["missing_unit"].data["rows"] == events.unit.isna().sum()
    assert "variant of its first exposure" in found["units_in_both_arms"].message
    with units(events, window=5, events={"complete_windows": True}, where="event <> 'other'") as log:
        found = by_code(run_checks(log))
    assert "were left out" in found["event_windows"].message
    assert found["filtered_rows"].data["rows"] == (events.event == "other").sum()


def small(rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["unit", "event_time", "event", "variant", "value"])
    return made.assign(event_time=pd.to_datetime(made.event_time))


TWO = [
    (1, "2026-03-01 10:00", "exposure", "rules", None),
    (1, "2026-03-01 10:00", "order", None, 5.0),
    (1, "2026-03-03 10:00", "order", None, 7.0),
    (2, "2026-03-01 11:00", "exposure", "ml", None),
    (2, "2026-03-02 10:59", "order", None, 11.0),
    (2, "2026-03-02 11:00", "order", None, 13.0),
]


def test_the_window_begins_with_the_exposure_and_ends_before_its_last_moment() -> None:
    with units(small(TWO), ("sum of value",), window=1) as log:
        assert table(log).set_index("arm")["sum of value"].to_dict() == {0: 5.0, 1: 11.0}


def test_as_of_closes_windows_by_the_day() -> None:
    later = [*TWO, (3, "2026-03-02 01:00", "exposure", "ml", None), (4, "2026-03-05 01:00", "exposure", "rules", None)]
    plan = {"complete_windows": True}
    as_of = pd.Timestamp("2026-03-03").date()
    with units(small(later), ("count of order",), window=1, events=plan, as_of=as_of) as log:
        assert log.units == (1, 2)
        assert log.events is not None
        assert log.events.open_units == 1
        assert log.events.until == as_of


def test_as_of_is_a_day_of_the_zone() -> None:
    """23:30 UTC on the 1st is the 2nd in Berlin: its window of one day ends on the 3rd there."""
    rows = [(u, "2026-03-01 23:30", "exposure", v, None) for u, v in enumerate(("rules", "ml"))]
    as_of = pd.Timestamp("2026-03-02").date()
    for zone, n in ((None, 0), ("Europe/Berlin", 2), ("America/New_York", 0)):
        with units(small(rows), ("count of *",), window=1, as_of=as_of, timezone=zone) as log:
            assert log.events is not None
            assert log.events.open_units == n


def test_units_without_such_events_may_be_left_out_of_a_mean(tmp_path: Path) -> None:
    config = tmp_path / "abimpact.toml"
    config.write_text(
        '[data]\nunit = "unit"\nvariant = "variant"\nincumbent = "rules"\ntime = "event_time"\n'
        '[data.events]\nname = "event"\nvalue = "value"\nexposure = "exposure"\n'
        '[[metric]]\nname = "order value"\nvalue = "mean of value where event = \'order\'"\n'
        'missing = "exclude"\nrole = "primary"\n'
    )
    events = hostile()
    result = analyze(events, config=config).to_dict()
    expected = reference(events, None)
    assert (
        result["metrics"][0]["incumbent"]["units"] == ((expected.variant == "rules") & (expected[SPECS[3]] > 0)).sum()
    )


def test_a_log_without_names_has_its_first_row_as_exposure() -> None:
    orders = (
        small(TWO)[lambda d: d.event == "order"].assign(variant=["rules", "rules", "ml", "ml"]).drop(columns="event")
    )
    with opened(orders, ("sum of value", "count of *"), events={"value": "value"}, time="event_time") as log:
        assert table(log).set_index("arm")["sum of value"].to_dict() == {0: 12.0, 1: 24.0}
        assert log.unit_counts is not None
        assert log.unit_counts.repeated == 0


def test_wide_events_and_words_for_columns() -> None:
    """One row may hold several numbers; `event` and `value` are words for the columns declared as such."""
    wide = small(TWO).rename(columns={"event": "kind", "value": "amount"}).assign(items=[0, 1, 2, 0, 3, 4])
    plan = {"name": "kind", "value": "amount", "exposure": "exposure"}
    specs = ("sum of value where event = 'order'", "sum of amount", "sum of items * 2 where kind = 'order'")
    with opened(wide, specs, events=plan, time="event_time") as log:
        found = table(log).set_index("arm")
    assert found.loc[0].tolist() == [12.0, 12.0, 6.0]
    assert found.loc[1].tolist() == [24.0, 24.0, 14.0]


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"events": {"exposure": "seen"}}, DataError, "no event is an exposure"),
        ({"specs": ("count of ordr",)}, DataError, "order"),
        ({"events": {"complete_windows": True}}, ConfigError, "window_days"),
    ],
)
def test_errors_say_what_to_do(change: dict[str, Any], error: type[Exception], said: str) -> None:
    asked = {"specs": ("count of order",), **change}
    with pytest.raises(error) as caught, units(small(TWO), **asked):
        pass
    assert said.casefold() in f"{caught.value} {caught.value.hint}".casefold()  # type: ignore[attr-defined]


def test_the_generator_makes_the_same_units_of_events() -> None:
    """events_900.parquet (with orders before the exposure) and users_900.parquet are one experiment."""
    specs = [f"{name}={text}" for name, text in (("revenue", SPECS[2]), ("orders", SPECS[0]), ("converted", SPECS[1]))]
    specs += [f"aov={SPECS[2]} / count of order", "opsession=count of order / count of session"]
    common = {"unit": "user_id", "variant": "variant", "incumbent": "rules"}
    of_events = analyze(
        DATA / "events_900.parquet", config=DATA / "events.toml", metrics=specs, covariates=[BEFORE], **common
    ).to_dict()
    of_users = analyze(
        DATA / "users_900.parquet",
        config="/dev/null",
        time="date",
        metrics=["revenue", "orders", "converted", "aov=revenue/orders", "opsession=orders/sessions"],
        covariates=["revenue_pre"],
        **common,
    ).to_dict()
    assert of_events["experiment"] == of_users["experiment"]
    for one, other in zip(of_events["metrics"], of_users["metrics"], strict=True):
        assert (one["name"], one["kind"]) == (other["name"], other["kind"])
        for a, b in zip(one["estimates"], other["estimates"], strict=True):
            # The orders of a unit add up to its revenue to the cent, not to the last bit.
            for interval in ("absolute", "relative"):
                for limit in ("estimate", "low", "high"):
                    assert a[interval][limit] == pytest.approx(b[interval][limit], rel=1e-9)


@pytest.mark.slow
def test_less_memory_than_data(tmp_path: Path) -> None:
    """5M events, some 280 MB in memory, within 160 MB; the same numbers as with more."""
    rng = np.random.default_rng(1)
    n, n_units = 5_000_000, 500_000
    first = np.arange(n) < n_units
    unit = np.where(first, np.arange(n), rng.integers(0, n_units, n))
    pd.DataFrame(
        {
            "unit": unit,
            "variant": np.where(unit % 2, "ml", "rules"),
            "event_time": pd.Timestamp("2026-03-01") + pd.to_timedelta(rng.integers(0, 30 * 86_400, n), unit="s"),
            "event": np.where(first, "exposure", "order"),
            "value": np.round(rng.gamma(2, 20, n), 2),
        }
    ).to_parquet(tmp_path / "events.parquet")
    from abimpact.pipeline.reading import Running
    from abimpact.pipeline.report import run_report
    from abimpact.render.json import to_dict
    from abimpact.spec.config import load_request
    from abimpact.spec.metric import Role
    from abimpact.spec.request import MetricRequest

    shutil.copy(DATA / "events.toml", tmp_path / "abimpact.toml")
    request = load_request(
        {
            "unit": "unit",
            "variant": "variant",
            "incumbent": "rules",
            "metrics": (MetricRequest(spec=SPECS[2], role=Role.PRIMARY),),
            "covariates": (BEFORE,),
        },
        [str(tmp_path / "events.parquet")],
    )
    results = [to_dict(run_report(request, running=Running(memory_limit=limit))) for limit in ("160MB", "2GB")]
    for result in results:
        result["provenance"] = None
    assert results[0] == results[1]
