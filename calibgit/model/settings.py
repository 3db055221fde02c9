"""`calibgit.toml`: lines, source mapping, vocabularies, limits."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from calibgit.errors import UsageError
from calibgit.model.base import Document
from calibgit.model.ids import choose_line, require_name
from calibgit.model.toml import read_toml

# A store allows any name; every dialect quotes it. Only NUL ends a name in all of them.
Column = Annotated[str, Field(pattern=r"^[^\x00]{1,255}$")]
TABLE: Final = r"^([^\x00.]{1,255}\.)?[^\x00.]{1,255}$"
Table = Annotated[str, Field(pattern=TABLE)]
Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_. -]{0,63}$")]
Rate = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]


class Columns(Document):
    """Role to column name. Only these columns are ever selected; an absent role is reported as absent."""

    created_at: Column
    score: Column
    subject: Column | None = None
    logic_version: Column | None = None
    label: Column | None = None
    category_scores: Column | None = None
    confidence: Column | None = None
    flags: Column | None = None
    sufficiency: Column | None = None
    conflict: Column | None = None
    escalation: Column | None = None
    tier: Column | None = None
    outcome: Column | None = None
    feedback: Column | None = None
    group: Column | None = None


class EscalationClass(Document):
    """A class of escalation reasons: the first class whose `contains` occurs in the reason, ignoring case, wins."""

    name: Key
    contains: Annotated[str, Field(min_length=1, max_length=80)]


class Source(Document):
    """How a results table maps to the roles.

    `table`: its name, with one schema before it where it needs one: `results.scan_results`.
    `created_at_as`: `timestamp` (UTC; a date is the start of that day), or `year` (an integer; the row counts at the
    start of that year).
    `logic_version`: the version that every row has when no column says it.
    `shards_share_subjects`: whether one subject may stand in several of the tables that are collected separately
    and merged; only where none does, numbers of subjects add.
    """

    table: Table
    columns: Columns
    created_at_as: Literal["timestamp", "year"] = "timestamp"
    logic_version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")] | None = None
    shards_share_subjects: bool = True

    @model_validator(mode="after")
    def _one_logic_version(self) -> Self:
        if (self.logic_version is None) == (self.columns.logic_version is None):
            raise ValueError("give either columns.logic_version or logic_version")
        return self


class Vocabulary(Document):
    """Closed key sets. A key outside its set is counted as `__other__`.

    `labels` maps a recorded label to a band name where the two are spelled differently. `groups` are the declared
    groups of people between whom the movement of a proposal is compared.
    """

    labels: dict[Key, Key] = {}
    categories: tuple[Key, ...] = ()
    flag_types: tuple[Key, ...] = ()
    severities: tuple[Key, ...] = ()
    tiers: tuple[Key, ...] = ()
    groups: tuple[Key, ...] = ()
    logic_versions: tuple[Key, ...] = ()
    escalation: tuple[EscalationClass, ...] = ()


class Range(Document):
    """An inclusive range for a rate; an absent end is unlimited."""

    min: Rate | None = None
    max: Rate | None = None


class Analysis(Document):
    """Limits of the findings. `min_n` is the least number of assessments that a rate is judged on."""

    min_n: Positive = 200
    min_n_crowding: Positive = 1000
    false_discovery_rate: Rate = 0.05
    crowding_ratio: Annotated[float, Field(ge=1)] = 1.1
    flag_rate: Range = Range(max=0.30)
    flag_rates: dict[Key, Range] = {}
    critical_flag_share: Range = Range(max=0.05)
    escalation_rate: Range = Range(max=0.15)
    insufficient_rate: Range = Range(max=0.20)
    absent_rate: Range = Range(max=0.05)
    conflict_rate: Range = Range(max=0.25)
    confidence_gap: Rate = 0.05
    confidence_gamma: Annotated[float, Field(ge=-1, le=1)] = 0.0
    class_shares: dict[Key, Range] = {}
    class_share: Range = Range(min=0.01, max=0.60)
    escalation_shift: Rate = 0.05
    decision_consistency: Range = Range(min=0.60)
    drift_shift: Rate = 0.02


class ProposalLimits(Document):
    """Hard limits of the search for a proposal."""

    max_step: Annotated[float, Field(gt=0)] = 5
    min_band_gap: Annotated[float, Field(gt=0)] = 10
    max_moved_share: Rate = 0.05
    selection_frequency: Rate = 0.9
    bootstrap_replicates: Annotated[int, Field(ge=0, le=2000)] = 200


class Grid(Document):
    """Base grid of scores: `step` in score points; scores are read in fixed point with `decimals` decimals."""

    step: Annotated[float, Field(gt=0)] = 1
    decimals: Annotated[int, Field(ge=0, le=4)] = 2


class Privacy(Document):
    """`k`: smallest count, other than zero, that may leave the private snapshot."""

    k: Annotated[int, Field(ge=5, le=100)] = 10


class Window(Document):
    """`anchor`: a UTC date on the grid of window ends; windows end `days` x n after it."""

    days: Positive = 30
    anchor: Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] = "2024-01-01"

    @model_validator(mode="after")
    def _real_date(self) -> Self:
        date.fromisoformat(self.anchor)
        return self


class Line(Document):
    """One governed family of configs. Where its files lie is said in `trust.toml`, under signature."""

    affects: tuple[Key, ...] = ("scoring", "classification")
    source: Source
    vocabulary: Vocabulary = Vocabulary()
    window: Window = Window()
    grid: Grid = Grid()
    privacy: Privacy = Privacy()
    analysis: Analysis = Analysis()
    proposal: ProposalLimits = ProposalLimits()


class Settings(Document):
    """The whole of `calibgit.toml`."""

    schema_: Literal["calibgit/settings/1"] = Field(alias="schema")
    lines: Annotated[dict[str, Line], Field(min_length=1)]

    @model_validator(mode="after")
    def _line_names(self) -> Self:
        for name in self.lines:
            try:
                require_name(name, "line")
            except UsageError as error:
                raise ValueError(error.what) from error
        return self

    def line(self, name: str | None) -> tuple[str, Line]:
        """The line called `name`, or the only line.

        Raises:
            UsageError: WHICH_LINE or UNKNOWN_LINE.
        """
        chosen = choose_line(name, self.lines)
        return chosen, self.lines[chosen]


def read_settings(data: bytes, name: str = "calibgit.toml") -> Settings:
    """Parse and validate `calibgit.toml`.

    Raises:
        DocumentError: NOT_TOML or SCHEMA.
    """
    return Settings.of(read_toml(data, name), name)
