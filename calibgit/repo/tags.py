"""A tag object as bytes. Nothing here strips or wraps: what goes in is what is signed."""

from __future__ import annotations

from calibgit.errors import UsageError
from calibgit.repo.identity import Identity
from calibgit.repo.repository import require_oid, require_ref

_KINDS = frozenset({"commit", "tag", "tree", "blob"})


def tag_object(
    *, object_oid: str, object_kind: str = "commit", tag: str, tagger: Identity, when: int, message: bytes
) -> bytes:
    """The exact bytes of a tag object, without git's object header.

    Args:
        object_oid: what the tag points at.
        object_kind: commit, tag, tree or blob.
        tag: name below refs/tags/.
        tagger: who made it.
        when: seconds since 1970 in UTC.
        message: everything after the empty line; already holds payload and signature.

    Raises:
        UsageError: BAD_OBJECT_ID, BAD_REF_NAME, BAD_TAG_OBJECT.
    """
    require_ref(f"refs/tags/{tag}")
    if object_kind not in _KINDS or when < 0 or b"\x00" in message:
        raise UsageError("BAD_TAG_OBJECT", f"the tag {tag} has a kind, a time or a text that git does not allow")
    header = f"object {require_oid(object_oid)}\ntype {object_kind}\ntag {tag}\ntagger {tagger} {when} +0000\n\n"
    return header.encode() + message
