"""Which variants are compared: named by the user, or known by a word for the incumbent; never by alphabet."""

from collections.abc import Mapping, Sequence

from abimpact.errors import DataError, UsageError, nearest
from abimpact.spec.private import may_name_somebody

INCUMBENT_WORDS = ("control", "rules", "incumbent", "baseline", "champion", "current", "old", "a", "0", "false")
# More are no variants of a test.
MOST_VARIANTS = 500


def resolve_variants(
    counts: Mapping[str, int], incumbent: str | None, proposed: Sequence[str]
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The incumbent, the proposed variants and what was guessed, from the rows of each variant present.

    A name finds the variant spelled like it, or the one of the same numeric value (`0` finds `0.0`). Of several
    spellings that differ by case or spaces alone, the one with most rows is the variant; the rest are not compared.
    """
    if len(counts) < 2:
        only = ", ".join(repr(v) for v in counts if not may_name_somebody(v)) or "not shown"
        raise DataError(
            f"The log has rows of one variant only ({only}); two are needed to compare."
            if counts
            else "No row of the log names a variant.",
            "Check --variant, the filter, and whether the other variant was logged elsewhere.",
        )
    guesses: tuple[str, ...] = ()
    if incumbent is None:
        first = _known_incumbent(counts, proposed)
        guesses = (f"No incumbent was named; {first!r} was taken as the incumbent by its name.",)
    else:
        first = find_variant(incumbent, counts, "--incumbent")
    others = tuple(dict.fromkeys(find_variant(p, counts, "--proposed") for p in proposed))
    if first in others:
        raise UsageError(f"{first!r} is named as incumbent and as proposed.", "Name two different variants.")
    if not others and len(counts) > MOST_VARIANTS:
        raise _no_variants(counts)
    return first, others or _others(first, counts), guesses


def _others(incumbent: str, counts: Mapping[str, int]) -> tuple[str, ...]:
    """Every other variant, in its most frequent spelling."""
    usual: dict[str, str] = {_folded(incumbent): incumbent}
    for name in sorted(counts, key=lambda v: -counts[v]):
        usual.setdefault(_folded(name), name)
    return tuple(v for v in sorted(usual.values()) if v != incumbent)


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())


def _known_incumbent(counts: Mapping[str, int], proposed: Sequence[str]) -> str:
    known = [v for v in counts if v.strip().casefold() in INCUMBENT_WORDS and v not in proposed]
    known += [v for v in counts if v not in known and _number(v) == 0 and v not in proposed]
    if len(set(map(_folded, known))) == 1:
        return max(known, key=lambda v: counts[v])
    if _are_units(counts):
        raise _no_variants(counts)
    listed = ", ".join(f"{v!r} ({n:,} rows)" for v, n in list(counts.items())[:12])
    raise UsageError(
        f"Which variant is the incumbent? The log has {listed}.",
        f"Name it, for example: --incumbent {next(iter(counts))!r}",
    )


def _are_units(counts: Mapping[str, int]) -> bool:
    """Whether the values of a column name units rather than variants."""
    return len(counts) > MOST_VARIANTS or any(map(may_name_somebody, counts))


def _no_variants(counts: Mapping[str, int]) -> DataError:
    return DataError(
        f"The column of variants has {len(counts):,} values that look like names of units, which are not shown.",
        "Name another column with --variant, or leave rows out with --where.",
    )


def find_variant(name: str, counts: Mapping[str, int], flag: str) -> str:
    """The variant spelled like `name`, or of the same numeric value; `flag` names its use in errors."""
    if name in counts:
        return name
    number = _number(name)
    same = [v for v in counts if number is not None and _number(v) == number]
    if len(same) == 1:
        return same[0]
    if _are_units(counts):
        raise _no_variants(counts)
    listed = ", ".join(f"{v!r} ({n:,} rows)" for v, n in list(counts.items())[:12])
    raise DataError(f"{flag} {name!r} is not in the log, which has {listed}.", nearest(name, counts))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
