"""The documents of one proposal, from its inputs. Used to write a proposal and to recompute one.

No git, no clock, no files; the only question asked of the machine is which library versions are installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from typing import Any, TypeVar

from calibgit import __version__
from calibgit.check.compat import differences, level
from calibgit.errors import DocumentError
from calibgit.jobs.measure import Subject, analyze
from calibgit.model import semantics
from calibgit.model.base import Document
from calibgit.model.canonical import read_json, sha256_hex
from calibgit.model.history import History
from calibgit.model.ids import Version, config_path, next_version, proposal_directory
from calibgit.model.proposal import ChangeSummary, Decision, InputDigest
from calibgit.model.report import CalibrationReport, Scalar
from calibgit.model.snapshot import MetricsSnapshot
from calibgit.model.track import VersionTrack, contradicted
from calibgit.propose.document import change_summary, next_config
from calibgit.propose.manual import decide_manual
from calibgit.propose.picture import histogram_svg
from calibgit.propose.search import decide
from calibgit.propose.summary import summary_markdown

SNAPSHOT = "metrics_snapshot.json"
PREVIOUS = "previous_snapshot.json"
HISTORY = "history.json"
REPORT = "calibration_report.json"
PAGE = "SUMMARY.md"
PICTURE = "score_histogram.svg"
LIBRARIES = ("numpy", "scipy")


D = TypeVar("D", bound=Document)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a proposal is computed from, besides config and settings."""

    snapshot: MetricsSnapshot
    report: CalibrationReport
    previous: MetricsSnapshot | None = None
    history: History | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Who stands behind a proposal: who made it, who asked for it, and the log's head when it was first made."""

    created_by: str
    initiator: str
    log_head: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposal as files, repository path to bytes."""

    version: Version
    summary: ChangeSummary
    files: Mapping[str, bytes]


def decide_change(subject: Subject, evidence: Evidence, assignments: Mapping[str, Scalar], reason: str) -> Decision:
    """Search for a change, or judge an engineer's own.

    Raises:
        UsageError: see `propose.search.decide` and `propose.manual.decide_manual`.
    """
    config, settings = subject.config.value, subject.settings
    if assignments:
        return decide_manual(
            evidence.snapshot, config_data=config, settings=settings, assignments=assignments, reason=reason
        )
    return decide(evidence.snapshot, evidence.report, config_data=config, settings=settings)


def draft(
    subject: Subject,
    evidence: Evidence,
    decision: Decision,
    origin: Origin,
    *,
    wanted: Version | None,
    known: frozenset[Version],
) -> Draft:
    """The documents of a decision that changes something.

    Args:
        subject: line, settings and the config that is changed.
        evidence: snapshot and report.
        decision: what changes.
        origin: who stands behind it.
        wanted: the version number, or None for the next free one at the change's level.
        known: version numbers that are taken.
    """
    base = subject.config.version
    unnumbered = read_json(next_config(subject.config.value, decision.changes, str(base)), "the proposed config")
    grade = level(differences(subject.config.value, unnumbered))
    version = wanted or next_version(base, grade, known)
    config = next_config(subject.config.value, decision.changes, str(version))
    summary = change_summary(
        line=subject.line,
        proposed_version=str(version),
        base_version=str(base),
        created_by=origin.created_by,
        initiator=origin.initiator,
        level=grade,
        decision=decision,
        report=evidence.report,
        inputs=_inputs(subject, evidence),
        libraries=library_versions(),
        log_head=origin.log_head,
        command=f"calibgit check --base BASE --head HEAD --line {subject.line}",
    )
    return Draft(version, summary, _files(subject, evidence, summary, config))


def _files(subject: Subject, evidence: Evidence, summary: ChangeSummary, config: bytes) -> dict[str, bytes]:
    version = Version.parse(summary.proposed_version)
    directory = proposal_directory(subject.line, version)
    picture = _picture(subject, evidence, read_json(config, "the proposed config"))
    files = {
        config_path(version, subject.configs): config,
        f"{directory}/change_summary_v{version}.json": summary.pretty(),
        f"{directory}/{PAGE}": summary_markdown(
            summary, evidence.report, picture=PICTURE if picture else None
        ).encode(),
        f"{directory}/{SNAPSHOT}": evidence.snapshot.pretty(),
        f"{directory}/{REPORT}": evidence.report.pretty(),
    }
    if evidence.previous is not None:
        files[f"{directory}/{PREVIOUS}"] = evidence.previous.pretty()
    if evidence.history is not None:
        files[f"{directory}/{HISTORY}"] = evidence.history.pretty()
    if picture:
        files[f"{directory}/{PICTURE}"] = picture
    return files


def _inputs(subject: Subject, evidence: Evidence) -> list[InputDigest]:
    found = {
        SNAPSHOT: sha256_hex(evidence.snapshot.pretty()),
        REPORT: sha256_hex(evidence.report.pretty()),
        "settings": subject.settings_sha256,
        f"scoring_config_v{subject.config.version}.json": sha256_hex(subject.config.data),
    }
    if evidence.previous is not None:
        found[PREVIOUS] = sha256_hex(evidence.previous.pretty())
    if evidence.history is not None:
        found[HISTORY] = sha256_hex(evidence.history.pretty())
    return [InputDigest(name=name, sha256=digest) for name, digest in found.items()]


def _picture(subject: Subject, evidence: Evidence, proposed: Mapping[str, Any]) -> bytes | None:
    stratum = evidence.snapshot.stratum(str(subject.config.version))
    if stratum is None or stratum.score.status != "present":
        return None
    return histogram_svg(stratum, semantics.gates(subject.config.value), semantics.gates(proposed)).encode()


def library_versions() -> dict[str, str]:
    """Versions of the libraries that the numbers depend on."""
    return {name: installed(name) for name in LIBRARIES}


def recompute(
    subject: Subject,
    summary: ChangeSummary,
    files: Mapping[str, bytes | None],
    promised: Sequence[VersionTrack] = (),
) -> Draft:
    """Draft a committed proposal again from its committed counts.

    Args:
        subject: line, settings at the base, and the base config.
        summary: the committed change summary: who stands behind it and, for a change by hand, what was asked for.
        files: the committed documents by path.
        promised: what the released versions of the line promised, and what is known to have come.

    Raises:
        CalibgitError: NOT_COMPARABLE when other versions computed it; NO_SNAPSHOT; OTHER_PROMISES; whatever the stages
            refuse.
    """
    _require_same_tools(summary)
    directory = proposal_directory(summary.line, Version.parse(summary.proposed_version))
    snapshot = _read(MetricsSnapshot, files, f"{directory}/{SNAPSHOT}")
    if snapshot is None:
        raise DocumentError("NO_SNAPSHOT", f"{directory}/{SNAPSHOT} is missing", fix="propose again")
    previous = _read(MetricsSnapshot, files, f"{directory}/{PREVIOUS}")
    history = _read(History, files, f"{directory}/{HISTORY}")
    record = _record(files, f"{directory}/{REPORT}", summary.base_version, snapshot.window.start, promised)
    report = analyze(subject, snapshot, previous, history, record)
    evidence = Evidence(snapshot, report, previous, history)
    by_hand = summary.search is None
    decision = decide_change(
        subject,
        evidence,
        {change.path: change.new for change in summary.changes} if by_hand else {},
        summary.changes[0].rationale,
    )
    origin = Origin(summary.created_by, summary.initiator, summary.log_head)
    return draft(
        subject,
        evidence,
        decision,
        origin,
        wanted=Version.parse(summary.proposed_version),
        known=frozenset(),
    )


def _require_same_tools(summary: ChangeSummary) -> None:
    tools = {"calibgit": f"calibgit {__version__}", **library_versions()}
    stated = {"calibgit": summary.reproduce.tool, **summary.reproduce.libraries}
    if tools != stated:
        wanted = next(name for name in tools if tools[name] != stated.get(name))
        raise DocumentError(
            "NOT_COMPARABLE",
            f"it was computed with {stated.get(wanted, 'an unnamed version')} of {wanted}, this is {tools[wanted]}",
            why="Other versions may round differently, so a difference would prove nothing.",
            fix="install the locked versions and check again",
        )


def _read(kind: type[D], files: Mapping[str, bytes | None], path: str) -> D | None:
    data = files.get(path)
    return None if data is None else kind.read(data, path)


def _record(
    files: Mapping[str, bytes | None], path: str, base: str, start: str, known: Sequence[VersionTrack]
) -> tuple[VersionTrack, ...]:
    """The track record that a committed report rests on. A report without one, from before there was one, stays so."""
    data = files.get(path)
    record = (None if data is None else CalibrationReport.read(data, path).track_record) or ()
    wrong = contradicted(record, known, before=start, base=base) if record else None
    if wrong is not None:
        raise DocumentError(
            "OTHER_PROMISES",
            f"the report's track record is not what v{wrong} promised, or not what came of it",
            why="What a release promised lies in the commit that was released; what came, on the evidence branch.",
            fix="fetch, then analyze and propose again",
        )
    return record
