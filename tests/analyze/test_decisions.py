"""Decision consistency of a published snapshot, whose caps are published in cells of different width."""

from __future__ import annotations

import numpy as np
import pytest

from calibgit.analyze.decisions import histogram_of
from calibgit.analyze.reliability import consistency
from calibgit.analyze.run import empty_stratum
from calibgit.model.snapshot import GridBlock, GridCell, GridRow, GridSpec

GRID = GridSpec(min=0, step=1, bins=101, scale=1)
CUTS = (0.25, 0.45, 0.65, 0.85)


def row(group: int, edges: list[int], scores: np.ndarray) -> GridRow:
    counts = np.histogram(scores, edges)[0]
    cells = zip(edges, edges[1:], counts, strict=False)
    return GridRow(groups=(group,), cells=tuple(GridCell(lo=lo, hi=hi, n=int(n)) for lo, hi, n in cells))


def test_a_small_cap_in_wide_cells_hardly_changes_what_is_said() -> None:
    chance = np.random.default_rng(2)
    scores = np.clip(chance.normal(60, 15, 40_000), 0, 100.5)
    fine, wide = [*range(0, 101, 2), 101], [0, 45, 101]
    whole = empty_stratum("1.0.0").model_copy(
        update={"score": GridBlock(status="present", grid=GRID, rows=(row(0, fine, scores),))}
    )
    rows = (row(0, fine, scores[1_200:]), row(1, wide, scores[:1_200]))
    split = whole.model_copy(update={"score": GridBlock(status="present", grid=GRID, rows=rows)})
    one, other = histogram_of(whole, GRID), histogram_of(split, GRID)
    assert len(other.counts) >= len(one.counts)
    assert other.n == one.n == 40_000
    expected, found = consistency(one, CUTS, 0.8), consistency(other, CUTS, 0.8)
    assert expected is not None
    assert found is not None
    assert found.overall == pytest.approx(expected.overall, abs=0.005)
    assert found.error == pytest.approx(expected.error, rel=0.1)
