"""Classes of escalation against worst severities, beside labels and periods.

Both words already stand in tables with labels and with periods, so the fourth side of these rings is audited with all
of them. The blocks of the gates know severities and, where labels are the implied ones, labels too: then the ring may
only touch them in numbers that are published whole.
"""

from __future__ import annotations

from collections.abc import Mapping

from calibgit.collect.counts import Counts
from calibgit.collect.periods import coarse
from calibgit.collect.rings import Ring, held
from calibgit.collect.words import coarser_tallies, cross
from calibgit.model.blocks import CrossBlock, TallyBlock

NAME = "escalation_flag_severity"
FACTS = ("escalation", "worst")


def escalation_cross(
    counts: Counts, tallies: Mapping[str, TallyBlock], crosses: Mapping[str, CrossBlock], *, same: bool
) -> CrossBlock:
    """The table in classes as fine as the audit allows, or why there is none.

    Args:
        counts: the exact rows.
        tallies: labels, flag_severity, escalation, periods.
        crosses: the tables by label and by period that are already published.
        same: whether the blocks of the gates know labels.
    """
    escalation, worst = tallies["escalation"], tallies["flag_severity"]
    if {escalation.status, worst.status} != {"present"}:
        return cross(counts, "traits", FACTS, escalation, worst)
    for rows in coarser_tallies(escalation, ["none"]):
        block = cross(counts, "traits", FACTS, rows, worst)
        if block.status == "present" and _is_safe(counts, block, tallies, crosses, same=same):
            return block
    return CrossBlock(status="withheld")


def _is_safe(
    counts: Counts,
    block: CrossBlock,
    tallies: Mapping[str, TallyBlock],
    crosses: Mapping[str, CrossBlock],
    *,
    same: bool,
) -> bool:
    labels = tallies["labels"]
    shown = {name: each for name, each in crosses.items() if each.status == "present"}
    axes = [held(labels.counts) or {"any": None}, held(tallies["flag_severity"].counts)]
    axes.append(held(tallies["escalation"].counts))
    places = {"labels_flag_severity": (0, 1), "labels_escalation": (0, 2)}
    by_period = {"periods_labels": (3, 0), "periods_flagged": (3, 1), "periods_escalated": (3, 2)}
    if len(by_period.keys() & shown.keys()) > 1:
        axes.append(held(tallies["periods"].counts))
        places |= by_period
    if (
        same
        and {"labels_escalation", "periods_escalated"} & shown.keys() & places.keys()
        and not _is_whole(block, shown)
    ):
        return False
    called = {"periods_flagged": coarse("flag_severity"), "periods_escalated": coarse("escalation")}
    tables = [(shown[name], at, called.get(name, str)) for name, at in places.items() if name in shown]
    return Ring(axes, [(block, (2, 1), str), *tables]).is_safe(counts.least)


def _is_whole(block: CrossBlock, shown: Mapping[str, CrossBlock]) -> bool:
    """Whether labels by severity are shown without a gap, in words at least as fine as those of the other tables."""
    between = shown.get("labels_flag_severity")
    if between is None or any(n is None for row in between.counts for n in row):
        return False
    rows = shown["labels_escalation"].rows if "labels_escalation" in shown else ()
    columns = shown["periods_labels"].columns if "periods_labels" in shown else ()
    return {*rows, *columns} <= set(between.rows) and set(block.columns) <= set(between.columns)
