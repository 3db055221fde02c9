"""Bring the log and the branches of a clone up to date. A known tag is never overwritten."""

from __future__ import annotations

from calibgit.errors import Conflict, EnvironmentFault, GateClosed
from calibgit.model.ids import TAG_NAMESPACE
from calibgit.model.state import Problem
from calibgit.registry.history import History
from calibgit.registry.read import named_branch
from calibgit.repo.network import Remote
from calibgit.repo.refs import list_refs
from calibgit.repo.remote import fetch, refill, remote_refs
from calibgit.repo.repository import Repository

LOG = "refs/tags/calib/*:refs/tags/calib/*"


def refresh(repo: Repository, remote: Remote, branch_ref: str) -> None:
    """Fetch the log, the protected branch, and the branch that took its place if the log that arrives names one.

    Raises:
        Conflict: MOVED when the remote calls another object by a name that is known here.
        EnvironmentFault: REMOTE_UNREACHABLE, REMOTE_REFUSED, NO_REMOTE_REF.
    """
    gone: EnvironmentFault | None = None
    try:
        _fetch(repo, remote, [_tracked(remote, branch_ref), LOG])
    except EnvironmentFault as error:
        if error.code != "NO_REMOTE_REF":
            raise
        gone = error
        _fetch(repo, remote, [LOG])
    named = named_branch(repo, remote.name)
    if (named is None or named == branch_ref or not _fetched(repo, remote, named)) and gone is not None:
        raise gone


def _fetched(repo: Repository, remote: Remote, branch_ref: str) -> bool:
    """Fetch a branch that a tag names. Anybody can push such a tag, so a failure is no error of the caller's."""
    try:
        _fetch(repo, remote, [_tracked(remote, branch_ref)])
    except (Conflict, EnvironmentFault):
        return False
    return True


def require_continued(repo: Repository, remote: Remote, branch_ref: str, old_tip: str) -> None:
    """The branch that is to be protected from now on is on the remote, and continues the one that was.

    Raises:
        GateClosed: BRANCH_NOT_CONTINUED.
    """
    name = branch_ref.removeprefix("refs/heads/")
    tip = remote_refs(repo, remote, branch_ref).get(branch_ref)
    if tip is not None:
        _fetch(repo, remote, [_tracked(remote, branch_ref)])
    if tip is None or not History(repo, tip).on_first_parent_line(old_tip, tip):
        raise GateClosed(
            "BRANCH_NOT_CONTINUED",
            f"the new policy protects {name}, which "
            + (f"is not on {remote.name}" if tip is None else f"does not continue from {old_tip[:12]}"),
            why="Every reader checks the whole log against the branch in force at its end.",
            fix=f"git push {remote.name} {old_tip}:{branch_ref}, then repeat the command",
        )


def _tracked(remote: Remote, branch_ref: str) -> str:
    return f"+{branch_ref}:refs/remotes/{remote.name}/{branch_ref.removeprefix('refs/heads/')}"


def repair(repo: Repository, remote: Remote) -> list[Problem]:
    """Make a clone whole: full history, every branch as a remote-tracking one, the whole log, flattened tags too.

    What a filter left out of a partial clone is brought as well.

    A name that is a bare commit here (a checkout flattened the tag) carries no trust, so what the remote holds
    replaces it. A tag object is never replaced.

    Returns:
        MISSING_ON_REMOTE for every name of the log that only this clone holds.

    Raises:
        Conflict: MOVED.
        EnvironmentFault: REMOTE_UNREACHABLE, REMOTE_REFUSED, NO_CREDENTIALS.
    """
    there = remote_refs(repo, remote, TAG_NAMESPACE + "*")
    if repo.missing():
        refill(repo, remote, ["+refs/heads/*:refs/heads/*", LOG])
    flat = [ref.name for ref in list_refs(repo, TAG_NAMESPACE) if ref.kind == "commit"]
    replaced = [f"+{name}:{name}" for name in flat if name in there]
    _fetch(repo, remote, [f"+refs/heads/*:refs/remotes/{remote.name}/*", *replaced])
    _fetch(repo, remote, [LOG])
    return [
        Problem(
            "MISSING_ON_REMOTE",
            f"{ref.name} is here and not on {remote.name}",
            None,
            ref.name,
            f"if it is an event, push it back: git push {remote.name} {ref.name}",
        )
        for ref in list_refs(repo, TAG_NAMESPACE)
        if ref.name not in there
    ]


def _fetch(repo: Repository, remote: Remote, refspecs: list[str]) -> None:
    try:
        fetch(repo, remote, refspecs)
    except Conflict as error:
        raise _moved(repo, remote) or error from error


def _moved(repo: Repository, remote: Remote) -> Conflict | None:
    """The first name of the log that means one object here and another one there."""
    here = {ref.name: ref.oid for ref in list_refs(repo, TAG_NAMESPACE)}
    for name, oid in sorted(remote_refs(repo, remote, TAG_NAMESPACE + "*").items()):
        if here.get(name, oid) != oid:
            return Conflict(
                "MOVED",
                f"{name} is {here[name][:12]} here and {oid[:12]} on {remote.name}",
                why="A tag of the registry never moves, so one of the two was changed by somebody.",
                fix=f"keep this clone as it is, and compare: git ls-remote {remote.name} '{name}'",
            )
    return None
