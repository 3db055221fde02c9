"""Signatures that come close by arithmetic: other members of the group, other padding, other spellings of numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from functools import cache, partial

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tests.support import edwards, sshkeys
from tests.support.bent import Case, read_strings
from tests.support.sshkeys import CURVES, Draft, TestKey, mpint
from tests.support.world import ssh_string

INFO = {  # DER of DigestInfo up to the digest, RFC 8017 section 9.2
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
}
FOUR_BYTES = bytes.fromhex("3055301106096086480165030402030504aaaaaaaa0440")
LONG_FORM = bytes.fromhex("308151300d060960864801650304020305000440")
NO_NULL = bytes.fromhex("304f300b06096086480165030402030440")
LABELS = (
    b"ssh-rsa", b"rsa-sha2-256", b"rsa-sha2-384", b"RSA-SHA2-512", b"rsa-sha2-512-cert-v01@openssh.com", b"ssh-ed25519",
)  # fmt: skip
SHA512 = hashes.SHA512()
RSA_BITS = 3072


def ecdsa(key: TestKey, payload: bytes) -> Iterator[Case]:
    """Numbers of an ECDSA signature, for a plain key or a token's."""
    curve = "nistp256" if key.kind.startswith(b"sk-") else key.kind.removeprefix(b"ecdsa-sha2-").decode()
    n = CURVES[curve][0].group_order
    (kind, pair), tail = read_strings(Draft(key, payload).signature)
    r, s = (int.from_bytes(raw, "big") for raw in read_strings(pair)[0])

    def case(family: str, raw: bytes) -> Case:
        signature = ssh_string(kind) + ssh_string(raw) + tail
        return Case(f"ecdsa: {family}", key.text, Draft(key, payload, signature=signature).text().encode())

    yield case("the other s", mpint(r) + mpint(n - s))
    edges = (0, 1, 2, n - 1, n, n + 1, 2 * n, 2**521, 2**4096)
    for odd in edges:
        yield case("number at an edge", mpint(odd) + mpint(s))
        yield case("number at an edge", mpint(r) + mpint(odd))
    for one in edges[:6]:
        for other in edges[:6]:
            yield case("both at an edge", mpint(one) + mpint(other))
    yield case("number not reduced", mpint(r + n) + mpint(s))
    yield case("number not reduced", mpint(r) + mpint(s + n))
    yield case("numbers change places", mpint(s) + mpint(r))
    size = (n.bit_length() + 7) // 8
    for raw in (r.to_bytes(size, "big"), b"\x00\x00" + r.to_bytes(size, "big"), bytes(40) + r.to_bytes(size, "big")):
        if ssh_string(raw) != mpint(r):
            yield case("number spelt otherwise", ssh_string(raw) + mpint(s))
    yield case("number spelt otherwise", mpint(r) + ssh_string(b"\x00" + mpint(s)[4:]))
    for raw in (b"", b"\x00", b"\x00\x00", b"\x80", b"\xff", (-r).to_bytes(size + 1, "big", signed=True)):
        yield case("zero or negative", ssh_string(raw) + mpint(s))
        yield case("zero or negative", mpint(r) + ssh_string(raw))
    yield case("another format", encode_dss_signature(r, s))
    yield case("another format", r.to_bytes(size, "big") + s.to_bytes(size, "big"))
    yield case("numbers missing", mpint(r))
    yield case("a number more", mpint(r) + mpint(s) + mpint(1))


def ed25519(payload: bytes, *, token: bool) -> Iterator[Case]:
    """Points and scalars of an ed25519 signature, with keys of our own."""
    assert edwards.BASE is not None
    secret = edwards.secret_scalar(b"\x07" * 32)
    public = edwards.times(secret, edwards.BASE)
    torsion = edwards.torsion()
    good = partial(_schnorr, secret, edwards.encode(public), edwards.IDENTITY)
    bent = partial(_bent, good)

    def case(family: str, point: bytes, sign: Callable[[bytes], bytes], *, honest: bool = False) -> Case:
        key = _ed25519_key(point, sign, token=token)
        return Case(f"ed25519: {family}", key.text, Draft(key, payload).text().encode(), honest=honest)

    name = edwards.encode(public)
    yield case("honest", name, good, honest=True)
    for times in range(1, 16):
        yield case("S not reduced", name, partial(bent, lambda r, s, k=times: (r, s + k * edwards.ORDER)))
    for bit in range(252, 256):
        yield case("high bit of S", name, partial(bent, lambda r, s, k=bit: (r, s | 1 << k)))
    for odd in (0, 1, edwards.ORDER - 1, edwards.ORDER, 2**252, 2**255 - 19, 2**256 - 1):
        yield case("S at an edge", name, partial(bent, lambda r, s, k=odd: (r, k)))
    yield case("S negated", name, partial(bent, lambda r, s: (r, edwards.ORDER - s)))
    yield case("sign of R", name, partial(bent, lambda r, s: (r[:-1] + bytes([r[-1] ^ 0x80]), s)))
    for y in (*range(20), *range(edwards.P - 2, 2**255)):
        for sign in (0, 1):
            odd_r = (y | sign << 255).to_bytes(32, "little")
            yield case("R small or not reduced", name, partial(bent, lambda r, s, odd=odd_r: (odd, s)))
            yield case("R small or not reduced", name, partial(_answer, secret, name, odd_r))
    for point in torsion[1:]:
        yield case("R of mixed order", name, partial(_schnorr, secret, name, point))
        mixed = edwards.encode(edwards.add(public, point))
        yield case("key of mixed order", mixed, partial(_schnorr, secret, mixed, edwards.IDENTITY))
        yield case("key of mixed order, solved", mixed, partial(_solved, secret, mixed, point))
    for low in map(edwards.encode, torsion):
        yield case("key of low order", low, partial(_schnorr, 0, low, edwards.IDENTITY))


