"""Attacks by configuration and environment: no program of the attacker runs, and no command changes its meaning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import cosigning, pinning, read, upkeep
from calibgit.jobs import govern as jobs
from calibgit.jobs.cosigning import Wanted
from calibgit.jobs.workspace import Workspace
from calibgit.model.ids import Version
from tests.attacks.raw import plant, slot
from tests.repo.hostility import Canary, poison_config, poisoned_environment
from tests.support.governed import BASE, Governed
from tests.support.world import run_git

V120 = Version(1, 2, 0)


def status(space: Workspace, _: Path) -> None:
    assert read.status(space)["ok"]


def verify(space: Workspace, _: Path) -> None:
    assert space.verification().ok


def allowed_signers(space: Workspace, _: Path) -> None:
    assert "ssh-ed25519" in read.allowed_signers(space)


def pin(space: Workspace, scratch: Path) -> None:
    pinning.pin(space, "1.1.0", scratch / "pin", trust_root=space.verification().state.registry)
    pinning.check_bundle(scratch / "pin", trust_root=space.verification().state.registry)


def release(space: Workspace, _: Path) -> None:
    jobs.release(space, V120, reason="approved")


def activate(space: Workspace, _: Path) -> None:
    jobs.activate(space, BASE, env="staging")


def rollback(space: Workspace, _: Path) -> None:
    jobs.rollback(space, env="production", to=None, reason="too strict")


def reject(space: Workspace, _: Path) -> None:
    jobs.reject(space, V120, reason="too strict")


def deprecate(space: Workspace, _: Path) -> None:
    jobs.deprecate(space, BASE, reason="old")


def countersign(space: Workspace, _: Path) -> None:
    cosigning.countersign(space, Wanted("activate", BASE, env="staging", reason="agreed"))


def void(space: Workspace, _: Path) -> None:
    upkeep.void(space, reason="junk")


Command = Callable[[Workspace, Path], None]
READING: tuple[Command, ...] = (status, verify, allowed_signers, pin)
WRITING: tuple[Command, ...] = (release, activate, rollback, reject, deprecate, countersign, void)
QUICK = (status, rollback)
COMMANDS = [
    pytest.param(command, id=command.__name__, marks=() if command in QUICK else pytest.mark.slow)
    for command in (*READING, *WRITING)
]
OURS = ("refs/tags/calib/", "refs/heads/calibgit/")


def prepared(running: Governed, command: Command) -> None:
    """What the command needs: a merged proposal, or junk in the next slot."""
    if command is release:
        running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    if command is reject:
        running.propose("1.2.0", author="carol", good=68)
    if command is void:
        plant(running.world.remote, {slot(4): running.tip()})
        running.fetch()


def refs(place: Path) -> dict[str, str]:
    """Every ref of a repository."""
    lines = run_git(place, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ", 1) for line in lines)


def poison(running: Governed, canary: Canary) -> None:
    """The repository's own config, attributes and hooks name the attacker's program wherever git allows one."""
    clone = running.world.clone
    poison_config(clone, canary)
    program = str(canary.program)
    included = running.world.root / "included"
    included.write_text(f"[core]\n\tfsmonitor = {program}\n\tsshCommand = {program}\n[gpg]\n\tprogram = {program}\n")
    more = {
        "gpg.ssh.allowedSignersFile": str(running.world.root / "allowed"),
        "gpg.ssh.revocationFile": str(running.world.root / "allowed"),
        "gpg.minTrustLevel": "undefined",
        f"includeIf.gitdir:{clone}/.path": str(included),
        "include.path": str(included),
        "remote.promise.url": "../remote.git",
        "remote.promise.promisor": "true",
        "remote.promise.uploadpack": program,
        "extensions.partialClone": "promise",
        "remote.origin.vcs": "evil",
        "core.gitProxy": program,
        "interactive.diffFilter": program,
        "pager.log": program,
        "browser.evil.cmd": program,
        "fetch.fsckObjects": "false",
        "transfer.fsckObjects": "false",
        "fetch.prune": "true",
        "fetch.pruneTags": "true",
        "push.followTags": "true",
        "remote.origin.push": "+refs/heads/*:refs/heads/*",
        "remote.origin.mirror": "true",
        "i18n.commitEncoding": "UTF-16",
        "core.commentChar": "{",
        "core.abbrev": "4",
        "user.name": "Mallory",
        "user.email": "mallory@example.org",
    }
    (running.world.root / "allowed").write_text("* " + running.world.public_key("dave") + "\n")
    for key, value in more.items():
        run_git(clone, "config", key, value, env={"GIT_TRACE2_EVENT": "0"}, check=False)
    hooks = clone / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in (
        "reference-transaction",
        "pre-push",
        "post-rewrite",
        "post-merge",
        "pre-auto-gc",
        "fsmonitor-watchman",
    ):
        (hooks / name).unlink(missing_ok=True)
        (hooks / name).symlink_to(canary.program)
    (clone / ".gitattributes").write_text("* diff=evil filter=evil merge=evil\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_runs_what_a_repositorys_config_names(running: Governed, tmp_path: Path, command: Command) -> None:
    """Whoever can change a clone's .git folder gets nothing started and nothing moved beside the log."""
    prepared(running, command)
    canary = Canary(tmp_path / "canary")
    poison(running, canary)
    before = refs(running.world.remote)
    command(running.workspace("alice" if command is not activate else "bob"), tmp_path)
    after = refs(running.world.remote)
    assert not canary.sang
    assert {name: oid for name, oid in after.items() if name in before} == before
    assert bool(after.keys() - before.keys()) == (command in WRITING)
    assert all(name.startswith(OURS) for name in after.keys() - before.keys())


