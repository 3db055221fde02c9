"""Predictions in a proposal: what a moved cut makes of a window, and what earlier changes promised."""

from __future__ import annotations

from calibgit.model.markdown import code, table, text
from calibgit.model.proposal import Flow
from calibgit.model.report import CalibrationReport
from calibgit.model.rounding import percent
from calibgit.model.track import Promise, VersionTrack, tally
from calibgit.propose.flow import share_bounds


def share_after(found: Flow, band: str) -> tuple[int, int, int]:
    """At least, at most and of how many would be in a band after a move, from a window's own flow."""
    _, _, low, high = share_bounds(found, band)
    return round(low * found.n), round(high * found.n), found.n


def track_record(report: CalibrationReport | None) -> list[list[str]]:
    """The section of the page about earlier changes of the line; none where they promised nothing."""
    record = (report.track_record if report is not None else None) or ()
    if not record:
        return []
    total = tally(record)
    head = (
        f"{total.held} of {total.held + total.missed} predictions held; {total.not_assessable} cannot be judged yet. "
        "Each is scored once, in the first window after its release with enough assessments of its version."
    )
    header = ("Version", "Promised", "Interval", "Came", "Window", "Verdict")
    rows = [row for entry in record for row in _rows(entry)]
    return [["## What earlier changes promised and what came", "", head, "", *table(header, rows, frozenset({2, 3}))]]


def _rows(entry: VersionTrack) -> list[tuple[str, ...]]:
    version = text(f"v{entry.version}")
    if entry.note:
        return [(version, text(entry.note), "", "", "", "not assessable")]
    return [(version, code(one.metric), *_numbers(one)) for one in entry.predictions]


def _numbers(one: Promise) -> tuple[str, ...]:
    promised = f"{percent(one.lower)} to {percent(one.upper)}"
    if one.came is None:
        return promised, "", text(one.reason), "not assessable"
    low, high = percent(one.came.low / one.came.n), percent(one.came.high / one.came.n)
    share = low if low == high else f"{low} to {high}"
    window = f"{one.came.window.start[:10]} to {one.came.window.end[:10]}"
    verdict = "held" if one.verdict == "held" else "**missed**"
    return promised, f"{share} of {one.came.n}", text(window), verdict
