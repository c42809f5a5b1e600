#!/usr/bin/env python3
"""Writes the reference pages from the code: cli.md, config.md, the JSON files' pages and abimpact.schema.json.

Run it after changing an option, a config key or the report's schema; a test compares the pages with the code.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from itertools import chain
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from pydantic import BaseModel
from typer.models import OptionInfo

from abimpact.cli.asking import asked_options
from abimpact.cli.main import app
from abimpact.spec.schema import (
    AggregateColumns,
    Analysis,
    ConfigFile,
    CorrectionsTable,
    Costs,
    Data,
    Decisions,
    EventTable,
    FillTable,
    LimitTable,
    MetricTable,
    OutcomeTable,
    Payoff,
    PhaseTable,
    Plan,
    PlannedKpi,
    Report,
    Units,
    Value,
    config_schema,
)

HERE = Path(__file__).parent
SCHEMA = HERE.parent / "abimpact" / "render" / "report.schema.json"
NOTICE = "<!-- Made by docs/make_reference.py; change the code it reads, then run it. -->"

CLI = """# Command line

`abimpact COMMAND [OPTIONS] SOURCE...`: SOURCE is a file, a glob or a folder, of which several may be given, or the
URL of an [engine](engines.md). What an option does not say is taken from the environment (`ABIMPACT_ENGINE`,
`ABIMPACT_LEVEL`, `ABIMPACT_RESAMPLES`, `ABIMPACT_SEED`), then from
[abimpact.toml](config.md), then from the default.

