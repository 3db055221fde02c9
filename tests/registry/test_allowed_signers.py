"""The file for stock git: every key stands for its own person, for tags, and for as long as the policy says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from calibgit.model.policy import Policy, read_policy
from calibgit.registry.allowed_signers import allowed_signers
from calibgit.registry.sshsig import verify
from tests.support.events import TEAM, policy_toml, signer

PAYLOAD = b"object 1\n"
NAMES = ("git", "calibgit-statement", "calibgit-possession", "file", "GIT", "git2")
# Each is an address to the policy, and something else to OpenSSH.
ODD = (
    "*@example.org", "?lice@example.org", "alice@*", "a,bob@example.org", "bob,*@example.org", "!bob@example.org", "*,!x@y.z",
    "#alice@example.org", '"alice@example.org', '"bob"@example.org', "alice@example.org\\u0000", "cert-authority@example.org",
    "alice\\\\@example.org", "é@example.org", "alice@example.org,bob", "a=b@example.org", "12+bot[bot]@users.example.org",
    "namespaces=file@example.org", "\\ufeffbob@example.org", "a'b@example.org", "$(touch)@example.org", "%u@example.org",
)  # fmt: skip


def named(email: str, **people: str) -> Policy:
    """A policy in which that is alice's first address."""
    lines = {name: f'emails = ["{name}@example.org"]\n' for name in TEAM}
    quoted = email.replace('"', '\\"')
    return read_policy(policy_toml(extra={**lines, "alice": f'emails = ["{quoted}"]\n', **people}))


class Stock:
    """OpenSSH with the file of a policy."""

    def __init__(self, directory: Path, policy: Policy, seq: int = 1) -> None:
        self.directory = directory
        self.text = allowed_signers(policy, seq)
        (directory / "allowed").write_text(self.text, encoding="utf-8")

    def accepts(self, person: str, identity: str, namespace: str = "git") -> bool:
        (self.directory / "signature").write_text(signer(person).sign(PAYLOAD, namespace))
        return self._run("verify", "-I", identity, "-n", namespace).returncode == 0

    def principals(self, person: str) -> list[str]:
        (self.directory / "signature").write_text(signer(person).sign(PAYLOAD, "git"))
        return self._run("find-principals").stdout.decode().splitlines()

    def _run(self, *words: str) -> subprocess.CompletedProcess[bytes]:
        call = ["ssh-keygen", "-Y", *words, "-f", "allowed", "-s", "signature"]
        return subprocess.run(call, cwd=self.directory, input=PAYLOAD, capture_output=True, check=False)


@pytest.mark.parametrize("email", ODD)
def test_no_address_makes_a_key_stand_for_somebody_else(email: str, tmp_path: Path) -> None:
    stock = Stock(tmp_path, named(email))
    assert len(stock.text.splitlines()) == len(TEAM)
    own = stock.text.partition(" ")[0]
    assert stock.principals("alice") == [own]
    assert stock.accepts("alice", own)
    for other in ("bob@example.org", "carol@example.org", "bob", "alice@example.org", "x@example.org", "alice@x"):
        assert stock.accepts("alice", other) == (other == own), other
    assert stock.accepts("bob", "bob@example.org")
    assert not stock.accepts("bob", own)


def test_a_plain_address_is_what_stock_git_calls_the_signer(tmp_path: Path) -> None:
    for email in ("alice@example.org", "a.l-i_c+e@x", "12+bot[bot]@users.example.org"):
        assert Stock(tmp_path, named(email)).principals("alice") == [email]
    assert Stock(tmp_path, named("*@x")).principals("alice") == ["alice"]


def test_the_keys_are_good_for_tags_and_for_nothing_else(tmp_path: Path) -> None:
    stock = Stock(tmp_path, named("alice@example.org"))
    for namespace in NAMES:
        assert stock.accepts("alice", "alice@example.org", namespace) == (namespace == "git")


@pytest.mark.parametrize("compromised", ["true", "false"])
def test_a_key_that_has_ended_is_left_out(compromised: str, tmp_path: Path) -> None:
    """It may not sign event 5; stock git would see no difference between that event and an earlier one."""
    end = f'ended = [{{ key = "{signer("bob").public_key}", from_seq = 5, compromised = {compromised} }}]\n'
    policy = named("alice@example.org", bob='emails = ["bob@example.org"]\n' + end)
    assert Stock(tmp_path, policy, 3).accepts("bob", "bob@example.org")
    for seq in (4, 5, 100):
        stock = Stock(tmp_path, policy, seq)
        assert not stock.accepts("bob", "bob@example.org")
        assert stock.accepts("alice", "alice@example.org")
        assert "# a key of bob has ended" in stock.text


def test_a_stranger_is_in_no_line(tmp_path: Path) -> None:
    stock = Stock(tmp_path, named("alice@example.org"))
    for identity in ("alice@example.org", "mallory", "mallory@example.org"):
        assert not stock.accepts("mallory", identity)
    assert verify(signer("bob").sign(PAYLOAD, "git"), PAYLOAD, namespace="git", keys=[signer("bob").public_key])
