"""A log in memory: signed events over made-up commits, for tests of the verifier without git."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from calibgit.errors import IntegrityError
from calibgit.model.canonical import sha256_hex
from calibgit.model.event import NAMESPACE_GIT, SCHEMA, Event, expected_refs
from calibgit.model.ids import Version, config_path
from calibgit.model.policy import Policy, read_policy
from calibgit.model.state import RegistryState
from calibgit.registry.approval import MergeFacts
from calibgit.registry.format import message, parse_event
from calibgit.registry.owners import parse_codeowners
from calibgit.registry.steps import Checked
from calibgit.registry.verify import Slot, Verification, verify_log
from calibgit.repo.objects import Commit
from tests.support.world import MemorySigner

TEAM = ("alice", "bob", "carol")
LINE = "scoring"
ROLES = ("release", "activate", "breaking", "rollback", "deprecate", "policy", "recover")
MAIN = "refs/heads/main"


@cache
def signer(person: str) -> MemorySigner:
    """A throw-away key that depends on the name only."""
    return MemorySigner(
        Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"test key of " + person.encode()).digest())
    )


def oid(text: str) -> str:
    """A made-up commit id."""
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def policy_toml(
    *,
    four_eyes: bool = True,
    people: tuple[str, ...] = TEAM,
    roles: Mapping[str, str] | None = None,
    extra: Mapping[str, str] | None = None,
) -> bytes:
    """A trust.toml; `roles` replaces a role's body, `extra` adds lines to a person's."""
    text = f'schema = "calibgit/trust/1"\nbranch = "main"\nhome = ["../remote.git"]\nfour_eyes = {str(four_eyes).lower()}\n'
    text += 'production = ["production"]\n[lines.scoring]\nconfigs = "configs"\ncontracts = "configs/contracts"\n'
    for name in people:
        text += f'[people.{name}]\nkind = "human"\nkeys = ["{signer(name).public_key}"]\n'
        more = (extra or {}).get(name)
        text += more if more is not None else f'emails = ["{name}@example.org"]\nowners = ["@{name}"]\n'
    names = ", ".join(f'"{name}"' for name in people)
    bodies = dict.fromkeys(ROLES, f"people = [{names}]\nthreshold = 1\n") | dict(roles or {})
    return (text + "".join(f'[roles."{role}"]\n{body}' for role, body in bodies.items() if body)).encode()


@cache
def config_bytes(version: str) -> bytes:
    """A sound config of that version."""
    data = json.loads((Path(__file__).parents[2] / "configs/scoring_config_v1.0.0.json").read_bytes())
    return json.dumps(data | {"logic_version": version}).encode()


def policy(**options: Any) -> Policy:
    """The parsed form of `policy_toml`."""
    return read_policy(policy_toml(**options))


def commit(
    name: str,
    parents: tuple[str, ...] = (),
    *,
    author: str = "carol",
    message_: str = "A change",
    by: str | None = None,
) -> Commit:
    """A commit as the verifier sees it; its author signs it, or `by`; an empty `by` leaves it unsigned."""
    by = author if by is None else by
    payload = f"tree {oid(name)}\n{name}\n".encode()
    return Commit(
        oid=oid(name),
        tree=oid("tree " + name),
        parents=parents,
        author_name=author,
        author_email=f"{author}@example.org",
        committer_name=author,
        committer_email=f"{author}@example.org",
        message=message_,
        signature=signer(by).sign(payload, NAMESPACE_GIT) if by else None,
        signed_payload=payload,
    )


def merge_facts(version: str = "1.1.0", *, by: str = "alice", **changes: Any) -> MergeFacts:
    """A merge that is all right: written by carol, merged by alice; `changes` spoils it."""
    path = config_path(Version.parse(version))
    values: dict[str, Any] = {
        "merge": commit(f"merge {version}", (oid(f"base {version}"), oid(f"head {version}")), author=by, by=by),
        "commits": (commit(f"head {version}"),),
        "changed": (path, f"proposals/{LINE}/v{version}/change_summary_v{version}.json"),
        "altered": frozenset(),
        "owners": parse_codeowners(b"* @alice @bob\n"),
        "initiator": "carol@example.org",
        "summary_sha256": sha256_hex(b"summary"),
    }
    return MergeFacts(**(values | changes))


class FakeFacts:
    """What a clone would say: one line of commits, files by commit and path, merges."""

    has_commits = True

    def __init__(self) -> None:
        self.line = [oid("root")]
        self.files: dict[tuple[str, str], bytes] = {}
        self.merges: dict[str, MergeFacts] = {}
        self.schema: str | None = sha256_hex(b"schema")
        self.side: set[str] = set()

    @property
    def tip(self) -> str:
        return self.line[-1]

    def exists(self, oid: str) -> bool:
        return oid in self.line or oid in self.side

    def descends(self, newer: str, older: str) -> bool:
        if older in self.side:
            return newer in {self.tip, older}
        return older in self.line and newer in self.line and self.line.index(newer) >= self.line.index(older)

    def on_first_parent_line(self, commit: str, head: str) -> bool:
        return self.descends(head, commit) and (commit == head or commit not in self.side)

    def require_blob(self, commit: str, path: str, sha256: str, size: int) -> bytes:
        data = self.files.get((commit, path))
        if data is None or sha256_hex(data) != sha256 or len(data) != size:
            raise IntegrityError("DIGEST", path)
        return data

    def schema_sha256(self, commit: str, config_path: str) -> str | None:
        return self.schema

    def merge_facts(self, merge_oid: str, line: str, version: Version, head: str | None = None) -> MergeFacts:
        return self.merges[merge_oid]


def body_of(payload: Mapping[str, Any], by: str, *, namespace: str = NAMESPACE_GIT, text: bytes | None = None) -> bytes:
    """The signed tag object of a payload."""
    head = f"object {payload['target']['commit']}\ntype commit\ntag {expected_refs(payload)[1]}\ntagger {by} <{by}@example.org> 1700000000 +0000\n\n"
    unsigned = head.encode() + (message(payload) if text is None else text)
    return unsigned + signer(by).sign(unsigned, namespace).encode()


@dataclass
class Log:
    """Events one after the other; every method appends what the tool would write, `changes` spoils it."""

    toml: bytes = field(default_factory=policy_toml)
    facts: FakeFacts = field(default_factory=FakeFacts)
    bodies: list[bytes] = field(default_factory=list)
    head: tuple[str, str] = ("", "")
    registry: str = ""

    def add(self, kind: str, by: str = "bob", **changes: Any) -> dict[str, Any]:
        """Sign and append an event."""
        payload = self.payload(kind, **changes)
        self.append(body_of(payload, by))
        return payload

    def append(self, body: bytes) -> None:
        """Append the bytes of a tag object."""
        self.bodies.append(body)
        self.head = (self.oid(body), sha256_hex(body))
        self.registry = self.registry or sha256_hex(body)

    @staticmethod
    def oid(body: bytes) -> str:
        return hashlib.sha1(b"tag %d\x00" % len(body) + body, usedforsecurity=False).hexdigest()

    def payload(self, kind: str, **changes: Any) -> dict[str, Any]:
        """The fields that the tool would sign next."""
        seq = len(self.bodies) + 1
        value: dict[str, Any] = {
            "schema": SCHEMA,
            "registry": self.registry or None,
            "seq": seq,
            "prev": {"oid": self.head[0], "sha256": self.head[1]} if seq > 1 else None,
            "kind": kind,
            "branch": {"ref": MAIN, "head": self.facts.tip},
            "policy_sha256": sha256_hex(self.toml),
            "reason": "because",
            "at": f"2026-01-01T00:00:{seq % 60:02d}Z",
            **changes,
        }
        value.setdefault("refs", expected_refs(value)[0])
        return value

    def genesis(self, by: str = "alice", **changes: Any) -> None:
        """Start with the baseline 1.0.0, active in production."""
        config, path = config_bytes("1.0.0"), config_path(Version(1, 0, 0))
        self.facts.files[self.facts.tip, "trust.toml"] = self.toml
        self.facts.files[self.facts.tip, path] = config
        target = {
            "commit": self.facts.tip,
            "path": "trust.toml",
            "sha256": sha256_hex(self.toml),
            "size": len(self.toml),
        }
        entry = {
            "line": LINE,
            "version": "1.0.0",
            "path": path,
            "sha256": sha256_hex(config),
            "size": len(config),
            "envs": ["production"],
        }
        self.add("genesis", by, **({"target": target, "baseline": [entry], "four_eyes": True} | changes))

    def merged(self, version: str, **spoil: Any) -> dict[str, Any]:
        """Merge a proposal and return the fields of its release."""
        facts = merge_facts(version, **spoil)
        path, data = config_path(Version.parse(version)), config_bytes(version)
        self.facts.line += [facts.merge.oid]
        self.facts.merges[facts.merge.oid] = facts
        self.facts.files[facts.merge.oid, path] = data
        return {
            "line": LINE,
            "version": version,
            "target": {"commit": facts.merge.oid, "path": path, "sha256": sha256_hex(data), "size": len(data)},
            "schema_sha256": sha256_hex(b"schema"),
            "approval": {
                "kind": "merge-signed",
                "base": facts.merge.parents[0],
                "head": facts.merge.parents[-1],
                "merge": facts.merge.oid,
                "initiator": facts.initiator,
                "summary_sha256": facts.summary_sha256,
                "authors": ["carol"],
                "approvers": ["alice"],
            },
            "branch": {"ref": MAIN, "head": facts.merge.oid},
        }

    def release(self, version: str, by: str = "bob", **changes: Any) -> dict[str, Any]:
        """Merge and release a version; its target is returned for later events."""
        return self.add("release", by, **(self.merged(version) | changes))

    def target(self, version: str) -> dict[str, Any]:
        """The target that events of a version carry."""
        for body in self.bodies:
            payload = parse_event("0" * 40, body).payload
            if payload["kind"] == "release" and payload["version"] == version:
                return dict(payload["target"])
        entry = parse_event("0" * 40, self.bodies[0]).payload["baseline"][0]
        first = parse_event("0" * 40, self.bodies[0]).payload["target"]["commit"]
        return {"commit": first, "path": entry["path"], "sha256": entry["sha256"], "size": entry["size"]}

    def activate(
        self, version: str, by: str = "bob", *, old: str | None = "1.0.0", env: str = "production", **changes: Any
    ) -> None:
        """Activate a version that replaces `old`."""
        fields = {"line": LINE, "version": version, "env": env, "target": self.target(version)}
        self.add("activate", by, **(fields | ({"from_version": old} if old else {}) | changes))

    def verify(self, bodies: list[bytes] | None = None, **options: Any) -> Verification:
        """The verifier's result over the log."""
        found = self.bodies if bodies is None else bodies
        slots, names = [], {}
        for seq, body in enumerate(found, start=1):
            ref = f"refs/tags/calib/e/{seq:08d}"
            slots.append(Slot(seq, self.oid(body), ref))
            names[ref] = self.oid(body)
            try:
                names |= dict.fromkeys(parse_event("0" * 40, body).payload["refs"], self.oid(body))
            except IntegrityError:
                continue

        def read(_: list[str]) -> Iterator[bytes | None]:
            return iter(found[: len(_)])

        return verify_log(slots, names, read, lambda _: self.facts, **options)


def plain_event(seq: int, kind: str, **payload: Any) -> Event:
    """An event that was never signed, for the pure fold."""
    value = {
        "seq": seq,
        "kind": kind,
        "at": f"2026-01-01T{seq // 3600:02d}:{seq // 60 % 60:02d}:{seq % 60:02d}Z",
        "branch": {"ref": MAIN, "head": oid("root")},
        **payload,
    }
    return Event(
        oid=oid(f"event {seq}"), sha256=sha256_hex(f"event {seq}".encode()), payload=value, signed=b"", signature=b""
    )


def believed(event: Event, people: tuple[str, ...] = ("alice",), *, keys: frozenset[str] = frozenset()) -> Checked:
    """An event as the steps hand it to the fold, under a policy that does not change."""
    rules = policy()
    return Checked(event, people, keys, rules, rules)


def codes(result: Verification) -> list[str]:
    """Codes of the errors."""
    return [problem.code for problem in result.errors]


__all__ = [
    "FakeFacts",
    "Log",
    "RegistryState",
    "believed",
    "body_of",
    "codes",
    "commit",
    "merge_facts",
    "plain_event",
    "policy",
    "signer",
]
