"""The grid blocks of a stratum: histograms and outcomes on coarsened axes. `collect.disclose` has the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from calibgit.collect.partition import Cell, at_least, partition, pool
from calibgit.collect.plan import CONFIDENCE_GRID, CONFLICT_GRID
from calibgit.engine.gates import units
from calibgit.engine.plan import Plan
from calibgit.engine.tables import TABLES
from calibgit.model.snapshot import (
    NO_VALUE,
    CountRow,
    GridBlock,
    GridCell,
    GridRow,
    OutcomeBlock,
    OutcomeCell,
    TallyBlock,
)


@dataclass
class Account:
    """What disclosure control did so far."""

    merged_bins: int = 0
    folded_keys: int = 0
    withheld_cells: int = 0
    withheld_strata: int = 0


@dataclass(frozen=True)
class Counts:
    """The exact rows of one stratum."""

    plan: Plan
    k: int
    account: Account
    rows: Mapping[str, Sequence[CountRow]]
    roles: frozenset[str]
    n: int
    bands: tuple[str, ...]

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

    def score_cap(self, where: int) -> int:
        """The best band that the scores of a bin reach; cuts are edges of the base grid."""
        grid = self.plan.score
        return next(
            (
                index
                for index, cut in enumerate(self.plan.gates.cuts[:-1])
                if grid.min + where * grid.step >= units(cut, grid.scale)
            ),
            len(self.bands) - 1,
        )

    def small(self, n: int) -> bool:
        """Whether `n` may not be published."""
        return 0 < n < self.k


def score_block(counts: Counts) -> GridBlock:
    """Score by the cap of the other gates; edges stay at the cuts that can still decide in a row."""
    plan, grid = counts.plan, counts.plan.score
    bands = len(counts.bands)
    matrix = [[0] * grid.bins for _ in range(bands)]
    for (cap,), where, n in counts.facts("score", "cap"):
        matrix[int(cap)][where or 0] += n
    pools = pool([sum(line) for line in matrix], counts.k)
    counts.account.folded_keys += sum(len(groups) - 1 for groups in pools)
    unit = max(1, round(plan.settings.grid.step * grid.scale) // grid.step)
    cuts = [(units(cut, grid.scale) - grid.min) // grid.step for cut in plan.gates.cuts]
    rows = []
    for groups in pools:
        masses = [sum(column) for column in zip(*(matrix[group] for group in groups), strict=True)]
        keep = [cuts[index] for index in range(groups[0], bands - 1)]
        rows.append(GridRow(groups=groups, cells=_cells(counts, masses, 0, unit, keep)))
    return GridBlock(status="present", grid=grid, rows=tuple(rows))


def _cells(counts: Counts, masses: Sequence[int], missing: int, unit: int, keep: Sequence[int]) -> tuple[GridCell, ...]:
    """One row's cells; a small number without a value is counted in the lowest bin, like the gates treat it."""
    masses = list(masses)
    if counts.small(missing):
        masses[0] += missing
        counts.account.folded_keys += 1
        missing = 0
    if counts.small(sum(masses)):
        # Only possible beside at least k without a value: then nobody's value is shown.
        missing += sum(masses)
        masses = [0] * len(masses)
        counts.account.withheld_cells += 1
    found = partition([(n,) for n in masses], unit=unit, keep=keep, publishable=at_least(counts.k))
    counts.account.merged_bins += found.merges
    first = (GridCell(lo=NO_VALUE, hi=0, n=missing),) if missing else ()
    return (*first, *(GridCell(lo=cell.lo, hi=cell.hi, n=cell.measures[0]) for cell in found.cells))


