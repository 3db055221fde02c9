"""Calendar periods within a window, against label, flags, escalation and sufficiency.

Label by period, label by trait and trait by period share their words in a ring, and three tables in a ring say more
than each alone. So a trait by period is published only if an audit of the three together finds nothing rare.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product

from calibgit.collect.audit import Published, tells_of_few
from calibgit.collect.counts import Counts
from calibgit.collect.words import cross
from calibgit.model.blocks import CrossBlock, TallyBlock
from calibgit.model.snapshot import MISSING, OTHER

MOST_CELLS = 400
NAMES = ("periods_labels", "periods_flagged", "periods_escalated", "periods_sufficiency")
Cell = tuple[str, str, str]


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
        if table.status == "present" and not _ring_is_safe(
            counts,
            (periods, tallies["labels"], block),
            means,
            (found["periods_labels"], crosses[f"labels_{name}"], table),
        ):
            table = CrossBlock(status="withheld")
        found[f"periods_{fact}"] = table
    return found


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


def _ring_is_safe(
    counts: Counts,
    tallies: Sequence[TallyBlock],
    means: Mapping[str, str],
    tables: tuple[CrossBlock, CrossBlock, CrossBlock],
) -> bool:
    by_label, by_trait, by_both = tables
    if by_label.status != "present" or by_trait.status != "present":
        return True
    periods, labels, words = (tuple(word for word, n in block.counts.items() if n) for block in tallies)
    cells: list[Cell] = list(product(periods, labels, words))
    if len(cells) > MOST_CELLS:
        return False
    published = []
    for axis, block in enumerate(tallies):
        for word, n in block.counts.items():
            published.append(Published(frozenset(at for at, cell in enumerate(cells) if cell[axis] == word), n))
    published += _numbers(cells, by_label, lambda cell: (cell[0], cell[1]))
    published += _numbers(cells, by_trait, lambda cell: (cell[1], cell[2]))
    published += _numbers(cells, by_both, lambda cell: (cell[0], means.get(cell[2], "yes")))
    return not tells_of_few(published, counts.least)


def _numbers(cells: Sequence[Cell], block: CrossBlock, key: Callable[[Cell], tuple[str, str]]) -> list[Published]:
    found = []
    for r, row in enumerate(block.rows):
        for c, column in enumerate(block.columns):
            n = block.counts[r][c]
            if n is None:
                continue
            places = frozenset(
                at
                for at, cell in enumerate(cells)
                for a, b in [key(cell)]
                if (a if a in block.rows else OTHER) == row and (b if b in block.columns else OTHER) == column
            )
            if places:
                found.append(Published(places, n))
    return found
