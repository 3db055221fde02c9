"""The bytes of a tag object: one spelling in, one meaning out, and never a crash."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibgit.errors import IntegrityError
from calibgit.model.canonical import strict_canonical
from calibgit.model.event import expected_refs, require_payload
from calibgit.registry.format import message, parse_event, subject
from tests.support.events import Log, body_of, codes

OID = "0" * 40


def sample() -> Log:
    log = Log()
    log.genesis()
    log.release("1.1.0")
    log.activate("1.1.0")
    back = {"line": "scoring", "env": "production", "version": "1.0.0", "from_version": "1.1.0"}
    log.add("revert", **back, target=log.target("1.0.0"), report_sha256="a" * 64)
    log.add("deprecate", line="scoring", version="1.1.0", target=log.target("1.1.0"))
    log.add("reject", line="scoring", version="1.2.0", config_sha256="b" * 64, target={"commit": log.facts.tip})
    return log


SAMPLE = sample()
RELEASE = SAMPLE.bodies[1]


def code_of(body: bytes) -> str:
    with pytest.raises(IntegrityError) as caught:
        parse_event(OID, body)
    return caught.value.code


def test_what_the_tool_builds_it_reads_back() -> None:
    for seq, body in enumerate(SAMPLE.bodies, start=1):
        event = parse_event(OID, body)
        assert event.seq == seq
        assert event.signed + event.signature == body
        assert event.signed.endswith(message(event.payload))
        assert subject(event.payload).startswith("calibgit: ")
    assert SAMPLE.verify().ok


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_are_refused_with_a_named_error(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        parse_event(OID, data)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_mutated_tags_are_read_or_refused_with_a_named_error(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from(SAMPLE.bodies)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        piece = data.draw(st.binary(max_size=3))
        body[place : place + data.draw(st.integers(0, 3))] = piece
    try:
        parse_event(OID, bytes(body))
    except IntegrityError:
        return


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_any_value_in_any_field_is_read_or_refused_with_a_named_error(data: st.DataObject) -> None:
    payload: dict[str, Any] = dict(parse_event(OID, data.draw(st.sampled_from(SAMPLE.bodies))).payload)
    field = data.draw(st.sampled_from(sorted(payload)))
    target: Any = payload
    if isinstance(payload[field], dict) and data.draw(st.booleans()):
        target = payload[field] = dict(payload[field])
        field = data.draw(st.sampled_from(sorted(target)))
    target[field] = data.draw(values)
    text = (
        b"x\n\n"
        + json.dumps(payload, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "surrogatepass"
        )
        + b"\n"
    )
    head, _, signature = RELEASE.partition(b"\n\n")
    body = head + b"\n\n" + text + signature[signature.index(b"-----BEGIN") :]
    with pytest.raises(IntegrityError):  # the subject is never the right one
        parse_event(OID, body)


ODD_VERSIONS = (
    "1.0",
    "01.0.0",
    "1.0.0 ",
    "1.0.0-rc1",
    "v1.0.0",
    "\u0661.\u0660.\u0660",
    "1.0.\u0662",
    "1\u0662.0.0",
    "9999999999.0.0",
)


@pytest.mark.parametrize("version", ODD_VERSIONS)
@pytest.mark.parametrize("field", ["version", "from_version"])
def test_a_version_is_three_plain_numbers(version: str, field: str) -> None:
    payload = dict(parse_event(OID, SAMPLE.bodies[3]).payload) | {field: version}
    assert code_of(body_of_text(payload)) == "MALFORMED"


@pytest.mark.parametrize("version", ODD_VERSIONS)
def test_a_baseline_version_is_three_plain_numbers(version: str) -> None:
    payload = json.loads(json.dumps(parse_event(OID, SAMPLE.bodies[0]).payload))
    payload["baseline"][0]["version"] = version
    assert code_of(body_of_text(payload)) == "MALFORMED"


def body_of_text(payload: dict[str, Any]) -> bytes:
    """A tag whose JSON is canonical and whose header belongs to a release."""
    kept = parse_event(OID, RELEASE).payload
    return body_of(kept, "bob", text=b"calibgit: x\n\n" + strict_canonical(payload) + b"\n")


WRONG: dict[str, dict[str, Any]] = {
    "unhashable approval kind": {
        "approval": {**parse_event(OID, RELEASE).payload["approval"], "kind": ["merge-signed"]}
    },
    "unhashable kind": {"kind": ["release"]},
    "unknown kind": {"kind": "promote"},
    "upper-case kind": {"kind": "Release"},
    "other schema": {"schema": "calibgit/event/2"},
    "true for a number": {"seq": True},
    "seq zero": {"seq": 0},
    "seq too large": {"seq": 100_000_000},
    "negative size": {"target": {**parse_event(OID, RELEASE).payload["target"], "size": -1}},
    "path up": {"target": {**parse_event(OID, RELEASE).payload["target"], "path": "/etc/passwd"}},
    "path with blank": {"target": {**parse_event(OID, RELEASE).payload["target"], "path": "a b"}},
    "short commit": {"target": {**parse_event(OID, RELEASE).payload["target"], "commit": "abc"}},
    "missing target path": {"target": {"commit": "0" * 40}},
    "extra target field": {"target": {**parse_event(OID, RELEASE).payload["target"], "mode": "x"}},
    "no registry": {"registry": None},
    "no predecessor": {"prev": None},
    "predecessor without digest": {"prev": {"oid": "0" * 40}},
    "extra field": {"note": "hello"},
    "environment on a release": {"env": "production"},
    "refs incomplete": {"refs": ["refs/tags/calib/e/00000002"]},
    "refs with another": {"refs": [*parse_event(OID, RELEASE).payload["refs"], "refs/tags/calib/x/v1.0.0"]},
    "line upper case": {"line": "Scoring"},
    "line reserved": {"line": "e"},
    "line with slash": {"line": "a/b"},
    "short time": {"at": "2026-01-01"},
    "time with offset": {"at": "2026-01-01T00:00:00+01:00"},
    "month 13": {"at": "2026-13-01T00:00:00Z"},
    "reason too long": {"reason": "x" * 2001},
    "reason not text": {"reason": None},
    "branch not a branch": {"branch": {"ref": "refs/tags/main", "head": "0" * 40}},
    "branch with a dash": {"branch": {"ref": "refs/heads/-x", "head": "0" * 40}},
    "override unhashable": {"override": [["again"]]},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_field_is_malformed(name: str) -> None:
    payload = dict(parse_event(OID, RELEASE).payload) | WRONG[name]
    assert code_of(body_of_text(payload)) == "MALFORMED"


@pytest.mark.parametrize(
    "value", [["again", 1], [["again"]], [{}], [], ["breaking", "again"], ["again", "again"], ["force"], "again", None]
)
def test_an_override_is_a_sorted_list_of_known_words(value: Any) -> None:
    payload = dict(parse_event(OID, SAMPLE.bodies[2]).payload) | {"override": value}
    assert code_of(body_of_text(payload)) == "MALFORMED"


@pytest.mark.parametrize("body", SAMPLE.bodies, ids=lambda body: str(parse_event(OID, body).kind))
def test_every_required_field_is_required(body: bytes) -> None:
    payload = parse_event(OID, body).payload
    for field in payload:
        if field != "from_version":
            assert code_of(body_of_text({k: v for k, v in payload.items() if k != field})) == "MALFORMED"
        elif payload["kind"] == "revert":
            with pytest.raises(IntegrityError, match="MALFORMED"):
                require_payload({k: v for k, v in payload.items() if k != field})


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    def change(text: bytes) -> bytes:
        assert old in text
        return text.replace(old, new, 1)

    return change


SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "duplicate key": swap(b'"kind":', b'"kind":"release","kind":'),
    "duplicate key with another value": swap(b'"reason":"because"', b'"reason":"a","reason":"because"'),
    "float": swap(b'"seq":2', b'"seq":2.0'),
    "exponent": swap(b'"seq":2', b'"seq":2e0'),
    "minus zero": swap(b'"seq":2', b'"seq":-0'),
    "not a number": swap(b'"seq":2', b'"seq":NaN'),
    "huge integer": swap(b'"seq":2', b'"seq":' + b"9" * 5000),
    "unsafe integer": swap(b'"seq":2', b'"seq":9007199254740993'),
    "blank after colon": swap(b'"seq":2', b'"seq": 2'),
    "escaped letter": swap(b'"kind"', b'"\\u006bind"'),
    "escaped slash": swap(b"refs/tags", b"refs\\/tags"),
    "keys out of order": swap(b'{"approval"', b'{"at":"x","approval"'),
    "byte order mark": swap(b'{"approval"', b'\xef\xbb\xbf{"approval"'),
    "invalid UTF-8": swap(b'"reason":"because"', b'"reason":"\xff"'),
    "lone surrogate": swap(b'"reason":"because"', b'"reason":"\\ud800"'),
    "not NFC": swap(b'"reason":"because"', '"reason":"e\u0301"'.encode()),
    "C1 control": swap(b'"reason":"because"', '"reason":"\u0085"'.encode()),
    "NUL": swap(b'"reason":"because"', b'"reason":"\x00"'),
    "escaped NUL": swap(b'"reason":"because"', b'"reason":"\\u0000"'),
    "tab": swap(b'"reason":"because"', b'"reason":"\t"'),
    "array instead of object": lambda text: text[: text.index(b"{")] + b"[]\n",
    "nothing": lambda text: text[: text.index(b"{")] + b"\n",
    "two lines of JSON": lambda text: text + b"{}\n",
    "empty line at the end": lambda text: text + b"\n",
    "no line end": lambda text: text.removesuffix(b"\n"),
    "CRLF": lambda text: text.replace(b"\n", b"\r\n"),
    "CR at the end": swap(b"}\n", b"}\r\n"),
    "another subject": swap(b"calibgit: release", b"calibgit: activate"),
    "subject of another version": swap(b"v1.1.0\n", b"v1.1.1\n"),
    "two subjects": swap(b"calibgit:", b"calibgit: hello\ncalibgit:"),
    "deep nesting": swap(b'"reason":"because"', b'"reason":' + b"[" * 20000 + b"]" * 20000),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_second_spelling_is_malformed(name: str) -> None:
    payload = parse_event(OID, RELEASE).payload
    assert code_of(body_of(payload, "bob", text=SPELLINGS[name](message(payload)))) == "MALFORMED"


HEADERS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "second tag header": (swap(b"\ntag ", b"\ntag calib/x/v1.0.0\ntag "), "MALFORMED"),
    "second object header": (swap(b"\ntype", b"\nobject " + b"0" * 40 + b"\ntype"), "MALFORMED"),
    "headers out of order": (swap(b"object", b"type commit\nobject"), "MALFORMED"),
    "no tagger": (lambda body: body[: body.index(b"tagger")] + body[body.index(b"\n\n") :][1:], "MALFORMED"),
    "encoding header": (swap(b"\n\n", b"\nencoding latin-1\n\n"), "MALFORMED"),
    "CRLF header": (swap(b"type commit\n", b"type commit\r\n"), "MALFORMED"),
    "NUL in the tagger": (swap(b"tagger bob", b"tagger b\x00b"), "MALFORMED"),
    "upper-case object": (lambda body: body[:7] + b"A" + body[8:], "MALFORMED"),
    "short object": (lambda body: b"object abc" + body[47:], "MALFORMED"),
    "a tree": (swap(b"type commit", b"type tree"), "TARGET_TYPE"),
    "a blob": (swap(b"type commit", b"type blob"), "TARGET_TYPE"),
    "a tag": (swap(b"type commit", b"type tag"), "TARGET_TYPE"),
    "an unknown type": (swap(b"type commit", b"type note"), "MALFORMED"),
    "another name": (swap(b"tag calib/scoring/v1.1.0", b"tag calib/scoring/v1.2.0"), "NAME_MISMATCH"),
    "the slot's name": (swap(b"tag calib/scoring/v1.1.0", b"tag calib/e/00000002"), "NAME_MISMATCH"),
    "a name with an option": (swap(b"tag calib", b"tag --calib"), "NAME_MISMATCH"),
    "an upper-case name": (swap(b"tag calib", b"tag Calib"), "MALFORMED"),
    "another commit": (lambda body: b"object " + b"1" * 40 + body[47:], "MALFORMED"),
    "text before the object": (lambda body: b"\n" + body, "MALFORMED"),
    "nothing": (lambda _: b"", "MALFORMED"),
    "no signature": (lambda body: body[: body.index(b"-----BEGIN")], "UNSIGNED"),
    "PGP": (lambda body: body.replace(b"SSH SIGNATURE", b"PGP SIGNATURE"), "SIGNATURE_FORMAT"),
    "X.509": (lambda body: body.replace(b"SSH SIGNATURE", b"SIGNED MESSAGE"), "SIGNATURE_FORMAT"),
    "text after the signature": (lambda body: body + b"and more\n", "MALFORMED"),
    "an empty line after the signature": (lambda body: body + b"\n", "MALFORMED"),
    "no END line": (lambda body: body[: body.index(b"-----END")], "MALFORMED"),
    "no last line end": (lambda body: body[:-1], "MALFORMED"),
    "two signatures": (lambda body: body + body[body.index(b"-----BEGIN") :], "MALFORMED"),
    "PGP beside SSH": (lambda body: body + body[body.index(b"-----BEGIN") :].replace(b"SSH", b"PGP"), "MALFORMED"),
    "PGP before SSH": (
        swap(b"-----BEGIN", b"-----BEGIN PGP SIGNATURE-----\nx\n-----END PGP SIGNATURE-----\n-----BEGIN"),
        "MALFORMED",
    ),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_or_signature_block_of_another_shape_is_refused(name: str) -> None:
    change, code = HEADERS[name]
    assert code_of(change(RELEASE)) == code


@pytest.mark.parametrize("when", ["-1 +0000", "0 +0000", "99999999999 +0000", "1700000000 -1459"])
def test_the_taggers_clock_decides_nothing(when: str) -> None:
    log = Log()
    log.genesis()
    unsigned = parse_event(OID, log.bodies[0]).signed.replace(b"1700000000 +0000", when.encode())
    from tests.support.events import signer  # noqa: PLC0415

    body = unsigned + signer("alice").sign(unsigned, "git").encode()
    assert codes(log.verify([body])) == []


def test_reasons_may_hold_dashes_and_all_printable_text() -> None:
    log = Log()
    log.genesis(reason='-----BEGIN SSH SIGNATURE----- "quoted" \\ back \u00fc\u4e2d \u2014 ----- </json>')
    assert log.verify().ok


def test_every_single_flipped_byte_is_refused() -> None:
    log = Log()
    log.genesis()
    body = log.bodies[0]
    for place in range(len(body)):
        for bit in (0x01, 0x20, 0x80):
            flipped = body[:place] + bytes([body[place] ^ bit]) + body[place + 1 :]
            assert not log.verify([flipped]).ok, place


def test_the_names_of_an_event_follow_from_its_payload() -> None:
    payload = parse_event(OID, SAMPLE.bodies[3]).payload
    assert expected_refs(payload) == (
        ["refs/tags/calib/e/00000004", "refs/tags/calib/scoring/revert/v1.1.0-00000004"],
        "calib/scoring/revert/v1.1.0-00000004",
    )