def _bent(sign: Callable[[bytes], bytes], change: Callable[[bytes, int], tuple[bytes, int]], message: bytes) -> bytes:
    raw = sign(message)
    r, s = change(raw[:32], int.from_bytes(raw[32:], "little"))
    return r + (s % 2**256).to_bytes(32, "little")


def _schnorr(secret: int, public: bytes, beside: edwards.Point, message: bytes, *, nonce: int = 11) -> bytes:
    """A signature whose R has `beside` added."""
    assert edwards.BASE is not None
    r = edwards.encode(edwards.add(edwards.times(nonce, edwards.BASE), beside))
    s = (nonce + edwards.challenge(r, public, message) * secret) % edwards.ORDER
    return r + s.to_bytes(32, "little")


def _answer(secret: int, public: bytes, r: bytes, message: bytes) -> bytes:
    """S as if R had no nonce."""
    s = edwards.challenge(r, public, message) * secret % edwards.ORDER
    return r + s.to_bytes(32, "little")


def _solved(secret: int, public: bytes, point: edwards.Point, message: bytes) -> bytes:
    """A signature that holds without clearing the cofactor: R takes back what the key's small part adds."""
    nonce = 0
    while True:
        nonce += 1
        for times in range(8):
            raw = _schnorr(secret, public, edwards.times(times, point), message, nonce=nonce)
            small = times + edwards.challenge(raw[:32], public, message)
            if edwards.times(small % 8, point) == edwards.IDENTITY:
                return raw


def _ed25519_key(point: bytes, sign: Callable[[bytes], bytes], *, token: bool) -> TestKey:
    kind = b"sk-ssh-ed25519@openssh.com" if token else b"ssh-ed25519"
    blob = ssh_string(kind) + ssh_string(point)
    if not token:
        return TestKey(kind, blob, lambda data: ssh_string(sign(data)))
    tail = b"\x01\x00\x00\x00\x07"
    blob += ssh_string(sshkeys.APPLICATION)
    return TestKey(kind, blob, lambda data: ssh_string(sign(sshkeys.token_message(data, 1, 7))) + tail)


@cache
def rsa_private(exponent: int) -> rsa.RSAPrivateKey:
    """A key that is made once."""
    return rsa.generate_private_key(exponent, RSA_BITS)


@cache
def private_operation(exponent: int, number: int) -> int:
    """`number` to the power of the private exponent, by the Chinese remainder theorem."""
    key = rsa_private(exponent).private_numbers()
    one, other = pow(number, key.dmp1, key.p), pow(number, key.dmq1, key.q)
    return other + (one - other) * key.iqmp % key.p * key.q


def padded(block: bytes, *, kind: int = 1, fill: int | None = None, behind: bytes = b"") -> bytes:
    """PKCS #1 version 1.5 padding before `block`, and `behind` after it; `fill` bytes of it instead of all."""
    size = RSA_BITS // 8
    room = size - 3 - len(block) - len(behind)
    filled = b"\xff" * (room if fill is None else fill)
    return (b"\x00" + bytes([kind]) + filled + b"\x00" + block + behind).ljust(size, b"\x00")


