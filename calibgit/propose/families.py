"""What each published histogram by cap says of gates that change: score, confidence, flags.

Every block counts assessments by one family of gates and by the cap that the two others set under the config in force.
A cell's *triples* are every (old cap, new cap, cap of the others) that an assessment of it may have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from calibgit.model import semantics
from calibgit.model.blocks import MOST_OF_SECOND, MOST_OF_WORST, FlagCell
from calibgit.model.semantics import Gates
from calibgit.model.snapshot import MISSING, NO_VALUE, GridCell, GridSpec, Stratum

Pair = tuple[int, int]
Triple = tuple[int, int, int]
Cells = tuple[tuple[frozenset[Triple], int], ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Every (old cap, new cap) that the family can give, and its published cells; None where none are published."""

    pairs: frozenset[Pair]
    cells: Cells | None


@dataclass(frozen=True, slots=True)
class Side:
    """A config and its gate table."""

    config: Mapping[str, Any]
    gates: Gates

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Side:
        """The side of a config as JSON data."""
        return cls(config, semantics.gates(config))


def _family(pairs: Iterable[Pair], cells: Iterable[tuple[frozenset[Pair], tuple[int, ...], int]] | None) -> Family:
    if cells is None:
        return Family(frozenset(pairs), None)
    merged: Counter[frozenset[Triple]] = Counter()
    for found, groups, n in cells:
        merged[frozenset((a, b, g) for a, b in found for g in groups)] += n
    kept = tuple(sorted(merged.items(), key=lambda item: sorted(item[0])))
    return Family(frozenset((a, b) for each, _ in kept for a, b, _ in each), kept)


def score_family(stratum: Stratum, old: Side, new: Side) -> Family:
    """The score by the cap of confidence and flags."""

    def pair(value: float) -> Pair:
        return semantics.score_cap(old.gates, value), semantics.score_cap(new.gates, value)

    cuts = (*old.gates.cuts[:-1], *new.gates.cuts[:-1])
    bottom = float(old.config["score_range"]["min"])
    everything = {pair(value) for value in (bottom, *cuts)}
    block = stratum.score
    if block.status != "present" or block.grid is None:
        return _family(everything, None)
    grid = block.grid
    return _family(
        everything,
        [
            (frozenset(pair(v) for v in _values(cell, grid, cuts)), row.groups, cell.n)
            for row in block.rows
            for cell in row.cells
            if cell.n
        ],
    )


def _values(cell: GridCell, grid: GridSpec, cuts: Iterable[float]) -> set[float]:
    """Values that stand for all of a cell: its lowest, and each cut inside."""
    top = cell.hi >= grid.bins
    low, high = grid.value(max(cell.lo, 0)), grid.value(grid.bins - 1 if top else cell.hi)
    return {low, *(cut for cut in cuts if low < cut < high or (top and low < cut <= high))}


def confidence_family(stratum: Stratum, old: Side, new: Side) -> Family:
    """The confidence by the cap of score and flags. Few without a value are counted in the lowest bin."""

    def pair(value: float | None) -> Pair:
        return semantics.confidence_cap(old.gates, value), semantics.confidence_cap(new.gates, value)

    limits = [limit for gates in (old.gates, new.gates) for limit in gates.confidence[:-1] if limit is not None]
    block = stratum.confidence
    if block.status == "absent":
        return Family(frozenset({pair(None)}), None)
    if block.status != "present" or block.grid is None:
        return _family({pair(None), *(pair(value) for value in (0.0, *limits))}, None)
    grid = block.grid
    cells = []
    for row in block.rows:
        for cell in row.cells:
            found = {pair(None)} if cell.lo <= 0 else set()
            if cell.hi > 0:
                found |= {pair(value) for value in _values(cell, grid, limits)}
            if cell.n:
                cells.append((frozenset(found), row.groups, cell.n))
    return _family((), cells)


def flag_family(stratum: Stratum, old: Side, new: Side) -> Family:
    """The numbers of the two worst severities by the cap of score and confidence; other severities may be any."""
    nobody = (semantics.flag_cap(old.gates, None), semantics.flag_cap(new.gates, None))
    block = stratum.flag_counts
    if block.status == "absent":
        return Family(frozenset({nobody}), None)
    names = sorted({*old.gates.flags, *new.gates.flags})
    numbers = _telling(old, new)
    known = block.severities if block.status == "present" else ()
    rest = _together([_severity_pairs(old, new, name, numbers) for name in names if name not in known])
    if block.status != "present":
        return _family({*rest, nobody}, None)
    apart = any(cell.worst_lo == NO_VALUE for row in block.rows for cell in row.cells)
    unrecorded = not apart and _may_lack_a_record(stratum)
    cells = []
    for row in block.rows:
        for cell in row.cells:
            if not cell.n:
                continue
            if cell.worst_lo == NO_VALUE:
                cells.append((frozenset({nobody}), row.groups, cell.n))
                continue
            own = [
                _severity_pairs(old, new, name, inside)
                for name, inside in zip(known, _inside(cell, numbers), strict=False)
            ]
            found = _together([*own, rest])
            if unrecorded and cell.worst_lo == cell.second_lo == 0:
                found |= {nobody}
            cells.append((frozenset(found), row.groups, cell.n))
    return _family((), cells)


def _telling(old: Side, new: Side) -> tuple[int, ...]:
    """Numbers of flags that stand for all: each that can be shown, and each at which a gate or a rule turns."""
    found = {*range(MOST_OF_SECOND + 2)}
    for side in (old, new):
        found |= {limit + 1 for each in side.gates.flags.values() for limit in each if limit is not None}
        rules = side.config["red_flag_severity_thresholds"].values()
        found |= {int(rule.get("min_occurrences", 1)) for rule in rules}
    return tuple(sorted(found))


def _severity_pairs(old: Side, new: Side, name: str, numbers: Iterable[int]) -> set[Pair]:
    def cap(side: Side, n: int) -> int:
        return semantics.flag_cap(side.gates, semantics.effective_flags(side.config, {name: n}))

    return {(cap(old, n), cap(new, n)) for n in numbers}


def _together(parts: Iterable[set[Pair]]) -> set[Pair]:
    found = {(0, 0)}
    for part in parts:
        found = {(max(a, c), max(b, d)) for (a, b), (c, d) in product(found, part)}
    return found


def _inside(cell: FlagCell, numbers: Iterable[int]) -> tuple[list[int], list[int]]:
    return numbers_between(cell.worst_lo, cell.worst_hi, MOST_OF_WORST, numbers), numbers_between(
        cell.second_lo, cell.second_hi, MOST_OF_SECOND, numbers
    )


def numbers_between(low: int, high: int, most: int, numbers: Iterable[int]) -> list[int]:
    """The numbers in a cell; its last bin has no end."""
    return [n for n in numbers if low <= n and (n < high or high > most)]


def _may_lack_a_record(stratum: Stratum) -> bool:
    tally = stratum.flag_severity
    return tally.status != "present" or MISSING in tally.folded or tally.counts.get(MISSING, 0) > 0
