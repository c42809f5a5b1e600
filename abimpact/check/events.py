"""What became of an event log's rows when units were made of them."""

from collections.abc import Sequence

from abimpact.findings import Finding, Severity
from abimpact.read.log import EventCounts, Log
from abimpact.spec.metric import Metric

# Share of units in several variants from which on the assignment cannot be trusted.
BLOCK_SHARE = 0.01


def outcomes(log: Log) -> list[Finding]:
    """What was met when outcomes of another file were joined: rows of strangers, and units without any."""
    found = log.outcomes
    if found is None:
        return []
    strangers = found.unassigned_rows + found.without_unit
    # A metric that has no value where a unit has no row compares those that have one.
    losing = [m.name for m in log.metrics if not m.missing_is_zero and _reads(m, found.columns)]
    said = [f"{found.rows:,} rows of outcomes"]
    said += [f"{found.unassigned_rows:,} of {found.unassigned_units:,} units that were not assigned were left out"] * (
        found.unassigned_rows > 0
    )
    said += [f"{found.without_unit:,} name no unit"] * (found.without_unit > 0)
    is_losing = bool(found.units_without and losing)
    severity = Severity.INFO if strangers or found.units_without else Severity.PASS
    if found.units_without:
        done = f"have no value in {', '.join(losing)}" if losing else "count as zero"
        said.append(f"{found.units_without:,} units without any {done}")
    return [
        Finding(
            code="outcomes",
            severity=Severity.WARN if is_losing else severity,
            message="; ".join(said) + ".",
            why="Leaving out units to which nothing happened compares those to which something did, which the variant "
            "may have changed."
            if is_losing
            else "",
            do='If no row means that nothing happened, say missing = "zero" (or --missing zero).' if is_losing else "",
            data={
                "rows": found.rows,
                "without_unit": found.without_unit,
                "unassigned_rows": found.unassigned_rows,
                "unassigned_units": found.unassigned_units,
                "units_without": found.units_without,
                "metrics": losing,
            },
        )
    ]


def _reads(metric: Metric, columns: Sequence[str]) -> bool:
    return any(c in columns for e in (metric.value, metric.denominator) if e for c in e.columns)


def crossed_over(events: EventCounts) -> list[Finding]:
    """Units whose events name several variants: they stay where their first exposure put them."""
    share = events.in_both / events.units if events.units else 0.0
    data = {"units": events.in_both, "share": share, "rows": events.in_both_rows, "excluded": False}
    if not events.in_both:
        message = "No unit was in more than one variant."
        return [Finding(code="units_in_both_arms", severity=Severity.PASS, message=message, data=data)]
    return [
        Finding(
            code="units_in_both_arms",
            severity=Severity.BLOCK if share > BLOCK_SHARE else Severity.WARN,
            message=f"{events.in_both:,} units ({share * 100:.2f} %) have events in more than one variant; each counts "
            "for the variant of its first exposure.",
            why="What they did later may be due to another variant, which makes the variants look alike.",
            do="Find why the assignment changes (cookies, devices, late logging), or name the unit randomised.",
            data=data,
        )
    ]


def unexposed(log: Log) -> list[Finding]:
    """Units with events, and none that is an exposure: they were not in the test."""
    if log.events is None:
        return []
    units, rows = log.events.unexposed_units, log.events.unexposed_rows
    data = {"units": units, "rows": rows, "exposed": log.events.units}
    if not units:
        message = "Every unit with events was exposed."
        return [Finding(code="unexposed", severity=Severity.PASS, message=message, data=data)]
    return [
        Finding(
            code="unexposed",
            severity=Severity.INFO,
            message=f"{units:,} units with {rows:,} events were never exposed and were left out; {log.events.units:,} "
            "were exposed.",
            why="Without an exposure nobody knows when a unit met which variant.",
            do="If they were in the test, find out why their exposure was not logged: that may differ by variant.",
            data=data,
        )
    ]


def event_windows(log: Log) -> list[Finding]:
    """Events outside the windows of their units, and units whose window is not over."""
    found, plan = log.events, log.experiment.events
    if found is None or plan is None:
        return []
    data = {
        "events": found.kept,
        "before": found.before,
        "after": found.after,
        "without_time": found.without_time,
        "window_days": plan.window_days,
        "open_units": found.open_units,
        "left_out": plan.complete_windows,
        "until": found.until and found.until.isoformat(),
    }
    said = [f"{found.kept:,} events made {found.units:,} units"]
    said += [f"{found.before:,} events before their unit's exposure are no outcomes"] if found.before else []
    said += [f"{found.after:,} later than {plan.window_days:g} days after it do not count"] if found.after else []
    said += [f"{found.without_time:,} without a time were left out"] if found.without_time else []
    message = "; ".join(said) + "."
    if found.open_units:
        done = "were left out" if plan.complete_windows else "count with what they did so far"
        message += (
            f" {found.open_units:,} units, whose {plan.window_days:g} days are not over on {found.until}, {done}."
        )
    return [
        Finding(
            code="event_windows",
            severity=Severity.INFO if found.open_units or len(said) > 1 else Severity.PASS,
            message=message,
            why="Units that are seen for a shorter time have done less: a mean over them is lower than it will be."
            if found.open_units and not plan.complete_windows
            else "",
            do="Leave them out with complete_windows = true in [data.events], or wait."
            if found.open_units and not plan.complete_windows
            else "",
            data=data,
        )
    ]
