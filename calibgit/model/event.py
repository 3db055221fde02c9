"""One event of the registry: the fields of its signed payload, and which kind must, may or must not carry them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from calibgit.errors import IntegrityError
from calibgit.model.ids import TAG_NAMESPACE, Version, is_name, release_name, revert_name, slot_name

SCHEMA: Final = "calibgit/event/1"
NAMESPACE_GIT: Final = "git"
NAMESPACE_STATEMENT: Final = "calibgit-statement"
MAX_EVENT_BYTES: Final = 256 * 1024
UNSIGNED_FIELDS: Final = ("seq", "prev", "at", "refs", "branch", "report_sha256", "cosignatures")

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
}
KINDS: Final = tuple(REQUIRED)
WITH_FILE: Final = frozenset({"genesis", "policy", "release", "activate", "revert", "deprecate"})
WITH_REASON: Final = frozenset({"reject", "revert", "deprecate"})
OVERRIDES: Final = ("again", "breaking")

_OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_VERSION = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.(?:0|[1-9][0-9]{0,8})){2}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_AT = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_BRANCH = re.compile(r"refs/heads/[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
MAX_REASON = 2000


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
    names = [slot]
    if payload["kind"] == "release":
        names.append(release_name(payload["line"], Version.parse(payload["version"])))
    if payload["kind"] == "revert":
        names.append(revert_name(payload["line"], Version.parse(payload["from_version"]), payload["seq"]))
    return sorted(TAG_NAMESPACE.removesuffix("calib/") + name for name in names), names[-1]


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
        if not _CHECKS[name](value):
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


def _matches(pattern: re.Pattern[str]) -> Any:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_sha(value: Any) -> bool:
    return isinstance(value, str) and _SHA256.fullmatch(value) is not None


def _is_oid(value: Any) -> bool:
    return isinstance(value, str) and _OID.fullmatch(value) is not None


def _is_count(value: Any) -> bool:
    return type(value) is int and value >= 0


def _is_version(value: Any) -> bool:
    return isinstance(value, str) and _VERSION.fullmatch(value) is not None


def _fields(**checks: Any) -> Any:
    return lambda value: (
        isinstance(value, dict) and set(value) == set(checks) and all(checks[k](v) for k, v in value.items())
    )


def _list_of(check: Any) -> Any:
    return lambda value: isinstance(value, list) and all(check(item) for item in value)


def _is_target(value: Any) -> bool:
    checks = {"commit": _is_oid, "path": _matches(_PATH), "sha256": _is_sha, "size": _is_count}
    return isinstance(value, dict) and set(value) <= set(checks) and all(checks[k](v) for k, v in value.items())


def _is_moment(value: Any) -> bool:
    if not isinstance(value, str) or _AT.fullmatch(value) is None:
        return False
    try:
        datetime.strptime(value, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return True


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_REASON


def _is_person(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 254


_is_approval = _fields(
    kind=lambda value: value == "merge-signed",
    base=_is_oid,
    head=_is_oid,
    merge=_is_oid,
    initiator=_is_person,
    summary_sha256=_is_sha,
    authors=_list_of(_is_person),
    approvers=_list_of(_is_person),
)
_is_baseline = _fields(
    line=lambda value: isinstance(value, str) and is_name(value),
    version=_is_version,
    path=_matches(_PATH),
    sha256=_is_sha,
    size=_is_count,
    envs=_list_of(lambda value: isinstance(value, str) and is_name(value)),
)
_is_signed_by = _fields(
    key=_is_text,
    signature=lambda value: isinstance(value, str) and len(value) <= 8192 and _BASE64.fullmatch(value) is not None,
)

_CHECKS: Final[Mapping[str, Any]] = {
    "schema": lambda value: value == SCHEMA,
    "registry": lambda value: value is None or _is_sha(value),
    "seq": lambda value: type(value) is int and 1 <= value <= 99_999_999,
    "prev": lambda value: value is None or _fields(oid=_is_oid, sha256=_is_sha)(value),
    "kind": lambda value: value in REQUIRED,
    "line": lambda value: isinstance(value, str) and is_name(value),
    "version": _is_version,
    "env": lambda value: isinstance(value, str) and is_name(value),
    "from_version": _is_version,
    "refs": _list_of(lambda value: isinstance(value, str) and value.startswith(TAG_NAMESPACE)),
    "target": _is_target,
    "branch": _fields(ref=_matches(_BRANCH), head=_is_oid),
    "schema_sha256": _is_sha,
    "approval": _is_approval,
    "policy_sha256": _is_sha,
    "cosignatures": _list_of(_is_signed_by),
    "possession": _list_of(_is_signed_by),
    "expires": _is_moment,
    "void": _list_of(_fields(seq=lambda value: type(value) is int and value > 1, oid=_is_oid)),
    "reason": _is_text,
    "at": _is_moment,
    "baseline": _list_of(_is_baseline),
    "four_eyes": lambda value: isinstance(value, bool),
    "config_sha256": _is_sha,
    "report_sha256": _is_sha,
    "override": lambda value: (
        isinstance(value, list) and bool(value) and value == [name for name in OVERRIDES if name in value]
    ),
}
