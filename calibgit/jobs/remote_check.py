"""Compare what this clone holds with what the remote lists. The remote is listed once; nothing is fetched."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from calibgit.errors import CalibgitError, EnvironmentFault
from calibgit.jobs.workspace import Workspace
from calibgit.model.doctor import Finding
from calibgit.model.event import expected_refs
from calibgit.model.ids import TAG_NAMESPACE, slot_name
from calibgit.model.policy import Policy
from calibgit.registry.pending import PREFIX, Pending, act_of, stale
from calibgit.registry.read import pending_signatures
from calibgit.registry.verify import MAX_LISTED, Verification
from calibgit.repo.history import is_ancestor, resolve
from calibgit.repo.network import Remote
from calibgit.repo.refs import Ref, list_refs
from calibgit.repo.remote import remote_refs
from calibgit.repo.repository import Repository

_LOG_FETCH = "git fetch {} 'refs/tags/calib/*:refs/tags/calib/*'"
_HEX = re.compile(r"refs/(?:tags|heads)/(?:[0-9a-f]{40}|[0-9a-f]{64})")
_MOVED = "A tag of the registry never moves, so one of the two was changed by somebody."
_SHORT = "Short names are ambiguous then, and tools that use them may take one for the other."


def compare(workspace: Workspace, verification: Verification, policy: Policy) -> list[Finding]:
    """Everything about the remote; one finding of status unknown when it does not answer."""
    try:
        remote = workspace.remote
        there = remote_refs(workspace.repo, remote, "refs/*")
    except EnvironmentFault as fault:
        what = f"the remote could not be asked: {fault.what}"
        return [Finding(status="unknown", what=what, why=fault.why, fix=fault.fix)]
    here = {ref.name: ref for ref in list_refs(workspace.repo, "refs/")}
    log = [
        *_only_here(here, there, verification, remote),
        *_only_there(here, there, remote),
        *_moved(here, there, remote),
    ]
    names = sum(name.startswith(TAG_NAMESPACE) for name in there)
    if not log:
        log = [Finding(status="ok", what=f"the {names} names of the log are the same here and on {remote.name}")]
    squatters = [
        *_squatters(there, verification, policy, f"on {remote.name}", f"git push {remote.name} --delete {{}}"),
        *_squatters(here, verification, policy, "in this clone", "git update-ref -d {}"),
        *_collisions(there, policy, remote),
    ]
    if not squatters:
        squatters = [Finding(status="ok", what="no other name stands in the way of the registry's")]
    return [
        *_branch(workspace.repo, there, policy, remote),
        *log,
        *_useless(workspace.repo, there, verification, remote),
        *squatters,
    ]


def _branch(repo: Repository, there: Mapping[str, str], policy: Policy, remote: Remote) -> Iterator[Finding]:
    oid, name = there.get(policy.branch_ref), policy.branch
    here = resolve(repo, f"refs/remotes/{remote.name}/{name}")
    fetch = f"git fetch {remote.name} {shlex.quote(name)}"
    if oid is None:
        why = "Approvals are merges into it, and readers follow it."
        fix = f"git push {remote.name} {shlex.quote(f'refs/heads/{name}')}, if yours is the right one"
        yield Finding(status="fail", what=f"there is no branch {name} on {remote.name}", why=why, fix=fix)
    elif here == oid:
        yield Finding(status="ok", what=f"{name} is where {remote.name} has it")
    elif here is None:
        yield Finding(status="fail", what=f"this clone does not follow {name} of {remote.name}", fix=fetch)
    elif resolve(repo, oid) is None:
        what = f"{name} is at {oid[:12]} on {remote.name} and at {here[:12]} here"
        why = "This clone is behind, or the branch was rewritten; a fetch tells which."
        yield Finding(status="unknown", what=what, why=why, fix=fetch)
    elif _reaches(repo, here, oid):
        yield Finding(status="fail", what=f"this clone is behind {name} of {remote.name}", fix=fetch)
    else:
        yield Finding(
            status="fail",
            what=f"{name} on {remote.name} lost commits that this clone has seen",
            why="The protected branch only grows.",
            fix=f"find out who rewrote it: git log {oid}..{here}",
        )


def _reaches(repo: Repository, older: str, newer: str) -> bool:
    try:
        return is_ancestor(repo, older, newer)
    except CalibgitError:
        return False


def _only_here(
    here: Mapping[str, Ref], there: Mapping[str, str], verification: Verification, remote: Remote
) -> Iterator[Finding]:
    missing = {name for name in here if name.startswith(TAG_NAMESPACE) and name not in there}
    for event in verification.events:
        names = sorted(missing & set(expected_refs(event.payload)[0]))
        if names:
            pairs = " ".join(f"{event.oid}:{name}" for name in names)
            yield Finding(
                status="fail",
                what=f"event {event.seq} is not whole on {remote.name}: {', '.join(names)} is only here",
                why="It was never pushed, or it was removed there; others do not see it.",
                fix=f"git push --atomic {remote.name} {pairs}",
            )
            missing -= set(names)
    for name in _first(missing):
        if name is None:
            yield Finding(status="fail", what=f"{len(missing) - MAX_LISTED} more names are only here")
        elif name.startswith(PREFIX):
            fix = f"git push {remote.name} {_quoted(name)}"
            yield Finding(status="note", what=f"a co-signature waits only here: {_shown(name)}", fix=fix)
        else:
            yield Finding(
                status="fail",
                what=f"{_shown(name)} is only here, and belongs to no event that is believed",
                why="Nobody else sees it; it may be what is left of a command that was cut off.",
                fix=f"git update-ref -d {_quoted(name)} {here[name].oid}",
            )


def _only_there(here: Mapping[str, Ref], there: Mapping[str, str], remote: Remote) -> Iterator[Finding]:
    missing = sorted(name for name in there if name.startswith(TAG_NAMESPACE) and name not in here)
    events = [name for name in missing if not name.startswith(PREFIX)]
    fetch = _LOG_FETCH.format(remote.name)
    if events:
        what = f"{len(events)} names of the log on {remote.name} are not here, the first is {_shown(events[0])}"
        yield Finding(status="fail", what=what, why="This clone's state is older than the remote's.", fix=fetch)
    if len(missing) > len(events):
        what = f"{len(missing) - len(events)} co-signatures or kept heads on {remote.name} are not here"
        yield Finding(status="note", what=what, fix=fetch)


def _moved(here: Mapping[str, Ref], there: Mapping[str, str], remote: Remote) -> Iterator[Finding]:
    moved = {n for n, ref in here.items() if n.startswith(TAG_NAMESPACE) and there.get(n, ref.oid) != ref.oid}
    for name in _first(moved):
        if name is None:
            yield Finding(status="fail", what=f"{len(moved) - MAX_LISTED} more names differ")
        elif here[name].kind == "commit":
            yield Finding(
                status="fail",
                what=f"LIGHTWEIGHT: {_shown(name)} is a bare commit here, and a signed tag on {remote.name}",
                why="Some CI checkouts flatten the tag that they check out.",
                fix=f"git fetch --force {remote.name} {_quoted(f'{name}:{name}')}",
            )
        else:
            what = f"MOVED: {_shown(name)} is {here[name].oid[:12]} here and {there[name][:12]} on {remote.name}"
            fix = f"keep this clone as it is, and compare: git ls-remote {remote.name} {_quoted(name)}"
            yield Finding(status="fail", what=what, why=_MOVED, fix=fix)


def _useless(
    repo: Repository, there: Mapping[str, str], verification: Verification, remote: Remote
) -> Iterator[Finding]:
    """Co-signatures on the remote that no writer will take any more, by reason."""
    if verification.policy is None:
        return
    found: dict[str, list[Pending]] = {}
    for each in pending_signatures(repo):
        reason = stale(each, verification.state, verification.policy)
        if reason and each.ref in there:
            found.setdefault(reason, []).append(each)
    for reason, signatures in sorted(found.items()):
        names = " ".join(each.ref for each in signatures[:MAX_LISTED])
        yield Finding(
            status="note",
            what=f"{len(signatures)} co-signatures are of no use any more, because {reason}: {act_of(signatures[0])}",
            why="No reader looks at them; they only take up names.",
            fix=f"git push {remote.name} --delete {names}; and here, each: git update-ref -d NAME",
        )


def _squatters(
    names: Sequence[str] | Mapping[str, object], verification: Verification, policy: Policy, where: str, removal: str
) -> Iterator[Finding]:
    """Names that git, or people, could take for the registry's, or that leave no room for them."""
    root = TAG_NAMESPACE.rstrip("/")
    blocking = {root, f"{root}/e", f"{root}/p"}
    blocking |= {f"{root}/{line}{more}" for line in policy.lines for more in ("", "/revert")}
    following = f"refs/tags/{slot_name(verification.state.seq + 1)}/"
    found = {}
    for name in names:
        if name in blocking or name.startswith(following):
            found[name] = ("takes the place where events have to go", "Git keeps no name below another name.")
        elif name.startswith(("refs/tags/refs/", "refs/heads/refs/")) or _HEX.fullmatch(name):
            found[name] = ("looks like another kind of name", _SHORT)
        elif name == "refs/heads/calib" or name.startswith("refs/heads/calib/"):
            found[name] = ("is a branch that is called like a tag of the registry", _SHORT)
    for told in _first(set(found)):
        if told is None:
            yield Finding(status="fail", what=f"{len(found) - MAX_LISTED} more such names are {where}")
            continue
        does, why = found[told]
        fix = "find out who made it and whether anybody needs it, then: " + removal.format(_quoted(told))
        yield Finding(status="fail", what=f"{_shown(told)} {where} {does}", why=why, fix=fix)


