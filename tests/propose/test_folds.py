"""The fold that is held out: who stands in it, what it is asked, and that promises made from it are kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibgit.analyze.run import analyze
from calibgit.engine.facts import fold_of
from calibgit.model import semantics
from calibgit.model.blocks import Verdicts
from calibgit.model.published import total
from calibgit.model.snapshot import GridBlock, GridCell, GridRow, HalfBlock, Stratum
from calibgit.propose.board import Board
from calibgit.propose.expected import basis, predictions
from calibgit.propose.flow import flow, impact, share_bounds
from calibgit.propose.folds import Folds, folds
from calibgit.propose.search import decide
from calibgit.propose.sections import held_out_lines
from tests.support.results import CONFIG
from tests.support.snapshots import Plan, config, generator, line, smooth, snapshot, stratum, with_halves
from tests.support.truth import changed, rows_of, world

GATES = semantics.gates(config())
TIGHT = {"class_shares": {"moderate": {"min": 0.0, "max": 0.36}}, "class_share": {"min": 0.0, "max": 1.0}}
quiet = settings(max_examples=5, suppress_health_check=[HealthCheck.too_slow], deadline=None)


def halved(seed: int, n: int, k: int = 10) -> Stratum:
    plan = Plan(scores=smooth(generator(seed), n), seed=seed, k=k)
    return with_halves(stratum(plan), plan, k)


def decided(found: Stratum, analysis: Any = None) -> Any:
    limits, taken = line(analysis=analysis or TIGHT), snapshot(found)
    return decide(taken, analyze(taken, config_data=config(), settings=limits), config_data=config(), settings=limits)


def of(found: Stratum, least: int = 200) -> Folds | str:
    board = Board.of(found, GATES)
    assert board is not None
    return folds(found, board, GATES, least)


@quiet
@given(seed=st.integers(0, 999), n=st.integers(900, 2500), good=st.integers(60, 70))
def test_the_folds_are_the_halves_of_the_rows(seed: int, n: int, good: int) -> None:
    made = world(rows_of(CONFIG, n, seed))
    gates, found = semantics.gates(CONFIG), made.snapshot.stratum("1.0.0")
    assert found is not None
    board = Board.of(found, gates)
    assert board is not None
    split = folds(found, board, gates, 1)
    if isinstance(split, str):
        return
    assert split.tuned_n + split.held_n + split.unsplit_n == found.n
    rest = [row.groups for row in split.unsplit.score.rows]
    data = changed(CONFIG, {"compatibility_thresholds.good.min_score": good})
    caps = {row["id"]: _cap(row) for row in made.rows}
    held = [
        row
        for row in made.rows
        if fold_of(row["subject"]) == "b" and not any(caps[row["id"]] in groups for groups in rest)
    ]
    assert len(held) == split.held_n
    moves = made.flow(data, held)
    effect = impact(split.split, gates, semantics.gates(data))
    assert effect.moved_low <= sum(size for (a, b), size in moves.items() if a != b) <= effect.moved_high


def _cap(row: dict[str, Any]) -> int:
    gates = semantics.gates(CONFIG)
    counts: dict[str, int] = {}
    for flag in row["red_flags"]:
        counts[flag["severity"]] = counts.get(flag["severity"], 0) + 1
    flags = semantics.flag_cap(gates, semantics.effective_flags(CONFIG, counts))
    return max(semantics.confidence_cap(gates, row["confidence_score"]), flags)


def test_the_promise_comes_from_the_held_out_fold() -> None:
    found = halved(1, 12_000)
    split = of(found)
    assert isinstance(split, Folds)
    decision = decided(found)
    assert decision.held_out.status == "held_out"
    known = decision.prediction[0]
    _, _, low, high = share_bounds(flow(split.split, GATES, _new(decision)), known.metric.partition(":")[2])
    assert known.point == pytest.approx((low + high) / 2, abs=1e-6)
    assert f"{split.held_n} that were held out" in decision.reason
    assert f"held out {split.held_n}" in "\n".join(held_out_lines(decision.held_out))


def test_what_is_held_out_does_not_choose() -> None:
    """Other scores in the half that is held out change what is promised, not which cut moves how far."""
    first = halved(1, 12_000).model_copy(update={"verdicts": Verdicts(label_conformance="absent")})
    extra = GridCell(lo=0, hi=25, n=40)
    score = GridBlock(
        status="present",
        grid=first.score.grid,
        rows=tuple(
            row.model_copy(update={"cells": tuple(_more(cell, extra) for cell in row.cells)})
            for row in first.score.rows
        ),
    )
    one, two = decided(first), decided(first.model_copy(update={"score": score}))
    assert [(c.path, c.new) for c in one.changes] == [(c.path, c.new) for c in two.changes]
    assert one.search.objective_after == two.search.objective_after
    assert one.prediction != two.prediction


def _more(cell: GridCell, extra: GridCell) -> GridCell:
    return cell.model_copy(update={"n": cell.n + extra.n}) if cell.hi <= extra.hi else cell


def _new(decision: Any) -> semantics.Gates:
    data = config()
    for change in decision.changes:
        data["compatibility_thresholds"][change.path.split(".")[1]]["min_score"] = change.new
    return semantics.gates(data)


def test_a_gain_that_the_held_out_fold_does_not_show_is_no_gain() -> None:
    found = halved(1, 12_000)
    assert decided(found).changes
    half = found.halves.rows
    mirrored = []
    for row, own in zip(half, found.score.rows, strict=True):
        inside = [sum(c.n for c in own.cells if a.lo <= c.lo and c.hi <= a.hi) for a in row.cells]
        # Half `a` takes nearly all of the crowded band, so that the other half has none of it.
        cells = tuple(
            GridCell(lo=c.lo, hi=c.hi, n=n if 45 <= c.lo < 65 else 0) for c, n in zip(row.cells, inside, strict=True)
        )
        mirrored.append(GridRow(groups=row.groups, cells=cells))
    block = HalfBlock(status="present", rows=tuple(mirrored))
    decision = decided(found.model_copy(update={"halves": block}))
    assert decision.changes == ()
    assert decision.held_out.status == "held_out"
    assert decision.held_out.objective_after >= decision.held_out.objective_before or "resamples" in decision.reason


@pytest.mark.parametrize(
    ("block", "word"),
    [
        (HalfBlock(status="absent"), "no column says who"),
        (HalfBlock(status="withheld"), "too small to be published"),
        (HalfBlock(status="present"), "fewer than 200"),
        (HalfBlock(status="present", rows=(GridRow(groups=(0,), cells=(GridCell(lo=0, hi=101, n=9),)),)), "fewer than"),
        (HalfBlock(status="present", rows=(GridRow(groups=(0,), cells=()),)), "too small"),
    ],
)
def test_without_a_fold_the_reason_is_said(block: HalfBlock, word: str) -> None:
    found = halved(1, 10_000).model_copy(update={"halves": block})
    why = of(found)
    assert isinstance(why, str)
    assert word in why
    decision = decided(found)
    assert decision.held_out.status == "not_held_out"
    assert decision.held_out.reason == why
    assert why in held_out_lines(decision.held_out)[0]
    assert why in decision.reason


def test_rows_that_are_not_split_count_in_both_and_must_be_few() -> None:
    found = halved(1, 10_000)
    rows = found.halves.rows[:1]
    why = of(found.model_copy(update={"halves": HalfBlock(status="present", rows=rows)}))
    assert isinstance(why, str)
    assert "not published by halves" in why
    extra = GridRow(groups=(4,), cells=(GridCell(lo=0, hi=101, n=15),))
    score = GridBlock(status="present", grid=found.score.grid, rows=(*found.score.rows, extra))
    split = of(found.model_copy(update={"score": score}))
    assert isinstance(split, Folds)
    assert split.unsplit_n == 15
    assert sum(c.n for c in split.tuned.cells if c.groups == (4,)) == 8
    assert total(split.split.score.rows) == split.held_n


def test_halves_that_merge_across_a_cut_are_too_coarse() -> None:
    found = halved(1, 10_000)
    rows = tuple(
        GridRow(groups=row.groups, cells=(GridCell(lo=0, hi=101, n=sum(c.n for c in row.cells)),))
        for row in found.halves.rows
    )
    why = of(found.model_copy(update={"halves": HalfBlock(status="present", rows=rows)}))
    assert isinstance(why, str)
    assert "too coarsely" in why


@pytest.mark.parametrize("folded", [True, False])
def test_promises_are_kept_as_often_as_they_say(folded: bool) -> None:
    """A 90% interval holds the share of a next window of the same size in about nine windows of ten."""
    held = made = 0
    for seed in range(60):
        plan = Plan(scores=smooth(generator(seed), 6000), seed=seed)
        now = stratum(plan)
        decision = decided(with_halves(now, plan) if folded else now, TIGHT)
        then = stratum(Plan(scores=smooth(generator(seed + 5000), 6000), seed=seed + 5000))
        for promised in decision.prediction:
            _, _, low, high = share_bounds(flow(then, GATES, _new(decision)), promised.metric.partition(":")[2])
            made += 1
            held += promised.lower <= high and low <= promised.upper
    assert made > 40
    assert held / made > 0.84


def test_a_band_that_nobody_is_in_is_not_promised_to_stay_empty() -> None:
    found = stratum(Plan(scores=smooth(generator(1), 900, 50, 5)))
    new = semantics.gates(config((84, 66, 45, 25, 0)))
    moves = flow(found, GATES, new)
    for promised in predictions(moves, basis(moves, found)):
        assert promised.lower < promised.upper
