"""Two folds of one snapshot: cuts are tuned on one, and judged on the other.

The folds are halves of the subjects, published beside the scores, so that nobody stands in both (the holdout of Larson
1931 and Stone 1974). A row of caps that may not be halved, because it holds few, is split evenly between the folds for
what is computed inside; its counts stand in both, so at most `MOST_UNSPLIT` of all may lie in such rows. Whether there
was a finding at all was decided on both folds; which cut moves and how far, on one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from calibgit.model.published import total
from calibgit.model.semantics import Gates
from calibgit.model.snapshot import GridBlock, GridCell, GridRow, Stratum
from calibgit.propose.board import Board

MOST_UNSPLIT = 0.05
SMALL = "the halves of the subjects are too small to be published"
Rows = tuple[GridRow, ...]


@dataclass(frozen=True, slots=True)
class Folds:
    """What is tuned on, what is held out, and what stands in both.

    Attributes:
        tuned: board of the tuned fold, rows that are not split counted by half.
        held: board of the fold that is held out, likewise.
        split: the stratum with the scores of the held-out fold alone.
        unsplit: the stratum with the scores that are not split.
        tuned_n, held_n, unsplit_n: assessments of each kind.
    """

    tuned: Board
    held: Board
    split: Stratum
    unsplit: Stratum
    tuned_n: int
    held_n: int
    unsplit_n: int


def folds(stratum: Stratum, board: Board, gates: Gates, least: int) -> Folds | str:
    """The folds, or why none is held out.

    Args:
        stratum: published counts of one logic version.
        board: its board.
        gates: gate table in force.
        least: fewest assessments of a fold.
    """
    if stratum.halves.status == "absent":
        return "no column says who was assessed, so that one person could stand in both halves"
    found = _rows(stratum) if stratum.halves.status == "present" else None
    if found is None:
        return SMALL
    sizes = [total(rows) for rows in found]
    if (reason := _too_small(sizes, least)) is not None:
        return reason
    first, second, rest = found
    tuned = Board.of(_with(stratum, (*first, *_part(rest, 1))), gates)
    held = Board.of(_with(stratum, (*second, *_part(rest, 0))), gates)
    if tuned is None or held is None:
        return SMALL
    for band, cut, own, kept in zip(gates.bands, board.cuts, board.edges, tuned.edges, strict=False):
        if cut in own and cut not in kept:
            return f"the halves are published too coarsely at {band}.min_score"
    return Folds(tuned, held, _with(stratum, second), _with(stratum, rest), *sizes)


def _too_small(sizes: Sequence[int], least: int) -> str | None:
    tuned, held, unsplit = sizes
    if min(tuned, held) < max(least, 1):
        return f"a fold would have fewer than {max(least, 1)} assessments"
    if unsplit > MOST_UNSPLIT * sum(sizes):
        return f"{unsplit} of {sum(sizes)} assessments stand in rows that are not published by halves"
    return None


def _rows(stratum: Stratum) -> tuple[Rows, Rows, Rows] | None:
    """Rows of one half, of the other one, and those that are not split; None where they do not fit each other."""
    halves = {row.groups: row for row in stratum.halves.rows}
    first, second, rest = [], [], []
    for row in stratum.score.rows:
        half = halves.get(row.groups)
        if half is None:
            rest.append(row)
            continue
        other = [_inside(row, cell) - cell.n for cell in half.cells]
        if min(other, default=-1) < 0 or total([row]) != sum(other) + total([half]):
            return None
        first.append(half)
        cells = tuple(GridCell(lo=c.lo, hi=c.hi, n=n) for c, n in zip(half.cells, other, strict=True))
        second.append(GridRow(groups=row.groups, cells=cells))
    return tuple(first), tuple(second), tuple(rest)


def _inside(row: GridRow, cell: GridCell) -> int:
    return sum(each.n for each in row.cells if cell.lo <= each.lo and each.hi <= cell.hi)


def _part(rows: Iterable[GridRow], more: int) -> Rows:
    """Half of each cell; the odd one counts where `more` is 1."""
    return tuple(
        GridRow(groups=r.groups, cells=tuple(GridCell(lo=c.lo, hi=c.hi, n=(c.n + more) // 2) for c in r.cells))
        for r in rows
    )


def _with(stratum: Stratum, rows: Rows) -> Stratum:
    return stratum.model_copy(
        update={"score": GridBlock(status="present", grid=stratum.score.grid, rows=rows), "n": total(rows)}
    )
