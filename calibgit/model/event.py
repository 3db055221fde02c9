"""One event of the registry: the fields of its signed payload, and which kind must, may or must not carry them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from calibgit.errors import IntegrityError
from calibgit.model.event_fields import CHECKS, OVERRIDES, SCHEMA
from calibgit.model.ids import TAG_NAMESPACE, Version, release_name, revert_name, slot_name

__all__ = [
    "KINDS",
    "MAX_EVENT_BYTES",
    "NAMESPACE_GIT",
    "NAMESPACE_POSSESSION",
    "NAMESPACE_STATEMENT",
    "OPTIONAL",
    "OVERRIDES",
    "REQUIRED",
    "SCHEMA",
    "Event",
    "expected_refs",
    "malformed",
    "require_payload",
    "statement",
]

NAMESPACE_GIT: Final = "git"
NAMESPACE_STATEMENT: Final = "calibgit-statement"
NAMESPACE_POSSESSION: Final = "calibgit-possession"
MAX_EVENT_BYTES: Final = 256 * 1024
_TAGS: Final = TAG_NAMESPACE.removesuffix("calib/")
UNSIGNED_FIELDS: Final = ("seq", "prev", "at", "refs", "branch", "report_sha256", "cosignatures", "possession")

_COMMON = frozenset(
    {"schema", "registry", "seq", "prev", "kind", "refs", "target", "branch", "policy_sha256", "reason", "at"}
)
_VERSIONED = frozenset({"line", "version"})

REQUIRED: Final[Mapping[str, frozenset[str]]] = {
    "genesis": _COMMON | {"baseline", "four_eyes"},
    "policy": _COMMON | {"possession"},
    "release": _COMMON | _VERSIONED | {"schema_sha256", "approval"},
    "reject": _COMMON | _VERSIONED | {"config_sha256"},
    "activate": _COMMON | _VERSIONED | {"env"},
    "revert": _COMMON | _VERSIONED | {"env", "from_version", "report_sha256"},
    "deprecate": _COMMON | _VERSIONED,
    "checkpoint": _COMMON | {"expires"},
    "void": _COMMON | {"void"},
    "ratify": _COMMON | {"line", "env", "ratifies"},
}
_ANY: frozenset[str] = frozenset({"cosignatures"})
OPTIONAL: Final[Mapping[str, frozenset[str]]] = {
    "genesis": _ANY,
    "policy": _ANY,
    "release": _ANY,
    "reject": _ANY,
    "activate": _ANY | {"from_version", "override"},
    "revert": _ANY,
    "deprecate": _ANY,
    "checkpoint": _ANY,
    "void": _ANY,
    "ratify": _ANY,
}
KINDS: Final = tuple(REQUIRED)
WITH_FILE: Final = frozenset({"genesis", "policy", "release", "activate", "revert", "deprecate"})
WITH_REASON: Final = frozenset({"reject", "revert", "deprecate", "void", "ratify", "policy"})


@dataclass(frozen=True, slots=True)
class Event:
    """A parsed event. `payload` has passed `require_payload`; whether it may be believed is the verifier's matter.

    Attributes:
        oid: object id of the tag object.
        sha256: digest of the tag object's whole body: what `prev` and the trust root name.
        payload: the signed fields.
        signed: the bytes that the signature covers.
        signature: the armoured SSHSIG block.
    """

    oid: str
    sha256: str
    payload: Mapping[str, Any]
    signed: bytes
    signature: bytes

    @property
    def seq(self) -> int:
        """Position in the log, from 1."""
        return int(self.payload["seq"])

    @property
    def kind(self) -> str:
        """One of KINDS."""
        return str(self.payload["kind"])

    @property
    def line(self) -> str:
        """The line that a versioned event belongs to; empty for the others."""
        return str(self.payload.get("line", ""))

    @property
    def version(self) -> Version:
        """The version that a versioned event names."""
        return Version.parse(self.payload["version"])

    @property
    def env(self) -> str:
        """The environment, or an empty text."""
        return str(self.payload.get("env", ""))

    @property
    def at(self) -> str:
        """When the writer's clock said it was written; information only."""
        return str(self.payload["at"])


def expected_refs(payload: Mapping[str, Any]) -> tuple[list[str], str]:
    """The complete sorted ref list of an event, and the name that its git header carries."""
    slot = slot_name(payload["seq"])
    if payload["kind"] == "release":
        friendly = release_name(payload["line"], Version.parse(payload["version"]))
    elif payload["kind"] == "revert":
        friendly = revert_name(payload["line"], Version.parse(payload["from_version"]), payload["seq"])
    else:
        return [_TAGS + slot], slot
    return sorted((_TAGS + slot, _TAGS + friendly)), friendly


def statement(payload: Mapping[str, Any]) -> dict[str, Any]:
    """What a co-signer signs: the payload without its place in the log, so that a lost race keeps signatures.

    What is left out says where and when the event lies, or follows from that. A statement counts once: the state
    machine refuses a co-signed statement that the log holds already.
    """
    return {key: value for key, value in payload.items() if key not in UNSIGNED_FIELDS}


def require_payload(payload: Any) -> Mapping[str, Any]:
    """Check the fields of a payload against the table of its kind.

    Raises:
        IntegrityError: MALFORMED.
    """
    if not isinstance(payload, dict) or payload.get("schema") != SCHEMA:
        raise malformed(f"the payload is not {SCHEMA}")
    kind = payload.get("kind")
    if not isinstance(kind, str) or kind not in REQUIRED:
        raise malformed("the kind is unknown")
    missing = REQUIRED[kind] - payload.keys()
    if missing:
        raise malformed(f"a {kind} event lacks {min(missing)}")
    extra = payload.keys() - REQUIRED[kind] - OPTIONAL[kind]
    if extra:
        raise malformed(f"a {kind} event may not carry {min(extra)[:40]!r}")
    for name, value in payload.items():
        if name != "kind" and not CHECKS[name](value):
            raise malformed(f"the field {name} has a wrong value")
    _require_shape(kind, payload)
    return payload


def _require_shape(kind: str, payload: Mapping[str, Any]) -> None:
    first = kind == "genesis"
    if (payload["registry"] is None) != first or (payload["prev"] is None) != first:
        raise malformed("only genesis has no registry and no predecessor")
    if (payload["seq"] == 1) != first:
        raise malformed("genesis is event 1, and nothing else is")
    if set(payload["target"]) != ({"commit", "path", "sha256", "size"} if kind in WITH_FILE else {"commit"}):
        raise malformed(f"the target of a {kind} event has other fields")
    if not payload["reason"].strip() and (kind in WITH_REASON or "override" in payload):
        raise malformed(f"a {kind} event needs a reason")
    if kind == "void":
        first_void = payload["seq"] - len(payload["void"])
        if [entry["seq"] for entry in payload["void"]] != list(range(first_void, payload["seq"])):
            raise malformed("a void event does not list every slot since its predecessor")
    if payload["refs"] != expected_refs(payload)[0]:
        raise malformed("refs is not the complete, sorted list of the event's names")


def malformed(what: str) -> IntegrityError:
    """The named error for an event that cannot be read."""
    return IntegrityError(
        "MALFORMED",
        what,
        why="An event that can be read in two ways could be believed in two ways.",
        fix="find out who pushed it; only calibgit writes events",
    )
