"""Subjects with several assessments make an interval wider, not a finding surer."""

from __future__ import annotations

import numpy as np
import pytest

from calibgit.analyze.effects import Rate
from calibgit.analyze.run import empty_stratum
from calibgit.analyze.sufficiency import data_sufficiency
from calibgit.model.blocks import DesignBlock, TallyBlock
from tests.support.snapshots import context

LIMIT, ROWS = 0.2, 4


def false_alarms(design: float) -> float:
    """How often the rate of people who all say the same in each of their assessments is found above its limit."""
    chance = np.random.default_rng(1)
    subjects = chance.binomial(250, LIMIT, 2_000)
    rates = [Rate(int(k) * ROWS, int(k) * ROWS, 250 * ROWS, design) for k in subjects]
    return float(np.mean([rate.p_above(LIMIT) < 0.05 for rate in rates]))


def test_without_a_design_effect_repeated_subjects_are_false_alarms() -> None:
    assert false_alarms(1.0) > 0.15
    assert false_alarms(float(ROWS)) < 0.065


@pytest.mark.parametrize(("effects", "expected"), [({}, 1.0), ({"insufficient": 240}, 2.4), ({"flagged": 310}, 3.1)])
def test_a_rate_has_the_design_effect_of_its_indicator_or_the_largest(effects: dict[str, int], expected: float) -> None:
    stratum = empty_stratum("1.0.0").model_copy(
        update={
            "n": 1_000,
            "sufficiency": TallyBlock(status="present", counts={"yes": 800, "no": 200}),
            "design": DesignBlock(status="present", effects=effects),
        }
    )
    first, _ = data_sufficiency(context(stratum))
    assert isinstance(first.effect, Rate)
    assert first.effect.design == expected


def test_a_folded_word_makes_an_interval_and_never_a_zero() -> None:
    stratum = empty_stratum("1.0.0").model_copy(
        update={
            "n": 1_000,
            "sufficiency": TallyBlock(
                status="present", counts={"yes": 988, "__other__": 12}, folded=("__missing__", "no")
            ),
        }
    )
    lacking, absent = data_sufficiency(context(stratum))
    for draft in (lacking, absent):
        assert isinstance(draft.effect, Rate)
        assert (draft.effect.k_low, draft.effect.k_high) == (0, 12)
