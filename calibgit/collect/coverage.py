"""Who and what stands behind a stratum: how many people, and which rows of the window could not be counted."""

from __future__ import annotations

from calibgit.collect.counts import Counts
from calibgit.collect.words import fold
from calibgit.model.blocks import SubjectBlock, TallyBlock
from calibgit.model.snapshot import OTHER

REASONS = ("score_missing", "score_invalid", "score_outside")


def subject_block(counts: Counts) -> SubjectBlock:
    """The number of subjects, where it does not tell that few assessments are a subject's second or later one.

    Where those are many, so are the subjects with more than one: the k-1 largest have fewer rows than the threshold.
    """
    if not counts.plan.has_subjects:
        return SubjectBlock(status="absent")
    n = sum(row.n for row in counts.rows.get("clusters", ()) if row.keys == ("subjects",))
    if n == 0 or counts.small(counts.n - n):
        return SubjectBlock(status="withheld")
    summed = any(row.keys == ("rows",) for row in counts.rows["clusters"])
    return SubjectBlock(status="present", n=n, bound="exact" if summed else "at_least")


def dropped_block(counts: Counts) -> TallyBlock:
    """Rows whose score cannot be counted, by reason; withheld where they are none or few, which looks the same.

    Rows whose time cannot be read are not among them: they stand in no window, so two windows of one table would
    count the same rows, and the difference would be the few that came in between.
    """
    found = dict.fromkeys(REASONS, 0)
    for row in counts.rows.get("dropped", ()):
        if row.keys[0] in found:
            found[row.keys[0]] += row.n
    if sum(found.values()) < counts.least:
        return TallyBlock(status="withheld")
    shown, folded, other = fold(counts, found)
    return TallyBlock(status="present", counts=shown | ({OTHER: other} if folded else {}), folded=folded)
