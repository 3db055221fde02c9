"""State as a fold of believed events: `apply` records, in place, an event that passed every step."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from calibgit.model.event import Event
from calibgit.model.ids import Version, release_name, slot_name
from calibgit.model.policy import Policy
from calibgit.model.state import Checkpoint, RegistryState, Step, Suspect, VersionRecord
from calibgit.registry.attested import is_proven
from calibgit.registry.steps import Checked
from calibgit.registry.transitions import statement_digest


def apply(state: RegistryState, checked: Checked) -> None:  # noqa: C901  one branch a kind
    """Record an event that passed every step. Changes `state` in place."""
    event, people = checked.event, checked.people
    kind = event.kind
    if kind == "genesis":
        _start(state, event, people[0])
        state.ended.update(checked.after.ended)
    elif kind == "policy":
        _govern(state, event, checked.before, checked.after)
    elif kind == "release":
        state.versions.setdefault(event.line, {})[event.version] = _record(event, people)
    elif kind == "reject":
        state.rejected.setdefault(event.line, {})[event.payload["config_sha256"]] = event.version
    elif kind == "deprecate":
        record = state.versions[event.line][event.version]
        state.versions[event.line][event.version] = replace(record, status="deprecated")
    elif kind in {"activate", "revert"}:
        _move(state, event, people)
    elif kind == "checkpoint":
        state.checkpoint = Checkpoint(event.seq, event.at, event.payload["expires"])
    elif kind == "ratify":
        state.ratified[event.payload["ratifies"]["seq"]] = people[0]
    elif kind == "void":
        state.voided.update({entry["seq"]: entry["oid"] for entry in event.payload["void"]})
    if event.payload.get("cosignatures"):
        state.statements.add(statement_digest(event))
    state.seq, state.head_oid, state.head_sha256, state.head_at = event.seq, event.oid, event.sha256, event.at
    state.branch_head = event.payload["branch"]["head"]
    state.digests[event.sha256] = event.seq
    for key in checked.keys:
        state.signed_with.setdefault(key, []).append(event.seq)


def _govern(state: RegistryState, event: Event, before: Policy, after: Policy) -> None:
    state.policy_sha256 = event.payload["target"]["sha256"]
    state.four_eyes = after.four_eyes
    if state.checkpoint is not None and state.checkpoint.at > event.at:
        state.checkpoint = None  # its time was false, so it promises nothing
    for key in before.keys.keys() - after.keys.keys():
        state.ended.setdefault(key, event.seq + 1)
    for key, since in after.ended.items():
        state.ended[key] = min(since, state.ended.get(key, since))
    for name, person in after.people.items():
        for end in person.ended:
            if end.compromised:
                for seq in state.signed_with.get(end.key, ()):
                    if seq >= end.from_seq:
                        state.suspects.setdefault(seq, Suspect(name, event.seq))


def _start(state: RegistryState, event: Event, signer: str) -> None:
    state.registry = event.sha256
    state.four_eyes = bool(event.payload["four_eyes"])
    state.policy_sha256 = event.payload["target"]["sha256"]
    for entry in event.payload["baseline"]:
        version = Version.parse(entry["version"])
        state.versions.setdefault(entry["line"], {})[version] = VersionRecord(
            line=entry["line"],
            version=version,
            status="released",
            commit=event.payload["target"]["commit"],
            path=entry["path"],
            sha256=entry["sha256"],
            size=entry["size"],
            schema_sha256="",
            tag=slot_name(event.seq),
            tag_oid=event.oid,
            seq=event.seq,
            signer=signer,
            authors=(),
            approvers=(),
            evidence="baseline",
            envs=dict.fromkeys(entry["envs"], "active"),
        )
        for env in entry["envs"]:
            state.now[entry["line"], env] = version
            state.steps.append(Step(event.seq, entry["line"], env, version, "baseline", event.at, signer))


def _record(event: Event, people: tuple[str, ...]) -> VersionRecord:
    target, approval = event.payload["target"], event.payload["approval"]
    return VersionRecord(
        line=event.line,
        version=event.version,
        status="released",
        commit=target["commit"],
        path=target["path"],
        sha256=target["sha256"],
        size=target["size"],
        schema_sha256=event.payload["schema_sha256"],
        tag=release_name(event.line, event.version),
        tag_oid=event.oid,
        seq=event.seq,
        signer=people[0],
        authors=tuple(approval["authors"]),
        approvers=tuple(approval["approvers"]),
        evidence="proven" if is_proven(approval, people) else "attested",
    )


def _move(state: RegistryState, event: Event, people: tuple[str, ...]) -> None:
    versions = state.versions[event.line]
    current = state.active(event.line, event.env)
    if current is not None:
        current.envs[event.env] = "rolled_back" if event.kind == "revert" else "superseded"
    versions[event.version].envs[event.env] = "active"
    state.now[event.line, event.env] = event.version
    kind: Literal["activate", "revert"] = "revert" if event.kind == "revert" else "activate"
    state.steps.append(
        Step(
            event.seq,
            event.line,
            event.env,
            event.version,
            kind,
            event.at,
            people[0],
            people,
            event.payload.get("reason", ""),
        )
    )


def full_ref(name: str) -> str:
    """Full ref name of a tag name that starts with `calib/`."""
    return "refs/tags/" + name
