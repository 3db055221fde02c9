"""Verification steps 5 and 6: who signed, and whether these people may."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from calibgit.errors import IntegrityError, PermissionRefused
from calibgit.model.canonical import strict_canonical
from calibgit.model.event import NAMESPACE_GIT, NAMESPACE_STATEMENT, Event, statement
from calibgit.model.policy import ROLES_OF_KIND, Policy, Role
from calibgit.registry import sshsig
from calibgit.registry.approval import people_named


@dataclass(frozen=True, slots=True)
class Signatures:
    """Who signed an event, the writer first, and with which keys, in the same order."""

    people: tuple[str, ...]
    keys: tuple[str, ...]


def signers(event: Event, policy: Policy) -> Signatures:
    """Step 5: the people whose signature the event carries.

    Raises:
        IntegrityError: a code of `sshsig.verify`, KEY_ENDED, or TWICE_SIGNED.
    """
    keys = [sshsig.verify(event.signature, event.signed, namespace=NAMESPACE_GIT, keys=policy.keys)]
    cosigned = event.payload.get("cosignatures", [])
    text = strict_canonical(statement(event.payload)) if cosigned else b""
    keys += [verify_entry(entry, text, NAMESPACE_STATEMENT) for entry in cosigned]
    people: list[str] = []
    for key in keys:
        person = require_current(policy, key, event.seq)
        if person in people:
            raise IntegrityError(
                "TWICE_SIGNED",
                f"event {event.seq} is signed twice by {person}",
                why="Thresholds count people, not keys.",
                fix="have somebody else co-sign",
            )
        people.append(person)
    return Signatures(tuple(people), tuple(keys))


def require_current(policy: Policy, key: str, seq: int) -> str:
    """The person whose key this is, provided that it is good for event `seq`.

    Raises:
        IntegrityError: UNKNOWN_KEY or KEY_ENDED.
    """
    person = policy.person_of_key(key)
    if person is None:
        raise IntegrityError(
            "UNKNOWN_KEY",
            f"event {seq} is signed by a key that the policy does not list",
            why="Only people of the policy may write events.",
            fix="calibgit log",
        )
    if policy.key_ended(key, seq):
        raise IntegrityError(
            "KEY_ENDED",
            f"event {seq} is signed by a key of {person} that had ended by then",
            why="A retired or compromised key signs nothing new; the tagger's date decides nothing.",
            fix="sign with a current key",
        )
    return person


def verify_entry(entry: Mapping[str, str], text: bytes, namespace: str) -> str:
    """The key of a signature that rides in the payload, provided that it signs `text`.

    Raises:
        IntegrityError: a code of `sshsig.verify`.
    """
    return sshsig.verify(_armoured(entry["signature"]), text, namespace=namespace, keys=(entry["key"],))


def _armoured(signature: str) -> str:
    """A co-signature rides in the payload as one line of base64; this is its SSHSIG block."""
    lines = [signature[at : at + 70] for at in range(0, len(signature), 70)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


def refuse_role(
    policy: Policy,
    payload: Mapping[str, Any],
    people: tuple[str, ...],
    authors: frozenset[str],
) -> PermissionRefused | None:
    """Step 6: why `people` may not write this event, or None when they may.

    Args:
        policy: in force before the event.
        payload: its signed fields.
        people: who signs, the writer first.
        authors: who wrote the version that the event speaks of, as the policy of its release named them; empty where
            there is none. Whoever this policy knows under one of these names is meant.
    """
    found = [_refuse(policy, payload, people, authors, role) for role in ROLES_OF_KIND[payload["kind"]]]
    refusals = [refusal for refusal in found if refusal is not None]
    if len(refusals) == len(found):  # of the role that the writer holds, where there is one
        return next((refusal for refusal in refusals if refusal.code != "NOT_AUTHORISED"), refusals[0])
    if payload.get("override"):
        return _refuse(policy, payload, people, authors, "breaking")
    if "approval" in payload and payload["approval"]["kind"] == "github-pr":
        return _refuse(policy, payload, people, authors, "attest")
    return None


def _refuse(
    policy: Policy, payload: Mapping[str, Any], people: tuple[str, ...], authors: frozenset[str], role: Role
) -> PermissionRefused | None:
    env = str(payload.get("env", ""))
    where = f" in {env}" if env else ""
    grant = policy.grant(role, env)
    if grant is None or people[0] not in grant.people:
        holders = ", ".join(grant.people) if grant else "nobody"
        return PermissionRefused(
            "NOT_AUTHORISED",
            f"{people[0]} may not {payload['kind']}{where}: the role {role} is missing",
            why=f"trust.toml gives the role {role}{where} to: {holders}.",
            fix=f"ask one of them: {holders}" if grant else f"add the role {role} to trust.toml",
        )
    entitled = [person for person in people if person in grant.people]
    if len(entitled) < grant.threshold:
        return PermissionRefused(
            "THRESHOLD",
            f"{payload['kind']}{where} needs {grant.threshold} people and has {len(entitled)}",
            why=f"trust.toml asks for that many of: {', '.join(grant.people)}.",
            fix="have another of them co-sign, and repeat the command that wrote it",
        )
    humans = {person for person in entitled if policy.people[person].kind == "human"}
    authors = frozenset(person for name in authors for person in people_named(name, policy))
    if grant.non_author and policy.four_eyes and not humans - authors:
        return PermissionRefused(
            "AUTHOR_ONLY",
            f"{payload['kind']}{where} is signed only by {', '.join(entitled)}: nobody who had no part in the change",
            why="Here one of the signers must be a human who had no part in writing it.",
            fix=f"ask somebody else of: {', '.join(p for p in grant.people if p not in authors) or 'nobody else'}",
        )
    return None
