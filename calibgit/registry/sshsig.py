"""SSH signatures (SSHSIG, PROTOCOL.sshsig of OpenSSH) verified in process. Pure: no file, clock or program.

Stricter than `ssh-keygen -Y verify` and never more lenient: one spelling per signature, no trailing bytes,
no weak key or digest, and only the caller's keys.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Collection
from functools import lru_cache, partial
from typing import TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from calibgit.errors import DocumentError, IntegrityError

BEGIN = "-----BEGIN SSH SIGNATURE-----\n"
END = "-----END SSH SIGNATURE-----"
MAX_ARMOURED_BYTES = 16 * 1024
_MAGIC = b"SSHSIG"
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
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

# Takes the signature blob and the signed bytes; raises _Refused or InvalidSignature.
_Check: TypeAlias = Callable[[bytes, bytes], None]


class _Refused(Exception):
    """Why a blob is refused: a code and a sentence."""

    def __init__(self, code: str, what: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what


class _Reader:
    """Length-prefixed fields of an SSH blob, in order."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self._at + size
        if end > len(self._data):
            raise _Refused("SIG_MALFORMED", "a field is longer than the bytes that follow")
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
            raise _Refused("SIG_MALFORMED", "an integer is not positive or not in its shortest form")
        return int.from_bytes(raw, "big")

    def end(self) -> None:
        """Nothing may follow."""
        if self._at != len(self._data):
            raise _Refused("SIG_MALFORMED", "bytes follow the last field")


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
    except _Refused as refused:
        raise _error(refused.code, refused.what) from None
    except InvalidSignature:
        raise _error("SIG_INVALID", "the signature does not fit the signed text") from None


def _verify(armoured: str | bytes, payload: bytes, namespace: bytes, keys: Collection[str]) -> str:
    # 1. one armour, one base64 spelling
    blob = _Reader(_dearmour(armoured))
    # 2. magic, version, and nothing after the last field
    if blob.take(len(_MAGIC)) != _MAGIC or blob.number() != 1:
        raise _Refused("SIG_MALFORMED", "it is not an SSH signature of version 1")
    key_blob, used_namespace, reserved, hash_name, signature = (blob.string() for _ in range(5))
    blob.end()
    if reserved:
        raise _Refused("SIG_MALFORMED", "the reserved field is not empty")
    # 3. the namespace asked for
    if not namespace or used_namespace != namespace:
        raise _Refused("SIG_NAMESPACE", f"it was made for {used_namespace[:40]!r}, not {namespace!r}")
    # 4. a strong digest
    if hash_name not in _HASHES:
        raise _Refused("SIG_HASH", f"its digest {hash_name[:40]!r} is not allowed")
    # 5. a strong, well-formed key
    key, check = _load_key(key_blob)
    # 6. a key that the caller trusts
    if key not in keys:
        raise _Refused("UNKNOWN_KEY", f"the key {fingerprint(key)} is not one of the trusted keys")
    # 7. the signature itself
    digest = _HASHES[hash_name](payload).digest()
    signed = _MAGIC + _string(namespace) + _string(b"") + _string(hash_name) + _string(digest)
    check(signature, signed)
    return key


def _dearmour(armoured: str | bytes) -> bytes:
    if len(armoured) > MAX_ARMOURED_BYTES:
        raise _Refused("SIG_MALFORMED", "it is too long")
    try:
        text = armoured.decode("ascii") if isinstance(armoured, bytes) else armoured
        body = text.removesuffix("\n").removeprefix(BEGIN).removesuffix(END)
        lines = body.split("\n")
        width = len(lines[0])
        ragged = any(len(line) != width for line in lines[:-2]) or not 0 < len(lines[-2]) <= width
        if text.removesuffix("\n") != BEGIN + body + END or lines[-1] or ragged or width > 76:
            raise _Refused("SIG_MALFORMED", "the armour lines are not exact")
        if len(lines) > 2 and width < 70:
            raise _Refused("SIG_MALFORMED", "the armour is not wrapped at 70 to 76 columns")
        return _decode_base64("".join(lines))
    except (UnicodeError, IndexError, ValueError):
        raise _Refused("SIG_MALFORMED", "the armour does not hold base64 text") from None


def _decode_base64(text: str) -> bytes:
    """Decode; only the one canonical spelling counts (the last character's spare bits are zero)."""
    data = binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    if base64.b64encode(data).decode("ascii") != text:
        raise ValueError("not canonical base64")
    return data


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


