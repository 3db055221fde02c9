"""OpenSSH public keys, and the check of what each kind of key signs. Pure: no file, clock or program.

A weak or oddly written key is refused when it is read: one spelling per key, no point of low order, no small modulus.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from calibgit.errors import DocumentError

_RSA_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    b"rsa-sha2-256": hashes.SHA256(),
    b"rsa-sha2-512": hashes.SHA512(),
}
_CURVES: dict[bytes, tuple[ec.EllipticCurve, hashes.HashAlgorithm]] = {
    b"nistp256": (ec.SECP256R1(), hashes.SHA256()),
    b"nistp384": (ec.SECP384R1(), hashes.SHA384()),
    b"nistp521": (ec.SECP521R1(), hashes.SHA512()),
}
_USER_PRESENT = 0x01
_PUBLIC_KEY = re.compile(r"([a-z0-9@.-]{1,64}) ([A-Za-z0-9+/]{16,8192}={0,2})(?: [^\n\r\x00]*)?")
# Curve25519 in Edwards form, RFC 8032 section 5.1: -x^2 + y^2 = 1 + d x^2 y^2 modulo p.
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_Y_OF_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_LOW_ORDER = frozenset({0, 1, _P - 1, _Y_OF_ORDER_8, _P - _Y_OF_ORDER_8})

# Takes the signature blob and the signed bytes; raises Refused or InvalidSignature.
Check: TypeAlias = Callable[[bytes, bytes], None]


class Refused(Exception):
    """Why a blob is refused: a code and a sentence."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what


