"""Propose a config change: a branch commit with its documents, and a merge request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from calibgit.errors import Conflict, EnvironmentFault, GateClosed
from calibgit.jobs.code_host import forge_of
from calibgit.jobs.drafting import PAGE, Draft, Evidence, Origin, decide_change, draft
from calibgit.jobs.evidence import publish_run
from calibgit.jobs.measure import Subject
from calibgit.jobs.workspace import Workspace
from calibgit.model.canonical import sha256_hex
from calibgit.model.ids import Version, config_path, parse_config_path, proposal_branch, proposal_directory
from calibgit.model.policy import PRODUCTION, Policy
from calibgit.model.proposal import Decision
from calibgit.model.report import Scalar
from calibgit.model.review import MergeRequest
from calibgit.model.state import RegistryState
from calibgit.registry.history import History
from calibgit.repo.commits import commit_files
from calibgit.repo.history import list_files, resolve
from calibgit.repo.identity import user_identity
from calibgit.repo.objects import read_commit
from calibgit.repo.pushing import push
from calibgit.repo.refs import update_refs
from calibgit.repo.remote import remote_refs


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller asks for: a number, changes by hand with their reason, who asks, how far to go."""

    version: Version | None = None
    assignments: Mapping[str, Scalar] | None = None
    reason: str = ""
    initiator: str | None = None
    env: str = PRODUCTION
    push: bool = False
    merge_request: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Proposed:
    """What came of it. `no_change`: the search found nothing better; `unchanged`: it is proposed already."""

    outcome: Literal["proposed", "unchanged", "no_change"]
    decision: Decision
    draft: Draft | None = None
    branch: str = ""
    commit: str = ""
    pushed: bool = False
    request: MergeRequest | None = None


def propose(workspace: Workspace, subject: Subject, evidence: Evidence, wish: Wish) -> Proposed:
    """Decide, draft, commit on a branch, push and open a merge request, as far as `wish` goes.

    What is pushed carries the counts, so the run is put on the evidence branch first. The user's index, work tree and
    current branch are never touched.

    Raises:
        GateClosed: STALE_BASE, VERSION_TAKEN, UNRELEASED_MERGE, NOT_SEALED, WINDOW_PUBLISHED, NOT_PUBLISHED.
        Conflict: BRANCH_EXISTS.
        EnvironmentFault: FORGE_UNSUPPORTED, and what git refuses.
        UsageError: what `decide_change` refuses.
    """
    publish = (wish.push or wish.merge_request) and not wish.dry_run
    if publish:
        workspace.refresh(workspace.writing_policy().branch_ref)
    state, policy = workspace.verification().require()
    _require_active(state, subject, wish.env)
    decision = decide_change(subject, evidence, wish.assignments or {}, wish.reason)
    if not decision.changes:
        return Proposed("no_change", decision)
    history = workspace.history(policy)
    known = taken(history, state, subject.line, subject.configs)
    _require_free(history, state, subject, known, wish.version)
    author = _author(workspace, wish)
    origin = Origin(
        created_by=author,
        initiator=wish.initiator or author,
        log_head={"registry": state.registry, "seq": state.seq, "sha256": state.head_sha256},
    )
    made = draft(subject, evidence, decision, origin, wanted=wish.version, known=known)
    branch = proposal_branch(subject.line, made.version)
    if wish.dry_run:
        return Proposed("proposed", decision, made, branch)
    if publish:
        publish_run(workspace, evidence.snapshot, evidence.report, evidence.previous, evidence.history)
    commit, fresh = _commit(workspace, policy, made, branch)
    request = _publish(workspace, policy, made, branch, commit, wish) if publish else None
    return Proposed("proposed" if fresh else "unchanged", decision, made, branch, commit, publish, request)


def _author(workspace: Workspace, wish: Wish) -> str:
    """E-mail of whoever proposes. A dry run shows what would be proposed to somebody who is not set up yet, too."""
    try:
        return user_identity(workspace.environ).email
    except EnvironmentFault:
        if not wish.dry_run:
            raise
        return "unknown"


