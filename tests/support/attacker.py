"""An attacker who has the published snapshot and the config, and a linear program. Shares no code with the audit."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from calibgit.collect.disclose import disclose
from calibgit.model import semantics
from calibgit.model.snapshot import ExactSnapshot, GridCell, MetricsSnapshot, Stratum, TimeWindow
from tests.support.results import CONFIG, GOOD, collect, settings, write_text_table

QUARTER = TimeWindow(start="2024-01-01T00:00:00Z", end="2024-04-01T00:00:00Z", days=91)
LABELS = ("excellent", "good", "fair", "weak", "poor")
Row = dict[str, Any]
Atom = tuple[Any, ...]


def random_rows(seed: int, n: int = 700) -> list[Row]:
    """A skewed small table: rare words, repeated subjects, labels that mostly conform."""
    rng = random.Random(seed)  # noqa: S311
    subjects = [f"p{index}" for index in range(n)]
    often = rng.choice([0, 0, 1, 3])
    rows = []
    for index in range(n):
        flags = []
        for kind in ("evasion", "pressure", "plagiarism"):
            if rng.random() < rng.choice([0.02, 0.1, 0.25]):
                severity = rng.choices(["critical", "high", "medium", "low"], [1, 4, 6, 6])[0]
                flags += [f'{{"type": "{kind}", "severity": "{severity}"}}'] * rng.choice([1, 1, 2])
        rows.append(
            {
                **GOOD,
                "created_at": f"2024-{1 + index % 3:02}-{1 + index % 28:02}T10:00:00Z",
                "score": min(100, max(0, round(rng.gauss(62, 18)))),
                "confidence": rng.choice([None, *[round(rng.betavariate(7, 3), 2)] * 30]),
                "flags": f"[{', '.join(flags)}]" if rng.random() > 0.02 else None,
                "subject": subjects[0 if rng.random() * 100 < often else index],
                "group": rng.choices(["north", "south", None], [12, 4, 1])[0],
                "tier": rng.choices(["basic", "standard", "premium"], [30, 10, 1])[0],
                "outcome": rng.choices([0, 1, None], [6, 6, 1])[0],
                "sufficiency": rng.choices(["true", "false", None], [30, 5, 1])[0],
                "escalation": rng.choices([None, "Pattern recurrence", "low confidence", "odd"], [30, 3, 2, 1])[0],
                "feedback": rng.choices([1, 4, 5, None], [1, 6, 8, 8])[0],
                "label": rng.choice(LABELS),
                "conflict": round(rng.random() ** 2, 2),
            }
        )
    return [{**row, "label": _implied(row)} for row in rows] if seed % 2 else rows


def _implied(row: Row) -> str:
    """The label that the config implies, read off a row's raw values."""
    flags = None if row["flags"] is None else Counter(each["severity"] for each in json.loads(row["flags"]))
    counting = None if flags is None else semantics.effective_flags(CONFIG, flags)
    gates = semantics.gates(CONFIG)
    return gates.bands[semantics.band_index(gates, row["score"], row["confidence"], counting)]


def publish(path: Path, rows: Sequence[Row]) -> tuple[ExactSnapshot, MetricsSnapshot]:
    """The rows through a real source: exact and published."""
    path.unlink(missing_ok=True)
    exact = collect(str(write_text_table(path, rows)), window=QUARTER)
    return exact, disclose(exact, settings=settings(), config_data=CONFIG)


class Attack:
    """Unknown whole numbers, one for each atom, and what was published of their sums."""

    def __init__(self, atoms: Collection[Atom]) -> None:
        self.atoms = list(atoms)
        self._rows: list[list[int]] = []
        self._sums: list[int] = []

    def learn(self, n: int | None, inside: Callable[[Atom], bool]) -> None:
        """One published number."""
        if n is not None:
            self._rows.append([at for at, atom in enumerate(self.atoms) if inside(atom)])
            self._sums.append(n)

    def learned(self) -> list[tuple[list[int], int]]:
        """What was published so far: the places of the atoms, and their number."""
        return list(zip(self._rows, self._sums, strict=True))

    def interval(self, inside: Callable[[Atom], bool]) -> tuple[float, float]:
        """The fewest and the most that a sum of atoms can be."""
        goal = np.array([float(inside(atom)) for atom in self.atoms])
        return float(goal @ self._solved(goal)), float(goal @ self._solved(-goal))

    def rare_atoms(self, least: int) -> list[tuple[Atom, float]]:
        """Atoms that can hold somebody, but surely fewer than the threshold."""
        best = np.zeros(len(self.atoms))
        rare = []
        for at, atom in enumerate(self.atoms):
            if best[at] < least:
                goal = np.zeros(len(self.atoms))
                goal[at] = -1
                best = np.maximum(best, self._solved(goal))
                if 1e-6 < best[at] < least - 1e-6:
                    rare.append((atom, float(best[at])))
        return rare

    def _solved(self, goal: NDArray[np.float64]) -> NDArray[np.float64]:
        indices = [at for row in self._rows for at in row]
        starts = np.cumsum([0, *(len(row) for row in self._rows)])
        matrix = csr_matrix((np.ones(len(indices)), indices, starts), shape=(len(self._rows), len(self.atoms)))
        found = linprog(goal, A_eq=matrix, b_eq=self._sums, bounds=(0, None), method="highs")
        assert found.status == 0, found.message
        return np.asarray(found.x, dtype=np.float64)

    def tells_of_few(self, least: int, inside: Callable[[Atom], bool]) -> bool:
        """Whether the sum is surely below the threshold, and not known to be zero."""
        _, most = self.interval(inside)
        return 1e-6 < most < least - 1e-6


def inside(cell: GridCell, other: Any) -> bool:
    """Whether a cell lies in another one."""
    return bool(other.lo <= cell.lo and cell.hi <= other.hi)


def published_numbers(stratum: Stratum) -> Iterator[tuple[str, int]]:
    """Every number of assessments in the block's JSON, found by its name, whatever the block is called."""

    def walk(value: Any, path: str) -> Iterator[tuple[str, int]]:
        if isinstance(value, dict):
            for key, item in value.items():
                yield from walk(item, f"{path}.{key}")
        elif isinstance(value, list):
            for item in value:
                yield from walk(item, path)
        elif isinstance(value, int) and path.rsplit(".", 1)[-1] not in NOT_COUNTS:
            yield path, value

    data = stratum.data()
    for name in ("design", "moments", "subjects"):
        data.pop(name, None)
    yield from walk(data, "")


NOT_COUNTS = frozenset(
    (
        "lo",
        "hi",
        "scale",
        "min",
        "step",
        "bins",
        "total",
        "groups",
        "least",
        "most",
        "worst_lo",
        "worst_hi",
        "second_lo",
        "second_hi",
    )
)
