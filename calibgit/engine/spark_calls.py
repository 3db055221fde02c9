"""What is asked of a Spark session: Ctrl-C cancels it, and what it raises becomes a named error without its words."""

from __future__ import annotations

import signal
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from calibgit.engine.faults import failed, lost_session, no_source, no_spark
from calibgit.engine.waiting import wait_for
from calibgit.errors import CalibgitError

T = TypeVar("T")
NAME = "the Spark source"
_ABSENT = frozenset({"TABLE_OR_VIEW_NOT_FOUND", "PATH_NOT_FOUND", "SCHEMA_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA"})


class Calls:
    """Calls of one session, each waited for. Their jobs carry a tag of their own, so that no others are cancelled.

    What the caller's thread has set for its jobs, such as a pool or a group, holds for them as well. The thread that
    hears Ctrl-C talks to the JVM as little as it can: a signal in the middle of an answer would leave the answer to the
    next question, and one while a reference is given back would be lost.

    Args:
        session: the session.
    """

    def __init__(self, session: Any) -> None:
        from pyspark import inheritable_thread_target  # noqa: PLC0415

        self._session = session
        self._tag = f"calibgit-{uuid.uuid4().hex}"
        self._inherit: Callable[[Callable[[], Any]], Callable[[], Any]] = named(
            lambda: inheritable_thread_target(session), self._fault
        )

    def __call__(self, call: Callable[[], T]) -> T:
        """What a call gives.

        Raises:
            EnvironmentFault: SOURCE_FAILED, NO_SOURCE, SOURCE_LOST.
        """

        def tagged() -> T:
            if _is_remote(self._session):
                self._session.addTag(self._tag)
            else:
                self._session.sparkContext.addJobTag(self._tag)
            return call()

        found: T = wait_for(lambda: named(self._inherit(tagged), self._fault), self._cancel)
        return found

    def _cancel(self) -> None:
        if _is_remote(self._session):
            self._session.interruptTag(self._tag)
        else:
            self._session.sparkContext.cancelJobsWithTag(self._tag)

    def _fault(self, error: Exception) -> CalibgitError:
        if is_lost(self._session):
            return lost_session(NAME)
        condition = getattr(error, "getCondition", lambda: None)()
        return no_source(NAME) if condition in _ABSENT else failed(NAME, error)


def is_lost(session: Any) -> bool:
    """Whether a session was stopped, or what it runs in is gone."""
    if _is_remote(session):
        return bool(session.is_stopped)
    try:
        return not session.sparkContext.defaultParallelism  # refused by a context that has stopped
    except Exception:  # noqa: BLE001
        return True


def _is_remote(session: Any) -> bool:
    return hasattr(session, "is_stopped")  # a session of Spark Connect


@contextmanager
def own_session() -> Iterator[Any]:
    """The session of this process. One that was there before is left; one that was made here is stopped.

    A session made here leaves Ctrl-C to whoever has it: the driver's own way would cancel, and would fail once the
    session has stopped.

    Raises:
        EnvironmentFault: SPARK_NOT_STARTED.
    """
    from pyspark import SparkContext  # noqa: PLC0415
    from pyspark.sql import SparkSession  # noqa: PLC0415

    active = named(SparkSession.getActiveSession, no_spark)  # of this thread
    there = active is not None or SparkContext._active_spark_context is not None  # noqa: SLF001
    builder = SparkSession.builder if there else SparkSession.builder.appName("calibgit")
    before = signal.getsignal(signal.SIGINT)
    try:
        session = active or named(builder.getOrCreate, no_spark)
    finally:
        if not there and before is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, before)
    try:
        yield session
    finally:
        if not there:
            wait_for(lambda: _stop(session))


def _stop(session: Any) -> None:
    if not is_lost(session):
        session.stop()


def named(call: Callable[[], T], fault_of: Callable[[Exception], CalibgitError]) -> T:
    """What a call gives; an exception becomes the error that `fault_of` makes, without its words."""
    fault: CalibgitError
    try:
        return call()
    except Exception as error:  # noqa: BLE001
        fault = fault_of(error)
    raise fault
