"""JSON as bytes: one reading, one writing, and a named refusal for everything else."""

from __future__ import annotations

import json
import math
import unicodedata
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from calibgit.errors import DocumentError
from calibgit.model import canonical
from calibgit.model.canonical import MAX_SAFE_INTEGER, canonical_json, pretty_json, read_json, strict_canonical

PLAIN = st.text(st.characters(exclude_categories=["Cc", "Cs"])).map(lambda text: unicodedata.normalize("NFC", text))
KEYS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8)
SIGNABLE = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) | PLAIN,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.floats(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=12,
)


@given(SIGNABLE)
def test_signed_bytes_are_rfc_8785(value: Any) -> None:
    data = strict_canonical(value)
    assert data == rfc8785.dumps(value)
    assert read_json(data, "payload") == value
    assert strict_canonical(json.loads(data)) == data


@given(JSON)
def test_pretty_and_canonical_bytes_read_back_as_the_same_data(value: Any) -> None:
    assert read_json(pretty_json(value), "document") == value
    assert read_json(canonical_json(value), "document") == value


@given(JSON)
def test_key_order_does_not_change_a_digest(value: Any) -> None:
    def turned(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: turned(inner) for key, inner in reversed(item.items())}
        return [turned(inner) for inner in item] if isinstance(item, list) else item

    assert canonical.digest(turned(value)) == canonical.digest(value)


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        1.0,
        float("nan"),
        2**53,
        -(2**53),
        b"bytes",
        {1},
        {"ä": 1},
        {1: 2},
        {"a\n": 1},
        "a\nb",
        "a\tb",
        "\x00",
        "\x7f",
        "\x85",
        "é\x9f",
        "e\u0301",
        "\u212b",
        "\ud800",
        ["ok", {"a": "\r"}],
    ],
)
def test_what_has_two_spellings_cannot_be_signed(value: Any) -> None:
    with pytest.raises(DocumentError, match="NOT_CANONICAL"):
        strict_canonical(value)


@pytest.mark.parametrize("value", [MAX_SAFE_INTEGER, -MAX_SAFE_INTEGER, "é", "日本", "😀", "", {"~": " "}])
def test_plain_text_and_safe_integers_can_be_signed(value: Any) -> None:
    assert strict_canonical(value) == rfc8785.dumps(value)


def _nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


REFUSED = {
    "duplicate key": (b'{"a": 1, "a": 1}', "NOT_JSON"),
    "duplicate key below": (b'[{"a": {"b": 1, "b": 2}}]', "NOT_JSON"),
    "duplicate key by escape": (b'{"a": 1, "\\u0061": 2}', "NOT_JSON"),
    "NaN": (b'{"a": NaN}', "NOT_JSON"),
    "Infinity": (b"Infinity", "NOT_JSON"),
    "minus Infinity": (b"[-Infinity]", "NOT_JSON"),
    "too large a number": (b"1e400", "NOT_JSON"),
    "too small a number": (b"-1e400", "NOT_JSON"),
    "huge integer": (b"1" + b"0" * 30, "NOT_JSON"),
    "integer that only some readers keep": (str(2**53).encode(), "NOT_JSON"),
    "integer of a million digits": (b"1" * 1_000_000, "NOT_JSON"),
    "deep": (_nested(200), "NOT_JSON"),
    "very deep": (_nested(100_000), "NOT_JSON"),
    "deep objects": (b'{"a":' * 5000 + b"1" + b"}" * 5000, "NOT_JSON"),
    "Latin-1": ('"é"'.encode("latin-1"), "NOT_UTF8"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "NOT_UTF8"),
    "encoded surrogate": (b'"\xed\xa0\x80"', "NOT_UTF8"),
    "half a surrogate pair": (b'{"a": "\\ud83d"}', "NOT_JSON"),
    "half a surrogate pair as a key": (b'{"\\uDE00": 1}', "NOT_JSON"),
    "byte order mark": (b"\xef\xbb\xbf{}", "NOT_JSON"),
    "nothing": (b"", "NOT_JSON"),
    "two values": (b"{} {}", "NOT_JSON"),
    "trailing comma": (b"[1,]", "NOT_JSON"),
    "comment": (b"// no\n{}", "NOT_JSON"),
    "single quotes": (b"{'a': 1}", "NOT_JSON"),
    "control character": (b'"a\nb"', "NOT_JSON"),
    "leading zero": (b"01", "NOT_JSON"),
    "hexadecimal": (b"0x10", "NOT_JSON"),
    "NUL after the end": (b"{}\x00", "NOT_JSON"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bytes_with_two_readings_are_refused_by_name(name: str) -> None:
    data, code = REFUSED[name]
    with pytest.raises(DocumentError) as caught:
        read_json(data, "the file")
    assert caught.value.code == code
    assert "the file" in caught.value.what
    assert caught.value.fix


def test_a_refusal_repeats_no_long_part_of_the_document() -> None:
    secret = "x" * 5000
    with pytest.raises(DocumentError) as caught:
        read_json(json.dumps({"a": secret}).encode()[:-1] + b', "' + secret.encode() + b'": 1, "' + b"y" * 9, "f")
    assert secret not in str(caught.value)


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert read_json(b'"\\ud83d\\ude00"', "f") == "😀"
    assert read_json(b'"\\\\ud83d"', "f") == "\\ud83d"


def test_a_hundred_levels_are_read() -> None:
    assert read_json(_nested(100), "f") is not None
    assert read_json(b'{"a":' * 100 + b"1" + b"}" * 100, "f") is not None
    with pytest.raises(DocumentError, match="nested too deeply"):
        read_json(_nested(102), "f")


def test_200_megabytes_are_refused_before_anything_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    def parsed(*_: object, **__: object) -> None:
        raise AssertionError("it was parsed")

    monkeypatch.setattr(json, "loads", parsed)
    with pytest.raises(DocumentError, match="TOO_LARGE"):
        read_json(bytes(200 * 1024 * 1024), "big.json")


def test_the_limit_is_the_largest_size_that_is_read() -> None:
    assert read_json(b"[1]", "f", limit=3) == [1]
    with pytest.raises(DocumentError, match="TOO_LARGE"):
        read_json(b"[1]", "f", limit=2)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused_by_name(data: bytes) -> None:
    code = ""
    try:
        value = read_json(data, "f")
    except DocumentError as error:
        code = error.code
    else:
        assert read_json(pretty_json(value), "f") == value
        assert canonical_json(value)
    assert code in {"", "NOT_UTF8", "NOT_JSON"}


def test_people_s_form_refuses_what_is_not_json() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        pretty_json({"a": math.nan})


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u202e", "\u200f", "\u061c", "\u2066", "\u2069"])
def test_nothing_is_signed_that_looks_like_something_else_on_a_screen(mark: str) -> None:
    with pytest.raises(DocumentError, match="NOT_CANONICAL"):
        strict_canonical({"reason": f"calm{mark}ly"})
