"""Spark SQL: a session or data frame of the caller, or a session by the caller's own configuration."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from calibgit.engine.base import Column, Dialect
from calibgit.engine.families import of_kind
from calibgit.engine.faults import missing_extra, no_source, unsupported
from calibgit.engine.fragments import identifier, undotted
from calibgit.engine.spark_calls import Calls, own_session
from calibgit.engine.unchanged import unchanged
from calibgit.engine.waiting import wait_for
from calibgit.errors import CalibgitError

_KINDS = {
    "string": "text",
    "boolean": "boolean",
    "tinyint": "integer",
    "smallint": "integer",
    "int": "integer",
    "bigint": "integer",
    "double": "float",
    "float": "single",
    "timestamp": "timestamptz",
    "timestamp_ntz": "timestamp",
    "date": "date",
    "variant": "variant",
}
_PREFIXES = {
    "decimal": "decimal",
    "varchar": "text",
    "char": "text",
    "array": "nested",
    "map": "nested",
    "struct": "nested",
}
# Parts of a nested type that make the whole no VARIANT; a field's name may be one of these words.
_NO_VARIANT = re.compile(r"map<(?!string)|(?<=[<:,])(interval|void|time|geometry|geography)\b(?!:)")
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")
_FORMATS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json", ".orc": "orc"}


class SparkEngine:
    """An Engine over one Spark session.

    A data frame is analyzed once, so all statements read the files, or the version of a table, that it was made from.

    Args:
        session: the session.
        frame: what every table name means; None for the tables of the session's catalog.
    """

    dialect: Dialect = "spark"
    one_snapshot = False

    def __init__(self, session: Any, frame: Any = None) -> None:
        self._session = session
        self._ask = Calls(session)
        self._frame = frame
        self._views: list[str] = []

    def columns(self, table: str) -> Mapping[str, Column] | None:
        """The columns of a table or view of the catalog, or of the data frame; None when there is no such table."""
        if self._frame is None and not self._ask(lambda: self._session.catalog.tableExists(table)):
            return None
        kinds: list[tuple[str, str]] = self._ask(lambda: self._of(table).dtypes)
        return {name: _column(name, kind) for name, kind in kinds}

    def rows(self, table: str, columns: Collection[str]) -> str:
        """A view of these columns alone, which ends with the engine."""
        view = f"calibgit_{uuid.uuid4().hex}"
        names = [identifier(name, "`") for name in columns]
        self._ask(lambda: self._of(table).select(*names).createTempView(view))
        self._views.append(view)
        return identifier(view, "`")

    def tables(self) -> list[str] | None:
        """The tables and views of the current database; None for a data frame."""
        if self._frame is not None:
            return None
        found: list[str] = self._ask(lambda: [table.name for table in self._session.catalog.listTables()])
        return undotted(("", name) for name in sorted({*found} - {*self._views}))

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of one SELECT."""
        return [tuple(row) for row in self._ask(lambda: self._session.sql(sql).collect())]

    def close(self) -> None:
        """Forget the views that this engine made."""

        def forget() -> None:
            for view in self._views:
                self._session.catalog.dropTempView(view)

        with suppress(Exception):  # of a session that is lost
            wait_for(forget)

    def _of(self, table: str) -> Any:
        return self._session.table(table) if self._frame is None else self._frame


@contextmanager
def open_frame(source: Any) -> Iterator[SparkEngine]:
    """Open a Spark session, whose catalog has the table, or a data frame, which is the table.

    Raises:
        UsageError: UNSUPPORTED_SOURCE.
    """
    if hasattr(type(source), "createTempView"):
        engine = SparkEngine(source.sparkSession, source)
    elif hasattr(type(source), "catalog"):
        engine = SparkEngine(source)
    else:
        raise unsupported(f"an object of type {type(source).__name__}")
    try:
        yield engine
    finally:
        engine.close()


@contextmanager
def open_spark(text: str) -> Iterator[SparkEngine]:
    """Open what follows `spark:`, a table of the catalog or a path, in a session of the caller's own configuration.

    Spark runs in this process only where neither its configuration nor the environment says where it runs. A session
    that was there before is used and left; one that was made here is stopped.

    The files of a path are compared before and after, where they are local. Those of other file systems are not, nor
    those of a table: there, only a change of the number of rows is noticed.

    Raises:
        EnvironmentFault: MISSING_EXTRA, SPARK_NOT_STARTED, NO_SOURCE, SOURCE_LOST, and SOURCE_CHANGED at the end.
    """
    try:
        import pyspark.sql  # noqa: F401, PLC0415
    except ImportError:
        raise missing_extra("pyspark", "spark") from None
    with own_session() as session:
        frame, files = _read(session, text)
        with unchanged(files, Path(text).name), open_frame(frame) as engine:
            yield engine


def _read(session: Any, text: str) -> tuple[Any, list[Path]]:
    """A data frame, and the local files that it reads if the text is a path."""
    ask = Calls(session)
    is_path = "/" in text or ":" in text
    if not is_path and ask(lambda: session.catalog.tableExists(text)):
        return ask(lambda: session.table(text)), []
    kind = next((kind for end, kind in _FORMATS.items() if text.endswith(end)), "parquet")
    options = {"header": "true"} if kind == "csv" else {}
    fault: CalibgitError
    try:
        frame = ask(lambda: session.read.format(kind).options(**options).load(text))
        return frame, _local(ask(frame.inputFiles))
    except CalibgitError as error:
        fault = no_source(text) if error.code == "NO_SOURCE" else error
    raise fault


def _local(addresses: Iterable[str]) -> list[Path]:
    names = [address.removeprefix("file:").encode() for address in addresses if address.startswith("file:/")]
    return [Path(os.fsdecode(_ESCAPED.sub(lambda found: bytes.fromhex(found[1].decode()), name))) for name in names]


def _column(name: str, kind: str) -> Column:
    sql = identifier(name, "`")
    word = kind.split("(", maxsplit=1)[0].split("<", maxsplit=1)[0].split(" ", maxsplit=1)[0]
    if kind.startswith("string collate"):
        return Column(f"({sql} COLLATE UTF8_BINARY)", "text", family="text")
    known = _KINDS.get(kind) or _PREFIXES.get(word, "other")
    if known == "nested" and _NO_VARIANT.search(kind):
        known = "other"
    return Column(sql, known, family=of_kind(known))
