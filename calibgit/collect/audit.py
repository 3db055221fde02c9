"""What published numbers allow: the fewest and the most assessments that an unpublished cell could hold.

The cells are unknown whole numbers from zero up; every published number is the sum of some of them. Minimum and
maximum of a cell are found by the simplex method in whole numbers (Edmonds' integral pivoting), so they are exact.
The relaxation to fractions can only widen an interval, by less than one in all tables that this package publishes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import itemgetter

Bounds = tuple[int, int]
Line = list[int]
RHS = -2
PATIENCE = 40
CHOICE = 8


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
        index = {row: at for at, row in enumerate(numbers)}
        self._tableau = _Tableau([[index[row] for row in pattern] for pattern in patterns], list(numbers.values()))

    def bounds(self, cell: int) -> Bounds:
        """The fewest and the most of a kind."""
        place = self._place[cell]
        low = self._tableau.push(place, up=False, enough=None)
        return low, self._tableau.push(place, up=True, enough=None)

    def tells_of_few(self, enough: int) -> bool:
        """Whether the most of some kind lies between zero and `enough`."""
        left = dict.fromkeys(range(len(self.twins)))
        while left:
            place = next(iter(left))
            if not self._tableau.is_a_step_away(place, enough):
                if 0 < self._tableau.push(place, up=True, enough=enough) < enough:
                    return True
                for other in self._tableau.held(enough):
                    left.pop(other, None)
            left.pop(place, None)
        return False


class _Tableau:
    """Rows `sum of the x[j] that stand in the row = b` with whole numbers `x >= 0`, as a revised simplex.

    A row holds how it was made from the original ones, then its right-hand side, then a zero, all over one common
    denominator. The coefficient of an unknown is the sum of the entries of the original rows that it stands in.

    Args:
        patterns: the rows in which each unknown stands.
        sums: the right-hand side of each row.

    Raises:
        ValueError: when no `x` fits, which true counts never cause.
    """

    def __init__(self, patterns: Sequence[Sequence[int]], sums: Sequence[int]) -> None:
        size = len(sums)
        # With the zero each has two entries or more, so that a getter always gives a tuple.
        self._entries = [itemgetter(*pattern, size + 1) for pattern in patterns]
        self._rows = [[0] * at + [1] + [0] * (size - 1 - at) + [n, 0] for at, n in enumerate(sums)]
        self._den = 1
        self._basis = [-1] * size
        self._still = 0
        self._start()

    def held(self, enough: int) -> list[int]:
        """The unknowns that are at least `enough` now."""
        return [p for p, row in zip(self._basis, self._rows, strict=True) if row[RHS] >= enough * self._den]

    def is_a_step_away(self, place: int, enough: int) -> bool:
        """Whether one unknown is at least `enough` now, or when it alone grows from zero as far as it can."""
        if place in self._basis:
            return place in self.held(enough)
        return all(a <= 0 or row[RHS] >= enough * a for row, a in zip(self._rows, self._column(place), strict=True))

    def push(self, place: int, *, up: bool, enough: int | None) -> int:
        """The most (or the least) of one unknown, rounded down (or up); stops early at `enough`."""
        self._still = 0
        if place not in self._basis:
            if not up:
                return 0
            self._enter(place)
        while place in self._basis:
            row = self._rows[self._basis.index(place)]
            held = row[RHS]
            if enough is not None and held >= enough * self._den:
                return enough
            sign = -1 if up else 1
            able = {j: sign * a for j, a in enumerate(self._coefficients(row)) if sign * a > 0 and j != place}
            if not able:
                return held // self._den if up else -(-held // self._den)
            self._enter(self._chosen(able, 1))
        return 0

    def _coefficients(self, row: Line) -> Line:
        return [sum(entries(row)) for entries in self._entries]

    def _column(self, place: int) -> Line:
        entries = self._entries[place]
        return [sum(entries(row)) for row in self._rows]

    def _start(self) -> None:
        """Find any point that fits: drive the unexplained rest of every row to zero."""
        while True:
            unexplained = [row for row, place in zip(self._rows, self._basis, strict=True) if place < 0]
            rest = [sum(column) for column in zip(*unexplained, strict=True)]
            able = {j: a for j, a in enumerate(self._coefficients(rest)) if a > 0} if rest and rest[RHS] else {}
            if not able:
                break
            self._enter(self._chosen(able, CHOICE))
        for index in range(len(self._rows) - 1, -1, -1):
            if self._basis[index] < 0:
                self._settle(index)

    def _settle(self, index: int) -> None:
        """A row without an unknown of its own is explained by others, or nothing fits."""
        row = self._rows[index]
        if row[RHS]:
            raise ValueError("the published numbers contradict each other")
        place = next((j for j, a in enumerate(self._coefficients(row)) if a), None)
        if place is None:
            del self._rows[index], self._basis[index]
        else:
            self._pivot(index, place, self._column(place))

    def _chosen(self, able: Mapping[int, int], choice: int) -> int:
        """Of the steepest columns the one that leads furthest; the first one after many steps without progress.

        Args:
            able: by column how much a step of one gains.
            choice: how many of the steepest are tried.
        """
        if self._still > PATIENCE:
            return min(able)  # Bland's rule: the search ends
        steepest = sorted(able, key=lambda j: (-able[j], j))[:choice]
        return max(steepest, key=lambda j: (able[j] * self._step(self._column(j)), -j))

    def _step(self, column: Line) -> Fraction:
        """How far an unknown with this column can grow; at least one other has to give way."""
        return min(Fraction(row[RHS], a) for row, a in zip(self._rows, column, strict=True) if a > 0)

    def _enter(self, place: int) -> None:
        """Let one unknown grow until another one is used up."""
        column = self._column(place)
        able = [index for index, a in enumerate(column) if a > 0]
        best = able[0]
        for index in able[1:]:
            left, right = self._rows[index][RHS] * column[best], self._rows[best][RHS] * column[index]
            if left < right or (left == right and self._basis[index] < self._basis[best]):
                best = index
        self._still = self._still + 1 if not self._rows[best][RHS] else 0
        self._pivot(best, place, column)

    def _pivot(self, index: int, place: int, column: Line) -> None:
        own, pivot, den = self._rows[index], column[index], self._den
        if pivot < 0:
            own, pivot = [-a for a in own], -pivot
        for other, (row, factor) in enumerate(zip(self._rows, column, strict=True)):
            if other != index and (factor or pivot != den):
                self._rows[other] = [(a * pivot - factor * b) // den for a, b in zip(row, own, strict=True)]
        self._rows[index] = own
        self._den = pivot
        self._basis[index] = place
