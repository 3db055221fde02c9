"""Snapshots that say little: a reason or a named error, never a crash and never a confident sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from calibgit.analyze.run import analyze, empty_stratum
from calibgit.errors import CalibgitError
from calibgit.model.snapshot import GridBlock, GridCell, GridRow, GridSpec, HalfBlock, Stratum
from calibgit.propose.manual import decide_manual
from calibgit.propose.search import decide
from tests.support.snapshots import BANDS, Plan, config, generator, line, smooth, snapshot, stratum, with_halves

GOOD = "compatibility_thresholds.good.min_score"
SETS: tuple[dict[str, Any], ...] = (
    {GOOD: 66},
    {"compatibility_thresholds.high_potential.min_confidence": 0.8},
    {GOOD: 66, "compatibility_thresholds.high_potential.min_confidence": 0.8},
    {"category_weights.values": 2.0},
    {"red_flag_severity_thresholds.critical.min_occurrences": 2},
    {"deal_breaker_penalties.critical_violation": 0},
)
TIGHT = {"class_shares": {"moderate": {"max": 0.1}}, "class_share": {"max": 1.0}, "min_n": 1}


def piled_at(value: int, n: int = 900) -> Stratum:
    return stratum(Plan(scores=np.full(n, value)))


def one_cell(n: int) -> Stratum:
    score = GridBlock(
        status="present",
        grid=GridSpec(scale=1, min=0, step=1, bins=101),
        rows=(GridRow(groups=(0, 1, 2, 3, 4), cells=(GridCell(lo=0, hi=101, n=n),)),),
    )
    return empty_stratum("1.0.0").model_copy(update={"n": n, "score": score})


def tiny() -> Stratum:
    plan = Plan(scores=smooth(generator(1), 12))
    return with_halves(stratum(plan), plan)


WORLDS = {
    "empty": empty_stratum("1.0.0"),
    "suppressed": stratum(Plan(scores=smooth(generator(1), 900))).model_copy(
        update={"score": GridBlock(status="withheld"), "halves": HalfBlock(status="withheld")}
    ),
    "one value": piled_at(50),
    "one value at the top": piled_at(100),
    "one value at a cut": piled_at(65),
    "one cell": one_cell(500),
    "no cells": one_cell(0),
    "tiny": tiny(),
    "merged": stratum(Plan(scores=smooth(generator(1), 900), k=300)),
}


@pytest.mark.parametrize("name", WORLDS)
def test_a_search_ends_with_a_reason(name: str) -> None:
    taken, limits = snapshot(WORLDS[name]), line(analysis=TIGHT)
    report = analyze(taken, config_data=config(), settings=limits)
    decision = decide(taken, report, config_data=config(), settings=limits)
    if not decision.changes:
        assert decision.reason.startswith("No change. ")
        assert decision.evidence is not None
        assert decision.evidence.n == WORLDS[name].n
    decision.pretty()


@pytest.mark.parametrize("values", SETS, ids="+".join)
@pytest.mark.parametrize("name", WORLDS)
def test_a_change_by_hand_ends_with_a_number_or_a_reason(name: str, values: dict[str, Any]) -> None:
    decision = decide_manual(
        snapshot(WORLDS[name]), config_data=config(), settings=line(), assignments=values, reason="panel"
    )
    for change in decision.changes:
        assert change.impact is not None or "not estimated" in change.impact_note
    for promised in decision.prediction:
        assert promised.lower < promised.upper
    assert decision.fairness is not None
    assert decision.fairness.status == "not_assessable"
    decision.pretty()


@pytest.mark.parametrize(("low", "high", "scale"), [(1, 10, 1), (0, 1000, 10), (0, 1, 100)])
def test_any_range_of_scores_works(low: float, high: float, scale: int) -> None:
    span = high - low
    cuts = [round(low + span * share, 4) for share in (0.8, 0.6, 0.4, 0.2)] + [low]
    data = config(cuts) | {"score_range": {"min": low, "max": high}}
    step = max(1, round(span * scale / 100))
    grid = GridSpec(scale=scale, min=round(low * scale), step=step, bins=round(span * scale / step) + 1)
    cells = tuple(GridCell(lo=at, hi=at + 1, n=40) for at in range(grid.bins))
    score = GridBlock(status="present", grid=grid, rows=(GridRow(groups=(0,), cells=cells),))
    taken = snapshot(empty_stratum("1.0.0").model_copy(update={"n": 40 * grid.bins, "score": score}))
    limits = line(analysis=TIGHT, proposal={"max_step": span / 10, "min_band_gap": span / 20, "max_moved_share": 1.0})
    report = analyze(taken, config_data=data, settings=limits)
    decision = decide(taken, report, config_data=data, settings=limits)
    assert decision.reason
    by_hand = decide_manual(
        taken, config_data=data, settings=limits, assignments={GOOD: cuts[1] + span / 20}, reason="panel"
    )
    assert by_hand.flow[0].n == 40 * grid.bins


def test_cuts_that_cross_are_refused_by_name() -> None:
    with pytest.raises(CalibgitError, match="BAD_VALUE"):
        decide_manual(
            snapshot(piled_at(50)), config_data=config(), settings=line(), assignments={GOOD: 90}, reason="panel"
        )


def test_a_band_without_other_gates_and_two_bands_only() -> None:
    data = config((50, 0), ("yes", "no"))
    del data["compatibility_thresholds"]["yes"]["min_confidence"]
    found = stratum(Plan(scores=smooth(generator(1), 900)), data)
    taken = snapshot(found, bands=("yes", "no"))
    decision = decide_manual(
        taken, config_data=data, settings=line(), assignments={"compatibility_thresholds.yes.min_score": 52}, reason="x"
    )
    assert decision.changes[0].impact is not None
    assert len(BANDS) == 5
