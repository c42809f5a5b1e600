"""Runs what a result was made by once more, and holds the numbers against the stored ones."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from abimpact.errors import DataError, UsageError
from abimpact.pipeline.reading import Running
from abimpact.rerun.differences import Difference, Held, hold_against
from abimpact.rerun.inputs import Input, held_inputs, named_as_before
from abimpact.rerun.places import MovedOnError, Places
from abimpact.rerun.recorded import Provenance, Recorded, recorded
from abimpact.spec.engine_url import HIDDEN
from abimpact.spec.recorded import recorded_request
from abimpact.spec.request import Request

# Other versions of numpy, scipy or the engine may round another way.
TOLERANCE = 1e-9
# What a file may ask for: on the command line it would be the user's own wish.
MOST_REPETITIONS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """What came of running a result's analysis again.

    `new` is the whole new result; it and `held` are None where it was not run, because `moved_on`, a file outside the
    folders that may be read, is not what it was. `differences` are those beyond the `tolerance`, relative.
    """

    recorded: Recorded
    new: Mapping[str, Any] | None
    inputs: tuple[Input, ...]
    software: tuple[tuple[str, str, str], ...]
    held: Held | None
    differences: tuple[Difference, ...]
    tolerance: float
    moved_on: str | None

    @property
    def holds(self) -> bool:
        """Whether every number and verdict of the stored result is still the same."""
        return self.held is not None and not self.differences

    @property
    def is_verdict_same(self) -> bool | None:
        """Whether the verdict is the same; None where there is none, or it was not run again."""
        old = _verdict(self.recorded.document)
        return None if old is None or self.new is None else old == _verdict(self.new)

    @property
    def is_input_same(self) -> bool:
        """Whether every input is what it was."""
        return self.moved_on is None and all(i.status == "same" for i in self.inputs)


def run_again(
    stored: Recorded,
    *,
    given: tuple[str, ...] = (),
    frame: object = None,
    engine: str | None = None,
    tolerance: float = TOLERANCE,
    command: str = "",
    running: Running | None = None,
) -> Rerun:
    """Run `stored` again as it was asked, on its inputs as they are now, or on those `given` by path or as a table.

    `engine` is the URL of the engine that had the log: none is taken from a file. Raises DataError for what cannot be
    run again.
    """
    if not 0 <= tolerance < 1:
        raise UsageError(f"--tolerance {tolerance:g} is no share from 0 on, below 1.", "Write it like 1e-9.")
    request = _on_engine(recorded_request(stored.provenance.config, stored.path), engine, stored)
    places = Places(recorded=stored, given=given)
    try:
        request = _with_log(places.request(request), frame, stored)
        made_anew = VERBS[stored.verb](_Asked(stored, places, request, frame, command, running or Running()))
    except MovedOnError as error:
        return Rerun(
            recorded=stored, new=None, inputs=(), software=(), held=None, differences=(), tolerance=tolerance,
            moved_on=str(error),
        )  # fmt: skip
    # As it would be read from a file: with texts where Python has names of its own for them.
    new = json.loads(json.dumps(made_anew, allow_nan=False))
    made = recorded(new, stored.path).provenance
    inputs = held_inputs(stored.provenance.sources, made.sources, is_known=frame is None)
    held = hold_against(stored.document, named_as_before(new, inputs))
    return Rerun(
        recorded=stored,
        new=new,
        inputs=inputs,
        software=_other_versions(stored.provenance, made),
        held=held,
        differences=held.beyond(tolerance),
        tolerance=tolerance,
        moved_on=None,
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """All that a verb needs to run again."""

    stored: Recorded
    places: Places
    request: Request
    frame: object
    command: str
    running: Running

    @property
    def how(self) -> dict[str, Any]:
        """The arguments that every verb takes."""
        return {"command": self.command, "frame": self.frame, "running": self.running}

    def further(self, name: str) -> str | None:
        """The path of a file beside the log that the verb was given."""
        found = self.stored.options.get(name)
        if found is None:
            return None
        if not isinstance(found, Mapping) or not isinstance(found.get("path"), str):
            raise DataError(f"{self.stored.path}: provenance.config.options.{name} names no file.")
        path, mark, place = found["path"].rpartition("#")
        if not mark or Path(found["path"]).is_file():
            return self.places.further(found["path"], found.get("sha256"))
        return f"{self.places.further(path, found.get('sha256'))}#{place}"


def _report(asked: _Asked) -> dict[str, Any]:
    from abimpact.pipeline.report import run_report
    from abimpact.portfolio.promised import with_promise
    from abimpact.render.json import to_dict

    metrics = asked.stored.document.get("metrics", ())
    is_drawn = any(isinstance(m, Mapping) and m.get("distribution") for m in metrics)
    promised = asked.further("promised")
    found = run_report(asked.request, with_distribution=is_drawn, **asked.how)
    return to_dict(with_promise(found, promised) if promised else found)


def _check(asked: _Asked) -> dict[str, Any]:
    from abimpact.pipeline.check import run_check
    from abimpact.render.check import to_dict

    return to_dict(run_check(asked.request, reconciled=asked.further("reconciled"), **asked.how))


def _simulate(asked: _Asked) -> dict[str, Any]:
    from pydantic import TypeAdapter, ValidationError

    from abimpact.simulate.page import to_dict
    from abimpact.simulate.run import Terms, run_simulation

    try:
        terms = TypeAdapter(Terms).validate_python(dict(asked.stored.options))
    except ValidationError as error:
        raise DataError(f"{asked.stored.path}: provenance.config.options is not what abimpact wrote.") from error
    if terms.repetitions > MOST_REPETITIONS:
        raise DataError(
            f"{asked.stored.path}: {terms.repetitions:,} repetitions: a rerun does at most {MOST_REPETITIONS:,}.",
            "Run abimpact simulate itself.",
        )
    return to_dict(run_simulation(asked.request, terms=terms, **asked.how))


def _plan(asked: _Asked) -> dict[str, Any]:
    from abimpact.plan.figures import figures
    from abimpact.plan.page import page
    from abimpact.plan.run import run_plan
    from abimpact.render.numbers import written_in

    keys = asked.stored.options.get("keys")
    if not isinstance(keys, Mapping) or not all(isinstance(k, Mapping) for k in keys.get("kpi", ())):
        raise DataError(f"{asked.stored.path}: provenance.config.options has no keys of a plan.")
    found = run_plan(asked.request, keys=keys, **asked.how)
    with written_in(found.presentation.locale):
        return figures(found, page(found).headline)


def _backtest(asked: _Asked) -> dict[str, Any]:
    from abimpact.backtest.figures import figures
    from abimpact.backtest.run import run_backtest

    return figures(run_backtest(asked.request, **asked.how))


VERBS: Mapping[str, Callable[[_Asked], dict[str, Any]]] = {
    "report": _report,
    "check": _check,
    "simulate": _simulate,
    "plan": _plan,
    "backtest": _backtest,
}


def _on_engine(request: Request, engine: str | None, stored: Recorded) -> Request:
    """The request with the address of its engine, which only the user may name."""
    if engine is not None:
        return replace(request, engine=engine, sources=())
    if request.engine is None:
        return request
    hidden = " (its password was not stored)" if HIDDEN in request.engine else ""
    raise UsageError(
        f"{stored.path}: its log is on an engine{hidden}, and an address is not taken from a file.",
        f"Give it again: --engine {request.engine}",
    )


def _with_log(request: Request, frame: object, stored: Recorded) -> Request:
    """The request with files to read, unless a table is given, or none was needed."""
    if frame is not None:
        return replace(request, sources=(), engine=None)
    is_from_numbers = stored.verb == "plan" and not stored.provenance.sources
    if request.sources or request.engine or is_from_numbers:
        return request
    raise UsageError(
        f"{stored.path}: its log was a table in memory, and no file.",
        "Give that table as a file (--data log.parquet), or in Python: abimpact.rerun(result, data).",
    )


def _verdict(document: Mapping[str, Any]) -> tuple[Any, ...] | None:
    found = document.get("verdict")
    if not isinstance(found, Mapping):
        return None
    return tuple(found.get(key) for key in ("code", "reason", "proposed", "is_trusted"))


def _other_versions(old: Provenance, new: Provenance) -> tuple[tuple[str, str, str], ...]:
    one, other = old.software, new.software
    names = dict.fromkeys((*one, *other))
    return tuple((name, one.get(name, ""), other.get(name, "")) for name in names if one.get(name) != other.get(name))
