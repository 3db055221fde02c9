"""Bundles on disk, made from parts: for readers that do not look behind the lock."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from calibgit.model.canonical import sha256_hex
from calibgit.model.pin import Lock
from calibgit.pin.bundle import write_bundle

CONFIG = (Path(__file__).parents[2] / "configs/scoring_config_v1.0.0.json").read_bytes()
EVENTS = b'{"policy": "x"}\n'


def lock_of(config: bytes = CONFIG, events: bytes = EVENTS, **parts: Any) -> Lock:
    """A well-formed lock of these bytes; `parts` replace fields."""
    values: dict[str, Any] = {
        "registry": "a" * 64,
        "line": "scoring",
        "version": "1.0.0",
        "env": "production",
        "tag": "calib/scoring/v1.0.0",
        "tag_oid": "b" * 40,
        "slot": "calib/e/00000002",
        "commit": "c" * 40,
        "path": "configs/scoring_config_v1.0.0.json",
        "sha256": sha256_hex(config),
        "seq": 3,
        "head_sha256": "e" * 64,
        "signer": "bob",
        "approvers": ("alice",),
        "evidence": "proven",
        "four_eyes": True,
        "state": "released",
        "env_status": "active",
        "config_file": f"config-{sha256_hex(config)[:16]}.json",
        "events_file": f"events-{sha256_hex(events)[:16]}.jsonl",
        "events_sha256": sha256_hex(events),
    }
    return Lock(**{**values, **parts})


def write(directory: Path, config: bytes = CONFIG, events: bytes = EVENTS, **parts: Any) -> Lock:
    """Write a bundle the way `calibgit pin` does."""
    lock = lock_of(config, events, **parts)
    write_bundle(directory, lock, config, events)
    return lock
