"""Tables that are counted together: one grouping by all their facts, from whose few rows each table follows.

Tables with the same bin share a grouping. Engines then group every assessment by a few numbers, and not once a table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from calibgit.engine.plan import Plan
from calibgit.engine.tables import Table, all_facts, packed
from calibgit.engine.words import size

MOST: Final = 1 << 60  # packed numbers are below it, so that they fit in 64 bits


@dataclass(frozen=True, slots=True)
class Grouping:
    """Some tables, by name, and all their facts."""

    tables: Mapping[str, Table]

    @property
    def facts(self) -> tuple[str, ...]:
        """Every fact of the tables, once; the stratum first."""
        return all_facts(self.tables.values())


def groupings(plan: Plan, tables: Mapping[str, Table]) -> tuple[Grouping, ...]:
    """All tables in as few groupings as bins and packed numbers allow, in order."""
    found: list[Grouping] = []
    for name, table in tables.items():
        for place, grouping in enumerate(found):
            joined = Grouping({**grouping.tables, name: table})
            same = next(iter(grouping.tables.values())).bin == table.bin
            if same and _numbers(plan, joined.facts) < MOST:
                found[place] = joined
                break
        else:
            found.append(Grouping({name: table}))
    return tuple(found)


def packed_again(plan: Plan, grouping: Grouping, table: Table, column: str, quotient: str) -> str:
    """SQL for the packed number of a table, from that of its grouping.

    Args:
        plan: what is counted.
        grouping: the grouping.
        table: one of its tables.
        column: holds the packed number of the grouping.
        quotient: SQL for the whole part of `{a} / {b}`, both whole and not negative.
    """
    found = {fact: _value(plan, grouping, fact, column, quotient) for fact in table.facts}
    return packed(plan, table.facts, found)


def _value(plan: Plan, grouping: Grouping, fact: str, column: str, quotient: str) -> str:
    facts = grouping.facts
    unit = _numbers(plan, facts[facts.index(fact) + 1 :])
    shifted = column if unit == 1 else quotient.replace("{a}", column).replace("{b}", str(unit))
    return shifted if fact == facts[0] else f"({shifted} % {size(plan, fact)})"


def _numbers(plan: Plan, facts: tuple[str, ...]) -> int:
    found = 1
    for fact in facts:
        found *= size(plan, fact)
    return found
