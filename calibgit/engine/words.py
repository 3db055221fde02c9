"""The closed words of every fact. SQL returns places in these lists, so no text ever comes from the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from calibgit.engine.plan import Plan
from calibgit.model.blocks import MOST_OF_SECOND, MOST_OF_WORST
from calibgit.model.snapshot import MISSING, OTHER

FEEDBACK: Final = (1, 2, 3, 4, 5)
_STATE: Final = ("ok", "missing", "invalid")
_YES_NO: Final = ("yes", "no", MISSING)


def _bands(plan: Plan) -> tuple[str, ...]:
    return tuple(str(index) for index in range(len(plan.gates.bands)))


_WORDS: Final[Mapping[str, Callable[[Plan], tuple[str, ...]]]] = {
    "stratum": lambda plan: (*plan.versions, OTHER),
    "fold": lambda _: ("a", "b", "-"),
    "cap": _bands,
    "cap_but_confidence": _bands,
    "cap_but_flags": _bands,
    "label": lambda plan: (*plan.gates.bands, OTHER, MISSING),
    "cohort": lambda plan: (*plan.groups, OTHER, MISSING),
    "confidence": lambda _: _STATE,
    "conflict": lambda _: _STATE,
    "worst": lambda plan: (*plan.severities, "none", OTHER, MISSING),
    "worst_count": lambda _: (*(str(n) for n in range(MOST_OF_WORST + 1)), MISSING),
    "second_count": lambda _: (*(str(n) for n in range(MOST_OF_SECOND + 1)), MISSING),
    "flags_state": lambda _: _STATE,
    "sufficiency_state": lambda _: _STATE,
    "flagged": lambda _: _YES_NO,
    "severe": lambda _: _YES_NO,
    "flag_type": lambda plan: (*plan.flag_types, OTHER, MISSING),
    "escalation": lambda plan: (*(item.name for item in plan.settings.vocabulary.escalation), "other", "none"),
    "escalated": lambda _: _YES_NO,
    "tier": lambda plan: (*plan.tiers, OTHER, MISSING),
    "sufficiency": lambda _: _YES_NO,
    "outcome": lambda _: ("1", "0", "pending", "invalid"),
    "feedback": lambda _: (*(str(n) for n in FEEDBACK), "invalid", MISSING),
    "period": lambda plan: tuple(name for name, _ in plan.periods),
}
_BINS: Final[Mapping[str, Callable[[Plan], int]]] = {
    "score_bin": lambda plan: plan.score.bins,
    "confidence_bin": lambda plan: plan.confidence.bins,
    "conflict_bin": lambda plan: plan.conflict.bins,
}


def words(plan: Plan, fact: str) -> tuple[str, ...]:
    """The words of a fact, in the order of their places."""
    return _WORDS[fact](plan)


def size(plan: Plan, fact: str) -> int:
    """How many values a fact has; a bin has one more, place 0, for a missing value."""
    return _BINS[fact](plan) + 1 if fact in _BINS else len(words(plan, fact))


def word(plan: Plan, fact: str, place: int) -> str:
    """The word at a place."""
    return words(plan, fact)[place]
