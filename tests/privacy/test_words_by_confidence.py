"""Labels and sufficiency by confidence, and escalations by severity, beside everything else that is published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from itertools import combinations, pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from scipy.optimize import linprog

from calibgit.collect.disclose import disclose
from calibgit.collect.rings import Ring
from calibgit.model.blocks import CrossBlock
from calibgit.model.snapshot import MetricsSnapshot
from tests.privacy.test_linked_attacks import linked
from tests.support.attacker import QUARTER, Row, random_rows
from tests.support.joint import Joint, joint, spans
from tests.support.results import COLUMN_OF, CONFIG, collect, settings, write_text_table


def published(path: Path, rows: list[Row], without: Collection[str]) -> MetricsSnapshot:
    """A snapshot without some roles; outcomes are always left out, because their audit alone takes a minute."""
    line = settings(columns={role: name for role, name in COLUMN_OF.items() if role not in {"outcome", *without}})
    exact = collect(str(write_text_table(path, rows)), line, window=QUARTER)
    return disclose(exact, settings=line, config_data=CONFIG)


def in_one_month(rows: list[Row]) -> list[Row]:
    return [{**row, "created_at": f"2024-02{row['created_at'][7:]}"} for row in rows]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "n", "without", "one_month"),
    [(1, 4000, (), True), (1, 4000, (), False), (3, 2500, ("label",), False), (3, 2500, ("label",), True),
     (3, 2500, (), True), (2, 2500, (), True)],
)  # fmt: skip
def test_beside_all_other_tables_they_tell_of_nothing_rare(
    tmp_path: Path, seed: int, n: int, without: tuple[str, ...], one_month: bool
) -> None:
    rows = random_rows(seed, n)
    snapshot = published(tmp_path / "a.sqlite", in_one_month(rows) if one_month else rows, without)
    stratum = snapshot.strata[0]
    assert stratum.sufficiency_confidence.status == "present"
    conforming = seed % 2 == 1 and "label" not in without
    assert (stratum.label_confidence.status == "present") == conforming
    problem = joint(snapshot, linked(snapshot, conforming=conforming, spans=spans(snapshot)), conforming=conforming)
    assert problem.rare(snapshot.privacy.threshold) == []


def test_a_snapshot_can_have_all_of_them(tmp_path: Path) -> None:
    stratum = published(tmp_path / "a.sqlite", in_one_month(random_rows(1, 4000)), ()).strata[0]
    blocks = stratum.label_confidence, stratum.sufficiency_confidence, stratum.crosses["escalation_flag_severity"]
    assert [block.status for block in blocks] == ["present"] * 3
    assert stratum.crosses["labels_sufficiency"].status == "withheld", "only one of the two could be audited"


@pytest.mark.parametrize("seed", [1, 3])
def test_labels_by_confidence_say_nothing_that_the_gates_do_not(tmp_path: Path, seed: int) -> None:
    rows = random_rows(seed, 1200)
    snapshot = published(tmp_path / "a.sqlite", rows, ())
    block = snapshot.strata[0].label_confidence
    assert block.status == "present"
    lowest = block.rows[0].cells[0].lo
    for labels in block.rows:
        inside = [_bin(row, lowest) for row in rows if row["label"] in labels.words]
        assert [cell.n for cell in labels.cells] == [sum(c.lo <= at < c.hi for at in inside) for c in labels.cells]
    edges = sorted({edge for cell in block.rows[0].cells for edge in (cell.lo, cell.hi)})
    gates = linked(snapshot, conforming=True, spans=list(pairwise(edges)))
    problem = Joint()
    places = [problem.add(atom) for atom in gates.atoms]
    for cells, n in gates.learned():
        problem.learn([places[at] for at in cells], n)
    assert problem.rare(snapshot.privacy.threshold) == []


def _bin(row: Mapping[str, Any], lowest: int) -> int:
    return max(lowest, -1 if row["confidence"] is None else round(row["confidence"] * 100))


def test_labels_that_differ_from_the_implied_ones_are_not_shown_by_confidence(tmp_path: Path) -> None:
    """Beside the confidence block, they would show cell by cell the three that are labelled otherwise."""
    rows = random_rows(1, 1200)
    odd = [{**row, "label": "poor" if row["label"] != "poor" else "weak"} for row in rows[:3]]
    stratum = published(tmp_path / "a.sqlite", [*odd, *rows[3:]], ()).strata[0]
    assert stratum.confidence.status == "present"
    assert stratum.label_confidence.status == "withheld"


def test_escalations_by_severity_count_what_the_rows_hold(tmp_path: Path) -> None:
    rows = random_rows(3, 2500)
    block = published(tmp_path / "a.sqlite", rows, ("label",)).strata[0].crosses["escalation_flag_severity"]
    assert block.status == "present"
    reasons = {None: "none", "Pattern recurrence": "pattern", "low confidence": "low_confidence", "odd": "other"}
    worst = Counter((reasons[row["escalation"]], _worst(row)) for row in rows)
    shown = {
        (row, column): block.counts[r][c] for r, row in enumerate(block.rows) for c, column in enumerate(block.columns)
    }
    named = {key: n for key, n in shown.items() if "__other__" not in key and n is not None}
    assert named
    assert named == {key: worst[key] for key in named}


def _worst(row: Row) -> str:
    if row["flags"] is None:
        return "__missing__"
    return next((word for word in ("critical", "high", "medium", "low") if f'"{word}"' in row["flags"]), "none")


WORDS = ("x", "y", "z")
CELLS = list(product(WORDS[:2], WORDS, WORDS))


@limits(max_examples=60, deadline=None)
@given(held=st.lists(st.integers(0, 25), min_size=len(CELLS), max_size=len(CELLS)))
def test_the_audit_of_a_ring_finds_what_a_solver_finds(held: list[int]) -> None:
    """Three tables over three words: each number may be large, and the three together tell of few."""
    margins: dict[tuple[int, ...], Counter[tuple[str, ...]]] = {axes: Counter() for axes in combinations(range(3), 2)}
    for cell, n in zip(CELLS, held, strict=True):
        for axes, margin in margins.items():
            margin[tuple(cell[axis] for axis in axes)] += n
    tables = [(_table(margins[a, b], WORDS[: 2 + (a > 0)], WORDS), (a, b), str) for a, b in margins]
    ring = Ring([dict.fromkeys(WORDS[:2]), dict.fromkeys(WORDS), dict.fromkeys(WORDS)], tables)
    equations = [[float(all(cell[axis] == w for axis, w in zip(axes, words, strict=True))) for cell in CELLS]
                 for axes, margin in margins.items() for words in margin]  # fmt: skip
    sums = [n for margin in margins.values() for n in margin.values()]
    most = [
        -linprog(-np.eye(len(CELLS))[at], A_eq=equations, b_eq=sums, method="highs").fun for at in range(len(CELLS))
    ]
    safe = not any(1 - 1e-6 <= n < 10 - 1e-6 for n in most)
    event(f"safe: {safe}")
    assert ring.is_safe(10) == safe


def _table(margin: Mapping[tuple[str, ...], int], rows: tuple[str, ...], columns: tuple[str, ...]) -> CrossBlock:
    counts = tuple(tuple(margin[row, column] for column in columns) for row in rows)
    return CrossBlock(status="present", rows=rows, columns=columns, counts=counts)
