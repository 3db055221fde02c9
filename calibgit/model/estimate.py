"""What other category weights would do, as far as moments tell: an estimate, and marked as one."""

from __future__ import annotations

from typing import Literal

from calibgit.model.base import Document
from calibgit.model.blocks import Count


class EstimatedMove(Document):
    """Estimated share of all assessments that goes from one band to another, 0 to 1."""

    source: str
    target: str
    share: float


class Composite(Document):
    """Mean and standard deviation of the weighted mean of category scores, in score points."""

    mean: float
    sd: float


class WeightEstimate(Document):
    """What other category weights do: moments from sums, moves from a normal model. Never counts.

    `n` assessments have a score in every category; `before`, `after` and `correlation` are exact for them. `moves` are
    estimated for all, `moved_share` is their sum off the diagonal.
    """

    estimated: Literal[True] = True
    status: Literal["estimated", "not_assessable"]
    reason: str
    n: Count | None = None
    before: Composite | None = None
    after: Composite | None = None
    correlation: float | None = None
    moved_share: float | None = None
    moves: tuple[EstimatedMove, ...] = ()
