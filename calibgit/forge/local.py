"""Merge requests kept as refs of a bare remote: for the demo, for tests, and for teams without a code host.

`refs/calibgit/merge-requests/<number>` names a blob of canonical JSON. Whether one is merged is not stored: it is
read off the target branch.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

from calibgit.errors import Conflict, DocumentError, UsageError
from calibgit.forge.base import RefStore
from calibgit.model.canonical import canonical_json, read_json
from calibgit.model.review import MergeRequest, Review, Verdict

_ROOT = "refs/calibgit/merge-requests/"
_SCHEMA = "calibgit/merge-request/1"
_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_OID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_TEXT_FIELDS = ("branch", "target", "head", "title", "body", "opener", "state")
_MAX_TEXT = 60_000
_ATTEMPTS = 50


@dataclass(frozen=True, slots=True)
class _Stored:
    """A document of the remote: the request, its blob id, the closing reason, the reviews."""

    request: MergeRequest
    oid: str
    reason: str
    reviews: tuple[Review, ...]


class LocalForge:
    """A `Forge` over a `RefStore`; see there for the errors. Whoever may push may review under any name here."""

    host = "local"

    def __init__(self, store: RefStore, repository: str = "local") -> None:
        self._store = store
        self.repository = repository

    def open(self, *, branch: str, target: str, head: str, title: str, body: str, opener: str) -> MergeRequest:
        """Open a merge request under the next free number; a number lost to another writer is no error."""
        for _ in range(_ATTEMPTS):
            known = self._read_all()
            if any(each.request.branch == branch and each.request.state == "open" for each in known.values()):
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
        return [each.request for _, each in sorted(self._read_all().items())]

    def update(
        self, number: int, *, head: str | None = None, title: str | None = None, body: str | None = None
    ) -> MergeRequest:
        """Change what is given, provided that nobody else changed it since it was read."""
        stored = self._require(number)
        request = stored.request
        if request.state != "open":
            raise _ended(request)
        changed = replace(
            request,
            head=request.head if head is None else head,
            title=request.title if title is None else title,
            body=request.body if body is None else body,
        )
        if changed != request:
            self._store.write(_ref(number), _encode(changed, stored.reason, stored.reviews), stored.oid)
        return changed

    def close(self, number: int, reason: str) -> MergeRequest:
        """Close without merging; the reason is kept in the document."""
        stored = self._require(number)
        request = stored.request
        if request.state == "merged":
            raise _ended(request)
        if request.state == "closed":
            return request
        closed = replace(request, state="closed")
        self._store.write(_ref(number), _encode(closed, reason, stored.reviews), stored.oid)
        return closed

    def reviews(self, number: int) -> Sequence[Review]:
        """What people said of the request."""
        return self._require(number).reviews

    def review(self, number: int, *, reviewer: str, verdict: Verdict, head: str) -> None:
        """Store a review of the current head."""
        stored = self._require(number)
        if stored.request.state != "open":
            raise _ended(stored.request)
        if stored.request.head != head:
            raise Conflict(
                "HEAD_MOVED",
                f"merge request {number} holds {stored.request.head[:12]} now, not {head[:12]}",
                why="A review is about exactly one commit.",
                fix="look at the new commit, then review that",
            )
        reviews = (*stored.reviews, Review(reviewer, verdict, head))
        self._store.write(_ref(number), _encode(stored.request, stored.reason, reviews), stored.oid)

    def _require(self, number: int) -> _Stored:
        known = self._read_all()
        if number not in known:
            raise UsageError(
                "NO_MERGE_REQUEST",
                f"there is no merge request {number}",
                why="Numbers are given by the remote.",
                fix="list them with: git ls-remote origin 'refs/calibgit/merge-requests/*'",
            )
        return known[number]

    def _read_all(self) -> dict[int, _Stored]:
        """What is stored, by number."""
        oids = {
            int(name.removeprefix(_ROOT)): oid
            for name, oid in self._store.refs(_ROOT).items()
            if _NUMBER.fullmatch(name.removeprefix(_ROOT))
        }
        blobs = self._store.read(sorted(set(oids.values())))
        stored = {number: _decode(number, blobs.get(oid, b"")) for number, oid in oids.items()}
        merged: dict[tuple[str, str], bool] = {}
        requests = [request for request, _, _ in stored.values()]
        for target in sorted({request.target for request in requests}):
            heads = sorted({r.head for r in requests if r.target == target and r.state == "open"})
            answers = self._store.is_merged(target, heads) if heads else {}
            merged |= {(target, head): answer for head, answer in answers.items()}
        return {
            number: _Stored(
                _with_state(request, merged.get((request.target, request.head), False)), oids[number], why, reviews
            )
            for number, (request, why, reviews) in stored.items()
        }


def _with_state(request: MergeRequest, merged: bool) -> MergeRequest:  # noqa: FBT001
    return replace(request, state="merged") if merged and request.state == "open" else request


def _ref(number: int) -> str:
    return f"{_ROOT}{number}"


def _encode(request: MergeRequest, reason: str = "", reviews: Sequence[Review] = ()) -> bytes:
    said = [asdict(review) for review in reviews]
    document = {**asdict(request), "reason": reason, "reviews": said, "schema": _SCHEMA}
    sound = all(len(document[field]) <= _MAX_TEXT for field in (*_TEXT_FIELDS, "reason"))
    if not sound or not request.branch or not request.target or _OID.fullmatch(request.head) is None:
        raise UsageError(
            "BAD_MERGE_REQUEST",
            f"a merge request for {request.branch[:80]!r} lacks a branch or commit, or its text is too long",
            why="Reviewers have to find the exact commit and read the text.",
            fix=f"give a branch, a target and a whole commit id, and at most {_MAX_TEXT:,} characters of text",
        )
    return canonical_json(document)


def _decode(number: int, data: bytes) -> tuple[MergeRequest, str, tuple[Review, ...]]:
    document: Any = read_json(data, f"merge request {number}")
    fields = ("number", "reason", "reviews", "schema", *_TEXT_FIELDS)
    good = (
        isinstance(document, dict)
        and set(document) == set(fields)
        and document["schema"] == _SCHEMA
        and document["number"] == number
        and not isinstance(document["number"], bool)
        and all(isinstance(document[field], str) for field in (*_TEXT_FIELDS, "reason"))
        and document["state"] in {"open", "closed"}
        and _OID.fullmatch(document["head"]) is not None
        and isinstance(document["reviews"], list)
        and all(_is_review(review) for review in document["reviews"])
    )
    if not good:
        raise DocumentError(
            "BAD_MERGE_REQUEST",
            f"the document of merge request {number} does not keep its schema",
            why="It decides what reviewers see.",
            fix=f"git push origin :{_ref(number)}",
        )
    values = {field: document[field] for field in _TEXT_FIELDS}
    return MergeRequest(number=number, **values), document["reason"], tuple(Review(**r) for r in document["reviews"])


def _is_review(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"reviewer", "verdict", "head"}
        and all(isinstance(item, str) for item in value.values())
        and value["verdict"] in get_args(Verdict)
        and _OID.fullmatch(value["head"]) is not None
    )


def _ended(request: MergeRequest) -> Conflict:
    return Conflict(
        "MERGE_REQUEST_ENDED",
        f"merge request {request.number} is {request.state}",
        why="What has ended is history.",
        fix="open a new one",
    )
