"""Check a bundle again: every verification step that needs no repository."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from calibgit.errors import EnvironmentFault, IntegrityError
from calibgit.model.canonical import sha256_hex
from calibgit.model.event import expected_refs
from calibgit.model.ids import slot_name
from calibgit.model.pin import LOCK_NAME, Lock, read_lock
from calibgit.model.state import RegistryState
from calibgit.pin.bundle import read_events
from calibgit.pin.resolve import require_root
from calibgit.registry.facts import BundledFacts
from calibgit.registry.fold import full_ref
from calibgit.registry.format import parse_event
from calibgit.registry.verify import Slot, verify_log

NOT_CHECKED = (
    "6 (what lay in slots that were voided)",
    "7 (the targets lie on the protected branch)",
    "8 (bytes of versions that are not in the bundle)",
    "9 (approval evidence behind each release)",
    "10 (whether the log has grown since)",
)


def recheck(directory: Path, *, trust_root: str | None) -> tuple[Lock, RegistryState]:
    """Verify a bundle without its repository.

    Args:
        directory: where the bundle lies.
        trust_root: the registry id; without it the bundle is only consistent with itself.

    Raises:
        EnvironmentFault: BUNDLE_MISSING.
        IntegrityError: LOCK_MALFORMED, EVENTS_MALFORMED, BUNDLE_CHANGED, WRONG_ROOT, or the code of the first step
            that fails.
    """
    lock = read_lock(_read(directory / LOCK_NAME))
    config = _read(directory / lock.config_file)
    events = _read(directory / lock.events_file)
    if sha256_hex(config) != lock.sha256 or sha256_hex(events) != lock.events_sha256:
        raise _changed("a file of the bundle is not the one that the lock names")
    policies, bodies = read_events(events)
    if not bodies:
        raise _changed("the bundle holds no events")
    if any(oid != _object_id(body, len(oid)) for oid, body in bodies):
        raise _changed("an event of the bundle is not the object that it is called")
    state = _fold(policies, bodies, config)
    if trust_root is not None:
        require_root(state, trust_root)
    _compare(lock, state)
    return lock, state


def _object_id(body: bytes, digits: int) -> str:
    """The name that git gives to a tag object, in a SHA-1 repository (40 digits) or a SHA-256 one."""
    data = b"tag %d\x00" % len(body) + body
    return sha256_hex(data) if digits == 64 else hashlib.sha1(data, usedforsecurity=False).hexdigest()


def _fold(policies: list[bytes], bodies: list[tuple[str, bytes]], config: bytes) -> RegistryState:
    files = {sha256_hex(data): data for data in (*policies, config)}
    slots: list[Slot] = []
    names: dict[str, str] = {}
    for oid, body in bodies:
        event = parse_event(oid, body)
        slots.append(Slot(event.seq, oid, full_ref(slot_name(event.seq))))
        names.update(dict.fromkeys(expected_refs(event.payload)[0], oid))

    def read(_: list[str]) -> Iterator[bytes | None]:
        return iter([body for _, body in bodies])

    if any(one.seq >= other.seq for one, other in itertools.pairwise(slots)):
        raise _changed("the events of the bundle are not in order")
    result = verify_log(slots, names, read, lambda _: BundledFacts(files))
    if result.policy is None and result.ok:
        raise _changed("the bundle does not start with the registry's genesis")
    state, _ = result.require()
    if len(result.events) != len(slots):
        raise _changed("the bundle holds what is no event")
    return state


def _compare(lock: Lock, state: RegistryState) -> None:
    record = next((r for v, r in state.line(lock.line).items() if str(v) == lock.version), None)
    if record is None or (lock.seq, lock.head_sha256, lock.registry) != (
        state.seq,
        state.head_sha256,
        state.registry,
    ):
        raise _changed("the lock names another version or another log head than its events")
    said = (
        lock.tag,
        lock.tag_oid,
        lock.slot,
        lock.commit,
        lock.path,
        lock.sha256,
        lock.signer,
        lock.approvers,
        lock.evidence,
    )
    shown = (
        record.tag,
        record.tag_oid,
        slot_name(record.seq),
        record.commit,
        record.path,
        record.sha256,
        record.signer,
        record.approvers,
        record.evidence,
    )
    standing = (state.four_eyes, record.status, record.envs.get(lock.env, "never"))
    if said != shown or (lock.four_eyes, lock.state, lock.env_status) != standing:
        raise _changed("the lock says something else of the version than its events")


def _changed(what: str) -> IntegrityError:
    return IntegrityError(
        "BUNDLE_CHANGED",
        what,
        why="The bytes that decide about people must be the bytes that were pinned.",
        fix="pin again with: calibgit pin TAG --trust-root ID -o DIR",
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EnvironmentFault(
            "BUNDLE_MISSING",
            f"{path.name} cannot be read from {path.parent}: {error.strerror}",
            why="Without its files a bundle cannot be checked.",
            fix="calibgit pin TAG --trust-root ID -o " + str(path.parent),
        ) from error
