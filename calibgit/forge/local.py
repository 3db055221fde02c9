"""Merge requests kept as refs of a bare remote: for the demo, for tests, and for teams without a code host.

`refs/calibgit/merge-requests/<number>` names a blob of canonical JSON. Whether one is merged is not stored: it is
read off the target branch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from calibgit.errors import Conflict, DocumentError, UsageError
from calibgit.forge.base import RefStore
from calibgit.model.canonical import canonical_json, read_json
from calibgit.model.review import MergeRequest

_ROOT = "refs/calibgit/merge-requests/"
_SCHEMA = "calibgit/merge-request/1"
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TEXT_FIELDS = ("branch", "target", "head", "title", "body", "opener", "state")
_MAX_TEXT = 60_000
_ATTEMPTS = 50


class LocalForge:
    """A `Forge` over a `RefStore`; see there for the errors."""

    def __init__(self, store: RefStore) -> None:
        self._store = store

    def open(self, *, branch: str, target: str, head: str, title: str, body: str, opener: str) -> MergeRequest:
        """Open a merge request under the next free number; a number lost to another writer is no error."""
        for _ in range(_ATTEMPTS):
            known = self._read_all()
            if any(request.branch == branch and request.state == "open" for request, _, _ in known.values()):
                raise Conflict(
                    "MERGE_REQUEST_EXISTS",
                    f"the branch {branch} has an open merge request",
                    why="One branch carries one proposal.",
                    fix="update it instead, or close it first",
                )
            request = MergeRequest(max(known, default=0) + 1, branch, target, head, title, body, opener)
            try:
                self._store.write(_ref(request.number), _encode(request), None)
            except Conflict as conflict:
                if conflict.code != "REF_TAKEN":
                    raise
                continue
            return request
        raise Conflict(
            "REF_TAKEN",
            f"{_ATTEMPTS} other writers took the next number first",
            why="Every merge request needs a number of its own.",
            fix="run the command again",
        )

    def find(self, branch: str) -> MergeRequest | None:
        """The newest merge request of `branch`."""
        found = [request for request in self.list() if request.branch == branch]
        return found[-1] if found else None

    def list(self) -> Sequence[MergeRequest]:
        """All merge requests, by number."""
        return [request for _, (request, _, _) in sorted(self._read_all().items())]

    def update(
        self, number: int, *, head: str | None = None, title: str | None = None, body: str | None = None
    ) -> MergeRequest:
        """Change what is given, provided that nobody else changed it since it was read."""
        request, oid, reason = self._require(number)
        if request.state != "open":
            raise _ended(request)
        changed = replace(
            request,
            head=request.head if head is None else head,
            title=request.title if title is None else title,
            body=request.body if body is None else body,
        )
        if changed != request:
            self._store.write(_ref(number), _encode(changed, reason), oid)
        return changed

    def close(self, number: int, reason: str) -> MergeRequest:
        """Close without merging; the reason is kept in the document."""
        request, oid, _ = self._require(number)
        if request.state == "merged":
            raise _ended(request)
        if request.state == "closed":
            return request
        closed = replace(request, state="closed")
        self._store.write(_ref(number), _encode(closed, reason), oid)
        return closed

    def _require(self, number: int) -> tuple[MergeRequest, str, str]:
        known = self._read_all()
        if number not in known:
            raise UsageError(
                "NO_MERGE_REQUEST",
                f"there is no merge request {number}",
                why="Numbers are given by the remote.",
                fix="list them with: git ls-remote origin 'refs/calibgit/merge-requests/*'",
            )
        return known[number]

    def _read_all(self) -> dict[int, tuple[MergeRequest, str, str]]:
        """Number to request, blob id and closing reason."""
        oids = {
            int(name.removeprefix(_ROOT)): oid
            for name, oid in self._store.refs(_ROOT).items()
            if _NUMBER.fullmatch(name.removeprefix(_ROOT))
        }
        blobs = self._store.read(sorted(set(oids.values())))
        stored = {number: _decode(number, blobs.get(oid, b"")) for number, oid in oids.items()}
        merged: dict[tuple[str, str], bool] = {}
        for target in sorted({request.target for request, _ in stored.values()}):
            heads = sorted({r.head for r, _ in stored.values() if r.target == target and r.state == "open"})
            answers = self._store.is_merged(target, heads) if heads else {}
            merged |= {(target, head): answer for head, answer in answers.items()}
        return {
            number: (_with_state(request, merged.get((request.target, request.head), False)), oids[number], why)
            for number, (request, why) in stored.items()
        }


def _with_state(request: MergeRequest, merged: bool) -> MergeRequest:  # noqa: FBT001
    return replace(request, state="merged") if merged and request.state == "open" else request


def _ref(number: int) -> str:
    return f"{_ROOT}{number}"


def _encode(request: MergeRequest, reason: str = "") -> bytes:
    document = {**asdict(request), "reason": reason, "schema": _SCHEMA}
    sound = all(len(document[field]) <= _MAX_TEXT for field in (*_TEXT_FIELDS, "reason"))
    if not sound or not request.branch or not request.target or _OID.fullmatch(request.head) is None:
        raise UsageError(
            "BAD_MERGE_REQUEST",
            f"a merge request for {request.branch[:80]!r} lacks a branch or commit, or its text is too long",
            why="Reviewers have to find the exact commit and read the text.",
            fix=f"give a branch, a target and a whole commit id, and at most {_MAX_TEXT:,} characters of text",
        )
    return canonical_json(document)


def _decode(number: int, data: bytes) -> tuple[MergeRequest, str]:
    document: Any = read_json(data, f"merge request {number}")
    fields = ("number", "reason", "schema", *_TEXT_FIELDS)
    good = (
        isinstance(document, dict)
        and set(document) == set(fields)
        and document["schema"] == _SCHEMA
        and document["number"] == number
        and not isinstance(document["number"], bool)
        and all(isinstance(document[field], str) for field in (*_TEXT_FIELDS, "reason"))
        and document["state"] in {"open", "closed"}
        and _OID.fullmatch(document["head"]) is not None
    )
    if not good:
        raise DocumentError(
            "BAD_MERGE_REQUEST",
            f"the document of merge request {number} does not keep its schema",
            why="It decides what reviewers see.",
            fix=f"git push origin :{_ref(number)}",
        )
    values = {field: document[field] for field in _TEXT_FIELDS}
    return MergeRequest(number=number, **values), document["reason"]


def _ended(request: MergeRequest) -> Conflict:
    return Conflict(
        "MERGE_REQUEST_ENDED",
        f"merge request {request.number} is {request.state}",
        why="What has ended is history.",
        fix="open a new one",
    )
