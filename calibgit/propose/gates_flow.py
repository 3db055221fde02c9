"""Who moves where when any gates change: exact from one histogram where it allows, else bounds from all of them.

One family of gates that changes has a histogram by the cap of the others, which gives every move that a cell may make.
Where that leaves an interval, or several families move together, the joint counts are not published and only their
margins are: the bounds are then the least and the greatest count over all joint tables with these margins, the Frechet
bounds (Frechet 1951; as a transportation problem, Rueschendorf 1981), found by linear programming.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from calibgit.model.proposal import Flow, FlowCell, Impact
from calibgit.model.snapshot import Stratum
from calibgit.propose.families import (
    Cells,
    Family,
    Pair,
    Side,
    confidence_family,
    flag_family,
    score_family,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NAMES = ("score by cap", "confidence by cap", "flags by cap")
FRECHET = "Frechet bounds from the margins"
MOST_TYPES = 6000
_SLACK = 1e-3
Type = tuple[Pair, Pair, Pair]


@dataclass(frozen=True, slots=True)
class Moves:
    """The flow, and how many change band in all."""

    flow: Flow
    impact: Impact


def moves(stratum: Stratum, old_data: Mapping[str, Any], new_data: Mapping[str, Any], k: int) -> Moves | str:
    """Who moves where when gates change, or why that cannot be told.

    Args:
        stratum: published counts of one logic version.
        old_data: the config that they were counted under, as plain JSON.
        new_data: the same config with other gates.
        k: smallest published count; what would be smaller is told as an interval.
    """
    old, new = Side.of(old_data), Side.of(new_data)
    found = tuple(make(stratum, old, new) for make in (score_family, confidence_family, flag_family))
    changed = [at for at, family in enumerate(found) if any(a != b for a, b in family.pairs)]
    alone = changed[0] if changed else 0
    cells = found[alone].cells
    if cells is None:
        return f"the counts of {NAMES[alone]} are not published"
    single = _single(cells)
    joint = _Joint.of(found)
    exact = len(changed) <= 1 and all(len(pairs) == 1 for pairs, _ in single)
    bounded = None if joint is None or exact else joint.bounds()
    if len(changed) <= 1:  # where the other histograms do not fit this one, it stands for itself
        counted = _counted(single)
        basis = NAMES[alone] if bounded is None else FRECHET
        return _moves(stratum, old, basis, counted if bounded is None else _tightest(bounded, counted), k)
    if joint is None:
        return "the margins are too many to bound what they have in common"
    return (
        "the published margins do not fit each other" if bounded is None else _moves(stratum, old, FRECHET, bounded, k)
    )


Bounds = dict[Pair | None, tuple[int, int]]


def _single(cells: Cells) -> list[tuple[frozenset[Pair], int]]:
    return [(frozenset((max(a, g), max(b, g)) for a, b, g in triples), n) for triples, n in cells]


def _counted(cells: Sequence[tuple[frozenset[Pair], int]]) -> Bounds:
    """Bounds by (old band, new band), and of all that move under None."""
    found: Bounds = {}
    for pair in sorted({pair for pairs, _ in cells for pair in pairs}):
        high = sum(n for pairs, n in cells if pair in pairs)
        found[pair] = (sum(n for pairs, n in cells if pairs == {pair}), high)
    low = sum(n for pairs, n in cells if all(a != b for a, b in pairs))
    found[None] = (low, sum(n for pairs, n in cells if any(a != b for a, b in pairs)))
    return found


def _tightest(first: Bounds, second: Bounds) -> Bounds:
    return {
        key: (max(low, second[key][0]), min(high, second[key][1]))
        for key, (low, high) in first.items()
        if key in second
    }


def _moves(stratum: Stratum, old: Side, basis: str, found: Bounds, k: int) -> Moves:
    bands = old.gates.bands
    shown = {key: _published(low, high, k) for key, (low, high) in found.items()}
    cells = tuple(
        FlowCell(source=bands[key[0]], target=bands[key[1]], low=low, high=min(high, stratum.n))
        for key, (low, high) in shown.items()
        if key is not None and high
    )
    low, high = shown[None]
    exact = all(cell.low == cell.high for cell in cells)
    flow = Flow(stratum=stratum.logic_version, n=stratum.n, exact=exact, basis=basis, cells=cells)
    return Moves(flow, Impact(n=stratum.n, moved_low=low, moved_high=min(high, stratum.n), exact=low == high))


def _published(low: int, high: int, k: int) -> tuple[int, int]:
    """The interval with ends that are 0 or at least `k`."""
    return low if low >= k else 0, high if high == 0 or high >= k else k


@dataclass(frozen=True, slots=True)
class _Joint:
    """A linear programme over all joint tables of the three families; the first variables are `types`."""

    types: tuple[Type, ...]
    matrix: NDArray[np.float64]
    totals: NDArray[np.float64]

    @classmethod
    def of(cls, families: Sequence[Family]) -> _Joint | None:
        import numpy as np  # noqa: PLC0415  kept off the start-up path

        first, second, third = (sorted(family.pairs) for family in families)
        types = tuple(product(first, second, third))
        if not types or len(types) > MOST_TYPES:
            return None
        rows: list[dict[int, float]] = []
        totals: list[float] = []
        width = len(types)
        for at, family in enumerate(families):
            if family.cells is None:
                continue
            width = _margin(types, at, family.cells, rows, totals, width)
        matrix = np.zeros((len(rows), width))
        for index, row in enumerate(rows):
            matrix[index, list(row)] = list(row.values())
        return cls(types, matrix, np.array(totals))

    def bounds(self) -> Bounds | None:
        """Bounds of every move, and of all that move; None where no joint table has these margins."""
        places = {
            key: [at for at, each in enumerate(self.types) if _move(each) == key]
            for key in sorted({_move(each) for each in self.types})
        }
        found: Bounds = {}
        for key, where in places.items():
            if (ends := self._ends(where)) is None:
                return None
            found[key] = ends
        everyone = self._ends([at for at, each in enumerate(self.types) if _move(each)[0] != _move(each)[1]])
        if everyone is None:
            return None
        found[None] = everyone
        return found

    def _ends(self, where: Iterable[int]) -> tuple[int, int] | None:
        import numpy as np  # noqa: PLC0415
        from scipy.optimize import linprog  # noqa: PLC0415

        goal = np.zeros(self.matrix.shape[1])
        goal[list(where)] = 1.0
        ends = []
        for sign in (1.0, -1.0):
            result = linprog(sign * goal, A_eq=self.matrix, b_eq=self.totals, bounds=(0, None), method="highs")
            if result.status != 0:
                return None
            ends.append(sign * float(result.fun))
        return max(0, math.ceil(ends[0] - _SLACK)), max(0, math.floor(ends[1] + _SLACK))


def _move(each: Type) -> Pair:
    return max(pair[0] for pair in each), max(pair[1] for pair in each)


def _margin(
    types: Sequence[Type],
    at: int,
    cells: Cells,
    rows: list[dict[int, float]],
    totals: list[float],
    width: int,
) -> int:
    """Equations of one histogram: each cell is shared out to its triples, each triple is a sum of types."""
    sums: dict[tuple[int, int, int], dict[int, float]] = {}
    for place, each in enumerate(types):
        sums.setdefault((*each[at], max(pair[0] for family, pair in enumerate(each) if family != at)), {})[place] = 1.0
    for triples, n in cells:
        whole = {}
        for triple in sorted(triples):
            sums.setdefault(triple, {})[width] = -1.0
            whole[width] = 1.0
            width += 1
        rows.append(whole)
        totals.append(float(n))
    rows.extend(sums.values())
    totals.extend([0.0] * len(sums))
    return width
