"""init --from-source: a first mapping of a results table, from its catalog and never from its rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from calibgit.collect.mapping import ROLES, ColumnMapping, Field, Match, match_columns
from calibgit.engine.base import Engine
from calibgit.engine.faults import no_such_table, shown
from calibgit.engine.open import open_source
from calibgit.errors import EnvironmentFault, UsageError
from calibgit.model.settings import TABLE
from calibgit.model.toml import quoted

DEFAULT_TABLE: Final = "scan_results"
FIRST_VERSION: Final = "1.0.0"
_MOST_NAMED: Final = 8
_REQUIRED: Final = frozenset({"created_at", "score"})


@dataclass(frozen=True, slots=True)
class Draft:
    """The mapping of one table, to be written and to be told.

    Columns without a role are counted and never named: a name can be somebody's, as in a table with a column for each
    person, or a value, as in a file of CSV whose first line is data; and the settings are read by everybody.
    """

    table: str
    mapping: ColumnMapping

    @property
    def without_role(self) -> int:
        """How many columns have no role."""
        return self.mapping.columns - len(self.mapping.chosen)

    @property
    def reasons(self) -> dict[str, str]:
        """Role to the reason why it has no column; each one line of ASCII."""
        return {match.role: self._reason(match) for match in self.mapping.matches if match.column is None}

    @property
    def undecided(self) -> tuple[str, ...]:
        """The roles that a person has to map before anything can be collected."""
        return tuple(
            match.role
            for match in self.mapping.matches
            if (match.role in _REQUIRED and match.column is None)
            or (match.role == "logic_version" and match.finding == "ambiguous")
        )

    @property
    def assumed_version(self) -> str | None:
        """The version that all rows count as, where no column could say it."""
        unsaid = self.mapping.finding("logic_version") in {"no_name", "wrong_type"}
        return FIRST_VERSION if unsaid else None

    def text(self, line: str) -> str:
        """The TOML tables of the source of a line."""
        return "\n".join(self._lines(line)) + "\n\n"

    def data(self) -> dict[str, object]:
        """The draft as JSON data."""
        return {
            "table": self.table,
            "columns": self.mapping.chosen,
            "open": self.reasons,
            "undecided": list(self.undecided),
            "columns_without_role": self.without_role,
        }

    def _lines(self, line: str) -> Iterator[str]:
        yield "# A first mapping, from the names and declared types of the columns; no value was looked at."
        yield f"# Only these columns are ever selected. Columns without a role: {self.without_role}."
        yield f"[lines.{line}.source]"
        yield f"table = {quoted(self.table)}"
        if self.assumed_version is not None:
            yield "# No column says by which config a row was scored: all rows count as this version. Correct it."
            yield f"logic_version = {quoted(self.assumed_version)}"
        yield f"\n[lines.{line}.source.columns]"
        for match in self.mapping.matches:
            if match.column is not None:
                yield f"{match.role} = {quoted(match.column)}"
            else:
                yield f"# {match.role}: {self._reason(match)}"

    def _reason(self, match: Match) -> str:
        names = ", ".join(quoted(name) for name in match.columns)
        if match.finding == "ambiguous":
            return f"choose one of {names}"
        if match.finding == "for_a_person":
            return f"{names} may be it; list the groups under vocabulary.groups, then name it"
        if match.finding == "wrong_type":
            return f"{names} has the name, but a type that this role does not read"
        reason = f"no column is called {', '.join(ROLES[match.role].words)}"
        return f"{reason}; columns that may hold numbers: {self.mapping.numbers}" if match.role == "score" else reason


def draft_mapping(source: Any, table: str | None = None) -> Draft:
    """Look at the columns of a results table that this login may read, and match them with the roles.

    Args:
        source: see `open_source`.
        table: which table; None for the only one. Files are one table, whatever it is called.

    Raises:
        UsageError: WHICH_TABLE, UNSUPPORTED_SOURCE.
        EnvironmentFault: NO_TABLE, NO_SCORE_COLUMN, or see `open_source`.
        PermissionRefused: SOURCE_REFUSED.
    """
    with open_source(source) as engine:
        name = table or _only_table(engine)
        columns = engine.columns(name) if re.search(TABLE, name) else None
    if columns is None:
        raise no_such_table(name)
    readable = {column: known for column, known in columns.items() if known.granted}
    mapping = match_columns([Field(column, known.family) for column, known in readable.items()])
    if mapping.finding("score") in {"no_name", "wrong_type"} and not mapping.numbers:
        raise EnvironmentFault(
            "NO_SCORE_COLUMN",
            f"no column of the table {shown(name)} can be a score",
            why="None is called like one, and none is declared to hold numbers; there is nothing to judge.",
            fix="name the results table with --table, or give a view that has the score as a number",
        )
    return Draft(name, mapping)


def _only_table(engine: Engine) -> str:
    names = engine.tables()
    if names is None:
        return DEFAULT_TABLE
    if not names:
        raise no_such_table(None)
    if len(names) > 1:
        some = ", ".join(shown(name) for name in names[:_MOST_NAMED])
        more = f", and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        raise UsageError(
            "WHICH_TABLE",
            f"the source has {len(names)} tables: {some}{more}",
            why="Which of them holds the results is not guessed.",
            fix="name it with --table",
        )
    return names[0]
