"""The named errors of a data source. A driver's own words never pass: they can quote values from the data."""

from __future__ import annotations

import json
import re

from calibgit.errors import EnvironmentFault, UsageError

_PLAIN = re.compile(r"[A-Za-z0-9_.]+")
# An address that was mistyped is taken for a path.
_SECRET = re.compile(r":[^/]*@|://|(pass\w*|pwd|secret|token)\s*=", re.IGNORECASE)

_LOCKED = (
    "database is locked",
    "database table is locked",
    "could not set lock",
    "conflicting lock",
    "different configuration than existing connections",
    "already open",
)
_UNREADABLE = (
    "not a database",
    "malformed",
    "corrupt",
    "not a valid duckdb",
    "magic bytes",
    "newer version",
    "different version of duckdb",
    "too small to be a parquet",
    "csv error",
    "malformed json",
    "json transform error",
    "unsupported file format",
    "checksum",
)
_TOO_LONG = ("maximum line size of", "maximum_object_size")


def shown(name: str) -> str:
    """The name of a table or column in a message: one line of ASCII, whatever letters it has."""
    return name if _PLAIN.fullmatch(name) else json.dumps(name)


def missing_extra(package: str, extra: str = "analysis") -> EnvironmentFault:
    """`package` of an extra is not installed."""
    return EnvironmentFault(
        "MISSING_EXTRA",
        f"the package {package} is not installed",
        why="Reading results needs a data engine; the rest of calibgit does not.",
        fix=f"pip install 'calibgit[{extra}]'",
    )


def old_engine(package: str, version: str, oldest: str) -> EnvironmentFault:
    """`package` is installed in a version that counts wrongly."""
    return EnvironmentFault(
        "OLD_ENGINE",
        f"the package {package} {shown(version)} is older than {oldest}",
        why="Older versions lose values of some Parquet files and say nothing, so counts would be wrong unseen.",
        fix="pip install --upgrade 'calibgit[analysis]'",
    )


def no_source(name: str) -> EnvironmentFault:
    """No file has this name or pattern."""
    return EnvironmentFault(
        "NO_SOURCE",
        "there is no file of the name given" if _SECRET.search(name) else f"there is no file {name}",
        why="Collecting needs an existing results table.",
        fix="check the path given to --source",
    )


def no_table(table: str, line: str) -> EnvironmentFault:
    """The source has no such table."""
    return EnvironmentFault(
        "NO_TABLE",
        f"the source has no table {shown(table)}",
        why=f"calibgit.toml names it as lines.{line}.source.table.",
        fix=f"set table under [lines.{line}.source] in calibgit.toml to the results table",
    )


def no_such_table(name: str | None) -> EnvironmentFault:
    """The source does not have the table that was asked for, or, without a name, none at all."""
    what = "the source has no table" + (" that can be read" if name is None else f" {shown(name)}")
    return EnvironmentFault(
        "NO_TABLE",
        what,
        why="A mapping is of one table of results.",
        fix="list the tables with the database's own tool, and name one with --table",
    )


def missing_column(table: str, line: str, role: str, column: str) -> EnvironmentFault:
    """A mapped column is not in the table."""
    return EnvironmentFault(
        "MISSING_COLUMN",
        f"the table {shown(table)} has no column {shown(column)}, which lines.{line}.source.columns.{role} names",
        why="A metric of a column that does not exist would be a made-up number.",
        fix=f"correct or remove {role} under [lines.{line}.source.columns] in calibgit.toml",
    )


def unsupported(
    what: str, fix: str = "export the results table to Parquet and give that file as the source"
) -> UsageError:
    """The source is of a kind that is not read."""
    return UsageError(
        "UNSUPPORTED_SOURCE",
        f"{what} is not a source that calibgit reads",
        why="Read are DuckDB, SQLite, Parquet, CSV and JSON lines files, PostgreSQL, Spark, and SQLAlchemy sessions.",
        fix=fix,
    )


