"""Score density around one place, on published bins of unequal width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from calibgit.analyze.effects import LogRatio
from calibgit.analyze.loglinear import Fit, fit_log_linear
from calibgit.model.published import common_edges, masses
from calibgit.model.rounding import two_digits_up
from calibgit.model.snapshot import GridRow, GridSpec

REACH = 8
NEAR = 2
SIDE = 3
LEAST_DF = 4
LEAST_MASS = 50


def point_of(grid: GridSpec) -> int:
    """Bins of one score point: a hundredth of the range, at least one bin."""
    return max(1, round((grid.bins - 1) / 100))


@dataclass(frozen=True, slots=True)
class Density:
    """Counts between published edges. `cuts` are the edges of the config's cuts, whose own piles are left out."""

    edges: tuple[int, ...]
    counts: tuple[int, ...]
    cuts: tuple[int, ...]
    point: int
    bins: int

    @classmethod
    def of(cls, rows: Sequence[GridRow], grid: GridSpec, cuts: tuple[int, ...]) -> Density:
        """The density of the rows' common coarsening."""
        edges = common_edges(rows, grid.bins)
        return cls(edges, masses(rows, edges), cuts, point_of(grid), grid.bins)

    def around(self, place: int) -> list[tuple[int, int, int]]:
        """Bins `(lo, hi, n)` within reach of `place`.

        Left out are the lowest and the highest bin of the range, where clipped scores pile up, and the
        neighbourhood of every other cut.
        """
        low, high = place - REACH * self.point, place + REACH * self.point
        others = [cut for cut in self.cuts if cut != place]
        near = NEAR * self.point
        return [
            (lo, hi, n)
            for lo, hi, n in zip(self.edges, self.edges[1:], self.counts, strict=False)
            if max(low, 1) <= lo
            and hi <= min(high, self.bins - 1)
            and not any(lo < cut + near and hi > cut - near for cut in others)
        ]

    def edge_near(self, target: int) -> int | None:
        """The published edge closest to `target`, at most one point away."""
        return nearest(frozenset(self.edges), target, self.point)


def nearest(edges: frozenset[int], target: int, slack: int) -> int | None:
    """The member of `edges` closest to `target` and at most `slack` away; the lower one of two."""
    for distance in range(slack + 1):
        for edge in (target - distance, target + distance):
            if edge in edges:
                return edge
    return None


@dataclass(frozen=True, slots=True)
class Neighbourhood:
    """The eight points on each side of a cut, as one published row shows them."""

    edge: int
    grid: GridSpec
    cuts: tuple[int, ...]

    @property
    def _point(self) -> int:
        return point_of(self.grid)

    def mass(self, row: GridRow) -> int:
        """Assessments of `row` in cells that touch the neighbourhood."""
        reach = REACH * self._point
        return sum(c.n for c in row.cells if c.lo < self.edge + reach and c.hi > self.edge - reach)

    def is_fine(self, row: GridRow) -> bool:
        """Whether the row's own edges resolve the cut, two and three points beside it, and enough bins beyond."""
        edges = frozenset(common_edges([row], self.grid.bins))
        point = self._point
        wanted = [self.edge + side * width * point for width in (NEAR, SIDE) for side in (-1, 1)]
        if self.edge not in edges or any(nearest(edges, place, point) is None for place in wanted):
            return False
        low, high = self.edge - REACH * point, self.edge + REACH * point
        beside = sum(
            1 for e in edges if low <= e <= high and not self.edge - NEAR * point < e < self.edge + NEAR * point
        )
        return beside - 2 >= LEAST_DF + 3

    def rows_needed(self, rows: Sequence[GridRow], size: int, k: int, covered: float) -> int:
        """About how many assessments would publish bins of one point here, to two digits."""
        weights = sorted((self.mass(row) for row in rows), reverse=True)
        goal, reached, least = covered * sum(weights), 0, 1
        for weight in weights:
            reached, least = reached + weight, max(weight, 1)
            if reached >= goal:
                break
        per_point = least / (2 * REACH)
        needed = max(size * 1.2, size * 2 * k / per_point)
        return two_digits_up(needed)


def excess(density: Density, place: int) -> tuple[LogRatio, float] | None:
    """Density ratio of [c-2, c+2) to its surroundings, with the overdispersion of the fit."""
    near = NEAR * density.point
    low, high = density.edge_near(place - near), density.edge_near(place + near)
    if low is None or high is None or not low < place < high:
        return None
    bins = density.around(place)
    if not any(low <= lo and hi <= high and n for lo, hi, n in bins):
        return None
    fit = _fit(bins, place, density.point, [(low, high)])
    if fit is None:
        return None
    return LogRatio(float(fit.beta[3]), math.sqrt(float(fit.covariance[3, 3])), fit.df), fit.phi


def sorting(density: Density, place: int) -> tuple[LogRatio, float] | None:
    """Density ratio of [c, c+3) to [c-3, c) beyond the smooth slope, with the overdispersion of the fit."""
    side = SIDE * density.point
    low, high = density.edge_near(place - side), density.edge_near(place + side)
    if low is None or high is None or place not in density.edges or not low < place < high:
        return None
    bins = density.around(place)
    sides = [(low, place), (place, high)]
    if not all(any(a <= lo and hi <= b and n for lo, hi, n in bins) for a, b in sides):
        return None
    fit = _fit(bins, place, density.point, sides)
    if fit is None:
        return None
    theta = float(fit.beta[4] - fit.beta[3])
    v = fit.covariance
    variance = float(v[3, 3] + v[4, 4] - 2 * v[3, 4])
    return LogRatio(theta, math.sqrt(max(variance, 1e-12)), fit.df), fit.phi


def _fit(
    bins: Sequence[tuple[int, int, int]], place: int, point: int, dummies: Sequence[tuple[int, int]]
) -> Fit | None:
    terms = 3 + len(dummies)
    if len(bins) - terms < LEAST_DF or sum(n for _, _, n in bins) < LEAST_MASS:
        return None
    reach = REACH * point
    design = []
    for lo, hi, _ in bins:
        x = ((lo + hi) / 2 - place) / reach
        design.append([1.0, x, x * x, *(1.0 if a <= lo and hi <= b else 0.0 for a, b in dummies)])
    return fit_log_linear([n for _, _, n in bins], [hi - lo for lo, hi, _ in bins], design)
