"""The bytes of a tag object: written byte by byte, read strictly (verification step 2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from calibgit.errors import DocumentError, IntegrityError
from calibgit.model.canonical import read_canonical, sha256_hex, strict_canonical
from calibgit.model.event import Event, expected_refs, malformed, require_payload

BEGIN = b"-----BEGIN SSH SIGNATURE-----\n"
END = b"-----END SSH SIGNATURE-----\n"

_HEADER = re.compile(
    rb"object (?P<object>[0-9a-f]{40}(?:[0-9a-f]{24})?)\n"
    rb"type (?P<type>commit)\n"
    rb"tag (?P<tag>[a-z0-9./-]{1,120})\n"
    rb"tagger (?P<tagger>[^\x00-\x1f<>]{1,200} <[^\x00-\x20<>]{1,254}> -?[0-9]{1,12} [+-][0-9]{4})\n"
    rb"\n"
)


def subject(payload: Mapping[str, Any]) -> str:
    """The line for people that opens the message."""
    kind, line = payload["kind"], payload.get("line", "")
    version, env = payload.get("version", ""), payload.get("env", "")
    texts = {
        "genesis": "calibgit: registry starts",
        "policy": "calibgit: new policy in force",
        "release": f"calibgit: release {line} v{version}",
        "reject": f"calibgit: reject {line} v{version}",
        "activate": f"calibgit: activate {line} v{version} in {env}",
        "revert": f"calibgit: roll back {line} in {env} from v{payload.get('from_version', '')} to v{version}",
        "deprecate": f"calibgit: deprecate {line} v{version}",
        "checkpoint": "calibgit: checkpoint",
        "void": f"calibgit: void {len(payload.get('void', ()))} occupied slots",
        "ratify": f"calibgit: ratify the rollback of {line} in {env} by event {payload.get('ratifies', {}).get('seq')}",
    }
    return texts[kind]


def message(payload: Mapping[str, Any]) -> bytes:
    """Subject, empty line, one line of canonical JSON: the part of the body that people and machines read."""
    return subject(payload).encode() + b"\n\n" + strict_canonical(dict(payload)) + b"\n"


def parse_event(oid: str, body: bytes) -> Event:
    """Read the body of a tag object. Nothing is believed yet.

    Raises:
        IntegrityError: MALFORMED, UNSIGNED, SIGNATURE_FORMAT or TARGET_TYPE.
    """
    header = _HEADER.match(body)
    if header is None:
        if re.match(rb"object [0-9a-f]+\ntype (?:blob|tree|tag)\n", body):
            raise IntegrityError(
                "TARGET_TYPE",
                "the tag does not name a commit",
                why="An event must name the commit that it speaks of.",
                fix="find out who pushed it; only calibgit writes events",
            )
        raise malformed("the tag's header is not the one that calibgit writes")
    text, begin, rest = body[header.end() :].partition(BEGIN)
    if not begin:
        code = "SIGNATURE_FORMAT" if b"-----BEGIN " in body else "UNSIGNED"
        raise IntegrityError(
            code,
            "the tag carries no SSH signature",
            why="Only a signed tag says who wrote it.",
            fix="find out who pushed it; only calibgit writes events",
        )
    if not rest.endswith(END) or rest.count(b"-----") != 2:
        raise malformed("there is something besides one signature block at the end")
    payload = _parse_message(text)
    _require_header(header, payload)
    _require_ids(payload, len(oid))
    return Event(
        oid=oid,
        sha256=sha256_hex(body),
        payload=payload,
        signed=body[: len(body) - len(rest) - len(begin)],
        signature=begin + rest,
    )


def _parse_message(text: bytes) -> Mapping[str, Any]:
    head, separator, line = text.partition(b"\n\n")
    if not separator or b"\n" in head or not line.endswith(b"\n") or line.count(b"\n") != 1:
        raise malformed("the message is not a subject, an empty line and one line of JSON")
    try:
        value = read_canonical(line[:-1])
    except DocumentError as error:
        raise malformed(f"the payload is not canonical JSON: {error.what}") from error
    payload = require_payload(value)
    if head != subject(payload).encode():
        raise malformed("the subject says something else than the payload")
    return payload


def _require_ids(payload: Mapping[str, Any], digits: int) -> None:
    """Every object id has the repository's own length: of another one git would make the name of a branch."""
    approval = payload.get("approval", {})
    named = [approval.get(name) for name in ("base", "head", "merge")]
    named += [payload["target"]["commit"], payload["branch"]["head"], (payload["prev"] or {}).get("oid")]
    if any(oid is not None and len(oid) != digits for oid in named):
        raise malformed("an object id has another length than those of this repository")


def _require_header(header: re.Match[bytes], payload: Mapping[str, Any]) -> None:
    if header["tag"].decode() != expected_refs(payload)[1]:
        raise IntegrityError(
            "NAME_MISMATCH",
            "the tag's own name is not the one that its payload asks for",
            why="A signed tag under another name would say something that nobody signed.",
            fix="find out who pushed it; only calibgit writes events",
        )
    if header["object"].decode() != payload["target"]["commit"]:
        raise malformed("the tag points at another commit than its payload")
