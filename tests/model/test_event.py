"""The table of kinds, by mutation: what must, may and must not be in a payload, and every field's grammar."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from calibgit.errors import IntegrityError
from calibgit.model.event import (
    KINDS,
    OPTIONAL,
    REQUIRED,
    SCHEMA,
    UNSIGNED_FIELDS,
    WITH_FILE,
    expected_refs,
    require_payload,
    statement,
)
from calibgit.model.event_fields import MAX_REASON

OID, SHA = "a" * 40, "b" * 64
AT = "2024-02-01T12:00:00Z"
Payload = dict[str, Any]

FIELDS: Payload = {
    "line": "scoring",
    "version": "1.1.0",
    "env": "production",
    "from_version": "1.2.0",
    "schema_sha256": SHA,
    "approval": {
        "kind": "merge-signed", "base": OID, "head": OID, "merge": OID,
        "initiator": "schedule", "summary_sha256": SHA, "authors": ["carol"], "approvers": ["alice"],
    },
    "config_sha256": SHA,
    "report_sha256": SHA,
    "expires": AT,
    "possession": [{"key": "ssh-ed25519 AAAA", "signature": "U1NIU0lH"}],
    "cosignatures": [{"key": "ssh-ed25519 AAAA", "signature": "U1NIU0lH"}],
    "void": [{"seq": 4, "oid": OID}],
    "ratifies": {"seq": 4, "sha256": SHA},
    "override": ["again"],
    "baseline": [
        {"line": "scoring", "version": "1.0.0", "path": "configs/c.json", "sha256": SHA, "size": 3, "envs": ["production"]}
    ],
    "four_eyes": True,
}  # fmt: skip


def payload(kind: str, *optional: str) -> Payload:
    """A payload of `kind` with all required fields and the `optional` ones."""
    first = kind == "genesis"
    target: Payload = {"commit": OID}
    if kind in WITH_FILE:
        target |= {"path": "configs/c.json", "sha256": SHA, "size": 3}
    value: Payload = {
        "schema": SCHEMA,
        "registry": None if first else SHA,
        "seq": 1 if first else 5,
        "prev": None if first else {"oid": OID, "sha256": SHA},
        "kind": kind,
        "refs": [],
        "target": target,
        "branch": {"ref": "refs/heads/main", "head": OID},
        "policy_sha256": SHA,
        "reason": "because",
        "at": AT,
    }
    value |= {name: copy.deepcopy(FIELDS[name]) for name in (REQUIRED[kind] - value.keys()) | set(optional)}
    value["refs"] = expected_refs(value)[0]
    return value


ALL = frozenset().union(*REQUIRED.values(), *OPTIONAL.values())


def refused(value: Any) -> bool:
    try:
        require_payload(value)
    except IntegrityError as error:
        return error.code == "MALFORMED"
    return False


@pytest.mark.parametrize("kind", KINDS)
def test_a_payload_with_exactly_its_required_fields_is_read(kind: str) -> None:
    value = payload(kind)
    assert require_payload(value) is value


@pytest.mark.parametrize("kind", KINDS)
def test_every_optional_field_may_be_there(kind: str) -> None:
    for name in OPTIONAL[kind]:
        assert not refused(payload(kind, name)), name
    assert not refused(payload(kind, *OPTIONAL[kind]))


@pytest.mark.parametrize("kind", KINDS)
def test_every_required_field_must_be_there(kind: str) -> None:
    for name in REQUIRED[kind]:
        value = payload(kind)
        del value[name]
        assert refused(value), name


@pytest.mark.parametrize("kind", KINDS)
def test_every_other_field_must_not_be_there(kind: str) -> None:
    forbidden = ALL - REQUIRED[kind] - OPTIONAL[kind]
    for name in forbidden:
        assert refused(payload(kind) | {name: copy.deepcopy(FIELDS[name])}), name
    assert refused(payload(kind) | {"note": "free"})
    assert refused(payload(kind) | {"": ""})


JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**9, 1.5, "", "x", "\n", "../x", "/abs", [], [None], [[]], [{}], {}, {"x": 1},
    "refs/tags/calib/e/00000005", ["refs/tags/calib/e/00000009"], ["merge-signed"], {"kind": []},
    "A" * 40, "g" * 64, "a" * 39, "a" * 41, "1.0", "١.1.0", "1.1.0\n", "01.1.0", "refs/heads/../x", "refs/tags/x",
    "2024-02-01", "2024-13-01T00:00:00Z", "2024-02-01T24:00:00Z", "2024-02-01T12:00:00+00:00", "2024-02-01T12:00:00Z\n",
    "٢024-02-01T12:00:00Z", "x" * (MAX_REASON + 1), ["again", "again"], ["breaking", "again"], ["unknown"], [[], {}],
)  # fmt: skip
ALLOWED_JUNK: dict[str, tuple[Any, ...]] = {
    "four_eyes": (True, False),
    "env": ("x", "a" * 39, "2024-02-01"),
    "line": ("x", "a" * 39, "2024-02-01"),
    "cosignatures": ([],),
    "possession": ([],),
    "void": ([],),
    "baseline": ([],),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_field_with_a_wrong_value_is_malformed_and_never_a_crash(kind: str) -> None:
    """Foreign tags hold anything: whatever it is, the answer is MALFORMED."""
    for name in REQUIRED[kind] | OPTIONAL[kind]:
        good = payload(kind, *OPTIONAL[kind])
        for junk in JUNK:
            if name == "reason" and isinstance(junk, str) and len(junk) <= MAX_REASON:
                continue
            if any(type(junk) is type(fine) and junk == fine for fine in (good[name], *ALLOWED_JUNK.get(name, ()))):
                continue
            assert refused(good | {name: copy.deepcopy(junk)}), (name, junk)


HARD_JUNK: tuple[Any, ...] = (None, True, 1.5, -1, "\x00", [], [[]], {}, {"x": []}, [{}])


def _inner(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _inner(item, (*path, key))


def _put(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    changed = copy.deepcopy(value)
    place = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = new
    return changed


@pytest.mark.parametrize("kind", KINDS)
def test_no_value_anywhere_in_a_payload_makes_it_crash(kind: str) -> None:
    value = payload(kind, *OPTIONAL[kind])
    for path in _inner(value):
        for junk in HARD_JUNK:
            refused(_put(value, path, junk))


@pytest.mark.parametrize("kind", KINDS)
def test_inner_objects_are_closed_and_complete(kind: str) -> None:
    value = payload(kind, *OPTIONAL[kind])
    for path in ((), *_inner(value)):
        place = value
        for key in path:
            place = place[key]
        if not isinstance(place, dict):
            continue
        for key in place:
            less = {name: item for name, item in place.items() if name != key}
            changed = _put(value, path, less) if path else less
            optional = not path and key in OPTIONAL[kind]
            assert refused(changed) or optional, (path, key)
        assert refused(_put(value, path, place | {"more": 1}) if path else place | {"more": 1}), path


def test_only_genesis_has_no_registry_and_no_predecessor() -> None:
    assert refused(payload("genesis") | {"registry": SHA})
    assert refused(payload("genesis") | {"prev": {"oid": OID, "sha256": SHA}})
    assert refused(payload("activate") | {"registry": None})
    assert refused(payload("activate") | {"prev": None})


def test_event_one_is_genesis_and_nothing_else_is() -> None:
    for kind in KINDS:
        value = payload(kind)
        value["seq"] = 2 if kind == "genesis" else 1
        value["refs"] = expected_refs(value)[0]
        assert refused(value)


@pytest.mark.parametrize("kind", KINDS)
def test_refs_must_be_complete_sorted_and_nothing_more(kind: str) -> None:
    value = payload(kind, *OPTIONAL[kind])
    names = value["refs"]
    for wrong in (
        [],
        names[:-1],
        names * 2,
        [*names, "refs/tags/calib/scoring/v9.9.9"],
        names[::-1] * (len(names) > 1),
    ):
        if wrong != names:
            assert refused(value | {"refs": wrong})
    assert names[0] == f"refs/tags/calib/e/{value['seq']:08d}"
    assert len(names) == (2 if kind in {"release", "revert"} else 1)


def test_a_rollback_s_friendly_name_speaks_of_the_version_taken_out() -> None:
    names, header = expected_refs(payload("revert"))
    assert names[1] == "refs/tags/calib/scoring/revert/v1.2.0-00000005"
    assert names[1].endswith(header)


@pytest.mark.parametrize("value", [None, 1, "x", [], {}, {"schema": SCHEMA}, {"schema": SCHEMA, "kind": []}])
def test_anything_else_is_malformed(value: Any) -> None:
    assert refused(value)


def test_a_statement_leaves_out_the_place_in_the_log_and_nothing_else() -> None:
    value = payload("activate", "cosignatures")
    assert value.keys() - statement(value).keys() == set(UNSIGNED_FIELDS) & value.keys()
    assert all(statement(value)[name] == value[name] for name in statement(value))


@pytest.mark.parametrize("kind", KINDS)
def test_a_statement_stays_the_same_when_a_race_is_lost(kind: str) -> None:
    value = payload(kind, *OPTIONAL[kind])
    later = value | {"seq": 77, "prev": {"oid": "c" * 40, "sha256": "d" * 64}, "at": "2025-01-01T00:00:00Z"}
    later["refs"] = expected_refs(later)[0]
    assert statement(value) == statement(later)


@pytest.mark.parametrize("kind", ["reject", "revert", "deprecate"])
@pytest.mark.parametrize("reason", ["", " ", "\u00a0"])
def test_what_takes_something_away_says_why(kind: str, reason: str) -> None:
    assert refused(payload(kind) | {"reason": reason})


def test_an_override_says_why() -> None:
    assert not refused(payload("activate") | {"reason": ""})
    assert refused(payload("activate", "override") | {"reason": ""})


def test_a_day_that_the_calendar_does_not_have_is_no_moment() -> None:
    assert refused(payload("activate") | {"at": "2024-02-31T00:00:00Z"})
    assert refused(payload("checkpoint") | {"expires": "2023-02-29T00:00:00Z"})
    assert not refused(payload("activate") | {"at": "2024-02-29T00:00:00Z"})
