"""A cohort whose outcomes are not in stops what rests on outcomes, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from calibgit.analyze.run import analyze
from calibgit.model.blocks import MaturityBlock, Verdicts
from tests.support.snapshots import Plan, config, generator, line, smooth, stratum, window


def report(words: dict[str, Any]) -> Any:
    plan = Plan(scores=smooth(generator(1), 4_000, 45, 12), hot=0.15)
    taken = stratum(plan)
    maturity = MaturityBlock(status="present" if words else "absent", periods=words)
    verdicts = Verdicts(label_conformance="conforms", outcome_maturity=maturity)
    shown = window(plan).model_copy(update={"strata": (taken.model_copy(update={"verdicts": verdicts}),)})
    return analyze(shown, config_data=config(), settings=line())


def test_mature_outcomes_are_judged() -> None:
    found = report({"2024-03": "mature"})
    assert found.finding("outcomes:maturity").status == "ok"
    assert found.finding("confidence:overall").status == "breach"


@pytest.mark.parametrize("other", ["mature", "immature", "not_assessable"])
def test_one_month_that_is_not_in_stops_them(other: str) -> None:
    found = report({"2024-02": other, "2024-03": "immature"})
    maturity = found.finding("outcomes:maturity")
    assert (maturity.status, maturity.severity) == ("watch", "low")
    assert "2024-03" in maturity.description
    outcomes = [f for f in found.findings if f.id.startswith("confidence:")]
    assert outcomes
    assert {f.status for f in outcomes} == {"not_assessable"}
    assert any(f.status != "not_assessable" for f in found.findings if f.id.startswith("share:"))


def test_months_that_cannot_be_judged_are_told_so() -> None:
    assert report({"2024-03": "not_assessable"}).finding("outcomes:maturity").status == "not_assessable"
    assert report({}).finding("outcomes:maturity") is None
