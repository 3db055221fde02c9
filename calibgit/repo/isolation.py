"""A throw-away git directory with an empty config over the repository's own objects.

Commands that could start programs named by a repository's config or attributes (merge drivers, transports,
credential helpers) run here: the config they see is ours alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from calibgit.repo.executor import Completed, environment, execute, git_failed, git_words


class CleanDirectory:
    """A context manager; inside it `run` executes git without the repository's config, refs, index or hooks.

    Objects are read from and written to the repository's own store. Everything else vanishes on exit.

    Attributes:
        path: the temporary directory; free for scratch files too.
    """

    def __init__(self, objects: Path, cwd: Path, sha_length: int) -> None:
        self._objects = objects
        self._cwd = cwd
        self._sha256 = sha_length == 64
        self._holder: tempfile.TemporaryDirectory[str] | None = None
        self.path = Path()

    def __enter__(self) -> Self:
        self._holder = tempfile.TemporaryDirectory(prefix="calibgit-", ignore_cleanup_errors=True)
        self.path = Path(self._holder.name)
        (self.path / "refs").mkdir()
        (self.path / "HEAD").write_text("ref: refs/heads/none\n", encoding="ascii")
        extension = "[extensions]\n\tobjectFormat = sha256\n" if self._sha256 else ""
        version = 1 if self._sha256 else 0
        (self.path / "config").write_text(
            f"[core]\n\trepositoryFormatVersion = {version}\n\tbare = true\n{extension}", encoding="ascii"
        )
        return self

    def __exit__(self, *_: object) -> None:
        if self._holder is not None:
            self._holder.cleanup()

    def execute(
        self,
        *argv: str,
        stdin: bytes = b"",
        network: bool = False,
        extra: Mapping[str, str] | None = None,
    ) -> Completed:
        """Run git here and return the result whatever its status."""
        ours = {"GIT_OBJECT_DIRECTORY": str(self._objects), **(extra or {})}
        words = git_words(self.path, *argv, network=network)
        return execute(words, env=environment(network=network, extra=ours), cwd=self._cwd, stdin=stdin)

    def run(self, *argv: str, stdin: bytes = b"", extra: Mapping[str, str] | None = None) -> bytes:
        """Standard output of a local git command.

        Raises:
            EnvironmentFault: GIT_FAILED.
        """
        completed = self.execute(*argv, stdin=stdin, extra=extra)
        if completed.status != 0:
            raise git_failed(argv, completed)
        return completed.stdout