Metrics named by `-m` replace those of the file; its guardrails stay unless `--guardrail` is given, and the other way
round. Options marked "(repeat)" may be given several times. How a SPEC is written: [metrics](metrics.md). Exit codes:
[CI](ci.md#exit-codes).

`abimpact --version` shows the version, `abimpact --install-completion` completes options in your shell, and
`python -m abimpact` is the same program.
"""

CONFIG = """# abimpact.toml

The file is looked for beside the first source, then in the working folder; `--config` names another. Options beat it.
`extends = "../company.toml"` at the top takes the keys of another file, whose path is relative to the one that names
it; that file may extend a third. What the extending file says wins, key by key; `[[metric]]` tables of one name are one
metric, and any other list is replaced as a whole.

A path in the file (`extends`, `[data.outcomes] file`, `[[data.fill]] file`) is relative to it, and leads into its own
folder or below, into the folders of the sources, or into those that `--allow-path DIR` adds; links are followed before
that is judged. A file that `extends` names may also lie in a folder above. What is asked of an engine is not for a file
alone to say: `[data] engine` and `query` need `--allow-engine`, or are named on the command line. Why:
[security](security.md).

An unknown key is an error that names the nearest known one. Editors can check the file with
[abimpact.schema.json](abimpact.schema.json).

The one of the sample data:

```toml
{sample}```
"""

RESULT = """# result.json

`-o result.json` or `-f json` writes every number of a report, unrounded. Every other format shows numbers of this file.
Its JSON Schema is [report.schema.json](../abimpact/render/report.schema.json); `schema` is `abimpact/report/1`, and a
change that breaks readers would raise that number.

- `method` is `welch`, `adjusted` or `skewed` for means, `delta`, `adjusted` or `skewed` for ratios, `score` for
  proportions, `quantile` for quantiles, and `bootstrap` for all but quantiles. `chosen_method` names the one
  that decides.
- Lifts are fractions: 0.031 is +3.1 %. So are shares and relative margins.
- A bound that does not exist is null, never NaN or Infinity.
- Reasons and rules of a verdict: [verdicts](verdicts.md). Codes and data of a check: [checks](checks.md).
- KPIs are there also when the verdict is `invalid`; whoever reads the file has to look at the verdict first.
- All but `provenance.created` is the same when the same inputs are analysed again by the same versions.
"""

# What the schema does not say of its keys, by object and key.
MEANINGS = {
    "experiment": {
        "title": "As configured; empty: none.",
        "owner": "Who answers for the test; empty: not said.",
        "unit": "Column of what was randomised; null: each row is a unit.",
        "split": "As planned, the incumbent first; null: none was declared.",
        "start": "First day; null without a time column.",
        "end": "Last day.",
        "timezone": "Whose days they are, as declared; null: as the times are written.",
    },
    "interval": {
        "low": "Null where there is no lower limit.",
        "high": "Null where there is no upper limit.",
        "level": "Two-sided confidence level.",
    },
    "verdict": {
        "reason": "With `code` it names the rule that decided.",
        "proposed": "The variant that it is about.",
        "headline": "A sentence that can be forwarded.",
        "because": "Every rule that was looked at; `binds` marks the one that decided.",
    },
    "check": {"message": "What was seen.", "why": "What it means for the answer.", "do": "The next step."},
    "estimate": {
        "absolute": "Proposed minus incumbent, in the metric's unit.",
        "relative": "The same as a fraction of the incumbent's value.",
        "statistic": "t or z; null for the bootstrap.",
        "df": "Degrees of freedom; null for normal statistics.",
        "pvalue": "Two-sided, for both intervals.",
        "pvalue_adjusted": "Within its family, by `correction`; only of the chosen method.",
        "se": "Standard error of the absolute effect; null where the method has none.",
        "notes": "Caveats of this number.",
        "histogram": "Of the bootstrap of a primary metric; else null.",
    },
    "metric": {
        "kind": "As declared, or as found in the values.",
        "chosen_method": "The estimate that decides and is printed.",
        "not_estimated": "Why there is no estimate.",
        "distribution": "Of a primary metric, where a page or pictures were asked for; else null.",
    },
    "limit": {
        "total": "Needed by the proposed variant at full roll-out, on average.",
        "incumbent_total": "The same of the incumbent.",
        "peak": "Needed on the busiest day of the test; null without dates.",
        "share_that_fits": "Largest share of the units that the proposed variant can have.",
    },
    "value": {
        "annual": "The effect on a year's units, before costs.",
        "annual_net": "Less what a year costs.",
        "npv": "Over the horizon, discounted, less all costs.",
        "npv_bootstrap": "The same interval by the bootstrap; null with a prior.",
        "break_even": "The effect that pays for itself, in the metric's unit and as a lift.",
        "payback_months": "Until the costs paid once are earned; null: never.",
        "probability_pays": "That the net value is positive.",
        "probability_best": "That no other variant, the incumbent included, has a higher net value; null with one.",
        "posterior": "Of the effect, positive if better; `weight` is the data's share, 1 without a prior.",
        "expected_loss": "Of shipping although it does not pay, and of keeping although it would.",
        "evpi": "What certainty would be worth.",
        "evsi": "What further units are worth, and what waiting for them costs.",
        "sensitivity": "Net value at other volumes, for the effect's limits and its estimate.",
        "costs": "As given.",
        "assumptions": "In words, with who made them.",
    },
    "segment": {
        "value": "Null: units without a value; `(other)`: small segments together.",
        "units": "Of both variants, with a value of the metric.",
        "estimates": "The chosen one last; its adjusted p allows for all segments and metrics. Primary metrics are "
        "resampled where the column has up to 20 segments.",
        "shrunken": "The effect drawn towards that of all segments; null with a single one.",
    },
    "distribution": {
        "is_log": "Whether the bins are even on a logarithmic scale, units with 0 apart.",
        "edges": "Limits of the bins, one more than bins; outer bins of an even scale hold what lies beyond.",
        "variants": "Units in each bin, and with the value 0 on a logarithmic scale.",
    },
    "triggered": {
        "units": "On which decisions differ, by variant.",
        "share": "Theirs of all units.",
        "alone": "The effect on these units.",
        "diluted": "The same over all units.",
        "variance_ratio": "How many times smaller its variance is than that of comparing all units.",
    },
    "heterogeneity": {
        "statistic": "Cochran's Q.",
        "i2": "The share of the spread that is more than luck.",
        "tau2": "The variance of true effects between segments.",
    },
    "guardrail": {
        "pvalue_safe": "Small: shown to lie within the margin.",
        "pvalue_worse": "Small: shown to lie beyond the margin.",
    },
    "equivalence": {"pvalue": "The larger of two one-sided p.", "equivalent": "Whether it is shown."},
    "promise": {
        "unit": "Net money a year where both reports have it, else the lift; positive is better.",
        "gap": "Delivered minus promised.",
        "status": "`short`: shown to be less; `holds`: shown to be more than nothing; `open`: too few units to tell.",
    },
    "provenance": {
        "command": "As it was typed.",
        "config": "Everything that was asked, from options, environment and file.",
        "created": "The only value that changes between equal runs.",
    },
}


def cli_page() -> str:
    """The options that all commands that read a log share, then those of each command, by panel."""
    commands = {str(command.name): command.callback for command in app.registered_commands}
    shared = _options(asked_options)
    parts = [NOTICE, CLI, "## Options of every command that reads a log"]
    parts += [_table(("option", "value", "meaning"), rows) for rows in shared.values()]
    known = set(chain.from_iterable(shared.values()))
    for name, command in commands.items():
        assert command is not None
        parts += [f"## abimpact {name}", (command.__doc__ or "").strip()]
        own = [row for rows in _options(command).values() for row in rows if row not in known]
        parts += [_table(("option", "value", "meaning"), own)] if own else []
    return _page(parts)


def _options(command: Callable[..., object]) -> dict[str, list[tuple[str, str, str]]]:
    """The options of a command by panel: how each is spelled, what it takes, what it means."""
    panels: dict[str, list[tuple[str, str, str]]] = {}
    for name, annotation in get_type_hints(command, include_extras=True).items():
        option = next((m for m in getattr(annotation, "__metadata__", ()) if isinstance(m, OptionInfo)), None)
        if option is None:
            continue
        # In `Annotated`, what stands first in `Option(...)` is a spelling and not a default.
        first = (option.default,) if isinstance(option.default, str) else ()
        spelled = ", ".join(f"`{o}`" for o in (*first, *(option.param_decls or ())) or (f"--{name.replace('_', '-')}",))
        is_flag = annotation.__origin__ is bool
        value = "" if is_flag else option.metavar or _type(annotation.__origin__).replace('"', "`")
        row = (spelled, value.removeprefix("list of "), (option.help or "").replace("\\[", "["))
        panels.setdefault(str(option.rich_help_panel), []).append(row)
    return panels


def config_page() -> str:
    """The keys of every table of the config file."""
    sample = (HERE.parent / "sample_data" / "abimpact.toml").read_text(encoding="utf-8")
    parts = [NOTICE, CONFIG.format(sample=sample)]
    tables: dict[str, type[BaseModel]] = {
        "[data]": Data,
        "[data.units]": Units,
        "[data.outcomes]": OutcomeTable,
        "[data.events]": EventTable,
        "[[data.split_schedule]]": PhaseTable,
        "[[data.fill]]": FillTable,
        "[data.aggregates]": AggregateColumns,
        "[data.decisions]": Decisions,
        "[payoff]": Payoff,
        "[[metric]]": MetricTable,
        "[[limit]]": LimitTable,
        "[analysis]": Analysis,
        "[analysis.corrections]": CorrectionsTable,
        "[value]": Value,
        "[value.costs.NAME]": Costs,
        "[plan]": Plan,
        "[[plan.kpi]]": PlannedKpi,
        "[report]": Report,
    }
    known = {"extends", "data", "metric", "limit", "analysis", "value", "plan", "payoff", "report"}
    assert set(ConfigFile.model_fields) == known
    for title, model in tables.items():
        rows = [
            (f"`{field.title or field.alias or key}`", _type(field.annotation), field.description or "")
            for key, field in model.model_fields.items()
            if not _is_table(field.annotation)
        ]
        parts += [f"## {title}", _table(("key", "value", "meaning"), rows)]
    return _page(parts)


def result_page() -> str:
    """The keys of the report's JSON, one table an object."""
    return _page([NOTICE, RESULT, *_objects(json.loads(SCHEMA.read_text(encoding="utf-8")), MEANINGS)])


def other_page(path: Path) -> str:
    """The keys of another verb's JSON, as its schema describes them."""
    schema = json.loads(path.read_text(encoding="utf-8"))
    verb = path.name.removesuffix(".schema.json")
    intro = f"""# {verb}.json

{schema["description"]} (`-o {verb}.json`, or `-f json`)

`schema` is `{schema["properties"]["schema"]["const"]}`, and a change that breaks readers would raise that number. The
JSON Schema is [{path.name}](../{path.relative_to(HERE.parent).as_posix()})."""
    return _page([NOTICE, intro, *_objects(schema, {})])


def _objects(schema: Mapping[str, Any], meanings: Mapping[str, Mapping[str, str]]) -> list[str]:
    """The tables of keys: of the whole, then of every object in it."""
    parts = ["## The whole", _keys(schema["properties"], {})]
    inner = {name: s for name, s in schema["properties"].items() if "properties" in s}
    for name, definition in {**inner, **schema.get("$defs", {})}.items():
        if "properties" in definition:
            parts += [f"## {name}", *([definition["description"]] if "description" in definition else [])]
            parts.append(_keys(definition["properties"], meanings.get(name, {})))
    return parts


def pages() -> dict[str, str]:
    """All generated files by name."""
    return {
        "cli.md": cli_page(),
        "config.md": config_page(),
        "result-json.md": result_page(),
        **{
            f"{path.name.removesuffix('.schema.json')}-json.md": other_page(path)
            for path in sorted((HERE.parent / "abimpact").rglob("*.schema.json"))
            if path != SCHEMA
        },
        "abimpact.schema.json": json.dumps(config_schema(), indent=2) + "\n",
    }


def _is_table(annotation: Any) -> bool:
    return any(isinstance(a, type) and issubclass(a, BaseModel) for a in (annotation, *get_args(annotation)))


def _type(annotation: Any) -> str:
    """A Python type in the words of a TOML file."""
    if get_origin(annotation) is Annotated:
        return _type(get_args(annotation)[0])
    options = [a for a in get_args(annotation) if a is not NoneType]
    if get_origin(annotation) in (tuple, list):
        return f"list of {_type(options[0])}"
    if get_origin(annotation) is dict:
        if options[1] is str:
            return "table of texts by name"
        return "table of names by column" if get_args(options[1]) and str in get_args(options[1]) else "number"
    if isinstance(annotation, str):
        return f'"{annotation}"'
    if options and all(isinstance(o, str) for o in options):
        return ", ".join(map(_type, options))
    if options:
        return " or ".join(_type(o) for o in options)
    if members := getattr(annotation, "__members__", None):
        return ", ".join(f'"{m.value}"' for m in members.values())
    return {str: "text", int: "whole number", float: "number", Path: "path", date: "date", bool: "true or false"}[
        annotation
    ]


def _keys(properties: Mapping[str, Any], meanings: Mapping[str, str]) -> str:
    assert set(meanings) <= set(properties)
    rows = [(f"`{key}`", _json_type(s), s.get("description", meanings.get(key, ""))) for key, s in properties.items()]
    return _table(("key", "value", "meaning"), rows)


def _json_type(schema: Mapping[str, Any]) -> str:
    """A JSON Schema in a few words, with links to the objects it refers to."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return "method" if name == "method" else f"[{name}](#{name})"
    if "const" in schema:
        return f"`{schema['const']}`"
    if "enum" in schema:
        return ", ".join("null" if e is None else f"`{e}`" for e in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(sorted((_json_type(s) for s in schema["anyOf"]), key=lambda t: t == "null"))
    if schema.get("type") == "array":
        return f"list of {_json_type(schema['items'])}" if "items" in schema else "empty list"
    if schema.get("type") == "object" and "properties" in schema:
        return "object of " + ", ".join(f"`{key}`" for key in schema["properties"])
    if "type" not in schema:
        return "anything"
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    return " or ".join(types)


def _table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [headers, ["---"] * len(headers), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _page(parts: Iterable[str]) -> str:
    return "\n\n".join(part.strip() for part in parts) + "\n"


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
