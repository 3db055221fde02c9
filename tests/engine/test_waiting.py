"""Ctrl-C while a call is waited for, at every moment of the waiting."""

from __future__ import annotations

import threading
from functools import partial

import pytest

from calibgit.engine import waiting
from calibgit.engine.waiting import wait_for
from tests.jobs.test_outputs import interrupted_at

PATIENCE = 60.0


def test_ctrl_c_at_any_line_ends_the_call_or_keeps_it_from_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "LOOK_SECONDS", 0.0001)
    begun = []
    for line in range(200):
        free = threading.Event()

        def call(free: threading.Event = free, line: int = line) -> None:
            begun.append(line)
            assert free.wait(PATIENCE)
            begun.remove(line)

        assert interrupted_at(line, partial(wait_for, call, free.set))
        assert begun == []


def test_what_a_call_gives_or_raises_comes_back() -> None:
    assert wait_for(lambda: 3) == 3
    with pytest.raises(ZeroDivisionError) as caught:
        wait_for(lambda: 1 // 0)
    assert caught.value.__context__ is None
