"""What is said to change a verdict changes it."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibgit.analyze.draft import Draft, Limits
from calibgit.analyze.effects import LogRatio, Rate
from calibgit.analyze.verdict import conclude

DRAFT = Draft(id="x", type="t", subject="s", stratum="1.0.0", what="The rate", n=0, affected=())
RATE = 0.05


def judged(effect: Rate | LogRatio, limits: Limits, n: int) -> tuple[str, str]:
    found, _ = conclude([replace(DRAFT, n=n, effect=effect, limits=limits)], RATE)
    return found[0].status, found[0].turning_point


@given(st.integers(50, 5_000), st.floats(0, 1), st.sampled_from([(None, 0.3), (0.2, None), (0.1, 0.6)]))
def test_the_rate_that_is_named_is_the_first_that_breaches(n: int, share: float, ends: tuple[float, float]) -> None:
    limits = Limits(*ends)
    k = round(n * share)
    status, said = judged(Rate(k, k, n), limits, n)
    named = re.search(r"(above|below) about ([0-9.]+)%", said)
    if status == "breach" or named is None:
        return
    about = float(named[2]) / 100 * n
    step = 1 if named[1] == "above" else -1
    inside, outside = round(about) - 2 * step - step * n // 1000, round(about) + 2 * step + step * n // 1000
    if 0 <= outside <= n:
        assert judged(Rate(outside, outside, n), limits, n)[0] == "breach"
    if 0 <= inside <= n:
        assert judged(Rate(inside, inside, n), limits, n)[0] != "breach"


@pytest.mark.parametrize("share", [0.32, 0.34, 0.36])
def test_so_many_more_assessments_at_this_rate_breach(share: float) -> None:
    n = 100
    status, said = judged(Rate(round(share * n), round(share * n), n), Limits(high=0.3), n)
    assert status == "watch"
    rows = int(re.search(r"on about ([0-9,]+)\.", said)[1].replace(",", ""))  # type: ignore[index]
    for factor, expected in ((1.3, "breach"), (0.6, "watch")):
        size = round(rows * factor)
        assert judged(Rate(round(share * size), round(share * size), size), Limits(high=0.3), size)[0] == expected


def test_a_ratio_turns_by_its_logarithm() -> None:
    effect = LogRatio(0.2, 0.2, 12)
    status, said = judged(effect, Limits(high=1.1, unit="ratio"), 3_000)
    named = re.search(r"above about ([0-9.]+) on", said)
    assert status == "watch"
    assert named is not None
    beyond = LogRatio(math.log(float(named[1]) + 0.01), 0.2, 12)
    before = LogRatio(math.log(float(named[1]) - 0.02), 0.2, 12)
    assert judged(beyond, Limits(high=1.1, unit="ratio"), 3_000)[0] == "breach"
    assert judged(before, Limits(high=1.1, unit="ratio"), 3_000)[0] == "watch"


def test_a_breach_says_where_it_would_end() -> None:
    status, said = judged(Rate(450, 450, 1_000), Limits(high=0.3), 1_000)
    assert status == "breach"
    assert said.startswith("An estimate below about 32.")
