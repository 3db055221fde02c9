"""What a search is tuned on, and what is held out to judge it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from calibgit.model import semantics
from calibgit.model.proposal import HeldOut
from calibgit.model.rounding import six_digits
from calibgit.model.settings import Line
from calibgit.model.snapshot import Stratum
from calibgit.propose.board import Board
from calibgit.propose.candidates import build_space
from calibgit.propose.drivers import Drivers
from calibgit.propose.folds import Folds, folds
from calibgit.propose.rank import objectives
from calibgit.propose.space import Space

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NOT_HELD = "On the fold that was held out it gains nothing, so the gain may be chance."
COARSE = "the halves are published too coarsely near the cuts"
HELD = (
    "Tuned on the half of the subjects that the snapshot names; impact and prediction come from the other half. "
    "Whether a finding asks for a change was decided on both."
)


@dataclass(frozen=True, slots=True)
class Tuning:
    """The candidates on all assessments, and on what is tuned on; `why` no fold is held out, where none is.

    `held`: the objective of every candidate on the fold that is held out.
    """

    space: Space
    tuned: Space
    folds: Folds | None = None
    why: str = ""
    held: NDArray[np.float64] | None = None

    def _held(self, candidate: int) -> tuple[float, float]:
        if self.held is None:
            return 0.0, 0.0
        return float(self.held[self.space.unchanged]), float(self.held[candidate])

    def holds(self, candidate: int) -> bool:
        """Whether a candidate is better than no change on the fold that was held out, where there is one."""
        before, after = self._held(candidate)
        return self.folds is None or after < before

    def words(self, candidate: int) -> str:
        """What the other fold says of a candidate, as a sentence."""
        if self.folds is None:
            return f"No fold was held out: {self.why}."
        before, after = self._held(candidate)
        return (
            f"It was tuned on {self.folds.tuned_n} assessments; on the {self.folds.held_n} that were held out the "
            f"objective goes from {six_digits(before):g} to {six_digits(after):g}."
        )

    def record(self, candidate: int) -> HeldOut:
        """The record that a proposal keeps."""
        if self.folds is None:
            return HeldOut(status="not_held_out", reason=self.why)
        before, after = self._held(candidate)
        return HeldOut(
            status="held_out",
            reason=HELD,
            tuned_n=self.folds.tuned_n,
            n=self.folds.held_n,
            unsplit=self.folds.unsplit_n,
            objective_before=six_digits(before),
            objective_after=six_digits(after),
        )


def tune(
    board: Board, stratum: Stratum, gates: semantics.Gates, found: Drivers, settings: Line, k: int
) -> tuple[Tuning | None, str]:
    """What to search, or None with the reason why nothing but the present cuts can be proposed.

    A fold is held out where the halves are large, and have edges wherever a cut lies or may go.
    """
    space, reason = build_space(board, stratum, gates, found, settings, k)
    if space is None:
        return None, reason
    split = folds(stratum, board, gates, settings.analysis.min_n)
    if isinstance(split, str):
        return Tuning(space, space, None, split), ""
    halved, _ = build_space(board, stratum, gates, found, settings, k, split.tuned.edges)
    if halved is None or set(halved.axes) != set(space.axes):
        return Tuning(space, space, None, COARSE), ""
    held = objectives(replace(halved, board=split.held))
    return Tuning(halved, replace(halved, board=split.tuned), split, held=held), ""
