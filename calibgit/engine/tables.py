"""The count tables of a collection, as data: which facts of an assessment are counted together.

A fact is a closed word or a bin; `engine.facts` has their SQL. Each table is one GROUP BY over the same facts of the
same rows, so all of them have the same total.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final


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
    "tier": Table(("label", "tier"), None, ("tier",)),
    "sufficiency": Table(("label", "sufficiency"), None, ("sufficiency",)),
    "conflict": Table(("conflict",), "conflict_bin", ("conflict",)),
    "period": Table(("period", "label", "flagged", "escalated", "sufficiency")),
    "outcome_score": Table(("cap", "outcome"), "score_bin", ("outcome",)),
    "outcome_confidence": Table(("outcome", "confidence"), "confidence_bin", ("outcome",)),
    "outcome_period": Table(("period", "label", "outcome"), None, ("outcome",)),
    "feedback": Table(("label", "feedback"), None, ("feedback",)),
}
NO_BIN: Final = -1


def wanted_tables(roles: Collection[str]) -> dict[str, Table]:
    """The tables that a mapping with these roles can fill, in order."""
    return {name: table for name, table in TABLES.items() if not table.roles or set(table.roles) & set(roles)}


def all_facts(tables: Collection[Table]) -> tuple[str, ...]:
    """Every fact of some tables, each once, in order of first use."""
    return tuple(dict.fromkeys(fact for table in tables for fact in table.facts))


def by_pattern(tables: Mapping[str, Table], facts: Sequence[str]) -> dict[tuple[bool, ...], str]:
    """Which facts a row of a table has, to the name of the table. Facts are never NULL, so this tells rows apart."""
    found = {tuple(fact in table.facts for fact in facts): name for name, table in tables.items()}
    if len(found) != len(tables):
        raise AssertionError("two tables count the same facts")
    return found
