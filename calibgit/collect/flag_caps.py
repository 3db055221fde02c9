"""What numbers of flags say of the best band that the flags let through."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from calibgit.engine.plan import Plan
from calibgit.model import semantics
from calibgit.model.blocks import MOST_OF_SECOND, MOST_OF_WORST, FlagCell
from calibgit.model.snapshot import MISSING, NO_VALUE, OTHER

Caps = frozenset[int]


def words_of(plan: Plan, cell: FlagCell, *, recorded: bool) -> frozenset[str]:
    """Worst severities that the assessments of a cell can have; `recorded`: those without a record stand apart."""
    if cell.worst_lo == NO_VALUE:
        return frozenset({MISSING})
    severities = plan.severities
    found = set(severities[:1]) if cell.worst_hi > 1 else set()
    if cell.worst_lo == 0:
        found |= set(severities[1:2]) if cell.second_hi > 1 else set()
        if cell.second_lo == 0:
            found |= {*severities[2:], "none", OTHER, *([] if recorded else [MISSING])}
    return frozenset(found)


def caps_of_cell(plan: Plan, cell: FlagCell, word: str) -> Caps:
    """The caps that the flags of a cell set, where their worst severity is `word`."""
    if word == MISSING or cell.worst_lo == NO_VALUE:
        return caps_of_worst(plan, MISSING)
    numbers = _telling(plan)
    first = {n for n in numbers if cell.worst_lo <= n and (n < cell.worst_hi or cell.worst_hi > MOST_OF_WORST)}
    second = {n for n in numbers if cell.second_lo <= n and (n < cell.second_hi or cell.second_hi > MOST_OF_SECOND)}
    return _caps(plan, word, {0: first, 1: second})


def caps_of_worst(plan: Plan, word: str) -> Caps:
    """The caps that flags set whose worst severity is `word`."""
    if word == MISSING:
        return frozenset({semantics.flag_cap(plan.gates, None)})
    return _caps(plan, word, {})


def _telling(plan: Plan) -> frozenset[int]:
    """Numbers of flags that stand for all: each that can be shown, and each at which a gate turns."""
    limits = [limit for each in plan.gates.flags.values() for limit in each if limit is not None]
    rules = plan.config["red_flag_severity_thresholds"].values()
    turns = [limit + 1 for limit in limits] + [int(rule.get("min_occurrences", 1)) for rule in rules]
    return frozenset({*range(MOST_OF_SECOND + 2), *turns})


def _caps(plan: Plan, word: str, known: Mapping[int, Collection[int]]) -> Caps:
    numbers = _telling(plan)
    place = plan.severities.index(word) if word in plan.severities else len(plan.severities)
    found = {0}
    for index, severity in enumerate(plan.severities):
        able = set(known.get(index, numbers))
        able &= {0} if index < place else numbers - {0} if index == place else numbers
        caps = {semantics.flag_cap(plan.gates, semantics.effective_flags(plan.config, {severity: n})) for n in able}
        found = {max(a, b) for a in found for b in caps}
    return frozenset(found)