def _collisions(there: Mapping[str, str], policy: Policy, remote: Remote) -> Iterator[Finding]:
    """Names that a file system without upper and lower case, or with another Unicode form, cannot tell apart."""
    own = {_folded(name): name for name in there if name.startswith(TAG_NAMESPACE) or name == policy.branch_ref}
    guarded = _folded(TAG_NAMESPACE)
    clashing = {
        name
        for name in there
        if not name.startswith(TAG_NAMESPACE)
        and name != policy.branch_ref
        and (_folded(name) in own or _folded(name).startswith(guarded))
    }
    clashing |= {name for name in there if name.startswith(TAG_NAMESPACE) and own[_folded(name)] != name}
    for name in _first(clashing):
        if name is None:
            yield Finding(status="fail", what=f"{len(clashing) - MAX_LISTED} more such names are on {remote.name}")
            continue
        yield Finding(
            status="fail",
            what=f"{_shown(name)} on {remote.name} differs from a name of the registry only in case or form",
            why="Where files are called without regard to case, a clone would take one for the other.",
            fix=f"find out who made it, then: git push {remote.name} --delete {_quoted(name)}",
        )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _first(names: set[str]) -> Iterator[str | None]:
    """The first names in order; then None, if there are more."""
    yield from sorted(names)[:MAX_LISTED]
    if len(names) > MAX_LISTED:
        yield None


def _shown(name: str) -> str:
    return ascii(name)[1:-1]


def _quoted(name: str) -> str:
    """The name for a shell; bytes that are no text are written as printf writes them."""
    if name.isascii():
        return shlex.quote(name)
    raw = name.encode("utf-8", "surrogateescape")
    return "$'" + "".join(chr(c) if 32 < c < 127 and chr(c) not in "'\\" else f"\\x{c:02x}" for c in raw) + "'"