def test_the_poison_works_on_stock_git(running: Governed, tmp_path: Path) -> None:
    """Otherwise the test above would show nothing."""
    canary = Canary(tmp_path / "canary")
    poison(running, canary)
    running.world.git("status", check=False)
    assert canary.sang


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_obeys_gits_environment(
    running: Governed, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every GIT_ variable is set against us, a rewrite of URLs to a fork among them."""
    prepared(running, command)
    canary = Canary(tmp_path / "canary")
    fork = running.world.root / "fork.git"
    run_git(running.world.root, "clone", "--quiet", "--bare", "remote.git", "fork.git")
    (tmp_path / "elsewhere").mkdir()
    before, forked = refs(running.world.remote), refs(fork)
    space = running.workspace("alice" if command is not activate else "bob")
    more = {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.{fork}.insteadOf",
        "GIT_CONFIG_VALUE_0": "../remote.git",
        "GIT_CONFIG_KEY_1": f"url.{fork}.pushInsteadOf",
        "GIT_CONFIG_VALUE_1": str(running.world.remote),
        "GIT_QUARANTINE_PATH": str(tmp_path / "elsewhere"),
        "GIT_REDIRECT_STDOUT": str(tmp_path / "stdout"),
        "GIT_ALLOW_PROTOCOL": "ext",
        "GIT_ATTR_SOURCE": "HEAD",
        "GIT_COMMITTER_DATE": "1 +0000",
        "GIT_PROTOCOL_FROM_USER": "0",
        "GIT_FLUSH": "1",
        "GIT_NO_REPLACE_OBJECTS": "0",
        "GPG_TTY": str(tmp_path),
        "LD_LIBRARY_PATH_64": str(tmp_path),
    }
    with monkeypatch.context() as patch:
        for name, value in (poisoned_environment(canary, tmp_path / "elsewhere") | more).items():
            patch.setenv(name, value)
        command(space, tmp_path)
    after = refs(running.world.remote)
    assert not canary.sang
    assert refs(fork) == forked
    assert {name: oid for name, oid in after.items() if name in before} == before
    assert bool(after.keys() - before.keys()) == (command in WRITING)


@pytest.mark.parametrize("key", ["url.{fork}.insteadOf", "url.{fork}.pushInsteadOf", "remote.origin.pushurl"])
def test_a_rewritten_url_leads_no_event_to_a_fork(running: Governed, key: str) -> None:
    """The remote's URL is read from the config; what git would make of it is not."""
    fork = running.world.root / "fork.git"
    run_git(running.world.root, "clone", "--quiet", "--bare", "remote.git", "fork.git")
    before = refs(fork)
    value = "../remote.git" if key.startswith("url") else "../fork.git"
    running.world.git("config", key.format(fork="../fork.git"), value)
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert slot(4) in refs(running.world.remote)
    assert refs(fork) == before


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% canary",
        "--upload-pack=touch canary",
        "-x",
        "fd::7",
        "../remote.git\n",
    ],
)
def test_a_dangerous_url_is_no_home(running: Governed, url: str) -> None:
    """Case 39: nothing is started, and nothing is written."""
    running.world.git("config", "remote.origin.url", url)
    before = refs(running.world.remote)
    with pytest.raises(CalibgitError) as refusal:
        jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert refusal.value.code == "BAD_REMOTE_URL"
    assert refs(running.world.remote) == before
    assert not list(running.world.root.rglob("canary"))
