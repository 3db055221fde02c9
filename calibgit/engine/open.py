"""One word for every source: a path, a URL or a SQLAlchemy session becomes an Engine."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

from calibgit.engine.alchemy import open_sqlalchemy
from calibgit.engine.base import Engine
from calibgit.engine.duck import FileKind, open_duckdb, open_files
from calibgit.engine.faults import no_source, unreadable, unsupported
from calibgit.engine.lite import open_sqlite
from calibgit.engine.postgres import open_postgres
from calibgit.engine.spark import open_frame, open_spark

_POSTGRES = frozenset({"postgresql", "postgres", "postgresql+psycopg"})

_KINDS: dict[str, FileKind] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
}


@contextmanager
def open_source(source: Any) -> Iterator[Engine]:
    """Open a source read-only; every statement until the end of the `with` block sees one snapshot.

    Args:
        source: one of

            - a path or glob of DuckDB, SQLite, Parquet, CSV, JSON or JSON lines files;
            - `sqlite:///path`, `duckdb:///path` or `postgresql://...`;
            - `spark:` and a table of the catalog or a path that Spark reads;
            - a SQLAlchemy Session, Engine or Connection over SQLite or PostgreSQL, which is left as found;
            - a Spark session or data frame, which is left as found.

    Raises:
        UsageError: UNSUPPORTED_SOURCE, WEAK_ISOLATION.
        PermissionRefused: SOURCE_REFUSED.
        EnvironmentFault: NO_SOURCE, SOURCE_UNREADABLE, SOURCE_UNREACHABLE, LOCKED_SOURCE, SOURCE_FAILED, MISSING_EXTRA,
            OLD_ENGINE, and at the end SOURCE_CHANGED, where files were written meanwhile.
    """
    with _opened(source) as engine:
        yield engine


def _opened(source: Any) -> AbstractContextManager[Engine]:
    if isinstance(source, (str, Path)):
        text = str(source)
        scheme, _, rest = text.partition(":")
        if scheme in _POSTGRES and rest.startswith("//"):
            return open_postgres(text)
        if scheme == "spark":
            return open_spark(rest)
        return _open_path(text)
    if type(source).__module__.startswith("pyspark."):
        return open_frame(source)
    return open_sqlalchemy(source)


@contextmanager
def _open_path(text: str) -> Iterator[Engine]:
    scheme, found, rest = text.partition("://")
    if found:
        if scheme not in {"sqlite", "duckdb"} or not rest.startswith("/"):
            raise unsupported(f"a URL that starts with {scheme}://")
        text = rest[1:]
    files = _files(text)
    with ExitStack() as stack:
        if len(files) == 1 and (opened := _database(files[0])) is not None:
            yield stack.enter_context(opened)
            return
        kinds = {_KINDS.get(file.suffix.lower()) for file in files}
        kind = kinds.pop()
        if kinds or kind is None:
            raise unreadable(text) if kind is None else unsupported("a pattern that matches files of several kinds")
        yield stack.enter_context(open_files(files, kind, Path(text).name))


def _files(text: str) -> list[Path]:
    path = Path(text)
    if path.is_file():
        return [path]
    found = [Path(name) for name in sorted(glob.glob(text, recursive=True))]  # noqa: PTH207  absolute patterns
    files = [file for file in found if file.is_file()]
    if not files:
        raise no_source(text)
    return files


def _database(path: Path) -> Any:
    """The opener for a database file, decided by its first bytes and never by its name; None for other files."""
    with path.open("rb") as stream:
        head = stream.read(16)
    if head == b"SQLite format 3\x00":
        return open_sqlite(path)
    if head[8:12] == b"DUCK":
        return open_duckdb(path)
    return None
