"""Small documents under ref names of a remote: the local forge's storage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calibgit.errors import EnvironmentFault
from calibgit.repo.history import is_ancestor, resolve
from calibgit.repo.objects import read_objects, write_object
from calibgit.repo.remote import Remote, fetch, push, remote_refs
from calibgit.repo.repository import Repository

_MAX_DOCUMENT_BYTES = 1024 * 1024
_SIZES_ONLY = -1


@dataclass(frozen=True, slots=True)
class RemoteRefStore:
    """Reads and writes through `repo`; no local ref is created.

    Every method raises EnvironmentFault REMOTE_UNREACHABLE or REMOTE_REFUSED when the remote does not answer.
    """

    repo: Repository
    remote: Remote

    def refs(self, prefix: str) -> Mapping[str, str]:
        """Full names and object ids of the remote's refs below `prefix`, which ends in a slash."""
        return remote_refs(self.repo, self.remote, f"{prefix}*")

    def read(self, oids: Sequence[str]) -> Mapping[str, bytes]:
        """Contents of the blobs; an id that names no blob of at most 1 MiB is left out."""
        self._bring(oids)
        found = read_objects(self.repo, oids, limit=_MAX_DOCUMENT_BYTES)
        blobs = ((oid, blob) for oid, blob in found if blob is not None and blob.kind == "blob")
        return {oid: blob.data for oid, blob in blobs if blob.data is not None}

    def write(self, name: str, data: bytes, expected: str | None) -> None:
        """Point the ref `name` to a blob of `data`, provided that it holds `expected` now (None: nothing).

        Raises:
            Conflict: REF_TAKEN, REF_MOVED.
        """
        oid = write_object(self.repo, "blob", data)
        push(self.repo, self.remote, {name: oid}, expect={name: expected})

    def is_merged(self, target: str, heads: Sequence[str]) -> Mapping[str, bool]:
        """Which of the commits `heads` the remote's branch `target` contains."""
        name = f"refs/heads/{target}"
        tip = remote_refs(self.repo, self.remote, name).get(name)
        if tip is None:
            return dict.fromkeys(heads, False)
        self._bring([tip])
        # A head that did not come along with the target's history is not part of it.
        known = {head: resolve(self.repo, head) is not None for head in heads}
        return {head: here and is_ancestor(self.repo, head, tip) for head, here in known.items()}

    def _bring(self, oids: Sequence[str]) -> None:
        missing = [oid for oid, found in read_objects(self.repo, oids, limit=_SIZES_ONLY) if found is None]
        if not missing:
            return
        try:
            fetch(self.repo, self.remote, missing)
        except EnvironmentFault as fault:
            if fault.code != "NO_REMOTE_REF":
                raise
