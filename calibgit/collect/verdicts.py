"""Words that only exact counts can give. No number leaves, and no word turns because of one person.

- `label_conformance` *deviates* when recorded labels differ from the implied ones in more than 0.5% of the labelled
  assessments and in at least the threshold. So the word tells no more than that so many differ, or that fewer do.
- `score_range` is *outside* when at least the threshold of scores lie outside it.
- `outcome_maturity` of a period is *mature* when at most a fifth of its outcomes are open. It is *not assessable*
  for fewer assessments than twice the threshold, where one person would weigh too much.
- A role is *unreadable* when at least the threshold of its values are there and cannot be read; for
  `category_scores`, of the values of one category.

One person more or less turns a word only where the count stands at its limit; the limit is never below the threshold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final, Literal

from calibgit.collect.counts import Counts
from calibgit.model.blocks import Maturity, MaturityBlock, ReadRole, Verdicts

DISAGREEMENT_LIMIT = 0.005
OPEN_LIMIT = 0.2
_STATES: Final[Mapping[ReadRole, tuple[str, str]]] = {
    "confidence": ("confidence", "confidence"),
    "conflict": ("conflict", "conflict"),
    "feedback": ("feedback", "feedback"),
    "flags": ("readable", "flags_state"),
    "outcome": ("outcome_period", "outcome"),
    "sufficiency": ("readable", "sufficiency_state"),
}


def differing(counts: Counts) -> tuple[int, int]:
    """Assessments whose recorded label is a band, and those of them whose label is not the implied one."""
    index = {band: position for position, band in enumerate(counts.bands)}
    mapped = wrong = 0
    for (recorded, cap), where, n in counts.facts("score", "label", "cap"):
        if recorded in index:
            mapped += n
            wrong += n if index[recorded] != max(int(cap), counts.score_caps[where or 0]) else 0
    return mapped, wrong


def verdicts(counts: Counts) -> Verdicts:
    """All words of a stratum."""
    outside = sum(row.n for row in counts.rows.get("dropped", ()) if row.keys[0] == "score_outside")
    return Verdicts(
        label_conformance=_conformance(counts),
        score_range="outside" if outside >= counts.least else "inside",
        outcome_maturity=_maturity(counts),
        unreadable=_unreadable(counts),
    )


def _unreadable(counts: Counts) -> tuple[ReadRole, ...]:
    by_category: Counter[str] = Counter()
    for row in counts.rows.get("category_state", ()):
        by_category[row.keys[0]] += row.n if row.keys[1] == "invalid" else 0
    found: dict[ReadRole, int] = {
        role: counts.by_fact(table, fact).get("invalid", 0) for role, (table, fact) in _STATES.items()
    }
    found["category_scores"] = max(by_category.values(), default=0)
    return tuple(sorted(role for role, n in found.items() if n >= counts.least))


def _conformance(counts: Counts) -> Literal["conforms", "deviates", "absent", "not_assessable"]:
    if "label" not in counts.roles:
        return "absent"
    mapped, wrong = differing(counts)
    if mapped < counts.least:
        return "not_assessable"
    return "deviates" if wrong >= counts.least and wrong > DISAGREEMENT_LIMIT * mapped else "conforms"


def _maturity(counts: Counts) -> MaturityBlock:
    if "outcome" not in counts.roles:
        return MaturityBlock(status="absent")
    found: dict[str, dict[str, int]] = {name: {} for name, _ in counts.plan.periods}
    for (period, outcome), _, n in counts.facts("outcome_period", "period", "outcome"):
        found[period][outcome] = found[period].get(outcome, 0) + n
    words = {period: _mature(kinds, counts.least) for period, kinds in sorted(found.items())}
    return MaturityBlock(status="present", periods=words)


def _mature(kinds: dict[str, int], least: int) -> Maturity:
    n, pending = sum(kinds.values()), kinds.get("pending", 0)
    if n < 2 * least:
        return "not_assessable"
    limit = max(least, OPEN_LIMIT * n)
    return "immature" if pending > limit else "mature"
