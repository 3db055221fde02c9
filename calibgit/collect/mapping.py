"""A first mapping of a table's columns to roles, from their names and declared types alone.

A column fits a role when its name is one of the role's words and its type one that the role reads. Names are compared
in lower case, with `_` for every run of other signs and before an inner capital: `Overall Score`, `overallScore` and
`OVERALL_SCORE` are one name. A name with a letter outside ASCII fits nothing: it may only look like the word. A role
that exactly one column fits gets it; two or more are never decided here. No word belongs to two roles.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from calibgit.engine.base import Family

Finding = Literal["matched", "no_name", "wrong_type", "ambiguous", "for_a_person"]

_BEFORE_CAPITAL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_OTHER_SIGNS: Final = re.compile(r"[^a-z0-9]+")
_LONGEST: Final = 255
_NUMBER: Final[frozenset[Family]] = frozenset({"number", "text", "json", "unknown"})
_WORD: Final[frozenset[Family]] = frozenset({"text", "unknown"})
_PARTS: Final[frozenset[Family]] = frozenset({"json", "nested", "text", "unknown"})
# Which group somebody belongs to is selected only when a person has said so, and has listed the groups.
FOR_A_PERSON: Final = frozenset({"group"})


@dataclass(frozen=True, slots=True)
class Field:
    """A column as the catalog knows it."""

    name: str
    family: Family


@dataclass(frozen=True, slots=True)
class Role:
    """What fits a role: words that name it, and families that it reads."""

    words: tuple[str, ...]
    families: frozenset[Family]


ROLES: Final[Mapping[str, Role]] = {
    "created_at": Role(
        ("created_at", "created_on", "created", "assessed_at", "scored_at", "timestamp"), _WORD | {"time"}
    ),
    "score": Role(("score", "overall_score", "total_score", "final_score"), _NUMBER),
    "subject": Role(("subject", "subject_id", "user_id", "person_id", "candidate_id"), _WORD | {"number"}),
    "logic_version": Role(("logic_version", "config_version", "scoring_version"), _WORD),
    "label": Role(("category", "label", "band", "classification"), _WORD),
    "category_scores": Role(("category_scores", "scores_by_category", "subscores"), _PARTS),
    "confidence": Role(("confidence", "confidence_score"), _NUMBER),
    "flags": Role(("flags", "red_flags"), _PARTS),
    "sufficiency": Role(
        ("sufficiency", "data_sufficiency", "data_sufficient", "sufficient"), _WORD | {"boolean", "number"}
    ),
    "conflict": Role(("conflict", "conflict_density", "conflict_score"), _NUMBER | {"nested"}),
    "escalation": Role(("escalation", "escalation_reason"), _WORD),
    "tier": Role(("tier", "user_tier", "subscription_tier"), _WORD),
    "outcome": Role(("outcome",), _WORD | {"boolean", "number"}),
    "feedback": Role(("feedback", "feedback_rating"), _WORD | {"number"}),
    "group": Role(("group", "cohort"), _WORD),
}


@dataclass(frozen=True, slots=True)
class Match:
    """What was found for one role.

    Attributes:
        role: its name in the settings.
        finding: `matched`; or why it has no column.
        columns: the one column that fits; all that fit, where it takes a person; those of the right name, where none
            has a type that the role reads. A name here is always one of the role's words, apart from capitals and
            signs, so it tells nothing that the table is not expected to tell.
    """

    role: str
    finding: Finding
    columns: tuple[str, ...] = ()

    @property
    def column(self) -> str | None:
        """The column that the role gets, if any."""
        return self.columns[0] if self.finding == "matched" else None


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """Every role once, in the order of the settings.

    Attributes:
        matches: one for each role.
        columns: how many columns the table has.
        numbers: how many columns that no role's words name may hold numbers.
    """

    matches: tuple[Match, ...]
    columns: int
    numbers: int

    @property
    def chosen(self) -> dict[str, str]:
        """Role to column."""
        return {match.role: match.column for match in self.matches if match.column is not None}

    def finding(self, role: str) -> Finding:
        """What was found for a role."""
        return next(match.finding for match in self.matches if match.role == role)


def match_columns(fields: Sequence[Field]) -> ColumnMapping:
    """The mapping of a table. Neither the order of its columns nor a column that fits nothing changes it."""
    ordered = sorted(fields, key=lambda field: field.name)
    known = {word for role in ROLES.values() for word in role.words}
    free = [field for field in ordered if normalised(field.name) not in known]
    return ColumnMapping(
        tuple(_match(name, ordered) for name in ROLES),
        len(fields),
        sum(field.family in {"number", "unknown"} for field in free),
    )


def normalised(name: str) -> str:
    """A column's name as it is compared; empty for one that fits nothing."""
    if not name.isascii() or len(name) > _LONGEST or "\0" in name:
        return ""
    return _OTHER_SIGNS.sub("_", _BEFORE_CAPITAL.sub("_", name).lower()).strip("_")


def _match(name: str, fields: Sequence[Field]) -> Match:
    role = ROLES[name]
    named = [field for field in fields if normalised(field.name) in role.words]
    fitting = tuple(field.name for field in named if field.family in role.families)
    if not named:
        return Match(name, "no_name")
    if not fitting:
        return Match(name, "wrong_type", tuple(field.name for field in named))
    if name in FOR_A_PERSON:
        return Match(name, "for_a_person", fitting)
    return Match(name, "matched" if len(fitting) == 1 else "ambiguous", fitting)
