"""A bundle is checked again without its repository: every single change of it is refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from calibgit.errors import EnvironmentFault, IntegrityError
from calibgit.model.canonical import sha256_hex
from calibgit.model.pin import LOCK_NAME, Lock, read_lock
from calibgit.pin.recheck import NOT_CHECKED, recheck
from tests.support.story import Story

Bundle = Callable[[str], Path]
NAMES = ("active", "inactive", "baseline")


def lock_at(place: Path) -> Lock:
    return read_lock((place / LOCK_NAME).read_bytes())


def event_lines(place: Path) -> list[bytes]:
    return (place / lock_at(place).events_file).read_bytes().splitlines(keepends=True)


def with_events(place: Path, lines: list[bytes], **parts: Any) -> None:
    """Replace the events and let the lock name the new bytes, as somebody who can write the directory would."""
    data = b"".join(lines)
    lock = lock_at(place)
    (place / lock.events_file).write_bytes(data)
    (place / LOCK_NAME).write_bytes(replace(lock, events_sha256=sha256_hex(data), **parts).to_bytes())


def refusal(place: Path, root: str | None) -> str:
    try:
        recheck(place, trust_root=root)
    except (IntegrityError, EnvironmentFault) as error:
        return error.code
    return ""


@pytest.mark.parametrize("name", NAMES)
def test_a_bundle_as_it_was_written_holds(story: Story, bundle: Bundle, name: str) -> None:
    place = bundle(name)
    for root in (story.root, None):
        lock, state = recheck(place, trust_root=root)
        assert lock == lock_at(place)
        assert (state.registry, state.seq) == (story.root, 4)


def test_it_says_which_steps_need_the_repository() -> None:
    assert [text.partition(" ")[0] for text in NOT_CHECKED] == ["6", "7", "8", "9", "10"]


def other_values(value: Any) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value + 1, value - 1, 0, -value)
    elif isinstance(value, tuple):
        yield from (() if value else ("alice",), (*value, "eve"), ("eve",))
    else:
        yield from (value + "0", value[:-1] + ("1" if value[-1] != "1" else "2"), "", "x", value.swapcase())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("field", [field.name for field in fields(Lock)])
def test_no_field_of_a_lock_can_be_changed(story: Story, bundle: Bundle, name: str, field: str) -> None:
    place = bundle(name)
    lock = lock_at(place)
    for value in other_values(getattr(lock, field)):
        if value == getattr(lock, field):
            continue
        if (name, field) == ("inactive", "env"):
            continue  # where a version was never active, no event speaks of the environment
        (place / LOCK_NAME).write_bytes(replace(lock, **{field: value}).to_bytes())
        assert refusal(place, story.root), value
        assert refusal(place, None), value


def test_a_version_that_is_no_version_is_an_integrity_error(bundle: Bundle) -> None:
    place = bundle("active")
    for text in ("1.1", "01.1.0", "", "1.1.0\n", "latest"):
        (place / LOCK_NAME).write_bytes(replace(lock_at(place), version=text).to_bytes())
        with pytest.raises(IntegrityError, match="BUNDLE_CHANGED"):
            recheck(place, trust_root=None)


@pytest.mark.parametrize("name", NAMES)
def test_the_lock_of_another_version_does_not_fit(bundle: Bundle, name: str) -> None:
    place, other = bundle(name), bundle(NAMES[NAMES.index(name) - 1])
    theirs = lock_at(other)
    (place / LOCK_NAME).write_bytes(theirs.to_bytes())
    assert refusal(place, None) == "BUNDLE_MISSING"
    (place / theirs.config_file).write_bytes((place / theirs.events_file).read_bytes())
    assert refusal(place, None) == "BUNDLE_CHANGED"


def test_changed_files_are_refused(story: Story, bundle: Bundle) -> None:
    place = bundle("active")
    lock = lock_at(place)
    for name in (lock.config_file, lock.events_file):
        good = (place / name).read_bytes()
        for data in (good + b" ", good[:-1], b"", good.replace(b"a", b"b", 1)):
            (place / name).write_bytes(data)
            assert refusal(place, story.root) == "BUNDLE_CHANGED"
        (place / name).unlink()
        assert refusal(place, story.root) == "BUNDLE_MISSING"
        (place / name).write_bytes(good)
    assert refusal(place, story.root) == ""


def test_the_config_of_another_version_is_refused_even_with_its_digest_in_the_lock(bundle: Bundle) -> None:
    place, other = bundle("active"), bundle("inactive")
    data = (other / lock_at(other).config_file).read_bytes()
    lock = lock_at(place)
    (place / lock.config_file).write_bytes(data)
    (place / LOCK_NAME).write_bytes(replace(lock, sha256=sha256_hex(data)).to_bytes())
    assert refusal(place, None) == "BUNDLE_CHANGED"


def test_no_event_can_be_dropped(story: Story, bundle: Bundle) -> None:
    place = bundle("active")
    lines = event_lines(place)
    for index in range(len(lines)):
        with_events(place, lines[:index] + lines[index + 1 :])
        assert refusal(place, story.root), index
        assert refusal(place, None), index
    with_events(place, [])
    assert refusal(place, story.root)


def test_the_last_events_cannot_be_dropped_without_the_lock_saying_so(story: Story, bundle: Bundle) -> None:
    place = bundle("active")
    lines = event_lines(place)
    with_events(place, lines[:-1])
    assert refusal(place, story.root) == "BUNDLE_CHANGED"


def test_events_cannot_be_reordered_or_repeated(story: Story, bundle: Bundle) -> None:
    place = bundle("active")
    policy, *events = event_lines(place)
    for order in itertools.permutations(events):
        if list(order) != events:
            with_events(place, [policy, *order])
            assert refusal(place, story.root)
    for index in range(len(events)):
        with_events(place, [policy, *events, events[index]])
        assert refusal(place, story.root)


def test_no_character_of_an_event_can_be_changed(story: Story, bundle: Bundle) -> None:
    place = bundle("active")
    lines = event_lines(place)
    for index, line in enumerate(lines):
        value = json.loads(line)
        for field, text in value.items():
            for at in sorted({*range(0, len(text), 97), 0, len(text) // 2, len(text) - 1}):
                wrong = {**value, field: text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]}
                changed = (json.dumps(wrong, ensure_ascii=False) + "\n").encode()
                with_events(place, [*lines[:index], changed, *lines[index + 1 :]])
                assert refusal(place, story.root), (index, field, at)


def test_an_event_under_another_object_id_is_refused_even_the_last_one(story: Story, bundle: Bundle) -> None:
    place = bundle("active")
    *rest, last = event_lines(place)
    value = json.loads(last)
    for oid in ("0" * 40, "0" * 64, value["oid"].upper(), value["oid"][:39]):
        with_events(place, [*rest, (json.dumps({**value, "oid": oid}) + "\n").encode()])
        assert refusal(place, story.root) == "BUNDLE_CHANGED", oid


def test_an_event_of_nobody_is_refused(story: Story, bundle: Bundle) -> None:
    place = bundle("active")
    lines = event_lines(place)
    for junk in (b'{"oid": "' + b"0" * 40 + b'", "body": "x"}\n', b"{}\n", b"\n", b"[]\n"):
        with_events(place, [*lines, junk])
        assert refusal(place, story.root)


def test_a_missing_or_changed_policy_is_refused(story: Story, bundle: Bundle) -> None:
    place = bundle("active")
    policy, *events = event_lines(place)
    with_events(place, events)
    assert refusal(place, story.root) == "DIGEST"
    text = json.loads(policy)["policy"].replace("threshold = 1", "threshold = 2", 1)
    with_events(place, [(json.dumps({"policy": text}) + "\n").encode(), *events])
    assert refusal(place, story.root) == "DIGEST"


@pytest.mark.parametrize("root", ["0" * 64, "", "main", "A" * 64])
def test_another_trust_root_is_refused(bundle: Bundle, root: str) -> None:
    with pytest.raises(IntegrityError, match="WRONG_ROOT"):
        recheck(bundle("active"), trust_root=root)


def test_a_directory_without_bundle_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="BUNDLE_MISSING"):
        recheck(tmp_path, trust_root=None)
