"""The words of a report in plain language, for readers who did not run it."""

GLOSSARY = (
    (
        "adjusted",
        "Corrected for what was known of the units before the test; the same change, measured with less noise.",
    ),
    ("bootstrap", "A cross-check: the units are drawn again at random many times, to see how much the result varies."),
    ("break-even", "The change at which the proposed variant earns exactly what it costs."),
    ("check", "A question put to the log before its numbers are believed."),
    ("guardrail", "A KPI that must not get worse by more than its limit."),
    ("incumbent", "What runs today: the rules."),
    ("interval", "The changes that the data are compatible with; 95 % of such intervals hold the true one."),
    ("KPI", "A number that says how well a variant does, for example the revenue per visit."),
    ("lift", "The change relative to the incumbent's value."),
    ("limit", "The worsening that a guardrail tolerates, as declared."),
    ("margin", "A change declared too small to matter, or a worsening declared tolerable."),
    ("p", "How often a difference at least this large would appear if the variants were alike."),
    ("points", "The difference of two percentages: from 4 % to 5 % is one point, and a lift of 25 %."),
    ("primary", "The KPI that decides; the others inform."),
    ("proposed", "The variant that would replace the incumbent."),
    ("skewed", "Few units carry much of the total, so that averages vary more than usual."),
    ("split", "How the units were to be shared out among the variants."),
    ("unit", "What was assigned to a variant at random: a user, a visit, a shop."),
    ("variant", "One of the alternatives that were compared."),
    ("worst case", "The largest worsening that the data still allow, at the stated confidence."),
)
