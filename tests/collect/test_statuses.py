"""Every block of a published stratum says whether it is there: present, absent or withheld. None is left out silently."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from calibgit.collect.disclose import disclose
from calibgit.model.base import Document
from calibgit.model.blocks import Presence
from calibgit.model.settings import Line
from calibgit.model.snapshot import MetricsSnapshot, Stratum
from tests.support.attacker import QUARTER, random_rows
from tests.support.results import COLUMN_OF, CONFIG, GOOD, collect, everyone, settings, write_text_table

NO_BLOCKS = {"logic_version", "n", "verdicts"}
CROSSES = {
    "escalation_flag_severity",
    *(f"labels_{name}" for name in ("flag_severity", "escalation", "tiers", "sufficiency", "feedback")),
    *(f"periods_{name}" for name in ("labels", "flagged", "escalated", "sufficiency")),
}


def published(path: Path, rows: list[dict[str, Any]], line: Line) -> Stratum:
    exact = collect(str(write_text_table(path, rows)), line, window=QUARTER)
    snapshot = disclose(exact, settings=line, config_data=CONFIG)
    assert MetricsSnapshot.read(snapshot.pretty(), "again") == snapshot
    (stratum,) = snapshot.strata
    found = list(statuses(stratum))
    assert snapshot.privacy.withheld_blocks == sum(status == "withheld" for _, status in found)
    return stratum


def statuses(stratum: Stratum) -> Iterator[tuple[str, str]]:
    """Every block by its name, whatever the model holds; a block without a status fails here."""
    for name in sorted(set(Stratum.model_fields) - NO_BLOCKS):
        value = getattr(stratum, name)
        several = value if isinstance(value, dict) else {"": value}
        assert several, f"{name} is left out"
        for key, block in several.items():
            assert isinstance(block, Document)
            status = str(getattr(block, "status", None))
            assert status in get_args(Presence), f"{name} {key} has no status"
            yield f"{name} {key}".strip(), status
    yield "verdicts outcome_maturity", stratum.verdicts.outcome_maturity.status


def test_where_nothing_is_mapped_all_but_scores_and_periods_is_absent(tmp_path: Path) -> None:
    line = settings(columns={name: COLUMN_OF[name] for name in ("created_at", "score", "logic_version")})
    stratum = published(tmp_path / "a.sqlite", random_rows(1, 200), line)
    found = dict(statuses(stratum))
    assert {name for name, status in found.items() if status != "absent"} == {"score", "periods", "dropped"}
    assert stratum.dropped.status == "withheld"
    assert set(stratum.crosses) == CROSSES
    assert stratum.verdicts.label_conformance == "absent"


def test_where_everything_is_mapped_and_many_nothing_is_absent(tmp_path: Path) -> None:
    rows = [{**GOOD, **row, "label": "good", "score": 70} for row in random_rows(2, 1500)]
    stratum = published(tmp_path / "a.sqlite", everyone(rows), settings())
    assert [name for name, status in statuses(stratum) if status == "absent"] == []
    assert set(stratum.crosses) == CROSSES


@pytest.mark.parametrize("n", [10, 12, 25])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_tiny_table_says_what_it_withholds(tmp_path: Path, seed: int, n: int) -> None:
    stratum = published(tmp_path / "a.sqlite", everyone(random_rows(seed, n)), settings())
    found = dict(statuses(stratum))
    assert [name for name, status in found.items() if status == "absent"] == []
    assert {"crosses labels_flag_severity", "moments", "halves"} <= {n for n, s in found.items() if s == "withheld"}


def test_a_window_of_one_period_has_no_tables_by_period(tmp_path: Path) -> None:
    stratum = published(tmp_path / "a.sqlite", everyone([GOOD] * 40), settings())
    by_period = {name: block.status for name, block in stratum.crosses.items() if name.startswith("periods_")}
    assert set(by_period.values()) == {"absent"}
    assert len(by_period) == 4
