"""The attacker's tools: tags and commits made with git's plumbing, past every check of ours."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import govern as jobs
from calibgit.model.canonical import sha256_hex
from calibgit.model.event import SCHEMA, expected_refs
from calibgit.model.ids import Version, config_path, summary_path
from calibgit.registry.format import message
from calibgit.registry.history import schema_path
from calibgit.registry.verify import Verification
from calibgit.repo.signing import Signer
from tests.support.governed import BASE, LINE, Governed
from tests.support.world import run_git

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
        "branch": fields.get("branch") or {"ref": "refs/heads/main", "head": governed.tip()},
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


def sign(data: bytes, signer: Signer, namespace: str = "git") -> bytes:
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


def stopped(governed: Governed, code: str, seq: int, *, good: int) -> None:
    """The log stops at `seq` with `code`; the state is that of event `good`; a writer refuses and writes nothing."""
    result = governed.verification()
    found = [(problem.code, problem.seq) for problem in result.errors]
    assert found == [(code, seq)], found
    assert result.state.seq == good
    before = governed.world.remote_git("for-each-ref")
    with pytest.raises(CalibgitError) as refusal:
        jobs.deprecate(governed.workspace("bob"), BASE, reason="x")
    assert refusal.value.code == code
    assert governed.world.remote_git("for-each-ref") == before


def share(governed: Governed, *names: str) -> None:
    """Push names of the clone as they are."""
    governed.world.git("push", "--quiet", "origin", *(f"{name}:{name}" for name in names))


def file_at(governed: Governed, commit: str, path: str) -> bytes:
    """Bytes of a file at a commit."""
    words = ["git", "cat-file", "blob", f"{commit}:{path}"]
    return subprocess.run(words, cwd=governed.world.clone, capture_output=True, check=True).stdout


def released_from(governed: Governed, at: str, version: Version, **approval: Any) -> dict[str, Any]:
    """The fields of a release of `version` that stands at the commit `at`; `approval` spoils or completes the record."""
    path = config_path(version)
    data = file_at(governed, at, path)
    base = governed.world.git("rev-parse", f"{at}^1")
    return {
        "line": LINE,
        "version": str(version),
        "target": {"commit": at, "path": path, "sha256": sha256_hex(data), "size": len(data)},
        "schema_sha256": sha256_hex(file_at(governed, at, schema_path(path))),
        "approval": {
            "base": base,
            "merge": at,
            "authors": ["carol"],
            "approvers": ["alice"],
            "initiator": "carol@example.org",
            "summary_sha256": sha256_hex(file_at(governed, at, summary_path(LINE, version))),
            **approval,
        },
    }


def target_of(governed: Governed, version: Version = BASE) -> dict[str, Any]:
    """The target that events of a released version carry."""
    record = governed.verification().state.line(LINE)[version]
    return {"commit": record.commit, "path": record.path, "sha256": record.sha256, "size": record.size}


Entries = Mapping[str, tuple[str, str] | None]


def odd_commit(
    governed: Governed,
    parents: Sequence[str],
    entries: Entries,
    *,
    by: str,
    tree: str = "",
    text: str = "x",
    signed: bool = True,
) -> str:
    """A commit of any shape: its tree is the first parent's, or `tree`, with entries of any mode put in or out."""
    clone = governed.world.clone
    env = {"GIT_INDEX_FILE": str(clone / ".git" / "odd-index")}
    governed.world.git("read-tree", tree or parents[0], env=env)
    gone = "0 " + "0" * 40
    lines = "".join(f"{' '.join(entry) if entry else gone}\t{path}\0" for path, entry in entries.items())
    words = ["git", "update-index", "--add", "--replace", "-z", "--index-info"]
    subprocess.run(words, cwd=clone, env={**os.environ, **env}, input=lines.encode(), check=True)
    written = governed.world.git("write-tree", "--missing-ok", env=env)
    who = f"{by.title()} <{by}@example.org> {int(governed.clock())} +0000"
    head = "\n".join(
        [f"tree {written}", *(f"parent {parent}" for parent in parents), f"author {who}", f"committer {who}"]
    )
    body = f"\n\n{text}\n"
    if signed:
        armour = governed.world.signer(by).sign((head + body).encode(), "git").rstrip("\n")
        head += "\ngpgsig " + armour.replace("\n", "\n ")
    return write(clone, "commit", (head + body).encode())


def land(governed: Governed, oid: str) -> str:
    """Put a commit on main by force."""
    governed.world.git("push", "--quiet", "--force", "origin", f"{oid}:refs/heads/main")
    governed.fetch()
    return oid


def blob(governed: Governed, data: bytes) -> str:
    """Store a file's bytes."""
    return write(governed.world.clone, "blob", data)
