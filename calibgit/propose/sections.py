"""Sections of SUMMARY.md that show what a change does beside its flow matrix. Every value is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from calibgit.model.markdown import code, table, text
from calibgit.model.proposal import ChangeSummary, Fairness, HeldOut, Neighbour, SearchRecord
from calibgit.model.report import CalibrationReport, Scalar
from calibgit.model.rounding import percent
from calibgit.propose.document import shown


def between(low: int, high: int) -> str:
    """A count, or its interval."""
    return str(low) if low == high else f"{low} to {high}"


def share_between(low: float, high: float) -> str:
    """A share, or its interval, as percentages."""
    first, last = percent(low), percent(high)
    return first if first == last else f"{first} to {last}"


def fairness_lines(found: Fairness | None) -> list[str]:
    """Share moved by declared group, or why it cannot be told."""
    if found is None:
        return []
    if found.status == "not_assessable":
        return [f"Not assessable: {text(found.reason)}."]
    rows = [
        (
            code(group.group),
            str(group.n),
            between(group.moved_low, group.moved_high),
            between(group.better_low, group.better_high),
            between(group.worse_low, group.worse_high),
            share_between(group.share_low, group.share_high),
        )
        for group in found.groups
    ]
    header = ("Group", "n", "Moved", "To a better band", "To a worse band", "Share moved")
    lines = table(header, rows, frozenset({1, 2, 3, 4, 5}))
    if found.gap_low is not None and found.gap_high is not None:
        gap = share_between(found.gap_low, found.gap_high)
        lines += ["", f"The most moved group moves {gap} more than the least moved one, in points of its share."]
    return [*lines, "", f"{text(found.reason[:1].upper() + found.reason[1:])}."]


def held_out_lines(found: HeldOut | None) -> list[str]:
    """What the fold that was held out says, or why there is none."""
    if found is None:
        return []
    if found.status == "not_held_out":
        return [f"No fold was held out: {text(found.reason)}."]
    lines = [
        text(found.reason),
        "",
        f"- Tuned on {found.tuned_n} assessments, held out {found.n}, in both {found.unsplit}.",
        f"- On the held-out fold the objective goes from {found.objective_before:g} to {found.objective_after:g}.",
    ]
    if found.moved_low is not None and found.moved_high is not None and found.n:
        moved = between(found.moved_low, found.moved_high)
        share = share_between(found.moved_low / found.n, found.moved_high / found.n)
        lines.append(f"- Of the held-out fold {moved} of {found.n} assessments change band ({share}).")
    return lines


def changes_in_words(changes: Mapping[str, Scalar]) -> str:
    """Changed paths of a candidate, for one cell of a table."""
    return "<br>".join(f"{code(path)} = {code(shown(new))}" for path, new in changes.items()) or "no change"


def front_lines(search: SearchRecord | None) -> list[str]:
    """The trade-offs between policy, movement and nearness to a cut."""
    if search is None or not search.front:
        return []
    rows = [
        (
            changes_in_words(point.changes),
            percent(point.violation),
            percent(point.moved_share),
            percent(point.near_cuts),
            "chosen" if point.chosen else "",
        )
        for point in search.front
    ]
    header = ("Candidate", "Policy violation", "Moved", "Near a cut", "")
    more = f"{search.front_size} candidates within the limits are beaten by none in all three."
    return [f"{more} Shown, evenly by people moved:", "", *table(header, rows, frozenset({1, 2, 3}))]


def other_findings(summary: ChangeSummary, report: CalibrationReport | None) -> list[str]:
    """The findings of the version under review that ask for attention and that no change is for."""
    named = {change.finding for change in summary.changes}
    serious = [f for f in report.findings if f.is_serious and f.stratum == summary.base_version] if report else []
    return [
        f"- {code(f.id)} ({f.severity}): {text(f.description)} {text(f.recommendation)}"
        for f in serious
        if f.id not in named
    ]


def sensitivity_lines(found: Sequence[Neighbour]) -> list[str]:
    """What becomes of the change where a cut lies one or two published edges beside the chosen one."""
    if not found:
        return []
    rows = [
        (
            code(each.path),
            f"{each.steps:+d}",
            code(shown(each.value)),
            "not known" if each.objective is None else f"{each.objective:g}",
            share_between(each.moved_low / max(each.n, 1), each.moved_high / max(each.n, 1)),
        )
        for each in found
    ]
    return table(("Cut", "Edges", "Value", "Objective", "Moved"), rows, frozenset({1, 2, 3, 4}))
