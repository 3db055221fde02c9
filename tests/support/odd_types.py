"""A value of one type in every column that is counted, and the words that it must be counted in."""

from __future__ import annotations

from collections.abc import Mapping

from calibgit.model.snapshot import MISSING, OTHER, ExactSnapshot
from tests.support.results import COLUMN_OF, margin

FIXED = ("created_at", "score", "subject", "logic_version")
ODD_COLUMNS = tuple(name for role, name in COLUMN_OF.items() if role not in FIXED)
_TABLE_OF = {
    "label": ("score", "label"), "confidence": ("confidence", "confidence"), "flags": ("readable", "flags_state"),
    "sufficiency": ("readable", "sufficiency_state"), "conflict": ("conflict", "conflict"), "tier": ("tier", "tier"),
    "escalation": ("traits", "escalation"), "outcome": ("outcome_score", "outcome"),
    "feedback": ("feedback", "feedback"), "group": ("group", "cohort"),
}  # fmt: skip
UNREAD = {
    "label": OTHER, "category_scores": "invalid", "confidence": "invalid", "flags": "invalid", "sufficiency": "invalid",
    "conflict": "invalid", "tier": OTHER, "escalation": "other", "outcome": "invalid", "feedback": "invalid", "group": OTHER,
}  # fmt: skip
TRUE = UNREAD | {"sufficiency": "ok", "outcome": "1"}
ONE = TRUE | {"confidence": "ok", "conflict": "ok", "feedback": "1"}
NAN = UNREAD | {"confidence": "missing", "conflict": "missing", "feedback": MISSING}
LIST = UNREAD | {"flags": "ok"}
OBJECT = UNREAD | {"category_scores": "missing", "conflict": "missing"}


def states(exact: ExactSnapshot) -> Mapping[str, str]:
    """By role, the word in which the one row of a snapshot is counted."""
    found = {}
    for role, (table, fact) in _TABLE_OF.items():
        ((word,),) = margin(exact, table, fact)
        found[role] = word
    scores = {row.keys[1] for row in exact.rows if row.block == "category_state" and row.keys[0] == "expertise"}
    return found | {"category_scores": scores.pop() if scores else "ok"}
