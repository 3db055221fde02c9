"""The recorded commits that verification steps 7 to 9 look at, read through the git door and remembered."""

from __future__ import annotations

from functools import cached_property

from calibgit.errors import CalibgitError, IntegrityError
from calibgit.model.canonical import read_json, sha256_hex
from calibgit.model.ids import Version, summary_path
from calibgit.registry.approval import MergeFacts
from calibgit.registry.owners import find_codeowners
from calibgit.repo import history as git_history
from calibgit.repo.objects import read_blob, read_commit, read_objects
from calibgit.repo.repository import Repository

SCHEMA_FILE = "scoring_config.schema.json"


class History:
    """The protected branch as this reader has it: the `Facts` of a clone.

    Args:
        repo: the git door.
        tip: commit of the protected branch that the reader trusts to be real, e.g. its remote-tracking ref.
    """

    has_commits = True

    def __init__(self, repo: Repository, tip: str) -> None:
        self.repo = repo
        self.tip = tip
        self._lines: dict[str, dict[str, int]] = {}
        self._ancestors: dict[tuple[str, str], bool] = {}

    @cached_property
    def _first_parents(self) -> dict[str, int]:
        return self._positions(self.tip)

    def _positions(self, tip: str) -> dict[str, int]:
        if tip not in self._lines:
            self._lines[tip] = {oid: place for place, oid in enumerate(git_history.first_parents(self.repo, tip))}
        return self._lines[tip]

    def exists(self, oid: str) -> bool:
        """Whether the object is present here and a commit."""
        if oid in self._first_parents:
            return True
        return any(
            found is not None and found.kind == "commit" for _, found in read_objects(self.repo, [oid], limit=-1)
        )

    def descends(self, newer: str, older: str) -> bool:
        """Whether `older` is `newer` or an ancestor of it."""
        line = self._first_parents
        if newer in line and older in line:
            return line[newer] <= line[older]
        key = (older, newer)
        if key not in self._ancestors:
            self._ancestors[key] = git_history.is_ancestor(self.repo, older, newer)
        return self._ancestors[key]

    def on_first_parent_line(self, commit: str, head: str) -> bool:
        """Whether `commit` lies on the first-parent line of `head`."""
        line = self._first_parents
        if head in line:
            return commit in line and line[commit] >= line[head]
        return commit in self._positions(head)

    def blob(self, commit: str, path: str) -> bytes | None:
        """Bytes of a file at a commit, or None."""
        return read_blob(self.repo, commit, path)

    def require_blob(self, commit: str, path: str, sha256: str, size: int) -> bytes:
        """Bytes of a file that must have this digest and size.

        Raises:
            IntegrityError: DIGEST.
        """
        data = self.blob(commit, path)
        if data is None or len(data) != size or sha256_hex(data) != sha256:
            raise IntegrityError(
                "DIGEST",
                f"{path} at {commit[:12]} is not the file that was signed",
                why="The bytes that decide about people must be the bytes that were approved.",
                fix="fetch the repository anew from its home and run: calibgit verify",
            )
        return data

    def introduced(self, path: str) -> str | None:
        """The commit of the first-parent line that last changed `path`, or None."""
        return git_history.last_change(self.repo, self.tip, path)

    def schema_sha256(self, commit: str, config_path: str) -> str | None:
        """Digest of the schema beside a config, or None."""
        data = self.blob(commit, schema_path(config_path))
        return None if data is None else sha256_hex(data)

    def merge_facts(self, merge_oid: str, line: str, version: Version, head: str | None = None) -> MergeFacts:
        """Everything that the approval rules ask about a merge.

        Args:
            merge_oid: the merge commit, or the one commit of a squash.
            line: line of the proposal.
            version: version of the proposal.
            head: the reviewed commit of a squash; a merge commit names its own.

        Raises:
            EnvironmentFault: git cannot read the history.
            IntegrityError: HEAD_MISSING.
        """
        merge = read_commit(self.repo, merge_oid)
        squashed = head is not None and len(merge.parents) == 1
        if len(merge.parents) != 2 and not squashed:
            return MergeFacts(merge, (), (), frozenset(), None, None)
        base = merge.parents[0]
        head = head if squashed and head else merge.parents[-1]
        if not self.exists(head):
            raise IntegrityError(
                "HEAD_MISSING",
                f"the reviewed commit {head[:12]} is not here",
                why="Nobody can tell whether what was reviewed is what was merged.",
                fix="git fetch origin 'refs/tags/calib/*:refs/tags/calib/*'",
            )
        summary = self.blob(merge_oid, summary_path(line, version))
        return MergeFacts(
            merge=merge,
            commits=tuple(git_history.commits_between(self.repo, base, head)),
            changed=tuple(change.path for change in git_history.changed_paths(self.repo, base, merge_oid)),
            altered=frozenset(c.path for c in git_history.changed_paths(self.repo, head, merge_oid)),
            owners=find_codeowners(lambda path: self.blob(base, path)),
            initiator=initiator_of(summary),
            summary_sha256=sha256_hex(summary or b""),
            proposed=self._proposed(base, head) if squashed else None,
            base=read_commit(self.repo, base) if squashed else None,
        )

    def _proposed(self, base: str, head: str) -> frozenset[str]:
        """Paths that differ between `head` and the commit where it left the line of `base`."""
        fork = git_history.fork_point(self.repo, base, head)
        if fork is None:
            return frozenset()
        return frozenset(change.path for change in git_history.changed_paths(self.repo, fork, head))


def initiator_of(summary: bytes | None) -> str | None:
    """Who started a proposal, from the bytes of its change summary; None where they do not say."""
    try:
        value = read_json(summary or b"", "the change summary")
    except CalibgitError:
        return None
    initiator = value.get("initiator") if isinstance(value, dict) else None
    return initiator if isinstance(initiator, str) and initiator else None


def schema_path(config_path: str) -> str:
    """Path of the schema that lies beside a config."""
    return config_path.rpartition("/")[0] + "/" + SCHEMA_FILE
