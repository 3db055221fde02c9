"""Stage 3's output: a proposed config and the argument for it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from calibgit.model.base import Document
from calibgit.model.blocks import Count
from calibgit.model.report import Scalar
from calibgit.model.track import Tally

Level = Literal["none", "patch", "minor", "major"]


class Impact(Document):
    """How many of `n` assessments change band: between `moved_low` and `moved_high`; equal when exact."""

    n: Count
    moved_low: Count
    moved_high: Count
    exact: bool


class Change(Document):
    """One changed path of the config, dotted, with its reason."""

    path: str
    old: Scalar = None
    new: Scalar = None
    finding: str | None = None
    rationale: str
    impact: Impact | None = None
    impact_note: str
    affected_components: tuple[str, ...]


class FlowCell(Document):
    """Assessments that go from one band to another: between `low` and `high`; equal when exact."""

    source: str
    target: str
    low: Count
    high: Count


class Flow(Document):
    """Who moves where, from published counts. Every count is zero, at least k, or an interval."""

    stratum: str
    n: Count
    exact: bool
    cells: tuple[FlowCell, ...]


class Alternative(Document):
    """A candidate that lost, and why."""

    changes: dict[str, Scalar]
    moved_share: float
    objective: float
    reason: str


class SearchRecord(Document):
    """What was searched: number of candidates, how often the winner won, the runners-up."""

    candidates: Count
    feasible: Count
    objective_before: float
    objective_after: float
    selection_frequency: float | None = None
    alternatives: tuple[Alternative, ...] = ()


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
    search: SearchRecord | None = None
    prediction: tuple[Prediction, ...] = ()
    rollback_trigger: RollbackTrigger | None = None
    track_record: Tally | None = None
    requires_approval: Literal[True] = True
    reproduce: Reproduce


class Decision(Document):
    """What the search decided: changed paths, or none with the reason."""

    changes: tuple[Change, ...]
    reason: str
    flow: tuple[Flow, ...] = ()
    search: SearchRecord | None = None
    prediction: tuple[Prediction, ...] = ()
    rollback_trigger: RollbackTrigger | None = None
