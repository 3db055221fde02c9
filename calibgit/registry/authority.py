"""Verification steps 5 and 6: who signed, and whether these people may."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calibgit.errors import IntegrityError, PermissionRefused
from calibgit.model.canonical import strict_canonical
from calibgit.model.event import NAMESPACE_GIT, NAMESPACE_STATEMENT, Event, statement
from calibgit.model.policy import ROLE_OF_KIND, Policy, Role
from calibgit.registry import sshsig


def signers(event: Event, policy: Policy) -> tuple[str, ...]:
    """Step 5: the people whose signature the event carries, the writer first.

    Raises:
        IntegrityError: a code of `sshsig.verify`, KEY_ENDED, or TWICE_SIGNED.
    """
    keys = [key for person in policy.people.values() for key in person.keys]
    found = [sshsig.verify(event.signature, event.signed, namespace=NAMESPACE_GIT, keys=keys)]
    cosigned = event.payload.get("cosignatures", [])
    text = strict_canonical(statement(event.payload)) if cosigned else b""
    found += [
        sshsig.verify(_armoured(entry["signature"]), text, namespace=NAMESPACE_STATEMENT, keys=[entry["key"]])
        for entry in cosigned
    ]
    people: list[str] = []
    for key in found:
        person = policy.person_of_key(key)
        if person is None:
            raise IntegrityError(
                "UNKNOWN_KEY",
                f"event {event.seq} is signed by a key that the policy does not list",
                why="Only people of the policy may write events.",
                fix="calibgit log",
            )
        if policy.key_ended(key, event.seq):
            raise IntegrityError(
                "KEY_ENDED",
                f"event {event.seq} is signed by a key of {person} that had ended by then",
                why="A retired or compromised key signs nothing new; the tagger's date decides nothing.",
                fix="sign with a current key",
            )
        if person in people:
            raise IntegrityError(
                "TWICE_SIGNED",
                f"event {event.seq} is signed twice by {person}",
                why="Thresholds count people, not keys.",
                fix="have somebody else co-sign",
            )
        people.append(person)
    return tuple(people)


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
        authors: who wrote the version that the event speaks of; empty where there is none.
    """
    refusal = _refuse(policy, payload, people, authors, ROLE_OF_KIND[payload["kind"]])
    if refusal is None and payload.get("override"):
        refusal = _refuse(policy, payload, people, authors, "breaking")
    return refusal


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
            f"{people[0]} may not {payload['kind']}{where}",
            why=f"trust.toml gives the role {role}{where} to: {holders}.",
            fix=f"ask one of them: {holders}" if grant else f"add the role {role} to trust.toml",
        )
    entitled = [person for person in people if person in grant.people]
    if len(entitled) < grant.threshold:
        return PermissionRefused(
            "THRESHOLD",
            f"{payload['kind']}{where} needs {grant.threshold} people and has {len(entitled)}",
            why=f"trust.toml asks for that many of: {', '.join(grant.people)}.",
            fix="have another of them co-sign",
        )
    humans = {person for person in entitled if policy.people[person].kind == "human"}
    if grant.non_author and policy.four_eyes and not humans - authors:
        return PermissionRefused(
            "AUTHOR_ONLY",
            f"{payload['kind']}{where} is signed only by {', '.join(entitled)}: nobody who had no part in the change",
            why="Here one of the signers must be a human who had no part in writing it.",
            fix=f"ask somebody else of: {', '.join(p for p in grant.people if p not in authors) or 'nobody else'}",
        )
    return None
