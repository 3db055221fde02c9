"""Three regions count at home, and only counts are merged.

python examples/regions/run.py [DIRECTORY]
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from calibgit.cli.demo.world import DemoWorld
from calibgit.engine.table import write_results
from calibgit.simulate.population import simulate

AS_OF = "2024-01-31"
ROWS = {"north.duckdb": 1800, "south.sqlite": 900, "west.parquet": 1300}
CONFIG = Path(__file__).parents[2] / "calibgit/jobs/templates/scoring_config.json"


def main(directory: Path) -> Path:
    """Run the example below `directory` and return its root. Raises AssertionError where a step surprises."""
    world = DemoWorld.build(directory)
    alice = world.clone("alice")
    world.git("alice", "commit", "--quiet", "--allow-empty", "-m", "First commit")
    world.must("alice", "init", "--solo")
    settings = alice / "calibgit.toml"
    text = settings.read_text("utf-8")
    settings.write_text(text.replace('table = "scan_results"', 'table = "scan_results"\nshards_share_subjects = false'))
    everything = []
    for name in ROWS:
        rows = list(region(name))
        everything += rows
        write_results(world.root / name, rows)
        world.must(
            "alice", "collect", "--source", str(world.root / name), "--as-of", AS_OF, "--config", "1.0.0",
            "--private", str(world.root / f"{name}.json"), "-o", str(world.root / f"{name}.published.json"),
        )  # fmt: skip
    counts = [str(world.root / f"{name}.json") for name in ROWS]
    world.must(
        "alice", "metrics", "merge", *counts, "--config", "1.0.0",
        "-o", str(world.root / "all.json"), "--publish", str(world.root / "metrics_snapshot.json"),
    )  # fmt: skip
    world.must("alice", "analyze", str(world.root / "metrics_snapshot.json"), "--config", "1.0.0")

    write_results(world.root / "all.duckdb", everything)
    world.must(
        "alice", "collect", "--source", str(world.root / "all.duckdb"), "--as-of", AS_OF, "--config", "1.0.0",
        "-o", str(world.root / "at_once.json"),
    )  # fmt: skip
    if (world.root / "at_once.json").read_bytes() != (world.root / "metrics_snapshot.json").read_bytes():
        raise AssertionError("the merged snapshot is not that of one collection")
    print("\nMerged from three stores and collected at once: the same bytes.")
    return world.root


def region(name: str) -> Iterator[dict[str, object]]:
    """The assessments of one region; its people stand in no other."""
    config = json.loads(CONFIG.read_bytes())
    for row in simulate(config, rows=ROWS[name], seed=ROWS[name], start=dt.date(2024, 1, 1), days=30):
        yield {**row, "subject": f"{name.partition('.')[0]}-{row['subject']}"}


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "regions-world"))
