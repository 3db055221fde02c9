"""Stage 3's output: a proposed config and the argument for it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from calibgit.model.base import Document
from calibgit.model.blocks import Count
from calibgit.model.estimate import WeightEstimate
from calibgit.model.report import Scalar
from calibgit.model.track import Tally

Level = Literal["none", "patch", "minor", "major"]


class Impact(Document):
    """How many of `n` assessments change band: between `moved_low` and `moved_high`; equal when exact."""

    n: Count
    moved_low: Count
    moved_high: Count
    exact: bool


class WhatIf(Document):
    """Of `n` assessments, those that `counts` names: at least and at most, under the old and under the new value."""

    counts: str
    n: Count
    before_low: Count
    before_high: Count
    after_low: Count
    after_high: Count


class Change(Document):
    """One changed path of the config, dotted, with its reason."""

    path: str
    old: Scalar = None
    new: Scalar = None
    finding: str | None = None
    rationale: str
    impact: Impact | None = None
    impact_note: str
    what_if: WhatIf | None = None
    affected_components: tuple[str, ...]


class FlowCell(Document):
    """Assessments that go from one band to another: between `low` and `high`; equal when exact."""

    source: str
    target: str
    low: Count
    high: Count


class Flow(Document):
    """Who moves where, from published counts. Every count is zero, at least k, or an interval.

    `basis` names the counts, or says that the cells are bounds from the margins of several.
    """

    stratum: str
    n: Count
    exact: bool
    basis: str = "score by cap"
    cells: tuple[FlowCell, ...]


class GroupMove(Document):
    """How one declared group of people moves, from the `n` of its assessments that are published by score.

    Moved are between `moved_low` and `moved_high`; of them, `better` ones to a better band and `worse` ones to a worse
    one, each likewise. `share_low` to `share_high` is the share that moves of the whole group, 0 to 1, those included
    whose scores are too few to be published.
    """

    group: str
    n: Count
    moved_low: Count
    moved_high: Count
    better_low: Count
    better_high: Count
    worse_low: Count
    worse_high: Count
    share_low: float
    share_high: float


class Fairness(Document):
    """Whether declared groups move alike: by group, and the largest share less the smallest, as an interval."""

    status: Literal["assessed", "not_assessable"]
    reason: str
    groups: tuple[GroupMove, ...] = ()
    gap_low: float | None = None
    gap_high: float | None = None


class Alternative(Document):
    """A candidate that lost, and why."""

    changes: dict[str, Scalar]
    moved_share: float
    objective: float
    reason: str


class ParetoPoint(Document):
    """A candidate that none beats in every respect: shares of 0 to 1.

    `violation` is the sum of all class shares' distances from their ranges, `moved_share` at most the share that
    changes band, `near_cuts` the share within two points of a cut that decides for it.
    """

    changes: dict[str, Scalar]
    violation: float
    moved_share: float
    near_cuts: float
    chosen: bool


class Neighbour(Document):
    """A changed cut some published edges further up or down, all else as proposed.

    `steps` counts published edges; `objective` is None where no policy was searched for.
    """

    path: str
    steps: int
    value: Scalar
    objective: float | None = None
    moved_low: Count
    moved_high: Count
    n: Count


class SearchRecord(Document):
    """What was searched: number of candidates, how often the winner won, the runners-up, the front of trade-offs.

    `front_size` candidates within the limits are beaten by none; `front` has some of them, no change always.
    """

    candidates: Count
    feasible: Count
    objective_before: float
    objective_after: float
    selection_frequency: float | None = None
    alternatives: tuple[Alternative, ...] = ()
    front: tuple[ParetoPoint, ...] = ()
    front_size: Count = 0


class HeldOut(Document):
    """Whether a fold was kept from the tuning, and what the change does on it.

    `tuned_n` and `n` are the assessments of the two folds, `unsplit` those that stand in both because their rows are
    not published by halves. On the fold that was held out, the objective is `objective_before` without the change and
    `objective_after` with it, and between `moved_low` and `moved_high` of its `n` change band.
    """

    status: Literal["held_out", "not_held_out"]
    reason: str
    tuned_n: Count | None = None
    n: Count | None = None
    unsplit: Count | None = None
    objective_before: float | None = None
    objective_after: float | None = None
    moved_low: Count | None = None
    moved_high: Count | None = None


class Prediction(Document):
    """What the next window should show if the change is right."""

    metric: str
    stratum: str
    point: float
    lower: float
    upper: float
    level: float


class RollbackTrigger(Document):
    """When to roll back: `metric` beyond `bound` on at least `min_n` assessments."""

    metric: str
    bound: float
    direction: Literal["above", "below"]
    min_n: Count


class InputDigest(Document):
    """What the proposal was computed from: a committed file and the SHA-256 of its bytes.

    `settings` is no file: it is the digest of the line's parsed settings, so a comment changes nothing.
    """

    name: str
    sha256: str


class Reproduce(Document):
    """How anybody recomputes the proposal from the committed files."""

    command: str
    tool: str
    libraries: dict[str, str]
    inputs: tuple[InputDigest, ...]


class ChangeSummary(Document):
    """The argument for a proposal, committed beside the proposed config.

    `track_record`: how the predictions of earlier changes of the line went, by its report; absent where none was made.
    """

    schema_: Literal["calibgit/change-summary/1"] = Field(default="calibgit/change-summary/1", alias="schema")
    line: str
    proposed_version: str
    base_version: str
    created_by: str
    initiator: str
    log_head: dict[str, Any] | None = None
    compatibility: Level
    summary: str
    rationale: str
    changes: Annotated[tuple[Change, ...], Field(min_length=1)]
    flow: tuple[Flow, ...] = ()
    estimate: WeightEstimate | None = None
    fairness: Fairness | None = None
    search: SearchRecord | None = None
    sensitivity: tuple[Neighbour, ...] = ()
    held_out: HeldOut | None = None
    prediction: tuple[Prediction, ...] = ()
    rollback_trigger: RollbackTrigger | None = None
    track_record: Tally | None = None
    requires_approval: Literal[True] = True
    reproduce: Reproduce


class NoChange(Document):
    """What "no change" rests on: `tests` shared the error budget, on `n` assessments of the version under review.

    `gain` is how much the best candidate within the limits betters the objective, and `frequency` in which share of
    resamples it is better than no change; None where nothing was searched.
    """

    tests: Count
    n: Count
    gain: float | None = None
    frequency: float | None = None


class Decision(Document):
    """What the search decided: changed paths, or none with the reason."""

    changes: tuple[Change, ...]
    reason: str
    flow: tuple[Flow, ...] = ()
    estimate: WeightEstimate | None = None
    fairness: Fairness | None = None
    search: SearchRecord | None = None
    sensitivity: tuple[Neighbour, ...] = ()
    held_out: HeldOut | None = None
    prediction: tuple[Prediction, ...] = ()
    rollback_trigger: RollbackTrigger | None = None
    evidence: NoChange | None = None
