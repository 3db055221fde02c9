"""A bundle on disk: config bytes, events and policy, and the lock that names them by digest.

The lock is renamed into place last, so a reader sees the old bundle or the new one, never a mixture.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from calibgit.errors import EnvironmentFault, IntegrityError
from calibgit.model.canonical import sha256_hex
from calibgit.model.event import Event
from calibgit.model.ids import slot_name
from calibgit.model.pin import LOCK_NAME, Lock, read_lock
from calibgit.model.state import RegistryState, VersionRecord


def events_file(events: Sequence[Event], policies: Sequence[bytes]) -> bytes:
    """Policies and raw events from genesis to head, one JSON object a line."""
    lines = [{"policy": data.decode()} for data in policies]
    lines += [{"oid": event.oid, "body": (event.signed + event.signature).decode()} for event in events]
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()


def read_events(data: bytes) -> tuple[list[bytes], list[tuple[str, bytes]]]:
    """Policies, and (object id, body) of each event.

    Raises:
        IntegrityError: EVENTS_MALFORMED.
    """
    policies: list[bytes] = []
    events: list[tuple[str, bytes]] = []
    try:
        for line in data.decode().split("\n")[:-1]:
            value = json.loads(line)
            if set(value) == {"policy"}:
                policies.append(value["policy"].encode())
            else:
                events.append((str(value["oid"]), value["body"].encode()))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IntegrityError(
            "EVENTS_MALFORMED",
            "the events of the bundle cannot be read",
            why="Without them nothing of the registry can be checked again.",
            fix="pin again with: calibgit pin TAG --trust-root ID -o DIR",
        ) from error
    return policies, events


def make_lock(record: VersionRecord, state: RegistryState, *, env: str, events: bytes) -> Lock:
    """The lock of a version at the current head."""
    return Lock(
        registry=state.registry,
        line=record.line,
        version=str(record.version),
        env=env,
        tag=record.tag,
        tag_oid=record.tag_oid,
        slot=slot_name(record.seq),
        commit=record.commit,
        path=record.path,
        sha256=record.sha256,
        seq=state.seq,
        head_sha256=state.head_sha256,
        signer=record.signer,
        approvers=record.approvers,
        evidence=record.evidence,
        four_eyes=state.four_eyes,
        state=record.status,
        env_status=record.envs.get(env, "never"),
        config_file=f"config-{record.sha256[:16]}.json",
        events_file=f"events-{sha256_hex(events)[:16]}.jsonl",
        events_sha256=sha256_hex(events),
    )


def write_bundle(directory: Path, lock: Lock, config: bytes, events: bytes) -> None:
    """Write or replace the bundle in `directory`.

    Raises:
        IntegrityError: DOWNGRADE, WRONG_REGISTRY or LOCK_MALFORMED against the bundle that is there.
        EnvironmentFault: CANNOT_WRITE; the bundle that was there stays whole.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _refuse_downgrade(directory, lock)
        _replace(directory / lock.config_file, config)
        _replace(directory / lock.events_file, events)
        _replace(directory / LOCK_NAME, lock.to_bytes())
    except OSError as error:
        raise EnvironmentFault(
            "CANNOT_WRITE",
            f"{directory} cannot be written: {error.strerror}",
            why="The bundle that was there before is untouched.",
            fix="free some space or choose another directory with -o",
        ) from error
    with suppress(OSError):
        _sweep(directory, {LOCK_NAME, lock.config_file, lock.events_file})


def _sweep(directory: Path, kept: set[str]) -> None:
    """Remove what an earlier bundle or an interrupted writer left; the new bundle stands whatever comes of it."""
    for old in directory.iterdir():
        if old.name not in kept and old.name.startswith(("config-", "events-", ".calibgit-")):
            old.unlink()


def _refuse_downgrade(directory: Path, lock: Lock) -> None:
    try:
        old = read_lock((directory / LOCK_NAME).read_bytes())
    except FileNotFoundError:
        return
    if old.registry != lock.registry:
        raise IntegrityError(
            "WRONG_REGISTRY",
            f"{directory} holds a bundle of another registry",
            why="A deployment does not change the registry that it trusts by accident.",
            fix="choose another directory, or remove this one first",
        )
    if old.seq > lock.seq or (old.seq == lock.seq and old.head_sha256 != lock.head_sha256):
        raise IntegrityError(
            "DOWNGRADE",
            f"the log here ends at event {lock.seq}, but this bundle has seen event {old.seq}",
            why="A shorter or another log could hide a rollback.",
            fix="git fetch origin 'refs/tags/calib/*:refs/tags/calib/*' and repeat",
        )


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=".calibgit-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
