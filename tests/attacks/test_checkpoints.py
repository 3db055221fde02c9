"""Attacks on checkpoints, which promise that nothing newer exists, and on ratifications of rollbacks."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import govern as jobs
from calibgit.jobs import start, upkeep
from calibgit.model.ids import Version
from tests.attacks.raw import codes, forge, payload, stopped
from tests.support.governed import BASE, LINE, Clock, Governed, govern
from tests.support.world import Template, World

V110 = Version(1, 1, 0)
OLD = '[roles.checkpoint]\npeople = ["alice", "bob", "carol"]\n'
ROLE = '[roles.checkpoint]\npeople = ["robot", "alice"]\n'


@pytest.fixture(scope="session")
def watched_template(template: Template, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, int]:
    """The original of `watched`; never given to a test."""
    governed = govern(template.copy(tmp_path_factory.mktemp("watched") / "world"), seal=False)
    world = governed.world
    robot = f'[people.robot]\nkind = "ci"\nkeys = ["{world.public_key("robot")}"]\n\n'
    text = (world.clone / "trust.toml").read_text()
    world.commit({"trust.toml": text.replace(OLD, robot + ROLE)}, "Checkpoints")
    world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()
    start.seal(governed.workspace("alice"), adopt=[(BASE, ["production"])], reason="start", dry_run=False)
    governed.merge(governed.propose("1.1.0", author="carol"), by="alice")
    jobs.release(governed.workspace("bob"), V110, reason="approved")
    jobs.activate(governed.workspace("bob"), V110, env="production")
    jobs.rollback(governed.workspace("bob"), env="production", to=None, reason="too strict")
    return world, governed.clock.now


@pytest.fixture
def watched(watched_template: tuple[World, int], tmp_path: Path) -> Governed:
    """Robot and alice may write checkpoints. Bob activated 1.1.0 (event 3) and rolled it back alone (event 4)."""
    original, now = watched_template
    root = tmp_path / "watched"
    shutil.copytree(original.root, root, symlinks=True)
    return Governed(World(root, root / "remote.git", root / "clone", original.keys, original.signers), Clock(now))


def point(watched: Governed, expires: str, **changes: Any) -> dict[str, Any]:
    """A checkpoint by hand."""
    return payload(watched, "checkpoint", target={"commit": watched.tip()}, expires=expires, **changes)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("expires", "code"),
    [
        ("2023-11-17T00:00:00Z", ""),
        ("2023-11-14T22:13:20Z", "BAD_EXPIRY"),
        ("1970-01-01T00:00:00Z", "BAD_EXPIRY"),
        ("2023-12-25T00:00:00Z", "BAD_EXPIRY"),
        ("9999-12-31T23:59:59Z", "BAD_EXPIRY"),
        ("2023-11-31T00:00:00Z", "MALFORMED"),
        ("2023-11-17T00:00:00+00:00", "MALFORMED"),
        ("0000-01-01T00:00:00Z", "MALFORMED"),
        ("", "MALFORMED"),
    ],
)
def test_a_checkpoint_is_good_for_a_while_and_not_for_ever(watched: Governed, expires: str, code: str) -> None:
    """A promise without an end would make a frozen log look fresh; the machine's key is in the wrong hands."""
    value = point(watched, "2023-11-17T00:00:00Z") | {"expires": expires}
    forge(watched, value, by="robot")
    if code:
        stopped(watched, code, 5, good=4)
        assert watched.verification().state.checkpoint is None
        return
    state = watched.verification().state
    assert state.checkpoint is not None
    assert (state.checkpoint.seq, state.checkpoint.expires) == (5, expires)


@pytest.mark.slow
def test_a_checkpoint_may_not_outlive_its_own_past(watched: Governed) -> None:
    """The signer's time may run ahead but not back, so an expired promise is not dated back to life."""
    forge(watched, point(watched, "2023-11-17T00:00:00Z", at="2023-11-14T00:00:00Z"), by="robot")
    stopped(watched, "TIME_REVERSED", 5, good=4)


@pytest.mark.parametrize(
    ("by", "code"), [("bob", "NOT_AUTHORISED"), ("carol", "NOT_AUTHORISED"), ("dave", "UNKNOWN_KEY")]
)
def test_a_checkpoint_needs_its_role(watched: Governed, by: str, code: str) -> None:
    """By hand and by the tool."""
    before = watched.remote_tags()
    with pytest.raises(CalibgitError, match="NOT_AUTHORISED" if by != "dave" else "NOT_A_SIGNER"):
        upkeep.checkpoint(watched.workspace(by), hours=72)
    assert watched.remote_tags() == before
    forge(watched, point(watched, "2023-11-17T00:00:00Z"), by=by)
    stopped(watched, code, 5, good=4)