def encodings(digest: Callable[[str], bytes]) -> Iterator[tuple[str, bytes]]:
    """Blocks that a careless verifier takes for the padded digest."""
    sha512 = INFO["sha512"] + digest("sha512")
    yield "block type 0", padded(sha512, kind=0)
    yield "block type 2", padded(sha512, kind=2)
    yield "first byte 1", b"\x01" + padded(sha512)[1:]
    yield "other filling", padded(sha512).replace(b"\xff" * 20, b"\xfe" * 20, 1)
    yield "zero in the filling", padded(sha512).replace(b"\xff" * 9, b"\xff" * 8 + b"\x00", 1)
    for fill in (0, 1, 7, 8, 20, 100):
        yield "short filling", padded(sha512, fill=fill)
        yield "short filling", padded(sha512, fill=fill, behind=b"\xff" * 50)
    for behind in (b"\x00", b"\x05\x00", b"\xff" * 100):
        yield "bytes behind the digest", padded(sha512, behind=behind)
    yield "no NULL", padded(NO_NULL + digest("sha512"))
    yield "bytes in the parameters", padded(FOUR_BYTES + digest("sha512"))
    yield "long form of a length", padded(LONG_FORM + digest("sha512"))
    yield "no DigestInfo", padded(digest("sha512"))
    yield "another DigestInfo", padded(INFO["sha256"] + digest("sha512"))
    yield "another digest", padded(INFO["sha256"] + digest("sha256"))
    yield "SHA-1", padded(INFO["sha1"] + digest("sha1"))
    yield "digest cut short", padded(INFO["sha512"][:-1] + b"\x20" + digest("sha512")[:32])
    yield "empty", bytes(RSA_BITS // 8)


def rsa_signatures(payload: bytes, exponent: int = 65537) -> Iterator[Case]:
    """Numbers and paddings; with a private key, so that any block can be signed, and for e = 3 without one."""
    n = rsa_private(exponent).public_key().public_numbers().n
    size = RSA_BITS // 8

    def case(
        family: str, raw: Callable[[bytes], bytes], *, e: int = exponent, modulus: int = n, label: bytes = b""
    ) -> Case:
        blob = ssh_string(b"ssh-rsa") + mpint(e) + mpint(modulus)
        key = TestKey(b"ssh-rsa", blob, lambda data: ssh_string(raw(data)))
        draft = Draft(key, payload, algorithm=label)
        return Case(f"rsa: {family}", key.text, draft.text().encode(), honest=family == "honest")

    def number(data: bytes) -> int:
        block = padded(INFO["sha512"] + hashlib.sha512(data).digest())
        return private_operation(exponent, int.from_bytes(block, "big"))

    def spelt(change: Callable[[int], int], length: int, data: bytes) -> bytes:
        changed: int = change(number(data)) % (1 << 8 * length)
        return changed.to_bytes(length, "big")

    good = partial(spelt, lambda s: s, size)
    yield case("honest", good)
    for more in (1, 2, 128):
        yield case("leading zeros", partial(spelt, lambda s: s, size + more))
        yield case("number not reduced", partial(spelt, partial(_plus, more * n), size + more))
    yield case("number not reduced", partial(spelt, lambda s: s + n, size))
    yield case("number negated", partial(spelt, lambda s: n - s, size))
    for odd in (0, 1, 2, n - 1, n, n + 1, 2 ** (8 * size) - 1):
        for length in (size, 1):
            yield case("number at an edge", partial(spelt, partial(_instead, odd), length))
    yield case("cut short", lambda data: good(data)[:-1])
    yield case("cut short", lambda data: good(data)[1:])
    yield case("empty", lambda _: b"")
    yield case("as an integer", lambda data: mpint(number(data)))
    for label in LABELS:
        yield case("another label", good, label=label)
    for at, (name, _) in enumerate(encodings(lambda name: hashlib.new(name).digest())):
        for label in (b"", b"rsa-sha2-256", b"ssh-rsa"):
            yield case(f"padding, {name}", partial(_encoded, at, exponent), label=label)
    yield case("PSS", lambda data: rsa_private(exponent).sign(data, padding.PSS(padding.MGF1(SHA512), 64), SHA512))
    for e, modulus in ((1, n), (2, n), (exponent, n - 1), (exponent, 2 * n), (exponent, n * n), (0, n), (2**40 + 1, n)):
        yield case("key", lambda data: padded(INFO["sha512"] + hashlib.sha512(data).digest()), e=e, modulus=modulus)
    for behind in (0, 100, 200):
        yield case("cube root", partial(_cube_root, size, behind))


def _plus(more: int, number: int) -> int:
    return number + more


def _instead(number: int, _: int) -> int:
    return number


def _encoded(at: int, exponent: int, data: bytes) -> bytes:
    """The private operation on one of the careless blocks."""
    block = list(encodings(lambda name: hashlib.new(name, data).digest()))[at][1]
    return private_operation(exponent, int.from_bytes(block, "big")).to_bytes(RSA_BITS // 8, "big")


def _cube_root(size: int, fill: int, data: bytes) -> bytes:
    """A number whose cube begins like a padded digest: Bleichenbacher's forgery of 2006, without the private key."""
    block = b"\x00\x01" + b"\xff" * fill + b"\x00" + INFO["sha512"] + hashlib.sha512(data).digest()
    wanted = int.from_bytes(block.ljust(size, b"\x00"), "big")
    low, high = 0, 1 << (RSA_BITS // 3 + 2)
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if middle**3 < wanted else (low, middle)
    return low.to_bytes(size, "big")
