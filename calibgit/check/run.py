"""The checks of one change, in the order they run. Pure: a failed check is a value."""

from __future__ import annotations

from collections.abc import Iterator

from calibgit.check.candidate import Candidate
from calibgit.check.documents import (
    check_changes,
    check_config,
    check_contracts,
    failed,
    passed,
    read_documents,
)
from calibgit.check.policy import check_policy
from calibgit.errors import CalibgitError, GateClosed
from calibgit.model.canonical import sha256_hex
from calibgit.model.checks import CheckReport, CheckResult
from calibgit.model.config import read_config
from calibgit.model.proposal import ChangeSummary
from calibgit.registry.highwater import witness
from calibgit.registry.owners import uncovered


def run_checks(candidate: Candidate) -> CheckReport:
    """Check a change.

    A change that proposes nothing must still leave released configs alone, and a changed policy must be one that can
    come into force; everything else is skipped for it.
    """
    results = list(_all(candidate))
    return CheckReport(
        line=candidate.line,
        base=candidate.base,
        head=candidate.head,
        version=str(candidate.version) if candidate.version else None,
        ok=all(result.outcome != "fail" for result in results),
        results=tuple(results),
    )


def _all(candidate: Candidate) -> Iterator[CheckResult]:
    yield from check_immutability(candidate)
    yield from check_scope(candidate)
    yield from check_policy(candidate)
    if candidate.version is None:
        return
    yield from check_owners(candidate)
    yield from check_number(candidate)
    value, found = check_config(candidate)
    yield from found
    summary, found = read_documents(candidate)
    yield from found
    if value is not None:
        yield from check_contracts(candidate, value)
    yield from check_log_head(candidate)
    if summary is not None:
        yield from check_base(candidate, summary)
    if value is not None and summary is not None and candidate.base_config is not None:
        try:
            _, old = read_config(candidate.base_config, f"the config of v{candidate.base_version}")
        except CalibgitError as error:
            yield failed("changes", error.code, error.what, fix=error.fix)
        else:
            yield from check_changes(candidate, summary, old, value)
    yield from check_provenance(candidate)


def check_immutability(candidate: Candidate) -> Iterator[CheckResult]:
    """A config that the registry knows keeps its bytes for ever."""
    broken = False
    for path, digest in sorted(candidate.released.items()):
        if path not in candidate.changed:
            continue
        data = candidate.after.get(path)
        if data is None or sha256_hex(data) != digest:
            broken = True
            yield failed(
                "immutability",
                "RELEASED_CHANGED",
                f"{path} is released and may not change",
                path=path,
                fix=f"git restore --source {candidate.base[:12]} -- {path}, and propose a new version",
            )
    if not broken:
        yield passed("immutability", "no released config is touched")


def check_scope(candidate: Candidate) -> Iterator[CheckResult]:
    """A proposal touches its own config and its own documents, and nothing else; it adds, and never rewrites."""
    if candidate.version is None:
        governed = [
            p for p in candidate.changed if p.startswith((candidate.configs + "/scoring_config_", "proposals/"))
        ]
        if governed:
            yield failed(
                "scope",
                "NOT_ONE_PROPOSAL",
                f"{governed[0]} is governed, but the change is not one proposal of one version",
                path=governed[0],
                fix="put each proposed version into a branch of its own: calibgit propose",
            )
        else:
            yield CheckResult(check="scope", outcome="skip", message="the change proposes no version")
        return
    outside = [path for path in candidate.changed if not candidate.in_scope(path)]
    if outside:
        yield failed(
            "scope",
            "OUT_OF_SCOPE",
            f"the proposal of v{candidate.version} also changes {outside[0]}"
            + (f" and {len(outside) - 1} more" if outside[1:] else ""),
            path=outside[0],
            fix="move the other change to a branch of its own",
        )
    elif candidate.special:
        yield failed(
            "scope",
            "NOT_A_FILE",
            f"{candidate.special[0]} is a link, a submodule or a program",
            path=candidate.special[0],
            fix="propose plain files only (mode 100644)",
        )
    else:
        yield passed("scope", f"{len(candidate.changed)} files, all of the proposal of v{candidate.version}")


