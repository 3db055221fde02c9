"""What each field of an event's payload may hold. Pure checks, one per field; `CHECKS` is the table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from operator import call, itemgetter
from typing import Any, Final

from calibgit.model.ids import TAG_NAMESPACE, is_name

SCHEMA: Final = "calibgit/event/1"
OVERRIDES: Final = ("again", "breaking")
MAX_REASON: Final = 2000
MAX_SEQ: Final = 99_999_999

_OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_VERSION = re.compile(r"(?:0|[1-9][0-9]{0,8})(?:\.(?:0|[1-9][0-9]{0,8})){2}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_AT = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z")
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_BRANCH = re.compile(r"refs/heads/[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.:-]{0,198}[a-z0-9])?")
_REPOSITORY = re.compile(r"[A-Za-z0-9._-]{1,100}(/[A-Za-z0-9._-]{1,100}){0,5}")


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
    names, each, values = checks.keys(), tuple(checks.values()), itemgetter(*checks)
    return lambda value: isinstance(value, dict) and value.keys() == names and all(map(call, each, values(value)))


def _list_of(check: Any) -> Any:
    return lambda value: isinstance(value, list) and all(map(check, value))


_TARGET: Final = {"commit": _is_oid, "path": _matches(_PATH), "sha256": _is_sha, "size": _is_count}


def _is_target(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() <= _TARGET.keys() and all(_TARGET[k](v) for k, v in value.items())


def _is_moment(value: Any) -> bool:
    if not isinstance(value, str) or _AT.fullmatch(value) is None:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_REASON


def _is_person(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 254


_EVIDENCE: Final = {
    "base": _is_oid,
    "head": _is_oid,
    "merge": _is_oid,
    "initiator": _is_person,
    "summary_sha256": _is_sha,
    "authors": _list_of(_is_person),
    "approvers": _list_of(_is_person),
}
_is_merge_signed = _fields(kind=lambda value: value == "merge-signed", **_EVIDENCE)
_is_github_pr = _fields(
    kind=lambda value: value == "github-pr",
    forge=_fields(
        host=_matches(_HOST), repository=_matches(_REPOSITORY), number=lambda value: type(value) is int and value > 0
    ),
    opener=_is_person,
    **_EVIDENCE,
)
_is_baseline = _fields(
    line=lambda value: isinstance(value, str) and is_name(value),
    version=_is_version,
    path=_matches(_PATH),
    sha256=_is_sha,
    size=_is_count,
    envs=_list_of(lambda value: isinstance(value, str) and is_name(value)),
)
_is_previous = _fields(oid=_is_oid, sha256=_is_sha)
_is_place = _fields(seq=lambda value: type(value) is int and value > 1, oid=_is_oid)
_is_signed_by = _fields(
    key=_is_text,
    signature=lambda value: isinstance(value, str) and len(value) <= 8192 and _BASE64.fullmatch(value) is not None,
)

CHECKS: Final[Mapping[str, Any]] = {
    "schema": lambda value: value == SCHEMA,
    "registry": lambda value: value is None or _is_sha(value),
    "seq": lambda value: type(value) is int and 1 <= value <= MAX_SEQ,
    "prev": lambda value: value is None or _is_previous(value),
    "line": lambda value: isinstance(value, str) and is_name(value),
    "version": _is_version,
    "env": lambda value: isinstance(value, str) and is_name(value),
    "from_version": _is_version,
    "refs": _list_of(lambda value: isinstance(value, str) and value.startswith(TAG_NAMESPACE)),
    "target": _is_target,
    "branch": _fields(ref=_matches(_BRANCH), head=_is_oid),
    "schema_sha256": _is_sha,
    "approval": lambda value: _is_merge_signed(value) or _is_github_pr(value),
    "policy_sha256": _is_sha,
    "cosignatures": _list_of(_is_signed_by),
    "possession": _list_of(_is_signed_by),
    "expires": _is_moment,
    "void": lambda value: _list_of(_is_place)(value) and bool(value),
    "ratifies": _fields(seq=lambda value: type(value) is int and value > 1, sha256=_is_sha),
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
