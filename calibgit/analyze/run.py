"""A published snapshot in, a calibration report out. Pure: the same inputs give the same bytes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from calibgit.analyze.confidence import confidence_alignment
from calibgit.analyze.conformance import conformance
from calibgit.analyze.crowding import boundary_crowding
from calibgit.analyze.decisions import decision_consistency
from calibgit.analyze.distribution import classification_distribution
from calibgit.analyze.draft import Context, Draft, Limits, Topic, judge
from calibgit.analyze.drift import drift
from calibgit.analyze.escalation import escalation_patterns
from calibgit.analyze.flags import flag_triggering
from calibgit.analyze.maturity import outcome_maturity
from calibgit.analyze.sufficiency import DATA_SUFFICIENCY, conflict_density, data_sufficiency
from calibgit.analyze.track import track_record
from calibgit.analyze.verdict import conclude
from calibgit.errors import UsageError
from calibgit.model import semantics
from calibgit.model.blocks import RateBlock, TallyBlock, Verdicts
from calibgit.model.history import History, PastWindow
from calibgit.model.report import CalibrationReport, Finding, ReportSummary
from calibgit.model.settings import Line
from calibgit.model.snapshot import CategoryBlock, GridBlock, MetricsSnapshot, OutcomeBlock, Stratum
from calibgit.model.track import VersionTrack, View, advance

FAMILIES = (
    boundary_crowding,
    decision_consistency,
    classification_distribution,
    flag_triggering,
    confidence_alignment,
    escalation_patterns,
    data_sufficiency,
    conflict_density,
    drift,
)


def analyze(
    snapshot: MetricsSnapshot,
    *,
    config_data: Mapping[str, Any],
    settings: Line,
    previous: MetricsSnapshot | None = None,
    history: History | None = None,
    record: Sequence[VersionTrack] = (),
) -> CalibrationReport:
    """Test every stratum of a published snapshot against the limits of its line.

    Args:
        snapshot: published counts; the only data.
        config_data: the config in force during the window, as plain JSON.
        settings: the line's settings.
        previous: published counts of an earlier, disjoint window.
        history: rates of earlier, disjoint windows of the version under review; others are left out.
        record: what released versions promised, scored by earlier windows; this window is added to it.

    Raises:
        UsageError: WRONG_CONFIG when the snapshot was taken under another version or other bands; WRONG_HISTORY when
            the history is of another version.
    """
    require_same_config(snapshot, config_data)
    past = _past(snapshot, history)
    record = advance(record, View(snapshot, settings.vocabulary.labels, semantics.gates(config_data)))
    drafts: list[Draft | Finding] = []
    for context in _contexts(snapshot, config_data, settings, previous, past):
        if context.gates is not None and context.stratum.n == 0:
            drafts.append(_empty(context))
            continue
        drafts += conformance(context)
        drafts += outcome_maturity(context)
        for family in FAMILIES:
            drafts += family(context)
    drafts += track_record(record, snapshot.config.version, snapshot.window)
    findings, tests = conclude(drafts, settings.analysis.false_discovery_rate)
    return CalibrationReport(
        line=snapshot.line,
        window=snapshot.window,
        config=snapshot.config,
        snapshot_sha256=snapshot.digest(),
        previous_sha256=previous.digest() if previous is not None else None,
        history_sha256=history.digest() if history is not None else None,
        settings_sha256=snapshot.settings_sha256,
        summary=_summary(findings, tests),
        findings=findings,
        track_record=record or None,
    )


def _summary(findings: Sequence[Finding], tests: int) -> ReportSummary:
    grades = Counter(finding.severity for finding in findings)
    return ReportSummary(
        info=grades["info"],
        low=grades["low"],
        medium=grades["medium"],
        high=grades["high"],
        critical=grades["critical"],
        tests=tests,
        requires_attention=any(finding.is_serious for finding in findings),
    )


def require_same_config(snapshot: MetricsSnapshot, config_data: Mapping[str, Any]) -> None:
    """Refuse a config that the snapshot was not taken under: its caps and edges would mean something else."""
    version, bands = config_data["logic_version"], tuple(config_data["compatibility_thresholds"])
    if version != snapshot.config.version or bands != snapshot.bands:
        raise UsageError(
            "WRONG_CONFIG",
            f"the snapshot was taken under config {snapshot.config.version}, not under {version}",
            why="Published bins and caps have a meaning only under the config that they were counted with.",
            fix=f"use --config {snapshot.config.version}, or collect again",
        )


def _past(snapshot: MetricsSnapshot, history: History | None) -> tuple[PastWindow, ...]:
    if history is None:
        return ()
    of, own = (history.line, history.logic_version), (snapshot.line, snapshot.config.version)
    if of != own:
        raise UsageError(
            "WRONG_HISTORY",
            f"the history is of {' '.join(of)}, not of {' '.join(own)}",
            why="A chart compares windows of one version.",
            fix="leave the history out, or give earlier snapshots of this line with --previous",
        )
    ordered = sorted(history.windows, key=lambda each: each.window.start)
    disjoint: list[PastWindow] = []
    for each in ordered:
        if each.window.end <= snapshot.window.start and (not disjoint or disjoint[-1].window.end <= each.window.start):
            disjoint.append(each)
    return tuple(disjoint)


def _contexts(
    snapshot: MetricsSnapshot,
    config_data: Mapping[str, Any],
    settings: Line,
    previous: MetricsSnapshot | None,
    past: tuple[PastWindow, ...],
) -> list[Context]:
    version = snapshot.config.version
    others = sorted((s for s in snapshot.strata if s.logic_version != version), key=lambda s: s.logic_version)
    reviewed = snapshot.stratum(version) or empty_stratum(version)
    disjoint = previous is not None and previous.window.end <= snapshot.window.start
    found = []
    for stratum in (reviewed, *others):
        before = previous.stratum(stratum.logic_version) if previous is not None and disjoint else None
        note = "no previous snapshot was given"
        if previous is not None:
            note = "the previous window has no assessment of this logic version"
            note = note if disjoint else "the previous window does not end before this one starts"
        found.append(
            Context(
                stratum=stratum,
                bands=snapshot.bands,
                settings=settings,
                k=snapshot.privacy.threshold,
                gates=semantics.gates(config_data) if stratum is reviewed else None,
                config=config_data,
                before=before,
                before_note=note,
                history=past if stratum is reviewed else (),
            )
        )
    return found


def _empty(context: Context) -> Draft:
    topic = Topic(
        context.name("sufficiency", "stratum"), DATA_SUFFICIENCY, "stratum",
        f"Config {context.stratum.logic_version}", ("data",),
    )  # fmt: skip
    reason = "absent: the window publishes no assessment of this logic version"
    return judge(context, topic, None, Limits(), reason=reason)


def empty_stratum(version: str) -> Stratum:
    """A stratum without any assessment."""
    grid, tally = GridBlock(status="absent"), TallyBlock(status="absent")
    return Stratum(
        logic_version=version, n=0, score=grid, labels=tally, confidence=grid,
        outcome=OutcomeBlock(status="absent"), flag_types=RateBlock(status="absent"), flag_severity=tally,
        escalation=tally, tiers=tally, sufficiency=tally, conflict=grid,
        categories=CategoryBlock(status="absent"), verdicts=Verdicts(),
    )  # fmt: skip
