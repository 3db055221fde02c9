"""SSH signatures (SSHSIG, PROTOCOL.sshsig of OpenSSH) verified in process. Pure: no file, clock or program.

Stricter than `ssh-keygen -Y verify` and never more lenient: one spelling per signature, no trailing bytes,
no weak key or digest, and only the caller's keys.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from cryptography.exceptions import InvalidSignature

from calibgit.errors import IntegrityError
from calibgit.registry.sshkeys import Check, Reader, Refused, decode_base64, fingerprint, load_key, parse_public_key

__all__ = ["BEGIN", "END", "fingerprint", "parse_public_key", "verify"]

BEGIN = "-----BEGIN SSH SIGNATURE-----\n"
END = "-----END SSH SIGNATURE-----"
MAX_ARMOURED_BYTES = 16 * 1024
_MAGIC = b"SSHSIG"
_TAIL = 64
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}


def verify(armoured: str | bytes, payload: bytes, *, namespace: str, keys: Collection[str]) -> str:
    """The public key, one of `keys`, that signed `payload` in `namespace`.

    Args:
        armoured: the signature's text, `BEGIN` to `END` line, with or without one newline at the end.
        payload: the signed bytes.
        namespace: the only namespace accepted.
        keys: public keys as `parse_public_key` returns them.

    Raises:
        IntegrityError: SIG_MALFORMED, SIG_NAMESPACE, SIG_HASH, SIG_KEY_TYPE, UNKNOWN_KEY or SIG_INVALID.
    """
    try:
        return _verify(armoured, payload, namespace.encode(), keys)
    except Refused as refused:
        raise _error(refused.code, refused.what) from None
    except InvalidSignature:
        raise _error("SIG_INVALID", "the signature does not fit the signed text") from None


@dataclass(frozen=True, slots=True)
class _Opened:
    """A well-formed signature: its key and check, its own bytes, and what it signs in front of a digest."""

    key: str
    check: Check
    signature: bytes
    hash_name: bytes
    signed_head: bytes


def _verify(armoured: str | bytes, payload: bytes, namespace: bytes, keys: Collection[str]) -> str:
    # 1. one armour, one base64 spelling
    blob = _dearmour(armoured)
    # 2. to 5. a well-formed blob; signatures by one key differ in their last bytes alone
    opened = _opened_by_head(blob[:-_TAIL], namespace)
    if opened is not None:
        signature = opened.signature[:-_TAIL] + blob[-_TAIL:]
    else:
        opened = _open(blob, namespace)
        signature = opened.signature
    # 6. a key that the caller trusts
    if opened.key not in keys:
        raise Refused("UNKNOWN_KEY", f"the key {fingerprint(opened.key)} is not one of the trusted keys")
    # 7. the signature itself
    digest = _HASHES[opened.hash_name](payload).digest()
    opened.check(signature, opened.signed_head + _string(digest))
    return opened.key


@lru_cache(maxsize=256)
def _opened_by_head(head: bytes, namespace: bytes) -> _Opened | None:
    """Steps 2 to 5 of every blob that consists of `head` and `_TAIL` bytes which are the end of the signature itself.

    Every length then stands in `head`, so these last bytes decide nothing here. None where that is not so.
    """
    try:
        opened = _open(head + bytes(_TAIL), namespace)
    except Refused:
        return None
    return opened if len(opened.signature) >= _TAIL else None


def _open(data: bytes, namespace: bytes) -> _Opened:
    # 2. magic, version, and nothing after the last field
    blob = Reader(data)
    if blob.take(len(_MAGIC)) != _MAGIC or blob.number() != 1:
        raise Refused("SIG_MALFORMED", "it is not an SSH signature of version 1")
    key_blob, used_namespace, reserved, hash_name, signature = (blob.string() for _ in range(5))
    blob.end()
    if reserved:
        raise Refused("SIG_MALFORMED", "the reserved field is not empty")
    # 3. the namespace asked for
    if not namespace or used_namespace != namespace:
        raise Refused("SIG_NAMESPACE", f"it was made for {used_namespace[:40]!r}, not {namespace!r}")
    # 4. a strong digest
    if hash_name not in _HASHES:
        raise Refused("SIG_HASH", f"its digest {hash_name[:40]!r} is not allowed")
    # 5. a strong, well-formed key
    key, check = load_key(key_blob)
    return _Opened(key, check, signature, hash_name, _MAGIC + _string(namespace) + _string(b"") + _string(hash_name))


def _dearmour(armoured: str | bytes) -> bytes:
    if len(armoured) > MAX_ARMOURED_BYTES:
        raise Refused("SIG_MALFORMED", "it is too long")
    try:
        text = armoured.decode("ascii") if isinstance(armoured, bytes) else armoured
        body = text.removesuffix("\n").removeprefix(BEGIN).removesuffix(END)
        lines = body.split("\n")
        width = len(lines[0])
        ragged = any(len(line) != width for line in lines[:-2]) or not 0 < len(lines[-2]) <= width
        if text.removesuffix("\n") != BEGIN + body + END or lines[-1] or ragged or width > 76:
            raise Refused("SIG_MALFORMED", "the armour lines are not exact")
        if len(lines) > 2 and width < 70:
            raise Refused("SIG_MALFORMED", "the armour is not wrapped at 70 to 76 columns")
        return decode_base64("".join(lines))
    except (UnicodeError, IndexError, ValueError):
        raise Refused("SIG_MALFORMED", "the armour does not hold base64 text") from None


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _error(code: str, what: str) -> IntegrityError:
    return IntegrityError(
        code,
        f"an SSH signature is refused: {what}",
        why="Only an exact signature by a trusted key proves who acted.",
        fix="sign again with a key that trust.toml lists",
    )
