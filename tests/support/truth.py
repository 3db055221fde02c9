"""Rows whose truth is known, and what their published counts say: collected by DuckDB, after disclosure control."""

from __future__ import annotations

import copy
import datetime as dt
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from calibgit.collect.disclose import disclose
from calibgit.engine.table import write_results
from calibgit.model import semantics
from calibgit.model.settings import Line
from calibgit.model.snapshot import MetricsSnapshot
from calibgit.simulate.population import simulate
from tests.support.results import CONFIG, collect, settings

Row = dict[str, Any]


@dataclass(frozen=True)
class World:
    """Rows and what is published of them under one config."""

    rows: tuple[Row, ...]
    config: Mapping[str, Any]
    snapshot: MetricsSnapshot

    def flow(self, changed: Mapping[str, Any], rows: Iterable[Row] | None = None) -> Counter[tuple[str, str]]:
        """How many rows go from each band to each other one when the recorded score stays."""
        old, new = semantics.gates(self.config), semantics.gates(changed)
        return Counter(
            (old.bands[band(self.config, old, row)], new.bands[band(changed, new, row)])
            for row in (self.rows if rows is None else rows)
        )


def counted(row: Row) -> dict[str, int]:
    """Flags by severity."""
    return dict(Counter(flag["severity"] for flag in row["red_flags"]))


def band(config: Mapping[str, Any], gates: semantics.Gates, row: Row) -> int:
    """The band of a row, as the gates of a config give it from what is recorded."""
    flags = None if row["red_flags"] is None else semantics.effective_flags(config, counted(row))
    return semantics.band_index(gates, row["overall_score"], row["confidence_score"], flags)


def rows_of(config: Mapping[str, Any], n: int, seed: int) -> list[Row]:
    """Simulated rows inside the window of `tests.support.results`."""
    return list(simulate(config, rows=n, seed=seed, start=dt.date(2024, 1, 1), days=30))


def world(rows: Sequence[Row], config: Mapping[str, Any] = CONFIG, line: Line | None = None) -> World:
    """Collect and publish rows."""
    chosen = line or settings()
    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / "results.duckdb"
        write_results(path, rows)
        exact = collect(str(path), chosen, config)
    return World(tuple(rows), config, disclose(exact, settings=chosen, config_data=config))


def changed(config: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a config with other values at dotted paths."""
    result: dict[str, Any] = copy.deepcopy(dict(config))
    for path, value in values.items():
        *keys, last = path.split(".")
        place = result
        for key in keys:
            place = place[key]
        place[last] = value
    return result
