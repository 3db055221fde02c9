"""Real data that the tool was not made for: food inspections with a score, a year and nothing else."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from calibgit.collect.disclose import disclose
from calibgit.collect.exact import collect_exact
from calibgit.collect.window import resolve_window
from calibgit.engine.open import open_source
from calibgit.model.canonical import sha256_hex
from calibgit.model.config import read_config
from calibgit.model.settings import read_settings
from calibgit.model.snapshot import ConfigRef, MetricsSnapshot
from tests.support.results import ROOT

EXAMPLE = ROOT / "examples/inspections"


@pytest.fixture(scope="module")
def table() -> Path:
    spec = find_spec("causaldata")
    if spec is None or spec.origin is None:
        pytest.skip("the package causaldata is not installed")
    return Path(spec.origin).parent / "restaurant_inspections/restaurant_data.csv"


@pytest.fixture(scope="module")
def snapshot(table: Path) -> MetricsSnapshot:
    text = (EXAMPLE / "calibgit.toml").read_bytes()
    name, line = read_settings(text).line(None)
    raw = (EXAMPLE / "configs/scoring_config_v1.0.0.json").read_bytes()
    config, data = read_config(raw, "config")
    with open_source(str(table)) as engine:
        exact = collect_exact(
            engine,
            line=name,
            settings=line,
            settings_sha256=line.digest(),
            config=ConfigRef(version=str(config.version), sha256=sha256_hex(raw)),
            config_data=data,
            window=resolve_window("2020-01-01", line.window.days, line.window.anchor),
        )
    return disclose(exact, settings=line, config_data=data)


def test_one_window_holds_twenty_years_and_counts_every_row(table: Path, snapshot: MetricsSnapshot) -> None:
    with table.open(encoding="utf-8") as stream:
        scores = [int(row["inspection_score"]) for row in csv.DictReader(stream)]
    assert (snapshot.window.start, snapshot.window.end) == ("2000-01-01T00:00:00Z", "2020-01-01T00:00:00Z")
    assert len(scores) == 27_178
    (stratum,) = snapshot.strata
    assert stratum.n == len(scores)
    cells = stratum.score.rows[0].cells
    assert [cell.n for cell in cells] == [sum(cell.lo <= score < cell.hi for score in scores) for cell in cells]
    assert {70, 80, 90, 100} <= {cell.lo for cell in cells}


def test_what_the_data_lacks_is_absent(snapshot: MetricsSnapshot) -> None:
    (stratum,) = snapshot.strata
    for block in (stratum.confidence, stratum.flag_types, stratum.flag_severity, stratum.outcome, stratum.labels):
        assert block.status == "absent"
    assert snapshot.roles == ("score",)


def test_no_business_name_is_in_the_output(table: Path, snapshot: MetricsSnapshot) -> None:
    with table.open(encoding="utf-8") as stream:
        names = {row["business_name"] for row in csv.DictReader(stream)}
    words = {text.lower() for text in _texts(json.loads(snapshot.pretty()))}
    assert len(names) > 1000
    assert not words & {name.lower() for name in names}
    assert not any(name.lower() in word for name in names if len(name) > 8 for word in words)


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [*value, *(text for item in value.values() for text in _texts(item))]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
