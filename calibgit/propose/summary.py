"""SUMMARY.md: the verdict first, then what changes, who moves, why, the risk, and how to check it."""

from __future__ import annotations

from calibgit.model.markdown import code, table, text
from calibgit.model.proposal import Change, ChangeSummary, Flow, FlowCell
from calibgit.model.report import CalibrationReport, Finding
from calibgit.model.rounding import percent
from calibgit.propose.document import shown
from calibgit.propose.gates_flow import FRECHET
from calibgit.propose.sections import (
    between,
    changes_in_words,
    estimate_lines,
    fairness_lines,
    front_lines,
    held_out_lines,
    other_findings,
    sensitivity_lines,
    what_if_lines,
)
from calibgit.propose.track import track_record


def summary_markdown(summary: ChangeSummary, report: CalibrationReport | None, *, picture: str | None = None) -> str:
    """The page that a reviewer reads first; every value in it is escaped.

    Args:
        summary: the change summary.
        report: the findings that it names, or None for a change without a report.
        picture: file name of the histogram beside the page.
    """
    parts = [
        [f"# {text(summary.line)} {text(summary.base_version)} to {text(summary.proposed_version)}"],
        [_verdict(summary)],
        ["## What changes", "", *_changes(summary)],
        *([[f"![Published scores with old and new cuts]({picture})"]] if picture else []),
        *([["## Who moves where", "", *_flow(found)] for found in summary.flow]),
        ["## Who would move, by estimate", "", *estimate_lines(summary.estimate)],
        ["## Whose flags count", "", *what_if_lines(summary.changes)],
        ["## Who moves, by declared group", "", *fairness_lines(summary.fairness)],
        ["## Why", "", text(summary.rationale), "", *_evidence(summary, report)],
        *([["## What this does not mend", "", *other]] if (other := other_findings(summary, report)) else []),
        ["## What else was considered", "", *_alternatives(summary)],
        ["## Trade-offs", "", *front_lines(summary.search)],
        ["## Sensitivity", "", *sensitivity_lines(summary.sensitivity)],
        ["## On the fold that was held out", "", *held_out_lines(summary.held_out)],
        *track_record(report),
        ["## Risk and the way back", "", *_risk(summary)],
        ["## Check it yourself", "", *_reproduce(summary)],
    ]
    return "\n\n".join("\n".join(part).strip("\n") for part in parts if part[-1] or len(part) > 2) + "\n"


def _verdict(summary: ChangeSummary) -> str:
    moved = ""
    if summary.flow:
        found = summary.flow[0]
        moved = f" {_moved(found)} of {found.n} assessments would get another band."
    return (
        f"**{text(summary.summary)}.** Compatibility: {text(summary.compatibility)}.{moved} "
        f"Proposed by {text(summary.created_by)}, asked for by {text(summary.initiator)}. "
        "Nothing is active before a person approves, releases and activates it."
    )


def _moved(found: Flow) -> str:
    cells = [cell for cell in found.cells if cell.source != cell.target]
    low = sum(cell.low for cell in cells)
    high = min(found.n, sum(cell.high for cell in cells))
    return between(low, high)


def _delta(change: Change) -> str:
    numbers = [v for v in (change.old, change.new) if isinstance(v, int | float) and not isinstance(v, bool)]
    return f"{numbers[1] - numbers[0]:+.6g}" if len(numbers) == 2 else ""


def _changes(summary: ChangeSummary) -> list[str]:
    rows = [
        (
            code(change.path),
            code(shown(change.old)),
            code(shown(change.new)),
            _delta(change),
            code(change.finding) if change.finding else "by hand",
            text(change.impact_note),
        )
        for change in summary.changes
    ]
    return table(("Key", "Old", "New", "Delta", "Finding", "Impact"), rows, frozenset({1, 2, 3}))


