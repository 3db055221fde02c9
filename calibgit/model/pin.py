"""The lock of a pinned config, as plain data. Standard library only: a runtime reads it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import Any

from calibgit.errors import IntegrityError

LOCK_NAME = "calibgit.lock"
LOCK_SCHEMA = "calibgit/lock/1"
_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")


@dataclass(frozen=True, slots=True)
class Lock:
    """What a bundle pins.

    Attributes:
        registry: registry id, the digest of the genesis event (64 hex digits).
        line, version, env: what is pinned, and the environment it was pinned for.
        tag, tag_oid: friendly release tag and its object id.
        slot: slot name of the release event.
        commit, path: where the config bytes come from.
        sha256: SHA-256 of the config bytes.
        seq, head_sha256: number and digest of the last event that was verified (the high-water mark).
        signer: person who signed the release.
        approvers: people whose approval it carries.
        evidence: `proven`, `attested` or `baseline`.
        four_eyes: False for a one-person registry.
        state: `released` or `deprecated`, when it was pinned.
        env_status: `active`, `superseded` or `rolled_back` in `env`, or `never` active there, when it was pinned.
        config_file, events_file: file names beside the lock.
        events_sha256: SHA-256 of the events file.
    """

    registry: str
    line: str
    version: str
    env: str
    tag: str
    tag_oid: str
    slot: str
    commit: str
    path: str
    sha256: str
    seq: int
    head_sha256: str
    signer: str
    approvers: tuple[str, ...]
    evidence: str
    four_eyes: bool
    state: str
    env_status: str
    config_file: str
    events_file: str
    events_sha256: str

    @property
    def active(self) -> bool:
        """Whether the version was, or had been, active in `env` when it was pinned."""
        return self.env_status in {"active", "superseded"}

    def to_bytes(self) -> bytes:
        """The lock as pretty JSON."""
        data: dict[str, Any] = {"schema": LOCK_SCHEMA, **asdict(self), "approvers": list(self.approvers)}
        return (json.dumps(data, indent=2, ensure_ascii=False) + "\n").encode()


_TYPES: dict[str, type] = {
    name: {"int": int, "bool": bool}.get(str(kind), str) for name, kind in Lock.__annotations__.items()
}


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object hook for `json.loads`: a key that appears twice in one object is a ValueError."""
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key appears twice")
    return dict(pairs)


def read_lock(data: bytes) -> Lock:
    """Parse a lock.

    Raises:
        IntegrityError: LOCK_MALFORMED.
    """
    try:
        value = json.loads(data, object_pairs_hook=unique_keys)
        if not isinstance(value, dict) or value.pop("schema", None) != LOCK_SCHEMA:
            raise ValueError("it is not a calibgit lock of schema 1")
        if set(value) != set(_TYPES):
            raise ValueError("its fields differ from schema 1")
        approvers = value.pop("approvers")
        if not isinstance(approvers, list) or not all(isinstance(name, str) for name in approvers):
            raise ValueError("approvers is not a list of names")
        for name, item in value.items():
            if type(item) is not _TYPES[name]:
                raise ValueError(f"{name} has the wrong type")
        for name in ("config_file", "events_file"):
            if _FILE_NAME.fullmatch(value[name]) is None:
                raise ValueError(f"{name} is not the name of a file beside it")
        return Lock(approvers=tuple(approvers), **value)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(
            "LOCK_MALFORMED",
            f"{LOCK_NAME} cannot be read: {error}",
            why="A lock that does not parse pins nothing.",
            fix="pin again with: calibgit pin TAG --trust-root ID -o DIR",
        ) from error