def check_owners(candidate: Candidate) -> Iterator[CheckResult]:
    """Every changed path has a code owner at the base, so that somebody is asked to approve it."""
    if candidate.owners is None:
        yield failed("owners", "NO_CODEOWNERS", "there is no CODEOWNERS at the base", fix="add CODEOWNERS first")
        return
    try:
        free = uncovered(candidate.owners, candidate.changed)
    except GateClosed as error:
        yield failed("owners", error.code, error.what, path=candidate.owners.path, fix=error.fix)
        return
    if free:
        yield failed(
            "owners",
            "UNOWNED",
            f"nobody owns {free[0]}" + (f" and {len(free) - 1} more" if free[1:] else ""),
            path=free[0],
            fix=f"add a line to {candidate.owners.path} that covers it",
        )
    else:
        yield passed("owners", "every changed path has a code owner")


def check_number(candidate: Candidate) -> Iterator[CheckResult]:
    """The version number is new and higher than every number that was ever used."""
    version = candidate.version
    if version is None:
        return
    data = candidate.after.get(candidate.config_path)
    if data is not None and sha256_hex(data) in candidate.rejected:
        yield failed(
            "number",
            "CONFIG_REJECTED",
            "these bytes were rejected before",
            path=candidate.config_path,
            fix="propose a different config",
        )
    highest = max(candidate.known, default=None)
    if highest is not None and version <= highest:
        yield failed(
            "number",
            "VERSION_NOT_GREATER",
            f"v{version} is not above v{highest}, the highest number that is taken",
            path=candidate.config_path,
            fix="propose again with --version auto",
        )
    else:
        yield passed("number", f"v{version} is free")


def check_log_head(candidate: Candidate) -> Iterator[CheckResult]:
    """The summary names an event of the log: once merged it is a witness, and a false one stops every reader."""
    path = candidate.summary_path
    data = candidate.after.get(path)
    if data is None:
        return
    mark = witness(data, candidate.registry, path)
    if mark is not None and candidate.log.get(mark.seq) == mark.sha256:
        yield passed("log", f"made when the log ended at event {mark.seq}")
        return
    said = "no event of this registry" if mark is None else f"event {mark.seq} with a digest that the log does not have"
    yield failed(
        "log",
        "LOG_HEAD_UNKNOWN",
        f"the summary's log_head names {said}",
        path=path,
        fix="git fetch origin 'refs/tags/calib/*:refs/tags/calib/*'; if that changes nothing, propose again",
    )


def check_base(candidate: Candidate, summary: ChangeSummary) -> Iterator[CheckResult]:
    """The proposal starts from the version that is active now."""
    if summary.proposed_version != str(candidate.version) or summary.line != candidate.line:
        yield failed(
            "base",
            "VERSION_DIFFERS",
            "the summary speaks of another version or line",
            path=candidate.summary_path,
        )
    if candidate.base_version is None or summary.base_version != str(candidate.base_version):
        yield failed(
            "base",
            "STALE_BASE",
            f"the proposal starts from v{summary.base_version}, but "
            f"{'v' + str(candidate.base_version) if candidate.base_version else 'nothing'} is active",
            path=candidate.summary_path,
            fix="propose again from the active version",
        )
    else:
        yield passed("base", f"starts from v{candidate.base_version}, which is active")


def check_provenance(candidate: Candidate) -> Iterator[CheckResult]:
    """Recomputing the documents from the committed inputs gives the same bytes."""
    if candidate.expected is None:
        yield failed(
            "provenance",
            "NOT_RECOMPUTED",
            f"the proposal could not be recomputed: {candidate.not_recomputed}",
            path=candidate.summary_path,
            fix="propose again with the locked versions of calibgit and its libraries",
        )
        return
    paths = sorted(candidate.expected.keys() | {p for p in candidate.changed if candidate.in_scope(p)})
    different = [path for path in paths if candidate.expected.get(path) != candidate.after.get(path)]
    if different:
        yield failed(
            "provenance",
            "NOT_REPRODUCED",
            f"{different[0]} is not what the committed counts, config and settings give",
            path=different[0],
            fix="propose again; nobody edits a proposal's documents by hand",
        )
    else:
        yield passed("provenance", f"{len(paths)} documents recomputed byte for byte")
