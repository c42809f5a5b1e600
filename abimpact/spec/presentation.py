"""`[report]`: what a report is called, whose it is, and how its numbers and dates are written."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Locale:
    """Decimal mark, thousands separator, and the order of day (d), month (m) and year (y)."""

    decimal: str
    group: str
    order: str


_NARROW, _SPACE = "\u202f", "\u00a0"  # no line breaks at either

# As in Unicode's CLDR; a test compares.
LOCALES: Mapping[str, Locale] = {
    "cs_CZ": Locale(",", _SPACE, "dmy"),
    "da_DK": Locale(",", ".", "dmy"),
    "de_AT": Locale(",", ".", "dmy"),
    "de_CH": Locale(".", "’", "dmy"),
    "de_DE": Locale(",", ".", "dmy"),
    "en_GB": Locale(".", ",", "dmy"),
    "en_US": Locale(".", ",", "mdy"),
    "es_ES": Locale(",", ".", "dmy"),
    "es_MX": Locale(".", ",", "dmy"),
    "fi_FI": Locale(",", _SPACE, "dmy"),
    "fr_CH": Locale(",", _NARROW, "dmy"),
    "fr_FR": Locale(",", _NARROW, "dmy"),
    "it_IT": Locale(",", ".", "dmy"),
    "ja_JP": Locale(".", ",", "ymd"),
    "nl_NL": Locale(",", ".", "dmy"),
    "pl_PL": Locale(",", _SPACE, "dmy"),
    "pt_BR": Locale(",", ".", "dmy"),
    "pt_PT": Locale(",", _SPACE, "dmy"),
    "sv_SE": Locale(",", _SPACE, "dmy"),
    "zh_CN": Locale(".", ",", "ymd"),
}
USUAL = "en_GB"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """Title and owner (empty: none), and a name of `LOCALES`. The words stay English."""

    title: str = ""
    owner: str = ""
    locale: str = USUAL
