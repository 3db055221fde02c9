"""The merge law: the snapshots of shards add to the snapshot of all."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from calibgit.collect.merging import SUBJECT_BLOCKS, merge
from calibgit.errors import UsageError
from calibgit.model.snapshot import CountRow, ExactSnapshot
from tests.support.results import GOOD, collect, edge_rows, write_text_table

ROWS = [{**row, "subject": f"s{index % 17}"} for index, row in enumerate(edge_rows())]
SUBJECTS = sorted({row["subject"] for row in ROWS})


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
