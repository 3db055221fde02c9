"""Merging neighbouring cells until each may be published. Pure integer work on one axis.

A cell is `[lo, hi)` in bins of the base grid. The cells of a partition cover the whole axis, so nothing is lost:
only resolution is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

STEPS = (1, 2, 5, 10)
MERGED_SHARE = 0.05

Measures = tuple[int, ...]
Publishable = Callable[[Measures], bool]


@dataclass(frozen=True, slots=True)
class Cell:
    """Bins `[lo, hi)` and what they hold; the first measure is the mass."""

    lo: int
    hi: int
    measures: Measures


@dataclass(frozen=True, slots=True)
class Partition:
    """Cells that cover the axis, and how many merges they took."""

    cells: tuple[Cell, ...]
    merges: int


def at_least(k: int) -> Publishable:
    """A cell may be published when every measure is 0 or at least `k`."""
    return lambda measures: all(n == 0 or n >= k for n in measures)


def partition(
    bins: Sequence[Measures],
    *,
    unit: int,
    keep: Sequence[int],
    publishable: Publishable,
) -> Partition:
    """The finest partition of an axis that may be published.

    Between two edges of `keep`, candidates have edges at every 1, 2, 5 or 10 units. The finest candidate is taken of
    which at most 5% of the mass sits in cells that are too small, else the coarsest. Cells that are too small are
    then merged into their smaller neighbour, across an edge of `keep` only when nothing else is left.

    Args:
        bins: the measures of each base bin; the first is the mass.
        unit: base bins in one unit.
        keep: edges (base bins) that should survive.
        publishable: whether a cell with these measures may be published.

    Returns:
        Cells that all are publishable, except when the whole axis in one cell is not.
    """
    size = len(bins)
    inner = frozenset(edge for edge in keep if 0 < edge < size)
    cells: list[Cell] = []
    for low, high in pairwise(sorted({0, size, *inner})):
        cells += _finest(bins, low, high, unit, publishable)
    merged = merge_cells(cells, inner, publishable)
    return Partition(cells=tuple(merged), merges=len(cells) - len(merged))


def _finest(bins: Sequence[Measures], low: int, high: int, unit: int, publishable: Publishable) -> list[Cell]:
    mass = sum(measures[0] for measures in bins[low:high])
    cells: list[Cell] = []
    for step in STEPS:
        size = step * unit
        edges = sorted({low, high, *range(-(-low // size) * size, high, size)})
        cells = [Cell(lo, hi, _sum(bins[lo:hi])) for lo, hi in pairwise(edges)]
        small = sum(cell.measures[0] for cell in cells if not publishable(cell.measures))
        if small <= MERGED_SHARE * mass:
            break
    return cells


def merge_cells(cells: Sequence[Cell], keep: frozenset[int], publishable: Publishable) -> list[Cell]:
    """Merge cells that may not be published into their smaller neighbours, across `keep` only as a last resort."""
    cells = list(cells)
    while len(cells) > 1:
        small = [index for index, cell in enumerate(cells) if not publishable(cell.measures)]
        if not small:
            break
        free = [index for index in small if _neighbours(cells, index, keep)]
        chosen, barred = (free, keep) if free else (small, frozenset[int]())
        cells = _joined(cells, chosen, barred)
    return cells


def fewer_cells(cells: Sequence[Cell], most: int) -> list[Cell]:
    """The smallest cell merged into its smaller neighbour until there are at most `most`, which is 1 or more."""
    found = list(cells)
    while len(found) > most:
        found = _joined(found, range(len(found)), frozenset())
    return found


def _joined(cells: Sequence[Cell], chosen: Sequence[int], barred: frozenset[int]) -> list[Cell]:
    """The smallest of the chosen cells merged into its smaller neighbour."""
    index = min(chosen, key=lambda i: (cells[i].measures[0], i))
    other = min(_neighbours(cells, index, barred), key=lambda i: (cells[i].measures[0], i))
    left, right = sorted((index, other))
    joined = Cell(cells[left].lo, cells[right].hi, _sum([cells[left].measures, cells[right].measures]))
    return [*cells[:left], joined, *cells[right + 1 :]]


def _neighbours(cells: Sequence[Cell], index: int, barred: frozenset[int]) -> list[int]:
    found = []
    if index > 0 and cells[index].lo not in barred:
        found.append(index - 1)
    if index + 1 < len(cells) and cells[index].hi not in barred:
        found.append(index + 1)
    return found


def _sum(parts: Sequence[Measures]) -> Measures:
    return tuple(sum(column) for column in zip(*parts, strict=True))


def pool(groups: Sequence[Measures], publishable: Publishable) -> list[tuple[int, ...]]:
    """Join neighbouring groups until each pool may be published.

    Args:
        groups: measures by group, in order; the first is the mass.
        publishable: whether a pool with these measures may be published.

    Returns:
        Pools of group indices, in order. Groups without mass stand in no pool, except between two pooled ones.
    """
    cells = [Cell(index, index + 1, measures) for index, measures in enumerate(groups) if measures[0]]
    merged = merge_cells(cells, frozenset(), publishable)
    return [tuple(range(cell.lo, cell.hi)) for cell in merged]


def coarser(groups: Sequence[Measures], pools: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The pools with one fewer: the two neighbours joined that hold least together."""
    mass = [sum(groups[index][0] for index in each) for each in pools]
    at = min(range(len(pools) - 1), key=lambda i: (mass[i] + mass[i + 1], i))
    joined = tuple(range(pools[at][0], pools[at + 1][-1] + 1))
    return [*pools[:at], joined, *pools[at + 2 :]]
