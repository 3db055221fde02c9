"""Reading a published grid block: rows may be coarsened differently, and a bin without a cell is empty."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import pairwise

from calibgit.model.blocks import TallyBlock
from calibgit.model.snapshot import MISSING, NO_VALUE, OTHER, GridCell, GridRow, GridSpec

SPREADING_STEPS = 20
NOT_ESCALATED = frozenset({"none", "__none__"})


def common_edges(rows: Iterable[GridRow], bins: int) -> tuple[int, ...]:
    """Edges 0 to `bins` that no cell of any row straddles: the coarsening on which all rows can be added."""
    hidden: set[int] = set()
    for row in rows:
        for cell in row.cells:
            hidden.update(range(cell.lo + 1, cell.hi))
    return tuple(edge for edge in range(bins + 1) if edge not in hidden)


def masses(rows: Iterable[GridRow], edges: Sequence[int]) -> tuple[int, ...]:
    """Assessments between neighbouring `edges`; a cell counts where it lies wholly inside."""
    counts = [0] * (len(edges) - 1)
    place = {edge: index for index, edge in enumerate(edges[:-1])}
    owner: dict[int, int] = {}
    for edge, index in place.items():
        owner.update(dict.fromkeys(range(edge, edges[index + 1]), index))
    for row in rows:
        for cell in row.cells:
            index = owner.get(cell.lo, -1)
            if index >= 0 and cell.hi <= edges[index + 1]:
                counts[index] += cell.n
    return tuple(counts)


def all_edges(rows: Iterable[GridRow], bins: int) -> tuple[int, ...]:
    """Edges 0 to `bins` that some cell of some row has."""
    return tuple(sorted({0, bins, *(edge for row in rows for cell in row.cells for edge in (cell.lo, cell.hi))}))


def spread_masses(rows: Iterable[GridRow], edges: Sequence[int]) -> tuple[float, ...]:
    """Assessments of all rows between neighbouring `edges`; every cell ends at edges.

    A cell that is wider than others is spread as all rows together are, where they say so: the expectation-maximisation
    of Dempster, Laird and Rubin (1977) for grouped counts, from an even density, in a fixed number of steps.
    """
    cells = [
        (slice(bisect_left(edges, cell.lo), bisect_left(edges, cell.hi)), cell.n)
        for row in rows
        for cell in row.cells
        if cell.n
    ]
    found = [float(high - low) for low, high in pairwise(edges)]
    for _ in range(SPREADING_STEPS):
        spread = [0.0] * len(found)
        for where, n in cells:
            inside = found[where]
            whole = math.fsum(inside)
            for at, part in enumerate(inside, where.start):
                spread[at] += n * part / whole
        found = spread
    return tuple(found)


def together(*blocks: Iterable[GridRow]) -> list[tuple[tuple[GridRow, ...], ...]]:
    """The rows of several blocks in the finest sets that hold the same groups in each block.

    Returns:
        One entry a set, ordered by its first group: the rows of each block.
    """
    rows = [(at, row) for at, block in enumerate(blocks) for row in block]
    sets: list[set[int]] = []
    for _, row in rows:
        touched = [each for each in sets if each & set(row.groups)]
        sets = [each for each in sets if each not in touched] + [set(row.groups).union(*touched)]
    return [
        tuple(tuple(row for at, row in rows if at == block and set(row.groups) <= each) for block in range(len(blocks)))
        for each in sorted(sets, key=min)
    ]


def measured(rows: Iterable[GridRow]) -> tuple[GridRow, ...]:
    """The rows without their cell of missing values, which lies before bin 0."""
    return tuple(
        row.model_copy(update={"cells": tuple(cell for cell in row.cells if cell.lo > NO_VALUE)}) for row in rows
    )


def total(rows: Iterable[GridRow]) -> int:
    """All assessments of the rows, missing values included."""
    return sum(cell.n for row in rows for cell in row.cells)


def tally_bounds(block: TallyBlock, keys: Iterable[str]) -> tuple[int, int]:
    """At least and at most how many have one of these words; folded ones are somewhere in `__other__`."""
    wanted = set(keys)
    low = sum(n for key, n in block.counts.items() if key in wanted)
    hidden = block.counts.get(OTHER, 0) if wanted & set(block.folded) else 0
    return low, low + hidden


def escalated(block: TallyBlock, n: int) -> tuple[int, int, int]:
    """At least and at most how many escalated, and how many say whether they did.

    Every class but "none" is an escalation; no class is a real zero.
    """
    size = n - block.counts.get(MISSING, 0)
    low, high = tally_bounds(block, NOT_ESCALATED)
    return size - high, size - low, size


def score_caps(cuts: Sequence[float], grid: GridSpec, cell: GridCell) -> tuple[int, int]:
    """Best and worst band index that a score somewhere in `cell` reaches under `cuts`, best band first."""
    top = cell.hi >= grid.bins
    highest = grid.value(grid.bins - 1) if top else grid.value(cell.hi)
    lowest = grid.value(cell.lo)
    last = len(cuts) - 1
    best = next((j for j in range(last) if cuts[j] < highest or (top and cuts[j] <= highest)), last)
    worst = next((j for j in range(last) if cuts[j] <= lowest), last)
    return best, worst
