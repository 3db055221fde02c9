"""Waiting for what a driver does, so that Ctrl-C ends it at once.

Only locks and threads of the lowest level stand here: an exception that a signal raises inside `threading.Event.wait`
or `Thread.start`, which are Python code, can leave their inner lock held, and then everything waits for ever.
"""

from __future__ import annotations

from _thread import allocate_lock, start_new_thread
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
LOOK_SECONDS = 0.05  # between two looks for a signal


def wait_for(call: Callable[[], T], stop: Callable[[], object] = lambda: None) -> T:
    """What a call gives. It runs in a thread of its own: a driver hears Ctrl-C late, and calls it a fault of its own.

    Args:
        call: what takes long.
        stop: ends it, from the waiting thread. It is called until the call has ended, which may not have begun. Without
            it, the end of the call is awaited.

    Raises:
        KeyboardInterrupt: when it came meanwhile; the call has ended then, or never begins.
        BaseException: what the call raises.
    """
    found: list[T] = []
    faults: list[BaseException] = []
    begun: list[bool] = []
    given_up: list[bool] = []
    done = allocate_lock()
    done.acquire()

    def run() -> None:
        begun.append(True)
        try:
            if given_up:
                raise KeyboardInterrupt
            found.append(call())
        except BaseException as error:  # noqa: BLE001
            faults.append(error)
        finally:
            done.release()

    try:
        start_new_thread(run, ())
        while not (found or faults):
            done.acquire(timeout=LOOK_SECONDS)
    except KeyboardInterrupt:
        given_up.append(True)
        while begun and not (found or faults):
            with suppress(Exception):  # a server that is gone has stopped, too
                stop()
            done.acquire(timeout=LOOK_SECONDS)
        raise
    if faults:
        raise faults[0]
    return found[0]
