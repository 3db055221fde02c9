"""One word for every source: a path, a URL or a SQLAlchemy session becomes an Engine."""

from __future__ import annotations

import glob
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from calibgit.engine.base import Engine
from calibgit.engine.duck import FileKind, open_duckdb, open_files
from calibgit.engine.faults import missing_extra, no_source, unreadable, unsupported
from calibgit.engine.lite import open_sqlite, read_transaction

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
        source: a path or glob of DuckDB, SQLite, Parquet, CSV, JSON or JSON lines files; `sqlite:///path` or
            `duckdb:///path`; or a SQLAlchemy Session, Engine or Connection over SQLite, which is left as found.

    Raises:
        UsageError: UNSUPPORTED_SOURCE.
        EnvironmentFault: NO_SOURCE, SOURCE_UNREADABLE, LOCKED_SOURCE, SOURCE_FAILED or MISSING_EXTRA.
    """
    with ExitStack() as stack:
        if isinstance(source, (str, Path)):
            yield stack.enter_context(_open_path(str(source)))
        else:
            yield stack.enter_context(_open_sqlalchemy(source))


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


@contextmanager
def _open_sqlalchemy(source: Any) -> Iterator[Engine]:
    try:
        from sqlalchemy import engine, orm  # noqa: PLC0415
    except ImportError:
        raise missing_extra("sqlalchemy") from None
    bind = source.get_bind() if isinstance(source, orm.Session) else source
    if not isinstance(bind, (engine.Engine, engine.Connection)):
        raise unsupported(f"an object of type {type(source).__name__}")
    if bind.dialect.name != "sqlite":
        raise unsupported(f"a SQLAlchemy source with the dialect {bind.dialect.name}")
    with ExitStack() as stack:
        if isinstance(source, orm.Session) and source.in_transaction():
            connection = source.connection()
        elif isinstance(bind, engine.Connection):
            connection = bind
        else:
            connection = stack.enter_context(bind.connect())
        driver: Any = connection.connection.driver_connection
        if not hasattr(driver, "in_transaction") or not hasattr(driver, "set_authorizer"):
            raise unsupported(f"a SQLAlchemy source with the driver {bind.dialect.driver}")
        yield stack.enter_context(read_transaction(driver, "the SQLAlchemy source"))
