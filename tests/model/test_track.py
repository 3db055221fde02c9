"""The one rule that scores a prediction, over every window that could come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibgit.model import semantics
from calibgit.model.blocks import TallyBlock
from calibgit.model.snapshot import MISSING, OTHER, ConfigRef, MetricsSnapshot, Stratum, TimeWindow
from calibgit.model.track import (
    Promise,
    Reading,
    VersionTrack,
    View,
    advance,
    contradicted,
    fires,
    hold,
    reading,
    tally,
    unscored,
)
from tests.support.snapshots import BANDS, SHA, Plan, config, generator, privacy, smooth, stratum

VERSION = "1.1.0"
NEVER = "2024-01-15T00:00:00Z"
SHARES = st.floats(0, 1)
WHOLE = stratum(Plan(scores=smooth(generator(1), 300), version=VERSION))


def window(number: int, *strata: Stratum, version: str = VERSION, bands: Sequence[str] = BANDS) -> MetricsSnapshot:
    start = dt.date(2024, 1, 1) + dt.timedelta(days=30 * number)
    days = TimeWindow(start=f"{start}T00:00:00Z", end=f"{start + dt.timedelta(days=30)}T00:00:00Z", days=30)
    return MetricsSnapshot(
        line="scoring", window=days, config=ConfigRef(version=version, sha256=SHA), settings_sha256=SHA,
        bands=tuple(bands), roles=("score",), strata=strata, privacy=privacy(),
    )  # fmt: skip


def labelled(good: int, other: int, *, hidden: int = 0) -> Stratum:
    """`good` with the label of the band, `hidden` in a folded label that may be it, `other` elsewhere."""
    counts = {"good": good, "caution": other, OTHER: hidden, MISSING: 7}
    folded = ("good",) if hidden else ()
    return WHOLE.model_copy(update={"labels": TallyBlock(status="present", counts=counts, folded=folded)})


def view(number: int, *strata: Stratum, **more: Any) -> View:
    return View(window(number, *strata, **more), {}, semantics.gates(config(version=VERSION)))


def promised(lower: float = 0.2, upper: float = 0.4, metric: str = "class_share:good", **more: Any) -> VersionTrack:
    one = Promise(metric=metric, point=0.3, lower=lower, upper=upper, level=0.9)
    values = {"version": VERSION, "released": NEVER, "summary_sha256": SHA, "least": 200, "predictions": (one,)}
    return VersionTrack(**{**values, **more})


def after(entry: VersionTrack, views: Sequence[View]) -> Promise:
    record: tuple[VersionTrack, ...] = (entry,)
    for each in views:
        record = advance(record, each)
    return record[0].predictions[0]


@given(st.integers(1, 500), st.data(), SHARES, SHARES, st.integers(0, 400))
def test_a_verdict_says_no_more_than_the_hidden_counts_allow(
    n: int, data: Any, lower: float, upper: float, least: int
) -> None:
    """Missed only if every possible count is outside; an exact count is held exactly if it is inside."""
    low = data.draw(st.integers(0, n))
    high = data.draw(st.integers(low, n))
    interval = Promise(metric="x", point=0, lower=min(lower, upper), upper=max(lower, upper), level=0.9)
    verdict = hold(interval, (low, high, n), least)
    inside = [interval.lower <= k / n <= interval.upper for k in range(low, high + 1)]
    if n < least:
        assert verdict == "not_assessable"
    elif verdict == "missed":
        assert not any(inside)
    if low == high and n >= least:
        assert (verdict == "held") == inside[0]
    bound = data.draw(SHARES)
    came = Reading(low, high, n)
    assert fires("above", bound, came, least) == (n >= least and all(k / n > bound for k in range(low, high + 1)))
    assert fires("below", bound, came, least) == (n >= least and all(k / n < bound for k in range(low, high + 1)))


ROWS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300), st.integers(0, 40)), min_size=1, max_size=6)


@given(ROWS)
def test_the_first_window_with_enough_rows_scores_for_ever(counts: list[tuple[int, int, int]]) -> None:
    views = [view(number + 1, labelled(g, o, hidden=h)) for number, (g, o, h) in enumerate(counts)]
    entry, enough = promised(), [sum(row) >= 200 for row in counts]
    for number in range(len(views)):
        found = after(entry, views[: number + 1])
        if not any(enough[: number + 1]):
            assert (found.verdict, found.came) == ("not_assessable", None)
            assert found.reason
            continue
        first = enough.index(True)
        good, other, hidden = counts[first]
        assert found.came is not None
        assert found.came.window == views[first].snapshot.window
        assert (found.came.low, found.came.high, found.came.n) == (good, good + hidden, good + other + hidden)
        assert found.verdict == hold(found, (good, good + hidden, good + other + hidden), 200)
        assert found.reason == ""


@given(ROWS)
def test_scoring_a_window_again_or_after_later_ones_changes_nothing(counts: list[tuple[int, int, int]]) -> None:
    views = [view(number + 1, labelled(g, o, hidden=h)) for number, (g, o, h) in enumerate(counts)]
    record: tuple[VersionTrack, ...] = (promised(),)
    for each in views:
        record = advance(record, each)
        assert advance(record, each) == record
        assert unscored(record) == unscored((promised(),))
        assert VersionTrack.of(record[0].data(), "r") == record[0]
    straight = advance((promised(),), views[0])
    assert advance(record, views[0]) == straight
    total = tally(record)
    assert total.held + total.missed + total.not_assessable == 1


def test_a_window_before_the_release_scores_nothing() -> None:
    late = promised(released="2024-03-01T00:00:00Z")
    found = after(late, [view(0, labelled(60, 140)), view(1, labelled(60, 140))])
    assert found.reason == "the window ends before the release"
    assert after(late, [view(2, labelled(60, 140))]).verdict == "held"


def test_a_metric_is_read_from_the_version_itself() -> None:
    other = labelled(200, 0).model_copy(update={"logic_version": "1.0.0"})
    both = view(1, other, labelled(60, 140))
    assert reading("class_share:good", VERSION, both) == Reading(60, 60, 200)
    assert reading("class_share:good", "1.0.0", both) == Reading(200, 200, 200)
    assert reading("class_share:good", "1.2.0", both).reason == "the window publishes no assessment of v1.2.0"


def test_without_labels_the_bands_are_those_that_its_own_config_implies() -> None:
    silent = WHOLE.model_copy(update={"labels": TallyBlock(status="absent")})
    own = reading("class_share:moderate", VERSION, view(1, silent))
    assert 0 < own.low <= own.high <= own.n == 300
    foreign = reading("class_share:moderate", VERSION, view(1, silent, version="1.0.0"))
    assert foreign.reason == "the window publishes no band of v1.1.0"
    other_bands = View(window(1, silent), {}, semantics.gates(config(bands=("a", "b", "c", "d", "e"))))
    assert reading("class_share:moderate", VERSION, other_bands).reason == foreign.reason


def test_a_spelling_of_the_source_is_read_as_its_band() -> None:
    spelt = WHOLE.model_copy(update={"labels": TallyBlock(status="present", counts={"ok": 90, "caution": 210})})
    assert reading("class_share:good", VERSION, View(window(1, spelt), {"ok": "good"})) == Reading(90, 90, 300)


@pytest.mark.parametrize(
    ("metric", "reason"),
    [
        ("churn", "nothing counts the metric 'churn'"),
        ("", "nothing counts the metric ''"),
        ("class_share:", "the window was counted without a band ''"),
        ("class_share:\x1b[31m", "the window was counted without a band '\\x1b[31m'"),
    ],
)
def test_a_metric_that_nothing_counts_is_named(metric: str, reason: str) -> None:
    found = after(promised(metric=metric), [view(1, labelled(60, 140))])
    assert (found.verdict, found.reason, found.came) == ("not_assessable", reason, None)


def test_a_record_contradicts_only_what_a_reader_knows_better() -> None:
    early, late = view(1, labelled(60, 140)), view(2, labelled(10, 190))
    known = advance((promised(),), early)
    stated = advance(known, late)
    end = late.snapshot.window.start

    def told(record: tuple[VersionTrack, ...], mine: tuple[VersionTrack, ...], before: str = end) -> str | None:
        return contradicted(record, mine, before=before, base=VERSION)

    assert told(stated, known) is None
    assert told(stated, (promised(),)) is None, "who knows less believes"
    assert told(advance((promised(),), late), known) == VERSION
    assert told(advance((promised(),), late), known, before=NEVER) is None
    assert told((promised(),), known) == VERSION
    assert told(known, advance((promised(),), late), before="2024-09-01T00:00:00Z") is None, "it knows an earlier one"
    assert told((promised(upper=0.5),), known) == VERSION
    assert told((promised(least=1),), known) == VERSION
    assert told((), known) == VERSION
    assert told((promised(version="1.0.9"),), known) == VERSION
    assert contradicted((promised(version="1.0.9"),), (), before=end, base=VERSION) == "1.0.9"
