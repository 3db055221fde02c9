"""A governed clone whose log is as long as asked, built in process from a composition: which events follow each other.

Every signature is real. Proposals and merges are written as packs, not with one git child per object. Every other
proposal was cut a few merges before its merge, as proposals are that wait for a review.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from bench.pack import Entry, Pack, Tree, write_refs
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
from calibgit.registry.transitions import rollback_target
from calibgit.registry.write import Situation, payload_of
from calibgit.release import plan, upkeep
from calibgit.repo.commit_text import Commit, parse_commit, signature_header
from calibgit.repo.tags import tag_object
from tests.conftest import build_walls
from tests.support.governed import BASE, Governed, govern
from tests.support.world import EPOCH, Keyring, Template, run_git

VERSIONS_PER_LINE = 100
LAG = 3
_PACK_EVENTS = 10_000
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Composition:
    """What a log is made of: `acts` follow each other again and again, each a method of `Growth`."""

    name: str
    acts: tuple[str, ...]

    def lines(self, events: int) -> int:
        """How many lines it takes for none to get more than VERSIONS_PER_LINE versions."""
        releases = -(-events * self.acts.count("release") // len(self.acts))
        return max(1, -(-releases // VERSIONS_PER_LINE))


_SEASON = ("release", "stage", "checkpoint", "checkpoint", "activate")
GROWN = Composition(
    "1 release in 25 events",
    (
        *(*_SEASON, *["checkpoint"] * 20),
        *(*_SEASON, "deprecate", *["checkpoint"] * 19),
        *(*_SEASON, "checkpoint", "revert", "ratify", *["checkpoint"] * 17),
        *(*_SEASON, *["checkpoint"] * 20),
    ),
)
WORST = Composition("half releases", ("release", "activate"))


@dataclass
class Tip:
    """The history that events are planned from: the protected branch's newest merge, held in memory."""

    tip: str
    facts: MergeFacts | None = None
    files: Mapping[str, bytes] | None = None

    def blob(self, commit: str, path: str) -> bytes | None:
        """Bytes of a file at the newest merge."""
        del commit
        return (self.files or {}).get(path)

    def introduced(self, path: str) -> str:
        """The newest merge."""
        del path
        return self.tip

    def schema_sha256(self, commit: str, config: str) -> str:
        """Digest of the schema beside a config."""
        del commit
        return sha256_hex((self.files or {})[schema_path(config)])

    def merge_facts(self, *_: Any) -> MergeFacts | None:
        """The newest merge."""
        return self.facts


