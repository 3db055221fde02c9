"""State as a fold of believed events: `apply` records, in place, an event that passed every step."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from calibgit.model.event import Event
from calibgit.model.ids import Version, release_name, slot_name
from calibgit.model.state import RegistryState, Step, Strength, VersionRecord
from calibgit.registry.transitions import statement_digest

_STRENGTH: dict[str, Strength] = {"merge-signed": "proven", "github-pr": "attested"}


def apply(state: RegistryState, event: Event, people: tuple[str, ...]) -> None:
    """Record an event that passed every step. Changes `state` in place."""
    kind = event.kind
    if kind == "genesis":
        _start(state, event, people[0])
    elif kind == "release":
        state.versions.setdefault(event.line, {})[event.version] = _record(event, people[0])
    elif kind == "reject":
        state.rejected.setdefault(event.line, {})[event.payload["config_sha256"]] = event.version
    elif kind == "deprecate":
        record = state.versions[event.line][event.version]
        state.versions[event.line][event.version] = replace(record, status="deprecated")
    elif kind in {"activate", "revert"}:
        _move(state, event, people[0])
    if event.payload.get("cosignatures"):
        state.statements.add(statement_digest(event))
    state.seq, state.head_oid, state.head_sha256, state.head_at = event.seq, event.oid, event.sha256, event.at
    state.branch_head = event.payload["branch"]["head"]


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


def _record(event: Event, signer: str) -> VersionRecord:
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
        signer=signer,
        authors=tuple(approval["authors"]),
        approvers=tuple(approval["approvers"]),
        evidence=_STRENGTH[approval["kind"]],
    )


def _move(state: RegistryState, event: Event, signer: str) -> None:
    versions = state.versions[event.line]
    current = state.active(event.line, event.env)
    if current is not None:
        current.envs[event.env] = "rolled_back" if event.kind == "revert" else "superseded"
    versions[event.version].envs[event.env] = "active"
    state.now[event.line, event.env] = event.version
    kind: Literal["activate", "revert"] = "revert" if event.kind == "revert" else "activate"
    state.steps.append(Step(event.seq, event.line, event.env, event.version, kind, event.at, signer))


def full_ref(name: str) -> str:
    """Full ref name of a tag name that starts with `calib/`."""
    return "refs/tags/" + name
