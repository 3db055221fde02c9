"""The door to a code host: merge requests, and nothing else. People merge; a forge never does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from calibgit.model.review import MergeRequest, Review, Verdict


class Forge(Protocol):
    """A code host.

    Every method raises EnvironmentFault REMOTE_UNREACHABLE or REMOTE_REFUSED when the host does not do its part.

    Attributes:
        host: name of the code host, e.g. `github.com`; `local` for merge requests kept on a bare remote.
        repository: name of the repository there.
    """

    host: str
    repository: str

    def open(self, *, branch: str, target: str, head: str, title: str, body: str, opener: str) -> MergeRequest:
        """Open a merge request for `branch`, which has been pushed.

        Args:
            branch: short name of the branch to merge.
            target: short name of the branch to merge into.
            head: object id of the branch's tip.
            title: one line for people.
            body: Markdown for people.
            opener: login of whoever opens it; a host that knows better says so in the result.

        Raises:
            Conflict: MERGE_REQUEST_EXISTS when an open one for the branch exists.
            UsageError: BAD_MERGE_REQUEST.
        """
        ...

    def find(self, branch: str) -> MergeRequest | None:
        """The newest merge request of `branch`, whatever its state; None when there is none."""
        ...

    def list(self) -> Sequence[MergeRequest]:
        """All merge requests, by number."""
        ...

    def update(
        self, number: int, *, head: str | None = None, title: str | None = None, body: str | None = None
    ) -> MergeRequest:
        """Change what is given and return the result; `head` follows a push to the branch.

        Raises:
            UsageError: NO_MERGE_REQUEST.
            Conflict: MERGE_REQUEST_ENDED when it is merged or closed; REF_MOVED when somebody else changed it.
        """
        ...

    def close(self, number: int, reason: str) -> MergeRequest:
        """Close without merging, with a `reason` that people can read; closing a closed one changes nothing.

        Raises:
            UsageError: NO_MERGE_REQUEST.
            Conflict: MERGE_REQUEST_ENDED when it is merged.
        """
        ...

    def reviews(self, number: int) -> Sequence[Review]:
        """What people said of the request, in the order they said it.

        Raises:
            UsageError: NO_MERGE_REQUEST.
        """
        ...

    def review(self, number: int, *, reviewer: str, verdict: Verdict, head: str) -> None:
        """Say something of the request's head. A host where people review by themselves refuses.

        Raises:
            UsageError: NO_MERGE_REQUEST, REVIEW_THERE.
            Conflict: HEAD_MOVED when `head` is not what the request holds now; MERGE_REQUEST_ENDED.
        """
        ...


class RefStore(Protocol):
    """What the local forge needs of a remote: small documents under ref names, set by compare and swap."""

    def refs(self, prefix: str) -> Mapping[str, str]:
        """Full names and object ids of the remote's refs below `prefix`, which ends in a slash."""
        ...

    def read(self, oids: Sequence[str]) -> Mapping[str, bytes]:
        """Contents of the blobs; an id that names no small blob is left out."""
        ...

    def write(self, name: str, data: bytes, expected: str | None) -> None:
        """Point the ref `name` to a blob of `data`, provided that it holds `expected` now (None: nothing).

        Raises:
            Conflict: REF_TAKEN, REF_MOVED.
        """
        ...

    def is_merged(self, target: str, heads: Sequence[str]) -> Mapping[str, bool]:
        """Which of the commits `heads` the remote's branch `target` (short name) contains."""
        ...
