"""Escalation patterns: the rate against its range, and against the previous disjoint window, or charts of many."""

from __future__ import annotations

from calibgit.analyze.charts import LEAST_WINDOWS, Point, moving_average, p_chart
from calibgit.analyze.draft import Context, Draft, Limits, Topic, judge, unpublished
from calibgit.analyze.effects import Difference
from calibgit.analyze.intervals import two_proportion_p
from calibgit.model.published import NOT_ESCALATED, escalated
from calibgit.model.report import Scalar
from calibgit.model.snapshot import MISSING

ESCALATION_PATTERNS = "escalation_patterns"


def escalation_patterns(context: Context) -> list[Draft]:
    """The escalation rate, and its change since the previous window of the same logic version."""
    block, limits = context.stratum.escalation, Limits.rate(context.settings.analysis.escalation_rate)
    topic = Topic(
        context.name("escalation", "rate"), ESCALATION_PATTERNS, "rate", "The escalation rate", ("escalation",),
        advice_high="Too many assessments escalate. See which class grew, and whether reviewers can keep up.",
        advice_low="Fewer assessments escalate than expected. Check that escalation still reaches people.",
    )  # fmt: skip
    if block.status != "present":
        return [unpublished(context, topic, block.status)]
    low, high, size = escalated(block, context.stratum.n)
    if size <= 0:
        return [judge(context, topic, None, limits, reason="no assessment records whether it escalated")]
    mix: dict[str, Scalar] = {
        f"class_{name}": k for name, k in block.counts.items() if name not in NOT_ESCALATED and name != MISSING
    }
    return [
        judge(context, topic, context.rate(low, high, size, "escalated"), limits, evidence=mix),
        *_against_earlier(context, Point(high, size)),
    ]


def _against_earlier(context: Context, now: Point) -> list[Draft]:
    """The change since the window before; with eight or more windows, charts of all of them instead."""
    past = [Point(each.escalated, each.n) for each in context.history if each.n]
    single, trend = p_chart(past, now), moving_average(past, now)
    if single is None or trend is None:
        return [_shift(context, now.k, now.n)]
    tolerated = context.settings.analysis.escalation_shift
    limits = Limits(-tolerated, tolerated, "difference")
    smallest = min(now.n, *(point.n for point in past))
    found = []
    for name, chart, what in (
        ("shift", single, f"The escalation rate less that of the {len(past)} windows before"),
        ("trend", trend, f"The recent escalation rate less that of the first {LEAST_WINDOWS} windows"),
    ):
        topic = _topic(context, name, what)
        found.append(judge(context, topic, chart, limits, n=smallest, evidence={"windows": len(past) + 1}))
    return found


def _topic(context: Context, name: str, what: str) -> Topic:
    return Topic(
        context.name("escalation", name), ESCALATION_PATTERNS, name, what, ("escalation",),
        advice_high="Escalations rose by more than is tolerated. Look for a change in intake or in a release.",
        advice_low="Escalations fell by more than is tolerated. Check that escalation still reaches people.",
    )  # fmt: skip


def _shift(context: Context, count: int, size: int) -> Draft:
    tolerated = context.settings.analysis.escalation_shift
    limits = Limits(-tolerated, tolerated, "difference")
    topic = _topic(context, "shift", "The change of the escalation rate since the previous window")
    before = context.before
    if before is None or before.escalation.status != "present":
        reason = context.before_note if before is None else "the previous window does not publish escalations"
        return judge(context, topic, None, limits, reason=reason)
    _, k_before, n_before = escalated(before.escalation, before.n)
    if n_before <= 0:
        return judge(context, topic, None, limits, reason="the previous window records no escalation state")
    evidence: dict[str, Scalar] = {
        "n_before": n_before,
        "count_before": k_before,
        "p_of_no_change": two_proportion_p(count, size, k_before, n_before),
    }
    smaller = min(size, n_before)
    return judge(context, topic, Difference(count, size, k_before, n_before), limits, n=smaller, evidence=evidence)
