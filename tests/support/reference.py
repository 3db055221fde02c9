"""The registry as its specification tells it: a list of what happened, and what may happen next.

Written from sections 3, 4, 5 and 7 of the registry's specification and from decisions 3, 5, 6 and 7. It shares no code
with `calibgit.registry`; everything is derived anew from the list of moves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

OWNER_OF_KEY = {"alice": "alice", "bob": "bob", "bob2": "bob", "carol": "carol", "dave": "dave", "robot": "robot"}
MACHINES = frozenset({"robot"})
CODE_OWNERS = frozenset({"alice", "bob"})
HOLDERS: Mapping[str, tuple[str, ...]] = {
    "release": ("alice", "bob", "robot"),
    "attest": ("robot",),
    "activate": ("alice", "bob", "carol"),
    "activate:production": ("alice", "bob", "carol"),
    "activate:staging": ("alice", "bob", "carol", "robot"),
    "breaking": ("alice", "bob"),
    "rollback": ("alice", "bob", "carol"),
    "deprecate": ("alice", "bob"),
    "checkpoint": ("alice", "robot"),
    "policy": ("alice", "bob"),
    "recover": ("carol",),
}
NEEDS: Mapping[str, tuple[str, ...]] = {
    "genesis": ("policy",),
    "policy": ("policy", "recover"),
    "release": ("release",),
    "reject": ("release",),
    "activate": ("activate",),
    "revert": ("rollback",),
    "deprecate": ("deprecate",),
    "checkpoint": ("checkpoint",),
    "void": ("recover",),
    "ratify": ("activate",),
}


@dataclass(frozen=True)
class Rules:
    """A policy: the keys that it lists, those that ended (key, from event, compromised), and what is particular.

    Attributes:
        pair: an activation in production takes two people.
        lacks: a role that nobody holds.
    """

    keys: tuple[str, ...] = ("alice", "bob", "carol", "robot")
    ended: tuple[tuple[str, int, bool], ...] = ()
    pair: bool = False
    lacks: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ended", tuple(sorted(self.ended)))

    def ends(self, key: str) -> int | None:
        return next((since for name, since, _ in self.ended if name == key), None)

    def is_good(self, key: str, seq: int) -> bool:
        end = self.ends(key)
        return key in self.keys and (end is None or seq < end)


@dataclass(frozen=True)
class Move:
    """One event as somebody wants to write it. What it says may be a lie.

    Attributes:
        by, others: the key that writes, the keys that co-sign.
        leaving: what it says is active; only for activations and rollbacks.
        bytes_of: the version whose bytes it names; empty for its own.
        about, digest_of: number of the rollback that is ratified, and of the event whose digest is given.
        shown: keys whose possession is shown.
        first, junk: for a void, the first slot and how many.
        delay: seconds since the event before.
        baseline: for genesis, (line, version, environments).
        reason: of a co-signed move, where not all give the same.
    """

    kind: str
    by: str = "bob"
    others: tuple[str, ...] = ()
    line: str = ""
    version: str = ""
    env: str = ""
    leaving: str | None = None
    override: tuple[str, ...] = ()
    bytes_of: str = ""
    evidence: str = "merge-signed"
    authors: tuple[str, ...] = ("carol",)
    approvers: tuple[str, ...] = ("alice",)
    about: int = 0
    digest_of: int = 0
    hours: int = 72
    rules: Rules | None = None
    shown: tuple[str, ...] = ()
    first: int = 0
    junk: int = 0
    delay: int = 1
    baseline: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    reason: str = ""

    @property
    def signing(self) -> tuple[str, ...]:
        return (self.by, *self.others)

    @property
    def people(self) -> tuple[str, ...]:
        return tuple(OWNER_OF_KEY[key] for key in self.signing)

    @property
    def keys(self) -> frozenset[str]:
        """Every key that it rests on: signatures, and those under a signed merge."""
        merged = (*self.authors, *self.approvers) if (self.kind, self.evidence) == ("release", "merge-signed") else ()
        return frozenset({*self.signing, *merged})


def number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


@dataclass
class Book:
    """What was accepted, in order: event number to move."""

    moves: dict[int, Move] = field(default_factory=dict)

    @property
    def seq(self) -> int:
        return max(self.moves, default=0)

    def next_seq(self, move: Move) -> int:
        return move.first + move.junk if move.kind == "void" else self.seq + 1

    @property
    def rules(self) -> Rules:
        return next((m.rules for m in reversed(self.moves.values()) if m.rules is not None), Rules())

    def record(self, move: Move) -> None:
        self.moves[self.next_seq(move)] = move

    def prefix(self, seq: int) -> Book:
        return Book({at: move for at, move in self.moves.items() if at <= seq})

    # what stands

    def lines(self) -> set[str]:
        return {line for line, _, _ in self.baseline()} | {m.line for m in self.moves.values() if m.kind == "release"}

    def baseline(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        return self.moves[1].baseline if self.moves else ()

    def released(self, line: str) -> dict[str, int]:
        """Version to the event that released it."""
        found = {version: 1 for name, version, _ in self.baseline() if name == line}
        return found | {m.version: at for at, m in self.moves.items() if (m.kind, m.line) == ("release", line)}

    def happened(self, kind: str, line: str, version: str) -> bool:
        return any((m.kind, m.line, m.version) == (kind, line, version) for m in self.moves.values())

    def steps(self, line: str, env: str) -> list[tuple[int, str, str]]:
        """Number, kind and version of every change of what is active there."""
        first = [(1, "baseline", v) for name, v, envs in self.baseline() if name == line and env in envs]
        moved = [(at, m) for at, m in self.moves.items() if m.kind in {"activate", "revert"}]
        return first + [(at, m.kind, m.version) for at, m in moved if (m.line, m.env) == (line, env)]

    def active(self, line: str, env: str) -> str | None:
        steps = self.steps(line, env)
        return steps[-1][2] if steps else None

    def status(self, line: str, version: str, env: str) -> str | None:
        """What a rollback left is rolled back, what an activation left is superseded, until it is active again."""
        found: dict[str, str] = {}
        before: str | None = None
        for _, kind, moved in self.steps(line, env):
            if before is not None:
                found[before] = "rolled_back" if kind == "revert" else "superseded"
            found[moved] = "active"
            before = moved
        return found.get(version)

    def rollback_target(self, line: str, env: str) -> str | None:
        """The latest version active there before that is neither rolled back nor deprecated."""
        stands = (v for _, _, v in reversed(self.steps(line, env)) if self._stands(line, v, env))
        return next(stands, None)

    def _stands(self, line: str, version: str, env: str) -> bool:
        return self.status(line, version, env) == "superseded" and not self.happened("deprecate", line, version)

    def suspects(self) -> dict[int, tuple[str, int]]:
        """Number of every suspect event to whose key it was, and the event that declared the theft."""
        found: dict[int, tuple[str, int]] = {}
        for declared, policy in self.moves.items():
            for key, since, compromised in policy.rules.ended if policy.rules is not None else ():
                for at in (at for at, m in self.moves.items() if compromised and since <= at < declared):
                    if key in self.moves[at].keys:
                        found.setdefault(at, (OWNER_OF_KEY[key], declared))
        return found

    def alarm(self, line: str, env: str) -> int | None:
        """The suspect event that what is active rests on, until somebody has looked since."""
        steps, suspects = self.steps(line, env), self.suspects()
        if not steps:
            return None
        at, _, version = steps[-1]
        rests = (at, self.released(line)[version])
        return next((each for each in rests if each in suspects and at < suspects[each][1]), None)

    def ended(self) -> dict[str, int]:
        """Every key that ever ended or was dropped, to the number from which it is good for nothing."""
        found: dict[str, int] = {}
        before: tuple[str, ...] = ()
        for at, move in self.moves.items():
            if move.rules is not None:
                for key in set(before) - set(move.rules.keys):
                    found.setdefault(key, at + 1)
                for key, since, _ in move.rules.ended:
                    found[key] = min(since, found.get(key, since))
                before = move.rules.keys
        return found

    def unratified(self) -> list[int]:
        accepted = {m.about for m in self.moves.values() if m.kind == "ratify"}
        return [at for at, m in self.moves.items() if m.kind == "revert" and not m.others and at not in accepted]

    def authors(self, line: str, version: str) -> tuple[str, ...]:
        at = self.released(line).get(version, 0)
        return self.moves[at].authors if at > 1 else ()

    def statement(self, move: Move) -> Any:
        """What co-signers sign: the move without its place in the log, under the policy in force.

        Every release here has a merge of its own, so no two are the same.
        """
        said = replace(move, by="", others=(), delay=0, shown=(), bytes_of=move.bytes_of or move.version)
        return said, self.rules, self.seq if move.kind == "release" else 0

    # what may happen next

    def judge(self, move: Move, *, evidence: bool = True) -> tuple[int, str] | None:
        """Step and code of the refusal; None when the move is allowed."""
        for step, code in self._refusals(move, evidence=evidence):
            if code:
                return step, code
        return None

    def _refusals(self, move: Move, *, evidence: bool) -> Iterator[tuple[int, str]]:
        yield 3, self._chain(move)
        yield 5, self._signatures(move)
        yield 6, self._authority(move)
        if move.kind == "release" and evidence:
            yield 9, self._evidence(move)
        if move.kind == "policy":
            yield 9, self._change(move)
        yield 9, "TIME_REVERSED" if move.delay < 0 else ""
        said = [self.prefix(at - 1).statement(m) for at, m in self.moves.items() if m.others] if move.others else []
        yield 9, "STATEMENT_REUSED" if self.statement(move) in said else ""
        yield 9, getattr(self, "_" + move.kind, lambda _: "")(move)

    def _chain(self, move: Move) -> str:
        if move.kind != "void":
            return ""
        if move.first <= self.seq:
            return "VOID_OF_EVENT"
        return "" if move.first == self.seq + 1 else "CHAIN"

    def _signatures(self, move: Move) -> str:
        rules = move.rules if move.kind == "genesis" else self.rules
        assert rules is not None
        people: list[str] = []
        for key in move.signing:
            if key not in rules.keys:
                return "UNKNOWN_KEY"
            if not rules.is_good(key, self.next_seq(move)):
                return "KEY_ENDED"
            if OWNER_OF_KEY[key] in people:
                return "TWICE_SIGNED"
            people.append(OWNER_OF_KEY[key])
        return ""

    def _authority(self, move: Move) -> str:
        found = [self._role(move, role) for role in NEEDS[move.kind]]
        if "" not in found:
            return next((code for code in found if code != "NOT_AUTHORISED"), found[0])
        if move.override:
            return self._role(move, "breaking")
        attested = move.kind == "release" and move.evidence == "github-pr"
        return self._role(move, "attest") if attested else ""

    def _role(self, move: Move, role: str) -> str:
        rules = move.rules if move.kind == "genesis" and move.rules else self.rules
        name = f"{role}:{move.env}" if f"{role}:{move.env}" in HOLDERS else role
        holders = () if name == rules.lacks else HOLDERS[name]
        if move.people[0] not in holders:
            return "NOT_AUTHORISED"
        entitled = [person for person in move.people if person in holders]
        production = name == "activate:production"
        if len(entitled) < (2 if production and rules.pair else 1):
            return "THRESHOLD"
        spoken = self.moves.get(move.about, move) if move.kind == "ratify" else move
        known = self.authors(spoken.line, spoken.version) if move is spoken or spoken.kind == "revert" else ()
        authors = move.authors if move.kind == "release" else known
        return "AUTHOR_ONLY" if production and {*entitled} <= {*authors, *MACHINES} else ""

    def _evidence(self, move: Move) -> str:
        """Who owned, who wrote, who approved; in a signed merge with keys that are good now."""
        seq, signed = self.next_seq(move), move.evidence == "merge-signed"
        if not move.approvers:
            return "NO_APPROVAL"
        if signed and not all(self.rules.is_good(person, seq) for person in move.approvers):
            return "UNSIGNED_MERGE"
        if unfit := self._approvers(move, seq):
            return unfit
        if signed and not all(self.rules.is_good(person, seq) for person in move.authors):
            return "UNSIGNED_COMMIT"
        return "FOUR_EYES" if {*move.approvers} & {*move.authors} else ""

    def _approvers(self, move: Move, seq: int) -> str:
        """The first approver who may not approve, then whether any of them owns the config."""
        for person in move.approvers:
            if person in MACHINES:
                return "NOT_HUMAN"
            if not any(self.rules.is_good(key, seq) for key, owner in OWNER_OF_KEY.items() if owner == person):
                return "APPROVER_ENDED"
        return "" if CODE_OWNERS & {*move.approvers} else "NOT_OWNER"

    def _change(self, move: Move) -> str:
        old, new, seq = self.rules, move.rules, self.next_seq(move)
        assert new is not None
        if new == old:
            return "POLICY_UNCHANGED"
        added = {key for key in new.keys if key not in old.keys and new.is_good(key, seq + 1)}
        if added - {*move.shown}:
            return "NO_POSSESSION"
        for key, since in self.ended().items():
            end = new.ends(key)
            if key in new.keys and (end is None or end > since):
                return "KEY_REVIVED"
        if any(since > seq + 1 for _, since, _ in new.ended):
            return "FROM_SEQ_AHEAD"
        return {"policy": "NOBODY_CHANGES_POLICY", "recover": "NOBODY_RECOVERS"}.get(new.lacks, "")

    def _genesis(self, move: Move) -> str:
        versions = [(line, version) for line, version, _ in move.baseline]
        places = [(line, env) for line, _, envs in move.baseline for env in envs]
        return "BASELINE_CLASH" if len({*versions}) < len(versions) or len({*places}) < len(places) else ""

    def _release(self, move: Move) -> str:
        if self.happened("reject", move.line, move.version):
            return "CONFIG_REJECTED"
        known = self.released(move.line)
        if move.version in known:
            return "VERSION_TAKEN"
        return "VERSION_NOT_GREATER" if any(number(move.version) < number(v) for v in known) else ""

    def _reject(self, move: Move) -> str:
        if move.version in self.released(move.line):
            return "VERSION_TAKEN"
        return "ALREADY_REJECTED" if self.happened("reject", move.line, move.version) else ""

    def _bytes(self, move: Move) -> str:
        if move.version not in self.released(move.line):
            return "NOT_RELEASED"
        return "OTHER_BYTES" if move.bytes_of not in {"", move.version} else ""

    def _activate(self, move: Move) -> str:
        active = self.active(move.line, move.env)
        if code := self._bytes(move):
            return code
        if self.happened("deprecate", move.line, move.version):
            return "DEPRECATED"
        if active == move.version and self.alarm(move.line, move.env) is None:
            return "ALREADY_ACTIVE"
        if move.leaving != active:
            return "OTHER_PREDECESSOR"
        rolled_back = self.status(move.line, move.version, move.env) == "rolled_back"
        return "ROLLED_BACK" if rolled_back and "again" not in move.override else ""

    def _revert(self, move: Move) -> str:
        if code := self._bytes(move):
            return code
        if move.leaving != self.active(move.line, move.env):
            return "OTHER_PREDECESSOR"
        return "" if self._stands(move.line, move.version, move.env) else "NOT_A_ROLLBACK_TARGET"

    def _deprecate(self, move: Move) -> str:
        again = "DEPRECATED" if self.happened("deprecate", move.line, move.version) else ""
        return self._bytes(move) or again

    def _checkpoint(self, move: Move) -> str:
        return "" if 0 < move.hours <= 31 * 24 else "BAD_EXPIRY"

    def _ratify(self, move: Move) -> str:
        rollback = self.moves.get(move.about)
        if rollback is None or rollback.kind != "revert" or move.digest_of != move.about:
            return "NOT_A_ROLLBACK"
        if (rollback.line, rollback.env) != (move.line, move.env):
            return "NOT_A_ROLLBACK"
        if move.about not in self.unratified():
            return "ALREADY_RATIFIED"
        return "OWN_ROLLBACK" if move.people[0] == rollback.people[0] else ""
