"""A Spark session that somebody interrupts, stops or kills while it counts, and sessions of other threads."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from calibgit.engine.open import open_source
from calibgit.engine.spark import _local
from calibgit.errors import EnvironmentFault
from tests.support.results import COLUMN_OF, ROOT, collect

if "CALIBGIT_REQUIRE_SPARK" not in os.environ:
    pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'calibgit[spark]'")
pytestmark = [pytest.mark.slow, pytest.mark.spark, pytest.mark.filterwarnings("ignore")]
LOOKS = 100_000  # each asks the JVM, so that this is minutes
PATIENCE = 300.0

ENDED = """
import json, os, signal, sys, threading
from pyspark.sql import SparkSession
from calibgit.errors import CalibgitError
from tests.engine.test_spark_session import endless, when_running
from tests.support.results import collect

builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
session = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
session.sparkContext.setLogLevel("OFF")
java = int(session._jvm.java.lang.ProcessHandle.current().pid())
end = {"stopped": session.stop, "killed": lambda: os.kill(java, signal.SIGKILL)}[sys.argv[1]]
table = endless(session)
running = when_running(session, 1, end)
for _ in range(2):  # while it counts, and afterwards
    try:
        collect(table)
    except CalibgitError as error:
        causes = [error.__cause__, error.__context__]
        print(json.dumps({**error.as_dict(), "causes": [repr(cause) for cause in causes if cause is not None]}))
running.join()
"""


def endless(session: Any) -> Any:
    """A data frame whose rows no test sees the end of, all of them before the window."""
    others = [f"CAST(NULL AS string) AS {name}" for name in COLUMN_OF.values()]
    moment, score = "timestamp_seconds(id % 1000) AS created_at", "id % 100 AS overall_score"
    rest = [text for text in others if not text.endswith((" created_at", " overall_score"))]
    return session.range(10**16).selectExpr(moment, score, *rest)


def when_running(session: Any, jobs: int, act: Callable[[], object]) -> threading.Thread:
    """A thread that calls `act` once so many jobs have a task at work."""
    tracker = session.sparkContext.statusTracker()

    def at_work(job: int) -> bool:
        found = tracker.getJobInfo(job)
        stages = [tracker.getStageInfo(stage) for stage in found.stageIds] if found else []
        return any(stage and stage.numActiveTasks for stage in stages)

    def watch() -> None:
        for _ in range(LOOKS):
            if sum(at_work(job) for job in tracker.getActiveJobsIds()) == jobs:
                act()
                return

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


@pytest.fixture
def heard() -> Iterator[None]:
    """Ctrl-C is heard by Python alone: the driver's own way would cancel every job of the session."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_cancels_what_is_counted_and_nothing_else(session: Any, heard: None) -> None:
    tracker = session.sparkContext.statusTracker()

    def work() -> None:
        with suppress(Exception):  # it is cancelled in the end
            session.range(0, 10**16, 1, 1).selectExpr("max(hash(id))").collect()

    other = threading.Thread(target=work, daemon=True)
    other.start()
    began = threading.Event()
    when_running(session, 1, began.set).join()
    [kept] = tracker.getActiveJobsIds()
    assert began.is_set()
    running = when_running(session, 2, lambda: os.kill(os.getpid(), signal.SIGINT))
    late = threading.Timer(PATIENCE, session.sparkContext.cancelAllJobs)  # then `kept` is gone, too
    late.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            collect(endless(session))
        assert list(tracker.getActiveJobsIds()) == [kept]
    finally:
        late.cancel()
        session.sparkContext.cancelAllJobs()
    running.join()
    other.join()
    assert sum(row["id"] for row in session.range(3).collect()) == 3


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_a_session_that_ends_is_named(how: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDED, how], cwd=ROOT, capture_output=True, text=True, check=False, timeout=600
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [error["code"] for error in told] == ["SOURCE_LOST"] * 2, done.stderr[-2000:]
    assert all("new session" in error["fix"] and error["causes"] == [] for error in told)


@pytest.mark.parametrize("change", ["appended", "replaced", "removed", "none"])
def test_local_files_that_are_written_meanwhile_are_told(session: Any, tmp_path: Path, change: str) -> None:
    folder = tmp_path / "100% of \u00e4 day=1, #2.csv"
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("overall_score\n1.0\n", encoding="utf-8")
    path = folder / "b.csv"

    def read() -> None:
        with open_source(f"spark:{folder}") as engine:
            table = engine.rows("scan_results", ["overall_score"])
            assert engine.fetch(f"SELECT count(*) FROM {table}") == [(2,)]
            if change == "appended":
                path.write_bytes(path.read_bytes() + b"2.0\n")
            elif change == "replaced":
                (tmp_path / "other").write_bytes(path.read_bytes())
                (tmp_path / "other").replace(path)
            elif change == "removed":
                path.unlink()
                engine.fetch(f"SELECT sum(overall_score) FROM {table}")  # which fails

    if change == "none":
        read()
        return
    with pytest.raises(EnvironmentFault, match="SOURCE_CHANGED") as caught:
        read()
    assert folder.name in caught.value.what


def test_files_elsewhere_are_not_looked_for() -> None:
    names = ["file:///a%20b/%C3%A4%25.csv", "file:/c.csv", "hdfs://host/d.csv", "s3a://bucket/e.csv", "/f.csv"]
    assert _local(names) == [Path("/a b/\u00e4%.csv"), Path("/c.csv")]


def test_the_session_of_another_thread_is_left(session: Any, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"{','.join(COLUMN_OF.values())}\n", encoding="utf-8")
    found: list[Any] = []

    def read() -> None:
        with open_source(f"spark:{path}") as engine:
            found.append(list(engine.columns("scan_results") or ()))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert found == [list(COLUMN_OF.values())]
    assert session.range(3).count() == 3
    assert signal.getsignal(signal.SIGINT) == before
