"""Tables of two words whose margins are published: which single counts must be hidden so that none can be told.

Small counts are hidden first (primary suppression). Each then gets a partner: three more cells that form a rectangle
with it, so that counts can go round (complementary suppression). The audit judges the result: it computes the exact
interval of every hidden count from all shown counts and both margins, and hiding goes on until all are wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from calibgit.collect.audit import Published, bounds

Place = tuple[int, int]
Table = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class Protected:
    """Counts with None where hidden, and the width of each hidden count's interval."""

    counts: tuple[tuple[int | None, ...], ...]
    widths: list[int]


def protect(table: Table, least: int) -> Protected | None:
    """Hide what must be hidden, or None when more than half of the table would have to go.

    Args:
        table: exact counts; their margins are 0 or at least `least`.
        least: smallest count other than zero that may be shown, and narrowest interval of a hidden one.
    """
    places = [(r, c) for r, row in enumerate(table) for c in range(len(row))]
    hidden = {place for place in places if 0 < table[place[0]][place[1]] < least}
    while True:
        widths = _widths(table, hidden)
        told = sorted((width, place) for place, width in widths.items() if width < least)
        if not told:
            break
        partner = _rectangle(table, hidden, told[0][1], least)
        if partner <= hidden or 2 * len(hidden | partner) > len(places):
            return None
        hidden |= partner
    counts = tuple(tuple(None if (r, c) in hidden else n for c, n in enumerate(row)) for r, row in enumerate(table))
    return Protected(counts, [widths[place] for place in sorted(hidden)])


def _widths(table: Table, hidden: set[Place]) -> dict[Place, int]:
    """The width of each hidden count's interval, given the margins of what is hidden."""
    order = {place: index for index, place in enumerate(sorted(hidden))}
    published = []
    for axis in (0, 1):
        lines: dict[int, list[Place]] = {}
        for place in order:
            lines.setdefault(place[axis], []).append(place)
        published += [
            Published(frozenset(order[p] for p in line), sum(table[r][c] for r, c in line)) for line in lines.values()
        ]
    found = bounds(order.values(), published)
    return {place: high - low for place, index in order.items() for low, high in [found[index]]}


def _rectangle(table: Table, hidden: set[Place], place: Place, least: int) -> set[Place]:
    """The cheapest rectangle round which `least` can go, else the one round which most can go."""
    row, column = place
    best: tuple[bool, int, int, set[Place]] | None = None
    for r in range(len(table)):
        for c in range(len(table[r])):
            if r == row or c == column:
                continue
            corners = {(row, c), (r, column), (r, c), place}
            play = min(table[row][c], table[r][column]) + min(table[row][column], table[r][c])
            cost = sum(table[a][b] + 1 for a, b in corners - hidden)
            wide = play >= least
            if corners <= hidden:
                continue
            key = (not wide, cost if wide else -play, cost, corners)
            if best is None or key[:3] < best[:3]:
                best = key
    return best[3] if best else set()