def _require_active(state: RegistryState, subject: Subject, env: str) -> None:
    active = state.active(subject.line, env)
    if active is None or active.version != subject.config.version:
        raise GateClosed(
            "STALE_BASE",
            f"the counts were taken under v{subject.config.version}, but "
            f"{f'v{active.version}' if active else 'nothing'} is active in {env}",
            why="A proposal changes what is in force, on evidence about what is in force.",
            fix=f"collect and analyze again: calibgit calibrate --line {subject.line} --source URL",
        )


def taken(history: History, state: RegistryState, line: str, configs: str) -> frozenset[Version]:
    """Every number of a line that the registry knows or that lies merged on the branch."""
    paths = list_files(history.repo, history.tip, configs + "/")
    merged = {version for path in paths if (version := parse_config_path(path, configs)) is not None}
    return frozenset({*state.line(line), *merged})


def _require_free(
    history: History, state: RegistryState, subject: Subject, known: frozenset[Version], wanted: Version | None
) -> None:
    line = subject.line
    if wanted is not None and wanted in known:
        raise GateClosed(
            "VERSION_TAKEN",
            f"{line} v{wanted} is taken",
            why="A version number names one config for ever.",
            fix="use --version auto",
        )
    rejected = state.rejected.get(line, {})
    waiting = sorted(
        version
        for version in known - set(state.line(line))
        if sha256_hex(history.blob(history.tip, config_path(version, subject.configs)) or b"") not in rejected
    )
    if waiting:
        raise GateClosed(
            "UNRELEASED_MERGE",
            f"{line} v{waiting[0]} is merged but not released",
            why="One merged, unreleased version at a time, so that every proposal starts from what was decided.",
            fix=f"calibgit release {waiting[0]}, or: calibgit reject {waiting[0]} --reason TEXT",
        )


def _commit(workspace: Workspace, policy: Policy, made: Draft, branch: str) -> tuple[str, bool]:
    tip = workspace.history(policy).tip
    commit = commit_files(
        workspace.repo,
        parents=[tip],
        files=made.files,
        message=f"calib({made.summary.line}): v{made.summary.base_version} -> v{made.version}\n\n"
        f"{made.summary.summary}\n",
        author=user_identity(workspace.environ),
        when=workspace.now(),
        signer=workspace.signer(),
    )
    for ref in (f"refs/heads/{branch}", f"refs/remotes/{workspace.remote_name}/{branch}"):
        existing = resolve(workspace.repo, ref)
        if existing is None:
            continue
        if read_commit(workspace.repo, existing).tree == read_commit(workspace.repo, commit).tree:
            return existing, False
        raise Conflict(
            "BRANCH_EXISTS",
            f"{branch} already holds another proposal of v{made.version}",
            why="A proposal that somebody may be reviewing is not overwritten.",
            fix=f"review or close it, delete the branch ({ref}), or propose another --version",
        )
    update_refs(workspace.repo, {f"refs/heads/{branch}": (commit, None)})
    return commit, True


def _publish(
    workspace: Workspace, policy: Policy, made: Draft, branch: str, commit: str, wish: Wish
) -> MergeRequest | None:
    ref = f"refs/heads/{branch}"
    if remote_refs(workspace.repo, workspace.remote, ref).get(ref) != commit:
        push(workspace.repo, workspace.remote, {ref: commit})
    if not wish.merge_request:
        return None
    forge = forge_of(workspace)
    page = made.files[f"{proposal_directory(made.summary.line, made.version)}/{PAGE}"].decode()
    existing = forge.find(branch)
    if existing is not None and existing.state == "open":
        return existing
    return forge.open(
        branch=branch,
        target=policy.branch,
        head=commit,
        title=f"calib({made.summary.line}): v{made.summary.base_version} -> v{made.version} "
        f"({made.summary.compatibility})",
        body=page,
        opener=made.summary.created_by,
    )
