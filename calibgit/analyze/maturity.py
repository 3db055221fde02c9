"""Outcome maturity: are the outcomes of this window in?

The words come from exact counts, inside the collection (`collect.verdicts`), because a month in which everybody has the
same outcome cannot be published. Where a month is not in, nothing that rests on outcomes is judged: the first outcomes
to arrive are seldom like the rest.
"""

from __future__ import annotations

from calibgit.analyze.draft import Context, Draft, Limits, Topic, fact, judge
from calibgit.model.report import Finding
from calibgit.model.snapshot import Stratum

OUTCOME_MATURITY = "outcome_maturity"


def immature(stratum: Stratum) -> tuple[str, ...]:
    """Calendar periods whose outcomes are not in, or cannot be said to be, where others of the window can."""
    return tuple(sorted(name for name, word in stratum.verdicts.outcome_maturity.periods.items() if word == "immature"))


def outcome_maturity(context: Context) -> list[Draft | Finding]:
    """One finding; none where no outcome is recorded."""
    words = context.stratum.verdicts.outcome_maturity.periods
    topic = Topic(
        context.name("outcomes", "maturity"), OUTCOME_MATURITY, "outcomes", "Whether outcomes are in", ("confidence",),
    )  # fmt: skip
    if not words:
        return []
    if set(words.values()) == {"not_assessable"}:
        reason = "every calendar period has too few assessments"
        return [judge(context, topic, None, Limits(), reason=reason, n=context.stratum.n)]
    late = immature(context.stratum)
    said = f"Outcomes of {' and '.join(late)} are not in" if late else "Outcomes of this window are in"
    return [
        fact(
            context,
            topic,
            grade="watch" if late else "ok",
            description=f"{said}; nothing that rests on outcomes is judged." if late else f"{said}.",
            recommendation="Analyze the window again when its outcomes are in." if late else "Nothing to do.",
            evidence={"periods": len(words), "periods_not_in": len(late)},
        )
    ]
