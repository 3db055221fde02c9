"""Writing a bundle: all or nothing, never backwards, and nothing of an interrupted writer stays."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from calibgit.errors import EnvironmentFault, IntegrityError
from calibgit.model.canonical import sha256_hex
from calibgit.model.pin import LOCK_NAME, read_lock
from calibgit.pin.bundle import read_events, write_bundle
from calibgit.runtime import load
from tests.support.bundles import CONFIG, EVENTS, lock_of, write

NEXT = CONFIG.replace(b'"1.0.0"', b'"1.1.0"')
MORE = EVENTS * 2


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it by mistake."""


class Failing:
    """Let the first `good` calls of the file system through, then fail every one."""

    def __init__(self, good: int, failure: Callable[[], BaseException]) -> None:
        self.left = good
        self.failure = failure
        self.calls = 0

    def wrap(self, function: Any) -> Any:
        def called(*args: Any, **options: Any) -> Any:
            self.calls += 1
            if self.left <= 0:
                raise self.failure()
            self.left -= 1
            return function(*args, **options)

        return called


def _disk_full() -> BaseException:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _break(monkeypatch: pytest.MonkeyPatch, failing: Failing) -> None:
    for owner, name in (
        (Path, "mkdir"),
        (tempfile, "mkstemp"),
        (os, "fdopen"),
        (os, "fsync"),
        (Path, "chmod"),
        (Path, "replace"),
    ):
        monkeypatch.setattr(owner, name, failing.wrap(getattr(owner, name)))


def _write_next(place: Path, **parts: Any) -> None:
    write(place, NEXT, MORE, version="1.1.0", seq=4, head_sha256="4" * 64, **parts)


def _steps(tmp_path: Path) -> int:
    counted = Failing(10_000, _disk_full)
    with pytest.MonkeyPatch.context() as patch:
        _break(patch, counted)
        _write_next(tmp_path / "counted")
    return counted.calls


@pytest.mark.parametrize("failure", [_disk_full, Killed], ids=["disk full", "killed"])
def test_a_writer_that_fails_at_any_step_leaves_the_old_bundle_or_the_new_one_whole(
    tmp_path: Path, failure: Callable[[], BaseException]
) -> None:
    steps = _steps(tmp_path)
    assert steps > 12
    for step in range(steps):
        place = tmp_path / f"{failure.__name__}-{step}"
        write(place)
        with pytest.MonkeyPatch.context() as patch:
            _break(patch, Failing(step, failure))
            with pytest.raises((EnvironmentFault, Killed)) as caught:
                _write_next(place)
        if isinstance(caught.value, EnvironmentFault):
            assert caught.value.code == "CANNOT_WRITE"
        assert load(place).version == "1.0.0"
        _write_next(place)
        assert load(place).version == "1.1.0"
        assert len(list(place.iterdir())) == 3


def test_a_full_disk_on_a_first_pin_leaves_no_lock(tmp_path: Path) -> None:
    for step in range(_steps(tmp_path)):
        place = tmp_path / f"first-{step}"
        with pytest.MonkeyPatch.context() as patch:
            _break(patch, Failing(step, _disk_full))
            with pytest.raises(EnvironmentFault, match="CANNOT_WRITE"):
                _write_next(place)
        assert not (place / LOCK_NAME).exists()


def test_what_cannot_be_swept_does_not_spoil_the_new_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "no")

    monkeypatch.setattr(Path, "unlink", refuse)
    _write_next(tmp_path)
    assert load(tmp_path).version == "1.1.0"


def test_files_of_somebody_else_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / ".calibgit-left-over").write_text("an interrupted writer's")
    write(tmp_path)
    _write_next(tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["README.md", LOCK_NAME, f"config-{sha256_hex(NEXT)[:16]}.json", f"events-{sha256_hex(MORE)[:16]}.jsonl"]
    )


def test_a_bundle_can_be_read_by_others(tmp_path: Path) -> None:
    write(tmp_path)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o644}


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ({"seq": 2}, "DOWNGRADE"),
        ({"seq": 3, "head_sha256": "0" * 64}, "DOWNGRADE"),
        ({"registry": "0" * 64, "seq": 99}, "WRONG_REGISTRY"),
    ],
)
def test_a_bundle_is_never_replaced_by_an_older_or_another_log(
    tmp_path: Path, parts: dict[str, Any], code: str
) -> None:
    write(tmp_path)
    with pytest.raises(IntegrityError) as caught:
        write(tmp_path, NEXT, MORE, version="1.1.0", **parts)
    assert caught.value.code == code
    assert load(tmp_path).version == "1.0.0"


def test_the_same_head_may_be_written_again_and_a_lower_version_at_a_higher_head_too(tmp_path: Path) -> None:
    _write_next(tmp_path)
    _write_next(tmp_path)
    write(tmp_path, seq=5, head_sha256="5" * 64)
    assert load(tmp_path).version == "1.0.0"


def test_a_damaged_lock_is_not_overwritten_because_it_may_have_seen_more(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / LOCK_NAME).write_bytes(b"{}")
    with pytest.raises(IntegrityError, match="LOCK_MALFORMED"):
        _write_next(tmp_path)
    assert (tmp_path / LOCK_NAME).read_bytes() == b"{}"


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(EnvironmentFault, match="CANNOT_WRITE"):
        write_bundle(tmp_path / "file", lock_of(), CONFIG, EVENTS)


def test_the_lock_on_disk_is_the_lock_that_was_given(tmp_path: Path) -> None:
    lock = write(tmp_path)
    assert read_lock((tmp_path / LOCK_NAME).read_bytes()) == lock


@pytest.mark.parametrize(
    "data",
    [
        b"{\n",
        b"[]\n",
        b"1\n",
        b"null\n",
        b"{}\n",
        b'{"oid": 1}\n',
        b'{"oid": "x", "body": 1}\n',
        b'{"policy": 1}\n',
        b"\xff\n",
        b'{"policy": "a"}\n\n',
        b'{"policy": "\\ud800"}\n',
        b'"policy"\n',
        b"[" * 100000 + b"\n",
    ],
)
def test_events_that_cannot_be_read_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="EVENTS_MALFORMED"):
        read_events(data)
