"""Outcomes by confidence and by score: good, bad and still open ones, in cells in which each is 0 or large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from calibgit.collect.counts import Counts
from calibgit.collect.grids import axis_cuts, cell_of, shared_cells
from calibgit.collect.partition import Cell, Measures, at_least, merge_cells
from calibgit.model.snapshot import (
    GridBlock,
    OutcomeBlock,
    OutcomeCell,
    OutcomeRow,
    ScoreOutcomeBlock,
)

Kinds = Sequence[Sequence[int]]


def outcome_block(counts: Counts, axis: GridBlock) -> OutcomeBlock:
    """Outcome by confidence, on edges that all rows of the block `confidence` share.

    A few open outcomes in all can be hidden by no merging: then the cells that hold them are left out.
    """
    if not {"outcome", "confidence"} <= counts.roles:
        return OutcomeBlock(status="absent")
    if axis.grid is None:
        return OutcomeBlock(status="withheld")
    cells = _confidence_cells(counts, axis)
    allowed = at_least(counts.least)
    few = counts.small(sum(cell.measures[3] for cell in cells))
    keep = frozenset(axis_cuts(counts)["confidence"])
    merged = merge_cells(cells, keep, (lambda measures: allowed(measures[:3])) if few else allowed)
    found = [cell for cell in merged if allowed(cell.measures)]
    shown = sum(cell.measures[0] for cell in found)
    if not found or counts.small(counts.n - shown):
        return OutcomeBlock(status="withheld")
    pending = None if shown < counts.n else sum(cell.measures[3] for cell in found)
    return OutcomeBlock(status="present", grid=axis.grid, cells=_published(found), pending=pending)


def _published(cells: Sequence[Cell]) -> tuple[OutcomeCell, ...]:
    return tuple(
        OutcomeCell(lo=c.lo, hi=c.hi, n=c.measures[1] + c.measures[2], positives=c.measures[1], pending=c.measures[3])
        for c in cells
    )


def _confidence_cells(counts: Counts, axis: GridBlock) -> list[Cell]:
    """Cells between the shared edges, with the measures (all, good, bad, open); the one without a value first."""
    cells = shared_cells(axis)
    kinds = [[0, 0, 0] for _ in cells]
    for (outcome,), where, n in counts.facts("outcome_confidence", "outcome"):
        kinds[cell_of(cells, where)][_kind(outcome)] += n
    return [Cell(lo, hi, _measures([line])) for (lo, hi), line in zip(cells, kinds, strict=True)]


def _kind(outcome: str) -> int:
    return {"1": 0, "0": 1}.get(outcome, 2)


def _measures(lines: Kinds) -> Measures:
    good, bad, left = (sum(column) for column in zip(*lines, strict=True))
    return good + bad + left, good, bad, left


def score_outcome_blocks(counts: Counts, score: GridBlock) -> Iterator[ScoreOutcomeBlock]:
    """Outcome by score and cap, on rows and some edges of the score block: the fullest first, then with fewer rows.

    Rows that not even one cell can show are left out; of all of them together each kind is 0 or large, because the
    outcomes by confidence tell how many there are.
    """
    if "outcome" not in counts.roles or score.grid is None:
        yield ScoreOutcomeBlock(status="absent")
        return
    lines = [[[0, 0, 0] for _ in range(score.grid.bins)] for _ in counts.bands]
    for (cap, outcome), where, n in counts.facts("outcome_score", "cap", "outcome"):
        lines[int(cap)][where or 0][_kind(outcome)] += n
    allowed = at_least(counts.least)
    cuts = axis_cuts(counts)["score"]
    whole: dict[tuple[int, ...], Measures] = {}
    found: dict[tuple[int, ...], list[Cell]] = {}
    for row in score.rows:
        kinds = [_summed([lines[group][at] for group in row.groups]) for at in range(score.grid.bins)]
        cells = [Cell(cell.lo, cell.hi, _measures(kinds[cell.lo : cell.hi])) for cell in row.cells]
        whole[row.groups] = _measures(kinds)
        found[row.groups] = merge_cells(cells, frozenset(cuts[min(row.groups) : -1]), allowed)
    left_out = {groups for groups, measures in whole.items() if not allowed(measures)}
    by_size = sorted(whole, key=lambda groups: (whole[groups][0], groups))
    for most in [None, *by_size]:
        left_out |= {most} if most is not None else set()
        if left_out != set(whole) and (not left_out or allowed(_summed([whole[groups] for groups in left_out]))):
            rows = [OutcomeRow(groups=g, cells=_published(cells)) for g, cells in found.items() if g not in left_out]
            yield ScoreOutcomeBlock(status="present", rows=tuple(rows))


def _summed(lines: Kinds) -> Measures:
    return tuple(sum(column) for column in zip(*lines, strict=True))
