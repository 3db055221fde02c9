"""Attacks on what surrounds the log: replace refs, grafts, shallow clones, hostile config and environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibgit.errors import EnvironmentFault, IntegrityError, PermissionRefused
from calibgit.jobs import govern as jobs
from calibgit.jobs import pinning, start
from calibgit.model.ids import Version, config_path
from tests.attacks.raw import codes, plant, slot
from tests.repo.hostility import Canary, poison_config, poisoned_environment
from tests.support.governed import BASE, Governed, govern
from tests.support.world import World, run_git

PATH = config_path(Version(1, 1, 0))


def test_git_replace_does_not_change_the_config(running: Governed, tmp_path: Path) -> None:
    """The attacker's commit stands in for the released one; stock git shows the attacker's bytes."""
    record = running.verification().state.line("scoring")[Version(1, 1, 0)]
    blob = running.world.git("rev-parse", f"{record.commit}:{PATH}")
    evil = running.world.git("hash-object", "-w", "--stdin", env={}, check=True)
    running.world.git("replace", blob, evil)
    assert running.world.git("show", f"{record.commit}:{PATH}") == ""
    result = running.verification()
    assert result.ok
    pinning.pin(running.workspace(), "1.1.0", tmp_path / "pin", trust_root=result.state.registry)
    assert any(b'"1.1.0"' in path.read_bytes() for path in (tmp_path / "pin").glob("config-*"))


@pytest.mark.parametrize("what", ["commit", "tag", "tree"])
def test_replaced_objects_are_ignored(running: Governed, what: str) -> None:
    """Any object that the verifier reads may have a replacement."""
    pairs = {
        "commit": (running.tip(), running.world.head("HEAD")),
        "tag": (running.world.head(slot(3)), running.world.head(slot(2))),
        "tree": (running.world.head("refs/remotes/origin/main^{tree}"), running.world.head("HEAD^{tree}")),
    }
    running.world.git("replace", *pairs[what])
    result = running.verification()
    assert result.ok
    assert result.state.seq == 3


def test_grafts_do_not_change_history(running: Governed) -> None:
    """A grafts file makes main end before the released merge."""
    (running.world.clone / ".git" / "info").mkdir(exist_ok=True)
    (running.world.clone / ".git" / "info" / "grafts").write_text(running.tip() + "\n")
    assert running.verification().ok


def test_a_shallow_clone_is_refused_by_name(running: Governed, tmp_path: Path) -> None:
    """Cut-off history hides ancestry, so nothing is claimed from it."""
    run_git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{running.world.remote}", "shallow")
    with pytest.raises(EnvironmentFault, match="SHALLOW_HISTORY"):
        running.workspace(path=tmp_path / "shallow")


def test_a_clone_without_the_branch_says_so(running: Governed) -> None:
    """Only the tags arrived."""
    for ref in ("refs/remotes/origin/main", "refs/remotes/origin/HEAD"):
        running.world.git("update-ref", "-d", "--no-deref", ref, check=False)
    running.world.git("switch", "--quiet", "--detach")
    running.world.git("branch", "-D", "main")
    assert codes(running.verification()) == ["NO_BRANCH"]


def test_a_copy_without_a_remote_is_read_by_its_own_branch(running: Governed) -> None:
    """An archive that was unpacked somewhere; writing from it is refused by name."""
    running.world.git("switch", "--quiet", "--detach")
    running.world.git("branch", "--force", "main", running.tip())
    running.world.git("remote", "remove", "origin")
    assert (running.verification().ok, running.verification().state.seq) == (True, 3)
    with pytest.raises(EnvironmentFault, match="NO_REMOTE"):
        jobs.deprecate(running.workspace("bob"), BASE, reason="x")


def test_a_clone_whose_branch_is_behind_says_so(running: Governed) -> None:
    """The tags arrived before the branch did."""
    plant(running.world.clone, {"refs/remotes/origin/main": running.world.head("HEAD")})
    result = running.verification()
    assert codes(result) == ["BRANCH_BEHIND"]
    assert "git fetch origin" in result.errors[0].fix


def test_a_hostile_repository_config_runs_nothing_and_changes_nothing(running: Governed, tmp_path: Path) -> None:
    """Every setting that names a program names the attacker's; alice reads, writes and rolls back."""
    canary = Canary(tmp_path / "canary")
    poison_config(running.world.clone, canary)
    (running.world.clone / "allowed").write_text("* ssh-ed25519 AAAA\n")
    running.world.git(
        "config", "gpg.ssh.allowedSignersFile", str(running.world.clone / "allowed"), env={"GIT_TRACE2": "0"}
    )
    running.world.git("config", "--unset", "trace2.eventTarget", check=False)
    assert running.verification().ok
    jobs.rollback(running.workspace("alice"), env="production", to=None, reason="too strict")
    result = running.verification()
    assert result.ok
    assert result.state.seq == 4
    assert not canary.sang


