"""The recorded commits that verification steps 7 to 9 look at, read through the git door and remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

from calibgit.errors import CalibgitError, IntegrityError
from calibgit.model.canonical import read_json, sha256_hex
from calibgit.model.ids import Version, parse_summary_path, summary_path
from calibgit.registry.approval import MergeFacts
from calibgit.registry.owners import LOCATIONS, CodeOwners, find_codeowners
from calibgit.repo import history as git_history
from calibgit.repo.ancestry import Ancestry
from calibgit.repo.merges import Brought, Merges
from calibgit.repo.objects import Commit, ObjectReader, blob_data, blob_name
from calibgit.repo.repository import Repository

SCHEMA_FILE = "scoring_config.schema.json"
_MOST_AHEAD = 128
_BLOB_AHEAD_BYTES = 64 * 1024


class History:
    """The protected branch as this reader has it: the `Facts` of a clone. Nothing is read before it is asked for.

    Releases follow each other along the branch. So when one asks for its merge, the merges behind it are read in the
    same breath: as many as the last ones that were read ahead turned out to be asked for.

    Args:
        repo: the git door.
        tip: commit of the protected branch that the reader trusts to be real, e.g. its remote-tracking ref.
    """

    has_commits = True

    def __init__(self, repo: Repository, tip: str) -> None:
        self.repo = repo
        self.tip = tip
        self._ancestry = Ancestry(repo, tip)
        self._objects = ObjectReader(repo)
        self._merges = Merges(self._ancestry, self._objects)
        self._lines: dict[str, Mapping[str, int]] = {}
        self._ancestors: dict[tuple[str, str], bool] = {}
        self._ahead: dict[str, Brought] = {}
        self._blobs: dict[str, bytes | None] = {}
        self._width, self._loaded, self._used = 1, 0, 0

    def _positions(self, tip: str) -> Mapping[str, int]:
        if tip not in self._lines:
            self._lines[tip] = {oid: place for place, oid in enumerate(git_history.first_parents(self.repo, tip))}
        return self._lines[tip]

    def exists(self, oid: str) -> bool:
        """Whether the object is present here and a commit."""
        if oid in self._ancestry.line:
            return True
        return [found.kind for _, found in self._objects.read([oid], limit=-1) if found is not None] == ["commit"]

    def descends(self, newer: str, older: str) -> bool:
        """Whether `older` is `newer` or an ancestor of it."""
        line = self._ancestry.line
        if newer in line and older in line:
            return line[newer] <= line[older]
        key = (older, newer)
        if key not in self._ancestors:
            self._ancestors[key] = git_history.is_ancestor(self.repo, older, newer)
        return self._ancestors[key]

    def on_first_parent_line(self, commit: str, head: str) -> bool:
        """Whether `commit` lies on the first-parent line of `head`."""
        line = self._ancestry.line
        if head in line:
            return commit in line and line[commit] >= line[head]
        return commit in self._positions(head)

    def blob(self, commit: str, path: str) -> bytes | None:
        """Bytes of a file at a commit, or None."""
        name = blob_name(commit, path)
        if name is None:
            return None
        if name in self._blobs:
            return self._blobs[name]
        return next((blob_data(found, path) for _, found in list(self._objects.read([name]))), None)

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
        return None if data is None else _digest(data)

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
        brought = self._ahead.pop(merge_oid, None)
        if brought is None:
            merge = self._merges.commits([merge_oid])[0]
            squashed = head is not None and len(merge.parents) == 1
            if len(merge.parents) != 2 and not squashed:
                return MergeFacts(merge, (), (), frozenset(), None, None)
            brought = self._read(merge, head if squashed and head else merge.parents[-1])
        self._used += 1
        summary = self.blob(merge_oid, summary_path(line, version))
        return MergeFacts(
            merge=brought.merge,
            commits=brought.commits,
            changed=brought.changed,
            altered=brought.altered,
            special=brought.special,
            owners=self._owners(brought.merge.parents[0]),
            initiator=initiator_of(summary),
            summary_sha256=sha256_hex(summary or b""),
            proposed=brought.proposed,
            base=None if brought.proposed is None else self._merges.commits([brought.merge.parents[0]])[0],
        )

    def _read(self, merge: Commit, head: str) -> Brought:
        """What a merge brought; the merges behind it are read ahead."""
        if not self.exists(head):
            raise IntegrityError(
                "HEAD_MISSING",
                f"the reviewed commit {head[:12]} is not here",
                why="Nobody can tell whether what was reviewed is what was merged.",
                fix="git fetch origin 'refs/tags/calib/*:refs/tags/calib/*'",
            )
        wanted = 2 * self._used > self._loaded
        self._width = min(2 * self._width, _MOST_AHEAD) if wanted else max(self._width // 2, 1)
        brought, *ahead = self._merges.read(merge, head, self._behind(merge.oid))
        self._ahead = {each.merge.oid: each for each in ahead}
        self._loaded, self._used = 1 + len(ahead), 0
        self._blobs = {}
        self._read_blobs([brought, *ahead])
        return brought

    def _behind(self, merge: str) -> list[Commit]:
        """The merges with two parents that follow on the first-parent line, one less than the width."""
        place = self._ancestry.line.get(merge, 0)
        oids = self._ancestry.commits[max(place - self._width + 1, 0) : place]
        try:
            commits = self._merges.commits(oids[::-1])
        except CalibgitError:
            return []
        return [commit for commit in commits if len(commit.parents) == 2]

    def _read_blobs(self, merges: Sequence[Brought]) -> None:
        """Read what the steps will ask of these merges: configs, schemas, summaries and CODEOWNERS."""
        names: dict[str, None] = {}
        for each in merges:
            paths = [path for path in each.changed if is_config(path) or parse_summary_path(path) is not None]
            paths += [schema_path(path) for path in paths if is_config(path)]
            names |= dict.fromkeys(f"{each.merge.oid}:{path}" for path in paths)
            names |= dict.fromkeys(f"{each.merge.parents[0]}:{path}" for path in LOCATIONS)
        try:
            for name, found in self._objects.read(list(names), limit=_BLOB_AHEAD_BYTES):
                if found is None or found.kind != "blob":
                    self._blobs[name] = None
                elif found.data is not None:
                    self._blobs[name] = found.data
        except CalibgitError:
            return  # whoever asks for it meets the error

    def _owners(self, base: str) -> CodeOwners | None:
        for path in LOCATIONS:
            data = self.blob(base, path)
            if data is not None:
                return _parsed_owners(path, data)
        return None


@lru_cache(maxsize=16)
def _parsed_owners(path: str, data: bytes) -> CodeOwners | None:
    """CODEOWNERS rarely changes between two merges."""
    return find_codeowners({path: data}.get)


@lru_cache(maxsize=64)
def _digest(schema: bytes) -> str:
    """A schema rarely changes between two merges."""
    return sha256_hex(schema)


def is_config(path: str) -> bool:
    """Whether a path has the name of a scoring config."""
    return path.rpartition("/")[2].startswith("scoring_config_v")


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
