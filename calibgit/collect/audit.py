"""What published numbers allow: the fewest and the most assessments that an unpublished cell could hold.

The cells are unknown whole numbers from zero up; every published number is the sum of some of them. Minimum and
maximum of a cell are found by the simplex method in whole numbers (Edmonds' integral pivoting), so they are exact.
The relaxation to fractions can only widen an interval, by less than one in all tables that this package publishes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

Bounds = tuple[int, int]
Row = dict[int, int]
RHS = -1
PATIENCE = 40


@dataclass(frozen=True, slots=True)
class Published:
    """A published number: `n` assessments lie in these cells."""

    cells: frozenset[int]
    n: int


def bounds(cells: Collection[int], published: Sequence[Published]) -> dict[int, Bounds]:
    """The fewest and the most that each of `cells` could hold. Every cell must stand in a published number."""
    found: dict[int, Bounds] = {}
    for part in _parts(published):
        for twins in part.twins:
            wanted = [cell for cell in twins if cell in cells]
            if wanted:
                low, high = part.bounds(twins[0])
                # Cells that no published number tells apart share their sum, and each may have none of it.
                found |= dict.fromkeys(wanted, (low if len(twins) == 1 else 0, high))
    zero = {cell for each in published if each.n == 0 for cell in each.cells}
    return found | {cell: (0, 0) for cell in cells if cell in zero}


def tells_of_few(published: Sequence[Published], enough: int) -> bool:
    """Whether the numbers say of some cell that it can hold somebody, and surely fewer than `enough`."""
    return any(part.tells_of_few(enough) for part in _parts(published))


def _parts(published: Sequence[Published]) -> list[_Part]:
    """Independent parts of the problem, without cells that are known to be empty."""
    empty = {cell for each in published if each.n == 0 for cell in each.cells}
    members: dict[int, list[int]] = {}
    for index, each in enumerate(published):
        for cell in each.cells - empty:
            members.setdefault(cell, []).append(index)
    twins: dict[tuple[int, ...], list[int]] = {}
    for cell, rows in sorted(members.items()):
        twins.setdefault(tuple(rows), []).append(cell)
    parts = []
    for group in _connected(list(twins)):
        columns = [pattern for pattern in twins if pattern[0] in group]
        numbers = {row: published[row].n for row in sorted(group)}
        parts.append(_Part([tuple(twins[pattern]) for pattern in columns], columns, numbers))
    return parts


def _connected(patterns: Iterable[tuple[int, ...]]) -> list[set[int]]:
    groups: list[set[int]] = []
    for pattern in patterns:
        merged = set(pattern)
        apart = []
        for group in groups:
            if merged.isdisjoint(group):
                apart.append(group)
            else:
                merged |= group
        groups = [*apart, merged]
    return groups


class _Part:
    """Columns are kinds of cells, rows are published numbers."""

    def __init__(
        self, twins: Sequence[tuple[int, ...]], patterns: Sequence[tuple[int, ...]], numbers: dict[int, int]
    ) -> None:
        self.twins = list(twins)
        self._place = {cells[0]: place for place, cells in enumerate(twins)}
        rows: dict[int, Row] = {row: {RHS: n} for row, n in numbers.items()}
        for place, pattern in enumerate(patterns):
            for row in pattern:
                rows[row][place] = 1
        self._tableau = _Tableau(list(rows.values()), len(patterns))

    def bounds(self, cell: int) -> Bounds:
        """The fewest and the most of a kind."""
        place = self._place[cell]
        low = self._tableau.push(place, up=False, enough=None)
        return low, self._tableau.push(place, up=True, enough=None)

    def tells_of_few(self, enough: int) -> bool:
        """Whether the most of some kind lies between zero and `enough`."""
        best = [0] * len(self.twins)
        for place in range(len(self.twins)):
            if best[place] < enough:
                if 0 < self._tableau.push(place, up=True, enough=enough) < enough:
                    return True
                best = [max(pair) for pair in zip(best, self._tableau.values(), strict=True)]
        return False


class _Tableau:
    """Rows `sum(a[j] * x[j]) = b` with whole numbers, `x >= 0`, over one common denominator; zeros are left out.

    Raises:
        ValueError: when no `x` fits, which true counts never cause.
    """

    def __init__(self, rows: list[Row], columns: int) -> None:
        self._rows = rows
        self._columns = columns
        self._den = 1
        self._basis = [-1] * len(rows)
        self._still = 0
        self._start()

    def values(self) -> list[int]:
        """The present point, rounded down."""
        found = [0] * self._columns
        for place, row in zip(self._basis, self._rows, strict=True):
            found[place] = row.get(RHS, 0) // self._den
        return found

    def push(self, place: int, *, up: bool, enough: int | None) -> int:
        """The most (or the least) of one unknown, rounded down (or up); stops early at `enough`."""
        self._still = 0
        if place not in self._basis:
            if not up:
                return 0
            self._enter(place)
        while place in self._basis:
            row = self._rows[self._basis.index(place)]
            held = row.get(RHS, 0)
            if enough is not None and held >= enough * self._den:
                return enough
            sign = -1 if up else 1
            able = [j for j, a in row.items() if sign * a > 0 and j not in {RHS, place}]
            if not able:
                return held // self._den if up else -(-held // self._den)
            self._enter(self._chosen(able, row))
        return 0

    def _start(self) -> None:
        """Find any point that fits: drive the unexplained rest of every row to zero."""
        while True:
            rest: Row = {}
            for row, place in zip(self._rows, self._basis, strict=True):
                if place < 0:
                    for j, a in row.items():
                        rest[j] = rest.get(j, 0) + a
            able = [j for j, a in rest.items() if a > 0 and j != RHS]
            if not able or not rest.get(RHS):
                break
            self._enter(self._chosen(able, rest))
        for index in range(len(self._rows) - 1, -1, -1):
            if self._basis[index] < 0:
                self._settle(index)

    def _settle(self, index: int) -> None:
        """A row without an unknown of its own is explained by others, or nothing fits."""
        row = self._rows[index]
        if row.get(RHS):
            raise ValueError("the published numbers contradict each other")
        column = min((j for j in row if j != RHS), default=None)
        if column is None:
            del self._rows[index], self._basis[index]
        else:
            self._pivot(index, column)

    def _chosen(self, able: Sequence[int], row: Row) -> int:
        """The steepest column; the first one after many steps without progress, so that the search ends (Bland)."""
        return min(able) if self._still > PATIENCE else max(able, key=lambda j: (abs(row[j]), -j))

    def _enter(self, column: int) -> None:
        """Let one unknown grow until another one is used up."""
        able = [index for index, row in enumerate(self._rows) if row.get(column, 0) > 0]
        best = able[0]
        for index in able[1:]:
            left = self._rows[index].get(RHS, 0) * self._rows[best][column]
            right = self._rows[best].get(RHS, 0) * self._rows[index][column]
            if left < right or (left == right and self._basis[index] < self._basis[best]):
                best = index
        self._still = self._still + 1 if not self._rows[best].get(RHS) else 0
        self._pivot(best, column)

    def _pivot(self, index: int, column: int) -> None:
        own = self._rows[index]
        if own[column] < 0:
            own = {j: -a for j, a in own.items()}
            self._rows[index] = own
        pivot, den = own[column], self._den
        for other, row in enumerate(self._rows):
            if other == index:
                continue
            factor = row.get(column, 0)
            if factor or pivot != den:
                self._rows[other] = _reduced(row, own, pivot, factor, den)
        self._den = pivot
        self._basis[index] = column


def _reduced(row: Row, own: Row, pivot: int, factor: int, den: int) -> Row:
    """`(row * pivot - own * factor) / den`, which is whole."""
    found = dict(row) if pivot == 1 else {j: a * pivot for j, a in row.items()}
    if factor:
        for j, a in own.items():
            value = found.get(j, 0) - factor * a
            if value:
                found[j] = value
            else:
                found.pop(j, None)
    return found if den == 1 else {j: a // den for j, a in found.items()}
