"""Waiting for what a driver does, so that Ctrl-C ends it at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")
LOOK_SECONDS = 0.05  # between two looks for a signal


def wait_for(
    call: Callable[[], T],
    stop: Callable[[], object],
    thread: Callable[[Callable[[], None]], threading.Thread] = lambda run: threading.Thread(target=run, daemon=True),
) -> T:
    """What a call gives. It runs in a thread of its own: a driver hears Ctrl-C late, and calls it a fault of its own.

    Args:
        call: what takes long.
        stop: ends it, from the waiting thread. It is called until the call has ended, which may not have begun.
        thread: makes the thread, which must not keep the process alive.

    Raises:
        KeyboardInterrupt: when it came meanwhile; the call has ended then.
        Exception: what the call raises.
    """
    found: list[T] = []
    faults: list[Exception] = []
    done = threading.Event()

    def run() -> None:
        try:
            found.append(call())
        except Exception as error:  # noqa: BLE001
            faults.append(error)
        finally:
            done.set()

    running = thread(run)
    try:
        running.start()
        while not done.wait(LOOK_SECONDS):  # a signal just before an endless wait would not end it
            pass
    except KeyboardInterrupt:
        while not done.wait(LOOK_SECONDS) and running.ident is not None:
            with suppress(Exception):  # a server that is gone has stopped, too
                stop()
        raise
    if faults:
        raise faults[0]
    return found[0]
