"""A disk that is full: one named error, and no half-written file."""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from pathlib import Path

from calibgit.engine.table import write_results
from calibgit.simulate.population import simulate
from tests.support.governed import BASE, govern
from tests.support.world import World

LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
import calibgit.jobs.measure, duckdb, numpy
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
from calibgit.cli.main import run
sys.exit(run(sys.argv[1:]))
"""


def test_a_snapshot_that_does_not_fit_leaves_nothing_behind(world: World, tmp_path: Path) -> None:
    clone = govern(world).world.clone
    config = json.loads((clone / f"configs/scoring_config_v{BASE}.json").read_text())
    table, place = tmp_path / "results.sqlite", tmp_path / "out"
    place.mkdir()
    write_results(table, simulate(config, rows=400, seed=1, start=dt.date(2024, 3, 1), days=30))
    words = ["--repo", str(clone), "collect", "--source", str(table), "--as-of", "2024-04-01"]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *words, "-o", str(place / "snapshot.json")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "CANNOT_WRITE" in done.stderr
    assert list(place.iterdir()) == []
