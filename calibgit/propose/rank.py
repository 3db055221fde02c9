"""Ranking the candidates, and asking the resamples whether the best one really beats no change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calibgit.model import semantics
from calibgit.model.proposal import Alternative, ParetoPoint, SearchRecord
from calibgit.model.report import Scalar
from calibgit.model.rounding import percent, six_digits
from calibgit.model.settings import ProposalLimits
from calibgit.propose.bootstrap import resample
from calibgit.propose.front import Front, front
from calibgit.propose.paths import cut_path, plain
from calibgit.propose.space import DECIMALS, MOST_VALUES, Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RUNNERS_UP = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the search found. `ranked` are feasible candidates, best first; `refused` the best of each limit."""

    winner: int
    reason: str
    ranked: tuple[int, ...]
    refused: tuple[tuple[int, str], ...]
    frequency: float | None
    feasible: int
    values: NDArray[np.float64]
    moved: NDArray[np.float64]
    front: Front

    def record(self, space: Space, gates: semantics.Gates) -> SearchRecord:
        """The record that a proposal keeps."""
        runners = [c for c in self.ranked if c != self.winner][:RUNNERS_UP]
        if self.winner != space.unchanged and space.unchanged not in runners:
            runners.append(space.unchanged)
        best = float(self.values[self.winner])
        pairs = [*((c, self._why(c, space, best)) for c in runners), *self.refused]
        return SearchRecord(
            candidates=self.values.size,
            feasible=self.feasible,
            objective_before=six_digits(float(self.values[space.unchanged])),
            objective_after=six_digits(best),
            selection_frequency=None if self.frequency is None else six_digits(self.frequency),
            alternatives=tuple(self._alternative(c, why, space, gates) for c, why in pairs),
            front=tuple(self._point(c, space, gates) for c in self.front.shown),
            front_size=self.front.size,
        )

    def _why(self, candidate: int, space: Space, best: float) -> str:
        value = float(self.values[candidate])
        if candidate == space.unchanged:
            return f"no change leaves the objective at {six_digits(value):g}"
        if self.winner == space.unchanged:
            return "its gain is not sure enough" if value < best else "it gains nothing"
        same = six_digits(value) == six_digits(best)
        return "equally good, but moves more" if same else f"worse: objective {six_digits(value):g}"

    def _alternative(self, candidate: int, why: str, space: Space, gates: semantics.Gates) -> Alternative:
        return Alternative(
            changes=_changes(candidate, space, gates),
            moved_share=six_digits(float(self.moved[candidate]) / max(space.board.n, 1)),
            objective=six_digits(float(self.values[candidate])),
            reason=why,
        )

    def _point(self, candidate: int, space: Space, gates: semantics.Gates) -> ParetoPoint:
        return ParetoPoint(
            changes=_changes(candidate, space, gates),
            violation=six_digits(float(self.front.violation[candidate])),
            moved_share=six_digits(float(self.front.moved[candidate])),
            near_cuts=six_digits(float(self.front.near[candidate])),
            chosen=candidate == self.winner,
        )


def _changes(candidate: int, space: Space, gates: semantics.Gates) -> dict[str, Scalar]:
    return {
        cut_path(gates.bands[cut]): plain(space.board.grid.value(edge))
        for cut, edge in enumerate(space.at(candidate))
        if edge != space.fixed[cut]
    }


def objectives(space: Space) -> NDArray[np.float64]:
    """The objective of every candidate from the board's own counts, shape (candidates,)."""
    found: NDArray[np.float64] = space.objective(_counts(space))[0].ravel()
    return found


def _counts(space: Space) -> NDArray[np.float64]:
    import numpy as np  # noqa: PLC0415

    return np.array([[cell.n for cell in space.board.cells]], dtype=np.float64)