def confidence_block(counts: Counts, labels: TallyBlock) -> GridBlock:
    """Confidence by recorded label; `labels` is the published tally, whose folded bands are pooled here too."""
    if "confidence" not in counts.roles:
        return GridBlock(status="absent")
    rest = len(counts.bands)
    shown = {band: index for index, band in enumerate(counts.bands) if band in labels.counts}
    if labels.status != "present":
        shown = {}
    groups = {index: [index] for index in shown.values()}
    groups[rest] = [index for index in range(rest + 1) if index not in groups]
    masses = {index: [0] * CONFIDENCE_GRID.bins for index in groups}
    missing = dict.fromkeys(groups, 0)
    for (label,), where, n in counts.facts("confidence", "label"):
        index = shown.get(label, rest)
        if where is None:
            missing[index] += n
        else:
            masses[index][where] += n
    gates = [_units_bin(limit) for limit in counts.plan.gates.confidence if limit]
    rows = [
        GridRow(groups=tuple(groups[index]), cells=_cells(counts, masses[index], missing[index], 1, gates))
        for index in sorted(groups)
        if sum(masses[index]) + missing[index]
    ]
    return GridBlock(status="present", grid=CONFIDENCE_GRID, rows=tuple(rows))


def _units_bin(limit: float) -> int:
    return units(limit, CONFIDENCE_GRID.scale) // CONFIDENCE_GRID.step


def conflict_block(counts: Counts) -> GridBlock:
    """Conflict density of all assessments."""
    if "conflict" not in counts.roles:
        return GridBlock(status="absent")
    masses, missing = [0] * CONFLICT_GRID.bins, 0
    for row in counts.rows.get("conflict", ()):
        if row.bin is None:
            missing += row.n
        else:
            masses[row.bin] += row.n
    cells = _cells(counts, masses, missing, 1, [])
    return GridBlock(status="present", grid=CONFLICT_GRID, rows=(GridRow(groups=(0,), cells=cells),))


def outcome_block(counts: Counts) -> OutcomeBlock:
    """Outcome by confidence. Each cell's good, bad and still open outcomes are each 0 or at least k.

    Open outcomes count too, because the block `confidence` tells how many there are of all kinds.
    """
    if not {"outcome", "confidence"} <= counts.roles:
        return OutcomeBlock(status="absent")
    table = [[0, 0, 0] for _ in range(CONFIDENCE_GRID.bins)]
    pending = without = 0
    for (outcome,), where, n in counts.facts("outcome_confidence", "outcome"):
        kind = {"1": 0, "0": 1}.get(outcome, 2)
        pending += n if outcome == "pending" else 0
        without += n if where is None else 0
        if where is not None:
            table[where][kind] += n
    cells, merges = _outcome_cells(table, counts.k)
    known = sum(cell.measures[0] for cell in cells)
    hidden = counts.n - known - pending
    counts.account.merged_bins += merges
    if not cells or counts.small(counts.n - known):
        counts.account.withheld_cells += 1
        return OutcomeBlock(status="withheld")
    shown = None if counts.small(pending) or counts.small(hidden) else pending
    counts.account.withheld_cells += shown is None
    return OutcomeBlock(
        status="present",
        grid=CONFIDENCE_GRID,
        cells=tuple(OutcomeCell(lo=c.lo, hi=c.hi, n=c.measures[0], positives=c.measures[1]) for c in cells),
        pending=shown,
    )


def _outcome_cells(table: Sequence[Sequence[int]], k: int) -> tuple[tuple[Cell, ...], int]:
    """Cells with the measures (known, good, bad, open), without those that may not be published."""
    bins = [(good + bad, good, bad, left) for good, bad, left in table]
    allowed = at_least(k)
    still_open = sum(measures[3] for measures in bins)
    if 0 < still_open < k:
        # No merging can hide so few open outcomes, so the coarse cells that hold them are left out.
        coarse = partition(bins, unit=10, keep=[], publishable=lambda m: allowed(m[:3]))
        kept = [cell for cell in coarse.cells if cell.measures[3] == 0 and allowed(cell.measures)]
        return tuple(kept), coarse.merges
    found = partition(bins, unit=1, keep=[], publishable=allowed)
    return tuple(cell for cell in found.cells if allowed(cell.measures)), found.merges
