"""Moves of the reference model as events: the payload that the tool would sign, over made-up commits."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from calibgit.model.canonical import sha256_hex, strict_canonical
from calibgit.model.event import NAMESPACE_POSSESSION, NAMESPACE_STATEMENT, SCHEMA, Event, expected_refs, statement
from calibgit.model.ids import Version, config_path
from calibgit.model.policy import Policy, read_policy
from calibgit.registry.approval import MergeFacts
from calibgit.registry.owners import parse_codeowners
from calibgit.registry.pending import one_line
from tests.support.events import MAIN, FakeFacts, body_of, commit, config_bytes, oid, signer
from tests.support.reference import HOLDERS, MACHINES, OWNER_OF_KEY, Book, Move, Rules

LINES = ("alpha", "beta")
ENVS = ("production", "staging")
START = datetime(2026, 1, 1, tzinfo=UTC)


@cache
def trust(rules: Rules) -> bytes:
    """The trust.toml of some rules."""
    parts = ['schema = "calibgit/trust/1"\nbranch = "main"\nhome = ["../remote.git"]\nfour_eyes = true']
    parts.append('production = ["production"]')
    parts += [f'[lines.{line}]\nconfigs = "{line}"\ncontracts = "{line}-contracts"' for line in LINES]
    for person in dict.fromkeys(OWNER_OF_KEY[key] for key in rules.keys):
        keys = [f'"{signer(key).public_key}"' for key in rules.keys if OWNER_OF_KEY[key] == person]
        ends = [
            f'{{ key = "{signer(key).public_key}", from_seq = {since}, compromised = {str(stolen).lower()} }}'
            for key, since, stolen in rules.ended
            if OWNER_OF_KEY[key] == person
        ]
        kind = "ci" if person in MACHINES else "human"
        parts.append(f'[people.{person}]\nkind = "{kind}"\nkeys = [{", ".join(keys)}]\nended = [{", ".join(ends)}]')
        parts.append(f'emails = ["{person}@example.org"]\nowners = ["@{person}"]')
    listed = {OWNER_OF_KEY[key] for key in rules.keys}
    for role, holders in HOLDERS.items():
        people = [person for person in holders if person in listed]
        if people and role != rules.lacks:
            names = ", ".join(f'"{person}"' for person in people)
            production = role == "activate:production"
            parts.append(f'[roles."{role}"]\npeople = [{names}]\nthreshold = {2 if production and rules.pair else 1}')
            parts.append(f"non_author = {str(production).lower()}")
    return ("\n".join(parts) + "\n").encode()


@cache
def policy_of(rules: Rules) -> Policy:
    """The parsed policy of some rules."""
    return read_policy(trust(rules))


def moment(seconds: int) -> str:
    return (START + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Ledger:
    """Turns moves into payloads that fit behind what was accepted; `facts` is the clone behind them."""

    book: Book = field(default_factory=Book)
    facts: FakeFacts = field(default_factory=FakeFacts)
    events: dict[int, Event] = field(default_factory=dict)
    seconds: int = 0
    _serial: int = 0

    def payload(self, move: Move) -> dict[str, Any]:
        """The unsigned payload of a move."""
        seq = self.book.next_seq(move)
        last = self.events.get(self.book.seq)
        rules = move.rules if move.kind == "genesis" and move.rules else self.book.rules
        value: dict[str, Any] = {
            "schema": SCHEMA,
            "registry": self.events[1].sha256 if self.events else None,
            "seq": seq,
            "prev": {"oid": last.oid, "sha256": last.sha256} if last else None,
            "kind": move.kind,
            "branch": {"ref": MAIN, "head": self.facts.tip},
            "policy_sha256": sha256_hex(trust(rules)),
            "reason": "because",
            "at": moment(self.seconds + move.delay),
            "target": {"commit": self.facts.tip},
            **getattr(self, "_" + move.kind)(move),
        }
        value["refs"] = expected_refs(value)[0]
        return value

    def body(self, move: Move, by: str | None = None) -> bytes:
        """The signed tag object of a move."""
        payload = self.payload(move)
        if move.kind == "policy":
            payload["possession"] = [entry(payload, key, NAMESPACE_POSSESSION) for key in move.shown]
        if move.others:
            payload["cosignatures"] = [entry(payload, key, NAMESPACE_STATEMENT) for key in move.others]
        return body_of(payload, by or move.by)

    def plain(self, move: Move) -> Event:
        """The event of a move without any signature."""
        payload = self.payload(move)
        if move.others:
            payload["cosignatures"] = [{"key": key, "signature": "x"} for key in move.others]
        name = f"{payload['seq']} of {self._serial}"
        self._serial += 1
        return Event(oid(name), sha256_hex(name.encode()), payload, b"", b"")

    def record(self, move: Move, event: Event) -> None:
        """An accepted move."""
        self.book.record(move)
        self.events[event.seq] = event
        self.seconds += move.delay

    # the fields of each kind

    def _genesis(self, move: Move) -> dict[str, Any]:
        entries = []
        for line, version, envs in move.baseline:
            target = self._file(self.facts.tip, line, version)
            entries.append({"line": line, "version": version, **target, "envs": list(envs)})
            del entries[-1]["commit"]
        return {"target": self._trust(move), "baseline": entries, "four_eyes": True}

    def _policy(self, move: Move) -> dict[str, Any]:
        head = self._grow(f"policy {self._serial} {len(self.facts.line)}")
        return {"target": self._trust(move), "possession": [], "branch": {"ref": MAIN, "head": head}}

    def _trust(self, move: Move) -> dict[str, Any]:
        assert move.rules is not None
        data = trust(move.rules)
        self.facts.files[self.facts.tip, "trust.toml"] = data
        return {"commit": self.facts.tip, "path": "trust.toml", "sha256": sha256_hex(data), "size": len(data)}

    def _release(self, move: Move) -> dict[str, Any]:
        path = config_path(Version.parse(move.version), move.line)
        signed = move.evidence == "merge-signed"
        names = (oid("base"), oid("head"))
        by = (move.approvers or ("",))[0] if signed else ""
        title = f"{move.line} {move.version} {move.evidence} {by} {move.authors} {len(self.facts.line)}"
        merge = commit(title, names, author="code host", by=by)
        self.facts.merges[merge.oid] = MergeFacts(
            merge=merge,
            commits=tuple(commit(f"{title} by {each}", author=each) for each in move.authors),
            changed=(path,),
            altered=frozenset(),
            owners=parse_codeowners(b"* @alice @bob\n"),
            initiator=f"{move.authors[0]}@example.org",
            summary_sha256=sha256_hex(b"summary"),
        )
        approval: dict[str, Any] = {
            "kind": move.evidence,
            "base": names[0],
            "head": names[1],
            "merge": merge.oid,
            "initiator": f"{move.authors[0]}@example.org",
            "summary_sha256": sha256_hex(b"summary"),
            "authors": sorted(move.authors),
            "approvers": sorted(move.approvers),
        }
        if not signed:
            approval["forge"] = {"host": "local", "repository": "r", "number": 1}
            approval["opener"] = move.authors[0]
        self.facts.line.append(merge.oid)
        return {
            "line": move.line,
            "version": move.version,
            "target": self._file(merge.oid, move.line, move.version),
            "schema_sha256": sha256_hex(b"schema"),
            "approval": approval,
            "branch": {"ref": MAIN, "head": merge.oid},
        }

    def _reject(self, move: Move) -> dict[str, Any]:
        digest = sha256_hex(config_bytes(move.version))
        return {"line": move.line, "version": move.version, "config_sha256": digest}

    def _activate(self, move: Move) -> dict[str, Any]:
        fields = {**self._versioned(move), "env": move.env}
        fields |= {"from_version": move.leaving} if move.leaving else {}
        return fields | ({"override": list(move.override)} if move.override else {})

    def _revert(self, move: Move) -> dict[str, Any]:
        fields = {**self._versioned(move), "env": move.env, "report_sha256": "0" * 64}
        return fields | {"from_version": move.leaving}

    def _deprecate(self, move: Move) -> dict[str, Any]:
        return self._versioned(move)

    def _checkpoint(self, move: Move) -> dict[str, Any]:
        return {"expires": moment(self.seconds + move.delay + 3600 * move.hours)}

    def _void(self, move: Move) -> dict[str, Any]:
        slots = range(move.first, move.first + move.junk)
        return {"void": [{"seq": seq, "oid": oid(f"junk {seq}")} for seq in slots]}

    def _ratify(self, move: Move) -> dict[str, Any]:
        known = self.events.get(move.digest_of)
        named = {"seq": move.about, "sha256": known.sha256 if known else "0" * 64}
        return {"line": move.line, "env": move.env, "ratifies": named}

    def _versioned(self, move: Move) -> dict[str, Any]:
        return {"line": move.line, "version": move.version, "target": self._target(move)}

    def _target(self, move: Move) -> dict[str, Any]:
        """The bytes of the release of the version that is named."""
        wanted = move.bytes_of or move.version
        at = self.book.released(move.line).get(wanted)
        where = self.facts.line[0] if at in {None, 1} else self.events[at].payload["target"]["commit"]
        return self._file(where, move.line, wanted)

    def _file(self, where: str, line: str, version: str) -> dict[str, Any]:
        data, path = config_bytes(version), config_path(Version.parse(version), line)
        self.facts.files[where, path] = data
        return {"commit": where, "path": path, "sha256": sha256_hex(data), "size": len(data)}

    def _grow(self, name: str) -> str:
        self.facts.line.append(oid(name))
        return self.facts.tip


def entry(payload: dict[str, Any], key: str, namespace: str) -> dict[str, str]:
    """A signature of the payload's statement, as an event carries it."""
    text = strict_canonical(statement(payload))
    return {"key": signer(key).public_key, "signature": one_line(signer(key).sign(text, namespace))}