@lru_cache(maxsize=1024)
def _load_key(blob: bytes) -> tuple[str, _Check]:
    """The key's text and the check of its signatures, loaded once per key."""
    reader = _Reader(blob)
    kind = reader.string()
    try:
        if kind in {b"ssh-ed25519", b"sk-ssh-ed25519@openssh.com"}:
            check = _ed25519(kind, reader)
        elif kind.startswith(b"ecdsa-sha2-") or kind == b"sk-ecdsa-sha2-nistp256@openssh.com":
            check = _ecdsa(kind, reader)
        elif kind == b"ssh-rsa":
            check = _rsa(reader)
        else:
            raise _Refused("SIG_KEY_TYPE", f"keys of type {kind[:40]!r} are not accepted")
    except (ValueError, UnsupportedAlgorithm):
        raise _Refused("SIG_KEY_TYPE", f"the {kind[:40]!r} key is not a valid one") from None
    reader.end()
    return f"{kind.decode('ascii')} {base64.b64encode(blob).decode('ascii')}", check


def _ed25519(kind: bytes, reader: _Reader) -> _Check:
    key = Ed25519PublicKey.from_public_bytes(reader.string())

    def check(raw: bytes, message: bytes) -> None:
        if len(raw) != 64:
            raise _Refused("SIG_MALFORMED", "an ed25519 signature has 64 bytes")
        key.verify(raw, message)

    if kind == b"ssh-ed25519":
        return partial(_check_plain, kind, check)
    return partial(_check_token, kind, reader.string(), check)


def _ecdsa(kind: bytes, reader: _Reader) -> _Check:
    curve_name = reader.string()
    token = kind.startswith(b"sk-")
    expected = b"nistp256" if token else kind.removeprefix(b"ecdsa-sha2-")
    point = reader.string()
    if curve_name != expected or curve_name not in _CURVES or point[:1] != b"\x04":
        raise _Refused("SIG_KEY_TYPE", f"the curve of the {kind[:40]!r} key is not accepted")
    curve, algorithm = _CURVES[curve_name]
    key = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)

    def check(raw: bytes, message: bytes) -> None:
        pair = _Reader(raw)
        der = encode_dss_signature(pair.positive(), pair.positive())
        pair.end()
        key.verify(der, message, ec.ECDSA(algorithm))

    if not token:
        return partial(_check_plain, kind, check)
    return partial(_check_token, kind, reader.string(), check)


def _rsa(reader: _Reader) -> _Check:
    exponent, modulus = reader.positive(), reader.positive()
    if not 3072 <= modulus.bit_length() <= 16384 or not 3 <= exponent < 2**32:
        raise _Refused("SIG_KEY_TYPE", f"an RSA key of {modulus.bit_length()} bits is not accepted")
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()

    def check(signature: bytes, message: bytes) -> None:
        fields = _Reader(signature)
        algorithm, raw = fields.string(), fields.string()
        fields.end()
        if algorithm not in _RSA_HASHES or len(raw) != (modulus.bit_length() + 7) // 8:
            raise _Refused("SIG_KEY_TYPE", f"RSA signatures of type {algorithm[:40]!r} are not accepted")
        key.verify(raw, message, padding.PKCS1v15(), _RSA_HASHES[algorithm])

    return check


def _check_plain(kind: bytes, check: _Check, signature: bytes, message: bytes) -> None:
    fields = _Reader(signature)
    algorithm, raw = fields.string(), fields.string()
    fields.end()
    if algorithm != kind:
        raise _Refused("SIG_KEY_TYPE", f"the signature is of type {algorithm[:40]!r}, the key is not")
    check(raw, message)


def _check_token(kind: bytes, application: bytes, check: _Check, signature: bytes, message: bytes) -> None:
    """A FIDO token signs digests of application and message, what the user did, and a counter."""
    fields = _Reader(signature)
    algorithm, raw, flags, counter = fields.string(), fields.string(), fields.take(1), fields.take(4)
    fields.end()
    if algorithm != kind:
        raise _Refused("SIG_KEY_TYPE", f"the signature is of type {algorithm[:40]!r}, the key is not")
    if not flags[0] & _USER_PRESENT:
        raise _Refused("SIG_INVALID", "nobody touched the token when it signed")
    message_digest = hashlib.sha256(message).digest()
    check(raw, hashlib.sha256(application).digest() + flags + counter + message_digest)


def parse_public_key(text: str) -> str:
    """An OpenSSH public key line as `type base64`, without its comment.

    Raises:
        DocumentError: BAD_PUBLIC_KEY.
    """
    match = _PUBLIC_KEY.fullmatch(text.strip(" \t\r\n"))
    reason = "it is not one line of a type and base64 text"
    try:
        key = _load_key(_decode_base64(match[2]))[0] if match else ""
    except (ValueError, _Refused) as error:
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


def _error(code: str, what: str) -> IntegrityError:
    return IntegrityError(
        code,
        f"an SSH signature is refused: {what}",
        why="Only an exact signature by a trusted key proves who acted.",
        fix="sign again with a key that trust.toml lists",
    )
