"""Read the log of a clone: verification step 1, then the fold, then step 10."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress

from calibgit.errors import DocumentError, GateClosed
from calibgit.model.event import MAX_EVENT_BYTES
from calibgit.model.ids import TAG_NAMESPACE, parse_release_name, parse_slot, parse_summary_path
from calibgit.model.state import Problem
from calibgit.registry.branch import LogOnBranch
from calibgit.registry.highwater import Mark, refuse_marks, witness
from calibgit.registry.pending import PREFIX, Pending, read_pending
from calibgit.registry.verify import MAX_LISTED, Moment, Slot, Verification, flattened
from calibgit.repo.history import list_files
from calibgit.repo.objects import read_blob, read_objects
from calibgit.repo.refs import Ref, list_refs
from calibgit.repo.repository import Repository

_SLOTS = TAG_NAMESPACE + "e/"


def read_registry(
    repo: Repository,
    *,
    remote: str = "origin",
    moment: Moment | None = None,
    memory: Callable[[str], Iterable[Mark]] = lambda _: (),
) -> Verification:
    """Verify and fold the log that this clone holds. Reads only; never the network.

    Args:
        repo: the git door.
        remote: whose remote-tracking branch is this reader's view of the protected branch; without one, the
            local branch of that name is.
        moment: also keep the state as of then.
        memory: registry id to what this reader has seen of it before.

    Raises:
        EnvironmentFault: git cannot read the repository.
    """
    log = _log_of(repo, remote)
    names = log.names
    result = log.verify(moment)
    if result.policy is not None and (result.ok or result.foreign):
        marks = [*memory(result.state.registry), *_witnesses(repo, result, log.tip_of)]
        result.marked = bool(marks)
        problem = refuse_marks(result.events, marks)
        if problem is not None:
            result.errors += [problem] if result.ok else []
            result.foreign = []  # an event was seen there before, so what stands there now is no junk to be voided
    pinned = sorted(name for name in names if parse_release_name(name.removeprefix("refs/tags/")))
    if not result.events and not result.errors and pinned:
        result.errors.append(_log_missing(pinned[0]))
    if result.ok:
        result.warnings += _foreign_names(result, names)
    return result


def named_branch(repo: Repository, remote: str) -> str | None:
    """Full ref name of the branch that the last readable event names, by its own unproven word."""
    return _log_of(repo, remote).named_last()


def _log_of(repo: Repository, remote: str) -> LogOnBranch:
    refs = [ref for ref in list_refs(repo, TAG_NAMESPACE) if not ref.name.startswith(PREFIX)]
    names = {ref.name: ref.oid for ref in refs}
    return LogOnBranch(repo, remote, occupied(refs), names, lambda oids: _bodies(repo, oids))


def _log_missing(name: str) -> Problem:
    return Problem(
        "LOG_MISSING",
        f"{name} is here, but the events are not: this clone does not hold the log",
        None,
        name,
        "git fetch --force origin 'refs/tags/calib/*:refs/tags/calib/*'",
        1,
    )


def _witnesses(repo: Repository, result: Verification, tip_of: Callable[[str], str]) -> Iterator[Mark]:
    """Log heads that merged proposals name. A released one's own event is a later witness, so it is not read."""
    policy, state = result.policy, result.state
    if policy is None:
        return
    tip = tip_of(policy.branch_ref)
    for path in list_files(repo, tip, "proposals/", strict=False):
        named = parse_summary_path(path)
        if named is None or named[1] in state.line(named[0]):
            continue
        with suppress(DocumentError):  # a summary that nobody can read is no witness, and stops no reader
            summary = read_blob(repo, tip, path)
            mark = witness(summary, state.registry, path) if summary is not None else None
            if mark is not None:
                yield mark


def occupied(refs: list[Ref]) -> list[Slot]:
    """Step 1: the occupied slots in order, each with what is wrong with it at first sight."""
    found: dict[int, Slot] = {}
    for ref in refs:
        seq = parse_slot(ref.name.removeprefix("refs/tags/"))
        if seq is not None:
            found[seq] = Slot(seq, ref.oid, ref.name, _slot_problem(seq, ref))
    for ref in refs:
        slot, below, _ = ref.name.removeprefix(_SLOTS).partition("/")
        seq = parse_slot(f"calib/e/{slot}") if below and ref.name.startswith(_SLOTS) else None
        if seq is not None and seq not in found:
            found[seq] = Slot(seq, ref.oid, ref.name, _blocked(seq, ref))
    return [found[seq] for seq in sorted(found)]


def _blocked(seq: int, ref: Ref) -> Problem:
    error = name_blocked(f"slot {seq}", ref.name)
    return Problem(error.code, error.what, seq, ascii(ref.name)[1:-1], error.fix)


def require_free(repo: Repository, names: Iterable[str]) -> None:
    """No other name is above or below one of `names`: git could not hold both.

    Raises:
        GateClosed: NAME_BLOCKED.
    """
    known = {ref.name for ref in list_refs(repo, TAG_NAMESPACE)}
    for name in names:
        parts = name.split("/")
        above = ("/".join(parts[:end]) for end in range(4, len(parts)))
        other = next((each for each in above if each in known), None)
        other = other or next((each for each in known if each.startswith(name + "/")), None)
        if other is not None:
            raise name_blocked(name, other)


def name_blocked(what: str, other: str) -> GateClosed:
    """The refusal of a name that git cannot hold beside `other`."""
    return GateClosed(
        "NAME_BLOCKED",
        f"{other!a} stands in the way of {what}",
        why="Git holds a name or names below it, not both; whoever pushed this one keeps an event from its name.",
        fix=f"git push origin --delete {other!a} && git update-ref -d {other!a}",
    )


def _slot_problem(seq: int, ref: Ref) -> Problem | None:
    if ref.kind == "commit":
        error = flattened(ref.name)
        return Problem(error.code, error.what, seq, ref.name, error.fix)
    if ref.kind != "tag":
        return Problem("TARGET_TYPE", f"{ref.name} names a {ref.kind}", seq, ref.name, "find out who pushed it")
    if ref.size > MAX_EVENT_BYTES:
        return Problem("TOO_LARGE", f"{ref.name} has {ref.size:,} bytes", seq, ref.name, "find out who pushed it")
    return None


def _bodies(repo: Repository, oids: list[str]) -> Iterator[bytes | None]:
    for _, found in read_objects(repo, oids, limit=MAX_EVENT_BYTES):
        yield found.data if found is not None and found.kind == "tag" else None


def _foreign_names(result: Verification, names: Mapping[str, str]) -> list[Problem]:
    owned = {name for event in result.events for name in event.payload["refs"]}
    foreign = sorted(name for name in names.keys() - owned if parse_slot(name.removeprefix("refs/tags/")) is None)
    found = [
        Problem("FOREIGN_NAME", f"{name!a} belongs to no event and is ignored", None, ascii(name)[1:-1])
        for name in foreign[:MAX_LISTED]
    ]
    if len(foreign) > MAX_LISTED:
        found.append(Problem("FOREIGN_NAME", f"{len(foreign) - MAX_LISTED:,} more names belong to no event"))
    return found


def pending_signatures(repo: Repository) -> list[Pending]:
    """The co-signatures and proofs of possession that this clone holds and that are what they say."""
    refs = [ref for ref in list_refs(repo, PREFIX) if ref.kind == "tag" and ref.size <= MAX_EVENT_BYTES]
    bodies = _bodies(repo, [ref.oid for ref in refs])
    found = [read_pending(ref.name, body) for ref, body in zip(refs, bodies, strict=True) if body is not None]
    return [each for each in found if each is not None]