class Reader:
    """Length-prefixed fields of an SSH blob, in order."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self._at + size
        if end > len(self._data):
            raise Refused("SIG_MALFORMED", "a field is longer than the bytes that follow")
        piece = self._data[self._at : end]
        self._at = end
        return piece

    def number(self) -> int:
        """The next four bytes as an unsigned number."""
        return int.from_bytes(self.take(4), "big")

    def string(self) -> bytes:
        """The next string: a four-byte length and as many bytes."""
        return self.take(self.number())

    def positive(self) -> int:
        """The next multiple-precision integer: positive, in its shortest form."""
        raw = self.string()
        if not raw or raw[0] & 0x80 or (raw[0] == 0 and (len(raw) == 1 or not raw[1] & 0x80)):
            raise Refused("SIG_MALFORMED", "an integer is not positive or not in its shortest form")
        return int.from_bytes(raw, "big")

    def end(self) -> None:
        """Nothing may follow."""
        if self._at != len(self._data):
            raise Refused("SIG_MALFORMED", "bytes follow the last field")


def decode_base64(text: str) -> bytes:
    """Decode; only the one canonical spelling counts (the last character's spare bits are zero).

    Raises:
        ValueError: not base64, or another spelling.
    """
    data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    if base64.b64encode(data).decode("ascii") != text:
        raise ValueError("it is not canonical base64")
    return data


@lru_cache(maxsize=1024)
def load_key(blob: bytes) -> tuple[str, Check]:
    """The key's text and the check of its signatures, loaded once per key.

    Raises:
        Refused: SIG_MALFORMED or SIG_KEY_TYPE.
    """
    reader = Reader(blob)
    kind = reader.string()
    try:
        # 1. a kind that is strong
        if kind in {b"ssh-ed25519", b"sk-ssh-ed25519@openssh.com"}:
            check = _ed25519(reader)
        elif kind.startswith(b"ecdsa-sha2-") or kind == b"sk-ecdsa-sha2-nistp256@openssh.com":
            check = _ecdsa(kind, reader)
        elif kind == b"ssh-rsa":
            check = _rsa(reader)
        else:
            raise Refused("SIG_KEY_TYPE", f"keys of type {kind[:40]!r} are not accepted")
    except (ValueError, UnsupportedAlgorithm):
        raise Refused("SIG_KEY_TYPE", f"the {kind[:40]!r} key is not a valid one") from None
    # 2. the application of a token's key; OpenSSH reads it up to its first NUL
    if kind.startswith(b"sk-"):
        application = reader.string()
        if b"\x00" in application:
            raise Refused("SIG_KEY_TYPE", "the application of a token's key holds a NUL")
        check = partial(_check_token, kind, application, check)
    elif kind != b"ssh-rsa":
        check = partial(_check_plain, kind, check)
    # 3. nothing else
    reader.end()
    return f"{kind.decode('ascii')} {base64.b64encode(blob).decode('ascii')}", check


def _ed25519(reader: Reader) -> Check:
    raw_key = reader.string()
    key = Ed25519PublicKey.from_public_bytes(raw_key)
    y = _y_of(raw_key)
    # 1. one spelling per point: y is reduced
    if y >= _P:
        raise Refused("SIG_KEY_TYPE", "an ed25519 key is not in its canonical form")
    # 2. no point of low order: anybody can sign for those
    if y in _LOW_ORDER:
        raise Refused("SIG_KEY_TYPE", "an ed25519 key is a point of low order")
    # 3. a point of the curve: x^2 = (y^2 - 1) / (d y^2 + 1) has a root (Euler's criterion)
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    if pow(x_squared, (_P - 1) // 2, _P) != 1:
        raise Refused("SIG_KEY_TYPE", "an ed25519 key is not a point of the curve")

    def check(raw: bytes, message: bytes) -> None:
        if len(raw) != 64:
            raise Refused("SIG_MALFORMED", "an ed25519 signature has 64 bytes")
        if _y_of(raw[:32]) in _LOW_ORDER:
            raise Refused("SIG_INVALID", "its first half is a point of low order")
        key.verify(raw, message)

    return check


def _y_of(point: bytes) -> int:
    """The y coordinate in 32 bytes of an ed25519 point; the top bit is the sign of x."""
    return int.from_bytes(point, "little") & (2**255 - 1)


def _ecdsa(kind: bytes, reader: Reader) -> Check:
    curve_name, point = reader.string(), reader.string()
    # 1. the curve that the kind names, and a point in its long form: not infinity
    expected = b"nistp256" if kind.startswith(b"sk-") else kind.removeprefix(b"ecdsa-sha2-")
    if curve_name != expected or curve_name not in _CURVES or point[:1] != b"\x04":
        raise Refused("SIG_KEY_TYPE", f"the curve of the {kind[:40]!r} key is not accepted")
    # 2. a point of the curve
    curve, algorithm = _CURVES[curve_name]
    key = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
    # 3. coordinates that OpenSSH accepts: longer than half the order's bits, and below the order less one
    numbers, order = key.public_numbers(), curve.group_order
    for coordinate in (numbers.x, numbers.y):
        if coordinate.bit_length() <= order.bit_length() // 2 or coordinate >= order - 1:
            raise Refused("SIG_KEY_TYPE", "an ECDSA key has a coordinate out of range")

    def check(raw: bytes, message: bytes) -> None:
        pair = Reader(raw)
        der = encode_dss_signature(pair.positive(), pair.positive())
        pair.end()
        key.verify(der, message, ec.ECDSA(algorithm))

    return check


def _rsa(reader: Reader) -> Check:
    exponent, modulus = reader.positive(), reader.positive()
    # 1. a modulus that is long enough and that OpenSSH reads
    if not 3072 <= modulus.bit_length() <= 16384:
        raise Refused("SIG_KEY_TYPE", f"an RSA key of {modulus.bit_length()} bits is not accepted")
    # 2. both odd, and an exponent that changes something
    if not 3 <= exponent < 2**32 or not exponent & modulus & 1:
        raise Refused("SIG_KEY_TYPE", "an RSA key has an even or unusual exponent or an even modulus")
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()

    def check(signature: bytes, message: bytes) -> None:
        fields = Reader(signature)
        algorithm, raw = fields.string(), fields.string()
        fields.end()
        if algorithm not in _RSA_HASHES or len(raw) != (modulus.bit_length() + 7) // 8:
            raise Refused("SIG_KEY_TYPE", f"RSA signatures of type {algorithm[:40]!r} are not accepted")
        key.verify(raw, message, padding.PKCS1v15(), _RSA_HASHES[algorithm])

    return check


def _check_plain(kind: bytes, check: Check, signature: bytes, message: bytes) -> None:
    fields = Reader(signature)
    algorithm, raw = fields.string(), fields.string()
    fields.end()
    if algorithm != kind:
        raise Refused("SIG_KEY_TYPE", f"the signature is of type {algorithm[:40]!r}, the key is not")
    check(raw, message)


def _check_token(kind: bytes, application: bytes, check: Check, signature: bytes, message: bytes) -> None:
    """A FIDO token signs digests of application and message, what the user did, and a counter."""
    fields = Reader(signature)
    algorithm, raw, flags, counter = fields.string(), fields.string(), fields.take(1), fields.take(4)
    fields.end()
    if algorithm != kind:
        raise Refused("SIG_KEY_TYPE", f"the signature is of type {algorithm[:40]!r}, the key is not")
    if not flags[0] & _USER_PRESENT:
        raise Refused("SIG_INVALID", "nobody touched the token when it signed")
    message_digest = hashlib.sha256(message).digest()
    check(raw, hashlib.sha256(application).digest() + flags + counter + message_digest)


@lru_cache(maxsize=1024)
def parse_public_key(text: str) -> str:
    """An OpenSSH public key line as `type base64`, without its comment.

    Raises:
        DocumentError: BAD_PUBLIC_KEY.
    """
    match = _PUBLIC_KEY.fullmatch(text.strip(" \t\r\n"))
    reason = "it is not one line of a type and base64 text"
    try:
        key = load_key(decode_base64(match[2]))[0] if match else ""
    except (ValueError, Refused) as error:
        key, reason = "", str(error)
    if match is None or key != f"{match[1]} {match[2]}":
        raise DocumentError(
            "BAD_PUBLIC_KEY",
            f"{text[:60]!r} is not an acceptable OpenSSH public key: {reason}",
            why="Only ed25519, ECDSA, RSA of 3072 bits or more, and FIDO keys can be trusted.",
            fix="ssh-keygen -t ed25519",
        )
    return key


def fingerprint(key: str) -> str:
    """OpenSSH's fingerprint, `SHA256:...`, of a key as `parse_public_key` returns it."""
    digest = hashlib.sha256(base64.b64decode(key.partition(" ")[2])).digest()
    return "SHA256:" + base64.b64encode(digest).decode("ascii").rstrip("=")
