"""Reading published grid blocks."""

from __future__ import annotations

from calibgit.model.published import measured, total
from calibgit.model.snapshot import NO_VALUE, GridCell, GridRow


def test_assessments_without_a_value_are_no_low_values() -> None:
    """The cell before bin 0 holds what was not measured; it takes part in no rate and in no ranking."""
    row = GridRow(groups=(0,), cells=(GridCell(lo=NO_VALUE, hi=0, n=40), GridCell(lo=0, hi=10, n=60)))
    assert total([row]) == 100
    assert total(measured([row])) == 60
