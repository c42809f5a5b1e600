"""A first abimpact.toml with its reasons as comments, and the same reasons for the terminal."""

import json
from collections.abc import Mapping

from rich.text import Text

from abimpact.render import escape, layout
from abimpact.render.numbers import count
from abimpact.render.table import Options
from abimpact.spec.roles import Choice
from abimpact.spec.starting import Start

CHECK = "CHECK: "
# Where comments begin, unless the line before is longer.
COMMENT_AT = 28
MOST_LEFT = 12
EVENTS = {
    "name": "the column that says what an event is",
    "value": "the column that metrics may call value",
    "exposure": "the event that starts a unit",
}
VALUE = """
# Money is never guessed. Fill this in for a verdict in money (docs/money.md):
# [value]
# currency = "EUR"
# units_per_year = 1_000_000    # at full roll-out; or "log": those of the test per day × 365
# build_cost = 0
# run_cost_per_year = 0
"""


def to_toml(start: Start, command: str) -> str:
    """The config: valid as it is, every guess with its reason, what is not known commented out."""
    lines = [
        "# A first config, made by abimpact init from what the log looks like. It runs as it is:",
        f"#     {_comment(command)}",
        f"# What is marked {CHECK.strip()} nothing in the log settles. Every key: docs/config.md.",
        "",
        "[data]",
        *_data(start),
        *_aggregates(start),
    ]
    for metric in start.metrics:
        lines += ["", "[[metric]]", f"# {_comment(metric.why)}", *(_line(k, v) for k, v in metric.keys.items())]
        if metric.keys.get("better") == "lower" and "role" not in metric.keys:
            lines += [
                _line("role", "guardrail", "if it must not get worse", off=True),
                _line("margin", "5%", "by more than this", off=True),
            ]
    if not start.metrics and not start.aggregates:
        lines += [
            "",
            f"# {CHECK}no column looks like a KPI: name one, or give it with -m.",
            "# [[metric]]",
            '# name = ""',
        ]
    if start.left:
        shown = ", ".join(start.left[:MOST_LEFT])
        more = f" and {len(start.left) - MOST_LEFT} more" if len(start.left) > MOST_LEFT else ""
        lines += ["", f"# Number columns that were not taken for KPIs: {_comment(shown)}{more}."]
    if not start.aggregates:
        lines += ["", "[analysis]", _line("segments", list(start.segments), "columns to break effects down by")]
        for name, share in start.following.items():
            lines.append(f"# {_comment(name)} has one variant in {share:.1%} of the rows: no column to break down by.")
    return "\n".join(lines) + "\n" + VALUE


def _data(start: Start) -> list[str]:
    lines = []
    if start.aggregates:
        lines.append(_line("kind", "aggregates", "counts, means and variances of many units"))
    elif start.unit is None:
        lines.append(_line("unit", "user_id", f"{CHECK}no column looks like one, so each row is a unit", off=True))
    else:
        lines.append(_line("unit", start.unit.name, _why(start.unit)))
    if start.variant:
        lines.append(_line("variant", start.variant.name, _why(start.variant)))
    lines.append(_line("incumbent", start.incumbent.name, _why(start.incumbent)))
    others = [v for v in start.counts if v != start.incumbent.name]
    lines.append(_line("proposed", others, "absent: every other variant", off=True))
    if start.aggregates:
        return lines + _experiment(start)
    lines.append(
        _line("time", start.time.name, _why(start.time))
        if start.time
        else _line("time", "date", "no column holds dates", off=True)
    )
    ordered = sorted(start.counts.items(), key=lambda item: item[0] != start.incumbent.name)
    rows = ", ".join(f"{count(n)} {v}" for v, n in ordered)
    lines.append(
        _line("split", ":".join("1" for _ in start.counts), f"as planned, the incumbent first; rows: {rows}", off=True)
    )
    if start.events:
        lines += ["", "[data.events]", *(_line(key, name, EVENTS[key]) for key, name in start.events.items())]
        lines.append(
            _line("window_days", 14, "events count for that long after the exposure; absent: without end", off=True)
        )
    if start.several_rows:
        lines += ["", "[data.units]"]
        said = f"{CHECK}units have several rows; or mean, max, min, first, last"
        lines.append(_line("several_rows", str(start.several_rows), said))
    return lines


def _experiment(start: Start) -> list[str]:
    if len(start.experiments) < 2:
        return []
    name = start.aggregates["experiment"].replace('"', '""')
    first = start.experiments[0].replace("'", "''")
    said = f"{CHECK}one of {len(start.experiments)} experiments in the table"
    return [_line("where", f"\"{name}\" = '{first}'", said)]


def _aggregates(start: Start) -> list[str]:
    if not start.aggregates:
        return []
    return ["", "[data.aggregates]", *(_line(key, name) for key, name in start.aggregates.items())]


def explained(start: Start, options: Options) -> str:
    """What was found, as printed: role, column and why."""
    rows = []
    if start.unit:
        rows.append(("unit", start.unit.name, _why(start.unit)))
    elif not start.aggregates:
        rows.append(("unit", "each row", "no column looks like one"))
    rows += [("variant", start.variant.name, _why(start.variant))] if start.variant else []
    rows.append(("incumbent", start.incumbent.name, _why(start.incumbent)))
    rows += [("time", start.time.name, _why(start.time))] if start.time else []
    rows += [("event log", f"{key} = {name}", EVENTS[key]) for key, name in start.events.items()]
    rows += [("several rows", str(start.several_rows), "units repeat")] if start.several_rows else []
    rows += [(str(m.keys.get("role", "metric")), m.name, m.why) for m in start.metrics]
    rows += [("segment", name, "few values") for name in start.segments]
    rows += [("aggregates", f"{key} = {name}", "by its name") for key, name in start.aggregates.items()]
    lines: list[Text] = []
    for role, name, why in rows:
        said = escape.terminal(f"{name}: {why}", options.encoding)
        lines += layout.hanging(Text(role), said, options.width, indent=14)
    return layout.printed(lines, options)


def _why(choice: Choice) -> str:
    return choice.why if choice.is_sure else CHECK + choice.why


def _line(key: str, value: object, comment: str = "", *, off: bool = False) -> str:
    """A key with its value and comment; commented out if it is `off`."""
    text = f"{'# ' if off else ''}{key} = {_written(value)}"
    return f"{text:<{COMMENT_AT}} # {_comment(comment)}" if comment else text


def _written(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {_written(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, str):
        # JSON's strings are TOML's but for one control character.
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value)


def _comment(text: str) -> str:
    """Text that stays on its line."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
