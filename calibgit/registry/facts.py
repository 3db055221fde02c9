"""What the verification steps ask of the world behind an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from calibgit.errors import IntegrityError
from calibgit.model.canonical import sha256_hex
from calibgit.model.ids import Version
from calibgit.registry.approval import MergeFacts


class Facts(Protocol):
    """Recorded files and commits. Without commits, steps 7, 8 and the evidence half of 9 cannot run."""

    has_commits: bool

    @property
    def tip(self) -> str:
        """The protected branch's commit as this reader knows it."""

    def exists(self, oid: str) -> bool:
        """Whether the commit is here."""

    def descends(self, newer: str, older: str) -> bool:
        """Whether `older` is `newer` or an ancestor of it."""

    def on_first_parent_line(self, commit: str, head: str) -> bool:
        """Whether `commit` lies on the first-parent line of `head`."""

    def require_blob(self, commit: str, path: str, sha256: str, size: int) -> bytes:
        """Bytes of a recorded file; IntegrityError DIGEST when they are not the signed ones."""

    def schema_sha256(self, commit: str, config_path: str) -> str | None:
        """Digest of the schema beside a config."""

    def merge_facts(self, merge_oid: str, line: str, version: Version, head: str | None = None) -> MergeFacts:
        """What the approval rules ask about a merge; `head` is the reviewed commit of a squash."""


class BundledFacts:
    """Facts of a bundle: files by their digest, and no commits."""

    has_commits = False
    tip = ""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    def exists(self, oid: str) -> bool:
        """Never asked without commits."""
        raise NotImplementedError(oid)

    def descends(self, newer: str, older: str) -> bool:
        """Never asked without commits."""
        raise NotImplementedError(newer, older)

    def on_first_parent_line(self, commit: str, head: str) -> bool:
        """Never asked without commits."""
        raise NotImplementedError(commit, head)

    def require_blob(self, commit: str, path: str, sha256: str, size: int) -> bytes:
        """The bundled file of that digest.

        Raises:
            IntegrityError: DIGEST.
        """
        data = self._files.get(sha256)
        if data is None or len(data) != size or sha256_hex(data) != sha256:
            raise IntegrityError(
                "DIGEST",
                f"the bundle does not hold the signed bytes of {path} at {commit[:12]}",
                why="The bytes that decide about people must be the bytes that were approved.",
                fix="pin again with: calibgit pin TAG --trust-root ID -o DIR",
            )
        return data

    def schema_sha256(self, commit: str, config_path: str) -> str | None:
        """Never asked without commits."""
        raise NotImplementedError(commit, config_path)

    def merge_facts(self, merge_oid: str, line: str, version: Version, head: str | None = None) -> MergeFacts:
        """Never asked without commits."""
        raise NotImplementedError(merge_oid, line, version, head)
