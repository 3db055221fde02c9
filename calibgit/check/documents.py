"""Checks of the documents themselves: do they parse, keep their schema and say what is true?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from calibgit.check.candidate import Candidate
from calibgit.check.compat import ORDER, Difference, differences, level
from calibgit.errors import CalibgitError
from calibgit.model.checks import CheckResult
from calibgit.model.config import read_config
from calibgit.model.contracts import violations
from calibgit.model.ids import next_version
from calibgit.model.proposal import ChangeSummary
from calibgit.model.report import CalibrationReport
from calibgit.model.snapshot import MetricsSnapshot


def failed(check: str, code: str, message: str, *, path: str | None = None, fix: str = "") -> CheckResult:
    """A failed check."""
    return CheckResult(check=check, outcome="fail", code=code, message=message, path=path, fix=fix)


def passed(check: str, message: str) -> CheckResult:
    """A passed check."""
    return CheckResult(check=check, outcome="pass", message=message)


def check_config(candidate: Candidate) -> tuple[dict[str, Any] | None, list[CheckResult]]:
    """Schema and meaning of the proposed config; the config's data when it can be read."""
    path = candidate.config_path
    data = candidate.after.get(path)
    if data is None:
        return None, [failed("schema", "NO_CONFIG", f"the proposal lacks {path}", path=path)]
    try:
        config, value = read_config(data, path)
    except CalibgitError as error:
        return None, [failed("schema", error.code, error.what, path=path, fix=error.fix)]
    if config.version != candidate.version:
        return value, [
            failed(
                "schema",
                "VERSION_DIFFERS",
                f"{path} says logic_version {config.logic_version}",
                path=path,
                fix="number the file and its logic_version alike",
            )
        ]
    return value, [passed("schema", f"{path} keeps its schema and its bands are sound")]


def check_contracts(candidate: Candidate, value: dict[str, Any]) -> list[CheckResult]:
    """Backward compatibility: the replaced version's schema and every consumer contract accept the new config."""
    found: list[CheckResult] = []
    for name in sorted(candidate.contracts):
        try:
            problems = violations(candidate.contracts[name], name, value)
        except CalibgitError as error:
            problems = [error.what]
        found += [
            failed(
                "contracts",
                "CONTRACT_BROKEN",
                f"{name} does not accept the new config: {problem}",
                path=candidate.config_path,
                fix=f"keep what {name} needs, or change the contract first in a merge of its own",
            )
            for problem in problems[:5]
        ]
    return found or [passed("contracts", f"{len(candidate.contracts)} schemas accept the new config")]


def read_documents(candidate: Candidate) -> tuple[ChangeSummary | None, list[CheckResult]]:
    """The change summary, and whether the proposal's other documents keep their schemas."""
    kinds: dict[str, type[ChangeSummary | MetricsSnapshot | CalibrationReport]] = {
        candidate.summary_path: ChangeSummary,
        candidate.directory + "metrics_snapshot.json": MetricsSnapshot,
        candidate.directory + "calibration_report.json": CalibrationReport,
    }
    summary: ChangeSummary | None = None
    found: list[CheckResult] = []
    for path, kind in kinds.items():
        data = candidate.after.get(path)
        if data is None:
            if kind is ChangeSummary:
                found.append(failed("documents", "NO_SUMMARY", f"the proposal lacks {path}", path=path))
            continue
        try:
            document = kind.read(data, path)
        except CalibgitError as error:
            found.append(failed("documents", error.code, error.what, path=path, fix=error.fix))
            continue
        if isinstance(document, ChangeSummary):
            summary = document
    return summary, found or [passed("documents", "the proposal's documents keep their schemas")]


def check_changes(
    candidate: Candidate, summary: ChangeSummary, old: dict[str, Any], new: dict[str, Any]
) -> Iterator[CheckResult]:
    """The summary lists exactly the differences, and its level is the one that the version number claims."""
    found = differences(old, new)
    yield from _listed(candidate, summary, found)
    actual = level(found)
    if candidate.version is None or candidate.base_version is None:
        return
    claimed = candidate.version.level_from(candidate.base_version)
    if ORDER.index(claimed) < ORDER.index(actual) or summary.compatibility != actual:
        wanted = next_version(candidate.base_version, actual, candidate.known)
        worst = next((item for item in found if item.level == actual), None)
        yield failed(
            "level",
            "WRONG_LEVEL",
            f"this is a {actual} change of v{candidate.base_version}, but v{candidate.version} claims {claimed} and "
            f"the summary says {summary.compatibility}" + (f" (because of {worst.path})" if worst else ""),
            path=candidate.summary_path,
            fix=f"propose it as v{wanted}",
        )
    else:
        yield passed("level", f"a {actual} change, as v{candidate.version} says")


def _listed(candidate: Candidate, summary: ChangeSummary, found: list[Difference]) -> Iterator[CheckResult]:
    actual = {item.path: (item.old, item.new) for item in found}
    claimed = {change.path: (change.old, change.new) for change in summary.changes}
    wrong = sorted(path for path in actual.keys() | claimed.keys() if actual.get(path) != claimed.get(path))
    if not found:
        yield failed(
            "changes",
            "NO_CHANGE",
            "the new config differs in nothing but its number",
            path=candidate.config_path,
        )
    elif wrong:
        yield failed(
            "changes",
            "UNSEEN_CHANGE",
            f"the summary and the config disagree about {wrong[0]}"
            + (f" and {len(wrong) - 1} more" if wrong[1:] else ""),
            path=candidate.summary_path,
            fix="propose again, so that the summary lists every change with its old and new value",
        )
    else:
        yield passed("changes", f"the summary lists all {len(found)} changes")
