"""DuckDB: its own files, and Parquet, CSV and JSON files read as one table."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from calibgit.engine.base import Column, Dialect, Family
from calibgit.engine.families import of_duckdb
from calibgit.engine.faults import failed, missing_extra, old_engine
from calibgit.engine.fragments import dotted, identifier, literal, undotted
from calibgit.engine.unchanged import unchanged
from calibgit.engine.waiting import wait_for
from calibgit.errors import CalibgitError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FileKind = Literal["parquet", "csv", "json"]

OLDEST = (1, 5, 2)  # before it TRY over the repeated values of a Parquet file loses some, and says nothing
_THREAD_MEGABYTES = 128
_ROOMY_MEGABYTES = 1024  # in all, and half of it a thread, for a statement that did not fit
_LONGEST_LINE = 16 * 1024 * 1024  # bytes, of CSV as of JSON lines; a buffer must hold two
# The text of a JSON string, and that of any other value as it stands.
_AS_TEXT = (
    "CASE WHEN starts_with(CAST({x} AS VARCHAR), '\"') THEN {x} ->> '$' ELSE nullif(CAST({x} AS VARCHAR), 'null') END"
)
# Types that need fewer guards than a value of any type; what any of them reads is the same without a kind.
_KINDS = {
    "VARCHAR": "text",
    "DOUBLE": "float",
    **dict.fromkeys(("TINYINT", "SMALLINT", "INTEGER", "BIGINT"), "integer"),
    "BOOLEAN": "boolean",
    "TIMESTAMP": "timestamp",
}
_OFFLINE = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


class DuckEngine:
    """An Engine over one DuckDB connection inside one transaction.

    With `files` there is no table of its own: whichever table is asked for is these files. CSV and JSON values are
    read as text, so that one odd value cannot stop the reading.
    """

    dialect: Dialect = "duckdb"

    def __init__(
        self,
        connection: DuckDBPyConnection,
        name: str,
        *,
        kind: FileKind | None = None,
        files: Sequence[str] = (),
    ) -> None:
        self._connection = connection
        self._name = name
        self._kind = kind
        self.one_snapshot = kind is None
        self._roomy = False
        self._files = "[" + ", ".join(literal(file) for file in files) + "]"

    def columns(self, table: str) -> Mapping[str, Column] | None:
        """The columns of a table or view, or of the files; None when there is no table with this name."""
        if self._kind == "json":  # the driver's own way to find keys stops at a value with more than 128 levels
            keys = f"SELECT DISTINCT unnest(json_keys(json)) FROM read_json_objects({self._files}) ORDER BY 1"  # noqa: S608
            return {name: self._column(name, "JSON") for (name,) in self.fetch(keys)}
        if self._kind is not None:
            found = self.fetch(f"DESCRIBE SELECT * FROM {self._read(self._kind)}")  # noqa: S608
            return {name: self._column(name, declared) for name, declared, *_ in found}
        schema, _, name = table.rpartition(".")
        inside = f"schema_name = {literal(schema)}" if schema else "schema_name = current_schema()"
        names = self.fetch(
            f"SELECT column_name, data_type FROM duckdb_columns() WHERE table_name = {literal(name)} AND {inside}"  # noqa: S608
            " AND database_name = current_database() AND NOT internal ORDER BY column_index"
        )
        return {name: self._column(name, declared) for name, declared in names} or None

    def rows(self, table: str, columns: Collection[str]) -> str:
        """The table, as a statement reads the columns that it names; or these columns of the files."""
        if self._kind is None:
            return dotted(table)
        names = [identifier(name) for name in columns]
        read = self._read(self._kind, [f"{name}: JSON" for name in names])
        if self._kind == "json":
            names = [f"{_AS_TEXT.replace('{x}', name)} AS {name}" for name in names]
        return f"(SELECT {', '.join(names)} FROM {read})"  # noqa: S608  quoted

    def tables(self) -> list[str] | None:
        """The tables and views; None for files."""
        if self._kind is not None:
            return None
        return undotted(
            (schema, name)
            for schema, name in self.fetch(
                "SELECT DISTINCT CASE WHEN schema_name = current_schema() THEN '' ELSE schema_name END, table_name"
                " FROM duckdb_columns() WHERE database_name = current_database() AND NOT internal ORDER BY 1, 2"
            )
        )

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of one SELECT. Where long values do not fit into memory, it runs once more with fewer threads."""
        found = self._tried(sql)
        if isinstance(found, CalibgitError) and found.code == "SOURCE_TOO_LARGE" and not self._roomy:
            self._roomy = True
            self._make_room()
            found = self._tried(sql)
        if isinstance(found, CalibgitError):
            raise found
        return found

    def _tried(self, sql: str) -> list[tuple[Any, ...]] | CalibgitError:
        try:
            return wait_for(lambda: self._connection.execute(sql).fetchall(), self._connection.interrupt)
        except Exception as error:  # noqa: BLE001  every driver error becomes a named one, without its words
            return failed(self._name, error)

    def _make_room(self) -> None:
        """A new transaction with more memory for each thread. This connection still keeps writers off the file."""
        self.fetch("ROLLBACK")
        [(threads,)] = self.fetch("SELECT current_setting('threads')")
        most = max(threads * _THREAD_MEGABYTES, _ROOMY_MEGABYTES)
        fewer = max(1, min(threads, 2 * most // _ROOMY_MEGABYTES))
        for change in (f"SET memory_limit = '{most}MB'", f"SET threads = {fewer}", "BEGIN TRANSACTION"):
            self.fetch(change)

    def _column(self, name: str, declared: str) -> Column:
        untyped = self._kind in {"csv", "json"}
        family: Family = "unknown" if untyped else of_duckdb(declared)
        return Column(identifier(name), _KINDS.get(declared, ""), family=family)

    def _read(self, kind: FileKind, keys: Sequence[str] = ()) -> str:
        return {
            "parquet": f"read_parquet({self._files}, union_by_name = true)",
            "csv": f"read_csv({self._files}, all_varchar = true, header = true, union_by_name = true,"
            f" max_line_size = {_LONGEST_LINE}, buffer_size = {2 * _LONGEST_LINE})",
            "json": f"read_json({self._files}, columns = {{{', '.join(keys)}}}, auto_detect = false, format = 'auto',"
            " records = true)",
        }[kind]


@contextmanager
def open_duckdb(path: Path) -> Iterator[DuckEngine]:
    """Open a DuckDB file read-only, inside one transaction."""
    with _connected(str(path), path.name, read_only=True) as connection:
        yield DuckEngine(connection, path.name)


@contextmanager
def open_files(files: Sequence[Path], kind: FileKind, name: str) -> Iterator[DuckEngine]:
    """Open Parquet, CSV or JSON files as one table.

    Raises:
        EnvironmentFault: SOURCE_CHANGED, at the end, when they are not the files that were opened.
    """
    with unchanged(files, name), _connected(":memory:", name, read_only=False) as connection:
        yield DuckEngine(connection, name, kind=kind, files=[str(file) for file in files])


@contextmanager
def _connected(database: str, name: str, *, read_only: bool) -> Iterator[DuckDBPyConnection]:
    """A connection whose memory does not grow with the rows.

    Groups that do not fit, of subjects above all, go to a directory that only this user can read and that does not
    outlive the connection; the driver's own choice would be the current directory.
    """
    try:
        import duckdb  # noqa: PLC0415
    except ImportError:
        raise missing_extra("duckdb") from None
    if tuple(int(part) for part in re.findall(r"\d+", duckdb.__version__)[:3]) < OLDEST:
        raise old_engine("duckdb", duckdb.__version__, ".".join(map(str, OLDEST)))
    fault: CalibgitError | None = None
    with tempfile.TemporaryDirectory(prefix="calibgit-") as private:
        try:
            config: dict[str, Any] = {**_OFFLINE, "temp_directory": private}
            connection = duckdb.connect(database, read_only=read_only, config=config)
        except Exception as error:  # noqa: BLE001
            fault = failed(name, error)
        if fault is not None:
            raise fault
        try:
            engine = DuckEngine(connection, name)
            engine.fetch("SET TimeZone = 'UTC'")
            engine.fetch("SET enable_progress_bar = false")  # it would be written into our output
            threads = engine.fetch("SELECT current_setting('threads')")[0][0]
            engine.fetch(f"SET memory_limit = '{threads * _THREAD_MEGABYTES}MB'")
            connection.execute("BEGIN TRANSACTION")
            yield connection
        finally:
            connection.close()
