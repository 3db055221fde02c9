"""A hard fork over real repositories: a registry of its own, and the old one untouched."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from calibgit.errors import CalibgitError, Conflict, GateClosed, IntegrityError
from calibgit.jobs import forking, govern, pinning, read, start, upkeep
from calibgit.jobs.forking import Forked
from calibgit.jobs.roster import Roster
from calibgit.model.ids import Version
from calibgit.repo.network import place_of
from tests.attacks.raw import plant, slot
from tests.support.governed import BASE, Governed
from tests.support.world import World, run_git

V110, V120 = Version(1, 1, 0), Version(1, 2, 0)
TEAM = ("dave", "carol", "robot")


@pytest.fixture
def forked(running: Governed) -> Governed:
    """A clone whose origin is a copy of the whole remote, tags included; the old home is called upstream."""
    return copied(running)


def copied(running: Governed) -> Governed:
    world = running.world
    run_git(world.root, "clone", "--quiet", "--mirror", "remote.git", "fork.git")
    world.git("remote", "rename", "origin", "upstream")
    world.git("remote", "add", "origin", "../fork.git")
    world.git("reset", "--quiet", "--hard", "refs/remotes/upstream/main")
    return Governed(replace(world, remote=world.root / "fork.git"), running.clock)


def roster(world: World, team: tuple[str, ...] = TEAM, **options: Any) -> Roster:
    members = [start.Member(name, f"{name}@example.org", world.public_key(name)) for name in team]
    return Roster(tuple(members), **options)


def fork(governed: Governed, team: tuple[str, ...] = TEAM, **options: Any) -> Forked:
    how = {name: options.pop(name) for name in ("dry_run", "home") if name in options}
    home = how.pop("home", ())
    return forking.fork(
        governed.workspace("dave"), roster(governed.world, team, **options), home=home, branch=None, **how
    )


def paste(governed: Governed, result: Forked) -> None:
    """Every git line of the result, in a shell, in the clone."""
    for step in result.steps:
        for command in step.commands:
            if command.startswith("git "):
                subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", command],
                    cwd=governed.world.clone,
                    check=True,
                    capture_output=True,
                )


def adopted(result: Forked) -> list[tuple[Version, tuple[str, ...]]]:
    return [(Version.parse(each.version), each.envs) for each in result.adopted]


def everything(path: Path) -> str:
    return run_git(path, "for-each-ref") + run_git(path, "count-objects", "-v")


def sealed(governed: Governed) -> str:
    """Fork, paste, seal; the new registry id."""
    result = fork(governed)
    paste(governed, result)
    written = start.seal(governed.workspace("dave"), adopt=adopted(result), reason="ours now", dry_run=False)
    return written.event.sha256


def test_a_fork_seals_releases_and_pins_under_its_own_id_and_the_old_remote_stays(
    running: Governed, forked: Governed, tmp_path: Path
) -> None:
    old, before = running.verification().state.registry, everything(running.world.remote)
    new = sealed(forked)
    assert new != old
    head = forked.propose("1.2.0", author="carol", initiator="carol@example.org", good=68)
    forked.merge(head, by="dave")
    govern.release(forked.workspace("robot"), V120, reason="ready")
    govern.activate(forked.workspace("dave"), V120, env="production")
    pinned = pinning.pin(forked.workspace("dave"), "1.2.0", tmp_path / "pin", trust_root=new)
    assert pinned.lock.registry == new
    state = forked.verification().state
    assert [(r.version, r.evidence) for r in state.line("scoring").values()] == [(V110, "baseline"), (V120, "proven")]
    assert everything(running.world.remote) == before


def test_readers_of_the_old_registry_refuse_the_fork(running: Governed, forked: Governed, tmp_path: Path) -> None:
    old = running.verification().state.registry
    pinning.pin(running.workspace("dave"), "1.1.0", tmp_path / "pin", trust_root=old)
    colleague = forked.world.root / "colleague"
    run_git(forked.world.root, "clone", "--quiet", "fork.git", "colleague")
    new = sealed(forked)
    with pytest.raises(IntegrityError, match="WRONG_ROOT"):
        read.verify(forked.workspace("dave", trust_root=old))
    with pytest.raises(IntegrityError, match="WRONG_REGISTRY"):
        pinning.pin(forked.workspace("dave"), "1.1.0", tmp_path / "pin", trust_root=new)
    with pytest.raises(Conflict, match="MOVED"):
        forked.workspace("dave", path=colleague, fetch=True)


def test_the_old_log_stays_readable_beside_the_new_one(running: Governed, forked: Governed) -> None:
    old = running.world.git("for-each-ref", "--format=%(objectname)", "refs/tags/calib/")
    registry = running.verification().state.registry
    sealed(forked)
    kept = forked.world.git("for-each-ref", "--format=%(objectname)", f"refs/former/{registry[:12]}/calib/")
    assert kept == old
    forked.world.git("fetch", "--quiet", "upstream")
    assert list(forked.remote_tags()) == ["refs/tags/calib/e/00000001"]
    assert forked.verification().ok
    assert forked.verification().state.seq == 1


def test_a_fork_that_takes_two_people_to_seal(forked: Governed) -> None:
    result = fork(forked, policy_threshold=2)
    assert any("--cosign" in command for step in result.steps for command in step.commands)
    paste(forked, result)
    with pytest.raises(CalibgitError, match="THRESHOLD"):
        start.seal(forked.workspace("dave"), adopt=adopted(result), reason="ours", dry_run=False)
    start.cosign_seal(forked.workspace("carol"), adopt=adopted(result), reason="ours", dry_run=False)
    start.seal(forked.workspace("dave"), adopt=adopted(result), reason="", dry_run=False)
    result_of = forked.verification()
    assert (result_of.ok, result_of.people[1]) == (True, ("dave", "carol"))


def test_a_dry_run_says_the_same_and_writes_nothing(running: Governed, forked: Governed) -> None:
    world = forked.world
    before = (
        [everything(p) for p in (world.clone, world.remote, running.world.remote)],
        world.git("status", "--porcelain"),
    )
    planned = fork(forked, dry_run=True)
    assert (
        [everything(p) for p in (world.clone, world.remote, running.world.remote)],
        world.git("status", "--porcelain"),
    ) == before
    done = fork(forked)
    assert replace(planned, dry_run=False) == done
    assert world.git("status", "--porcelain").splitlines() == [" M CODEOWNERS", " M trust.toml"]
    assert fork(forked).written == (), "a second run finds everything edited"


def test_the_people_and_the_home_are_new_and_the_places_stay(forked: Governed) -> None:
    old = forked.verification().policy
    fork(forked)
    new = forked.workspace("dave").unsealed_policy()
    assert old is not None
    assert (new.lines, new.branch, new.production) == (old.lines, old.branch, old.production)
    assert (set(new.people), new.home) == (set(TEAM), ("../fork.git",))
    rules = (forked.world.clone / "CODEOWNERS").read_text()
    assert rules.startswith(forked.world.git("show", "HEAD:CODEOWNERS"))
    assert rules.rstrip().endswith("/.github/ @dave @carol @robot")


def refused(code: str, governed: Governed, **options: Any) -> CalibgitError:
    before = governed.world.git("status", "--porcelain")
    with pytest.raises(CalibgitError, match=code) as caught:
        fork(governed, **options)
    assert governed.world.git("status", "--porcelain") == before
    return caught.value


def test_the_old_home_is_no_fork(running: Governed, forked: Governed) -> None:
    refused("STILL_HOME", forked, home=("../remote.git",))
    assert "git remote rename origin upstream" in refused("STILL_HOME", running_again(running)).fix


@pytest.mark.parametrize("spelled", ["{0}", "file://{0}", "{0}/", "../clone/../remote.git"])
def test_the_old_home_is_no_fork_however_it_is_spelled(running: Governed, spelled: str) -> None:
    """The lines to paste would free the slots of the old registry itself."""
    running.world.git("config", "remote.origin.url", spelled.format(running.world.remote))
    refused("STILL_HOME", running)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("git@example.org:acme/scoring.git", "https://example.org/acme/scoring", True),
        ("ssh://git@example.org:22/acme/scoring", "https://EXAMPLE.org/Acme/scoring.git/", True),
        ("https://example.org/acme/scoring", "https://example.org/fork/scoring", False),
        ("git@example.org:acme/scoring", "git@example.com:acme/scoring", False),
        ("/srv/git/scoring.git", "file:///srv/git/scoring", True),
    ],
)
def test_two_spellings_of_one_place_are_one_place(one: str, other: str, same: bool, tmp_path: Path) -> None:
    assert (place_of(one, tmp_path) == place_of(other, tmp_path)) is same


def running_again(running: Governed) -> Governed:
    world = running.world
    world.git("remote", "remove", "origin")
    world.git("remote", "rename", "upstream", "origin")
    return running


def test_what_is_not_as_committed_is_not_edited(forked: Governed) -> None:
    path = forked.world.clone / "trust.toml"
    path.write_text(path.read_text() + "\n# mine\n")
    error = refused("UNCOMMITTED", forked)
    assert (error.exit_status, error.fix) == (5, "commit it, or: git restore trust.toml")


def test_a_config_that_is_not_the_signed_one_is_not_adopted(forked: Governed) -> None:
    path = "configs/scoring_config_v1.1.0.json"
    forked.world.commit({path: (forked.world.clone / path).read_text().replace("67", "66")}, "Slip it in")
    refused("DIGEST", forked)


def test_a_key_that_ended_in_the_old_registry_starts_no_new_one(running: Governed) -> None:
    world, key = running.world, running.world.public_key("carol")
    world.git("reset", "--quiet", "--hard", "refs/remotes/origin/main")
    text = (world.clone / "trust.toml").read_text()
    ended = f'keys = ["{key}"]\nended = [{{ key = "{key}", from_seq = 4, compromised = true }}]'
    world.commit({"trust.toml": text.replace(f'keys = ["{key}"]', ended)}, "Carol's laptop was stolen")
    world.git("push", "--quiet", "origin", "HEAD:main")
    upkeep.policy(running.workspace("alice"), reason="stolen")
    refused("KEY_REVIVED", copied(running))
    assert fork(running, ("dave", "alice")).seq == 4


def test_a_fork_of_nothing_is_an_init(world: World, running: Governed) -> None:
    forked = Governed(world, running.clock)
    refused("NOTHING_TO_FORK", forked)


@pytest.mark.parametrize("where", ["clone", "remote"])
def test_nothing_is_sealed_over_what_is_left_of_another_log(forked: Governed, where: str) -> None:
    """Also a name without any event: it would burn a version number of the new registry."""
    old = forked.world.git("rev-parse", "refs/tags/calib/scoring/v1.1.0")
    result = fork(forked)
    paste(forked, result)
    plant(forked.world.clone if where == "clone" else forked.world.remote, {"refs/tags/calib/scoring/v1.1.0": old})
    with pytest.raises(GateClosed, match="FORMER_LOG") as caught:
        start.seal(forked.workspace("dave"), adopt=adopted(result), reason="x", dry_run=False)
    assert "calib/scoring/v1.1.0" in caught.value.what
    assert slot(1) not in forked.remote_tags()


def test_a_seal_before_the_old_names_are_gone_is_refused(forked: Governed) -> None:
    result = fork(forked)
    forked.world.git("commit", "--quiet", "-am", "Fork")
    forked.world.git("push", "--quiet", "--no-follow-tags", "origin", "HEAD:main")
    before = forked.remote_tags()
    with pytest.raises(GateClosed, match="FORMER_LOG"):
        start.seal(forked.workspace("dave"), adopt=adopted(result), reason="x", dry_run=False)
    assert forked.remote_tags() == before


def test_a_registry_that_is_stuck_can_be_forked_at_its_last_good_event(running: Governed, forked: Governed) -> None:
    junk = forked.world.git("rev-parse", "HEAD")
    plant(forked.world.clone, {slot(4): junk})
    result = fork(forked)
    assert result.seq == 3
    assert "state at event 3: LIGHTWEIGHT" in result.notes[0]
    assert [(each.version, each.envs) for each in result.adopted] == [("1.1.0", ("production",))]
    assert BASE not in {version for version, _ in adopted(result)}
