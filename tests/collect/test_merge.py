from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from calibgit.collect.exact import merge
from calibgit.errors import UsageError
from tests.support.results import GOOD, collect, edge_rows, write_text_table

ROWS = edge_rows()


@limits(max_examples=8, deadline=None)
@given(mask=st.lists(st.booleans(), min_size=len(ROWS), max_size=len(ROWS)))
def test_snapshots_of_shards_add_to_the_snapshot_of_all(mask: list[bool]) -> None:
    shards = [[GOOD, *(r for r, m in zip(ROWS, mask, strict=True) if m is side)] for side in (True, False)]
    with TemporaryDirectory() as folder:
        paths = [
            write_text_table(Path(folder) / f"{i}.sqlite", rows)
            for i, rows in enumerate([*shards, [*shards[0], *shards[1]]])
        ]
        a, b, both = (collect(str(path)) for path in paths)
    assert merge(a, b) == merge(b, a) == both
    assert merge(a, b).digest() == both.digest()


def test_snapshots_of_different_things_do_not_add(tmp_path: Path) -> None:
    a = collect(str(write_text_table(tmp_path / "a.sqlite", [GOOD])))
    for change in ({"line": "other"}, {"settings_sha256": "f" * 64}, {"roles": ()}):
        with pytest.raises(UsageError, match="NOT_MERGEABLE"):
            merge(a, a.model_copy(update=change))