def _flow(found: Flow) -> list[str]:
    bands = list(dict.fromkeys(name for cell in found.cells for name in (cell.source, cell.target)))
    cells = {(cell.source, cell.target): cell for cell in found.cells}
    rows = [(text(source), *(_count(cells.get((source, target))) for target in bands)) for source in bands]
    kind = "Exact counts." if found.exact else "Intervals where published cells are coarser than the change."
    if not found.exact and found.basis == FRECHET:
        kind = "Frechet bounds: intervals that the margins of several histograms leave."
    header = ("From \\ to", *(text(band) for band in bands))
    note = f"Logic version {text(found.stratum)}, n = {found.n}. {kind}"
    return [note, "", *table(header, rows, frozenset(range(1, len(bands) + 1)))]


def _count(cell: FlowCell | None) -> str:
    return "0" if cell is None else between(cell.low, cell.high)


def _evidence(summary: ChangeSummary, report: CalibrationReport | None) -> list[str]:
    if report is None:
        return ["No report stands behind this change: the reason is a person's."]
    named = {change.finding for change in summary.changes if change.finding}
    found = [finding for finding in report.findings if finding.id in named]
    if not found:
        return ["No finding asks for this change: the reason is a person's."]
    header = ("Finding", "Severity", "n", "Estimate", "Interval", "Limit", "q")
    rows = [_finding_row(finding) for finding in found]
    note = f"{report.summary.tests} tests shared the error budget."
    return [*table(header, rows, frozenset({2, 3, 6})), "", note]


def _finding_row(finding: Finding) -> tuple[str, ...]:
    test = finding.test
    if test is None:
        return (code(finding.id), finding.severity, "", "", "", "", "")
    limits = [
        f"{word} {bound:g}"
        for word, bound in (("at least", test.limit_low), ("at most", test.limit_high))
        if bound is not None
    ]
    return (
        code(finding.id),
        finding.severity,
        str(test.n),
        f"{test.estimate:g}",
        f"{test.lower:g} to {test.upper:g}",
        " and ".join(limits),
        "" if test.q is None else f"{test.q:.2g}",
    )


def _alternatives(summary: ChangeSummary) -> list[str]:
    search = summary.search
    if search is None:
        return ["Nothing: this is one person's change."]
    head = (
        f"{search.candidates} candidates, {search.feasible} within the limits. Objective "
        f"{search.objective_before:g} before, {search.objective_after:g} after."
    )
    rows = [
        (
            changes_in_words(other.changes),
            percent(other.moved_share),
            f"{other.objective:g}",
            text(other.reason),
        )
        for other in search.alternatives
    ]
    lines = table(("Candidate", "Moved", "Objective", "Why not"), rows, frozenset({1, 2}))
    return [head, "", *lines] if rows else [head]


def _risk(summary: ChangeSummary) -> list[str]:
    lines = [
        f"- Expected in the next window: {code(item.metric)} {percent(item.point)} "
        f"({percent(item.level)} interval {percent(item.lower)} to {percent(item.upper)})."
        for item in summary.prediction
    ]
    trigger = summary.rollback_trigger
    if trigger is not None:
        lines.append(
            f"- Roll back if {code(trigger.metric)} is {trigger.direction} {percent(trigger.bound)} on at least "
            f"{trigger.min_n} assessments."
        )
    unknown = [change.path for change in summary.changes if change.impact is None]
    if unknown:
        lines.append(f"- Impact not known: {', '.join(code(path) for path in unknown)}.")
    command = f"calibgit rollback --line {summary.line} --to {summary.base_version}"
    return [*lines, "", "```sh", f'{command} --reason "..."', "```"]


def _reproduce(summary: ChangeSummary) -> list[str]:
    made = summary.reproduce
    libraries = ", ".join(text(f"{name} {version}") for name, version in made.libraries.items())
    rows = [(code(item.name), code(item.sha256)) for item in made.inputs]
    inputs = table(("Input", "SHA-256"), rows, frozenset()) if rows else []
    tool = text(made.tool) + (f" with {libraries}" if libraries else "")
    return [code(made.command), "", f"Made by {tool}. The same inputs give the same bytes.", "", *inputs]
