"""Windows: the last N complete UTC days that end on a boundary of a fixed grid."""

from __future__ import annotations

import datetime as dt

from calibgit.errors import UsageError
from calibgit.model.snapshot import TimeWindow

MAX_DAYS = 36_525
MAX_MONTHS = 60


def resolve_window(as_of: dt.date | str, days: int, anchor: str) -> TimeWindow:
    """The window that a collection on the UTC date `as_of` covers.

    Args:
        as_of: a date, or its text YYYY-MM-DD. That day itself is not complete and so not part of the window.
        days: length in days, 1 to 36,525.
        anchor: a window end, YYYY-MM-DD; all ends are `anchor + n * days`, for any whole `n`.

    Raises:
        UsageError: BAD_WINDOW.
    """
    if not 1 <= days <= MAX_DAYS:
        raise _bad(f"a window of {days} days", f"use 1 to {MAX_DAYS} days")
    end_by, start_of_grid = _date(as_of, "--as-of"), _date(anchor, "window.anchor")
    try:
        end = start_of_grid + dt.timedelta(days=(end_by - start_of_grid).days // days * days)
        start = end - dt.timedelta(days=days)
    except OverflowError:
        start = end = dt.date.min
    if start.year < 1000:
        raise _bad(f"a window that ends at {as_of}", "use a date after the year 1000")
    return TimeWindow(start=f"{start}T00:00:00Z", end=f"{end}T00:00:00Z", days=days)


def periods(window: TimeWindow) -> tuple[tuple[str, str], ...]:
    """The calendar months that a window touches, each with the UTC date after its last day; years for long windows.

    Returns:
        Pairs of a name, YYYY-MM or YYYY, and a date, YYYY-MM-DD, in order.
    """
    day = dt.date.fromisoformat(window.start[:10])
    last = dt.date.fromisoformat(window.end[:10]) - dt.timedelta(days=1)
    months = (last.year - day.year) * 12 + last.month - day.month + 1
    if months > MAX_MONTHS:
        return tuple((f"{year:04}", f"{year + 1:04}-01-01") for year in range(day.year, last.year + 1))
    found = []
    for number in range(day.year * 12 + day.month - 1, day.year * 12 + day.month - 1 + months):
        year, month = divmod(number, 12)
        after = dt.date(year + (month == 11), (month + 1) % 12 + 1, 1)
        found.append((f"{year:04}-{month + 1:02}", str(after)))
    return tuple(found)


def period_in(window: TimeWindow, name: str) -> str:
    """The name that a period of a part of `window` has in the whole: of its year where the whole is told in years."""
    return name[: len(periods(window)[0][0])]


def joined(a: TimeWindow, b: TimeWindow) -> TimeWindow | None:
    """The window of both: either of two same ones, or two of which one begins where the other ends; else None."""
    if a == b:
        return a
    first, second = sorted((a, b), key=lambda window: window.start)
    if first.end != second.start:
        return None
    return TimeWindow(start=first.start, end=second.end, days=first.days + second.days)


def _date(value: dt.date | str, name: str) -> dt.date:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).date() if value.tzinfo else value.date()
    if isinstance(value, dt.date):
        return value
    try:
        if len(value) != 10:
            raise ValueError(value)
        return dt.date.fromisoformat(value)
    except (ValueError, TypeError):
        raise _bad(f"{name} {value!r} is not a date", "write it like 2026-01-31") from None


def _bad(what: str, fix: str) -> UsageError:
    return UsageError(
        "BAD_WINDOW",
        what,
        why="Windows are whole UTC days on a fixed grid, so that a rerun gives the same bytes.",
        fix=fix,
    )
