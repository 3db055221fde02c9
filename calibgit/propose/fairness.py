"""Fairness of movement: which share of each declared group a change moves.

A group's row pools the caps of a row of the score block, on some of its edges, so its moves follow as those of all do:
exact where its cells allow, else an interval. A row that disclosure control does not show for a group holds between
none and all that the other groups leave of it. Reported is the difference of selection rates (Dwork et al. 2012,
demographic parity), here of rates of movement. It is a description of this window and no test.
"""

from __future__ import annotations

from calibgit.model.proposal import Fairness, GroupMove
from calibgit.model.rounding import six_digits
from calibgit.model.semantics import Gates
from calibgit.model.snapshot import GridRow, GridSpec, Stratum
from calibgit.propose.flow import Pair, bounds, row_pairs


def fairness(stratum: Stratum | None, old: Gates, new: Gates) -> Fairness:
    """How the declared groups move when cuts do; not assessable where the snapshot does not show groups.

    Args:
        stratum: published counts of one logic version, or None.
        old: gate table that the caps were counted under.
        new: the same bands with other cuts.
    """
    if stratum is None or stratum.score.status != "present" or stratum.score.grid is None:
        return _unknown("no scores are published")
    if stratum.groups.status == "absent":
        return _unknown("no column says who belongs to which declared group")
    found = [_move(name, stratum, stratum.score.grid, old, new) for name in stratum.groups.groups]
    if stratum.groups.status == "withheld" or len(found) < 2:
        return _unknown("fewer than two declared groups are large enough to be published by score")
    lows, highs = [g.share_low for g in found], [g.share_high for g in found]
    return Fairness(
        status="assessed",
        reason="of this window, from published counts by group; a description, not a test",
        groups=tuple(found),
        gap_low=six_digits(max(0.0, max(lows) - min(highs))),
        gap_high=six_digits(max(highs) - min(lows)),
    )


def _unknown(reason: str) -> Fairness:
    return Fairness(status="not_assessable", reason=reason)


def _better(pair: Pair) -> bool:
    return pair[1] < pair[0]


def _worse(pair: Pair) -> bool:
    return pair[1] > pair[0]


def _moves(pair: Pair) -> bool:
    return pair[0] != pair[1]


def _move(name: str, stratum: Stratum, grid: GridSpec, old: Gates, new: Gates) -> GroupMove:
    rows = stratum.groups.groups[name]
    cells = tuple(row_pairs(rows, grid, old, new))
    n = sum(size for size, _ in cells)
    low, high = bounds(cells, _moves)
    better, worse = bounds(cells, _better), bounds(cells, _worse)
    shown = {row.groups for row in rows}
    hidden = [row for row in stratum.score.rows if row.groups not in shown]
    rest = sum(_left(row, stratum) for row in hidden)
    movers = sum(min(_left(row, stratum), bounds(row_pairs([row], grid, old, new), _moves)[1]) for row in hidden)
    return GroupMove(
        group=name, n=n, moved_low=low, moved_high=high,
        better_low=better[0], better_high=better[1], worse_low=worse[0], worse_high=worse[1],
        share_low=six_digits(low / max(n + rest, 1)),
        share_high=six_digits(min(1.0, (high + movers) / max(n + movers, 1))),
    )  # fmt: skip


def _left(row: GridRow, stratum: Stratum) -> int:
    """How many of a row belong to none of the groups that show it, and so at most to one that does not."""
    same = (other for rows in stratum.groups.groups.values() for other in rows if other.groups == row.groups)
    return sum(cell.n for cell in row.cells) - sum(cell.n for other in same for cell in other.cells)
