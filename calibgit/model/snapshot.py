"""Stage 1's output: counts over one window. The exact snapshot stays private; the published one is committed.

Bins are half-open and counted from zero: bin `i` of a grid covers `[min + i*step, min + (i+1)*step)`, the last bin
holds exactly the top of the range. Cells name bins, `lo` included and `hi` excluded. In the blocks `confidence` and
`conflict` a first cell `[-1, 0)` holds the assessments without a value.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from calibgit.model.base import Document

Count = Annotated[int, Field(strict=True, ge=0)]
Presence = Literal["present", "absent", "withheld"]

OTHER = "__other__"
MISSING = "__missing__"
NO_VALUE = -1
ALL_STRATA = "*"


class TimeWindow(Document):
    """A half-open UTC interval of whole days: `start` included, `end` excluded, as YYYY-MM-DDTHH:MM:SSZ."""

    start: str
    end: str
    days: Annotated[int, Field(ge=1)]

    @property
    def stamp(self) -> str:
        """The window's end as YYYYMMDD_HHMMSS, for file names."""
        return self.end.replace("-", "").replace(":", "").replace("T", "_").rstrip("Z")


class ConfigRef(Document):
    """The config in force: version and SHA-256 of its bytes."""

    version: str
    sha256: str


class GridSpec(Document):
    """A grid in fixed point: real value = `(min + bin*step) / scale`."""

    scale: Annotated[int, Field(ge=1)]
    min: int
    step: Annotated[int, Field(ge=1)]
    bins: Annotated[int, Field(ge=2)]

    def value(self, edge: int) -> float:
        """Real value of the lower edge of bin `edge`."""
        return (self.min + edge * self.step) / self.scale

    def edge(self, value: float) -> int | None:
        """The bin whose lower edge is exactly `value`, or None if `value` lies between edges."""
        units = round(value * self.scale)
        if abs(units - value * self.scale) > 1e-6 or (units - self.min) % self.step:
            return None
        return (units - self.min) // self.step


class CountRow(Document):
    """One integer of the exact snapshot: `n` rows of `stratum` in `block` under the keys."""

    block: str
    stratum: str
    keys: tuple[str, ...]
    bin: int | None = None
    n: Count
    total: int = 0


class ExactSnapshot(Document):
    """The private snapshot: exact, mergeable, never committed.

    `subjects`: whether numbers of subjects were counted, are bounds after a merge, or no column says who was assessed.
    """

    schema_: Literal["calibgit/exact-snapshot/1"] = Field(default="calibgit/exact-snapshot/1", alias="schema")
    line: str
    window: TimeWindow
    config: ConfigRef
    settings_sha256: str
    roles: tuple[str, ...]
    subjects: Literal["counted", "bounded", "absent"]
    rows: tuple[CountRow, ...]


class GridCell(Document):
    """`n` assessments in bins `[lo, hi)` of one row of a grid block."""

    lo: int
    hi: int
    n: Count


class GridRow(Document):
    """One row of a grid block: the groups it pools, in order, and its cells, which cover all of its mass.

    For block `score` a group is a band's index: the cap that all gates but the score set.
    For block `confidence` a group is a band's index: the recorded label.
    """

    groups: tuple[int, ...]
    cells: tuple[GridCell, ...]


class GridBlock(Document):
    """A histogram by group on a published coarsening of a base grid."""

    status: Presence
    grid: GridSpec | None = None
    rows: tuple[GridRow, ...] = ()


class TallyBlock(Document):
    """Counts of exclusive keys. `folded`: closed keys too rare to publish, counted in `__other__`."""

    status: Presence
    counts: dict[str, Count] = {}
    folded: tuple[str, ...] = ()


class RateBlock(Document):
    """For each key, of `n` assessments how many have it; None where that count may not be published."""

    status: Presence
    n: Count = 0
    counts: dict[str, Count | None] = {}


class OutcomeCell(Document):
    """Assessments of one confidence bin range whose outcome is known: `n`, and `positives` among them."""

    lo: int
    hi: int
    n: Count
    positives: Count


class OutcomeBlock(Document):
    """Outcome by confidence; `pending` is the number without an outcome, None where it may not be published."""

    status: Presence
    grid: GridSpec | None = None
    cells: tuple[OutcomeCell, ...] = ()
    pending: Count | None = None


class CategorySum(Document):
    """Of `n` assessments with this category, the sum of its scores in fixed point `scale`."""

    n: Count
    total: int
    scale: int


class CategoryBlock(Document):
    """Coverage and mean by category; a category too rare to publish is None."""

    status: Presence
    categories: dict[str, CategorySum | None] = {}


class Verdicts(Document):
    """What only exact counts can show, as closed words without numbers."""

    label_conformance: Literal["conforms", "deviates", "absent", "not_assessable"] = "absent"
    score_range: Literal["inside", "outside"] = "inside"


class Stratum(Document):
    """The blocks of one logic version. Versions are never pooled. `n` is the number of counted assessments."""

    logic_version: str
    n: Count
    score: GridBlock
    labels: TallyBlock
    confidence: GridBlock
    outcome: OutcomeBlock
    flag_types: RateBlock
    flag_severity: TallyBlock
    escalation: TallyBlock
    tiers: TallyBlock
    sufficiency: TallyBlock
    conflict: GridBlock
    categories: CategoryBlock
    verdicts: Verdicts


class PrivacyStatement(Document):
    """What disclosure control did: smallest count, its unit, and what was merged, folded or withheld."""

    k: Annotated[int, Field(ge=1)]
    unit: Literal["rows", "subjects"]
    merged_bins: Count
    folded_keys: Count
    withheld_cells: Count
    withheld_strata: Count


class MetricsSnapshot(Document):
    """The published snapshot: the only input of analysis and proposal."""

    schema_: Literal["calibgit/metrics-snapshot/1"] = Field(default="calibgit/metrics-snapshot/1", alias="schema")
    line: str
    window: TimeWindow
    config: ConfigRef
    settings_sha256: str
    bands: tuple[str, ...]
    roles: tuple[str, ...]
    strata: tuple[Stratum, ...]
    privacy: PrivacyStatement

    def stratum(self, logic_version: str) -> Stratum | None:
        """The stratum of one logic version, or None."""
        return next((s for s in self.strata if s.logic_version == logic_version), None)
