"""Sections of SUMMARY.md that show what a change does beside its flow matrix. Every value is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from calibgit.model.estimate import WeightEstimate
from calibgit.model.markdown import code, table, text
from calibgit.model.proposal import Change, ChangeSummary, Fairness, HeldOut, Neighbour, SearchRecord
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


def what_if_lines(changes: Sequence[Change]) -> list[str]:
    """How many assessments have what a changed knob asks for."""
    found = [change.what_if for change in changes if change.what_if is not None]
    return [
        f"- {text(each.counts)}: {between(each.before_low, each.before_high)} of {each.n} now, "
        f"{between(each.after_low, each.after_high)} afterwards."
        for each in found
    ]


def estimate_lines(found: WeightEstimate | None) -> list[str]:
    """What other weights would do, with the words that it is an estimate."""
    if found is None:
        return []
    if found.status == "not_assessable" or found.before is None or found.after is None:
        return [f"Not assessable: {text(found.reason)}."]
    bands = list(dict.fromkeys(name for move in found.moves for name in (move.source, move.target)))
    cells = {(move.source, move.target): move.share for move in found.moves}
    rows = [(text(a), *(percent(cells.get((a, b), 0.0)) for b in bands)) for a in bands]
    alike = "" if found.correlation is None else f", correlation {found.correlation:g}"
    lines = [
        f"**{text(found.reason[:1].upper() + found.reason[1:])}.**",
        "",
        f"The weighted mean of the category scores goes from {found.before.mean:g} (SD {found.before.sd:g}) to "
        f"{found.after.mean:g} (SD {found.after.sd:g}){alike}, exactly, over {found.n} assessments.",
    ]
    if not rows:
        return lines
    header = ("From \\ to", *(text(band) for band in bands))
    numbers = frozenset(range(1, len(bands) + 1))
    return [*lines, "", "Estimated shares of all assessments, by a normal model:", "", *table(header, rows, numbers)]
