"""The attack that uses the config: a label is the worst of three caps, so the blocks of three gates overlap.

The attacker lists every assessment that the config knows: scores, confidences, numbers of flags. For each he notes in
which published cell of which block it stands. So he needs nothing of the package's own reasoning about cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from calibgit.model import semantics
from calibgit.model.snapshot import MetricsSnapshot, Stratum
from tests.support.attacker import Atom, Attack, publish, random_rows
from tests.support.results import CONFIG, GOOD, everyone

GATES = semantics.gates(CONFIG)
SEVERITIES = ("critical", "high", "medium", "low")
Choice = tuple[Any, ...]


@pytest.mark.parametrize("seed", range(12))
def test_no_combination_of_gates_is_told_to_be_rare(tmp_path: Path, seed: int) -> None:
    rows = random_rows(seed)
    _, snapshot = publish(tmp_path / "a.sqlite", rows)
    attack = linked(snapshot, conforming=seed % 2 == 1)
    assert attack.rare_atoms(snapshot.privacy.threshold) == []


def test_the_attack_succeeds_on_blocks_that_were_not_audited(tmp_path: Path) -> None:
    """One more published number, of three assessments, and the attacker names them."""
    _, snapshot = publish(tmp_path / "a.sqlite", random_rows(1))
    attack = linked(snapshot, conforming=True)
    seen = attack.atoms[len(attack.atoms) // 2]
    attack.learn(3, lambda atom: atom == seen)
    assert (seen, 3) in [(atom, round(n)) for atom, n in attack.rare_atoms(snapshot.privacy.threshold)]


def linked(snapshot: MetricsSnapshot, *, conforming: bool, spans: Sequence[tuple[int, int]] = ()) -> Attack:
    """What score, confidence, flags, worst severity and labels say together; `spans` tells confidences further apart.

    An atom is a node of each of the three blocks, a severity, a label, and with `spans` the span and the exact band.
    """
    s = snapshot.strata[0]
    scores, confidences, flags = _scores(s), _confidences(s, spans), _flags(s)
    atoms: set[Atom] = set()
    for (i, in_score), (j, in_confidence, span), (f, word, in_flags) in product(scores, confidences, flags):
        own = dict(in_score)[max(j, f)], dict(in_confidence)[max(i, f)], dict(in_flags)[max(i, j)]
        band = GATES.bands[max(i, j, f)]
        label = band if conforming and s.labels.status == "present" else "any"
        label = label if label in s.labels.counts or label == "any" else "__other__"
        atoms.add((*own, word, label, *((span, band if conforming else "any") if spans else ())))
    attack = Attack(sorted(atoms, key=str))
    for place in range(3):
        for kind in {atom[place] for atom in atoms} - {None}:
            attack.learn(kind[-1], lambda atom, p=place, k=kind: atom[p] == k)  # type: ignore[misc]
    for word, n in s.flag_severity.counts.items():
        if s.flag_severity.status == "present":
            attack.learn(n, lambda atom, w=word: atom[3] == w)  # type: ignore[misc]
    for label, n in s.labels.counts.items() if conforming else ():
        attack.learn(n, lambda atom, w=label: atom[4] == w)  # type: ignore[misc]
    table = s.crosses.get("labels_flag_severity")
    if conforming and table and table.status == "present":
        for r, label in enumerate(table.rows):
            for c, word in enumerate(table.columns):
                attack.learn(table.counts[r][c], lambda a, at=(label, word), t=table: _place(a, t) == at)  # type: ignore[misc]
    attack.learn(s.n, lambda _: True)
    if spans:
        _learn_spans(attack, s)
    return attack


def _learn_spans(attack: Attack, s: Stratum) -> None:
    """Confidence cells that the gates do not tell apart, and labels by confidence."""
    for span in {atom[5] for atom in attack.atoms}:
        for row in s.confidence.rows:
            n = sum(cell.n for cell in row.cells if span[0] <= cell.lo and cell.hi <= span[1])
            attack.learn(n, lambda a, g=row.groups, at=span: a[1][0] == g and a[5] == at)  # type: ignore[misc]
    for labels, (lo, hi) in product(s.label_confidence.rows, {atom[5] for atom in attack.atoms}):
        n = sum(cell.n for cell in labels.cells if lo <= cell.lo and cell.hi <= hi)
        attack.learn(n, lambda a, w=labels.words, at=(lo, hi): a[6] in w and a[5] == at)  # type: ignore[misc]


def _place(atom: Atom, table: Any) -> tuple[str, str]:
    return (
        atom[4] if atom[4] in table.rows else "__other__",
        atom[3] if atom[3] in table.columns else "__other__",
    )


def _cells(rows: Any, where: int, cap_of: Any) -> tuple[tuple[int, Any], ...]:
    """For each cap of the other gates: the cell, together with all cells of its row in which the same caps occur."""
    found: dict[int, Any] = {}
    for row in rows:
        caps = {cell: frozenset(map(cap_of, range(cell.lo, cell.hi))) for cell in row.cells}
        own = next(caps[cell] for cell in row.cells if cell.lo <= where < cell.hi)
        n = sum(cell.n for cell in row.cells if caps[cell] == own)
        found |= dict.fromkeys(row.groups, (row.groups, tuple(sorted(own)), n))
    return tuple((cap, found.get(cap, (("empty", cap), (), 0))) for cap in range(len(GATES.bands)))


def _scores(s: Stratum) -> set[Choice]:
    def cap(where: int) -> int:
        return semantics.score_cap(GATES, float(where))

    return {(cap(where), _cells(s.score.rows, where, cap)) for where in range(101)}


def _confidences(s: Stratum, spans: Sequence[tuple[int, int]]) -> set[Choice]:
    def span_of(where: int) -> Any:
        at = max(where, spans[0][0]) if spans else where
        return next((span for span in spans if span[0] <= at < span[1]), None)

    def cap(where: int) -> int:
        return semantics.confidence_cap(GATES, None if where < 0 else where / 100)

    if s.confidence.status != "present":
        return {(cap(w), tuple((c, None) for c in range(len(GATES.bands))), span_of(w)) for w in range(-1, 101)}
    lowest = min(cell.lo for row in s.confidence.rows for cell in row.cells)
    found = set()
    for where in range(-1, 101):
        rows = [r for r in s.confidence.rows if any(c.lo <= max(where, lowest) < c.hi for c in r.cells)]
        found.add((cap(where), _cells(rows, max(where, lowest), cap), span_of(where)))
    return found


def _flags(s: Stratum) -> set[Choice]:
    found: set[Choice] = set()
    recorded = any(cell.worst_lo < 0 for row in s.flag_counts.rows for cell in row.cells)
    numbers: list[tuple[int, ...] | None] = [None, *product(range(5), range(7), range(6), range(4))]
    for each in numbers:
        named = None if each is None else dict(zip(SEVERITIES, each, strict=True))
        cap = semantics.flag_cap(GATES, None if named is None else semantics.effective_flags(CONFIG, named))
        worst = "__missing__" if named is None else next((name for name in SEVERITIES if named[name]), "none")
        word = worst if worst in s.flag_severity.counts else "__other__"
        first, second = (-1, -1) if each is None and recorded else (0, 0) if each is None else each[:2]
        cells: dict[int, Any] = {}
        for row in s.flag_counts.rows:
            own = [
                c
                for c in row.cells
                if c.worst_lo <= min(first, 3) < c.worst_hi and c.second_lo <= min(second, 5) < c.second_hi
            ]
            at = own[0] if own else None
            key = (row.groups, at, at.n) if at else (row.groups, "no cell", 0)
            cells |= dict.fromkeys(row.groups, key)
        empty = None if s.flag_counts.status != "present" else (("empty",), 0)
        found.add((cap, word, tuple((c, cells.get(c, empty)) for c in range(len(GATES.bands)))))
    return found


HIGH = '[{"type": "missed_deadline", "severity": "high"}]'


@pytest.mark.parametrize(("few", "told"), [(50, True), (5, False)])
def test_outcomes_by_score_do_not_tell_what_outcomes_by_confidence_hold_back(
    tmp_path: Path, few: int, told: bool
) -> None:
    """Good outcomes of the confident, less those of the confident without flags: a few with a flag."""
    kinds = {(0.8, "[]"): (200, 200), (0.8, HIGH): (few, 200), (0.65, "[]"): (200, 200)}
    rows = [
        {**GOOD, "score": 90, "confidence": confidence, "flags": flags, "outcome": outcome}
        for (confidence, flags), (good, bad) in kinds.items()
        for outcome in [1] * good + [0] * bad
    ]
    _, snapshot = publish(tmp_path / "a.sqlite", everyone(rows))
    s = snapshot.strata[0]
    assert sum(cell.positives for cell in s.outcome.cells if cell.lo >= 70) == 200 + few
    unflagged = [sum(cell.positives for cell in row.cells) for row in s.outcome_score.rows if row.groups == (0,)]
    assert unflagged == [200] * told
