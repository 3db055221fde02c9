"""Who moves, by declared group: the truth lies inside every interval, and silence has a reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibgit.model import semantics
from calibgit.model.snapshot import GroupBlock, MetricsSnapshot, Stratum
from calibgit.propose.fairness import fairness
from calibgit.propose.manual import decide_manual
from calibgit.propose.sections import fairness_lines
from tests.support.results import CONFIG
from tests.support.results import settings as line
from tests.support.snapshots import Plan, config, generator, smooth, stratum
from tests.support.snapshots import line as plain_line
from tests.support.truth import World, changed, rows_of, world

GATES = semantics.gates(CONFIG)
GOOD = "compatibility_thresholds.good.min_score"
quiet = settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def of(snapshot: MetricsSnapshot) -> Stratum:
    found = snapshot.stratum("1.0.0")
    assert found is not None
    return found


@quiet
@given(seed=st.integers(0, 999), n=st.integers(60, 1200), good=st.integers(46, 84), best=st.integers(85, 97))
def test_the_true_share_of_each_group_lies_inside_its_interval(seed: int, n: int, good: int, best: int) -> None:
    made: World = world(rows_of(CONFIG, n, seed))
    data = changed(CONFIG, {GOOD: good, "compatibility_thresholds.excellent.min_score": best})
    found = fairness(of(made.snapshot), GATES, semantics.gates(data))
    least = made.snapshot.privacy.threshold
    shares = []
    for group in found.groups:
        own = [row for row in made.rows if row["cohort"] == group.group]
        moves = made.flow(data, own)
        moved = sum(size for (a, b), size in moves.items() if a != b)
        assert group.share_low - 1e-6 <= moved / len(own) <= group.share_high + 1e-6
        assert group.moved_low <= moved
        assert all(count == 0 or count >= least for count in (group.n, group.moved_low, group.moved_high))
        if group.n == len(own):
            better = sum(size for (a, b), size in moves.items() if GATES.bands.index(b) < GATES.bands.index(a))
            assert group.better_low <= better <= group.better_high
            assert group.worse_low <= moved - better <= group.worse_high
        shares.append(moved / len(own))
    if found.status == "assessed":
        assert found.gap_low is not None
        assert found.gap_high is not None
        assert found.gap_low - 2e-6 <= max(shares) - min(shares) <= found.gap_high + 2e-6
        assert "Share moved" in "\n".join(fairness_lines(found))


def bare(groups: GroupBlock) -> Stratum:
    return stratum(Plan(scores=smooth(generator(1), 400))).model_copy(update={"groups": groups})


def test_a_row_that_is_not_shown_for_a_group_widens_its_interval() -> None:
    half = bare(GroupBlock(status="absent")).score.rows
    block = GroupBlock(status="present", groups={"north": half[:1], "south": half[1:]})
    new = semantics.gates(config((85, 67, 45, 25, 0)))
    found = {group.group: group for group in fairness(bare(block), semantics.gates(config()), new).groups}
    exact = found["north"].moved_low / found["north"].n
    assert found["north"].share_low == pytest.approx(exact, abs=1e-6), "the other group fills that row"
    block = GroupBlock(status="present", groups={"north": half[:1], "south": half[:1]})
    found = {group.group: group for group in fairness(bare(block), semantics.gates(config()), new).groups}
    assert found["north"].share_low < found["north"].moved_low / found["north"].n < found["north"].share_high


@pytest.mark.parametrize(
    ("block", "word"),
    [
        (GroupBlock(status="absent"), "no column"),
        (GroupBlock(status="withheld"), "fewer than two"),
        (GroupBlock(status="present", groups={"north": ()}), "fewer than two"),
    ],
)
def test_what_is_not_shown_is_not_assessable(block: GroupBlock, word: str) -> None:
    gates = semantics.gates(config())
    found = fairness(bare(block), gates, gates)
    assert found.status == "not_assessable"
    assert word in found.reason
    assert word in fairness_lines(found)[0]


def by_hand(values: dict[str, Any], taken: MetricsSnapshot | None) -> Any:
    limits = line() if taken else plain_line()
    data = CONFIG if taken else config()
    return decide_manual(taken, config_data=data, settings=limits, assignments=values, reason="panel").fairness


def test_changes_by_hand_say_it_too() -> None:
    taken = world(rows_of(CONFIG, 900, 3)).snapshot
    assert by_hand({GOOD: 67}, taken).status == "assessed"
    assert by_hand({"metadata.description": "x"}, taken).reason == "nobody moves"
    assert "other knobs than cuts" in by_hand({"scoring_adjustments.consistency.weight": 4}, taken).reason
    assert "no scores" in by_hand({GOOD: 67}, None).reason
