"""Columns of numbers that a file writes as text: decimal commas, thousands separators, marks for "no value"."""

from abimpact.errors import DataError
from abimpact.read.engine import Engine
from abimpact.read.loaded import Loaded, first
from abimpact.spec.expression import literal, quote

NO_VALUE = ("", "NA", "N/A", "#N/A", "NULL", "null", "None", "-")
# How a number may be written, as a pattern of the whole text and the SQL that turns it into a plain one.
NOTATIONS = (
    ("no separators", r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(inf|nan|infinity)", "{}"),
    ("thousands commas", r"[+-]?\d{1,3}(,\d{3})*(\.\d+)?|[+-]?\d+(\.\d+)?", "replace({}, ',', '')"),
    ("decimal commas", r"[+-]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?", "replace(replace({}, '.', ''), ',', '.')"),
    ("true and yes as 1, false and no as 0", "true|false|yes|no", "lower({}) IN ('true', 'yes')"),
)


def number_sql(engine: Engine, loaded: Loaded, name: str, *, is_part: bool = False) -> tuple[str, str]:
    """SQL for text column `name` of `loaded` as a number, and a sentence that says what was assumed.

    The first notation that every value follows is taken, where 1,500 is 1.5 if the file `has_decimal_commas`, else
    1500. `is_part` says that this is a part of a log whose files are to be named. A `DataError` shows a value that is
    no number, and where it stands.
    """
    plain, thousands, decimal, words = NOTATIONS
    notations = (plain, decimal, thousands, words) if loaded.has_decimal_commas else NOTATIONS
    text = f"trim({quote(name)})"
    marks = ", ".join(literal(m) for m in NO_VALUE)
    is_value = f"{text} NOT IN ({marks})"
    counts = ", ".join(
        f"count_if({is_value} AND NOT regexp_full_match({text}, {literal(pattern)}, 'i'))"
        for _, pattern, _ in notations
    )
    misfits = engine.rows(f"SELECT {counts}, count_if({text} IN ({marks})) FROM {loaded.relation}")[0]
    where = f" in {', '.join(file.path for file in loaded.files[:3])}" if is_part else ""
    for (notation, _, sql), bad in zip(notations, misfits, strict=False):
        if not bad:
            said = f"Column {name!r} is text{where}; it was read as numbers with {notation}"
            said += f", {misfits[-1]:,} marks such as NA as missing." if misfits[-1] else "."
            return f"CASE WHEN {is_value} THEN CAST({sql.format(text)} AS DOUBLE) END", said
    fewest = min(misfits[:-1])
    _, pattern, _ = notations[misfits.index(fewest)]
    at, example = first(engine, loaded, name, f"{is_value} AND NOT regexp_full_match({text}, {literal(pattern)}, 'i')")
    raise DataError(
        f"{at}column {name!r} has text where numbers belong: {fewest:,} value{'s' if fewest > 1 else ''}{example}.",
        'Name a number column, clean the file, or compute one: -m "name=CASE WHEN … THEN 1 ELSE 0 END".',
    )
