"""Read the log of a clone: verification step 1, then the fold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from calibgit.errors import IntegrityError
from calibgit.model.event import MAX_EVENT_BYTES, expected_refs
from calibgit.model.ids import TAG_NAMESPACE, parse_slot
from calibgit.model.state import Problem
from calibgit.registry.history import History
from calibgit.registry.verify import Slot, Verification, verify_log
from calibgit.repo.history import resolve
from calibgit.repo.objects import read_objects
from calibgit.repo.refs import Ref, list_refs
from calibgit.repo.repository import Repository

_PENDING = TAG_NAMESPACE + "p/"


def read_registry(repo: Repository, *, remote: str = "origin", until: int | None = None) -> Verification:
    """Verify and fold the log that this clone holds. Reads only; never the network.

    Args:
        repo: the git door.
        remote: whose remote-tracking branch is this reader's view of the protected branch; without one, the
            local branch of that name is.
        until: last event number to look at.

    Raises:
        EnvironmentFault: git cannot read the repository.
    """
    refs = [ref for ref in list_refs(repo, TAG_NAMESPACE) if not ref.name.startswith(_PENDING)]
    slots = occupied(refs)
    names = {ref.name: ref.oid for ref in refs}
    result = verify_log(
        slots,
        names,
        lambda oids: _bodies(repo, oids),
        lambda branch: History(repo, protected_tip(repo, branch, remote)),
        until=until,
    )
    if until is None and result.ok:
        result.warnings += _foreign_names(result, names)
    return result


def protected_tip(repo: Repository, branch_ref: str, remote: str) -> str:
    """Commit of the protected branch as this clone knows it.

    Raises:
        IntegrityError: NO_BRANCH.
    """
    name = branch_ref.removeprefix("refs/heads/")
    tip = resolve(repo, f"refs/remotes/{remote}/{name}") or resolve(repo, branch_ref)
    if tip is None:
        raise IntegrityError(
            "NO_BRANCH",
            f"this clone does not know the protected branch {name}",
            why="Without the branch nobody can tell what was merged.",
            fix=f"git fetch {remote} {name}",
        )
    return tip


def occupied(refs: list[Ref]) -> list[Slot]:
    """Step 1: the slots in order, from 1 without a gap; the first problem ends the list."""
    slots: list[Slot] = []
    found = sorted((seq, ref) for ref in refs if (seq := parse_slot(ref.name.removeprefix("refs/tags/"))) is not None)
    for place, (seq, ref) in enumerate(found, start=1):
        problem = _slot_problem(place, seq, ref)
        slots.append(Slot(seq, ref.oid, ref.name, problem))
        if problem is not None:
            break
    return slots


def _slot_problem(place: int, seq: int, ref: Ref) -> Problem | None:
    fetch = "git fetch origin 'refs/tags/calib/*:refs/tags/calib/*'"
    if seq != place:
        return Problem("GAP", f"event {place} is missing, but event {seq} is there", place, ref.name, fetch)
    if ref.kind == "commit":
        return Problem(
            "LIGHTWEIGHT",
            f"{ref.name} is a bare name without a signed tag object",
            seq,
            ref.name,
            "git fetch --force origin 'refs/tags/calib/*:refs/tags/calib/*'  (some CI checkouts flatten tags)",
        )
    if ref.kind != "tag":
        return Problem("TARGET_TYPE", f"{ref.name} names a {ref.kind}", seq, ref.name, "find out who pushed it")
    if ref.size > MAX_EVENT_BYTES:
        return Problem("TOO_LARGE", f"{ref.name} has {ref.size:,} bytes", seq, ref.name, "find out who pushed it")
    return None


def _bodies(repo: Repository, oids: list[str]) -> Iterator[bytes | None]:
    for _, found in read_objects(repo, oids, limit=MAX_EVENT_BYTES):
        yield found.data if found is not None and found.kind == "tag" else None


def _foreign_names(result: Verification, names: Mapping[str, str]) -> list[Problem]:
    owned = {name for event in result.events for name in expected_refs(event.payload)[0]}
    return [
        Problem("FOREIGN_NAME", f"{name!a} belongs to no event and is ignored", None, ascii(name)[1:-1])
        for name in sorted(names.keys() - owned)
    ]
