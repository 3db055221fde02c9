"""The count tables of a collection, as data: which facts of an assessment are counted together.

A fact is a closed word or a bin; `engine.facts` has their SQL. Each table is one GROUP BY over the same facts of the
same rows, so all of them have the same total. A table's facts are packed into one whole number, because engines group
by one number faster than by several texts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from calibgit.engine.plan import Plan
from calibgit.engine.words import size, word, words


@dataclass(frozen=True, slots=True)
class Table:
    """One table of counts.

    Attributes:
        keys: facts that are words, after the stratum.
        bin: the fact that is a bin of a grid, if any.
        roles: the table is counted when one of these roles is mapped; always when there is none.
    """

    keys: tuple[str, ...]
    bin: str | None = None
    roles: tuple[str, ...] = ()

    @property
    def facts(self) -> tuple[str, ...]:
        """All facts, the stratum first and the bin last."""
        return ("stratum", *self.keys, *([self.bin] if self.bin else []))


TABLES: Final[Mapping[str, Table]] = {
    "score": Table(("fold", "cap", "label"), "score_bin"),
    "group": Table(("cohort", "cap"), "score_bin", ("group",)),
    "confidence": Table(
        ("cap_but_confidence", "label", "sufficiency", "confidence"), "confidence_bin", ("confidence",)
    ),
    "flag_counts": Table(("cap_but_flags", "worst_count", "second_count"), None, ("flags",)),
    "traits": Table(("label", "worst", "escalation"), None, ("flags", "escalation")),
    "readable": Table(("flags_state", "sufficiency_state"), None, ("flags", "sufficiency")),
    "tier": Table(("label", "tier"), None, ("tier",)),
    "sufficiency": Table(("label", "sufficiency"), None, ("sufficiency",)),
    "conflict": Table(("conflict",), "conflict_bin", ("conflict",)),
    "period": Table(("period", "label", "flagged", "escalated", "sufficiency")),
    "outcome_score": Table(("cap", "outcome"), "score_bin", ("outcome",)),
    "outcome_confidence": Table(("outcome", "confidence"), "confidence_bin", ("outcome",)),
    "outcome_period": Table(("period", "label", "outcome"), None, ("outcome",)),
    "feedback": Table(("label", "feedback"), None, ("feedback",)),
}

NO_SCORE: Final = ("missing", "invalid")


def indicators(plan: Plan) -> dict[str, tuple[str, str]]:
    """Name of a yes-or-no question to the fact that answers it and the word that means yes."""
    found = {f"label:{band}": ("label", band) for band in plan.gates.bands}
    if plan.severities:
        found[f"severity:{plan.severities[0]}"] = ("severe", "yes")
    return found | {
        "flagged": ("flagged", "yes"),
        "escalated": ("escalated", "yes"),
        "insufficient": ("sufficiency", "no"),
    }


def wanted_tables(roles: Collection[str]) -> dict[str, Table]:
    """The tables that a mapping with these roles can fill, in order."""
    return {name: table for name, table in TABLES.items() if not table.roles or set(table.roles) & set(roles)}


def all_facts(tables: Collection[Table], *more: str) -> tuple[str, ...]:
    """Every fact of some tables and more facts, each once, in order of first use."""
    return tuple(dict.fromkeys([*(fact for table in tables for fact in table.facts), *more]))


def packed(plan: Plan, facts: Sequence[str], columns: Mapping[str, str] | None = None) -> str:
    """SQL for some facts as one whole number; `unpack` takes that of a table apart again.

    Args:
        plan: what is counted.
        facts: the facts, the one of most weight first.
        columns: SQL of each fact; its name where this is not given.
    """
    text = ""
    for fact in facts:
        column = columns[fact] if columns else fact
        text = f"({text}) * {size(plan, fact)} + {column}" if text else column
    return text


def unpack(plan: Plan, table: Table, number: int) -> tuple[str, tuple[str, ...], int | None]:
    """Stratum, words and bin of a packed number; None for a missing value on the axis of the bin."""
    places: dict[str, int] = {}
    for fact in reversed(table.facts):
        number, places[fact] = divmod(number, size(plan, fact))
    where = None if table.bin is None or places[table.bin] == 0 else places[table.bin] - 1
    return word(plan, "stratum", places["stratum"]), tuple(word(plan, key, places[key]) for key in table.keys), where


def packed_score(plan: Plan, stratum: str, category: str, where: str) -> str:
    """SQL for stratum, category and place of a score as one whole number; `unpack_score` takes it apart again.

    A place is two more than a bin, or that of the word in `NO_SCORE` for what stands instead of a score.
    """
    return f"({stratum} * {len(plan.categories)} + {category}) * {plan.category.bins + len(NO_SCORE)} + {where}"


def most_packed_score(plan: Plan) -> int:
    """A number that is above all of `packed_score`."""
    return len(words(plan, "stratum")) * len(plan.categories) * (plan.category.bins + len(NO_SCORE))


def unpack_score(plan: Plan, number: int) -> tuple[str, str, int | str]:
    """Stratum, category, and bin or word of `NO_SCORE` of a packed number."""
    rest, place = divmod(number, plan.category.bins + len(NO_SCORE))
    stratum, category = divmod(rest, len(plan.categories))
    where = NO_SCORE[place] if place < len(NO_SCORE) else place - len(NO_SCORE)
    return word(plan, "stratum", stratum), plan.categories[category], where
