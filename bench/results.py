"""Tables of simulated results of any size and in any store, and the line that is measured on them.

A million assessments are drawn once in a run. Smaller tables are a part of them; larger ones repeat them with other
ids, subjects and moments, so that every row has a subject of its own. Where CALIBGIT_BENCH_TABLES names a directory,
they stay there for the next run.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import duckdb

from calibgit.collect.window import resolve_window
from calibgit.engine.open import open_source
from calibgit.engine.table import write_results
from calibgit.jobs.active_config import ActiveConfig
from calibgit.jobs.measure import Subject, count
from calibgit.model.ids import Version
from calibgit.model.settings import read_settings
from calibgit.model.snapshot import ExactSnapshot
from calibgit.simulate.population import simulate

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "configs/scoring_config_v1.0.0.json"
SETTINGS = ROOT / "calibgit/jobs/templates/calibgit.toml"
AS_OF = "2024-04-01"
MILLION = 1_000_000
_BATCH = 10_000


def subject() -> Subject:
    """A line with the settings that `init` writes, under the first config of the demonstration."""
    data = CONFIG.read_bytes()
    settings = read_settings(SETTINGS.read_text("utf-8").replace("LINE", "scoring").encode())
    active = ActiveConfig(Version(1, 0, 0), data, json.loads(data))
    return Subject("scoring", settings.lines["scoring"], "0" * 64, "configs", active)


def collected(source: object, *, subjects: bool = True) -> ExactSnapshot:
    """The exact counts of a source, by calibgit; without disclosure control, whose cost does not grow with the rows.

    Args:
        source: what `open_source` takes.
        subjects: whether the mapping names the column that says who was assessed.
    """
    measured = subject()
    settings = measured.settings
    if not subjects:
        columns = settings.source.columns.model_copy(update={"subject": None})
        settings = settings.model_copy(update={"source": settings.source.model_copy(update={"columns": columns})})
    with open_source(source) as engine:
        window = resolve_window(AS_OF, settings.window.days, settings.window.anchor)
        return count(replace(measured, settings=settings), engine, window)


def draw(rows: int) -> Iterator[dict[str, object]]:
    """Assessments of the window, spread evenly over it."""
    config = json.loads(CONFIG.read_bytes())
    return simulate(config, rows=rows, seed=1, start=dt.date(2024, 3, 1), days=30)


@cache
def table(rows: int, suffix: str) -> Path:
    """A file with this many rows, made once in a run: `.duckdb`, `.parquet` or `.sqlite`."""
    path = _place() / f"rows_{rows}{suffix}"
    if not path.exists():
        part = path.with_name(f"part_{path.name}")
        part.unlink(missing_ok=True)
        _write(part, rows)
        part.replace(path)
    return path


def _write(path: Path, rows: int) -> None:
    if (rows, path.suffix) == (MILLION, ".parquet"):
        write_results(path, draw(rows))
        return
    chosen = _repeated(rows // MILLION) if rows >= MILLION else _part(MILLION // rows)
    if path.suffix == ".sqlite":
        write_results(path, _rows(chosen))
    elif path.suffix == ".parquet":
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({chosen}) TO '{path}' (FORMAT parquet)")
    else:
        with duckdb.connect(str(path)) as connection:
            connection.execute(f"CREATE TABLE scan_results AS {chosen}")


def _part(every: int) -> str:
    return f"SELECT * FROM read_parquet('{table(MILLION, '.parquet')}') WHERE id % {every} = 0"  # noqa: S608


def _repeated(times: int) -> str:
    """One copy after the other: a store must not find the same text twice in a group of rows, and read it once."""
    return " UNION ALL ".join(
        f"""
        SELECT * REPLACE (
          id + {copy * MILLION} AS id, subject || '-{copy}' AS subject,
          least(created_at + INTERVAL {copy} SECOND, TIMESTAMP '2024-03-30 23:59:59') AS created_at)
        FROM read_parquet('{table(MILLION, ".parquet")}')"""  # noqa: S608
        for copy in range(times)
    )


def _rows(chosen: str) -> Iterator[Mapping[str, object]]:
    with duckdb.connect() as connection:
        found = connection.execute(
            f"SELECT * REPLACE (strftime(created_at, '%Y-%m-%d %H:%M:%S') AS created_at) FROM ({chosen})"  # noqa: S608
        )
        names = [column[0] for column in found.description or ()]
        while batch := found.fetchmany(_BATCH):
            for row in batch:
                yield dict(zip(names, row, strict=True))


@cache
def _place() -> Path:
    if named := os.environ.get("CALIBGIT_BENCH_TABLES"):
        return Path(named)
    kept = tempfile.TemporaryDirectory(prefix="calibgit-bench-")
    _KEPT.append(kept)  # removed when the run ends
    return Path(kept.name)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []


if __name__ == "__main__":  # a collection as a process of its own, for its memory: SOURCE, OUT, and `alone` or nothing
    Path(sys.argv[2]).write_bytes(collected(sys.argv[1], subjects="alone" not in sys.argv[3:]).pretty())
