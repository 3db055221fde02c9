"""A PostgreSQL server with a table of results, and the CPU seconds that it has used."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import psycopg

from calibgit.engine.table import COLUMNS
from tests.support.postgres import Server, finish, prepare, start

TYPES = {"DOUBLE": "float8", "VARCHAR": "text"}
_BLOCK = 1 << 20
_SETTLE_SECONDS = 5


@contextmanager
def serving() -> Iterator[Server]:
    """The server that the tests use, for as long as the block lasts."""
    place, alive = prepare()
    try:
        yield start()
    finally:
        finish(place, alive)


def load(server: Server, source: Path, json_type: str = "jsonb") -> str:
    """Write the rows of a DuckDB file to a table of its own schema, typed, and analyze it; its URL."""
    schema = f"from_{source.stem}"
    kinds = {name: TYPES.get(kind, kind) for name, kind in COLUMNS.items()}
    kinds |= dict.fromkeys(("category_scores", "red_flags"), json_type)
    fields = ", ".join(f"{name} {kind}" for name, kind in kinds.items())
    with tempfile.TemporaryDirectory() as name, server.connect() as connection, connection.cursor() as cursor:
        text = Path(name) / "rows.csv"
        with duckdb.connect(str(source), read_only=True) as files:
            files.execute(f"COPY (SELECT {', '.join(kinds)} FROM scan_results) TO '{text}' (FORMAT csv, HEADER false)")  # noqa: S608
        cursor.execute(f"CREATE SCHEMA {schema}".encode())
        cursor.execute(f"CREATE TABLE {schema}.scan_results ({fields})".encode())
        with (
            cursor.copy(f"COPY {schema}.scan_results FROM STDIN (FORMAT csv)".encode()) as copy,
            text.open("rb") as rows,
        ):
            while block := rows.read(_BLOCK):
                copy.write(block)
        cursor.execute(f"VACUUM ANALYZE {schema}.scan_results".encode())
    return server.url(options=f"-csearch_path%3D{schema}")


def cpu(server: Server) -> float:
    """CPU seconds of the server and of all its processes, those that have ended too, once no connection is open."""
    first = int((server.place / "data/postmaster.pid").read_text("ascii").split()[0])
    deadline = time.monotonic() + _SETTLE_SECONDS
    found: dict[int, list[str]] = {}
    while True:
        before, found = found, {pid: words for pid, words in _processes() if first in {pid, int(words[1])}}
        busy = any(_serves_a_client(pid) for pid in found if pid != first)
        # One that ends while the others are read is counted nowhere: only a second look at the same ones has all.
        if (not busy and before.keys() == found.keys()) or time.monotonic() > deadline:
            break
        time.sleep(0.01)
    ticks = sum(int(word) for pid, words in found.items() for word in words[11 : 15 if pid == first else 13])
    return ticks / os.sysconf("SC_CLK_TCK")


def _processes() -> Iterator[tuple[int, list[str]]]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended since it was listed
            yield int(path.parent.name), path.read_text("utf-8").rpartition(")")[2].split()


def _serves_a_client(pid: int) -> bool:
    """Whether a process of the server serves a connection, or has ended and is not yet counted to the server."""
    try:
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return True
    return not title or title.startswith((b"postgres: postgres ", b"postgres: parallel worker"))


def fetch(url: str, sql: str) -> list[tuple[object, ...]]:
    """All rows of one SELECT over a connection of its own, with the settings that are quickest for few groups.

    Without statistics of JSON the planner sorts what it could hash; the compiler serves only very long queries.
    """
    with psycopg.connect(url) as connection:
        connection.execute("SET jit = off")
        connection.execute("SET enable_sort = off")
        return connection.execute(sql.encode()).fetchall()