class Growth:
    """Appends events to the log of a governed clone.

    Attributes:
        kinds: how many events of each kind there are.
        signatures: how many signatures a verifier has to check.
    """

    def __init__(self, governed: Governed, composition: Composition, owners: CodeOwners) -> None:
        self.governed = governed
        self.clone = governed.world.clone
        self.pack = Pack(self.clone)
        verification = governed.verification()
        self.state: RegistryState
        self.policy: Policy
        self.state, self.policy = verification.require()
        self.kinds = Counter(event.kind for event in verification.events)
        self.signatures = len(verification.events)
        self.lines = tuple(self.policy.lines)
        self.owners = owners
        self.schema = (self.clone / "configs/scoring_config.schema.json").read_bytes()
        self.tips = [(governed.tip(), self._load())]
        self.refs: dict[str, tuple[str, str]] = {}
        self.released = 0
        self.newest = (self.lines[0], BASE)
        self._acts = cycle(composition.acts)

    def _load(self) -> Tree:
        listed = run_git(self.clone, "ls-tree", "-r", "-z", "refs/remotes/origin/main").split("\x00")[:-1]
        files: dict[bytes, Entry] = {}
        for line in listed:
            words, _, path = line.partition("\t")
            mode, _, oid = words.split(" ")
            files[path.encode()] = (mode.encode(), oid, None)
        return self.pack.with_files(None, files)

    def grow(self, want: int) -> None:
        """Append events until there are `want`; then write packs and refs."""
        while self.state.seq < want:
            getattr(self, next(self._acts))()
            if self.state.seq % _PACK_EVENTS == 0:
                self.pack.flush()
        self.pack.flush()
        tip = self.tips[-1][0]
        write_refs(self.clone, self.refs, {"refs/heads/main": tip, "refs/remotes/origin/main": tip})
        run_git(self.clone, "repack", "-adq")

    def commit(self, tree: Tree, parents: list[str], person: str, text: str) -> Commit:
        """Take a commit signed by `person`."""
        identity = f"{self.governed.world.identity(person)} {EPOCH + self.state.seq} +0000"
        head = f"tree {tree.oid}\n" + "".join(f"parent {parent}\n" for parent in parents)
        head += f"author {identity}\ncommitter {identity}"
        body = f"\n\n{text}\n"
        signature = self.governed.world.signer(person).sign((head + body).encode(), "git").rstrip("\n")
        signed = f"{head}\n{signature_header(40)} " + signature.replace("\n", "\n ") + body
        self.signatures += 1
        return parse_commit(self.pack.add("commit", signed.encode()), signed.encode())

    def release(self) -> None:
        """Propose, merge and release the next version of the next line."""
        line = self.lines[self.released % len(self.lines)]
        version = Version(1, self.released // len(self.lines) + 1, 0)
        configs = self.policy.lines[line].configs
        path, summary = config_path(version, configs), summary_path(line, version)
        stated = self.governed.summary(version, "carol@example.org", good=67) | {"line": line}
        files = {path: pretty_json(self.governed.config(version, good=67)), summary: pretty_json(stated)}
        entries: dict[bytes, Entry] = {
            name.encode(): (b"100644", self.pack.add("blob", data), None) for name, data in files.items()
        }
        base, base_tree = self.tips[-1]
        fork, fork_tree = self.tips[0] if self.released % 2 else self.tips[-1]
        head = self.commit(self.pack.with_files(fork_tree, entries), [fork], "carol", f"Propose v{version}")
        tree = self.pack.with_files(base_tree, entries)
        merge = self.commit(tree, [base, head.oid], "alice", "Merge proposal")
        self.tips = [*self.tips, (merge.oid, tree)][-LAG:]
        self.released += 1
        self.newest = (line, version)
        digest = sha256_hex(files[summary])
        changed = tuple(sorted(files))
        facts = MergeFacts(merge, (head,), changed, frozenset(), self.owners, "carol@example.org", digest)
        tip = Tip(merge.oid, facts, {**files, schema_path(path): self.schema})
        situation = self._situation("bob", tip)
        self.append(plan.release(situation, line=line, version=version, configs=configs, reason=""))

    def stage(self) -> None:
        """Make the newest version active in staging."""
        self._activate("staging")

    def activate(self) -> None:
        """Make the newest version active in production."""
        self._activate("production")

    def _activate(self, env: str) -> None:
        line, version = self.newest
        self.append(plan.activate(self._situation(), line=line, version=version, env=env, override=(), reason=""))

    def deprecate(self) -> None:
        """Deprecate the oldest version of the newest line that runs nowhere and is not needed for a rollback."""
        line, _ = self.newest
        kept = rollback_target(self.state, line, "production")
        for version, record in sorted(self.state.line(line).items()):
            if record.status == "released" and record is not kept and "active" not in record.envs.values():
                self.append(plan.deprecate(self._situation(), line=line, version=version, reason="It is old."))
                return
        self.checkpoint()

    def revert(self) -> None:
        """Roll the newest line back in production, where something ran before."""
        line, _ = self.newest
        if rollback_target(self.state, line, "production") is None:
            self.checkpoint()
            return
        leaving, restored = plan.choose_rollback(self.state, line=line, env="production", to=None)
        report = "0" * 64
        self.append(
            plan.revert(leaving=leaving, restored=restored, env="production", reason="It was wrong.", report=report)
        )

    def ratify(self) -> None:
        """Accept the rollback that is open, by another person."""
        open_ones = [step.seq for step in self.state.steps[-1:] if step.kind == "revert"]
        if not open_ones:
            self.checkpoint()
            return
        fields = upkeep.ratify(self._situation("alice"), seq=open_ones[0], reason="It was right.")
        self.append(fields, "alice")

    def checkpoint(self) -> None:
        """Sign that nothing newer exists."""
        self.append(upkeep.checkpoint(self._situation(), expires=self._after(hours=72), reason=""))

    def append(self, fields: Mapping[str, Any], person: str = "bob") -> None:
        """Sign an event with the key of `person` and fold it."""
        payload = payload_of(fields, self.state, "refs/heads/main", self.tips[-1][0], self._after(hours=1))
        unsigned = tag_object(
            object_oid=payload["target"]["commit"], tag=expected_refs(payload)[1],
            tagger=self.governed.world.identity(person), when=EPOCH, message=message(payload),
        )  # fmt: skip
        body = unsigned + self.governed.world.signer(person).sign(unsigned, "git").encode()
        oid = self.pack.add("tag", body)
        apply(self.state, Checked(parse_event(oid, body), (person,), frozenset(), self.policy, self.policy))
        self.kinds[payload["kind"]] += 1
        self.signatures += 1
        self.refs |= dict.fromkeys(payload["refs"], (oid, payload["target"]["commit"]))

    def _situation(self, person: str = "bob", tip: Tip | None = None) -> Situation:
        history = tip or Tip(self.tips[-1][0])
        return Situation(self.state, self.policy, person, history)  # type: ignore[arg-type]

    def _after(self, hours: int) -> str:
        last = datetime.strptime(self.state.head_at, _TIME)  # noqa: DTZ007  it is UTC, and stays so
        return (last + timedelta(hours=hours)).strftime(_TIME)


def build(root: Path, patch: pytest.MonkeyPatch, largest: int, composition: Composition) -> Growth:
    """A sealed registry with lines enough for `largest` events of a composition."""
    for place in ("home", "keys", "template"):
        (root / place).mkdir()
    build_walls(root / "home", patch)
    governed = govern(Template(root / "template", Keyring(root / "keys")).copy(root / "world"), seal=False)
    clone = governed.world.clone
    lines = range(1, composition.lines(largest))
    policy = clone / "trust.toml"
    extra = "".join(
        f'\n[lines.line-{number:04d}]\nconfigs = "lines/{number:04d}/configs"\n'
        f'contracts = "lines/{number:04d}/contracts"\n'
        for number in lines
    )
    owners = clone / "CODEOWNERS"
    schema = (clone / "configs/scoring_config.schema.json").read_text("utf-8")
    governed.world.commit(
        {
            "trust.toml": policy.read_text("utf-8") + extra,
            "CODEOWNERS": owners.read_text("utf-8").replace("/configs/ ", "/lines/ @alice @bob @carol\n/configs/ "),
            **{f"lines/{number:04d}/configs/scoring_config.schema.json": schema for number in lines},
        },
        "Govern more lines",
    )
    governed.world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()
    start.seal(governed.workspace("alice"), adopt=[(BASE, ["production"])], reason="start", dry_run=False)
    governed.fetch()
    found = find_codeowners({"CODEOWNERS": owners.read_bytes()}.get)
    assert found is not None
    return Growth(governed, composition, found)
