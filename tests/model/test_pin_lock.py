"""The lock: what is written reads back, and nothing else is read."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest

from calibgit.errors import IntegrityError
from calibgit.model.pin import Lock, read_lock

LOCK = Lock(
    registry="a" * 64,
    line="scoring",
    version="1.1.0",
    env="production",
    tag="calib/scoring/v1.1.0",
    tag_oid="b" * 40,
    slot="calib/e/00000002",
    commit="c" * 40,
    path="configs/scoring_config_v1.1.0.json",
    sha256="d" * 64,
    seq=3,
    head_sha256="e" * 64,
    signer="böb",
    approvers=("alice", "carol"),
    evidence="proven",
    four_eyes=True,
    state="released",
    env_status="active",
    config_file="config-dddddddddddddddd.json",
    events_file="events-ffffffffffffffff.jsonl",
    events_sha256="f" * 64,
)
JUNK: tuple[Any, ...] = (None, True, 0, 1, 1.5, "", [], {}, [1], ["x"], {"x": 1})


def edited(**changes: Any) -> bytes:
    return json.dumps({**json.loads(LOCK.to_bytes()), **changes}).encode()


def test_a_lock_reads_back() -> None:
    assert read_lock(LOCK.to_bytes()) == LOCK
    assert LOCK.to_bytes().endswith(b"}\n")


def test_a_lock_without_approvers_reads_back() -> None:
    baseline = replace(LOCK, approvers=(), evidence="baseline", env_status="never", four_eyes=False)
    assert read_lock(baseline.to_bytes()) == baseline


@pytest.mark.parametrize("name", [field.name for field in fields(Lock)])
def test_every_field_is_needed_and_typed(name: str) -> None:
    less = json.loads(LOCK.to_bytes())
    good = less.pop(name)
    with pytest.raises(IntegrityError, match="LOCK_MALFORMED"):
        read_lock(json.dumps(less).encode())
    fine = (list,) if name == "approvers" else (type(good),)
    for junk in JUNK:
        if type(junk) in fine and junk not in ("", [1]):
            continue
        if name not in {"config_file", "events_file"} and junk == "" and fine == (str,):
            continue
        with pytest.raises(IntegrityError, match="LOCK_MALFORMED"):
            read_lock(edited(**{name: junk}))


@pytest.mark.parametrize("name", ["config_file", "events_file"])
@pytest.mark.parametrize(
    "place", ["../x", "/etc/passwd", "a/b", "a\\b", "..", ".", ".hidden", "", "a\x00b", "a\n", "x" * 101, "C:x", "-x"]
)
def test_a_lock_names_only_files_beside_it(name: str, place: str) -> None:
    with pytest.raises(IntegrityError, match="LOCK_MALFORMED"):
        read_lock(edited(**{name: place}))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        LOCK.to_bytes()[:-5],
        edited(schema="calibgit/lock/2"),
        edited(schema=None),
        edited(extra=1),
        b"[" * 100_000,
        LOCK.to_bytes().replace(b'"seq": 3', b'"seq": 3, "seq": 9'),
    ],
)
def test_what_is_no_lock_is_refused(data: bytes) -> None:
    with pytest.raises(IntegrityError) as caught:
        read_lock(data)
    assert caught.value.code == "LOCK_MALFORMED"
    assert "pin again" in caught.value.fix
