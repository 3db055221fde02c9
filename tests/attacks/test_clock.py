"""Attacks on time: it orders nothing, and whoever lies about it holds nobody up for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import govern as jobs
from calibgit.jobs import read, upkeep
from calibgit.jobs.auditing import audit
from calibgit.registry.clock import utc
from calibgit.registry.read import read_registry
from calibgit.registry.verify import Moment
from tests.attacks.raw import codes, forge, payload, share, slot, stopped, target_of, warned
from tests.attacks.test_policies import change, deprecation, ended, merge_policy
from tests.support.governed import BASE, LINE, Governed

LIE = "9999-12-31T23:59:59Z"


def lied(running: Governed, at: str = LIE, by: str = "bob") -> None:
    """Event 4, a checkpoint, dated by a key that may write checkpoints; it is on the remote."""
    expires = utc(datetime.fromisoformat(at) + timedelta(days=3)) if at != LIE else LIE
    value = payload(running, "checkpoint", target={"commit": running.tip()}, at=at, expires=expires)
    forge(running, value, by=by)
    share(running, slot(4))


def fired(running: Governed) -> None:
    """Bob's key ends with event 5, and the policy event sets the clock right."""
    merge_policy(running, *ended(running, "bob", 4, compromised=True))
    upkeep.policy(running.workspace("alice"), reason="bob's key lied")


def at(running: Governed, moment: str) -> int:
    """Number of the last event up to a moment."""
    return int(read.status(running.workspace(), at=moment)["seq"])


@pytest.fixture
def dated(running: Governed) -> Governed:
    """The log's last honest time is half a day ago: nothing below depends on the seconds of the fixture."""
    running.clock.now += 12 * 3600
    return running


def test_an_event_of_the_year_9999_stops_no_reader_and_holds_writers_up_until_the_key_ends(dated: Governed) -> None:
    """A stolen machine's key signs one event with a false time."""
    before = dated.clock.now
    lied(dated, "9999-11-30T00:00:00Z")
    result = dated.verification()
    assert (result.ok, result.state.seq) == (True, 4)
    status = read.status(dated.workspace())
    assert [warning["code"] for warning in status["warnings"]] == ["CLOCK_AHEAD"]
    assert status["lines"][LINE]["active"] == {"production": "1.1.0"}
    with pytest.raises(CalibgitError, match="CLOCK_BEHIND") as refusal:
        jobs.deprecate(dated.workspace("carol"), BASE, reason="x")
    assert "calibgit policy" in refusal.value.fix
    merge_policy(dated, *ended(dated, "bob", 4, compromised=True))
    written = upkeep.policy(dated.workspace("alice"), reason="bob's key lied")
    assert "set back from 9999-11-30" in written.note
    jobs.deprecate(dated.workspace("carol"), BASE, reason="x")
    result = dated.verification()
    assert (result.ok, result.state.seq, warned(result)) == (True, 6, ["CLOCK_SET_BACK"])
    assert utc(datetime.fromtimestamp(before, UTC)) <= result.state.head_at < "2100"
    assert [warning["code"] for warning in read.status(dated.workspace())["warnings"]] == ["CLOCK_SET_BACK"]


@pytest.mark.slow
def test_a_checkpoint_of_the_future_vouches_for_nothing(dated: Governed) -> None:
    """Neither before the clock is set right, for ever fresh, nor after it."""
    upkeep.checkpoint(dated.workspace("carol"))
    assert dated.workspace("alice", max_staleness=timedelta(days=1)).verification().ok
    value = payload(
        dated, "checkpoint", target={"commit": dated.tip()}, at="9999-11-30T00:00:00Z", expires="9999-12-02T00:00:00Z"
    )
    forge(dated, value)
    share(dated, slot(5))
    assert codes(dated.workspace("alice", max_staleness=timedelta(days=1)).verification()) == ["STALE"]
    merge_policy(dated, *ended(dated, "bob", 5))
    upkeep.policy(dated.workspace("alice"), reason="right")
    state = dated.verification().state
    assert state.checkpoint is None
    assert codes(dated.workspace("alice", max_staleness=timedelta(days=1)).verification()) == ["STALE"]
    upkeep.checkpoint(dated.workspace("carol"))
    assert dated.workspace("alice", max_staleness=timedelta(days=1)).verification().ok


@pytest.mark.slow
def test_an_honest_checkpoint_before_the_lie_still_vouches_after_the_clock_is_set_right(dated: Governed) -> None:
    """Only what was dated later than the new time goes."""
    upkeep.checkpoint(dated.workspace("carol"))
    forge(dated, deprecation(dated, at="9999-11-30T00:00:00Z"))
    share(dated, slot(5))
    merge_policy(dated, *ended(dated, "bob", 5))
    upkeep.policy(dated.workspace("alice"), reason="right")
    checkpoint = dated.verification().state.checkpoint
    assert checkpoint is not None
    assert checkpoint.seq == 4


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["deprecate", "checkpoint"])
def test_no_other_event_sets_the_clock_back(dated: Governed, kind: str) -> None:
    """Whoever may not change the policy may not date back either."""
    lied(dated, "9999-11-30T00:00:00Z")
    fields: dict[str, Any] = {
        "deprecate": {"line": LINE, "version": "1.0.0", "target": target_of(dated)},
        "checkpoint": {"target": {"commit": dated.tip()}, "expires": "2024-01-02T00:00:00Z"},
    }[kind]
    forge(dated, payload(dated, kind, **fields, at="2024-01-01T00:00:00Z"), by="alice")
    stopped(dated, "TIME_REVERSED", 5, good=4)


