"""Restaurant inspections: the whole job on data that the tool was not made for.

python examples/inspections/run.py [DIRECTORY]
"""

from __future__ import annotations

import shutil
import sys
from importlib.resources import files
from pathlib import Path

from calibgit.cli.demo.world import DemoWorld

HERE = Path(__file__).parent
AS_OF = "2020-01-01"
SNAPSHOT = "analytics_output/metrics_snapshot_20200101_000000.json"
REPORT = "analytics_output/calibration_report_20200101_000000.json"


def main(directory: Path) -> Path:
    """Run the example below `directory` and return its root. Raises AssertionError where a step surprises."""
    world = DemoWorld.build(directory)
    source = str(files("causaldata") / "restaurant_inspections" / "restaurant_data.csv")
    alice, bob = world.clone("alice"), world.clone("bob")
    world.git("alice", "commit", "--quiet", "--allow-empty", "-m", "First commit")
    (alice / "configs").mkdir()
    shutil.copy(HERE / "calibgit.toml", alice)
    shutil.copy(HERE / "configs/scoring_config_v1.0.0.json", alice / "configs")
    (alice / "configs/contracts").mkdir()
    shutil.copy(HERE / "configs/contracts/grades.schema.json", alice / "configs/contracts/runtime.schema.json")
    key = str(world.home("bob") / "key.pub")
    world.must("alice", "init", "--line", "inspections", "--person", "bob", "bob@example.org", key)
    world.git("alice", "add", "--all")
    world.git("alice", "commit", "--quiet", "-m", "Govern the grades")
    world.git("alice", "push", "--quiet", "origin", "HEAD:main")
    world.must("alice", "init", "--seal", "--adopt", "1.0.0=production")

    world.must("alice", "collect", "--source", source, "--as-of", AS_OF)
    world.must("alice", "analyze", str(alice / SNAPSHOT))
    world.must("alice", "propose", str(alice / REPORT), "--pr")
    world.must(
        "alice", "propose", str(alice / REPORT), "--pr", "--set", "compatibility_thresholds.excellent.min_score=92",
        "--reason", "an excellent place should stand out from the average one",
    )  # fmt: skip

    for refspec in ("+refs/heads/*:refs/remotes/origin/*", "refs/tags/calib/*:refs/tags/calib/*"):
        world.git("bob", "fetch", "--quiet", "origin", refspec)
    world.git("bob", "checkout", "--quiet", "-B", "main", "origin/main")
    branch = "origin/calibgit/inspections/v1.1.0"
    world.must("bob", "check", "--head", branch)
    world.git("bob", "merge", "--quiet", "--no-ff", "-S", "-m", "Merge proposal v1.1.0", branch)
    world.git("bob", "push", "--quiet", "origin", "HEAD:main")
    world.must("bob", "release", "1.1.0")
    world.must("bob", "activate", "1.1.0")
    world.must("bob", "status")
    print(f"\nThe repository stays in {bob}.")
    return world.root


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "inspections-world"))
