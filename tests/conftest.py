"""Every test runs in a world of its own: a fresh HOME, no system config, fixed dates, no way out to the network."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from calibgit.model.explained import explanations
from calibgit.model.state import Problem
from calibgit.registry.verify import Verification, _Fold
from tests.support import postgres
from tests.support.world import Keyring, Template, World

GIT_CONFIG = """\
[user]
    name = Test Person
    email = test@example.org
[init]
    defaultBranch = main
"""
SERVER = pytest.StashKey[tuple[Path, int]]()
_REMOVED = ("GIT_", "SSH_", "CALIBGIT_", "XDG_", "GITHUB_", "GH_")
_FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "NO_COLOR": "1",
}


settings.register_profile("no-clock", deadline=None)
settings.load_profile("no-clock")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The one flag that rewrites golden files instead of comparing with them."""
    parser.addoption("--update-golden", action="store_true", help="Rewrite golden files from what the code says now.")


def pytest_configure(config: pytest.Config) -> None:
    """The main process of a run keeps the place of the database server, which the workers share."""
    if not hasattr(config, "workerinput"):
        config.stash[SERVER] = postgres.prepare()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Whatever the run came to, the server ends with it."""
    if (kept := config.stash.get(SERVER, None)) is not None:
        postgres.finish(*kept)


@pytest.fixture(scope="session")
def database_server(walls: None) -> postgres.Server:
    """The one PostgreSQL server of this run."""
    return postgres.start()


@pytest.fixture(scope="session")
def schema_numbers() -> Iterator[int]:
    """Names of schemas never repeat in a worker."""
    return itertools.count(1)


@pytest.fixture
def database(database_server: postgres.Server, schema_numbers: Iterator[int]) -> Iterator[postgres.Schema]:
    """An empty schema on the PostgreSQL server."""
    with postgres.schema(database_server, schema_numbers) as made:
        yield made


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, bytes], None]:
    """Compare bytes with a golden file, or rewrite it under `--update-golden`."""

    def compare(path: Path, actual: bytes) -> None:
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(actual)
        assert path.is_file(), f"{path.name} is missing; make it with: pytest --update-golden"
        assert actual.decode() == path.read_bytes().decode()

    return compare


@pytest.fixture(scope="session")
def walls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The isolation that session fixtures are built in."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        build_walls(tmp_path_factory.mktemp("session-home"), monkeypatch)
        yield


@pytest.fixture(autouse=True)
def isolated(walls: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own HOME; whatever the machine has configured is out of reach."""
    home = tmp_path_factory.mktemp("home")
    build_walls(home, monkeypatch)
    return home


@pytest.fixture(autouse=True)
def steps_as_explained(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever refuses in a test names a verification step that the explanation of its code names."""
    told: list[tuple[str, int | None]] = []
    finish, init = _Fold.finish, Problem.__init__

    def finished(fold: _Fold) -> Verification:
        result = finish(fold)
        told.extend((problem.code, problem.step) for problem in result.errors)
        return result

    def made(problem: Problem, *args: Any, **given: Any) -> None:
        init(problem, *args, **given)
        if problem.step is not None:
            told.append((problem.code, problem.step))

    monkeypatch.setattr(_Fold, "finish", finished)
    monkeypatch.setattr(Problem, "__init__", made)
    yield
    known = {code: one.steps for code, one in explanations().items()}
    assert [pair for pair in dict.fromkeys(told) if pair[1] not in known.get(pair[0], (pair[1],))] == []


def build_walls(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / ".gitconfig").write_text(GIT_CONFIG, encoding="utf-8")
    for name in list(os.environ):
        if name.startswith(_REMOVED) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in _FIXED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOME", str(home))
    for name in ("connect", "connect_ex"):
        monkeypatch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))


def _guarded(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        local = self.family == socket.AF_UNIX or str(address[0]) in {"127.0.0.1", "::1", "localhost"}
        if not local:
            raise PermissionError(f"tests must not connect to {address!r}")
        return connect(self, address)

    return guarded


@pytest.fixture(scope="session")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    """Key pairs of several people, made for this run."""
    return Keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="session")
def template(walls: None, tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> Template:
    """A packed remote and clone, built once and copied by `world`."""
    return Template(tmp_path_factory.mktemp("template"), keyring)


@pytest.fixture
def world(template: Template, tmp_path: Path) -> World:
    """A bare remote with one commit on main, a clone of it, and people with keys."""
    return template.copy(tmp_path / "world")
