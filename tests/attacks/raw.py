"""The attacker's tools: tags and commits made with git's plumbing, past every check of ours."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from calibgit.model.event import SCHEMA, expected_refs
from calibgit.registry.format import message
from calibgit.registry.verify import Verification
from tests.support.governed import Governed
from tests.support.world import MemorySigner, run_git

TAGS = "refs/tags/"


def slot(seq: int) -> str:
    """Full name of a slot."""
    return f"refs/tags/calib/e/{seq:08d}"


def write(path: Path, kind: str, data: bytes) -> str:
    """Store an object whatever git thinks of it."""
    words = ["git", "hash-object", "-t", kind, "-w", "--stdin", "--literally"]
    return subprocess.run(words, cwd=path, input=data, capture_output=True, check=True).stdout.decode().strip()


def plant(path: Path, updates: Mapping[str, str]) -> None:
    """Point refs anywhere."""
    for name, oid in updates.items():
        run_git(path, "update-ref", "--no-deref", name, oid)


def read_tag(path: Path, name: str) -> bytes:
    """The body of a tag object."""
    return subprocess.run(["git", "cat-file", "tag", name], cwd=path, capture_output=True, check=True).stdout


def payload(governed: Governed, kind: str, **fields: Any) -> dict[str, Any]:
    """What the tool would sign next in the clone."""
    state = governed.verification().state
    value: dict[str, Any] = {
        "schema": SCHEMA,
        "registry": state.registry,
        "seq": state.seq + 1,
        "prev": {"oid": state.head_oid, "sha256": state.head_sha256},
        "kind": kind,
        "branch": {"ref": "refs/heads/main", "head": governed.tip()},
        "policy_sha256": state.policy_sha256,
        "reason": "because",
        "at": state.head_at,
        **fields,
    }
    value.setdefault("refs", expected_refs(value)[0])
    return value


def unsigned(value: Mapping[str, Any], *, by: str = "bob", text: bytes | None = None) -> bytes:
    """The part of a tag that is signed."""
    head = f"object {value['target']['commit']}\ntype commit\ntag {expected_refs(value)[1]}\ntagger {by} <{by}@example.org> 1700000000 +0000\n\n"
    return head.encode() + (message(value) if text is None else text)


def sign(data: bytes, signer: MemorySigner, namespace: str = "git") -> bytes:
    """The whole tag."""
    return data + signer.sign(data, namespace).encode()


def forge(governed: Governed, value: Mapping[str, Any], by: str = "bob") -> str:
    """Sign an event by hand and put it under its names in the clone."""
    oid = write(governed.world.clone, "tag", sign(unsigned(value, by=by), governed.world.signer(by)))
    plant(governed.world.clone, dict.fromkeys(value["refs"], oid))
    return oid


def codes(result: Verification) -> list[str]:
    """Codes of the errors."""
    return [problem.code for problem in result.errors]


def warned(result: Verification) -> list[str]:
    """Codes of the warnings."""
    return [problem.code for problem in result.warnings]
