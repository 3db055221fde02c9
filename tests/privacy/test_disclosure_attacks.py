"""Attacks on whole published snapshots of random tables: nothing that can be worked out tells of few."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from calibgit.model.snapshot import ExactSnapshot, MetricsSnapshot, Stratum
from tests.support.attacker import Attack, Row, inside, publish, published_numbers, random_rows
from tests.support.results import GOOD

SEEDS = range(8)
KINDS = ("good", "bad", "open")


class Case(NamedTuple):
    rows: list[Row]
    exact: ExactSnapshot
    snapshot: MetricsSnapshot

    @property
    def least(self) -> int:
        return self.snapshot.privacy.threshold

    @property
    def stratum(self) -> Stratum:
        return self.snapshot.strata[0]


@pytest.fixture(scope="module", params=SEEDS)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    rows = random_rows(request.param)
    return Case(rows, *publish(tmp_path_factory.mktemp("attack") / "a.sqlite", rows))


def test_every_number_is_zero_or_many(case: Case) -> None:
    assert [item for item in published_numbers(case.stratum) if 0 < item[1] < case.least] == []


def test_so_many_rows_always_stand_for_k_subjects(case: Case) -> None:
    """The claim of the threshold, by brute force: the worst set of that many rows is made of the largest subjects."""
    sizes = sorted(Counter(row["subject"] for row in case.rows).values(), reverse=True)
    assert sum(sizes[: case.snapshot.privacy.k - 1]) < case.least
    assert case.snapshot.privacy.unit == "subjects"


def test_a_published_score_cell_holds_k_subjects_and_keeps_rows_without_any_one(case: Case) -> None:
    edges = {cell.lo for row in case.stratum.score.rows for cell in row.cells}
    for row in case.stratum.score.rows:
        assert sum(cell.n for cell in row.cells) == 0 or row.cells[0].lo in edges
    for lo, hi, n in _whole_axis(case.stratum):
        people = Counter(row["subject"] for row in case.rows if lo <= row["score"] < hi)
        assert sum(people.values()) == n
        if n:
            assert len(people) >= case.snapshot.privacy.k
            assert n - max(people.values()) > 0


def _whole_axis(stratum: Stratum) -> list[tuple[int, int, int]]:
    assert stratum.score.grid is not None
    hidden = {at for row in stratum.score.rows for cell in row.cells for at in range(cell.lo + 1, cell.hi)}
    edges = [at for at in range(stratum.score.grid.bins + 1) if at not in hidden]
    found = []
    for lo, hi in pairwise(edges):
        cells = [cell for row in stratum.score.rows for cell in row.cells if lo <= cell.lo and cell.hi <= hi]
        found.append((lo, hi, sum(cell.n for cell in cells)))
    return found


def test_folds_groups_and_outcomes_over_one_score_axis_tell_nothing_together(case: Case) -> None:
    """Per row of the score block, all of: cells, halves, groups, outcomes."""
    for row in case.stratum.score.rows:
        names = [*case.stratum.groups.groups, "rest"]
        attack = Attack(list(product(row.cells, ("a", "b"), names, KINDS)))
        for cell in row.cells:
            attack.learn(cell.n, lambda atom, cell=cell: atom[0] == cell)  # type: ignore[misc]
        for half in (c for r in case.stratum.halves.rows if r.groups == row.groups for c in r.cells):
            attack.learn(half.n, lambda atom, half=half: inside(atom[0], half) and atom[1] == "a")  # type: ignore[misc]
        for name, rows in case.stratum.groups.groups.items():
            for cell in (c for r in rows if r.groups == row.groups for c in r.cells):
                attack.learn(cell.n, lambda a, cell=cell, name=name: inside(a[0], cell) and a[2] == name)  # type: ignore[misc]
        for outcome in (c for r in case.stratum.outcome_score.rows if r.groups == row.groups for c in r.cells):
            for kind, n in zip(KINDS, (outcome.positives, outcome.n - outcome.positives, outcome.pending), strict=True):
                attack.learn(n, lambda a, o=outcome, k=kind: inside(a[0], o) and a[3] == k)  # type: ignore[misc]
        for cell in row.cells:
            for place, words in ((1, ("a", "b")), (2, names), (3, KINDS)):
                for word in words:
                    assert not attack.tells_of_few(case.least, lambda a, p=place, w=word: a[0] == cell and a[p] == w)  # type: ignore[misc]  # noqa: B023


def test_hidden_cells_of_tables_have_wide_intervals(case: Case) -> None:
    tallies: dict[str, Any] = {
        name: getattr(case.stratum, name)
        for name in ("labels", "flag_severity", "escalation", "tiers", "sufficiency", "feedback", "periods")
    }
    for name, block in case.stratum.crosses.items():
        if block.status != "present":
            continue
        first, second = name.split("_", 1)
        attack = Attack(list(product(block.rows, block.columns)))
        for r, word in enumerate(block.rows):
            for c, other in enumerate(block.columns):
                attack.learn(block.counts[r][c], lambda a, w=word, o=other: a == (w, o))  # type: ignore[misc]
        margins = (block.rows, tallies[first]), (block.columns, tallies.get(second))
        for axis, (words, tally) in enumerate(margins):
            for word, n in tally.counts.items() if tally else ():
                if word in words and word != "__other__":
                    attack.learn(n, lambda a, w=word, x=axis: a[x] == w)  # type: ignore[misc]
            if tally:
                attack.learn(sum(tally.counts.values()), lambda _: True)
        for r, word in enumerate(block.rows):
            for c, other in enumerate(block.columns):
                if block.counts[r][c] is None:
                    low, high = attack.interval(lambda a, w=word, o=other: a == (w, o))  # type: ignore[misc]
                    assert high - low >= case.least - 1e-6, (name, word, other)


def test_complements_are_zero_or_many(case: Case) -> None:
    stratum, least = case.stratum, case.least
    found = [stratum.flag_types.n - n for n in stratum.flag_types.counts.values() if n is not None]
    found += [stratum.n - each.n for each in stratum.categories.categories.values() if each is not None]
    found += [cell.n - cell.positives for cell in stratum.outcome.cells]
    for name, detail in stratum.flag_details.types.items():
        whole = stratum.flag_types.counts[name] or 0
        assert sum(each.n for each in detail.occurrences) == whole
        found += [whole - n for n in detail.severities.values() if n is not None]
    if stratum.outcome.status == "present":
        found.append(stratum.n - sum(cell.n + cell.pending for cell in stratum.outcome.cells))
    if stratum.moments.status == "present":
        found += [stratum.moments.n, stratum.n - stratum.moments.n]
    assert [n for n in found if 0 < n < least] == []


@pytest.mark.parametrize("trait", ["flag_severity", "escalation", "sufficiency"])
def test_periods_labels_and_traits_tell_nothing_in_a_ring(case: Case, trait: str) -> None:
    stratum = case.stratum
    by_period = {"flag_severity": "flagged", "escalation": "escalated", "sufficiency": "sufficiency"}[trait]
    tallies = stratum.periods, stratum.labels, getattr(stratum, trait)
    if "withheld" in {tally.status for tally in tallies}:
        return
    attack = Attack(list(product(*([word for word, n in tally.counts.items() if n] for tally in tallies))))
    for axis, tally in enumerate(tallies):
        for word, n in tally.counts.items():
            attack.learn(n, lambda a, x=axis, w=word: a[x] == w)  # type: ignore[misc]
    for name, first, second in (("periods_labels", 0, 1), (f"labels_{trait}", 1, 2), (f"periods_{by_period}", 0, 2)):
        block = stratum.crosses.get(name)
        if block is None or block.status != "present":
            continue
        for r, c in product(range(len(block.rows)), range(len(block.columns))):

            def inside_cell(
                atom: Any, block: Any = block, r: int = r, c: int = c, at: Any = (name, first, second)
            ) -> bool:
                word = atom[at[2]] if at[0] != f"periods_{by_period}" else _coarse(trait, atom[2])
                row = atom[at[1]] if atom[at[1]] in block.rows else "__other__"
                return (row, word if word in block.columns else "__other__") == (block.rows[r], block.columns[c])

            attack.learn(block.counts[r][c], inside_cell)
    assert attack.rare_atoms(case.least) == []


def _coarse(trait: str, word: str) -> str:
    return word if trait == "sufficiency" else {"none": "no", "__missing__": "__missing__"}.get(word, "yes")


@pytest.mark.parametrize(
    ("most", "few", "rare", "shown"), [(100, 99, 0, True), (100, 99, 3, False), (90, 91, 3, False), (90, 91, 12, True)]
)
def test_a_sum_near_an_end_does_not_tell_how_few_stand_off_it(
    tmp_path: Path, most: int, few: int, rare: int, *, shown: bool
) -> None:
    """Forty people in one published cell, some of them one point off the others, who stand at its end."""
    rows = [
        {
            **GOOD,
            "created_at": "2024-02-03T10:00:00Z",
            "subject": f"p{at}",
            "category_scores": json.dumps({"expertise": few if at < rare else most}),
        }
        for at in range(40)
    ]
    _, snapshot = publish(tmp_path / "a.sqlite", rows)
    found = snapshot.strata[0].categories.categories["expertise"]
    assert (found is not None) == shown


def test_moments_of_categories_that_few_differ_in_are_withheld(tmp_path: Path) -> None:
    """Three of three hundred have one point more: number, sum and squares of the category would say so."""

    def moments(*scores: int) -> str:
        names = ("expertise", "reasoning", "communication", "reliability", "collaboration")
        rows = [
            {**GOOD, "created_at": "2024-02-03T10:00:00Z", "subject": f"p{at}",
             "category_scores": json.dumps({name: 40 + (at * (7 + i)) % 47 for i, name in enumerate(names)}
                                           | ({"reasoning": score} if score else {}))}
            for at, score in enumerate(scores)
        ]  # fmt: skip
        _, snapshot = publish(tmp_path / "a.sqlite", rows)
        return snapshot.strata[0].moments.status

    assert moments(*[0] * 300) == "present"
    assert moments(*range(40, 100), *[0] * 240) == "present"
    assert moments(*[72] * 297, *[73] * 3) == "withheld"
    assert moments(*[72] * 297, *[99] * 3) == "withheld", "only few can stand so far off the others"
    assert moments(*[72] * 150, *[73] * 150) == "withheld", "only few can stand off both"
    assert moments(*[42, 72] * 150) == "present", "many can stand elsewhere in the cells of these two"