def rank(space: Space, tuned: Space, limits: ProposalLimits, seed: bytes) -> Outcome:
    """Rank all candidates, then keep the best one only if it beats no change in enough resamples.

    Args:
        space: the candidates on all assessments, for the hard limits and the number of moved people.
        tuned: the same candidates on what is tuned on, for the objective and its resamples.
        limits: hard limits and the frequency that is asked for.
        seed: of the resamples.
    """
    import numpy as np  # noqa: PLC0415

    values = objectives(tuned)
    moved = space.moved().ravel()
    broken = {name: mask.ravel() for name, mask in space.broken(limits).items()}
    feasible = ~np.logical_or.reduce(list(broken.values()))
    here = space.unchanged
    feasible[here] = True
    effort = (*(array.ravel() for array in space.effort()), moved)
    order = _ranking(values, effort)
    ties = _ranking(np.zeros_like(values), effort)
    ranked = order[feasible[order]]
    best = int(ranked[0])
    refused = _refused(order, values, broken, best)
    frequency: float | None = None
    winner, reason = best, ""
    if best == here:
        reason = "No candidate within the limits is better than the present cuts."
    else:
        frequency, same = _frequencies(tuned, best, ties[feasible[ties]], limits.bootstrap_replicates, seed)
        sure = frequency >= limits.selection_frequency
        winner = best if sure else here
        reason = (
            f"The best candidate beats no change in {percent(frequency)} of {limits.bootstrap_replicates} "
            f"resamples ({percent(limits.selection_frequency)} needed); a new search in each resample moves the "
            f"same cuts the same way in {percent(same)}."
        )
    top = tuple(int(c) for c in ranked[: RUNNERS_UP + 2])
    counts = _counts(tuned)
    respects = (
        tuned.violation(counts)[0].ravel(),
        moved / max(space.board.n, 1),
        tuned.near_cuts(counts)[0].ravel(),
    )
    trade_offs = front(respects, ties[feasible[ties]], (here, winner))
    return Outcome(winner, reason, top, refused, frequency, int(feasible.sum()), values, moved, trade_offs)


def _ranking(values: NDArray[np.float64], effort: Sequence[NDArray[np.float64]]) -> NDArray[np.int64]:
    """Candidates by objective, then fewer moved cuts, then fewer moved people, then shorter steps, then order.

    "No change" moves no cut, so it wins every tie; a cut that gains nothing stays where it is.

    Args:
        values: the objective, shape (candidates,).
        effort: length of all steps, number of moved cuts, number of moved people, each of shape (candidates,).
    """
    import numpy as np  # noqa: PLC0415

    length, cuts, people = effort
    ranking: NDArray[np.int64] = np.lexsort((np.arange(values.size), length, people, cuts, values))
    return ranking


def _refused(
    order: NDArray[np.int64],
    values: NDArray[np.float64],
    broken: Mapping[str, NDArray[np.bool_]],
    best: int,
) -> tuple[tuple[int, str], ...]:
    found = []
    for name, mask in broken.items():
        first = order[mask[order]]
        if first.size and values[first[0]] < values[best]:
            found.append((int(first[0]), f"refused: {name}"))
    return tuple(found)


def _frequencies(
    space: Space, best: int, candidates: NDArray[np.int64], replicates: int, seed: bytes
) -> tuple[float, float]:
    """Share of resamples in which `best` beats no change, and in which a new search moves the same way.

    `candidates` are the feasible ones in the order that breaks ties.
    """
    import numpy as np  # noqa: PLC0415

    if replicates == 0:
        return 1.0, 1.0
    here, size = space.unchanged, math.prod(space.shape)
    own = np.array(space.at(here))
    direction = np.sign(np.array(space.at(best)) - own)
    counts = resample([cell.n for cell in space.board.cells], replicates, seed)
    chunk = max(1, MOST_VALUES // size)
    wins = same = 0
    for start in range(0, replicates, chunk):
        values = space.objective(counts[start : start + chunk]).reshape(-1, size)
        wins += int(np.sum(np.round(values[:, here] - values[:, best], DECIMALS) > 0))
        chosen = candidates[values[:, candidates].argmin(axis=1)]
        same += sum(bool(np.array_equal(np.sign(np.array(space.at(int(c))) - own), direction)) for c in chosen)
    return wins / replicates, same / replicates
