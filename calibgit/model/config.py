"""The scoring config document. Its meaning is `model.semantics`; this is its shape."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, FiniteFloat, model_validator

from calibgit.model import semantics
from calibgit.model.base import Document
from calibgit.model.canonical import read_json
from calibgit.model.config_data import MAX_CONFIG_BYTES, require_meaning
from calibgit.model.ids import Version

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Number = Annotated[int, Field(strict=True)] | Annotated[FiniteFloat, Field(strict=True)]
Weight = Annotated[int, Field(strict=True, ge=0)] | Annotated[FiniteFloat, Field(strict=True, ge=0)]
Penalty = Annotated[int, Field(strict=True, le=0)] | Annotated[FiniteFloat, Field(strict=True, le=0)]
Share = Annotated[int, Field(strict=True, ge=0, le=1)] | Annotated[FiniteFloat, Field(strict=True, ge=0, le=1)]
FlagLimit = Annotated[int, Field(strict=True, ge=0)]
Flag = Annotated[bool, Field(strict=True)]

_FLAG_GATE = semantics.FLAG_GATE + "[A-Za-z0-9_]+"


class ScoreRange(Document):
    """Lowest and highest score, both included."""

    min: Number
    max: Number


class Band(Document):
    """The gates of one band: `min_score`, `min_confidence` and any `max_red_flags_<severity>`."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "additionalProperties": False,
            "patternProperties": {f"^{_FLAG_GATE}$": {"type": "integer", "minimum": 0}},
        },
    )
    __pydantic_extra__: dict[str, FlagLimit] = Field(init=False)

    min_score: Number
    min_confidence: Share | None = None

    @model_validator(mode="after")
    def _only_flag_gates(self) -> Self:
        for key in self.model_extra or {}:
            if re.fullmatch(_FLAG_GATE, key) is None:
                raise ValueError(f"{key} is not a gate")
        return self


class SeverityRule(Document):
    """When the flags of one severity count, and whether they escalate."""

    min_occurrences: Annotated[int, Field(strict=True, ge=1)] = 1
    auto_escalate: Flag = False


class Adjustment(Document):
    """A bounded input to the score: `weight x value`, held inside `[min, max]`."""

    weight: Number
    min: Number
    max: Number


class ScoringConfig(Document):
    """One version of a line's scoring config; immutable once released."""

    schema_: Literal["calibgit/scoring-config/1"] = Field(alias="schema")
    logic_version: Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){2}$")]
    score_range: ScoreRange
    category_weights: dict[Name, Weight]
    deal_breaker_penalties: dict[Name, Penalty]
    compatibility_thresholds: Annotated[dict[Name, Band], Field(min_length=2)]
    red_flag_severity_thresholds: dict[Name, SeverityRule]
    scoring_adjustments: dict[Name, Adjustment]
    metadata: dict[str, Any]

    @property
    def version(self) -> Version:
        """The version that the document claims."""
        return Version.parse(self.logic_version)

    @property
    def bands(self) -> tuple[str, ...]:
        """Band names, best first."""
        return tuple(self.compatibility_thresholds)


def read_config(data: bytes, name: str) -> tuple[ScoringConfig, dict[str, Any]]:
    """Parse, validate and check the meaning of a scoring config.

    Returns:
        The typed document, and the plain JSON data that `semantics` reads (key order kept).

    Raises:
        DocumentError: TOO_LARGE, NOT_UTF8, NOT_JSON, SCHEMA or CONFIG_MEANING.
    """
    value = read_json(data, name, limit=MAX_CONFIG_BYTES)
    config = ScoringConfig.of(value, name)
    require_meaning(value, name)
    return config, value