def test_the_key_of_the_checkpoints_does_nothing_else(watched: Governed) -> None:
    """A machine's key that was stolen from CI."""
    target = dict(watched.verification().events[1].payload["target"])
    common = {"line": LINE, "version": "1.1.0", "target": target}
    events = {
        "deprecate": common,
        "activate": common | {"env": "staging"},
        "reject": {"line": LINE, "version": "1.2.0", "config_sha256": "0" * 64, "target": {"commit": watched.tip()}},
        "ratify": ratification(watched),
        "void": {"void": [{"seq": 5, "oid": "0" * 40}], "target": {"commit": watched.tip()}, "seq": 6},
    }
    for kind, fields in events.items():
        value = payload(watched, kind, **fields)
        forge(watched, value, by="robot")
        result = watched.verification()
        found = codes(result) or [warning.code for warning in result.warnings]
        assert (kind, result.state.seq, len(found)) == (kind, 4, 1)
        assert found[0] in {"NOT_AUTHORISED", "FOREIGN_SLOT"}
        for name in value["refs"]:
            watched.world.git("update-ref", "-d", name)


def ratification(watched: Governed, **changes: Any) -> dict[str, Any]:
    """The fields of a ratification of bob's rollback."""
    seq = changes.pop("seq", 4)
    digest = changes.pop("sha256", watched.verification().events[min(seq, 4) - 1].sha256)
    fields = {"line": LINE, "env": "production", "target": {"commit": watched.tip()}}
    return fields | {"ratifies": {"seq": seq, "sha256": digest}} | changes


@pytest.mark.slow
def test_a_ratification_by_hand_by_a_second_person_is_believed(watched: Governed) -> None:
    """The attacks below differ from this in one thing each."""
    forge(watched, payload(watched, "ratify", **ratification(watched)), by="alice")
    state = watched.verification().state
    assert state.ratified == {4: "alice"}
    assert not state.unratified()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("by", "changes", "code"),
    [
        ("bob", {}, "OWN_ROLLBACK"),
        ("robot", {}, "NOT_AUTHORISED"),
        ("dave", {}, "UNKNOWN_KEY"),
        ("alice", {"seq": 3}, "NOT_A_ROLLBACK"),
        ("alice", {"seq": 2}, "NOT_A_ROLLBACK"),
        ("alice", {"seq": 99}, "NOT_A_ROLLBACK"),
        ("alice", {"sha256": "0" * 64}, "NOT_A_ROLLBACK"),
        ("alice", {"line": "other"}, "NOT_A_ROLLBACK"),
        ("alice", {"env": "staging"}, "NOT_A_ROLLBACK"),
        ("alice", {"reason": " "}, "MALFORMED"),
        ("alice", {"version": "1.0.0"}, "MALFORMED"),
    ],
)
def test_what_is_no_ratification(watched: Governed, by: str, changes: dict[str, Any], code: str) -> None:
    """Somebody wants the open rollback off the list, or another event on it."""
    forge(watched, payload(watched, "ratify", **ratification(watched, **changes)), by=by)
    stopped(watched, code, 5, good=4)
    assert [step.seq for step in watched.verification().state.unratified()] == [4]


def test_a_rollback_is_ratified_once(watched: Governed) -> None:
    """A second name on it would say nothing, and could be put over the first."""
    upkeep.ratify(watched.workspace("alice"), 4, reason="it was right")
    forge(watched, payload(watched, "ratify", **ratification(watched)), by="carol")
    stopped(watched, "ALREADY_RATIFIED", 6, good=5)
    assert watched.verification().state.ratified == {4: "alice"}


def test_nobody_ratifies_their_own_rollback(watched: Governed) -> None:
    """By hand and by the tool."""
    forge(watched, payload(watched, "ratify", **ratification(watched)), by="bob")
    stopped(watched, "OWN_ROLLBACK", 5, good=4)
    watched.world.git("update-ref", "-d", "refs/tags/calib/e/00000005")
    with pytest.raises(CalibgitError, match="OWN_ROLLBACK"):
        upkeep.ratify(watched.workspace("bob"), 4, reason="me")
