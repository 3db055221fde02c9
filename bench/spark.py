"""Ten million rows by Spark, in this machine: the counts are, byte for byte, those of DuckDB.

Spark needs pyspark (`calibgit[spark]`) in this environment, and Java 17. Where one is missing, nothing is measured.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from bench.clock import cost_of
from bench.results import MILLION, table

SIZE = 10 * MILLION
_SUBMIT = "--master local[2] --driver-memory 4g --conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false"
_SHUFFLE = "--conf spark.sql.shuffle.partitions=8"


def measure() -> Iterator[tuple[str, str, str]]:
    missing = "pyspark is not installed" if find_spec("pyspark") is None else ""
    missing = missing or ("" if shutil.which("java") else "there is no Java")
    if missing:
        yield f"collect {SIZE:,} rows by Spark", "not measured", missing
        return
    path = str(table(SIZE, ".parquet"))
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        counts = {engine: Path(name) / f"{engine}.json" for engine in ("duckdb", "spark")}
        words = (sys.executable, "-m", "bench.results")
        duck = cost_of(*words, path, str(counts["duckdb"]), rounds=1)
        patch.setitem(os.environ, "PYSPARK_SUBMIT_ARGS", f"{_SUBMIT} {_SHUFFLE} pyspark-shell")
        patch.setitem(os.environ, "SPARK_LOCAL_DIRS", name)
        spark = cost_of(*words, f"spark:{path}", str(counts["spark"]), rounds=1)
        assert counts["spark"].read_bytes() == counts["duckdb"].read_bytes(), "Spark counts something else"
    yield f"collect {SIZE:,} rows from Parquet by DuckDB", f"{duck.wall:.1f} s", f"{duck.cpu:.1f} s CPU"
    yield (
        f"collect {SIZE:,} rows from Parquet by Spark", f"{spark.wall:.1f} s",
        f"{spark.wall / duck.wall:.1f}x DuckDB, its start included; the same bytes",
    )  # fmt: skip
