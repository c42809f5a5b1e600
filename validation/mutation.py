"""Mutation testing of `estimate` and `decide`: mutmut makes the mutants and runs them, this draws them and counts.

    python validation/mutation.py run --share 0.2        # a seeded sample of each module's mutants
    python validation/mutation.py run welch              # all mutants of one module
    python validation/mutation.py table                  # the score of each module, as docs/mutation.md has it
    python validation/mutation.py survivors welch        # what no test noticed, as diffs

A mutant is held against the tests that reach its function: those of the module's own file, and the quickest of the rest
until `SECONDS` are spent. All of them would take days; what survives may still be noticed by a slower test, so that the
score is a lower bound. Mutants that only change a sentence for the reader are counted apart (`is_prose`).
"""

import argparse
import json
import math
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from abimpact.estimate.arm import share_interval

MADE = Path("mutants")
STATS = MADE / "mutmut-stats.json"
ROOMS = ("estimate", "decide")
# Seconds of tests (as mutmut timed them) that a mutant is held against: of its module's own file, and of the rest.
OWN_SECONDS, SECONDS = 20.0, 8.0
# Fewer mutants than this say nothing of a module.
FEWEST = 10
KILLED, SURVIVED, UNREACHED = (1, 3), (0,), (5, 33)
SENTENCE = re.compile(r"""(["'])(?:(?!\1).)* (?:(?!\1).)*\1""")


def meta_files(only: list[str]) -> Iterator[tuple[str, Path]]:
    """The results that mutmut keeps of each module, by its name within the package."""
    for room in ROOMS:
        for path in sorted((MADE / "abimpact" / room).glob("*.py.meta")):
            name = f"{room}/{path.name.removesuffix('.py.meta')}"
            if not only or name in only or name.split("/")[1] in only:
                yield name, path


def verdicts(meta: Path) -> dict[str, int | None]:
    """Exit codes of the tests by mutant; None where it was not drawn."""
    found: dict[str, int | None] = json.loads(meta.read_text())["exit_code_by_key"]
    return found


def drawn(name: str, mutants: list[str], share: float, seed: int) -> list[str]:
    """A random sample of a module's mutants, the same for the same seed."""
    size = min(max(math.ceil(share * len(mutants)), FEWEST), len(mutants))
    return random.Random(f"{seed}/{name}").sample(sorted(mutants), size)


def trim() -> None:
    """Keep, for every function, the tests of its module's own file and the quickest of the others."""
    stats = json.loads(STATS.read_text())
    seconds = stats["duration_by_test"]
    for function, tests in stats["tests_by_mangled_function_name"].items():
        _, room, module, *_ = function.split(".")
        own = f"tests/{room}/test_{module}.py::"
        left, kept = {True: OWN_SECONDS, False: SECONDS}, []
        for test in sorted(tests, key=seconds.__getitem__):
            is_own = test.startswith(own)
            if seconds[test] <= left[is_own]:
                left[is_own] -= seconds[test]
                kept.append(test)
        stats["tests_by_mangled_function_name"][function] = kept
    STATS.write_text(json.dumps(stats))


def mutmut(*arguments: str) -> None:
    """Run mutmut here."""
    subprocess.run([str(Path(sys.executable).with_name("mutmut")), *arguments], check=True)


def run(only: list[str], share: float, seed: int, children: int) -> None:
    """Make the mutants, draw some, run them; what was known of others stays known."""
    if not STATS.exists():
        mutmut("run", "--max-children", str(children), "abimpact.estimate.selection.x__density__mutmut_1")
        trim()
    chosen = [m for name, meta in meta_files(only) for m in drawn(name, list(verdicts(meta)), share, seed)]
    print(f"{len(chosen):,} mutants")
    mutmut("run", "--max-children", str(children), *chosen)


def diff_of(mutant: str) -> str:
    """What a mutant changes."""
    from mutmut.mutation.diff_apply import find_mutant, get_diff_for_mutant

    return str(get_diff_for_mutant(mutant, path=find_mutant(mutant).path))


def is_prose(diff: str) -> bool:
    """Whether the change is inside a sentence: a string with a space in it, on an otherwise equal line."""
    lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    old, new = ("".join(line[1:] for line in lines if line[0] == sign) for sign in "-+")
    return old != new and bool(SENTENCE.search(old)) and SENTENCE.sub("", old) == SENTENCE.sub("", new)


def table(only: list[str]) -> None:
    """The score of each module and of both rooms, with Wilson's interval where mutants were drawn."""
    print("| module | mutants | run | noticed | timed out | survived | of these text | score | 95 % interval |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")
    totals = {room: [0] * 6 for room in (*ROOMS, "both")}
    for name, meta in meta_files(only):
        codes = verdicts(meta)
        if not codes:
            continue
        done = {m: code for m, code in codes.items() if code is not None}
        survived = [m for m, code in done.items() if code in SURVIVED + UNREACHED]
        prose = sum(is_prose(diff_of(m)) for m in survived)
        killed = sum(code in KILLED for code in done.values())
        row = [len(codes), len(done), killed, len(done) - killed - len(survived), len(survived), prose]
        for total in (totals[name.split("/")[0]], totals["both"]):
            total[:] = [a + b for a, b in zip(total, row, strict=True)]
        print(line(name, row))
    for name, total in totals.items():
        print(line(f"**{name}**", total))


def line(name: str, row: list[int]) -> str:
    """One row of the table; text that survived counts neither for nor against."""
    mutants, done, killed, timed_out, _, prose = row
    counted = done - prose
    if not counted:
        return f"| {name} | {mutants:,} | 0 | | | | | | |"
    found = share_interval(killed + timed_out, counted, 0.95)
    numbers = " | ".join(f"{x:,}" for x in row)
    exact = f"{(found.low or 0) * 100:.0f}–{(found.high or 0) * 100:.0f} %" if done < mutants else "all were run"
    return f"| {name} | {numbers} | {(found.estimate or 0) * 100:.0f} % | {exact} |"


def survivors(only: list[str]) -> None:
    """The mutants that no test noticed, as diffs."""
    for _, meta in meta_files(only):
        for mutant, code in verdicts(meta).items():
            if code in SURVIVED + UNREACHED:
                diff = diff_of(mutant)
                if not is_prose(diff):
                    print(f"# {mutant}{' (no test)' if code in UNREACHED else ''}\n{diff}")


def main() -> None:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=("run", "table", "survivors"))
    parser.add_argument("only", nargs="*", help="modules, as welch or estimate/welch; none: all of both rooms")
    parser.add_argument("--share", type=float, default=1.0, help="of each module's mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--children", type=int, default=2)
    asked = parser.parse_args()
    if asked.verb == "run":
        run(asked.only, asked.share, asked.seed, asked.children)
    elif asked.verb == "table":
        table(asked.only)
    else:
        survivors(asked.only)


if __name__ == "__main__":
    main()
