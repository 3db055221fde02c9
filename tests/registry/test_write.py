"""Writing one event: who may, where to, at what time, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from calibgit.errors import CalibgitError, GateClosed
from calibgit.jobs import govern as jobs
from calibgit.model.policy import Policy
from calibgit.registry.write import is_home
from tests.support.events import policy
from tests.support.governed import BASE, Governed, govern
from tests.support.world import EPOCH, World


@pytest.fixture
def governed(world: World) -> Governed:
    return govern(world)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("../remote.git", True),
        ("../remote", True),
        ("../remote.git/", True),
        ("../remote/", True),
        ("../remote.git.git", False),
        ("../Remote.git", False),
        ("../remote2.git", False),
        ("/remote.git", False),
        ("", False),
    ],
)
def test_a_home_is_known_by_its_url(url: str, good: bool) -> None:
    rules: Policy = policy()
    assert is_home(url, rules) is good


def test_a_stranger_writes_nothing(governed: Governed) -> None:
    before = governed.remote_tags()
    with pytest.raises(CalibgitError, match="NOT_A_SIGNER"):
        jobs.deprecate(governed.workspace("dave"), BASE, reason="x")
    assert governed.remote_tags() == before


def test_a_clock_that_is_far_behind_the_log_is_told_so(governed: Governed) -> None:
    governed.clock.now = EPOCH - 3600
    with pytest.raises(GateClosed, match="CLOCK_BEHIND"):
        jobs.deprecate(governed.workspace("bob"), BASE, reason="x")


def test_a_clock_that_is_a_little_behind_writes_the_predecessors_time(governed: Governed) -> None:
    before = governed.verification().state.head_at
    governed.clock.now = EPOCH - 300
    written = jobs.deprecate(governed.workspace("bob"), BASE, reason="x")
    assert written.event.at == before
    assert governed.verification().ok


@pytest.mark.parametrize("reason", ["two\nlines", "a\ttab", "bell\x07", "e\u0301", "x" * 2001, "\ud800"])
def test_a_reason_that_cannot_be_signed_is_refused_before_anything_is_written(governed: Governed, reason: str) -> None:
    before = governed.world.remote_git("for-each-ref"), governed.world.git("for-each-ref")
    with pytest.raises(CalibgitError):
        jobs.deprecate(governed.workspace("bob"), BASE, reason=reason)
    assert (governed.world.remote_git("for-each-ref"), governed.world.git("for-each-ref")) == before


@pytest.mark.parametrize("env", ["Production", "a/b", "e", "", "x" * 41, "-x", "\u00e9"])
def test_an_environment_keeps_the_grammar(governed: Governed, env: Any) -> None:
    before = governed.remote_tags()
    with pytest.raises(CalibgitError):
        jobs.activate(governed.workspace("bob"), BASE, env=env)
    assert governed.remote_tags() == before


def test_the_written_event_is_the_one_that_readers_see(governed: Governed) -> None:
    written = jobs.activate(governed.workspace("bob"), BASE, env="staging", reason="try it")
    event = governed.verification().events[-1]
    assert (written.event.oid, written.event.sha256, written.person) == (event.oid, event.sha256, "bob")
    assert governed.remote_tags()["refs/tags/calib/e/00000002"] == event.oid


def test_writers_leave_no_local_ref_that_the_remote_does_not_have(governed: Governed) -> None:
    jobs.activate(governed.workspace("bob"), BASE, env="staging")
    local = governed.world.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/tags").splitlines()
    assert dict(line.split(" ") for line in local) == governed.remote_tags()
