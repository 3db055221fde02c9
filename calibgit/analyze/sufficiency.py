"""Data sufficiency and conflicts. An absent answer is a finding of its own, never a "no"."""

from __future__ import annotations

from calibgit.analyze.draft import Context, Draft, Limits, Topic, judge, unpublished
from calibgit.model.published import measured, tally_bounds, total
from calibgit.model.snapshot import MISSING, OTHER

DATA_SUFFICIENCY = "data_sufficiency"
CONFLICT_DENSITY = "conflict_density"
INSUFFICIENT = frozenset({"insufficient", "no", "false"})


def data_sufficiency(context: Context) -> list[Draft]:
    """The insufficient rate of the assessed, and the rate of assessments without an answer."""
    block, analysis = context.stratum.sufficiency, context.settings.analysis
    rate = Topic(
        context.name("sufficiency", "insufficient"), DATA_SUFFICIENCY, "insufficient",
        "The share of assessments with insufficient data", ("data",),
        advice_high="Too many assessments rest on too little data. Mend the intake before moving any cut.",
        advice_low="Fewer assessments than expected lack data. Check that the test for it still runs.",
    )  # fmt: skip
    if block.status != "present":
        return [unpublished(context, rate, block.status)]
    absent = Topic(
        context.name("sufficiency", "absent"), DATA_SUFFICIENCY, "absent",
        "The share of assessments that do not say whether their data suffice", ("data",),
        advice_high="The producer leaves the field out too often. Mend the producer.",
        advice_low="The field is present more often than its range expects.",
    )  # fmt: skip
    missing, missing_at_most = tally_bounds(block, [MISSING])
    everything = sum(block.counts.values())
    lacking, lacking_at_most = tally_bounds(block, INSUFFICIENT)
    answered = everything - missing - (0 if block.folded else block.counts.get(OTHER, 0))
    if everything == 0:
        return [judge(context, rate, None, Limits(), reason="there is no assessment")]
    limits = Limits.rate(analysis.insufficient_rate)
    first = (
        judge(context, rate, context.rate(lacking, lacking_at_most, answered, "insufficient"), limits)
        if answered > 0
        else judge(context, rate, None, limits, reason="no assessment says whether its data suffice")
    )
    return [
        first,
        judge(
            context,
            absent,
            context.rate(missing, missing_at_most, everything),
            Limits.rate(analysis.absent_rate),
        ),
    ]


def conflict_density(context: Context) -> list[Draft]:
    """The share of assessments with conflicts: those beyond the first bin of the density grid."""
    block = context.stratum.conflict
    limits = Limits.rate(context.settings.analysis.conflict_rate)
    topic = Topic(
        context.name("conflict", "rate"), CONFLICT_DENSITY, "rate",
        "The share of assessments with conflicting evidence", ("data",),
        advice_high="Too many assessments hold contradictions. Find the pair of inputs that disagree.",
        advice_low="Fewer assessments than expected hold contradictions. Check that they are still detected.",
    )  # fmt: skip
    if block.status != "present" or block.grid is None:
        return [unpublished(context, topic, "withheld" if block.status == "present" else block.status)]
    rows = measured(block.rows)
    size = total(rows)
    if size == 0:
        return [judge(context, topic, None, limits, reason="no assessment records a conflict density")]
    sure = sum(cell.n for row in rows for cell in row.cells if cell.lo >= 1)
    perhaps = sum(cell.n for row in rows for cell in row.cells if cell.lo < 1 < cell.hi)
    return [judge(context, topic, context.rate(sure, sure + perhaps, size), limits)]
