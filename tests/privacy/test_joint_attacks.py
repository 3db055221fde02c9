"""The attack with every table at once: gates, labels, severities, periods and the words of each trait."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.privacy.test_linked_attacks import linked
from tests.support.attacker import publish, random_rows
from tests.support.joint import joint, spans


@pytest.mark.parametrize("seed", [5, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (0, 1, 7))])
def test_no_unknown_of_any_table_is_told_to_be_rare(tmp_path: Path, seed: int) -> None:
    _, snapshot = publish(tmp_path / "a.sqlite", random_rows(seed))
    conforming = seed % 2 == 1
    problem = joint(snapshot, linked(snapshot, conforming=conforming, spans=spans(snapshot)), conforming=conforming)
    assert problem.rare(snapshot.privacy.threshold) == []
