"""The command line as a person in a governed clone uses it, in process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from calibgit.cli.main import run
from tests.support.governed import Governed, govern
from tests.support.story import Story, tell
from tests.support.world import Template, World


@dataclass(frozen=True)
class Result:
    """What a command did: exit status and both streams."""

    status: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The result on stdout as JSON."""
        return json.loads(self.out)

    @property
    def error(self) -> dict[str, str]:
        """The error on stderr as JSON."""
        value = json.loads(self.err)
        assert value["schema"] == "calibgit/error/1"
        assert value["ok"] is False
        error: dict[str, str] = value["error"]
        return error


Command = Callable[..., Result]


@pytest.fixture
def calibgit(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command; what was printed before is forgotten."""

    def called(*words: str | Path) -> Result:
        capsys.readouterr()
        status = run([str(word) for word in words])
        captured = capsys.readouterr()
        return Result(status, captured.out, captured.err)

    return called


@pytest.fixture(scope="session")
def story(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Story:
    return tell(template.copy(tmp_path_factory.mktemp("story") / "world"), tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def governed(world: World) -> Governed:
    return govern(world)


@pytest.fixture
def be(isolated: Path, keyring: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Become a person: their name, their address, their key."""

    def become(person: str) -> None:
        (isolated / ".gitconfig").write_text(
            f"[user]\nname = {person.title()}\nemail = {person}@example.org\n", encoding="utf-8"
        )
        monkeypatch.setenv("CALIBGIT_SIGNING_KEY", str(keyring.paths[person]))

    return become
