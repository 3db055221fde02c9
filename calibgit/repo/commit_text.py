"""A commit as bytes: taken apart here and, in `repo.commits`, put together."""

from __future__ import annotations

import re
from dataclasses import dataclass

from calibgit.errors import IntegrityError

_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PERSON = re.compile(r"(?:(?P<name>[^<>\n]*) )?<(?P<email>[^<>\n]*)> (?P<when>[0-9]+) [+-][0-9]{4,}")
_SIGNATURE_HEADERS = {40: "gpgsig", 64: "gpgsig-sha256"}


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit's fields.

    Attributes:
        parents: object ids, first parent first.
        signature: the signature header's text, one line per line, ending with a newline; None when unsigned.
        signed_payload: the commit's bytes without signature headers: exactly what git signs.
    """

    oid: str
    tree: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    committer_name: str
    committer_email: str
    message: str
    signature: str | None
    signed_payload: bytes


def signature_header(sha_length: int) -> str:
    """The name of the header that holds a commit's signature."""
    return _SIGNATURE_HEADERS[sha_length]


def parse_commit(oid: str, raw: bytes) -> Commit:
    """Take the bytes of commit `oid` apart, separating signature and payload the way git does.

    Raises:
        IntegrityError: COMMIT_MALFORMED.
    """
    signature, payload = _split_signature(raw, signature_header(len(oid)).encode() + b" ")
    head, separator, message = payload.partition(b"\n\n")
    headers = [line.partition(" ") for line in head.decode("utf-8", "replace").split("\n")]
    names = [name for name, _, _ in headers]
    values = [value for _, _, value in headers]
    count = names.count("parent")
    if not separator or names[: count + 3] != ["tree", *["parent"] * count, "author", "committer"]:
        raise _malformed(oid)
    author, committer = _PERSON.fullmatch(values[count + 1]), _PERSON.fullmatch(values[count + 2])
    if author is None or committer is None or not all(_OID.fullmatch(v) for v in values[: count + 1]):
        raise _malformed(oid)
    return Commit(
        oid=oid,
        tree=values[0],
        parents=tuple(values[1 : count + 1]),
        author_name=author["name"] or "",
        author_email=author["email"],
        committer_name=committer["name"] or "",
        committer_email=committer["email"],
        message=message.decode("utf-8", "replace"),
        signature=None if signature is None else signature.decode("utf-8", "replace"),
        signed_payload=payload,
    )


def _split_signature(raw: bytes, own_header: bytes) -> tuple[bytes | None, bytes]:
    """Signature text and the rest. Several signatures are joined, as git does, and so verify as none."""
    head, separator, message = raw.partition(b"\n\n")
    signature: list[bytes] = []
    kept: list[bytes] = []
    inside = ""
    for line in head.split(b"\n"):
        if line.startswith(b" ") and inside:
            if inside == "own":
                signature.append(line[1:])
        elif line.startswith(own_header):
            inside = "own"
            signature.append(line.removeprefix(own_header))
        elif line.startswith(b"gpgsig"):
            inside = "other"
        else:
            inside = ""
            kept.append(line)
    text = b"".join(line + b"\n" for line in signature) if signature else None
    return text, b"\n".join(kept) + separator + message


def _malformed(oid: str) -> IntegrityError:
    return IntegrityError(
        "COMMIT_MALFORMED",
        f"commit {oid} does not have the shape of a commit",
        why="Two readers could read two meanings out of it.",
        fix=f"look at it with: git cat-file commit {oid}",
    )
