"""The published score cells as arrays: every quantity of the search is linear in the cell counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calibgit.model.published import common_edges
from calibgit.model.rounding import two_digits_up
from calibgit.model.semantics import Gates
from calibgit.model.snapshot import GridSpec, Stratum

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RISK_POINTS = 2


@dataclass(frozen=True, slots=True)
class Cell:
    """One published cell with the caps that its row pools."""

    lo: int
    hi: int
    groups: tuple[int, ...]
    n: int

    def weight(self, index: int) -> float:
        """Share of the row's caps that let band `index` through; caps of one row count alike."""
        return sum(group <= index for group in self.groups) / len(self.groups)


@dataclass(frozen=True, slots=True)
class Board:
    """Score cells, and the cuts in force as edges (None off the grid).

    `edges` has, for each cut, the edges that all rows publish for which that cut decides.
    """

    grid: GridSpec
    cells: tuple[Cell, ...]
    edges: tuple[tuple[int, ...], ...]
    cuts: tuple[int | None, ...]

    @classmethod
    def of(cls, stratum: Stratum, gates: Gates) -> Board | None:
        """The board of a stratum, or None where it publishes no scores."""
        block = stratum.score
        if block.status != "present" or block.grid is None:
            return None
        cells = tuple(
            Cell(cell.lo, cell.hi, row.groups, cell.n)
            for row in block.rows
            for cell in row.cells
            if cell.n and row.groups
        )
        if not cells:
            return None
        bins = block.grid.bins
        edges = tuple(
            common_edges([row for row in block.rows if min(row.groups, default=index + 1) <= index], bins)
            for index in range(len(gates.bands) - 1)
        )
        cuts = tuple(block.grid.edge(cut) for cut in gates.cuts[:-1])
        return cls(block.grid, cells, edges, cuts)

    @property
    def n(self) -> int:
        """All assessments."""
        return sum(cell.n for cell in self.cells)

    @property
    def point(self) -> int:
        """Bins of one score point: a hundredth of the range, at least one bin."""
        return max(1, round((self.grid.bins - 1) / 100))

    def steps(self, value: float) -> int:
        """Whole bins in `value` score points of the config's own scale."""
        return math.floor(value * self.grid.scale / self.grid.step + 1e-9)

    def options(self, index: int, max_step: float) -> tuple[int, ...]:
        """Published edges that cut `index` may take, its own included, ascending."""
        cut = self.cuts[index]
        if cut is None or cut not in self.edges[index]:
            return ()
        reach = self.steps(max_step)
        return tuple(e for e in self.edges[index] if abs(e - cut) <= reach and 0 < e < self.grid.bins)

    def reaching(self, index: int, edge: int) -> NDArray[np.float64]:
        """Weights, shape (cells,), whose product with the counts is the mass of band `index` or better."""
        return self._array([cell.weight(index) if cell.lo >= edge else 0.0 for cell in self.cells])

    def at_risk(self, index: int, edge: int) -> NDArray[np.float64]:
        """Weights of the mass within two points of `edge` for which cut `index` decides."""
        low, high = edge - RISK_POINTS * self.point, edge + RISK_POINTS * self.point
        shares = [max(0, min(c.hi, high) - max(c.lo, low)) / (c.hi - c.lo) for c in self.cells]
        return self._array([s * c.weight(index) for s, c in zip(shares, self.cells, strict=True)])

    def decided(self, index: int, low: int, high: int) -> float:
        """Mass between two bins for which cut `index` decides; a merged cell counts evenly."""
        return math.fsum(
            c.n * c.weight(index) * max(0, min(c.hi, high) - max(c.lo, low)) / (c.hi - c.lo) for c in self.cells
        )

    def passed(self, index: int, low: int, high: int) -> int:
        """At most so many assessments change band when cut `index` passes over `[low, high)`."""
        return sum(c.n for c in self.cells if low <= c.lo and c.hi <= high and min(c.groups) <= index)

    def rows_needed(self, index: int, max_step: float, k: int) -> int:
        """About how many assessments would publish every base bin within `max_step` of cut `index`."""
        cut = self.cuts[index] or 0
        reach = max(1, self.steps(max_step))
        near = [c for c in self.cells if c.lo < cut + reach and c.hi > cut - reach and min(c.groups) <= index]
        mass = sum(c.n for c in near)
        needed = max(self.n * 1.2, self.n * 2 * k * 2 * reach / max(mass, 1))
        return two_digits_up(needed)

    @staticmethod
    def _array(values: list[float]) -> NDArray[np.float64]:
        import numpy as np  # noqa: PLC0415  kept off the start-up path

        return np.asarray(values, dtype=np.float64)
