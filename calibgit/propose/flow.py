"""Who moves where when cuts move: exact where published cells allow, else an interval.

A score cell holds `n` assessments of some caps. Its possible moves are the pairs (old band, new band) over every
score that the cell may hold and every cap that its row pools; a band is the worse of the score's cap and the cap of
the other gates. One possible pair makes the count exact; with several, each pair holds between none and all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from calibgit.model.proposal import Flow, FlowCell, Impact
from calibgit.model.semantics import Gates, score_cap
from calibgit.model.snapshot import GridCell, GridRow, GridSpec, Stratum

Pair = tuple[int, int]


def possible_pairs(cell: GridCell, groups: Sequence[int], grid: GridSpec, old: Gates, new: Gates) -> frozenset[Pair]:
    """Every (old band, new band) that an assessment of the cell may have."""
    top = cell.hi >= grid.bins
    lowest = grid.value(cell.lo)
    highest = grid.value(grid.bins - 1) if top else grid.value(cell.hi)
    inside = {
        cut for cut in (*old.cuts[:-1], *new.cuts[:-1]) if lowest < cut < highest or (top and lowest < cut <= highest)
    }
    return frozenset(
        (max(score_cap(old, place), group), max(score_cap(new, place), group))
        for place in (lowest, *inside)
        for group in groups
    )


def cell_pairs(stratum: Stratum, old: Gates, new: Gates) -> Iterator[tuple[int, frozenset[Pair]]]:
    """Count and possible pairs of every published score cell."""
    grid = stratum.score.grid
    if stratum.score.status == "present" and grid is not None:
        yield from row_pairs(stratum.score.rows, grid, old, new)


def row_pairs(rows: Iterable[GridRow], grid: GridSpec, old: Gates, new: Gates) -> Iterator[tuple[int, frozenset[Pair]]]:
    """Count and possible pairs of every cell of some rows of scores."""
    for row in rows:
        for cell in row.cells:
            if cell.n:
                yield cell.n, possible_pairs(cell, row.groups, grid, old, new)


def flow(stratum: Stratum, old: Gates, new: Gates) -> Flow:
    """The flow matrix from one set of cuts to another; the other gates stay as they are.

    Args:
        stratum: published counts of one logic version.
        old: gate table that the caps were counted under.
        new: the same bands with other cuts.
    """
    low: dict[Pair, int] = {}
    high: dict[Pair, int] = {}
    size = 0
    for n, pairs in cell_pairs(stratum, old, new):
        size += n
        for pair in pairs:
            high[pair] = high.get(pair, 0) + n
            low[pair] = low.get(pair, 0) + (n if len(pairs) == 1 else 0)
    cells = tuple(
        FlowCell(source=old.bands[a], target=new.bands[b], low=low[a, b], high=high[a, b]) for a, b in sorted(high)
    )
    return Flow(stratum=stratum.logic_version, n=size, exact=all(cell.low == cell.high for cell in cells), cells=cells)


def impact(stratum: Stratum, old: Gates, new: Gates) -> Impact:
    """How many assessments change band, at least and at most."""
    found = tuple(cell_pairs(stratum, old, new))
    low, high = bounds(found, lambda pair: pair[0] != pair[1])
    return Impact(n=sum(n for n, _ in found), moved_low=low, moved_high=high, exact=low == high)


def bounds(cells: Iterable[tuple[int, frozenset[Pair]]], counts: Callable[[Pair], bool]) -> tuple[int, int]:
    """At least and at most how many assessments of the cells have a pair that counts."""
    low = high = 0
    for n, pairs in cells:
        found = {counts(pair) for pair in pairs}
        low += 0 if False in found else n
        high += n if True in found else 0
    return low, high


def share_bounds(found: Flow, band: str) -> tuple[float, float, float, float]:
    """Share of a band before (low, high) and after (low, high) the move, 0 to 1."""
    size = max(found.n, 1)
    before = [cell for cell in found.cells if cell.source == band]
    after = [cell for cell in found.cells if cell.target == band]
    return (
        sum(cell.low for cell in before) / size,
        min(1.0, sum(cell.high for cell in before) / size),
        sum(cell.low for cell in after) / size,
        min(1.0, sum(cell.high for cell in after) / size),
    )
