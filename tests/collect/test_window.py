from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibgit.collect.window import resolve_window
from calibgit.errors import UsageError


def test_the_window_ends_on_the_grid_and_excludes_the_day_itself() -> None:
    window = resolve_window("2024-03-01", 30, "2024-01-01")
    assert (window.start, window.end) == ("2024-01-31T00:00:00Z", "2024-03-01T00:00:00Z")
    assert resolve_window("2024-02-29", 30, "2024-01-01").end == "2024-01-31T00:00:00Z"
    assert window.stamp == "20240301_000000"


@given(
    as_of=st.dates(dt.date(2000, 1, 1), dt.date(2050, 1, 1)),
    days=st.integers(1, 400),
    anchor=st.dates(dt.date(2000, 1, 1), dt.date(2050, 1, 1)),
)
def test_windows_tile_time(as_of: dt.date, days: int, anchor: dt.date) -> None:
    window = resolve_window(as_of, days, str(anchor))
    end = dt.date.fromisoformat(window.end[:10])
    assert end <= as_of < end + dt.timedelta(days=days)
    assert (end - anchor).days % days == 0
    assert resolve_window(window.start[:10], days, str(anchor)).end == window.start
    assert resolve_window(str(as_of), days, str(anchor)) == window


@pytest.mark.parametrize(
    ("as_of", "days", "anchor"),
    [("today", 30, "2024-01-01"), ("2024-1-1", 30, "2024-01-01"), ("2024-01-01", 0, "2024-01-01"),
     ("2024-01-01", 10**6, "2024-01-01"), ("2024-01-01", 30, "2024-13-01"), ("0001-01-02", 30, "2024-01-01")],
)  # fmt: skip
def test_bad_windows_are_usage_errors(as_of: str, days: int, anchor: str) -> None:
    with pytest.raises(UsageError, match="BAD_WINDOW"):
        resolve_window(as_of, days, anchor)
