"""All tables at once: the combinations of gates, crossed with periods and with every other word of an assessment.

Each trait has a table of its own, label by worst severity by period by cell of confidence by trait. They agree in all but
the trait, and the combinations of gates do so too. Traits meet nowhere else, so nothing published is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from calibgit.model.blocks import TallyBlock
from calibgit.model.snapshot import GridCell, MetricsSnapshot, Stratum
from tests.support.attacker import Atom, Attack

Key = tuple[Any, ...]
Span = tuple[int, int]
TRAITS = ("escalation", "tiers", "sufficiency", "feedback")
BY_PERIOD = {"escalation": "periods_escalated", "sufficiency": "periods_sufficiency"}


class Joint:
    """Unknown whole numbers with names, and equations between them."""

    def __init__(self) -> None:
        self.names: list[tuple[Any, ...]] = []
        self._rows: list[tuple[NDArray[np.int64], NDArray[np.float64]]] = []
        self._sums: list[float] = []

    def add(self, name: tuple[Any, ...]) -> int:
        """A new unknown."""
        self.names.append(name)
        return len(self.names) - 1

    def learn(self, plus: list[int], n: float, minus: list[int] | None = None) -> None:
        """The sum of some unknowns, less that of others, is `n`."""
        signs = np.array([1.0] * len(plus) + [-1.0] * len(minus or []))
        self._rows.append((np.array([*plus, *(minus or [])], dtype=np.int64), signs))
        self._sums.append(n)

    def rare(self, least: int) -> list[tuple[tuple[Any, ...], float]]:
        """Unknowns that can hold somebody, but surely fewer than the threshold."""
        matrix, kept = self._distinct()
        best = np.zeros(len(kept))
        found = []

        def push(goal: NDArray[np.float64]) -> None:
            result = linprog(goal, A_eq=matrix, b_eq=self._sums, bounds=(0, None), method="highs")
            assert result.status == 0, result.message
            np.maximum(best, result.x, out=best)

        rng = np.random.default_rng(0)
        left = len(kept) + 1
        while (small := int((best < least).sum())) < left:  # many unknowns are seen to be large at once
            left = small
            for _ in range(4):
                push(-rng.random(len(kept)) * (best < least))
        empty = best < 1e-6
        while empty.any():  # those that nobody can be in are seen together
            push(-empty.astype(float))
            if not (best[empty] >= 1e-6).any():
                break
            empty = best < 1e-6
        best[empty] = least
        for at, name in enumerate(kept):
            if best[at] < least:
                goal = np.zeros(len(kept))
                goal[at] = -1
                push(goal)
                if 1e-6 < best[at] < least - 1e-6:
                    found.append((name, float(best[at])))
        return found

    def _distinct(self) -> tuple[csr_matrix, list[tuple[Any, ...]]]:
        """The equations with one unknown for all that stand in the same ones: any of them can have the whole sum."""
        members: list[list[tuple[int, float]]] = [[] for _ in self.names]
        for row, (places, signs) in enumerate(self._rows):
            for place, sign in zip(places, signs, strict=True):
                members[place].append((row, float(sign)))
        first: dict[tuple[tuple[int, float], ...], int] = {}
        for place, pattern in enumerate(members):
            first.setdefault(tuple(pattern), place)
        entries = [(row, at, sign) for at, pattern in enumerate(first) for row, sign in pattern]
        rows, columns, signs = (np.array(each) for each in zip(*entries, strict=True))
        matrix = csr_matrix((signs, (rows, columns)), shape=(len(self._rows), len(first)))
        return matrix, [self.names[place] for place in first.values()]


def spans(snapshot: MetricsSnapshot) -> list[Span]:
    """Cells of confidence that sufficiency by confidence tells apart; labels by confidence are told in those."""
    rows = snapshot.strata[0].sufficiency_confidence.rows
    edges = sorted({edge for row in rows for cell in row.cells for edge in (cell.lo, cell.hi)})
    return list(pairwise(edges))


def joint(snapshot: MetricsSnapshot, gates: Attack, *, conforming: bool) -> Joint:
    """What all tables of a snapshot say together; `gates` is the attack on the blocks of the gates, told by `spans`."""
    s = snapshot.strata[0]
    problem = Joint()
    periods = _words(s.periods)
    core: dict[Key, list[int]] = {}
    by_gate: dict[Atom, list[int]] = {}
    labels = _words(s.labels)
    for atom in gates.atoms:
        for label, period in product((atom[4],) if conforming and atom[4] != "any" else labels, periods):
            place = problem.add(("gates", atom, label, period))
            word = atom[3] if s.flag_severity.status == "present" else "any"
            core.setdefault((label, word, period, *atom[5:6]), []).append(place)
            by_gate.setdefault(atom, []).append(place)
    for cells, n in gates.learned():
        problem.learn([place for at in cells for place in by_gate[gates.atoms[at]]], n)
    _tally(problem, s.labels, {key: core[key] for key in core}, 0)
    _tally(problem, s.periods, core, 2)
    _cross(problem, s, "labels_flag_severity", core, (0, 1))
    _cross(problem, s, "periods_labels", core, (2, 0))
    _cross(problem, s, "periods_flagged", core, (2, 1), _flagged)
    for trait in TRAITS:
        _trait(problem, s, trait, core)
    return problem


def _trait(problem: Joint, s: Stratum, trait: str, core: Mapping[Key, list[int]]) -> None:
    tally: TallyBlock = getattr(s, trait)
    if tally.status != "present":
        return
    agreed: dict[Key, list[int]] = {}
    for key, places in core.items():
        agreed.setdefault(key if trait == "sufficiency" else key[:3], []).extend(places)
    table: dict[Key, list[int]] = {}
    for key, inside in agreed.items():
        own = []
        for word in _words(tally):
            place = problem.add((trait, *key, word))
            table[*key, word] = [place]
            own.append(place)
        problem.learn(own, 0, inside)
    _tally(problem, tally, table, -1)
    _cross(problem, s, f"labels_{trait}", table, (0, -1))
    if trait in BY_PERIOD:
        _cross(problem, s, BY_PERIOD[trait], table, (2, -1), _escalated if trait == "escalation" else str)
    if trait == "escalation":
        _cross(problem, s, "escalation_flag_severity", table, (-1, 1))
    for row in s.sufficiency_confidence.rows if trait == "sufficiency" else ():
        for cell in row.cells:
            problem.learn(
                [place for key, places in table.items() if _within(key, row.words, cell) for place in places], cell.n
            )


def _within(key: Key, words: tuple[str, ...], cell: GridCell) -> bool:
    return key[-1] in words and bool(cell.lo <= key[3][0] and key[3][1] <= cell.hi)


def _words(tally: TallyBlock) -> list[str]:
    return [word for word, n in tally.counts.items() if n] if tally.status == "present" else ["any"]


def _flagged(word: str) -> str:
    return {"none": "no", "__missing__": "__missing__"}.get(word, "yes")


def _escalated(word: str) -> str:
    return {"none": "no"}.get(word, "yes")


def _tally(problem: Joint, tally: TallyBlock, table: Mapping[Any, list[int]], axis: int) -> None:
    if tally.status == "present":
        for word, n in tally.counts.items():
            problem.learn([place for key, places in table.items() if key[axis] == word for place in places], n)


def _cross(
    problem: Joint,
    s: Stratum,
    name: str,
    table: Mapping[Any, list[int]],
    axes: tuple[int, int],
    column_of: Callable[[str], str] = str,
) -> None:
    block = s.crosses.get(name)
    if block is None or block.status != "present":
        return
    cells: dict[tuple[str, str], list[int]] = {}
    for key, places in table.items():
        row, column = key[axes[0]], column_of(key[axes[1]])
        at = row if row in block.rows else "__other__", column if column in block.columns else "__other__"
        cells.setdefault(at, []).extend(places)
    for at, n in _shown(block):
        if n is not None:
            problem.learn(cells.get(at, []), n)


def _shown(block: Any) -> Iterator[tuple[tuple[str, str], int | None]]:
    for r, row in enumerate(block.rows):
        for c, column in enumerate(block.columns):
            yield (row, column), block.counts[r][c]
