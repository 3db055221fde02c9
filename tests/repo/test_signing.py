"""Whose key, and what happens when it cannot sign."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from calibgit.errors import EnvironmentFault, UsageError
from calibgit.repo.identity import Identity, user_identity
from calibgit.repo.signing import KeySigner, find_signing_key
from tests.repo.hostility import Canary
from tests.support.world import World


def fault(call: Callable[[], object]) -> EnvironmentFault:
    with pytest.raises(EnvironmentFault) as caught:
        call()
    assert caught.value.fix
    return caught.value


def test_ssh_keygen_and_the_tests_signer_agree(world: World) -> None:
    signer = KeySigner(world.keys["alice"])
    assert signer.public_key == world.public_key("alice")
    assert signer.sign(b"payload\x00\xff", "git") == world.signer("alice").sign(b"payload\x00\xff", "git")
    assert signer.sign(b"", "calibgit-statement").endswith("-----END SSH SIGNATURE-----\n")


def test_public_key_without_a_public_file(world: World, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.write_bytes(world.keys["bob"].read_bytes())
    alone.chmod(stat.S_IRUSR | stat.S_IWUSR)
    assert KeySigner(alone).public_key == world.public_key("bob")


def test_the_public_file_stands_for_the_key(world: World) -> None:
    signer = KeySigner(world.keys["bob"].with_suffix(".pub"))
    assert signer.public_key == world.public_key("bob")
    assert signer.sign(b"x", "git") == world.signer("bob").sign(b"x", "git")


def test_a_passphrase_is_never_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", path], check=True)
    asked = tmp_path / "asked"
    program = tmp_path / "askpass"
    program.write_text(f"#!/bin/sh\ntouch {asked}\necho secret\n")
    program.chmod(0o700)
    monkeypatch.setenv("SSH_ASKPASS", str(program))
    monkeypatch.setenv("DISPLAY", ":0")
    assert fault(lambda: KeySigner(path).sign(b"x", "git")).code == "SIGNING_FAILED"
    assert not asked.exists()


def test_an_agent_signs(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    socket = Path(os.environ["HOME"]) / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.PIPE)
    try:
        assert agent.stdout is not None
        assert agent.stdout.readline()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        subprocess.run(["ssh-add", "-q", world.keys["carol"]], check=True)
        signer = KeySigner.from_agent(world.public_key("carol") + " a comment")
        assert signer.public_key == world.public_key("carol")
        assert signer.sign(b"x", "git") == world.signer("carol").sign(b"x", "git")
        absent = KeySigner.from_agent(world.public_key("dave"))
        assert fault(lambda: absent.sign(b"x", "git")).code == "SIGNING_FAILED"
    finally:
        agent.terminate()
        agent.communicate()


def test_no_such_key(tmp_path: Path) -> None:
    assert fault(lambda: KeySigner(tmp_path / "missing")).code == "NO_SIGNING_KEY"
    (tmp_path / "junk").write_text("junk")
    assert fault(lambda: KeySigner(tmp_path / "junk").public_key).code == "NO_SIGNING_KEY"
    assert fault(lambda: KeySigner(tmp_path / "junk").sign(b"", "git")).code == "SIGNING_FAILED"


def test_no_ssh_keygen(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fault(lambda: KeySigner(world.keys["alice"]).sign(b"", "git")).code == "NO_SSH_KEYGEN"


@pytest.mark.parametrize("namespace", ["", "-n", "a b", "Git", "git\n"])
def test_namespaces_are_words(world: World, namespace: str) -> None:
    with pytest.raises(UsageError):
        KeySigner(world.keys["alice"]).sign(b"", namespace)


def test_where_the_key_comes_from(world: World, isolated: Path) -> None:
    keys = {name: str(path) for name, path in world.keys.items()}
    config = isolated / ".gitconfig"
    config.write_text(f"[gpg]\n\tformat = ssh\n[user]\n\tsigningkey = {keys['carol']}\n")
    environ = {"HOME": str(isolated)}
    assert find_signing_key(None, environ).public_key == world.public_key("carol")
    environ["CALIBGIT_SIGNING_KEY"] = keys["bob"]
    assert find_signing_key(None, environ).public_key == world.public_key("bob")
    assert find_signing_key(world.keys["alice"], environ).public_key == world.public_key("alice")


def test_spellings_in_the_git_config(world: World, isolated: Path) -> None:
    (isolated / "mine.pub").write_text(world.public_key("dave"))
    for spelling in ("~/mine.pub", f"key::{world.public_key('dave')}", world.public_key("dave")):
        (isolated / ".gitconfig").write_text(f'[gpg]\n\tformat = ssh\n[user]\n\tsigningkey = "{spelling}"\n')
        assert find_signing_key(None, {"HOME": str(isolated)}).public_key == world.public_key("dave")


def test_no_key_configured(world: World, isolated: Path) -> None:
    environ = {"HOME": str(isolated)}
    error = fault(lambda: find_signing_key(None, environ))
    assert error.code == "NO_SIGNING_KEY"
    assert "ssh-keygen" in error.fix
    assert "git config" in error.fix
    (isolated / ".gitconfig").write_text("[user]\n\tsigningkey = ABCDEF\n")
    assert fault(lambda: find_signing_key(None, environ)).code == "NO_SIGNING_KEY"


def test_the_repositorys_config_names_no_key(world: World, isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    world.git("config", "gpg.format", "ssh")
    world.git("config", "user.signingkey", str(world.keys["alice"]))
    world.git("config", "user.name", "Mallory")
    monkeypatch.chdir(world.clone)
    environ = {"HOME": str(isolated)}
    assert fault(lambda: find_signing_key(None, environ)).code == "NO_SIGNING_KEY"
    assert user_identity(environ) == Identity("Test Person", "test@example.org")


def test_identity_from_either_place_and_includes(isolated: Path) -> None:
    environ = {"HOME": str(isolated)}
    (isolated / ".gitconfig").write_text("[include]\n\tpath = more\n[user]\n\tname = Zoë Ähre\n")
    (isolated / "more").write_text("[user]\n\temail = zoe@example.org\n")
    assert str(user_identity(environ)) == "Zoë Ähre <zoe@example.org>"
    (isolated / ".gitconfig").unlink()
    (isolated / ".config" / "git").mkdir(parents=True)
    (isolated / ".config" / "git" / "config").write_text("[user]\n\tname = X\n\temail = x@example.org\n")
    assert user_identity(environ) == Identity("X", "x@example.org")


def test_no_identity(isolated: Path) -> None:
    (isolated / ".gitconfig").write_text("[user]\n\tname = Only Name\n")
    assert fault(lambda: user_identity({"HOME": str(isolated)})).code == "NO_IDENTITY"
    assert fault(lambda: user_identity({})).code == "NO_IDENTITY"


def test_a_config_that_cannot_be_parsed_is_named(isolated: Path) -> None:
    (isolated / ".gitconfig").write_text("not a config\n")
    assert fault(lambda: user_identity({"HOME": str(isolated)})).code == "BAD_GIT_CONFIG"


def test_importing_gitpython_runs_no_program_of_the_environment(isolated: Path, tmp_path: Path) -> None:
    canary = Canary(tmp_path / "canary")
    program = (
        "import os; from calibgit.repo.identity import user_identity; before = dict(os.environ);"
        "print(user_identity(os.environ)); assert os.environ == before"
    )
    hostile = {"GIT_PYTHON_GIT_EXECUTABLE": str(canary.program), "GIT_PYTHON_REFRESH": "raise"}
    words = [sys.executable, "-c", program]
    root = Path(__file__).parents[2]
    shown = subprocess.run(words, cwd=root, env={**os.environ, **hostile}, capture_output=True, check=True)
    assert shown.stdout == b"Test Person <test@example.org>\n"
    assert not canary.sang
    (isolated / ".gitconfig").write_text("not a config\n")
    failed = subprocess.run(words, cwd=root, capture_output=True, check=False)
    assert b"BAD_GIT_CONFIG" in failed.stderr


def test_a_name_that_looks_like_another_type(isolated: Path) -> None:
    (isolated / ".gitconfig").write_text("[user]\n\tname = true\n\temail = 007\n")
    assert user_identity({"HOME": str(isolated)}) == Identity("true", "007")


@pytest.mark.parametrize("text", ["", " a", "a<b", "a>b", "a\nb", "a\x00", "a\x1b[1m"])
def test_identities_are_plain(text: str) -> None:
    with pytest.raises(UsageError):
        Identity(text, "a@example.org")
    with pytest.raises(UsageError):
        Identity("A", text)
