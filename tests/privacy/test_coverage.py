"""Numbers of people and of rows that were not counted: what they tell of few."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from calibgit.collect.disclose import disclose
from calibgit.collect.merging import merge
from calibgit.model.snapshot import MetricsSnapshot, Stratum
from tests.support.attacker import QUARTER, publish, random_rows
from tests.support.results import COLUMN_OF, CONFIG, GOOD, collect, settings, write_text_table

FEB = "2024-02-03T10:00:00Z"
WITHOUT = settings(columns={role: name for role, name in COLUMN_OF.items() if role != "subject"})


def people(*rows: int) -> list[dict[str, Any]]:
    """One subject for each number, with so many good rows."""
    return [{**GOOD, "created_at": FEB, "subject": f"p{at}"} for at, n in enumerate(rows) for _ in range(n)]


def published(tmp_path: Path, rows: list[dict[str, Any]]) -> tuple[MetricsSnapshot, Stratum]:
    _, snapshot = publish(tmp_path / "a.sqlite", rows)
    return snapshot, snapshot.strata[0]


@pytest.mark.parametrize("seed", range(6))
def test_a_shown_number_of_subjects_tells_of_many_who_came_back_or_of_none(tmp_path: Path, seed: int) -> None:
    rows = [{**row, "subject": f"p{at % (350 + 40 * seed)}"} for at, row in enumerate(random_rows(seed, 400))]
    snapshot, stratum = published(tmp_path, rows)
    sizes = Counter(row["subject"] for row in rows)
    back = [n for n in sizes.values() if n > 1]
    if stratum.subjects.status == "present":
        assert (stratum.subjects.n, stratum.subjects.bound) == (len(sizes), "exact")
        assert not back or len(back) >= snapshot.privacy.k
    else:
        assert 0 < sum(back) - len(back) < snapshot.privacy.threshold


@pytest.mark.parametrize(
    ("rows", "shown"), [((1,) * 60, 60), ((1,) * 57 + (2,) * 3, None), ((1,) * 40 + (2,) * 20, 60), ((9,) + (1,) * 50, None)]
)  # fmt: skip
def test_few_second_rows_hide_the_number_of_subjects(tmp_path: Path, rows: tuple[int, ...], shown: int | None) -> None:
    _, stratum = published(tmp_path, people(*rows))
    assert (stratum.subjects.status, stratum.subjects.n) == (("present", shown) if shown else ("withheld", 0))


def test_between_tables_that_share_subjects_the_number_is_a_bound(tmp_path: Path) -> None:
    a, b = (collect(str(write_text_table(tmp_path / name, people(*[1] * n))), window=QUARTER)
            for name, n in (("a.sqlite", 60), ("b.sqlite", 80)))  # fmt: skip
    stratum = disclose(merge(a, b, share_subjects=True), settings=settings(), config_data=CONFIG).strata[0]
    assert (stratum.n, stratum.subjects.n, stratum.subjects.bound) == (140, 80, "at_least")


@pytest.mark.parametrize(
    ("missing", "odd", "outside", "told"),
    [
        (0, 0, 0, None),
        (3, 0, 6, None),
        (40, 0, 0, {"score_missing": 40, "score_invalid": 0, "score_outside": 0}),
        (40, 30, 3, {"score_missing": 40, "__other__": 33}),
        (40, 5, 6, {"score_missing": 40, "__other__": 11}),
        (40, 3, 0, {"__other__": 43, "score_outside": 0}),
    ],
)
def test_dropped_rows_are_told_by_reason_when_many(
    tmp_path: Path, missing: int, odd: int, outside: int, told: dict[str, int] | None
) -> None:
    scores = [None] * missing + ["n/a"] * odd + [101] * outside
    rows = people(*[1] * (60 + len(scores)))
    rows = [row | ({"score": scores[at]} if at < len(scores) else {}) for at, row in enumerate(rows)]
    snapshot, stratum = published(tmp_path, rows)
    assert stratum.n == 60
    assert stratum.dropped.status == ("withheld" if told is None else "present")
    assert stratum.dropped.counts == (told or {})
    assert all(n == 0 or n >= snapshot.privacy.threshold for n in stratum.dropped.counts.values())


def test_dropped_rows_of_one_person_stand_for_nobody_else(tmp_path: Path) -> None:
    """Sixty rows without a score, all of one subject: without its rows in the threshold, 60 would be published."""
    rows = [row | ({"score": None} if row["subject"] == "p0" else {}) for row in people(60, *[1] * 300)]
    snapshot, stratum = published(tmp_path, rows)
    assert stratum.n == 300
    assert snapshot.privacy.threshold == 100
    assert stratum.dropped.status == "withheld"


def test_rows_without_a_time_are_told_in_no_window(tmp_path: Path) -> None:
    """All windows of a table count the same ones, so the difference of two windows would be few."""
    rows = people(*[1] * 60) + [{**GOOD, "created_at": "soon", "subject": f"x{at}"} for at in range(40)]
    _, stratum = published(tmp_path, rows)
    assert "time" not in str(stratum.data())
    assert stratum.dropped.status == "withheld"


def test_without_a_column_of_subjects_their_number_is_absent(tmp_path: Path) -> None:
    exact = collect(str(write_text_table(tmp_path / "a.sqlite", people(*[1] * 60))), WITHOUT, window=QUARTER)
    stratum = disclose(exact, settings=WITHOUT, config_data=CONFIG).strata[0]
    assert (stratum.subjects.status, stratum.halves.status) == ("absent", "absent")
