"""JSON as bytes: strict reading, canonical writing (RFC 8785), pretty writing for people."""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from typing import Any, NoReturn

from calibgit.errors import DocumentError

MAX_DOCUMENT_BYTES = 8 * 1024 * 1024
MAX_SAFE_INTEGER = 2**53 - 1
MAX_DEPTH = 100


def sha256_hex(data: bytes) -> str:
    """SHA-256 of `data` as 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def canonical_json(value: Any) -> bytes:
    """`value` as RFC 8785 canonical JSON bytes: the form that is hashed."""
    import rfc8785  # noqa: PLC0415  kept off the start-up path

    return rfc8785.dumps(value)


def pretty_json(value: Any) -> bytes:
    """`value` as JSON for people: two-space indent, keys in document order, one trailing newline."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def digest(value: Any) -> str:
    """SHA-256 of the canonical form of `value`."""
    return sha256_hex(canonical_json(value))


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key[:80]!r} appears twice in one object")
        result[key] = value
    return result


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


def _integer(text: str) -> int:
    if len(text) > 20 or abs(int(text)) > MAX_SAFE_INTEGER:
        raise ValueError("an integer is outside the range that every reader shares")
    return int(text)


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"{text[:20]} is not a whole number")


# A key that appears twice is found by writing the value again, which writes every key once.
_DECODER = json.JSONDecoder(parse_float=_no_float, parse_constant=_no_constant, parse_int=_integer)
_ENCODER = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":"))
# An escape other than of a quote or a backslash stands for a control character or a surrogate.
_OTHER_ESCAPE = re.compile(r'(?<!\\)(?:\\\\)*\\[^"\\]')


# Marks that make a text look like another one on a screen.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def read_json(data: bytes, name: str, *, limit: int = MAX_DOCUMENT_BYTES) -> Any:
    """Parse `data` strictly: UTF-8, no duplicate keys, no NaN or infinity, no half characters, bounded.

    Args:
        data: the document's bytes.
        name: what to call it in an error.
        limit: largest size read, in bytes; the depth is at most MAX_DEPTH.

    Raises:
        DocumentError: TOO_LARGE, NOT_UTF8 or NOT_JSON.
    """
    if len(data) > limit:
        raise DocumentError(
            "TOO_LARGE",
            f"{name} has {len(data):,} bytes; the limit is {limit:,}",
            why="A reviewer cannot read a document of that size, so it cannot be governed.",
            fix="split the document or remove what does not belong in it",
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DocumentError(
            "NOT_UTF8",
            f"{name} is not UTF-8 (byte {error.start})",
            why="Every document is UTF-8, so that its bytes have one meaning.",
            fix=f"save {name} as UTF-8 without a byte order mark",
        ) from error
    try:
        value = json.loads(
            text,
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_integer,
        )
        _require_readable(value, text)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise DocumentError(
            "NOT_JSON",
            f"{name} is not valid JSON: {reason}",
            why="Two readers must never see two meanings, so JSON is read strictly.",
            fix=f"mend {name} and try again",
        ) from error
    return value


def _require_readable(value: Any, text: str) -> None:
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH + 1:
            raise ValueError("it is nested too deeply")
        inner = (item.values() if isinstance(item, dict) else item for item in level if isinstance(item, dict | list))
        level = [child for children in inner for child in children if isinstance(child, dict | list)]
    if "\\ud" in text or "\\uD" in text:
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise ValueError("a text holds half of a surrogate pair") from error


def strict_canonical(value: Any) -> bytes:
    """RFC 8785 bytes of a signed payload: only strings, booleans, null, arrays, objects, safe integers.

    Raises:
        DocumentError: NOT_CANONICAL for a float, an unsafe integer, a non-ASCII key, a control character or
            text that is not NFC.
    """
    _require_signable(value)
    return _ENCODER.encode(value).encode()


def read_canonical(line: bytes) -> Any:
    """Parse one line that must be exactly the `strict_canonical` form of its value.

    Raises:
        DocumentError: NOT_CANONICAL.
    """
    try:
        text = line.decode("utf-8")
        value = _DECODER.decode(text)
        if text.isascii() and text.isprintable() and ("\\" not in text or _OTHER_ESCAPE.search(text) is None):
            written = _ENCODER.encode(value).encode()
        else:
            written = strict_canonical(value)
    except (ValueError, RecursionError) as error:
        raise _not_canonical("the text is not JSON of strings, whole numbers, lists and objects") from error
    if written != line:
        raise _not_canonical("the text is not in canonical form")
    return value


def _require_signable(value: Any) -> None:
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise _not_canonical("an integer is outside the range that every reader shares")
        return
    if isinstance(value, str):
        _require_plain_text(value)
        return
    if isinstance(value, list | tuple):
        for item in value:
            _require_signable(item)
        return
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise _not_canonical("a key is not ASCII text")
            _require_plain_text(key)
            _require_signable(item)
        return
    raise _not_canonical(f"a {type(value).__name__} cannot be signed")


def _require_plain_text(text: str) -> None:
    if text.isascii():
        if text.isprintable():
            return
        raise _not_canonical("a text holds a control character")
    if any(unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"} or c in _DIRECTIONS for c in text):
        raise _not_canonical("a text holds a control character, a line separator or a change of direction")
    if not unicodedata.is_normalized("NFC", text):
        raise _not_canonical("a text is not in Unicode normal form C")


def _not_canonical(what: str) -> DocumentError:
    return DocumentError(
        "NOT_CANONICAL",
        what,
        why="Signed text must have exactly one spelling.",
        fix="use plain text on one line and whole numbers",
    )
