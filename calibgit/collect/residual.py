"""Recorded labels beside implied ones: where the two are few apart, only one of them may be published.

The score block tells how many assessments the config puts into each band. A tally of recorded labels beside it tells
the difference, which would be the few that were labelled otherwise, or not at all.
"""

from __future__ import annotations

from itertools import combinations

from calibgit.collect.counts import Counts
from calibgit.collect.verdicts import differing
from calibgit.model.blocks import TallyBlock
from calibgit.model.snapshot import GridBlock


def conforming(counts: Counts, score: GridBlock, labels: TallyBlock) -> tuple[TallyBlock, bool]:
    """The tally that may be published beside the score block, and whether labels and implied bands are the same.

    Where every labelled assessment has its implied label and none lacks one, the tally says nothing new about
    labels. Else every run of neighbouring bands must differ from its implied count by 0 or by many.
    """
    if labels.status != "present":
        return labels, False
    mapped, wrong = differing(counts)
    if wrong == 0 and mapped == counts.n:
        return labels, True
    shares = _cumulated(counts, score)
    recorded = [labels.counts.get(band, 0) for band in counts.bands]
    shown = [band in labels.counts and band not in labels.folded for band in counts.bands]
    for first, last in combinations(range(len(counts.bands) + 1), 2):
        ends = shares[first], shares[last]
        if all(shown[first:last]) and None not in ends:
            implied = (ends[1] or 0) - (ends[0] or 0)
            if counts.small(abs(sum(recorded[first:last]) - implied)):
                return TallyBlock(status="withheld"), False
    return labels, False


def _cumulated(counts: Counts, score: GridBlock) -> list[int | None]:
    """Implied assessments in the first 0, 1, ... bands; None where published cells do not tell it exactly."""
    bands = len(counts.bands)
    found: list[int | None] = [0]
    for band in range(1, bands + 1):
        inside = 0
        exact = True
        for row in score.rows:
            for cell in row.cells:
                caps = {counts.score_caps[cell.lo], counts.score_caps[cell.hi - 1]}
                able = {max(cap, group) < band for cap in caps for group in row.groups}
                exact = exact and (len(able) == 1 or not cell.n)
                inside += cell.n if able == {True} else 0
        found.append(inside if exact else None)
    return found
