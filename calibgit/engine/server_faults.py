"""The named errors of a database server, by SQLSTATE. A driver's own words never pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from calibgit.engine.faults import failed, locked
from calibgit.errors import CalibgitError, EnvironmentFault, PermissionRefused, UsageError

_REFUSED_STATES = ("28", "42501", "3D000")
# Before a session begins, the driver hands on no SQLSTATE; only these words tell a refusal from silence.
_REFUSED_WORDS = ("authentication", "password", 'role "', "does not exist", "pg_hba", "permission denied for database")


def lost_or_refused(name: str, error: Exception, *, connecting: bool = False) -> CalibgitError:
    """The named error for an exception of a server's driver; of the exception only its kind is kept.

    Args:
        name: what the source is called; without a password.
        error: the exception, of the driver or of SQLAlchemy around it.
        connecting: whether it came up before there was a session.
    """
    cause = getattr(error, "orig", None) or error
    state = str(getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None) or _in_fields(cause))
    words = str(cause).lower()
    if state.startswith(_REFUSED_STATES) or (connecting and any(sign in words for sign in _REFUSED_WORDS)):
        return _refused(name)
    if connecting:
        return _unreachable(name)
    named = next((fault for states, fault in _BY_STATE if state.startswith(states)), None)
    if named is None and getattr(error, "connection_invalidated", False):
        named = _lost
    return named(name) if named else failed(name, cause)


def _in_fields(cause: object) -> str:
    """The SQLSTATE of a driver that hands on the fields of the server's message."""
    fields = next(iter(getattr(cause, "args", ())), None)
    return str(fields.get("C", "")) if isinstance(fields, dict) else ""


def weak_isolation(name: str) -> UsageError:
    """The caller's transaction sees a new snapshot with every statement."""
    return UsageError(
        "WEAK_ISOLATION",
        f"{name} is inside a transaction that does not keep one snapshot",
        why="Counts from several moments contradict each other.",
        fix="commit or roll back before collecting, or begin the transaction as REPEATABLE READ",
    )


def _unreachable(name: str) -> EnvironmentFault:
    return EnvironmentFault(
        "SOURCE_UNREACHABLE",
        f"{name} does not answer",
        why="The server is down, or its name, port, network or certificate is not what the address says.",
        fix="try the same address with psql",
    )


def _refused(name: str) -> PermissionRefused:
    return PermissionRefused(
        "SOURCE_REFUSED",
        f"{name} refused the login or the reading of the table",
        why="Collecting needs a role that may connect and may SELECT the mapped columns; it needs nothing else.",
        fix="GRANT SELECT on the results table to the role, or correct the role, password or database of the address",
    )


def _lost(name: str) -> EnvironmentFault:
    return EnvironmentFault(
        "SOURCE_LOST",
        f"the connection to {name} was lost while counting",
        why="Counts of half a table are worth nothing, so none were kept.",
        fix="repeat when the server is up again",
    )


def _too_deep(name: str) -> EnvironmentFault:
    return EnvironmentFault(
        "SOURCE_TOO_DEEP",
        f"{name} cannot read a JSON value with so many levels",
        why="The server stops a whole statement for one value that is deeper than its stack, so nothing was counted.",
        fix="find the rows whose flags, category_scores or conflict are longest, and read through a view without them",
    )


def _stopped(name: str) -> EnvironmentFault:
    return EnvironmentFault(
        "SOURCE_STOPPED",
        f"{name} stopped a statement before it was done",
        why="A time limit, an administrator or a conflict with replication ended it; nothing was kept.",
        fix="raise statement_timeout for this role, or collect from a replica or at a quieter time",
    )


_BY_STATE: Final[tuple[tuple[tuple[str, ...], Callable[[str], CalibgitError]], ...]] = (
    (("57014", "40", "25P03", "25P04"), _stopped),
    (("55P03",), locked),
    (("54001",), _too_deep),  # the stack of the server is at its end
    (("08", "57P"), _lost),
)
