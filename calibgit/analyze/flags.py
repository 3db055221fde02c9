"""Over- and under-triggered flags: presence per assessment, never occurrences."""

from __future__ import annotations

from calibgit.analyze.draft import Context, Draft, Limits, Topic, judge, unpublished
from calibgit.analyze.intervals import goodman, rule_of_three
from calibgit.model.blocks import TallyBlock
from calibgit.model.published import tally_bounds
from calibgit.model.report import Scalar
from calibgit.model.snapshot import MISSING, OTHER

FLAG_TRIGGERING = "flag_triggering"
CRITICAL = "critical"
_AFFECTED = ("red_flags",)


def flag_triggering(context: Context) -> list[Draft]:
    """One finding a flag type of the closed vocabulary, and the share of assessments with a critical flag."""
    return [*_types(context), _critical(context)]


def _types(context: Context) -> list[Draft]:
    block, analysis = context.stratum.flag_types, context.settings.analysis
    if block.status != "present":
        topic = _topic(context, "types", "Flag types")
        return [unpublished(context, topic, block.status)]
    known = context.settings.vocabulary.flag_types or tuple(block.counts)
    found = []
    for name in sorted(set(known) - {OTHER, MISSING}):
        count = block.counts.get(name, 0)
        topic = _topic(context, name, f"The share of assessments with flag type {name!r}")
        limits = Limits.rate(analysis.flag_rates.get(name, analysis.flag_rate))
        if count is None:
            reason = "withheld by disclosure control: the count is not zero, but too small or too telling"
            found.append(judge(context, topic, None, limits, reason=reason, n=block.n))
        elif block.n == 0:
            found.append(judge(context, topic, None, limits, reason="no assessment records flags"))
        else:
            extra: dict[str, Scalar] = {"upper_by_rule_of_three": rule_of_three(block.n)} if count == 0 else {}
            found.append(judge(context, topic, context.rate(count, count, block.n, "flagged"), limits, evidence=extra))
    return found


def _topic(context: Context, name: str, what: str) -> Topic:
    return Topic(
        context.name("flag", name), FLAG_TRIGGERING, name, what, _AFFECTED,
        advice_high="The flag triggers too often. Sample such assessments and sharpen its definition; raise "
        "min_occurrences of its severity only if single occurrences are the noise.",
        advice_low="The flag triggers too seldom. Check that its detector still runs and that its definition "
        "still matches what people write.",
    )  # fmt: skip


def _critical(context: Context) -> Draft:
    block = context.stratum.flag_severity
    limits = Limits.rate(context.settings.analysis.critical_flag_share)
    topic = Topic(
        context.name("flag_severity", CRITICAL), FLAG_TRIGGERING, CRITICAL,
        "The share of assessments with a critical flag", _AFFECTED,
        advice_high="Critical flags are common. Check a sample: either the definition is too wide, or the "
        "population has changed.",
        advice_low="Critical flags are rarer than expected. Check that their detector still runs.",
    )  # fmt: skip
    if block.status != "present":
        return unpublished(context, topic, block.status)
    size = sum(block.counts.values()) - block.counts.get(MISSING, 0)
    if size <= 0:
        return judge(context, topic, None, limits, reason="no assessment records flags")
    low, high = tally_bounds(block, [CRITICAL])
    rate = context.rate(low, high, size, f"severity:{CRITICAL}")
    return judge(context, topic, rate, limits, evidence=_mix(block))


def _mix(block: TallyBlock) -> dict[str, Scalar]:
    """Shares by worst severity, each with a bound on both sides that hold together."""
    counts = {word: n for word, n in block.counts.items() if word != MISSING}
    bounds = goodman(list(counts.values()))
    found: dict[str, Scalar] = {}
    for word, (low, high) in zip(counts, bounds, strict=True):
        found |= {f"mix_{word}_at_least": low, f"mix_{word}_at_most": high}
    return found
