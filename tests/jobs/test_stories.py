"""The demo and the example are stories; these tests hold them to their endings."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import pytest

from calibgit.cli.main import run
from tests.support.postgres import Schema
from tests.support.world import run_git

ROOT = Path(__file__).parents[2]
REQUIRE_SPARK = "CALIBGIT_REQUIRE_SPARK" in os.environ
HAS_SPARK = find_spec("pyspark") is not None and bool(os.environ.get("JAVA_HOME") or shutil.which("java"))


def play(example: str, *words: str | Path) -> str:
    """The printed story of an example that went well."""
    command = [sys.executable, str(ROOT / "examples" / example / "run.py"), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demo_plays_to_its_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["demo", "-o", str(tmp_path / "world"), "--rows", "6000"]) == 0
    story = capsys.readouterr().out
    for line in (
        "v1.1.0 (minor change of v1.0.0)",
        "error STALE_BASE",
        "error FOUR_EYES",
        "v1.0.0 is active again in production instead of v1.1.0",
        "error ROLLED_BACK",
        "events, every signature good.",
        "now your data:",
    ):
        assert line in story
    clone = tmp_path / "world/alice/scoring"
    tags = run_git(clone, "tag", "--list", "calib/*").split()
    run_git(clone, "-c", f"gpg.ssh.allowedSignersFile={tmp_path / 'world/allowed_signers'}", "verify-tag", *tags)
    assert "calib/scoring/revert/v1.1.0-00000005" in tags


def test_the_demo_replaces_only_an_earlier_demo(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("mine")
    assert run(["demo", "-o", str(tmp_path)]) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_inspections_go_all_the_way_and_no_business_is_named(tmp_path: Path) -> None:
    world = tmp_path / "inspections"
    story = play("inspections", world)
    assert "absent: labels, confidence, flag_types" in story
    assert "v1.1.0   released  production: active      bob" in story
    table = files("causaldata") / "restaurant_inspections" / "restaurant_data.csv"
    with table.open(encoding="utf-8") as file:  # type: ignore[union-attr, unused-ignore]
        names = {row["business_name"] for row in csv.DictReader(file)}
    texts = [story, *(path.read_text("utf-8") for path in (world / "alice/scoring").rglob("*.json"))]
    words = {name for name in names if len(name) > 6}
    pattern = re.compile("|".join(re.escape(name) for name in sorted(words)[:2000]))
    assert len(words) > 1000
    assert [match.group() for text in texts if (match := pattern.search(text))] == []


def test_regions_merge_counts_only(tmp_path: Path) -> None:
    world = tmp_path / "regions"
    assert "Merged from three stores and collected at once: the same bytes." in play("regions", world)
    for path in world.glob("*.json"):
        text = path.read_text("utf-8")
        assert not any(f"{region}-s" in text for region in ("north", "south", "west")), path


def test_postgresql_counts_as_duckdb_does(tmp_path: Path, database: Schema) -> None:
    world = tmp_path / "postgresql"
    story = play("postgresql", database.url(password="hunter2"), world)
    assert "mapped 14 of 15 roles" in story
    assert "3000 rows counted by PostgreSQL and by DuckDB: the same bytes." in story
    assert "hunter2" not in story
    assert database.run("SELECT 1 FROM pg_namespace WHERE nspname = 'calibgit_example'") == []
    settings = (world / "alice/scoring/calibgit.toml").read_text("utf-8")
    assert "hunter2" not in settings
    assert 'table = "calibgit_example.scan_results"' in settings


@pytest.mark.slow
@pytest.mark.spark
@pytest.mark.skipif(not (HAS_SPARK or REQUIRE_SPARK), reason="pyspark or Java is not here")
def test_spark_counts_as_duckdb_does(tmp_path: Path) -> None:
    story = play("spark", tmp_path / "spark")
    assert "mapped 14 of 15 roles" in story
    assert "3000 rows counted by Spark and by DuckDB: the same bytes." in story
