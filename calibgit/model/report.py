"""Stage 2's output: findings."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from calibgit.model.base import Document
from calibgit.model.snapshot import ConfigRef, TimeWindow
from calibgit.model.track import VersionTrack

Severity = Literal["info", "low", "medium", "high", "critical"]
Status = Literal["ok", "watch", "breach", "not_assessable"]
SEVERITIES: tuple[Severity, ...] = ("info", "low", "medium", "high", "critical")

Scalar = bool | int | float | str | None


class Test(Document):
    """One statistical test. Rates are 0 to 1; `lower` and `upper` are 95% unless `adjusted`.

    `p` is one-sided against the limit; `q` is Benjamini-Hochberg over all assessable tests of the report.
    """

    __test__ = False

    method: str
    n: int
    estimate: float
    lower: float
    upper: float
    adjusted: bool = False
    p: float
    q: float | None = None
    limit_low: float | None = None
    limit_high: float | None = None


class Finding(Document):
    """One result. `subject` names what was tested: a band, a cut, a flag type.

    `turning_point` says what would change the verdict: an estimate, or about how many assessments.
    """

    id: str
    type: str
    subject: str
    stratum: str
    severity: Severity
    status: Status
    description: str
    turning_point: str = ""
    test: Test | None = None
    evidence: dict[str, Scalar] = {}
    recommendation: str
    affected_components: tuple[str, ...] = ()

    @property
    def is_serious(self) -> bool:
        """Whether it asks for attention and may drive a change: severity medium or above."""
        return SEVERITIES.index(self.severity) >= SEVERITIES.index("medium")


class ReportSummary(Document):
    """How many findings of each severity, how many tests shared the error budget."""

    info: int = 0
    low: int = 0
    medium: int = 0
    high: int = 0
    critical: int = 0
    tests: int = 0
    requires_attention: bool = False


class CalibrationReport(Document):
    """All findings of one snapshot under one config.

    `track_record`: what the released versions of the line promised and what came, this window included; absent where
    none promised anything.
    """

    schema_: Literal["calibgit/calibration-report/1"] = Field(default="calibgit/calibration-report/1", alias="schema")
    line: str
    window: TimeWindow
    config: ConfigRef
    snapshot_sha256: str
    previous_sha256: str | None = None
    history_sha256: str | None = None
    settings_sha256: str
    summary: ReportSummary
    findings: tuple[Finding, ...]
    track_record: tuple[VersionTrack, ...] | None = None

    def finding(self, finding_id: str) -> Finding | None:
        """The finding with that id, or None."""
        return next((f for f in self.findings if f.id == finding_id), None)
