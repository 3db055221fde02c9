"""Stage 1's output: counts over one window. The exact snapshot stays private; the published one is committed.

Bins are half-open and counted from zero: bin `i` of a grid covers `[min + i*step, min + (i+1)*step)`, the last bin
holds exactly the top of the range. Cells name bins, `lo` included and `hi` excluded. In the blocks of confidence and
conflict a first cell `[-1, 0)` holds the assessments without a value. `model.blocks` has the other published blocks.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from calibgit.model.base import Document
from calibgit.model.blocks import (
    Count,
    CrossBlock,
    DesignBlock,
    FlagCountBlock,
    FlagDetailBlock,
    MomentBlock,
    Presence,
    PrivacyStatement,
    RateBlock,
    SubjectBlock,
    TallyBlock,
    Verdicts,
)

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

    A group is a band's index, and means the cap that all gates but the block's own set.
    """

    groups: tuple[int, ...]
    cells: tuple[GridCell, ...]


class GridBlock(Document):
    """A histogram by group on a published coarsening of a base grid."""

    status: Presence
    grid: GridSpec | None = None
    rows: tuple[GridRow, ...] = ()


class HalfBlock(Document):
    """Of the rows of the score block, the assessments of half `a` of the subjects; the rest of a row is half `b`.

    Cells lie on some edges of their row; a row that may not be halved is left out. Absent where no column says who was
    assessed: one person could stand in both halves, and what was tuned on one would not be tested on others.
    """

    status: Presence
    rows: tuple[GridRow, ...] = ()


class GroupBlock(Document):
    """The score block by declared group of people: rows pool the same caps, on some of their edges."""

    status: Presence
    groups: dict[str, tuple[GridRow, ...]] = {}


class WordRow(Document):
    """Assessments with one of these words, in cells that all rows of the block have."""

    words: tuple[str, ...]
    cells: tuple[GridCell, ...]


class WordBlock(Document):
    """A word of each assessment by its confidence, on edges that all rows of the block `confidence` have."""

    status: Presence
    grid: GridSpec | None = None
    rows: tuple[WordRow, ...] = ()


class OutcomeCell(Document):
    """Assessments of one range of bins whose outcome is known: `n`, `positives` among them; and `pending` ones."""

    lo: int
    hi: int
    n: Count
    positives: Count
    pending: Count = 0


class OutcomeBlock(Document):
    """Outcome by confidence, on edges that all rows of the block `confidence` share.

    `pending` is the number whose outcome is open, or cannot be read; None where it is too small to be published, and
    then the cells that hold such outcomes are left out.
    """

    status: Presence
    grid: GridSpec | None = None
    cells: tuple[OutcomeCell, ...] = ()
    pending: Count | None = None


class OutcomeRow(Document):
    """Outcomes of one row of the score block, on some of its edges; the cells cover the row."""

    groups: tuple[int, ...]
    cells: tuple[OutcomeCell, ...]


class ScoreOutcomeBlock(Document):
    """Outcome by score and by the cap of the other gates; rows with too few of a kind are left out."""

    status: Presence
    rows: tuple[OutcomeRow, ...] = ()


class CategorySum(Document):
    """Of `n` assessments with this category, the sum of its scores in fixed point `scale`, and their histogram."""

    n: Count
    total: int
    scale: int
    cells: tuple[GridCell, ...] = ()


class CategoryBlock(Document):
    """Coverage, mean and histogram by category; a category too rare to publish is None."""

    status: Presence
    grid: GridSpec | None = None
    categories: dict[str, CategorySum | None] = {}


class Stratum(Document):
    """The blocks of one logic version. Versions are never pooled. `n` is the number of counted assessments.

    `dropped`: rows of the window that are not among them, by reason: score missing, no number, or outside the range.
    Withheld means that there are none, or fewer than the threshold.

    Blocks: `score` by the cap of the other gates, and by declared group and half; `confidence` by the cap of the other
    gates; `flag_counts` by the cap of the other gates; `crosses` of two words, named by their tallies. Each block has a
    status: absent where no mapped column could fill it, withheld where disclosure control left it out.
    """

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
    subjects: SubjectBlock = SubjectBlock(status="absent")
    dropped: TallyBlock = TallyBlock(status="withheld")
    groups: GroupBlock = GroupBlock(status="absent")
    halves: HalfBlock = HalfBlock(status="absent")
    label_confidence: WordBlock = WordBlock(status="absent")
    sufficiency_confidence: WordBlock = WordBlock(status="absent")
    outcome_score: ScoreOutcomeBlock = ScoreOutcomeBlock(status="absent")
    flag_counts: FlagCountBlock = FlagCountBlock(status="absent")
    flag_details: FlagDetailBlock = FlagDetailBlock(status="absent")
    feedback: TallyBlock = TallyBlock(status="absent")
    periods: TallyBlock = TallyBlock(status="absent")
    crosses: dict[str, CrossBlock] = {}
    moments: MomentBlock = MomentBlock(status="absent")
    design: DesignBlock = DesignBlock(status="absent")


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
