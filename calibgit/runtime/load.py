"""Load a bundle: hash, decode, freeze. All trust work was done when the bundle was pinned."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from calibgit.errors import EnvironmentFault, IntegrityError
from calibgit.model import semantics
from calibgit.model.pin import LOCK_NAME, Lock, read_lock, unique_keys


@dataclass(frozen=True, slots=True)
class PinnedConfig:
    """A config that cannot change: its data, read-only all the way down, its version and digest, and its lock."""

    config: Mapping[str, Any]
    version: str
    digest: str
    lock: Lock

    def evaluate(self, assessment: semantics.Assessment) -> semantics.Verdict:
        """Score and band of one assessment."""
        return semantics.evaluate(self.config, assessment)

    def as_log_fields(self) -> dict[str, str | int | bool]:
        """What every decision should be logged with: which config decided, down to its bytes."""
        return {
            "config_line": self.lock.line,
            "config_version": self.version,
            "config_sha256": self.digest,
            "config_registry": self.lock.registry,
            "config_seq": self.lock.seq,
            "config_evidence": self.lock.evidence,
            "config_four_eyes": self.lock.four_eyes,
        }


def load(directory: str | Path, *, expect: str | None = None) -> PinnedConfig:
    """Read the bundle in `directory`.

    Args:
        directory: where `calibgit pin -o` wrote it.
        expect: SHA-256 of the config bytes, given out of band; 64 hex digits.

    Raises:
        EnvironmentFault: BUNDLE_MISSING.
        IntegrityError: LOCK_MALFORMED, BUNDLE_CHANGED or UNEXPECTED_CONFIG.
    """
    root = Path(directory)
    lock, data = _read_pair(root)
    if hashlib.sha256(data).hexdigest() != lock.sha256:
        raise IntegrityError(
            "BUNDLE_CHANGED",
            f"{lock.config_file} is not the file that {LOCK_NAME} names",
            why="The bytes that decide about people must be the bytes that were pinned.",
            fix="pin again with: calibgit pin TAG --trust-root ID -o DIR",
        )
    if expect is not None and expect != lock.sha256:
        raise IntegrityError(
            "UNEXPECTED_CONFIG",
            f"the bundle holds v{lock.version} with digest {lock.sha256}, not the expected one",
            why="The caller asked for one exact config.",
            fix="pin the expected version, or change what the caller expects",
        )
    return PinnedConfig(_freeze(_parse(data, lock)), lock.version, lock.sha256, lock)


def _parse(data: bytes, lock: Lock) -> Any:
    """The config's JSON: its bytes are the pinned ones, but they must have one meaning and be this version."""
    try:
        value = json.loads(data, object_pairs_hook=unique_keys)
        if value["logic_version"] != lock.version:
            raise ValueError("it calls itself another version")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise IntegrityError(
            "CONFIG_UNREADABLE",
            f"{lock.config_file} is not the config of v{lock.version}: {error}",
            why="A config that can be read in two ways decides in two ways.",
            fix="pin again with: calibgit pin TAG --trust-root ID -o DIR",
        ) from error
    return value


def _read_pair(root: Path) -> tuple[Lock, bytes]:
    """Lock and config; read again where a writer replaced the bundle between the two."""
    said = _read(root / LOCK_NAME)
    while True:
        lock = read_lock(said)
        try:
            return lock, _read(root / lock.config_file)
        except EnvironmentFault:
            before, said = said, _read(root / LOCK_NAME)
            if said == before:
                raise


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EnvironmentFault(
            "BUNDLE_MISSING",
            f"{path.name} cannot be read from {path.parent}: {error.strerror}",
            why="Without its bundle a service has no config to decide with.",
            fix="calibgit pin TAG --trust-root ID -o " + str(path.parent),
        ) from error


def _freeze(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({key: _freeze(item) for key, item in value.items()})
    if isinstance(value, list):
        return tuple(_freeze(item) for item in value)
    return value
