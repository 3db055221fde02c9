"""Calendar periods within a window, against label, flags, escalation and sufficiency.

Label by period, label by trait and trait by period share their words in a ring, and three tables in a ring say more
than each alone. So a trait by period is published only if an audit of the three together finds nothing rare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from calibgit.collect.counts import Counts
from calibgit.collect.rings import Ring, held
from calibgit.collect.words import cross
from calibgit.model.blocks import CrossBlock, TallyBlock
from calibgit.model.snapshot import MISSING, OTHER

NAMES = ("periods_labels", "periods_flagged", "periods_escalated", "periods_sufficiency")


def period_crosses(
    counts: Counts, periods: TallyBlock, tallies: Mapping[str, TallyBlock], crosses: Mapping[str, CrossBlock]
) -> dict[str, CrossBlock]:
    """Tables by period; absent where the window holds one period.

    Args:
        counts: the exact rows.
        periods: the tally of periods.
        tallies: labels, flag_severity, escalation, sufficiency.
        crosses: the tables by label that are already published.
    """
    if sum(n > 0 for n in counts.by_fact("period", "period").values()) < 2:
        return dict.fromkeys(NAMES, CrossBlock(status="absent"))
    found = {"periods_labels": cross(counts, "period", ("period", "label"), periods, tallies["labels"])}
    for name, fact in (("flag_severity", "flagged"), ("escalation", "escalated"), ("sufficiency", "sufficiency")):
        block, means = tallies[name], _coarse(name)
        margin = _margin(block, means)
        if margin.status == "present" and {"none", MISSING} & set(block.folded) and name != "sufficiency":
            margin = TallyBlock(status="withheld")
        table = cross(counts, "period", ("period", fact), periods, margin)
        by_label, labels = found["periods_labels"], crosses[f"labels_{name}"]
        if {table.status, by_label.status, labels.status} == {"present"}:
            ring = Ring(
                [held(each.counts) for each in (periods, tallies["labels"], block)],
                [(by_label, (0, 1), str), (labels, (1, 2), str), (table, (0, 2), coarse(name))],
            )
            if not ring.is_safe(counts.least):
                table = CrossBlock(status="withheld")
        found[f"periods_{fact}"] = table
    return found


def coarse(name: str) -> Callable[[str], str]:
    """What a word of a tally is called in the table by period: there is something, nothing, or no record."""
    means = _coarse(name)
    return lambda word: means.get(word, "yes")


def _coarse(name: str) -> Mapping[str, str]:
    """Words of a tally to the coarser words by period; every other word means "yes"."""
    if name == "sufficiency":
        return {word: word for word in ("yes", "no", MISSING, OTHER)}
    return {"none": "no", MISSING: MISSING}


def _margin(block: TallyBlock, means: Mapping[str, str]) -> TallyBlock:
    found: dict[str, int] = {}
    for word, n in block.counts.items():
        key = means.get(word, "yes")
        found[key] = found.get(key, 0) + n
    return TallyBlock(status=block.status, counts=found)
