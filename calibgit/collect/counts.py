"""The exact rows of one stratum, read by fact; and the account of what disclosure control did to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from calibgit.engine.gates import CONFIDENCE_SCALE, units
from calibgit.engine.plan import Plan
from calibgit.engine.tables import TABLES
from calibgit.model import semantics
from calibgit.model.blocks import CrossBlock
from calibgit.model.snapshot import CountRow


@dataclass
class Account:
    """What the published blocks do not show of disclosure control: `widths` of the intervals of hidden counts."""

    withheld_strata: int = 0
    widths: dict[CrossBlock, list[int]] = field(default_factory=dict)
    linked: bool = False


@dataclass(frozen=True)
class Counts:
    """The exact rows of one stratum.

    Attributes:
        least: the smallest count other than zero that may be published.
        kept: scores at which an earlier config had its cuts, kept as edges like the cuts in force.
    """

    plan: Plan
    least: int
    account: Account
    rows: Mapping[str, Sequence[CountRow]]
    roles: frozenset[str]
    n: int
    bands: tuple[str, ...]
    kept: tuple[float, ...] = ()

    def by_fact(self, table: str, fact: str, words: Iterable[str] = ()) -> dict[str, int]:
        """Count by one fact of a table, over all others, with zeros for `words`."""
        found = dict.fromkeys(words, 0)
        for (word,), _, n in self.facts(table, fact):
            found[word] = found.get(word, 0) + n
        return found

    def facts(self, table: str, *facts: str) -> Iterator[tuple[tuple[str, ...], int | None, int]]:
        """Some facts, the bin and the count of each row of a table."""
        places = [TABLES[table].keys.index(fact) for fact in facts]
        for row in self.rows.get(table, ()):
            yield tuple(row.keys[place] for place in places), row.bin, row.n

    @cached_property
    def score_caps(self) -> tuple[int, ...]:
        """By bin of the base grid: the best band that its scores reach; cuts are edges of that grid."""
        grid, last = self.plan.score, len(self.bands) - 1
        cuts = [units(cut, grid.scale) for cut in self.plan.gates.cuts[:-1]]
        places = (grid.min + where * grid.step for where in range(grid.bins))
        return tuple(next((index for index, cut in enumerate(cuts) if place >= cut), last) for place in places)

    def confidence_caps(self, lo: int, hi: int) -> frozenset[int]:
        """The best bands that confidences in bins `[lo, hi)` reach; bin -1 stands for no value."""
        grid, gates = self.plan.confidence, self.plan.gates
        found = {semantics.confidence_cap(gates, None)} if lo < 0 else set()
        if hi > 0:
            first, last = max(lo, 0) * grid.step, min(hi * grid.step - 1, CONFIDENCE_SCALE)
            worst, best = (self._confidence_cap(value) for value in (first, last))
            found.update(range(best, worst + 1))
        return frozenset(found)

    def _confidence_cap(self, value: int) -> int:
        limits = self._confidence_limits
        return next((i for i, limit in enumerate(limits) if limit is None or value >= limit), len(limits))

    @cached_property
    def _confidence_limits(self) -> tuple[int | None, ...]:
        limits = self.plan.gates.confidence[:-1]
        return tuple(None if limit is None else units(limit, CONFIDENCE_SCALE) for limit in limits)

    def small(self, *numbers: int) -> bool:
        """Whether one of these may not be published."""
        return any(0 < n < self.least for n in numbers)
