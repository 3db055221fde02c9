"""Count files with Spark, and find the same numbers that DuckDB finds in the same rows.

python examples/spark/run.py [DIRECTORY]
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
from pathlib import Path

from calibgit.cli.demo.world import DemoWorld
from calibgit.engine.table import write_results
from calibgit.simulate.population import simulate

AS_OF = "2024-01-31"
ROWS = 3000
FILES = 3
CONFIG = Path(__file__).parents[2] / "calibgit/jobs/templates/scoring_config.json"
DEFAULTS = """\
spark.master                  local[2]
spark.ui.enabled              false
spark.ui.showConsoleProgress  false
spark.sql.shuffle.partitions  2
"""
QUIET = """\
rootLogger.level = off
"""


def main(directory: Path) -> Path:
    """Run the example below `directory` and return its root. Raises AssertionError where a step surprises."""
    world = DemoWorld.build(directory)
    world.git("alice", "commit", "--quiet", "--allow-empty", "-m", "First commit")
    configure(world.root / "conf")
    rows = list(simulate(json.loads(CONFIG.read_bytes()), rows=ROWS, seed=12, start=dt.date(2024, 1, 1), days=30))
    results = world.root / "results"
    results.mkdir()
    for number in range(FILES):
        write_results(results / f"part-{number}.parquet", rows[number::FILES])
    world.must("alice", "init", "--solo", "--from-source", f"spark:{results}")
    collect(world, "spark", f"spark:{results}")
    collect(world, "duckdb", str(results / "*.parquet"))
    for kind in ("exact", "metrics_snapshot"):
        if (world.root / f"{kind}_spark.json").read_bytes() != (world.root / f"{kind}_duckdb.json").read_bytes():
            raise AssertionError(f"{kind}: Spark and DuckDB count differently")
    print(f"\n{ROWS} rows counted by Spark and by DuckDB: the same bytes.")
    return world.root


def configure(folder: Path) -> None:
    """A configuration of Spark, where the caller has none: two threads of this machine, and no log on the screen."""
    if "SPARK_CONF_DIR" in os.environ:
        return
    folder.mkdir()
    (folder / "spark-defaults.conf").write_text(DEFAULTS, "ascii")
    (folder / "log4j2.properties").write_text(QUIET, "ascii")
    os.environ["SPARK_CONF_DIR"] = str(folder)


def collect(world: DemoWorld, name: str, source: str) -> None:
    """One collection; the exact counts and the published ones."""
    world.must(
        "alice", "collect", "--source", source, "--as-of", AS_OF, "--config", "1.0.0",
        "--private", str(world.root / f"exact_{name}.json"), "-o", str(world.root / f"metrics_snapshot_{name}.json"),
    )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "spark-world"))
