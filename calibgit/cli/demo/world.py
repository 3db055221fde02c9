"""The demo's world: a bare remote, and people who each have a home, a key and a clone."""

from __future__ import annotations

import io
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import click

from calibgit.errors import EnvironmentFault
from calibgit.repo.create import clone, create_bare
from calibgit.repo.executor import environment, execute

MARK = ".calibgit-demo"
PEOPLE = ("alice", "bob", "robot")
CLONE = "scoring"


@dataclass(frozen=True)
class DemoWorld:
    """Where the story plays: `root/remote.git`, and `root/<person>/` with `.gitconfig`, `key` and the clone."""

    root: Path

    @classmethod
    def build(cls, directory: Path) -> DemoWorld:
        """A fresh world; an earlier demo in `directory` is replaced, anything else is refused.

        Raises:
            EnvironmentFault: NOT_EMPTY, NO_SSH_KEYGEN, NO_GIT.
        """
        root = directory.absolute()
        if root.exists() and any(root.iterdir()):
            if not (root / MARK).is_file():
                raise EnvironmentFault(
                    "NOT_EMPTY",
                    f"{directory} exists and is no earlier demo",
                    why="Nothing of yours is overwritten.",
                    fix="calibgit demo -o ANOTHER_DIRECTORY",
                )
            shutil.rmtree(root)
        root.mkdir(parents=True, exist_ok=True)
        (root / MARK).write_text("The demo may replace this directory.\n", encoding="utf-8")
        show("setup", ("git", "init", "--bare", "remote.git"))
        create_bare(root / "remote.git")
        world = cls(root)
        for person in PEOPLE:
            world._settle(person)
        return world

    def _settle(self, person: str) -> None:
        home = self.home(person)
        home.mkdir()
        key = home / "key"
        show("setup", ("ssh-keygen", "-t", "ed25519", "-N", "", "-f", f"{person}/key"))
        show("setup", ("git", "clone", "remote.git", f"{person}/{CLONE}"))
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", person, "-f", str(key)]
        if execute(words, env=environment(), detached=True).status != 0:
            raise EnvironmentFault("NO_SSH_KEYGEN", "ssh-keygen could not make a key", fix="install OpenSSH")
        (home / ".gitconfig").write_text(
            f"[user]\n\tname = {person.title()}\n\temail = {person}@example.org\n\tsigningkey = {key}.pub\n"
            "[gpg]\n\tformat = ssh\n[init]\n\tdefaultBranch = main\n[advice]\n\tdetachedHead = false\n",
            encoding="utf-8",
        )
        clone(str(self.root / "remote.git"), self.clone(person))

    def home(self, person: str) -> Path:
        """A person's home."""
        return self.root / person

    def clone(self, person: str) -> Path:
        """A person's clone."""
        return self.root / person / CLONE

    @contextmanager
    def being(self, person: str) -> Iterator[None]:
        """Act as a person: their HOME, and nothing that the caller's environment would add."""
        before = dict(os.environ)
        os.environ["HOME"] = str(self.home(person))
        for name in list(os.environ):
            if name.startswith(("GIT_", "CALIBGIT_", "XDG_CONFIG")):
                del os.environ[name]
        os.environ["GIT_CONFIG_NOSYSTEM"] = "1"
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def calibgit(self, person: str, *words: str) -> int:
        """Show and run a calibgit command in a person's clone; its exit status."""
        from calibgit.cli.main import run

        show(person, ("calibgit", *words))
        sys.stdout.flush()
        with self.being(person), indented():
            return run(["--repo", str(self.clone(person)), *words])

    def must(self, person: str, *words: str) -> None:
        """`calibgit`, in a story that ends where a command fails.

        Raises:
            AssertionError: the command did not exit with 0.
        """
        status = self.calibgit(person, *words)
        if status != 0:
            raise AssertionError(f"calibgit {words[0]}: exit status {status}")

    def git(self, person: str, *words: str, quiet: bool = False) -> str:
        """Show and run a stock git command in a person's clone; what it printed.

        Raises:
            EnvironmentFault: GIT_FAILED.
        """
        show(person, ("git", *words))
        with self.being(person):
            env: Mapping[str, str] = dict(os.environ)
            completed = execute(["git", *words], env=env, cwd=self.clone(person))
        text = completed.stdout.decode("utf-8", "replace")
        if completed.status != 0:
            raise EnvironmentFault("GIT_FAILED", f"git {words[0]}: {completed.stderr.decode('utf-8', 'replace')}")
        if text and not quiet:
            click.echo("".join(f"    {line}\n" for line in text.splitlines()), nl=False)
        return text


def show(person: str, words: Sequence[str]) -> None:
    """The command line as the person would type it."""
    shown = " ".join(f"'{word}'" if not word or any(c in word for c in " *'\"") else word for word in words)
    click.secho(f"  {person}$ ", fg="cyan", nl=False)
    click.echo(shown)


@contextmanager
def indented() -> Iterator[None]:
    """Indent what a command prints, on both streams, so that the story stays readable."""
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Indented(out), _Indented(out)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


class _Indented(io.TextIOBase):
    """A text stream that puts four spaces before every line."""

    encoding = "utf-8"
    errors = "strict"

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._fresh = True

    def writable(self) -> bool:
        return True

    def write(self, text: str, /) -> int:
        if not isinstance(text, str):
            raise TypeError("a text stream takes text")
        for line in text.splitlines(keepends=True):
            self._stream.write(("    " if self._fresh else "") + line)
            self._fresh = line.endswith("\n")
        return len(text)

    def flush(self) -> None:
        self._stream.flush()
