"""What the collector needs of a data engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Dialect = Literal["duckdb", "sqlite", "postgresql", "spark"]
Family = Literal["number", "boolean", "time", "text", "json", "nested", "other", "unknown"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column as a SQL expression.

    Attributes:
        sql: the expression, quoted.
        kind: how the store holds it, where the dialect reads kinds differently: its section `number_<kind>` comes
            before its section `number`. Empty for a store whose values know their own kind.
        can_hold_json: False where the store could not test a text before it reads it as JSON.
        family: what it is declared to hold; unknown where nothing is declared.
        granted: False where the catalog says that this login may not read it.
    """

    sql: str
    kind: str = ""
    can_hold_json: bool = True
    family: Family = "unknown"
    granted: bool = True


class Engine(Protocol):
    """An open source. All statements between opening and closing see one snapshot of the data."""

    @property
    def dialect(self) -> Dialect:
        """Which SQL the engine speaks."""
        ...

    @property
    def one_snapshot(self) -> bool:
        """Whether the source itself promises that; files, and tables of a distributed engine, do not."""
        ...

    def columns(self, table: str) -> Mapping[str, Column] | None:
        """The columns of a table or view, by name and in order; None when there is none with this name.

        Args:
            table: its name, with one schema before it or none: `scan_results`, `results.scan_results`.

        Raises:
            CalibgitError: see `fetch`.
        """
        ...

    def rows(self, table: str, columns: Collection[str]) -> str:
        """What stands after FROM to read these columns of a table, quoted. No other column is in any statement.

        Args:
            table: one that `columns` found.
            columns: at least one of its columns, each once.

        Raises:
            CalibgitError: see `fetch`.
        """
        ...

    def tables(self) -> list[str] | None:
        """The tables and views that `columns` finds, in order; None where any name means the one table there is.

        Read from the catalog. A name with a dot of its own could not be asked for, and is left out.

        Raises:
            CalibgitError: see `fetch`.
        """
        ...

    def fetch(self, sql: str) -> list[tuple[Any, ...]]:
        """All rows of one SELECT.

        Raises:
            EnvironmentFault: LOCKED_SOURCE, SOURCE_UNREADABLE, SOURCE_LINE_TOO_LONG, SOURCE_TOO_LARGE,
                SOURCE_LOST, SOURCE_STOPPED or SOURCE_FAILED.
            PermissionRefused: SOURCE_REFUSED.
        """
        ...
