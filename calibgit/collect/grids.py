"""Histograms of a stratum on coarsened axes: score, confidence, conflict, categories.

All blocks of one axis take their edges from one set: outcomes use edges that every row of the axis' own histogram
has, halves and groups use edges of their row. So two blocks never differ by a part that neither of them shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from calibgit.collect.counts import Counts
from calibgit.collect.partition import Cell, Measures, at_least, coarser, merge_cells, partition, pool
from calibgit.collect.sums import near_an_end
from calibgit.engine.gates import CONFIDENCE_SCALE, units
from calibgit.model.published import common_edges
from calibgit.model.snapshot import (
    NO_VALUE,
    CategoryBlock,
    CategorySum,
    GridBlock,
    GridCell,
    GridRow,
    GridSpec,
    HalfBlock,
)

FOLD = "a"
Pair = tuple[int, int]


def score_unit(counts: Counts) -> int:
    """Base bins in one step of the settings' grid."""
    plan = counts.plan
    return max(1, round(plan.settings.grid.step * plan.score.scale) // plan.score.step)


def _edges_of(grid: GridSpec, cuts: Sequence[float]) -> list[int]:
    return [(units(cut, grid.scale) - grid.min) // grid.step for cut in cuts]


def score_block(counts: Counts) -> GridBlock:
    """Score by the cap of the other gates; edges stay at the cuts that can still decide in a row."""
    matrix = _by_cap(counts)
    allowed = at_least(counts.least)
    rows = []
    for groups in pool([(sum(mass for mass, _ in line),) for line in matrix], allowed):
        bins = [(mass,) for mass, _ in _pooled(matrix, groups)]
        found = partition(bins, unit=score_unit(counts), keep=_kept(counts, groups), publishable=allowed)
        rows.append(GridRow(groups=groups, cells=_grid_cells(found.cells)))
    return GridBlock(status="present", grid=counts.plan.score, rows=tuple(rows))


def half_block(counts: Counts, score: GridBlock) -> HalfBlock:
    """Half of the subjects in each row of the score block, where both halves of each cell are 0 or large."""
    if not counts.plan.has_subjects:
        return HalfBlock(status="absent")
    matrix = _by_cap(counts)
    rows = []
    for row in score.rows:
        halves = [(mass, half, mass - half) for mass, half in _pooled(matrix, row.groups)]
        if cells := on_edges(row.cells, halves, _kept(counts, row.groups), counts.least):
            rows.append(GridRow(groups=row.groups, cells=cells))
    return HalfBlock(status="present", rows=tuple(rows)) if rows else HalfBlock(status="withheld")


def _by_cap(counts: Counts) -> list[list[Pair]]:
    """By cap of the other gates and by bin: assessments, and those of one half of the subjects."""
    matrix = [[(0, 0)] * counts.plan.score.bins for _ in counts.bands]
    for (fold, cap), where, n in counts.facts("score", "fold", "cap"):
        mass, half = matrix[int(cap)][where or 0]
        matrix[int(cap)][where or 0] = mass + n, half + (n if fold == FOLD else 0)
    return matrix


def _pooled(matrix: Sequence[Sequence[Pair]], groups: Sequence[int]) -> list[Pair]:
    columns = zip(*(matrix[group] for group in groups), strict=True)
    return [(sum(mass for mass, _ in column), sum(half for _, half in column)) for column in columns]


def _kept(counts: Counts, groups: Sequence[int]) -> list[int]:
    """Edges that should survive in a row: the cuts that can still decide in it, and those of the config before."""
    grid = counts.plan.score
    cuts = _edges_of(grid, counts.plan.gates.cuts)
    return [*cuts[groups[0] : len(counts.bands) - 1], *_edges_of(grid, counts.kept)]


def on_edges(
    cells: Sequence[GridCell], bins: Sequence[Measures], keep: Sequence[int], least: int
) -> tuple[GridCell, ...]:
    """The second measure of each bin on some of the row's edges, such that all measures may be published; or none."""
    totals = [tuple(sum(column) for column in zip(*bins[cell.lo : cell.hi], strict=True)) for cell in cells]
    allowed = at_least(least)
    found = merge_cells([Cell(c.lo, c.hi, m) for c, m in zip(cells, totals, strict=True)], frozenset(keep), allowed)
    if not all(allowed(cell.measures) for cell in found):
        return ()
    return tuple(GridCell(lo=cell.lo, hi=cell.hi, n=cell.measures[1]) for cell in found)


def _grid_cells(cells: Sequence[Cell]) -> tuple[GridCell, ...]:
    return tuple(GridCell(lo=cell.lo, hi=cell.hi, n=cell.measures[0]) for cell in cells)


def _histogram(
    counts: Counts, masses: Sequence[int], missing: int, keep: Sequence[int], unit: int = 1
) -> tuple[GridCell, ...]:
    found = partition([(n,) for n in masses], unit=unit, keep=keep, publishable=at_least(counts.least))
    first = (GridCell(lo=NO_VALUE, hi=0, n=missing),) if missing else ()
    return (*first, *_grid_cells(found.cells))


def confidence_blocks(counts: Counts) -> Iterator[GridBlock]:
    """Confidence by the cap of score and flags: the finest block first, then ever coarser ones.

    Few assessments without a value are counted in the lowest bin, like the gates treat them.
    """
    grid, gates = counts.plan.confidence, counts.plan.gates
    lines = [[0] * grid.bins for _ in counts.bands]
    missing = [0] * len(counts.bands)
    for (cap,), where, n in counts.facts("confidence", "cap_but_confidence"):
        if where is None:
            missing[int(cap)] += n
        else:
            lines[int(cap)][where] += n
    if counts.small(sum(missing)):
        for line, n in zip(lines, missing, strict=True):
            line[0] += n
        missing = [0] * len(missing)
    if counts.small(sum(map(sum, lines))):
        return
    groups = [(sum(line) + n, sum(line), n) for line, n in zip(lines, missing, strict=True)]
    keep = [units(limit, CONFIDENCE_SCALE) // grid.step for limit in gates.confidence if limit]
    pools = pool(groups, at_least(counts.least))
    while True:
        rows = []
        for each in pools:
            masses = [sum(column) for column in zip(*(lines[index] for index in each), strict=True)]
            rows.append(GridRow(groups=each, cells=_histogram(counts, masses, sum(missing[i] for i in each), keep)))
        yield GridBlock(status="present", grid=grid, rows=tuple(rows))
        if len(pools) == 1:
            break
        pools = coarser(groups, pools)
    yield GridBlock(status="present", grid=grid, rows=(_without_edges(rows[0], keep),))


def shared_cells(axis: GridBlock) -> list[tuple[int, int]]:
    """Cells of the confidence block between the edges that all its rows have; the one without a value comes first.

    It begins at -1, and holds the lowest values too where the block joins them.
    """
    first = min((cell for row in axis.rows for cell in row.cells), key=lambda cell: cell.lo)
    edges = sorted({0, *common_edges(axis.rows, axis.grid.bins if axis.grid else 0)})
    cells = list(pairwise(edges))
    if first.lo < 0 < first.hi:
        cells[0] = NO_VALUE, cells[0][1]
    elif first.lo < 0:
        cells.insert(0, (NO_VALUE, 0))
    return cells


def cell_of(cells: Sequence[tuple[int, int]], where: int | None) -> int:
    """The place of a bin among cells, None being no value; few of those are counted in the lowest bin."""
    at = max(NO_VALUE if where is None else where, cells[0][0])
    return next(place for place, (lo, hi) in enumerate(cells) if lo <= at < hi)


def _without_edges(row: GridRow, edges: Sequence[int]) -> GridRow:
    """The row with the cells on both sides of some edges joined, so that it says nothing of the gates."""
    cells: list[GridCell] = []
    for cell in row.cells:
        if cells and (cell.lo in edges or cell.lo <= 0) and cells[-1].hi == cell.lo:
            before = cells.pop()
            cells.append(GridCell(lo=before.lo, hi=cell.hi, n=before.n + cell.n))
        else:
            cells.append(cell)
    return row.model_copy(update={"cells": tuple(cells)})


def conflict_block(counts: Counts) -> GridBlock:
    """Conflict density of all assessments."""
    if "conflict" not in counts.roles:
        return GridBlock(status="absent")
    grid = counts.plan.conflict
    masses, missing = [0] * grid.bins, 0
    for row in counts.rows.get("conflict", ()):
        if row.bin is None:
            missing += row.n
        else:
            masses[row.bin] += row.n
    if counts.small(missing):
        masses[0] += missing
        missing = 0
    if counts.small(sum(masses)):
        return GridBlock(status="withheld")
    cells = _histogram(counts, masses, missing, [])
    return GridBlock(status="present", grid=grid, rows=(GridRow(groups=(0,), cells=cells),))


def category_block(counts: Counts) -> CategoryBlock:
    """Coverage, sum and histogram by category; those with and without the category are each 0 or large.

    A category whose sum would tell of few is not shown either.
    """
    if "category_scores" not in counts.roles:
        return CategoryBlock(status="absent")
    found: dict[str, list[int]] = {name: [0] * counts.plan.category.bins for name in counts.plan.categories}
    totals: dict[str, int] = dict.fromkeys(found, 0)
    for row in counts.rows.get("category", ()):
        found[row.keys[0]][row.bin or 0] += row.n
        totals[row.keys[0]] += row.total
    shown: dict[str, CategorySum | None] = {}
    for name, masses in found.items():
        n = sum(masses)
        shown[name] = None
        if n and not counts.small(n, counts.n - n):
            cells = _histogram(counts, masses, 0, [])
            if near_an_end(counts, cells, totals[name]):
                continue
            shown[name] = CategorySum(n=n, total=totals[name], scale=counts.plan.score.scale, cells=cells)
    return CategoryBlock(status="present", grid=counts.plan.category, categories=shown)


def axis_cuts(counts: Counts) -> Mapping[str, list[int]]:
    """Edges of the cuts on the score axis and of the gates on the confidence axis."""
    grid = counts.plan.confidence
    return {
        "score": _edges_of(counts.plan.score, counts.plan.gates.cuts),
        "confidence": [units(limit, CONFIDENCE_SCALE) // grid.step for limit in counts.plan.gates.confidence if limit],
    }
