"""A governed clone whose log is as long as asked, built in process: half releases with merges, half activations.

Every signature is real. Proposals and merges are written as one pack, not with one git child per object. Every
other proposal was cut a few merges before its merge, as proposals are that wait for a review.
"""

from __future__ import annotations

import hashlib
import subprocess
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from calibgit.jobs import start
from calibgit.model.canonical import pretty_json, sha256_hex
from calibgit.model.event import expected_refs
from calibgit.model.ids import Version, config_path, summary_path
from calibgit.model.policy import Policy
from calibgit.model.state import RegistryState
from calibgit.registry.approval import MergeFacts
from calibgit.registry.fold import apply
from calibgit.registry.format import message, parse_event
from calibgit.registry.history import schema_path
from calibgit.registry.owners import CodeOwners, find_codeowners
from calibgit.registry.steps import Checked
from calibgit.registry.write import Situation, payload_of
from calibgit.release import plan
from calibgit.repo.commit_text import Commit, parse_commit, signature_header
from calibgit.repo.tags import tag_object
from tests.conftest import build_walls
from tests.support.governed import BASE, Governed, govern
from tests.support.world import EPOCH, Keyring, Template, run_git

VERSIONS_PER_LINE = 100
LAG = 3
_PACK_EVENTS = 10_000
_KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
_ENTRY = tuple[bytes, str, "Tree | None"]


@dataclass(frozen=True)
class Tree:
    """A directory: its object id, and name to mode, id and, for a directory, its own entries."""

    oid: str
    entries: Mapping[bytes, _ENTRY]