def test_a_hostile_environment_runs_nothing_and_changes_nothing(
    running: Governed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every GIT_ variable is set against us."""
    canary = Canary(tmp_path / "canary")
    (tmp_path / "elsewhere").mkdir()
    before = running.verification()
    space = running.workspace("alice")
    for name, value in poisoned_environment(canary, tmp_path / "elsewhere").items():
        monkeypatch.setenv(name, value)
    assert space.verification().state == before.state
    jobs.rollback(space, env="production", to=None, reason="too strict")
    assert space.verification().state.seq == 4
    assert not canary.sang


def test_events_of_one_registry_are_not_written_to_a_fork(running: Governed, tmp_path: Path) -> None:
    """The remote's URL was changed to a fork."""
    run_git(tmp_path, "clone", "--quiet", "--bare", str(running.world.remote), "fork.git")
    running.world.git("config", "remote.origin.url", str(tmp_path / "fork.git"))
    with pytest.raises(PermissionRefused, match="WRONG_HOME"):
        jobs.deprecate(running.workspace("bob"), BASE, reason="x")


def test_a_whole_registry_that_was_swapped_is_another_one(running: Governed, world: World, tmp_path: Path) -> None:
    """Everything is signed properly, by the attacker's own genesis."""
    root = running.verification().state.registry
    other = govern(world, team=("dave", "robot"))
    assert other.verification().ok
    with pytest.raises(IntegrityError, match="WRONG_ROOT"):
        pinning.pin(other.workspace("dave"), "1.0.0", tmp_path / "pin", trust_root=root)


def test_nobody_seals_a_policy_that_is_not_the_merged_one(world: World) -> None:
    """The work tree shows alice a harmless policy while main has the attacker's."""
    governed = govern(world, seal=False)
    mine = (world.clone / "trust.toml").read_text()
    world.commit({"trust.toml": mine.replace(world.public_key("bob"), world.public_key("dave"))}, "Swap")
    world.git("push", "--quiet", "origin", "HEAD:main")
    (world.clone / "trust.toml").write_text(mine)
    with pytest.raises(Exception, match="POLICY_DIFFERS"):
        start.seal(governed.workspace("alice"), adopt=[], reason="start", dry_run=False)
    assert governed.remote_tags() == {}


def test_nobody_seals_in_a_fork(world: World, tmp_path: Path) -> None:
    """Genesis, too, belongs in a home of the registry."""
    governed = govern(world, seal=False)
    run_git(tmp_path, "clone", "--quiet", "--bare", str(world.remote), "fork.git")
    world.git("config", "remote.origin.url", str(tmp_path / "fork.git"))
    with pytest.raises(PermissionRefused, match="WRONG_HOME"):
        start.seal(governed.workspace("alice"), adopt=[], reason="start", dry_run=False)


def test_genesis_is_sealed_once(running: Governed) -> None:
    """A second genesis would start another registry over the first."""
    before = running.remote_tags()
    with pytest.raises(Exception, match="ALREADY_SEALED"):
        start.seal(running.workspace("alice"), adopt=[], reason="again", dry_run=False)
    assert running.remote_tags() == before
