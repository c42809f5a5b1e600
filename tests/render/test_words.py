from dataclasses import replace

import pytest

from abimpact.render import phrases, words
from tests.render.build import GUESS, OPEN, PROFIT, SITUATIONS, estimate, inconclusive, invalid, trade_off

HEADLINES = {
    "ship": "ml is better than rules: profit per user +4.2 % (+1.8 % to +6.7 %); costs were not "
    "given, so whether it pays is not known.",
    "worse": "Keep rules: with ml profit per user falls by 2.0 % (−3.4 % to −0.6 %).",
    "guardrail": "Keep rules: ml is better on profit per user, but false declines rise by 12.0 % (+7.3 % "
    "to +16.9 %; limit 5 %).",
    "equivalent": "Keep rules, the simpler one: ml and rules are within ±1 % of each other on profit per user.",
    "not_shown": "Keep rules: the test has ended and ml is not shown to be better; profit per user between"
    " −0.8 % and +3.1 %: an effect either way is possible.",
    "guardrail_open": "Not decided: ml is better on profit per user +4.2 % (+1.8 % to +6.7 %), but it is not "
    "shown that false declines stay within the limit (+5 %).",
    "trade_off": "Not decided: ml is better on profit per user +4.2 % (+1.8 % to +6.7 %) and worse on "
    "rating −2.0 % (−3.4 % to −0.6 %); it is worth shipping if one unit of rating is worth "
    "less than 2.10 units of profit per user.",
    "inconclusive": "Not decided: profit per user between −0.8 % and +3.1 %: an effect either way is "
    "possible. Some 1,240,000 more units (44 more days) would settle an effect of this size.",
    "invalid": "No verdict: 50:50 was planned, 20,101 : 18,377 arrived (by chance less than once in a "
    "million tests). Find the loss before "
    "reading any KPI.",
    "not_an_experiment": "No verdict: rules ran until 28 Feb, ml from 1 Mar; the calendar and ml can't be "
    "told apart. Run both at once, or randomise by day (--cluster day).",
    "primary_not_estimated": "Not decided: refund:p99 could not be estimated: needs 380 units an arm, rules has 120.",
}


@pytest.mark.parametrize(("situation", "headline"), HEADLINES.items())
def test_headline(situation: str, headline: str) -> None:
    report = SITUATIONS[situation]()
    assert words.headline(report, report.verdict) == headline


def test_an_effect_lost_to_several_comparisons_is_not_called_open() -> None:
    near = replace(OPEN, estimates=(estimate("welch", (0.05, 0.001, 0.1), (0.02, 0.001, 0.04), 0.045),))
    report = replace(inconclusive(), metrics=(near,))
    assert "not enough once all comparisons" in words.headline(report, report.verdict)


def test_trade_off_without_a_rate_asks_for_it() -> None:
    report = trade_off()
    because = tuple(
        replace(b, data={**b.data, "exchange_rate": None}) if b.rule == "trade_off" else b
        for b in report.verdict.because
    )
    assert words.headline(report, replace(report.verdict, because=because)).endswith(
        "say what they are worth to each other."
    )


@pytest.mark.parametrize("situation", SITUATIONS)
def test_every_rule_has_a_sentence(situation: str) -> None:
    report = SITUATIONS[situation]()
    for decision in report.verdicts:
        for rule in decision.because:
            assert words.because(report, decision, rule).endswith(".")


@pytest.mark.parametrize("situation", SITUATIONS)
def test_no_forbidden_words(situation: str) -> None:
    report = SITUATIONS[situation]()
    told = words.headline(report, report.verdict) + words.title(report, report.verdict)
    assert not any(w in told.lower() for w in ("no effect", "trend", "significant", "control", "treatment"))


def test_a_finding_reads_as_sentences() -> None:
    assert phrases.finding(GUESS) == "12 rows repeat 9 units; the first row of each was taken."


def test_empty_names_can_be_seen() -> None:
    assert phrases.name("") == phrases.name("  ") == "(no name)"


def test_a_metric_without_interval_has_no_change() -> None:
    assert phrases.change(replace(PROFIT, chosen_method=None)) is None


def test_an_undeclared_split_is_not_called_planned() -> None:
    report = replace(invalid(), split=None)
    assert words.headline(report, report.verdict).startswith("No verdict: 50:50 was planned; units: 20,101 rules")