@dataclass
class Pack:
    """Objects on their way into the repository as one pack."""

    repo: Path
    written: set[str] = field(default_factory=set)
    _parts: list[bytes] = field(default_factory=list)

    def add(self, kind: str, data: bytes) -> str:
        """Take an object and return its id."""
        oid = hashlib.sha1(b"%s %d\x00" % (kind.encode(), len(data)) + data, usedforsecurity=False).hexdigest()
        if oid not in self.written:
            self.written.add(oid)
            rest, head = len(data) >> 4, [_KINDS[kind] << 4 | len(data) & 15]
            while rest:
                head[-1] |= 128
                head.append(rest & 127)
                rest >>= 7
            self._parts.append(bytes(head) + zlib.compress(data, 1))
        return oid

    def flush(self) -> None:
        """Write what was taken and have git index it."""
        if not self._parts:
            return
        digest = hashlib.sha1(usedforsecurity=False)
        child = subprocess.Popen(
            ["git", "index-pack", "--stdin"], cwd=self.repo, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        assert child.stdin is not None
        for part in (b"PACK" + (2).to_bytes(4, "big") + len(self._parts).to_bytes(4, "big"), *self._parts):
            digest.update(part)
            child.stdin.write(part)
        child.stdin.write(digest.digest())
        child.stdin.close()
        if child.wait() != 0:
            raise AssertionError("git index-pack refused the pack")
        self._parts.clear()

    def tree(self, entries: Mapping[bytes, _ENTRY]) -> Tree:
        """Take a directory."""
        ordered = sorted(entries.items(), key=lambda item: item[0] + (b"/" if item[1][2] else b""))
        data = b"".join(b"%s %s\x00%s" % (mode, name, bytes.fromhex(oid)) for name, (mode, oid, _) in ordered)
        return Tree(self.add("tree", data), entries)

    def with_files(self, tree: Tree | None, files: Mapping[bytes, _ENTRY]) -> Tree:
        """`tree` with files added, by their paths."""
        entries = dict(tree.entries) if tree else {}
        below: dict[bytes, dict[bytes, _ENTRY]] = {}
        for path, entry in files.items():
            name, separator, rest = path.partition(b"/")
            if separator:
                below.setdefault(name, {})[rest] = entry
            else:
                entries[name] = entry
        for name, inner in below.items():
            made = self.with_files(entries[name][2] if name in entries else None, inner)
            entries[name] = (b"40000", made.oid, made)
        return self.tree(entries)


@dataclass
class Tip:
    """The history that a release is planned from: the protected branch's newest merge, held in memory."""

    tip: str
    facts: MergeFacts
    files: Mapping[str, bytes]

    def blob(self, commit: str, path: str) -> bytes | None:
        """Bytes of a file at the newest merge."""
        del commit
        return self.files.get(path)

    def introduced(self, path: str) -> str:
        """The newest merge."""
        del path
        return self.tip

    def schema_sha256(self, commit: str, config: str) -> str:
        """Digest of the schema beside a config."""
        del commit
        return sha256_hex(self.files[schema_path(config)])

    def merge_facts(self, *_: Any) -> MergeFacts:
        """The newest merge."""
        return self.facts


class Growth:
    """Appends releases and activations to the log of a governed clone."""

    def __init__(self, governed: Governed, lines: int, owners: CodeOwners) -> None:
        self.governed = governed
        self.clone = governed.world.clone
        self.pack = Pack(self.clone)
        verification = governed.verification()
        self.state: RegistryState
        self.policy: Policy
        self.state, self.policy = verification.require()
        self.lines = lines
        self.owners = owners
        self.schema = (self.clone / "configs/scoring_config.schema.json").read_bytes()
        self.tips = [(governed.tip(), self._load())]
        self.refs: dict[str, tuple[str, str]] = {}
        self.released = 0

    def _load(self) -> Tree:
        listed = run_git(self.clone, "ls-tree", "-r", "-z", "refs/remotes/origin/main").split("\x00")[:-1]
        files: dict[bytes, _ENTRY] = {}
        for line in listed:
            words, _, path = line.partition("\t")
            mode, _, oid = words.split(" ")
            files[path.encode()] = (mode.encode(), oid, None)
        return self.pack.with_files(None, files)

    def grow(self, want: int) -> None:
        """Append events until there are `want`; then write packs and refs."""
        while self.state.seq < want:
            line = f"line-{self.released % self.lines:04d}"
            version = Version(1, self.released // self.lines + 1, 0)
            self.release(line, version)
            if self.state.seq < want:
                self.activate(line, version)
            if self.state.seq % _PACK_EVENTS == 0:
                self.pack.flush()
        self.pack.flush()
        self._write_refs()
        run_git(self.clone, "repack", "-adq")

    def commit(self, tree: Tree, parents: list[str], person: str, text: str) -> Commit:
        """Take a commit signed by `person`."""
        identity = f"{self.governed.world.identity(person)} {EPOCH + self.state.seq} +0000"
        head = f"tree {tree.oid}\n" + "".join(f"parent {parent}\n" for parent in parents)
        head += f"author {identity}\ncommitter {identity}"
        body = f"\n\n{text}\n"
        signature = self.governed.world.signer(person).sign((head + body).encode(), "git").rstrip("\n")
        signed = f"{head}\n{signature_header(40)} " + signature.replace("\n", "\n ") + body
        return parse_commit(self.pack.add("commit", signed.encode()), signed.encode())

    def release(self, line: str, version: Version) -> None:
        """Propose, merge and release one version."""
        configs = self.policy.lines[line].configs
        path, summary = config_path(version, configs), summary_path(line, version)
        stated = self.governed.summary(version, "carol@example.org", good=67) | {"line": line}
        files = {path: pretty_json(self.governed.config(version, good=67)), summary: pretty_json(stated)}
        entries: dict[bytes, _ENTRY] = {
            name.encode(): (b"100644", self.pack.add("blob", data), None) for name, data in files.items()
        }
        base, base_tree = self.tips[-1]
        fork, fork_tree = self.tips[0] if self.released % 2 else self.tips[-1]
        head = self.commit(self.pack.with_files(fork_tree, entries), [fork], "carol", f"Propose v{version}")
        tree = self.pack.with_files(base_tree, entries)
        merge = self.commit(tree, [base, head.oid], "alice", "Merge proposal")
        self.tips = [*self.tips, (merge.oid, tree)][-LAG:]
        self.released += 1
        digest = sha256_hex(files[summary])
        changed = tuple(sorted(files))
        facts = MergeFacts(merge, (head,), changed, frozenset(), self.owners, "carol@example.org", digest)
        tip = Tip(merge.oid, facts, {**files, schema_path(path): self.schema})
        situation = Situation(self.state, self.policy, "bob", tip)  # type: ignore[arg-type]
        self.append(plan.release(situation, line=line, version=version, configs=configs, reason=""))

    def activate(self, line: str, version: Version) -> None:
        """Make a version active in production."""
        situation = Situation(self.state, self.policy, "bob", None)  # type: ignore[arg-type]
        self.append(plan.activate(situation, line=line, version=version, env="production", override=(), reason=""))

    def append(self, fields: Mapping[str, Any]) -> None:
        """Sign an event with bob's key and fold it."""
        payload = payload_of(fields, self.state, "refs/heads/main", self.tips[-1][0], self.state.head_at)
        unsigned = tag_object(
            object_oid=payload["target"]["commit"], tag=expected_refs(payload)[1],
            tagger=self.governed.world.identity("bob"), when=EPOCH, message=message(payload),
        )  # fmt: skip
        body = unsigned + self.governed.world.signer("bob").sign(unsigned, "git").encode()
        oid = self.pack.add("tag", body)
        apply(self.state, Checked(parse_event(oid, body), ("bob",), frozenset(), self.policy, self.policy))
        self.refs |= dict.fromkeys(payload["refs"], (oid, payload["target"]["commit"]))

    def _write_refs(self) -> None:
        """One file of refs: git would make a file for each first."""
        run_git(self.clone, "pack-refs", "--all")
        place = self.clone / ".git" / "packed-refs"
        lines: dict[str, list[str]] = {}
        name = ""
        for line in place.read_text("ascii").splitlines():
            if line.startswith("^"):
                lines[name].append(line)
            elif not line.startswith("#"):
                name = line.split(" ")[1]
                lines[name] = [line]
        lines |= {name: [f"{oid} {name}", f"^{target}"] for name, (oid, target) in self.refs.items()}
        for name in ("refs/heads/main", "refs/remotes/origin/main"):
            lines[name] = [f"{self.tips[-1][0]} {name}"]
        with place.open("w", encoding="ascii") as file:
            _write_sorted(file, lines)


def _write_sorted(file: IO[str], lines: Mapping[str, list[str]]) -> None:
    file.write("# pack-refs with: peeled fully-peeled sorted \n")
    file.writelines(f"{line}\n" for name in sorted(lines) for line in lines[name])


def build(root: Path, patch: pytest.MonkeyPatch, largest: int) -> Growth:
    """A sealed registry with lines enough for `largest` events: at most 100 versions a line."""
    for place in ("home", "keys", "template"):
        (root / place).mkdir()
    build_walls(root / "home", patch)
    governed = govern(Template(root / "template", Keyring(root / "keys")).copy(root / "world"), seal=False)
    clone = governed.world.clone
    lines = max(1, -(-largest // 2 // VERSIONS_PER_LINE))
    policy = clone / "trust.toml"
    extra = "".join(
        f'\n[lines.line-{number:04d}]\nconfigs = "lines/{number:04d}/configs"\n'
        f'contracts = "lines/{number:04d}/contracts"\n'
        for number in range(lines)
    )
    owners = clone / "CODEOWNERS"
    schema = (clone / "configs/scoring_config.schema.json").read_text("utf-8")
    governed.world.commit(
        {
            "trust.toml": policy.read_text("utf-8") + extra,
            "CODEOWNERS": owners.read_text("utf-8").replace("/configs/ ", "/lines/ @alice @bob @carol\n/configs/ "),
            **{f"lines/{number:04d}/configs/scoring_config.schema.json": schema for number in range(lines)},
        },
        "Govern more lines",
    )
    governed.world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()
    start.seal(governed.workspace("alice"), adopt=[(BASE, ["production"])], reason="start", dry_run=False)
    governed.fetch()
    found = find_codeowners({"CODEOWNERS": owners.read_bytes()}.get)
    assert found is not None
    return Growth(governed, lines, found)
