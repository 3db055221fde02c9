"""What can be opened, and the named error for what cannot."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from calibgit.engine import duck, lite
from calibgit.engine.duck import DuckEngine
from calibgit.engine.open import open_source
from calibgit.engine.table import write_results
from calibgit.errors import CalibgitError, EnvironmentFault, UsageError
from tests.support.results import COLUMN_OF, GOOD, ROOT, collect, settings, write_text_table

ROW = {COLUMN_OF[role]: value for role, value in GOOD.items()}


def fault(source: object, **over: Any) -> CalibgitError:
    with pytest.raises(CalibgitError) as caught:
        collect(source, **over)
    assert caught.value.fix
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or isinstance(caught.value.__context__, ImportError)
    return caught.value


@pytest.mark.parametrize("suffix", ["duckdb", "sqlite"])
def test_kind_is_decided_by_the_first_bytes_not_by_the_name(tmp_path: Path, suffix: str) -> None:
    write_results(tmp_path / f"a.{suffix}", [ROW])
    other = tmp_path / "results.db"
    (tmp_path / f"a.{suffix}").rename(other)
    with open_source(str(other)) as engine:
        assert engine.dialect == suffix
        assert list(engine.columns("scan_results") or ())[:3] == ["id", "subject", "created_at"]
        assert engine.columns("nothing") is None
        assert engine.fetch("SELECT count(*) FROM scan_results") == [(1,)]


@pytest.mark.parametrize("suffix", ["duckdb", "sqlite"])
def test_urls_name_files(tmp_path: Path, suffix: str) -> None:
    write_results(tmp_path / f"a.{suffix}", [ROW])
    with open_source(f"{suffix}:///{tmp_path}/a.{suffix}") as engine:
        assert engine.dialect == suffix


@pytest.mark.parametrize("suffix", ["duckdb", "sqlite"])
def test_sources_are_opened_read_only(tmp_path: Path, suffix: str) -> None:
    write_results(tmp_path / f"a.{suffix}", [ROW])
    with open_source(str(tmp_path / f"a.{suffix}")) as engine, pytest.raises(EnvironmentFault, match="SOURCE_FAILED"):
        engine.fetch("DELETE FROM scan_results")


def test_missing_file(tmp_path: Path) -> None:
    for name in ("a.duckdb", "a.sqlite", "a.parquet", "part-*.csv"):
        assert fault(str(tmp_path / name)).code == "NO_SOURCE"


@pytest.mark.parametrize("url", ["mysql://u:secret@host/db", "mysql://x", "sqlite://"])
def test_other_urls_are_refused_without_repeating_them(url: str) -> None:
    error = fault(url)
    assert (error.code, type(error)) == ("UNSUPPORTED_SOURCE", UsageError)
    assert "secret" not in str(error.as_dict())


def test_other_dialects_are_refused_by_name() -> None:

    engine = sa.create_mock_engine("postgresql://", lambda *_: None)
    assert fault(engine).code == "UNSUPPORTED_SOURCE"
    assert fault(object()).code == "UNSUPPORTED_SOURCE"


@pytest.mark.parametrize("name", ["a.duckdb", "a.sqlite", "a.parquet", "a.db"])
def test_a_file_of_noise_is_unreadable(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"Jane Roe, not a database" * 100)
    error = fault(str(tmp_path / name))
    assert error.code == "SOURCE_UNREADABLE"
    assert "Jane" not in str(error.as_dict())


@pytest.mark.parametrize("suffix", ["duckdb", "sqlite"])
def test_a_damaged_database_is_unreadable(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    write_results(path, [ROW] * 500)
    data = bytearray(path.read_bytes())
    data[100:] = b"\xff" * (len(data) - 100)
    path.write_bytes(data)
    assert fault(str(path)).code == "SOURCE_UNREADABLE"


def test_malformed_json_lines_are_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"created_at": "Jane Roe"}\n{"created_at": \n', encoding="utf-8")
    assert fault(str(tmp_path / "a.jsonl")).code in {"SOURCE_UNREADABLE", "SOURCE_FAILED"}


@pytest.mark.parametrize("suffix", ["duckdb", "sqlite"])
def test_missing_table_and_column_name_their_line_in_the_settings(tmp_path: Path, suffix: str) -> None:
    path = str(write_text_table(tmp_path / f"a.{suffix}", [GOOD]))
    error = fault(path, line=settings(table="other"))
    assert (error.code, "lines.scoring.source" in error.fix) == ("NO_TABLE", True)
    error = fault(path, line=settings(columns={**COLUMN_OF, "tier": "plan"}))
    assert error.code == "MISSING_COLUMN"
    assert "plan" in error.what
    assert "lines.scoring.source.columns.tier" in error.what


def test_a_locked_sqlite_file_is_an_environment_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lite, "BUSY_SECONDS", 0.0)
    path = write_text_table(tmp_path / "a.sqlite", [GOOD])
    writer = sqlite3.connect(path, isolation_level=None)
    try:
        writer.execute("BEGIN EXCLUSIVE")
        error = fault(str(path))
    finally:
        writer.close()
    assert (error.code, error.exit_status) == ("LOCKED_SOURCE", 3)


def test_a_duckdb_file_open_for_writing_is_an_environment_fault(tmp_path: Path) -> None:

    path = write_text_table(tmp_path / "a.duckdb", [GOOD])
    with duckdb.connect(str(path)):
        assert fault(str(path)).code == "LOCKED_SOURCE"


def test_all_statements_see_one_snapshot(tmp_path: Path) -> None:
    path = write_text_table(tmp_path / "a.sqlite", [GOOD])
    writer = sqlite3.connect(path, isolation_level=None)
    try:
        writer.execute("PRAGMA journal_mode = WAL")
        with open_source(str(path)) as engine:
            before = engine.fetch("SELECT count(*) FROM scan_results")
            writer.execute("INSERT INTO scan_results SELECT * FROM scan_results")
            assert engine.fetch("SELECT count(*) FROM scan_results") == before
    finally:
        writer.close()


@pytest.fixture
def started() -> Iterator[Callable[[], None]]:
    """To be called when a statement runs: this process then gets the signal of Ctrl-C.

    It is no code of Python, so that a statement which calls it is not where the signal is noticed.
    """

    def interrupt() -> None:
        gate.acquire()
        os.kill(os.getpid(), signal.SIGINT)

    gate = threading.Lock()
    gate.acquire()
    thread = threading.Thread(target=interrupt, daemon=True)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread.start()
    yield gate.release
    thread.join(10)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_stops_a_statement_of_sqlite(tmp_path: Path, started: Callable[[], None]) -> None:
    numbers = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1000000000)"
    with open_source(str(write_text_table(tmp_path / "a.sqlite", [GOOD]))) as engine:
        assert isinstance(engine, lite.SqliteEngine)
        engine._connection.create_function("started", 0, started)
        with pytest.raises(KeyboardInterrupt):
            engine.fetch(f"SELECT started() UNION ALL SELECT * FROM ({numbers} SELECT count(*) FROM c)")
        assert engine.fetch("SELECT count(*) FROM scan_results") == [(1,)]


def test_ctrl_c_stops_a_statement_of_duckdb(tmp_path: Path, started: Callable[[], None]) -> None:
    class Connection:
        def __init__(self, inner: Any) -> None:
            self.inner, self.interrupt = inner, inner.interrupt

        def execute(self, sql: str) -> Any:
            started()
            return self.inner.execute(sql)

    numbers = "range(1000000) AS a (n), range(100000) AS b (m)"
    with duckdb.connect(str(write_text_table(tmp_path / "a.duckdb", [GOOD])), read_only=True) as connection:
        engine = DuckEngine(Connection(connection), "a.duckdb")  # type: ignore[arg-type]
        with pytest.raises(KeyboardInterrupt):
            engine.fetch(f"SELECT count(*) FROM {numbers} WHERE (n * m) % 7 = 3")
        assert engine.fetch("SELECT count(*) FROM scan_results") == [(1,)]


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:

    write_results(tmp_path / "a.duckdb", [ROW])
    monkeypatch.setitem(sys.modules, "duckdb", None)
    error = fault(str(tmp_path / "a.duckdb"))
    assert (error.code, error.fix) == ("MISSING_EXTRA", "pip install 'calibgit[analysis]'")


@pytest.mark.parametrize("name", ["a.duckdb", "a.parquet"])
def test_a_version_that_counts_wrongly_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    write_results(tmp_path / name, [ROW])
    for version in ("1.5.1", "1.4.5", "0.10.3", "1.5.0-dev7"):
        monkeypatch.setattr(duckdb, "__version__", version)
        assert fault(str(tmp_path / name)).code == "OLD_ENGINE"
    for version in ("1.5.2", "1.10.0", "2.0.0.dev1"):
        monkeypatch.setattr(duckdb, "__version__", version)
        assert collect(str(tmp_path / name)).rows


def test_no_progress_is_drawn_where_the_driver_would(tmp_path: Path) -> None:
    """It takes a program without a file for a person at a terminal."""
    write_results(tmp_path / "a.duckdb", [ROW])
    code = (
        "import sys; from calibgit.engine.open import open_source\n"
        "with open_source(sys.argv[1]) as engine: print(engine.fetch(\"SELECT current_setting('enable_progress_bar')\"))"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "a.duckdb")]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "[(False,)]\n"


def test_the_extra_asks_for_a_version_that_is_not_refused() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert f"duckdb>={'.'.join(map(str, duck.OLDEST))},<3" in wanted["analysis"]


def test_written_columns_are_json_text(tmp_path: Path) -> None:
    for name in ("a.duckdb", "a.sqlite"):
        write_results(tmp_path / name, [{"id": 1, "red_flags": [{"type": "x"}], "category_scores": {"a": 1.5}}], "r")
        with open_source(str(tmp_path / name)) as engine:
            assert engine.fetch("SELECT id, red_flags, category_scores, tier FROM r") == [
                (1, '[{"type": "x"}]', '{"a": 1.5}', None)
            ]
    with pytest.raises(UsageError, match="UNSUPPORTED_SOURCE"):
        write_results(tmp_path / "a.txt", [])


@pytest.mark.parametrize("suffix", ["duckdb", "parquet"])
def test_what_does_not_fit_into_memory_goes_to_a_private_place_and_is_removed(tmp_path: Path, suffix: str) -> None:
    """Groups of subjects are identities: they must not stay in the directory that somebody happens to be in."""
    path = tmp_path / f"a.{suffix}"
    write_results(path, [{"overall_score": 1.0}])
    with open_source(str(path)) as engine:
        place, limit, threads = engine.fetch(
            "SELECT current_setting('temp_directory'), current_setting('memory_limit'), current_setting('threads')"
        )[0]
        engine.fetch("SET memory_limit = '20MB'")
        assert engine.fetch("SELECT count(*) FROM (SELECT range FROM range(3000000) ORDER BY hash(range))")
        assert stat.S_IMODE(Path(place).stat().st_mode) == 0o700
        assert not Path(place).is_relative_to(Path.cwd())
        assert float(limit.split()[0]) <= threads * 128
    assert not Path(place).exists()


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_line_that_is_too_long_is_named(tmp_path: Path, name: str) -> None:
    row = {**dict.fromkeys(COLUMN_OF.values(), "x"), "note": "x" * (17 if name == "a.csv" else 40) * 2**20}
    text = ",".join(row) + "\n" + ",".join(row.values()) if name == "a.csv" else json.dumps(row)
    (tmp_path / name).write_text(f"{text}\n{text}\n", encoding="utf-8")
    assert fault(str(tmp_path / name)).code == "SOURCE_LINE_TOO_LONG"


def test_a_value_that_is_too_large_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duck, "_THREAD_MEGABYTES", 5)
    monkeypatch.setattr(duck, "_ROOMY_MEGABYTES", 20)
    rows = [{**GOOD, "flags": json.dumps(["x" * 2**20] * 16)}] * 4
    assert fault(str(write_text_table(tmp_path / "a.duckdb", rows))).code == "SOURCE_TOO_LARGE"


@pytest.mark.parametrize("change", ["appended", "replaced", "removed"])
@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_files_that_are_written_meanwhile_are_told(tmp_path: Path, suffix: str, change: str) -> None:
    """Otherwise some statements would count the rows before and some the rows after."""
    path = tmp_path / f"a.{suffix}"
    write_results(tmp_path / "a.parquet", [{"overall_score": 1.0}])
    if suffix == "csv":
        path.write_text("overall_score\n1.0\n")

    def read() -> None:
        with open_source(str(path)) as engine:
            assert engine.columns("scan_results") is not None
            if change == "appended":
                path.write_bytes(path.read_bytes() + b"2.0\n")
            elif change == "replaced":
                (tmp_path / "other").write_bytes(path.read_bytes())
                (tmp_path / "other").replace(path)
            else:
                path.unlink()

    with pytest.raises(EnvironmentFault, match="SOURCE_CHANGED"):
        read()


def test_a_fault_that_comes_of_a_change_is_told_as_the_change(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_results(path, [{"overall_score": 1.0}])

    def read() -> None:
        with open_source(str(path)) as engine:
            path.write_bytes(b"another export, not done yet")
            engine.fetch(f"SELECT count(*) FROM {engine.rows('scan_results', ['overall_score'])}")

    with pytest.raises(EnvironmentFault, match="SOURCE_CHANGED"):
        read()
