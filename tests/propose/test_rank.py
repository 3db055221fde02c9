"""Ranking the candidates."""

from __future__ import annotations

import numpy as np

from calibgit.propose.rank import _ranking


def test_a_cut_that_gains_nothing_stays_where_it_is() -> None:
    """Ties are broken towards fewer moved cuts, so no proposal carries a change without an effect."""
    values = np.array([0.0, 0.0, 0.0, 1.0])
    length, cuts, people = np.array([5.0, 1.0, 0.0, 0.0]), np.array([1.0, 1.0, 0.0, 0.0]), np.zeros(4)
    assert list(_ranking(values, (length, cuts, people))) == [2, 1, 0, 3]
