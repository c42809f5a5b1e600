"""The methods in plain words, each with its source: the footnotes of every report."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MethodWords:
    """`label` stands beside a KPI (empty for the usual method of its kind), `text` in the footnotes."""

    label: str
    text: str
    source: str


METHODS = {
    "welch": MethodWords(
        "",
        "Difference in means, allowing each variant its own spread; the lift's interval follows from the "
        "same test, so the two never disagree.",
        "Welch 1947; Fieller 1954",
    ),
    "score": MethodWords(
        "",
        "Difference and ratio of two proportions, with intervals that stay right for rare events and unequal groups.",
        "Miettinen & Nurminen 1985; Koopman 1984",
    ),
    "delta": MethodWords(
        "",
        "Ratio of two totals, with the spread taken over the units that were randomised, not over single events.",
        "Deng, Knoblich & Lu 2018; Fieller 1954",
    ),
    "bootstrap": MethodWords(
        "resampled",
        "Units drawn again at random thousands of times; the interval is the middle part of the results. "
        "A cross-check that assumes no formula.",
        "Efron & Tibshirani 1993",
    ),
    "bootstrap_t": MethodWords(
        "resampled, studentized",
        "Units drawn again at random; every result is measured in its own standard error, which evens out the tails "
        "of a skewed KPI.",
        "Hall 1992",
    ),
    "adjusted": MethodWords(
        "adjusted for what was known before",
        "Difference in means after removing what the units' earlier data already predict; the same effect, "
        "measured with less noise.",
        "Deng, Xu, Kohavi & Walker 2013; Lin 2013",
    ),
    "quantile": MethodWords(
        "",
        "Difference of two quantiles, each with an interval read off the ranks of the values.",
        "Deng, Knoblich & Lu 2018",
    ),
    "sequential": MethodWords(
        "holds at every look",
        "The difference with an interval that is wider, so that it stays right although one looks at the test while "
        "it runs.",
        "Waudby-Smith et al. 2021; Lan & DeMets 1983; Jennison & Turnbull 2000",
    ),
    "triggered": MethodWords(
        "where decisions differ",
        "Difference on the units on which both variants decide differently, diluted to all units by their share; units "
        "on which they decide alike differ by chance alone, and their noise is left out.",
        "Deng & Hu 2015; Kohavi, Tang & Xu 2020",
    ),
    "skewed": MethodWords(
        "wider interval, because few units carry much of the total",
        "Difference in means where a few large values and unequal groups make the usual interval too narrow "
        "on one side; that side is widened by the skewness of both variants together.",
        "Welch 1947; Hall 1992; Boos & Hughes-Oliver 2000",
    ),
}
