"""Co-signatures on their way to a writer: `calib/p/<statement12>/<key8>`. No verifier reads them.

A pending tag carries a whole statement and one signature of it. Whoever writes the event embeds the signatures of
exactly the statement that is being written; everything else under these names is ignored.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from calibgit.errors import CalibgitError
from calibgit.model.canonical import read_canonical, sha256_hex, strict_canonical
from calibgit.model.event import NAMESPACE_POSSESSION, NAMESPACE_STATEMENT, statement
from calibgit.model.ids import TAG_NAMESPACE
from calibgit.model.policy import Policy
from calibgit.model.state import RegistryState
from calibgit.registry.authority import verify_entry

SCHEMA = "calibgit/pending/1"
PREFIX = TAG_NAMESPACE + "p/"
KEPT_HEADS = PREFIX + "keep/"
_NAME = re.compile(re.escape(PREFIX) + r"[0-9a-f]{12}/[0-9a-f]{8}")
_FIELDS = {"schema", "statement", "namespace", "key", "signature"}


@dataclass(frozen=True, slots=True)
class Pending:
    """One verified signature of a statement.

    Attributes:
        statement: the fields that were signed.
        namespace: `calibgit-statement` for a co-signature, `calibgit-possession` for a proof that a key is held.
        key: the key that signed, not looked up in any policy.
        signature: the SSHSIG blob as one line of base64.
    """

    statement: Mapping[str, Any]
    namespace: str
    key: str
    signature: str

    @property
    def ref(self) -> str:
        """Full name of the tag that carries it."""
        return PREFIX + f"{digest(self.statement)[:12]}/{key_id(self.key)}"

    @property
    def entry(self) -> dict[str, str]:
        """The signature as an event embeds it."""
        return {"key": self.key, "signature": self.signature}

    def message(self) -> bytes:
        """What the tag says: a subject, an empty line, one line of canonical JSON."""
        value = {
            "schema": SCHEMA,
            "statement": dict(self.statement),
            "namespace": self.namespace,
            "key": self.key,
            "signature": self.signature,
        }
        return f"calibgit: {self.namespace} pending\n\n".encode() + strict_canonical(value) + b"\n"


def digest(value: Mapping[str, Any]) -> str:
    """SHA-256 of a statement."""
    return sha256_hex(strict_canonical(dict(value)))


def key_id(key: str) -> str:
    """Eight hex digits that tell a public key from others in a ref name."""
    return sha256_hex(key.encode())[:8]


def one_line(armoured: str) -> str:
    """An SSHSIG block as one line of base64."""
    return "".join(armoured.split("\n")[1:-2])


def read_pending(ref: str, body: bytes) -> Pending | None:
    """The signature that a pending tag carries, or None when it carries none that holds."""
    message = body.partition(b"\n\n")[2]
    try:
        value = read_canonical(message.partition(b"\n\n")[2].removesuffix(b"\n"))
        if not isinstance(value, dict) or set(value) != _FIELDS or value["schema"] != SCHEMA:
            return None
        found = Pending(value["statement"], value["namespace"], value["key"], value["signature"])
        if found.namespace not in {NAMESPACE_STATEMENT, NAMESPACE_POSSESSION} or not _is_sound(found, ref):
            return None
        verify_entry(found.entry, strict_canonical(dict(found.statement)), found.namespace)
    except (CalibgitError, TypeError, ValueError):
        return None
    return found


def _is_sound(found: Pending, ref: str) -> bool:
    texts = (found.key, found.signature)
    if not isinstance(found.statement, dict) or not all(isinstance(text, str) for text in texts):
        return False
    try:
        base64.b64decode(found.signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    return _NAME.fullmatch(ref) is not None and found.ref == ref and statement(found.statement) == found.statement


def matching(pending: Iterable[Pending], payload: Mapping[str, Any], namespace: str) -> list[Pending]:
    """The signatures of exactly the statement of `payload`, by key."""
    wanted = statement(payload)
    found = {each.key: each for each in pending if each.namespace == namespace and each.statement == wanted}
    return [found[key] for key in sorted(found)]


def same_act(pending: Iterable[Pending], fields: Mapping[str, Any]) -> list[Pending]:
    """The signatures of statements that say all of `fields`; with them a writer finds the reason that was signed."""
    return [
        each
        for each in pending
        if all(each.statement.get(name) == value for name, value in fields.items())
        and each.namespace == NAMESPACE_STATEMENT
    ]


def act_of(pending: Pending) -> str:
    """What was co-signed, in a few words."""
    words = [str(pending.statement.get(field, "")) for field in ("kind", "line", "version", "env")]
    return " ".join(word for word in words if word)


def stale(pending: Pending, state: RegistryState, policy: Policy) -> str:
    """Why no writer will ever embed the signature; empty while one may.

    Args:
        pending: the signature.
        state: the log as it is now.
        policy: in force.
    """
    said, by_person = pending.statement, pending.namespace == NAMESPACE_STATEMENT
    reasons = {
        "the registry is sealed": said.get("kind") == "genesis",
        "it is for another registry": said.get("registry") != state.registry,
        "it is written": digest(said) in state.statements,
        "the policy has changed since": said.get("policy_sha256") != state.policy_sha256,
        "its key is not in the policy": by_person and policy.person_of_key(pending.key) is None,
        "its key has ended": policy.key_ended(pending.key, state.seq + 1),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
