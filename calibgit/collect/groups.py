"""The score block by declared group of people, each group on its own edges where the audit allows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from calibgit.collect.audit import Published, tells_of_few
from calibgit.collect.counts import Counts
from calibgit.collect.grids import axis_cuts, on_edges
from calibgit.model.snapshot import GridBlock, GridCell, GridRow, GroupBlock

Bins = Mapping[str, Sequence[int]]
Shown = dict[str, tuple[GridCell, ...]]


def group_block(counts: Counts, score: GridBlock) -> GroupBlock:
    """Score by cap by declared group. Rows pool the caps of the score block, on some of their edges.

    In every cell those of the group and all others are each 0 or large. That is not enough for three groups: what
    one lacks may follow from the others. So each row is audited, and on a failure all its groups share their edges,
    on which each group and the rest are 0 or large.
    """
    if "group" not in counts.roles or score.grid is None:
        return GroupBlock(status="absent")
    tables = _tables(counts, score.grid.bins)
    cuts = axis_cuts(counts)["score"]
    found: dict[str, list[GridRow]] = {}
    for row in score.rows:
        keep = cuts[min(row.groups) : -1]
        bins = {name: [sum(caps[g][i] for g in row.groups) for i in range(score.grid.bins)] for name, caps in tables}
        for name, cells in _row(row, bins, counts.plan.groups, keep, counts.least).items():
            found.setdefault(name, []).append(GridRow(groups=row.groups, cells=cells))
    if not found:
        return GroupBlock(status="withheld")
    return GroupBlock(status="present", groups={name: tuple(rows) for name, rows in sorted(found.items())})


def _tables(counts: Counts, bins: int) -> list[tuple[str, list[list[int]]]]:
    words = [*counts.plan.groups, "rest"]
    tables = {word: [[0] * bins for _ in counts.bands] for word in words}
    for (cohort, cap), where, n in counts.facts("group", "cohort", "cap"):
        tables[cohort if cohort in counts.plan.groups else "rest"][int(cap)][where or 0] += n
    return list(tables.items())


def _row(row: GridRow, bins: Bins, groups: Sequence[str], keep: Sequence[int], least: int) -> Shown:
    everyone = [sum(column) for column in zip(*bins.values(), strict=True)]
    own = {}
    for name in groups:
        measures = [(all_, n, all_ - n) for all_, n in zip(everyone, bins[name], strict=True)]
        if cells := on_edges(row.cells, measures, keep, least):
            own[name] = cells
    while own and not _holds(row, own, least):
        shared = _shared(row, bins, everyone, tuple(own), keep, least)
        if shared:
            return shared
        own.pop(min(own, key=lambda name: (sum(bins[name]), name)))
    return own


def _shared(
    row: GridRow, bins: Bins, everyone: Sequence[int], names: Sequence[str], keep: Sequence[int], least: int
) -> Shown:
    found = {}
    for name in names:
        others = [bins[other] for other in names if other != name]
        rest = [all_ - sum(bins[n][i] for n in names) for i, all_ in enumerate(everyone)]
        measures = list(zip(everyone, bins[name], *others, rest, strict=True))
        found[name] = on_edges(row.cells, measures, keep, least)
    return found if all(found.values()) else {}


def _holds(row: GridRow, shown: Shown, least: int) -> bool:
    """Whether no part of any group follows from the row and from the other groups."""
    names = [*shown, "rest"]
    place = {
        (name, at): index for index, (name, at) in enumerate((n, at) for n in names for at in range(len(row.cells)))
    }
    published = [Published(frozenset(place[name, at] for name in names), cell.n) for at, cell in enumerate(row.cells)]
    for name, cells in shown.items():
        for cell in cells:
            inside = [at for at, each in enumerate(row.cells) if cell.lo <= each.lo and each.hi <= cell.hi]
            published.append(Published(frozenset(place[name, at] for at in inside), cell.n))
    return not tells_of_few(published, least)