def unreadable(name: str) -> EnvironmentFault:
    """The file is damaged or is not what its name says."""
    return EnvironmentFault(
        "SOURCE_UNREADABLE",
        f"{name} cannot be read: it is damaged or not a database, Parquet, CSV or JSON lines file",
        why="Counts from a damaged file would be wrong without a sign of it.",
        fix="open the file with its own tool, repair or export it again, and repeat",
    )


def line_too_long(name: str) -> EnvironmentFault:
    """A line of a CSV or JSON lines file that does not fit into a buffer."""
    return EnvironmentFault(
        "SOURCE_LINE_TOO_LONG",
        f"{name} has a line that is longer than 16 MiB",
        why="CSV and JSON lines are read whole lines at a time, the columns that are not mapped too.",
        fix="export the table to Parquet, or without its longest columns, and give that file as the source",
    )


def too_large(name: str) -> EnvironmentFault:
    """Values that the engine cannot hold in the memory that it may use."""
    return EnvironmentFault(
        "SOURCE_TOO_LARGE",
        f"{name} holds values that are too large for the memory that counting may use",
        why="Many rows cost no memory, but the long values of some thousand rows must fit into it together.",
        fix="find the rows whose flags or category_scores are longest, and read through a view or export without them",
    )


def changed(name: str) -> EnvironmentFault:
    """Files that somebody writes while they are read."""
    return EnvironmentFault(
        "SOURCE_CHANGED",
        f"{name} changed while it was counted",
        why="Some counts are of the rows before and some of the rows after; together they fit neither.",
        fix="repeat when nobody writes to it, or collect from a copy",
    )


def locked(name: str) -> EnvironmentFault:
    """Somebody else holds the source."""
    return EnvironmentFault(
        "LOCKED_SOURCE",
        f"{name} is locked by another process",
        why="A consistent snapshot needs a moment in which nobody writes.",
        fix="wait until the writer has finished, or collect from a copy or an export",
    )


def untestable_json(role: str, column: str) -> UsageError:
    """JSON in a text column of a server that cannot test a text before it casts it."""
    return UsageError(
        "UNTESTABLE_JSON",
        f"the column {shown(column)} for {role} holds text, and this server cannot test whether a text is JSON",
        why="One row that is not JSON would stop the whole count; from PostgreSQL 16 on it is counted as missing.",
        fix="map a view that has the column as json or jsonb, or collect from a server with PostgreSQL 16 or newer",
    )


def no_spark(_: Exception) -> EnvironmentFault:
    """No session of Spark could be made."""
    return EnvironmentFault(
        "SPARK_NOT_STARTED",
        "Spark did not start",
        why="Spark needs Java 17 or newer, and a configuration that it can follow.",
        fix="run spark-submit --version in this environment",
    )


def lost_session(name: str) -> EnvironmentFault:
    """A Spark session that was stopped by somebody else, or whose JVM ended."""
    return EnvironmentFault(
        "SOURCE_LOST",
        f"the session of {name} has ended",
        why="Somebody stopped it, or its JVM ended. Counts of half a table are worth nothing, so none were kept.",
        fix="repeat with a new session; where the JVM ended, in a new process",
    )


def failed(name: str, error: Exception) -> EnvironmentFault:
    """The named error for a driver's exception; of the exception only its kind is kept."""
    words = str(error).lower()
    if any(sign in words for sign in _LOCKED):
        return locked(name)
    if "out of memory" in words:
        return too_large(name)
    if any(sign in words for sign in _TOO_LONG):
        return line_too_long(name)
    if any(sign in words for sign in _UNREADABLE) or isinstance(error, UnicodeDecodeError):
        return unreadable(name)
    return EnvironmentFault(
        "SOURCE_FAILED",
        f"{name}: the data engine refused a statement ({type(error).__name__})",
        why="The engine's own message is withheld, because it can quote values from the data.",
        fix="check that the mapped table and columns can be read with the engine's own tool",
    )
