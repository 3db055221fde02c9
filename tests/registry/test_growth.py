"""A log is read in time and memory that grow with its length, no faster; nothing here looks at a clock."""

from __future__ import annotations

import sys
import tracemalloc
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType

import pytest

from bench.registry_world import GROWN, WORST, Composition, build
from calibgit.jobs import read
from calibgit.jobs.workspace import Workspace
from calibgit.repo import executor, objects

SMALL, LARGE = 250, 1000


def calls(clone: Path) -> Counter[CodeType]:
    """How often every Python function is called by a verified status."""
    found: Counter[CodeType] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            found[frame.f_code] += 1

    sys.setprofile(count)
    try:
        value = read.status(Workspace(clone))
    finally:
        sys.setprofile(None)
    assert value["ok"]
    return found


def peak(clone: Path) -> int:
    """The most bytes that a verified status holds at a time."""
    tracemalloc.start()
    try:
        assert read.status(Workspace(clone))["ok"]
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize("composition", [GROWN, WORST], ids=lambda each: str(each.name))
def test_work_and_memory_grow_with_the_log_and_no_faster(
    composition: Composition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grown = build(tmp_path, monkeypatch, LARGE, composition)
    grown.grow(SMALL)
    few, little = calls(grown.clone), peak(grown.clone)
    grown.grow(LARGE)
    many, much = calls(grown.clone), peak(grown.clone)
    factor = LARGE / SMALL
    assert sum(many.values()) < 1.05 * factor * sum(few.values())
    assert many[objects._read_object.__code__] < 1.05 * factor * few[objects._read_object.__code__]
    assert many[executor.start.__code__] == few[executor.start.__code__]
    assert much < 1.05 * factor * little
