"""All combinations of cuts that the driving findings allow, with hard limits and objective as arrays.

Axis `a` of every array is the `a`-th movable cut, best band first; position on the axis is the published edge that
the cut takes, ascending. A cut that may not move has no axis.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from calibgit.model.settings import ProposalLimits, Range
from calibgit.propose.board import Board

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_CANDIDATES = 200_000
MOST_VALUES = 4_000_000
DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Space:
    """The candidates. `axes` maps a cut to its edges; `fixed` has the edge of every cut, the bottom last."""

    board: Board
    axes: Mapping[int, tuple[int, ...]]
    fixed: tuple[int, ...]
    crowded: frozenset[int]
    ranges: tuple[Range, ...]
    offsets: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of edges on each axis."""
        return tuple(len(edges) for edges in self.axes.values())

    def at(self, flat: int) -> tuple[int, ...]:
        """Edges of all cuts but the bottom, for a flat candidate number."""
        import numpy as np  # noqa: PLC0415  kept off the start-up path

        chosen = list(self.fixed[:-1])
        for (cut, edges), place in zip(self.axes.items(), np.unravel_index(flat, self.shape), strict=True):
            chosen[cut] = edges[int(place)]
        return tuple(chosen)

    @property
    def unchanged(self) -> int:
        """Flat number of "no change"."""
        import numpy as np  # noqa: PLC0415

        places = tuple(edges.index(self.fixed[cut]) for cut, edges in self.axes.items())
        return int(np.ravel_multi_index(places, self.shape))

    def _options(self, cut: int) -> tuple[int, ...]:
        return self.axes.get(cut, (self.fixed[cut],))

    def _spread(self, values: NDArray[np.float64], cuts: Sequence[int]) -> NDArray[np.float64]:
        """`values` of shape (..., one axis a cut of `cuts`) with length-one axes for every other cut."""
        tail = [len(self.axes[cut]) if cut in cuts else 1 for cut in self.axes]
        return values.reshape(*values.shape[: values.ndim - len(cuts)], *tail)

    def objective(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Policy violation plus mass at risk, both as shares, for resampled counts.

        Args:
            counts: shape (replicates, cells).

        Returns:
            Shape (replicates, *shape), rounded to nine decimals.
        """
        total = self.violation(counts)
        for cut in sorted(self.crowded & set(self.axes)):
            total += self._near(counts, cut)
        return self._rounded(total)

    def near_cuts(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share within two points of a cut that decides for it, over all cuts, shape (replicates, *shape)."""
        import numpy as np  # noqa: PLC0415

        total = np.zeros((len(counts), *self.shape))
        for cut in range(len(self.fixed) - 1):
            total += self._near(counts, cut)
        return self._rounded(total)

    @staticmethod
    def _rounded(values: NDArray[np.float64]) -> NDArray[np.float64]:
        import numpy as np  # noqa: PLC0415

        return np.round(values, DECIMALS)

    def _near(self, counts: NDArray[np.float64], cut: int) -> NDArray[np.float64]:
        import numpy as np  # noqa: PLC0415

        weights = [self.board.at_risk(cut, edge) for edge in self._options(cut)]
        values = counts @ np.array(weights).T / self._size(counts)[:, None]
        axes = [cut] if cut in self.axes else []
        return self._spread(values if axes else values[:, 0], axes)

    @staticmethod
    def _size(counts: NDArray[np.float64]) -> NDArray[np.float64]:
        import numpy as np  # noqa: PLC0415

        size = counts.sum(axis=1)
        found: NDArray[np.float64] = np.where(size > 0, size, 1.0)
        return found

    def violation(self, counts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of all class shares' distances from their ranges, shape (replicates, *shape)."""
        import numpy as np  # noqa: PLC0415

        size = self._size(counts)
        total = np.zeros((len(counts), *self.shape))
        better = np.zeros((len(counts), 1))
        last = len(self.ranges) - 1
        for band, limits in enumerate(self.ranges):
            if band < last:
                weights = [self.board.reaching(band, edge) for edge in self._options(band)]
                worse = counts @ np.array(weights).T / size[:, None]
            else:
                worse = np.ones((len(counts), 1))
            share = worse[:, None, :] - better[:, :, None] + self.offsets[band]
            violation = np.zeros_like(share)
            if limits.max is not None:
                violation += np.maximum(share - limits.max, 0)
            if limits.min is not None:
                violation += np.maximum(limits.min - share, 0)
            axes = [cut for cut in (band - 1, band) if cut in self.axes]
            dropped = violation.reshape(len(counts), *(len(self.axes[cut]) for cut in axes))
            total += self._spread(dropped, axes)
            better = worse
        return total

    def effort(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Length of all steps in bins, and number of moved cuts, each of shape `shape`."""
        import numpy as np  # noqa: PLC0415

        length, cuts = np.zeros(self.shape), np.zeros(self.shape)
        for cut, edges in self.axes.items():
            steps = np.abs(np.array(edges, dtype=np.float64) - self.fixed[cut])
            length += self._spread(steps, [cut])
            cuts += self._spread((steps > 0).astype(np.float64), [cut])
        return length, cuts

    def moved(self) -> NDArray[np.float64]:
        """At most so many assessments change band, shape `shape`; exact where nobody crosses two bands."""
        import numpy as np  # noqa: PLC0415

        total = np.zeros(self.shape)
        for cut, edges in self.axes.items():
            own = self.fixed[cut]
            masses = [self.board.passed(cut, min(own, edge), max(own, edge)) for edge in edges]
            total += self._spread(np.array(masses, dtype=np.float64), [cut])
        return total

    def broken(self, limits: ProposalLimits) -> dict[str, NDArray[np.bool_]]:
        """Hard limit to the candidates, shape `shape`, that break it."""
        import numpy as np  # noqa: PLC0415

        gap = np.zeros(self.shape, dtype=bool)
        crossing = np.zeros(self.shape, dtype=bool)
        cuts = range(len(self.fixed))
        for above, below in pairwise(cuts):
            axes = [cut for cut in (above, below) if cut in self.axes]
            if not axes:
                continue
            least = min(self.board.steps(limits.min_band_gap), self.fixed[above] - self.fixed[below])
            pairs = [(a, b) for a in self._options(above) for b in self._options(below)]
            narrow = [a <= b or a - b < least for a, b in pairs]
            shape = tuple(len(self.axes[cut]) for cut in axes)
            gap |= self._spread(np.array(narrow).reshape(shape), axes).astype(bool)
            if below == cuts[-1]:
                continue
            crossed = [self._crossed(above, below, a, b) for a, b in pairs]
            crossing |= self._spread(np.array(crossed).reshape(shape), axes).astype(bool)
        share = self.moved() / max(self.board.n, 1)
        return {
            "bands would come closer than min_band_gap": gap,
            "some would cross two bands": crossing,
            "more than max_moved_share would move": np.round(share, DECIMALS) > limits.max_moved_share,
        }

    def _crossed(self, above: int, below: int, edge_above: int, edge_below: int) -> bool:
        low = max(min(self.fixed[above], edge_above), min(self.fixed[below], edge_below))
        high = min(max(self.fixed[above], edge_above), max(self.fixed[below], edge_below))
        return low < high and self.board.passed(above, low, high) > 0


def thinned(axes: Mapping[int, tuple[int, ...]], fixed: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """The axes, with every second edge left out (never the present one) until the candidates can be searched."""
    kept = dict(axes)
    while _product(kept) > MOST_CANDIDATES:
        widest = max(kept, key=lambda cut: (len(kept[cut]), -cut))
        own = kept[widest].index(fixed[widest])
        kept[widest] = tuple(e for place, e in enumerate(kept[widest]) if (place - own) % 2 == 0)
    return kept


def _product(axes: Mapping[int, tuple[int, ...]]) -> int:
    result = 1
    for edges in axes.values():
        result *= len(edges)
    return result