@pytest.mark.slow
def test_a_policy_by_somebody_without_the_role_sets_no_clock(dated: Governed) -> None:
    """The kind alone is no licence."""
    lied(dated, "9999-11-30T00:00:00Z")
    merge_policy(dated, *ended(dated, "bob", 4))
    forge(dated, change(dated, at="2024-01-01T00:00:00Z"), by="robot")
    stopped(dated, "UNKNOWN_KEY", 5, good=4)


@pytest.mark.slow
def test_the_policy_writer_sets_back_only_what_is_far_ahead(dated: Governed) -> None:
    """Nine minutes are a clock's own affair: the predecessor's time is taken over."""
    ahead = utc(datetime.fromtimestamp(dated.clock.now + 540, UTC))
    lied(dated, ahead)
    merge_policy(dated, *ended(dated, "bob", 4))
    written = upkeep.policy(dated.workspace("alice"), reason="right")
    assert (written.event.at, written.note) == (ahead, "")


@pytest.mark.slow
def test_a_race_against_the_lying_key_ends_when_the_key_does(dated: Governed) -> None:
    """The thief signs once more, later still; after the policy event the key signs nothing."""
    lied(dated, "9999-11-30T00:00:00Z")
    at = "9999-12-01T00:00:00Z"
    forge(dated, payload(dated, "checkpoint", target={"commit": dated.tip()}, at=at, expires=LIE))
    share(dated, slot(5))
    fired(dated)
    assert dated.verification().state.seq == 6
    forge(dated, payload(dated, "checkpoint", target={"commit": dated.tip()}, at=LIE, expires=LIE))
    stopped(dated, "KEY_ENDED", 7, good=6)


def test_status_at_a_time_means_the_last_event_in_order_up_to_it_also_around_a_false_time(dated: Governed) -> None:
    """What was dated ahead counts as of the event that set the clock right; before that it is not in the answer."""
    honest = dated.verification().state.head_at
    lied(dated, "9999-11-30T00:00:00Z")
    fired(dated)
    right = dated.verification().state.head_at
    dated.clock.now += 3600
    jobs.deprecate(dated.workspace("carol"), BASE, reason="later")
    last = dated.verification().state.head_at
    between = utc(datetime.fromisoformat(right) - timedelta(hours=1))
    assert honest < between < right < last
    asked = {honest: 3, between: 3, right: 5, utc(datetime.fromisoformat(last) - timedelta(minutes=1)): 5, last: 6}
    assert {moment: at(dated, moment) for moment in asked} == asked
    assert (at(dated, "9999-12-31T00:00:00Z"), at(dated, "1999-01-01T00:00:00Z")) == (6, 0)
    assert [at(dated, str(seq)) for seq in (3, 4, 5, 6)] == [3, 4, 5, 6]


@pytest.mark.slow
def test_looking_back_over_many_false_times(dated: Governed) -> None:
    """Twice a lie, twice set right: the answer is the last one in order, whatever lies in between."""
    lied(dated, "9000-01-01T00:00:00Z")
    merge_policy(dated, *ended(dated, "bob", 5))
    upkeep.policy(dated.workspace("alice"), reason="bob's key lied")
    first = dated.verification().state.head_at
    dated.clock.now += 3600
    forge(dated, deprecation(dated, at="9000-01-01T00:00:00Z"), by="carol")
    share(dated, slot(6))
    merge_policy(dated, *ended(dated, "carol", 7))
    upkeep.policy(dated.workspace("alice"), reason="carol's key lied")
    second = dated.verification().state.head_at
    assert (at(dated, first), at(dated, second), at(dated, "9000-01-01T00:00:00Z")) == (5, 7, 7)
    result = read_registry(dated.workspace().repo, moment=Moment(at=first))
    assert result.past is not None
    assert result.past.seq == 5


@pytest.mark.slow
def test_an_audit_tells_a_false_time_as_it_was_signed(dated: Governed) -> None:
    """The document is the same whenever it is made: no reader's clock is in it."""
    lied(dated, "9999-11-30T00:00:00Z")
    fired(dated)
    first = audit(dated.workspace("carol"))
    dated.clock.now += 10**7
    assert audit(dated.workspace("carol")) == first


@pytest.mark.slow
def test_what_was_activated_at_a_false_time_is_rolled_back_all_the_same(dated: Governed) -> None:
    """Its report gives the times as they were signed, also where the end lies before the beginning."""
    fields = {"line": LINE, "version": "1.0.0", "env": "production", "from_version": "1.1.0"}
    forge(dated, payload(dated, "activate", **fields, target=target_of(dated), at="9999-11-30T00:00:00Z"))
    share(dated, slot(4))
    merge_policy(dated, *ended(dated, "bob", 4, compromised=True))
    upkeep.policy(dated.workspace("alice"), reason="right")
    assert dated.verification().state.alarm(LINE, "production") == 4
    _, report = jobs.rollback(dated.workspace("alice"), env="production", to=None, reason="hostile")
    assert (report.from_version, report.version) == ("1.0.0", "1.1.0")
    assert dated.verification().ok
    assert [period.version for period in audit(dated.workspace("carol")).periods] == [
        "1.0.0",
        "1.1.0",
        "1.0.0",
        "1.1.0",
    ]
