"""The state machine against a plain list of what happened, by the thousand."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from calibgit.model.event import Event
from calibgit.model.ids import Version
from calibgit.model.state import RegistryState
from calibgit.registry.fold import apply
from calibgit.registry.transitions import refuse_transition, rollback_target
from tests.support.events import believed, oid, plain_event

LINES = ("alpha", "beta")
ENVS = ("production", "staging")
VERSIONS = [
    Version(1, 0, 0),
    Version(1, 0, 10),
    Version(1, 0, 9),
    Version(1, 1, 0),
    Version(2, 0, 0),
    Version(10, 0, 0),
]

lines, envs, versions = st.sampled_from(LINES), st.sampled_from(ENVS), st.sampled_from(VERSIONS)


def digest(line: str, version: Version) -> str:
    return (oid(f"{line} {version}") * 2)[:64]


def target(line: str, version: Version) -> dict[str, Any]:
    path = f"{line}/scoring_config_v{version}.json"
    return {"commit": oid("root"), "path": path, "sha256": digest(line, version), "size": 2}


class Registry(RuleBasedStateMachine):
    """Each rule offers one event to both; the model is a list of accepted (kind, line, version, env)."""

    def __init__(self) -> None:
        super().__init__()
        self.state = RegistryState()
        self.history: list[tuple[str, str, Version, str]] = []
        entry = {"line": "alpha", "version": "1.0.0", **target("alpha", VERSIONS[0]), "envs": ["production"]}
        start = plain_event(
            1, "genesis", baseline=[entry], four_eyes=True, target={"commit": oid("root"), "sha256": "0" * 64}
        )
        assert refuse_transition(self.state, start, ("alice",)) is None
        apply(self.state, believed(start))
        self.history += [("release", "alpha", VERSIONS[0], ""), ("activate", "alpha", VERSIONS[0], "production")]
        self.rejected: set[str] = set()

    def offer(self, expected: bool, event: Event) -> bool:
        before = (self.state.seq, self.state.head_sha256, dict(self.state.now))
        refusal = refuse_transition(self.state, event, ("alice",))
        assert (self.state.seq, self.state.head_sha256, self.state.now) == before, "refusing changed something"
        assert (refusal is None) == expected, refusal
        if refusal is None:
            apply(self.state, believed(event))
        return refusal is None

    def event(self, kind: str, line: str, version: Version, **payload: Any) -> Event:
        fields = {"line": line, "version": str(version), "target": target(line, version)}
        return plain_event(self.state.seq + 1, kind, **(fields | payload))

    # the plain-list model

    def released(self, line: str) -> list[Version]:
        return [v for kind, name, v, _ in self.history if kind == "release" and name == line]

    def deprecated(self, line: str, version: Version) -> bool:
        return ("deprecate", line, version, "") in self.history

    def moves(self, line: str, env: str) -> list[tuple[str, Version]]:
        return [(k, v) for k, name, v, e in self.history if k in {"activate", "revert"} and (name, e) == (line, env)]

    def active(self, line: str, env: str) -> Version | None:
        moves = self.moves(line, env)
        return moves[-1][1] if moves else None

    def status(self, line: str, version: Version, env: str) -> str | None:
        """Replay the moves: what was left by a revert is rolled back until it is active again."""
        status: dict[Version, str] = {}
        for kind, moved in self.moves(line, env):
            for other, said in list(status.items()):
                if said == "active":
                    status[other] = "rolled_back" if kind == "revert" else "superseded"
            status[moved] = "active"
        return status.get(version)

    # the events

    @rule(line=lines, version=versions)
    def release(self, line: str, version: Version) -> None:
        known = self.released(line)
        good = all(version > other for other in known) and digest(line, version) not in self.rejected
        approval = {"kind": "merge-signed", "authors": ["carol"], "approvers": ["alice"]}
        event = self.event("release", line, version, approval=approval, schema_sha256="0" * 64)
        if self.offer(good, event):
            self.history.append(("release", line, version, ""))

    @rule(line=lines, version=versions)
    def reject(self, line: str, version: Version) -> None:
        event = self.event("reject", line, version, config_sha256=digest(line, version), target={"commit": oid("root")})
        if self.offer(version not in self.released(line), event):
            self.rejected.add(digest(line, version))

    @rule(line=lines, version=versions, env=envs, again=st.booleans())
    def activate(self, line: str, version: Version, env: str, again: bool) -> None:
        active = self.active(line, env)
        good = (
            version in self.released(line)
            and not self.deprecated(line, version)
            and active != version
            and (again or self.status(line, version, env) != "rolled_back")
        )
        fields = ({"from_version": str(active)} if active else {}) | ({"override": ["again"]} if again else {})
        if self.offer(good, self.event("activate", line, version, env=env, **fields)):
            self.history.append(("activate", line, version, env))

    @rule(line=lines, version=versions, leaving=versions, env=envs)
    def revert(self, line: str, version: Version, leaving: Version, env: str) -> None:
        good = (
            version in self.released(line)
            and self.active(line, env) == leaving
            and self.status(line, version, env) == "superseded"
            and not self.deprecated(line, version)
        )
        event = self.event("revert", line, version, env=env, from_version=str(leaving), report_sha256="0" * 64)
        if self.offer(good, event):
            self.history.append(("revert", line, version, env))

    @rule(line=lines, env=envs)
    def roll_back_by_default(self, line: str, env: str) -> None:
        wanted = next(
            (
                v
                for _, v in reversed(self.moves(line, env))
                if self.status(line, v, env) == "superseded" and not self.deprecated(line, v)
            ),
            None,
        )
        found = rollback_target(self.state, line, env)
        assert (found.version if found else None) == wanted
        leaving = self.active(line, env)
        if wanted is not None and leaving is not None:
            fields = {"env": env, "from_version": str(leaving), "report_sha256": "0" * 64}
            assert self.offer(True, self.event("revert", line, wanted, **fields))
            self.history.append(("revert", line, wanted, env))

    @rule(line=lines, version=versions)
    def deprecate(self, line: str, version: Version) -> None:
        good = version in self.released(line) and not self.deprecated(line, version)
        if self.offer(good, self.event("deprecate", line, version)):
            self.history.append(("deprecate", line, version, ""))

    @rule(line=lines, version=versions, env=envs, field=st.sampled_from(["commit", "path", "sha256", "size"]))
    def other_bytes(self, line: str, version: Version, env: str, field: str) -> None:
        spoiled = target(line, version) | {field: 7 if field == "size" else "f" * 40}
        active = self.active(line, env)
        old = {"from_version": str(active)} if active else {}
        assert not self.offer(False, self.event("activate", line, version, env=env, target=spoiled, **old))
        assert not self.offer(False, self.event("deprecate", line, version, target=spoiled))

    @rule(line=lines, version=versions, env=envs, claimed=versions)
    def other_predecessor(self, line: str, version: Version, env: str, claimed: Version) -> None:
        if claimed != self.active(line, env):
            assert not self.offer(False, self.event("activate", line, version, env=env, from_version=str(claimed)))
        if self.active(line, env) is not None:
            assert not self.offer(False, self.event("activate", line, version, env=env))

    @rule(line=lines, version=versions)
    def time_runs_back(self, line: str, version: Version) -> None:
        event = self.event("deprecate", line, version, at="2020-01-01T00:00:00Z")
        assert not self.offer(False, event)

    @invariant()
    def the_state_is_what_the_list_says(self) -> None:
        for line in LINES:
            assert sorted(self.state.line(line)) == sorted(self.released(line))
            for env in ENVS:
                record = self.state.active(line, env)
                assert (record.version if record else None) == self.active(line, env)
                actives = [v for v, r in self.state.line(line).items() if r.envs.get(env) == "active"]
                assert actives == ([record.version] if record else [])
            for version, found in self.state.line(line).items():
                assert found.status == ("deprecated" if self.deprecated(line, version) else "released")
                for env in ENVS:
                    assert found.envs.get(env) == self.status(line, version, env)


TestRegistry = Registry.TestCase
TestRegistry.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
