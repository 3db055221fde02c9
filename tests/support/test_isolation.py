"""The test suite's own walls."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from tests.support.world import Template, World, run_git


def test_home_is_empty_but_for_our_git_config(isolated: Path) -> None:
    assert Path.home() == isolated
    assert [path.name for path in isolated.iterdir()] == [".gitconfig"]


def test_only_our_git_variables_are_left(isolated: Path) -> None:
    left = {name for name in os.environ if name.startswith(("GIT_", "SSH_", "CALIBGIT_"))}
    assert left == {"GIT_CONFIG_NOSYSTEM", "GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"}


def test_git_sees_no_config_of_the_machine(world: World) -> None:
    origins = run_git(world.clone, "config", "--list", "--show-origin").splitlines()
    files = {line.split("\t")[0] for line in origins}
    assert files == {f"file:{Path.home()}/.gitconfig", "file:.git/config"}


def test_the_network_is_out_of_reach() -> None:
    with socket.socket() as outside, pytest.raises(PermissionError):
        outside.connect(("192.0.2.1", 443))


def test_loopback_is_allowed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as inside:
        inside.connect(server.getsockname())


def test_two_worlds_share_nothing_but_keys(world: World, template: Template, tmp_path: Path) -> None:
    other = template.copy(tmp_path / "other")
    world.commit({"a": "a"})
    assert other.head() != world.head()
    assert other.keys == world.keys


def test_equal_steps_give_equal_commits(world: World, template: Template, tmp_path: Path) -> None:
    other = template.copy(tmp_path / "other")
    assert world.commit({"a": "a"}) == other.commit({"a": "a"})
