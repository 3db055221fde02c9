"""From a verified log to a bundle: only what stands may be pinned, and exceptions are recorded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from calibgit.errors import CalibgitError, GateClosed, IntegrityError, UsageError
from calibgit.jobs import govern as jobs
from calibgit.jobs import pinning
from calibgit.model.ids import Version
from calibgit.runtime import load
from tests.support.governed import Governed, govern
from tests.support.story import Story
from tests.support.world import World

Bundle = Callable[[str], Path]


@pytest.fixture
def governed(world: World) -> Governed:
    return govern(world)


def _released(governed: Governed, number: str, cut: int) -> None:
    governed.merge(governed.propose(number, author="carol", good=cut), by="alice")
    jobs.release(governed.workspace("bob"), Version.parse(number), reason="approved")


def test_a_bundle_is_the_same_bytes_whoever_pins_and_whenever(story: Story, tmp_path: Path) -> None:
    for place, person in (("a", "alice"), ("b", "carol")):
        pinning.pin(story.governed.workspace(person), "1.1.0", tmp_path / place, trust_root=story.root)
    files = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "b").iterdir()}


@pytest.mark.parametrize("tag", ["calib/scoring/v1.1.0", "v1.1.0", "1.1.0"])
def test_a_version_can_be_named_in_three_ways(story: Story, tmp_path: Path, tag: str) -> None:
    pinned = pinning.pin(story.governed.workspace(), tag, tmp_path / "p", trust_root=story.root, dry_run=True)
    assert pinned.lock.version == "1.1.0"
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("tag", "code"),
    [("calib/exam/v1.1.0", "OTHER_LINE"), ("1.1", "BAD_VERSION"), ("main", "BAD_VERSION"), ("calib/e/00000001", "BAD_VERSION")],
)  # fmt: skip
def test_what_names_no_version_of_the_line_is_refused(story: Story, tmp_path: Path, tag: str, code: str) -> None:
    with pytest.raises(UsageError, match=code):
        pinning.pin(story.governed.workspace(), tag, tmp_path / "p", trust_root=story.root)


@pytest.mark.parametrize(
    ("version", "env", "code"),
    [
        ("9.9.9", "production", "NOT_RELEASED"),
        ("1.2.0", "production", "NOT_ACTIVE"),
        ("1.1.0", "staging", "NOT_ACTIVE"),
    ],
)
def test_only_what_is_or_was_active_may_be_pinned(
    story: Story, tmp_path: Path, version: str, env: str, code: str
) -> None:
    with pytest.raises(GateClosed, match=code):
        pinning.pin(story.governed.workspace(), version, tmp_path / "p", trust_root=story.root, env=env)
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize("root", ["0" * 64, "", "latest"])
def test_another_trust_root_is_refused_and_nothing_is_written(story: Story, tmp_path: Path, root: str) -> None:
    with pytest.raises(IntegrityError, match="WRONG_ROOT"):
        pinning.pin(story.governed.workspace(), "1.1.0", tmp_path / "p", trust_root=root)
    assert not (tmp_path / "p").exists()


def test_an_inactive_version_is_pinned_only_on_demand_and_the_lock_says_so(story: Story, bundle: Bundle) -> None:
    assert load(bundle("inactive")).lock.active is False
    assert load(bundle("active")).lock.active is True


def test_a_superseded_baseline_is_pinned_as_what_it_is(story: Story, bundle: Bundle) -> None:
    lock = load(bundle("baseline")).lock
    assert (lock.version, lock.evidence, lock.approvers, lock.active) == ("1.0.0", "baseline", (), True)
    assert lock.tag == lock.slot == "calib/e/00000001"
    assert lock.registry == story.root


def test_a_shorter_log_never_replaces_a_longer_one(governed: Governed, tmp_path: Path) -> None:
    root = governed.verification().state.registry
    _released(governed, "1.1.0", 67)
    jobs.activate(governed.workspace("bob"), Version(1, 1, 0), env="production")
    pinning.pin(governed.workspace(), "1.1.0", tmp_path / "p", trust_root=root)
    for name in ("calib/e/00000003", "calib/e/00000002", "calib/scoring/v1.1.0"):
        governed.world.git("tag", "--delete", name)
    with pytest.raises(IntegrityError, match="ROLLBACK"):
        pinning.pin(governed.workspace(), "1.0.0", tmp_path / "p", trust_root=root)
    with pytest.raises(IntegrityError, match="DOWNGRADE"):
        pinning.pin(governed.workspace("dave"), "1.0.0", tmp_path / "p", trust_root=root)
    assert load(tmp_path / "p").version == "1.1.0"


def test_what_was_rolled_back_or_deprecated_is_pinned_only_on_demand(governed: Governed, tmp_path: Path) -> None:
    root = governed.verification().state.registry
    _released(governed, "1.1.0", 67)
    jobs.activate(governed.workspace("bob"), Version(1, 1, 0), env="production")
    jobs.rollback(governed.workspace("bob"), env="production", to=None, reason="too strict")
    _released(governed, "1.2.0", 66)
    jobs.activate(governed.workspace("bob"), Version(1, 2, 0), env="production")
    jobs.deprecate(governed.workspace("bob"), Version(1, 2, 0), reason="no longer")
    for version, code in (("1.1.0", "ROLLED_BACK"), ("1.2.0", "DEPRECATED")):
        with pytest.raises(GateClosed, match=code):
            pinning.pin(governed.workspace(), version, tmp_path / "p", trust_root=root)
    pinned = pinning.pin(governed.workspace(), "1.1.0", tmp_path / "p", trust_root=root, allow_inactive=True)
    assert pinned.lock.active is False
    pinning.check_bundle(tmp_path / "p", trust_root=root)


def test_a_registry_that_does_not_hold_is_pinned_by_nobody(governed: Governed, tmp_path: Path) -> None:
    root = governed.verification().state.registry
    governed.world.git("tag", "calib/e/00000002", "HEAD")
    with pytest.raises(CalibgitError) as caught:
        pinning.pin(governed.workspace(), "1.0.0", tmp_path / "p", trust_root=root)
    assert isinstance(caught.value, IntegrityError)
    assert not (tmp_path / "p").exists()


def test_the_single_person_registry_says_so_in_every_lock(world: World, tmp_path: Path) -> None:
    governed = govern(world, team=("alice",), solo=True)
    root = governed.verification().state.registry
    pinning.pin(governed.workspace(), "1.0.0", tmp_path / "p", trust_root=root)
    config = load(tmp_path / "p")
    assert config.lock.four_eyes is False
    assert config.as_log_fields()["config_four_eyes"] is False
