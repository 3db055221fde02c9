"""What the collector needs of a data engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

Dialect = Literal["duckdb", "sqlite"]


class Engine(Protocol):
    """An open source. All statements between opening and closing see one snapshot of the data."""

    @property
    def dialect(self) -> Dialect:
        """Which SQL the engine speaks."""
        ...

    def columns(self, table: str) -> tuple[str, ...]:
        """Column names of a table or view, in order; empty when there is no such table.

        Raises:
            EnvironmentFault: LOCKED_SOURCE, SOURCE_UNREADABLE or SOURCE_FAILED.
        """
        ...

    def fetch(self, sql: str, params: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows of one SELECT.

        Raises:
            EnvironmentFault: LOCKED_SOURCE, SOURCE_UNREADABLE or SOURCE_FAILED; no data value is repeated.
        """
        ...
