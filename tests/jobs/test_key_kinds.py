"""People with every kind of key go through a registry's whole life, signed by ssh-keygen as it signs for users.

Tokens are answered for by an agent in the test process, so that ssh-keygen signs with them as with plugged-in ones.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from calibgit.errors import EnvironmentFault, IntegrityError
from calibgit.jobs import start
from calibgit.repo.signing import KeySigner
from tests.support import agent, sshkeys
from tests.support.governed import BASE, TEAM, govern
from tests.support.sshkeys import TestKey
from tests.support.whole_life import Life, live, require_believed, require_ssh_keygen, require_stock_git
from tests.support.world import World

GENERATED = {
    "ed25519": ("-t", "ed25519"),
    "nistp256": ("-t", "ecdsa", "-b", "256"),
    "nistp384": ("-t", "ecdsa", "-b", "384"),
    "nistp521": ("-t", "ecdsa", "-b", "521"),
    "rsa-3072": ("-t", "rsa", "-b", "3072"),
    "rsa-4096": ("-t", "rsa", "-b", "4096"),
}
TOKENS = {"token-ed25519": sshkeys.token_ed25519_key, "token-ecdsa": sshkeys.token_ecdsa_key}
KINDS = [
    pytest.param(kind, marks=pytest.mark.slow) if kind in {"nistp384", "rsa-4096"} else kind
    for kind in (*GENERATED, *TOKENS)
]


@pytest.fixture
def armed(request: pytest.FixtureRequest, world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The world, in which everybody holds a key of the kind that is asked for, and signs by ssh-keygen."""
    directory = world.root / "keys"
    directory.mkdir()
    paths = {person: directory / person for person in TEAM}
    tokens: dict[str, TestKey] = {}
    for person, path in paths.items():
        if request.param in GENERATED:
            words = ["ssh-keygen", "-q", "-N", "", "-C", person, "-f", str(path), *GENERATED[request.param]]
            subprocess.run(words, check=True)
        else:
            tokens[person] = TOKENS[request.param]()
            paths[person] = path.with_suffix(".pub")
            paths[person].write_text(f"{tokens[person].text} {person}\n")
    with agent.serving(tokens) as socket:
        if tokens:
            monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        yield replace(world, keys=paths, signers={person: KeySigner(path) for person, path in paths.items()})


@pytest.mark.parametrize("armed", KINDS, indirect=True)
def test_people_with_this_kind_of_key_govern_a_config(armed: World, tmp_path: Path) -> None:
    life: Life = live(armed, tmp_path / "bundle")
    require_believed(life)
    require_stock_git(life)
    require_ssh_keygen(life)
    kinds = {key.partition(" ")[0] for key in life.verification.require()[1].keys}
    assert kinds == {armed.public_key("alice").partition(" ")[0]}


def holding(world: World, key: TestKey) -> World:
    """The world, in which alice holds that token."""
    path = world.root / "alice.pub"
    path.write_text(key.text + "\n")
    return replace(world, keys={**world.keys, "alice": path}, signers={**world.signers, "alice": KeySigner(path)})


@pytest.mark.parametrize("kind", TOKENS)
def test_a_token_that_nobody_touched_seals_nothing(world: World, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = TOKENS[kind](flags=0)
    governed = govern(holding(world, key), seal=False)
    with agent.serving({"alice": key}) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        with pytest.raises(IntegrityError, match="SIG_INVALID"):
            start.seal(governed.workspace("alice"), adopt=[(BASE, ["production"])], reason="start", dry_run=False)
    assert governed.remote_tags() == {}


def test_a_token_that_is_not_plugged_in_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    governed = govern(holding(world, sshkeys.token_ed25519_key()), seal=False)
    with agent.serving({"somebody": sshkeys.token_ed25519_key()}) as socket:
        monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
        with pytest.raises(EnvironmentFault, match="SIGNING_FAILED"):
            start.seal(governed.workspace("alice"), adopt=[(BASE, ["production"])], reason="start", dry_run=False)
    assert governed.remote_tags() == {}
