"""The Pareto front: candidates within the limits that no other one beats in every respect.

Compared are the policy's violation, the people moved, and the share near a cut, which is where small errors of a score
decide the band. Dominance is that of Pareto (1906); the sweep keeps a staircase of two respects while the third rises
(Kung, Luccio and Preparata 1975).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from calibgit.propose.space import DECIMALS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MOST_POINTS = 8


@dataclass(frozen=True, slots=True)
class Front:
    """Flat numbers of the candidates that are shown, how many there are, and all candidates' shares in each respect."""

    shown: tuple[int, ...]
    size: int
    violation: NDArray[np.float64]
    moved: NDArray[np.float64]
    near: NDArray[np.float64]


def front(
    respects: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    candidates: NDArray[np.int64],
    always: Sequence[int],
) -> Front:
    """The front, thinned evenly by people moved to `MOST_POINTS`.

    Args:
        respects: violation, share moved and share near a cut, each of shape (all candidates,); less is better.
        candidates: flat numbers of those within the limits; of equals, the first stands for all.
        always: flat numbers that are shown whatever beats them.
    """
    import numpy as np  # noqa: PLC0415  kept off the start-up path

    violation, moved, near = (np.round(array, DECIMALS) for array in respects)
    order = np.lexsort((np.arange(candidates.size), near[candidates], violation[candidates], moved[candidates]))
    found = _unbeaten(candidates[order], violation, near)
    kept = _thinned(found, MOST_POINTS - len(set(always)), always)
    shown = sorted(kept, key=lambda c: (moved[c], violation[c], near[c], c))
    return Front(tuple(shown), len(found), violation, moved, near)


def _unbeaten(candidates: NDArray[np.int64], violation: NDArray[np.float64], near: NDArray[np.float64]) -> list[int]:
    """Of candidates by rising third respect, those that none before them equals or beats in the other two."""
    firsts: list[float] = []
    seconds: list[float] = []  # falling while `firsts` rises
    found = []
    for candidate, first, second in zip(
        candidates.tolist(), violation[candidates].tolist(), near[candidates].tolist(), strict=True
    ):
        place = bisect_right(firsts, first)
        if place and seconds[place - 1] <= second:
            continue
        found.append(candidate)
        start = bisect_left(firsts, first)
        end = start
        while end < len(firsts) and seconds[end] >= second:
            end += 1
        firsts[start:end], seconds[start:end] = [first], [second]
    return found


def _thinned(found: Sequence[int], most: int, always: Sequence[int]) -> set[int]:
    rest = [candidate for candidate in found if candidate not in always]
    if len(rest) > most:
        rest = [rest[round(at * (len(rest) - 1) / (most - 1))] for at in range(most)]
    return {*rest, *always}
