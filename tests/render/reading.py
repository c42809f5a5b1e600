"""Reading printed numbers back, to hold them against the numbers they came from."""

import re

NUMBER = re.compile(r"[+−]?(?:\d[\d,]*(?:\.\d+)?|\.\d+)(?:e[+−]\d+)?")


def number(text: str) -> tuple[float, float]:
    """A printed number and half a unit of its last digit."""
    plain = text.replace("−", "-").replace(",", "")
    mantissa, _, exponent = plain.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(plain), 0.5 * 10.0 ** (int(exponent or 0) - decimals)


def agrees(text: str, x: float) -> bool:
    """Whether a printed number is `x` to the digits shown."""
    printed, half = number(text)
    return abs(printed - x) <= half * (1 + 1e-6) + 1e-12 * abs(x)


def numbers(text: str) -> list[str]:
    """All numbers in a cell, as printed."""
    return NUMBER.findall(text)
