"""Gates of every family, alone and together: the true flow lies inside every published interval."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibgit.model import semantics
from calibgit.model.blocks import MomentBlock
from calibgit.model.proposal import Impact
from calibgit.model.snapshot import GridBlock
from calibgit.propose.gates_flow import FRECHET, NAMES, Moves, moves
from calibgit.propose.manual import decide_manual
from calibgit.propose.sections import estimate_lines, what_if_lines
from tests.support.results import CONFIG
from tests.support.results import settings as line
from tests.support.truth import World, changed, counted, rows_of, world

BANDS = "compatibility_thresholds"
BEST = f"{BANDS}.excellent"
GOOD = f"{BANDS}.good"
KNOBS = {
    f"{GOOD}.min_score": st.integers(58, 75),
    f"{BEST}.min_score": st.integers(80, 92),
    f"{BEST}.min_confidence": st.sampled_from([0.6, 0.65, 0.705, 0.75, 0.8]),
    f"{GOOD}.min_confidence": st.sampled_from([0.5, 0.55, 0.62, 0.65, 0.7]),
    f"{BEST}.max_red_flags_high": st.integers(0, 1),
    f"{GOOD}.max_red_flags_high": st.integers(1, 2),
    f"{BEST}.max_red_flags_medium": st.integers(0, 2),
    f"{GOOD}.max_red_flags_critical": st.just(0),
    f"{BANDS}.weak.max_red_flags_critical": st.integers(0, 3),
}
quiet = settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow], deadline=None)
_made: dict[tuple[int, int], World] = {}


def made(n: int, seed: int) -> World:
    if (n, seed) not in _made:
        _made[n, seed] = world(flagged(n, seed))
    return _made[n, seed]


def flagged(n: int, seed: int) -> list[dict[str, Any]]:
    """Rows with more grave flags than the simulation draws."""
    rows = rows_of(CONFIG, n, seed)
    grave = ("critical", "high", "high", "medium", "medium", "low")
    for place, row in enumerate(rows):
        more = [{"type": "evasion", "severity": grave[(place // 3 + i) % 6]} for i in range(place * 7 % 4)]
        row["red_flags"] = [*row["red_flags"], *more] if place % 3 == 0 else row["red_flags"]
        verdict = semantics.evaluate(CONFIG, assessment(row))
        row["overall_score"], row["category"] = verdict.score, verdict.band
    return rows


def assessment(row: dict[str, Any]) -> semantics.Assessment:
    return semantics.Assessment(row["category_scores"], row["confidence_score"], counted(row))


def by_hand(taken: World, values: dict[str, Any]) -> Any:
    return decide_manual(
        taken.snapshot, config_data=CONFIG, settings=line(), assignments=values, reason="panel decision"
    )


def rescored(taken: World, data: dict[str, Any]) -> int:
    """How many change band when everything is scored again."""
    pairs = ((semantics.evaluate(c, assessment(row)).band for c in (CONFIG, data)) for row in taken.rows)
    return sum(a != b for a, b in pairs)


def holds(taken: World, data: dict[str, Any], found: Moves) -> None:
    real = taken.flow(data)
    cells = {(cell.source, cell.target): cell for cell in found.flow.cells}
    least = taken.snapshot.privacy.threshold
    for pair, n in real.items():
        assert cells[pair].low <= n <= cells[pair].high
    for pair, cell in cells.items():
        assert cell.low <= real[pair] <= cell.high
        assert cell.low == 0 or cell.low >= least
        assert cell.high >= least
    moved = sum(n for (a, b), n in real.items() if a != b)
    assert found.impact.moved_low <= moved <= found.impact.moved_high
    assert found.flow.n == len(taken.rows)


@quiet
@given(data=st.data(), n=st.sampled_from([150, 700, 2500]), seed=st.integers(0, 1))
def test_the_true_flow_lies_inside(data: Any, n: int, seed: int) -> None:
    paths = data.draw(st.lists(st.sampled_from(sorted(KNOBS)), min_size=1, max_size=4, unique=True))
    values = {path: data.draw(KNOBS[path]) for path in paths}
    after = changed(CONFIG, values)
    if semantics.faults(after):
        return
    taken = made(n, seed)
    stratum = taken.snapshot.stratum("1.0.0")
    assert stratum is not None
    found = moves(stratum, CONFIG, after, taken.snapshot.privacy.threshold)
    if isinstance(found, str):
        assert "are not published" in found
        return
    holds(taken, after, found)


def test_one_family_is_exact_where_its_cells_allow_and_two_are_bounds() -> None:
    taken = made(2500, 0)
    stratum: Any = taken.snapshot.stratum("1.0.0")
    cut = moves(stratum, CONFIG, changed(CONFIG, {f"{GOOD}.min_score": 66}), 10)
    assert isinstance(cut, Moves)
    confident = moves(stratum, CONFIG, changed(CONFIG, {f"{BEST}.min_confidence": 0.75}), 10)
    assert isinstance(confident, Moves)
    assert confident.impact.moved_high > 0
    assert confident.impact.moved_high < 0.5 * stratum.n
    both = moves(stratum, CONFIG, changed(CONFIG, {f"{GOOD}.min_score": 66, f"{BEST}.min_confidence": 0.75}), 10)
    assert isinstance(both, Moves)
    assert both.flow.basis == FRECHET
    assert both.impact.moved_high >= max(cut.impact.moved_low, confident.impact.moved_low)
    assert both.impact.moved_high <= cut.impact.moved_high + confident.impact.moved_high
    assert cut.flow.basis in {NAMES[0], FRECHET}


def test_what_is_not_published_is_said() -> None:
    taken = made(700, 0)
    stratum: Any = taken.snapshot.stratum("1.0.0")
    bare = stratum.model_copy(update={"confidence": GridBlock(status="withheld")})
    why = moves(bare, CONFIG, changed(CONFIG, {f"{BEST}.min_confidence": 0.8}), 10)
    assert isinstance(why, str)
    assert "confidence by cap are not published" in why
    odd = stratum.model_copy(update={"score": stratum.score.model_copy(update={"rows": stratum.score.rows[:1]})})
    values = {f"{BEST}.min_confidence": 0.8, f"{GOOD}.min_score": 66}
    why = moves(odd, CONFIG, changed(CONFIG, values), 10)
    assert why == "the published margins do not fit each other"


@pytest.mark.parametrize("seed", [0, 1])
def test_no_gate_that_changes_moves_nobody(seed: int) -> None:
    taken = made(700, seed)
    stratum: Any = taken.snapshot.stratum("1.0.0")
    found = moves(stratum, CONFIG, CONFIG, 10)
    assert isinstance(found, Moves)
    assert found.impact.moved_high == 0


@pytest.mark.parametrize("n", [150, 2500])
@pytest.mark.parametrize(
    "values",
    [
        {"red_flag_severity_thresholds.high.min_occurrences": 2},
        {"red_flag_severity_thresholds.medium.min_occurrences": 1},
        {"red_flag_severity_thresholds.critical.min_occurrences": 3},
        {"deal_breaker_penalties.high_violation": -15},
        {"deal_breaker_penalties.low_violation": -9},
        {"red_flag_severity_thresholds.high.auto_escalate": True},
        {f"{BEST}.max_red_flags_high": 1},
        {f"{BEST}.min_confidence": 0.66},
        {f"{BANDS}.good.min_score": 67},
    ],
    ids=lambda values: next(iter(values)),
)
def test_a_knob_by_hand_bounds_the_truth(n: int, values: dict[str, Any]) -> None:
    taken = made(n, 1)
    decision = by_hand(taken, values)
    (change,) = decision.changes
    assert change.impact is not None, change.impact_note
    moved = rescored(taken, changed(CONFIG, values))
    assert change.impact.moved_low <= moved <= change.impact.moved_high
    least = taken.snapshot.privacy.threshold
    assert all(x == 0 or x >= least for x in (change.impact.moved_low, change.impact.moved_high))
    path = change.path.split(".")
    if path[0] == BANDS:
        assert change.what_if is None
        return
    severity = path[1].removesuffix("_violation")
    rules = [
        config["red_flag_severity_thresholds"][severity]["min_occurrences"]
        for config in (CONFIG, changed(CONFIG, values))
    ]
    before, after = (sum(counted(row).get(severity, 0) >= rule for row in taken.rows) for rule in rules)
    found = change.what_if
    assert found.before_low <= before <= found.before_high
    assert found.after_low <= after <= found.after_high
    assert severity in what_if_lines(decision.changes)[0]


def test_weights_are_an_estimate_and_near_the_truth() -> None:
    taken = made(2500, 0)
    values = {"category_weights.expertise": 0.6, "category_weights.collaboration": 0.3}
    decision = by_hand(taken, values)
    assert decision.flow == ()
    found = decision.estimate
    assert found.estimated is True
    assert found.status == "estimated"
    data = changed(CONFIG, values)
    old, new = (
        np.array([semantics.composite(c, row["category_scores"]) for row in taken.rows]) for c in (CONFIG, data)
    )
    assert found.before.mean == pytest.approx(old.mean(), abs=0.06)
    assert found.after.mean == pytest.approx(new.mean(), abs=0.06)
    assert found.after.sd == pytest.approx(new.std(), abs=0.06)
    assert found.correlation == pytest.approx(np.corrcoef(old, new)[0, 1], abs=0.005)
    assert found.moved_share == pytest.approx(rescored(taken, data) / len(taken.rows), abs=0.03)
    assert all("estimate; run it in shadow before it is approved" in c.impact_note for c in decision.changes)
    page = "\n".join(estimate_lines(found))
    assert "Estimate; run it in shadow before it is approved" in page


def test_weights_that_say_nothing_are_not_assessable() -> None:
    taken = made(700, 0)
    nothing = {f"category_weights.{name}": 0 for name in CONFIG["category_weights"] if name != "default"}
    assert by_hand(taken, nothing).estimate.status == "not_assessable"
    mixed = {"category_weights.expertise": 0.6, f"{BEST}.min_confidence": 0.8}
    assert "other knobs" in by_hand(taken, mixed).estimate.reason
    bare = taken.snapshot.strata[0].model_copy(update={"moments": MomentBlock(status="withheld")})
    other = World(taken.rows, CONFIG, taken.snapshot.model_copy(update={"strata": (bare,)}))
    found = by_hand(other, {"category_weights.expertise": 0.6})
    assert "no sums" in found.estimate.reason
    assert found.changes[0].impact_note.startswith("not estimated")


def test_two_families_by_hand_say_that_they_are_bounds() -> None:
    taken = made(2500, 0)
    decision = by_hand(taken, {f"{GOOD}.min_score": 67, f"{GOOD}.min_confidence": 0.65})
    (found,) = decision.flow
    assert found.basis == FRECHET
    assert decision.prediction
    assert decision.sensitivity == ()
    assert decision.fairness.status == "not_assessable"
    holds(taken, changed(CONFIG, {f"{GOOD}.min_score": 67, f"{GOOD}.min_confidence": 0.65}), _as_moves(decision))


def _as_moves(decision: Any) -> Moves:
    (found,) = decision.flow
    low = sum(c.low for c in found.cells if c.source != c.target)
    high = sum(c.high for c in found.cells if c.source != c.target)
    return Moves(found, Impact(n=found.n, moved_low=low, moved_high=min(high, found.n), exact=False))


def test_cuts_that_cross_only_alone_get_no_number_alone() -> None:
    taken = made(700, 0)
    decision = by_hand(taken, {f"{BEST}.min_score": 97, f"{GOOD}.min_score": 90})
    notes = [change.impact_note for change in decision.changes]
    assert sum("only together" in note for note in notes) == 1
    assert decision.flow
