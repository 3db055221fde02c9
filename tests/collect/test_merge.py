"""The merge law: the snapshots of shards add to the snapshot of all."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from calibgit.collect.merging import SUBJECT_BLOCKS, merge, merge_all
from calibgit.errors import UsageError
from calibgit.model.settings import Line
from calibgit.model.snapshot import CountRow, ExactSnapshot, TimeWindow
from tests.support.results import COLUMN_OF, GOOD, collect, edge_rows, settings, write_text_table

ROWS = [{**row, "subject": f"s{index % 17}"} for index, row in enumerate(edge_rows())]
SUBJECTS = sorted({row["subject"] for row in ROWS})
WITHOUT_SUBJECTS = settings(columns={role: name for role, name in COLUMN_OF.items() if role != "subject"})


def snapshots(*shards: list[dict[str, Any]]) -> list[ExactSnapshot]:
    with TemporaryDirectory() as folder:
        paths = [write_text_table(Path(folder) / f"{index}.sqlite", rows) for index, rows in enumerate(shards)]
        return [collect(str(path)) for path in paths]


def counted(snapshot: ExactSnapshot) -> list[CountRow]:
    return [row for row in snapshot.rows if row.block not in SUBJECT_BLOCKS]


@limits(max_examples=8, deadline=None)
@given(of_a=st.sets(st.sampled_from(SUBJECTS)))
def test_snapshots_of_disjoint_subjects_add_to_the_snapshot_of_all(of_a: set[str]) -> None:
    one = [{**GOOD, "subject": "a"}, *(row for row in ROWS if row["subject"] in of_a)]
    other = [{**GOOD, "subject": "b"}, *(row for row in ROWS if row["subject"] not in of_a)]
    a, b, both = snapshots(one, other, [*one, *other])
    assert merge(a, b, share_subjects=False) == merge(b, a, share_subjects=False) == both
    assert merge(a, b, share_subjects=False).digest() == both.digest()


@limits(max_examples=8, deadline=None)
@given(mask=st.lists(st.booleans(), min_size=len(ROWS), max_size=len(ROWS)))
def test_subjects_in_both_shards_become_bounds_and_all_else_adds(mask: list[bool]) -> None:
    shards = [[GOOD, *(r for r, m in zip(ROWS, mask, strict=True) if m is side)] for side in (True, False)]
    a, b, both = snapshots(*shards, [*shards[0], *shards[1]])
    merged = merge(a, b, share_subjects=True)
    assert merged == merge(b, a, share_subjects=True)
    assert merged.subjects == "bounded"
    assert counted(merged) == counted(both)
    true, bound = ([row.n for row in s.rows if row.block == "largest"] for s in (both, merged))
    assert all(sum(bound[:top]) >= sum(true[:top]) for top in range(1, len(true) + 1))
    few = {row.stratum: row.n for row in merged.rows if row.keys == ("subjects",)}
    many = {row.stratum: row.n for row in both.rows if row.keys == ("subjects",)}
    assert all(few[stratum] <= many[stratum] for stratum in few)


def test_three_shards_add_in_any_order() -> None:
    a, b, c = snapshots([GOOD], [{**GOOD, "subject": "x"}] * 3, [{**GOOD, "subject": "y", "score": 12.5}])
    for share in (True, False):
        left = merge(merge(a, b, share_subjects=share), c, share_subjects=share)
        assert left == merge(a, merge(b, c, share_subjects=share), share_subjects=share)


def test_snapshots_of_different_things_do_not_add(tmp_path: Path) -> None:
    a = collect(str(write_text_table(tmp_path / "a.sqlite", [GOOD])))
    for change in ({"line": "other"}, {"settings_sha256": "f" * 64}, {"roles": ()}, {"subjects": "absent"}):
        with pytest.raises(UsageError, match="NOT_MERGEABLE"):
            merge(a, a.model_copy(update=change), share_subjects=False)


def window(start: str, days: int) -> TimeWindow:
    end = dt.date.fromisoformat(start) + dt.timedelta(days=days)
    return TimeWindow(start=f"{start}T00:00:00Z", end=f"{end}T00:00:00Z", days=days)


def in_windows(rows: list[dict[str, Any]], windows: list[TimeWindow], line: Line | None) -> list[ExactSnapshot]:
    with TemporaryDirectory() as folder:
        path = write_text_table(Path(folder) / "a.sqlite", rows)
        return [collect(str(path), line, window=each) for each in windows]


@limits(max_examples=8, deadline=None)
@given(
    days=st.lists(st.integers(0, 29), min_size=len(ROWS), max_size=len(ROWS)),
    first=st.integers(1, 28),
    order=st.permutations(range(3)),
)
def test_windows_without_a_gap_add_to_the_window_of_all(days: list[int], first: int, order: list[int]) -> None:
    """The edge rows on random days, with the odd moments among them; each of the three windows has a row."""
    dated = [
        {**row, "created_at": f"2024-01-{1 + day:02}T10:00:00Z"} if row["created_at"] == GOOD["created_at"] else row
        for row, day in zip(ROWS, days, strict=True)
    ]
    lengths = (first, 29 - first, 1)
    starts = [f"2024-01-{1 + sum(lengths[:at]):02}" for at in range(3)]
    every = [{**GOOD, "created_at": start} for start in starts]
    windows = [window(start, length) for start, length in zip(starts, lengths, strict=True)]
    for line in (WITHOUT_SUBJECTS, None):
        *parts, whole = in_windows([*every, *dated], [*windows, window("2024-01-01", 30)], line)
        merged = merge_all([parts[at] for at in order], share_subjects=False)
        assert merged.window == whole.window
        assert counted(merged) == counted(whole)
        if line is WITHOUT_SUBJECTS:
            assert merged.digest() == whole.digest()
        else:
            assert merged.subjects == "bounded"
            true, bound = ([row.n for row in s.rows if row.block == "largest"] for s in (whole, merged))
            assert all(sum(bound[:top]) >= sum(true[:top]) for top in range(1, len(true) + 1))


def test_months_become_years_where_the_longer_window_is_told_in_years() -> None:
    rows = [{**GOOD, "created_at": f"{year}-0{month}-10"} for year in range(2018, 2024) for month in (3, 4, 4)]
    parts = [window("2018-01-01", 1461), window("2022-01-01", 730)]
    *found, whole = in_windows(rows, [*parts, window("2018-01-01", 2191)], WITHOUT_SUBJECTS)
    periods = [{row.keys[0] for row in each.rows if row.block == "period"} for each in (*found, whole)]
    assert ["2018-03" in names for names in periods] == [True, False, False]
    assert periods[2] == {"2018", "2019", "2020", "2021", "2022", "2023"}
    assert merge(*found, share_subjects=False).digest() == whole.digest()


def test_windows_with_a_gap_and_windows_of_unequal_tables_do_not_add() -> None:
    rows = [{**GOOD, "created_at": f"2024-01-{day:02}"} for day in range(1, 31)]
    a, b, c = in_windows(rows, [window("2024-01-01", 10), window("2024-01-11", 10), window("2024-01-21", 10)], None)
    overlapping = in_windows(rows, [window("2024-01-05", 10)], None)
    for others in ([a, c], [a, *overlapping], [a, a, b]):
        with pytest.raises(UsageError, match="NOT_MERGEABLE"):
            merge_all(others, share_subjects=False)
    both = merge_all([b, a, b, a], share_subjects=False)
    assert sum(row.n for row in both.rows if row.block == "score") == 40
