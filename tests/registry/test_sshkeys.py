"""Public keys: one spelling each, and none that anybody could sign for."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from calibgit.errors import DocumentError, IntegrityError
from calibgit.registry import sshsig
from calibgit.registry.sshkeys import fingerprint, parse_public_key
from calibgit.registry.sshsig import verify
from tests.support import edwards, sshkeys
from tests.support.sshkeys import APPLICATION, Draft, TestKey, mpint, ssh_keygen_accepts
from tests.support.world import ssh_string

PAYLOAD = b"tree\n\nRelease v1.0.0\n\n{}\n"
PLAIN, TOKEN = b"ssh-ed25519", b"sk-ssh-ed25519@openssh.com"
P = edwards.P


def ed25519(point: bytes, kind: bytes = PLAIN, raw: Callable[[bytes], bytes] | None = None) -> TestKey:
    """A key of those 32 bytes; without `raw` its signatures are 64 zero bytes."""
    token = kind == TOKEN
    blob = ssh_string(kind) + ssh_string(point) + (ssh_string(APPLICATION) if token else b"")

    def sign(data: bytes) -> bytes:
        message = sshkeys.token_message(data, 1, 7) if token else data
        return ssh_string(raw(message) if raw else bytes(64)) + (b"\x01\x00\x00\x00\x07" if token else b"")

    return TestKey(kind, blob, sign)


def refused(key: TestKey) -> str:
    """Refused as a key and when verifying; what the error says."""
    with pytest.raises(DocumentError) as caught:
        parse_public_key(key.text)
    assert caught.value.code == "BAD_PUBLIC_KEY"
    with pytest.raises(IntegrityError) as verifying:
        verify(Draft(key, PAYLOAD).text(), PAYLOAD, namespace="git", keys=[key.text])
    assert verifying.value.code in {"SIG_KEY_TYPE", "SIG_MALFORMED"}
    return str(caught.value)


def code(key: TestKey) -> str:
    parse_public_key(key.text)
    with pytest.raises(IntegrityError) as caught:
        verify(Draft(key, PAYLOAD).text(), PAYLOAD, namespace="git", keys=[key.text])
    return caught.value.code


def returned(raw: bytes, _: bytes) -> bytes:
    return raw


def as_spelt(y: int, sign: int) -> bytes:
    return (y | sign << 255).to_bytes(32, "little")


@pytest.mark.parametrize("kind", [PLAIN, TOKEN])
def test_every_point_of_low_order_is_refused(kind: bytes) -> None:
    points = edwards.torsion()
    assert len({edwards.encode(point) for point in points}) == 8
    for point in points:
        assert edwards.times(8, point) == edwards.IDENTITY
        assert "low order" in refused(ed25519(edwards.encode(point), kind))
    for y in (1, P - 1):  # x is zero, so its sign is not canonical
        assert "low order" in refused(ed25519(as_spelt(y, 1), kind))


@pytest.mark.parametrize("kind", [PLAIN, TOKEN])
def test_coordinates_that_are_not_reduced_are_refused(kind: bytes) -> None:
    for y in range(P, 2**255):
        for sign in (0, 1):
            assert "canonical" in refused(ed25519(as_spelt(y, sign), kind))


@pytest.mark.parametrize("kind", [PLAIN, TOKEN])
def test_a_y_without_an_x_is_refused(kind: bytes) -> None:
    seen = set()
    for y in range(2, 40):
        key = ed25519(as_spelt(y, 0), kind)
        on_curve = edwards.with_y(y) is not None
        seen.add(on_curve)
        if on_curve:
            assert parse_public_key(key.text) == key.text
        else:
            assert "curve" in refused(key)
    assert seen == {True, False}


@pytest.mark.parametrize("kind", [PLAIN, TOKEN])
@pytest.mark.parametrize("size", [0, 31, 33])
def test_ed25519_keys_have_32_bytes(kind: bytes, size: int) -> None:
    refused(ed25519(b"\x07" * size, kind))


@pytest.mark.parametrize("kind", [PLAIN, TOKEN])
def test_anybody_could_sign_for_the_neutral_element(kind: bytes) -> None:
    """The mathematics accept S = r, R = r B for every message; so the key itself must be refused."""
    assert edwards.BASE is not None
    forged = edwards.encode(edwards.times(7, edwards.BASE)) + (7).to_bytes(32, "little")
    neutral = edwards.encode(edwards.IDENTITY)
    Ed25519PublicKey.from_public_bytes(neutral).verify(forged, b"any message")
    assert "low order" in refused(ed25519(neutral, kind, lambda _: forged))


def scalars() -> tuple[int, bytes, Ed25519PrivateKey]:
    key = Ed25519PrivateKey.generate()
    seed = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    secret = edwards.secret_scalar(seed)
    assert edwards.BASE is not None
    assert edwards.encode(edwards.times(secret, edwards.BASE)) == public
    return secret, public, key


@pytest.mark.parametrize("kind", [PLAIN, TOKEN])
@pytest.mark.parametrize("multiple", [1, 2, 7, 15])
def test_a_signature_has_one_s(kind: bytes, multiple: int) -> None:
    """S plus a multiple of the group's order fits as well; ssh-keygen accepts some of these."""
    _, public, key = scalars()

    def sign(message: bytes, times: int) -> bytes:
        raw = key.sign(message)
        s = int.from_bytes(raw[32:], "little") + times * edwards.ORDER
        return raw[:32] + s.to_bytes(32, "little")

    honest = ed25519(public, kind, lambda message: sign(message, 0))
    assert verify(Draft(honest, PAYLOAD).text(), PAYLOAD, namespace="git", keys=[honest.text]) == honest.text
    assert code(ed25519(public, kind, lambda message: sign(message, multiple))) == "SIG_INVALID"


def test_ssh_keygen_is_the_lenient_one_about_s(tmp_path: Path) -> None:
    _, public, key = scalars()

    def sign(message: bytes) -> bytes:
        raw = key.sign(message)
        return raw[:32] + (int.from_bytes(raw[32:], "little") + edwards.ORDER).to_bytes(32, "little")

    bent = ed25519(public, PLAIN, sign)
    ssh_keygen_accepts(tmp_path, Draft(bent, PAYLOAD).text(), PAYLOAD, "git", bent.text)  # depends on its version
    assert code(bent) == "SIG_INVALID"


@pytest.mark.parametrize("kind", [PLAIN, TOKEN])
def test_a_first_half_of_low_order_is_refused(kind: bytes) -> None:
    """With R neutral and S = h a the equation holds, and S gives the private key away."""
    secret, public, _ = scalars()
    neutral = edwards.encode(edwards.IDENTITY)

    def sign(message: bytes) -> bytes:
        s = edwards.challenge(neutral, public, message) * secret % edwards.ORDER
        raw = neutral + s.to_bytes(32, "little")
        Ed25519PublicKey.from_public_bytes(public).verify(raw, message)
        return raw

    assert code(ed25519(public, kind, sign)) == "SIG_INVALID"
    for point in edwards.torsion():
        raw = edwards.encode(point) + bytes(32)
        assert code(ed25519(public, kind, partial(returned, raw))) == "SIG_INVALID"


CURVES = {
    "nistp256": (ec.SECP256R1(), 2**256 - 2**224 + 2**192 + 2**96 - 1),
    "nistp384": (ec.SECP384R1(), 2**384 - 2**128 - 2**96 + 2**32 - 1),
    "nistp521": (ec.SECP521R1(), 2**521 - 1),
}


def ecdsa(curve: str, point: bytes, *, token: bool = False, named: str = "") -> TestKey:
    kind = b"sk-ecdsa-sha2-nistp256@openssh.com" if token else b"ecdsa-sha2-" + curve.encode()
    tail = ssh_string(APPLICATION) if token else b""
    blob = ssh_string(kind) + ssh_string((named or curve).encode()) + ssh_string(point) + tail
    end = b"\x01\x00\x00\x00\x07" if token else b""
    return TestKey(kind, blob, lambda _: ssh_string(mpint(1) + mpint(1)) + end)


ECDSA = [("nistp256", True), ("nistp256", False), ("nistp384", False), ("nistp521", False)]


@pytest.mark.parametrize(("curve", "token"), ECDSA)
def test_points_that_are_no_public_keys(curve: str, token: bool) -> None:
    group, prime = CURVES[curve]
    good = sshkeys.point(ec.generate_private_key(group))
    size = (len(good) - 1) // 2
    x, y = good[1 : 1 + size], good[1 + size :]
    bent = [
        b"", b"\x00", b"\x04", b"\x00" + x + y, b"\x04" + bytes(2 * size), b"\x04" + x + y[:-1], good + b"\x00",
        b"\x04" + x + y[:-1] + bytes([y[-1] ^ 1]), bytes([2 + (y[-1] & 1)]) + x, bytes([6 + (y[-1] & 1)]) + x + y,
        b"\x04" + prime.to_bytes(size, "big") + y, b"\x04" + y + x,
    ]  # fmt: skip
    assert parse_public_key(ecdsa(curve, good, token=token).text)
    for point in bent:
        refused(ecdsa(curve, point, token=token))


@pytest.mark.parametrize(("curve", "token"), ECDSA)
def test_a_key_names_its_own_curve(curve: str, token: bool) -> None:
    good = sshkeys.point(ec.generate_private_key(CURVES[curve][0]))
    for other in {"nistp256", "nistp384", "nistp521", "nistp192", "secp256k1"} - {curve}:
        refused(ecdsa(curve, good, token=token, named=other))
    for kind in (b"ecdsa-sha2-nistp192", b"ecdsa-sha2-", b"ecdsa-sha2-secp256k1"):
        blob = ssh_string(kind) + ssh_string(kind[11:]) + ssh_string(good)
        refused(TestKey(kind, blob, lambda _: b""))


def near(curve: str, start: int, step: int) -> bytes:
    """The first point of the curve whose x is `start` or beyond it."""
    group, prime = CURVES[curve]
    b = {"nistp256": 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B}[curve]
    x = start
    while True:
        square = (x**3 - 3 * x + b) % prime
        y = pow(square, (prime + 1) // 4, prime)
        if y * y % prime == square:
            numbers = ec.EllipticCurvePublicNumbers(x, y, group)
            return numbers.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        x += step


def test_coordinates_that_openssh_refuses(tmp_path: Path) -> None:
    """Points of the curve with a very short x, or one beyond the group's order."""
    prime, order = CURVES["nistp256"][1], ec.SECP256R1().group_order
    for number, point in enumerate([near("nistp256", 1, 1), near("nistp256", prime - 1, -1)]):
        x = int.from_bytes(point[1:33], "big")
        assert x < 2**128 or order <= x < prime
        key = ecdsa("nistp256", point)
        assert "out of range" in refused(key)
        path = tmp_path / str(number)
        path.write_text(key.text + "\n")
        assert subprocess.run(["ssh-keygen", "-l", "-f", path], capture_output=True, check=False).returncode != 0


def rsa_of(exponent: int, modulus: int) -> TestKey:
    blob = ssh_string(b"ssh-rsa") + mpint(exponent) + mpint(modulus)
    return TestKey(b"ssh-rsa", blob, lambda _: ssh_string(bytes((modulus.bit_length() + 7) // 8)))


def test_rsa_keys_that_are_weak_or_odd() -> None:
    modulus = 2**3072 - 1
    for bits in (1024, 2048, 3071, 16385, 32768):
        refused(rsa_of(65537, 2**bits - 1))
    for exponent in (1, 2, 4, 65536, 2**32, 2**32 + 1, 2**64 + 1):
        refused(rsa_of(exponent, modulus))
    refused(rsa_of(65537, modulus - 1))
    for number in (b"", b"\x00", b"\x00\x03", b"\x83"):
        blob = ssh_string(b"ssh-rsa") + ssh_string(number) + mpint(modulus)
        refused(TestKey(b"ssh-rsa", blob, lambda _: b""))
    for exponent, bits in ((3, 3072), (65537, 4096), (2**32 - 1, 16384)):
        assert parse_public_key(rsa_of(exponent, 2**bits - 1).text)


def test_rsa_with_sha1_is_refused() -> None:
    private = rsa.generate_private_key(65537, 3072)
    blob = ssh_string(b"ssh-rsa") + mpint(65537) + mpint(private.public_key().public_numbers().n)

    def sign(data: bytes) -> bytes:
        return ssh_string(private.sign(data, padding.PKCS1v15(), hashes.SHA1()))  # noqa: S303

    key = TestKey(b"ssh-rsa", blob, sign)
    for name in (b"ssh-rsa", b"rsa-sha2-256", b"rsa-sha2-512"):
        with pytest.raises(IntegrityError) as caught:
            verify(Draft(key, PAYLOAD, algorithm=name).text(), PAYLOAD, namespace="git", keys=[key.text])
        assert caught.value.code == ("SIG_KEY_TYPE" if name == b"ssh-rsa" else "SIG_INVALID")


@pytest.mark.parametrize("make", [sshkeys.token_ed25519_key, sshkeys.token_ecdsa_key])
def test_the_application_of_a_token_has_no_nul(make: Callable[[], TestKey]) -> None:
    """OpenSSH reads it as text that ends at its first NUL, and so would see another key."""
    key = make()
    for application in (b"ssh:\x00", b"\x00", b"ssh\x00:"):
        blob = key.blob.removesuffix(ssh_string(APPLICATION)) + ssh_string(application)
        assert "NUL" in refused(TestKey(key.kind, blob, key.raw))


def test_parse_public_key_keeps_the_names_of_before() -> None:
    assert sshsig.parse_public_key is parse_public_key
    assert sshsig.fingerprint is fingerprint


@given(st.binary(max_size=200))
def test_any_key_blob_ends_in_a_named_error(data: bytes) -> None:
    kinds = (b"ssh-ed25519", b"ssh-rsa", b"ecdsa-sha2-nistp256", b"sk-ecdsa-sha2-nistp256@openssh.com", TOKEN)
    for kind in kinds:
        line = f"{kind.decode()} {base64.b64encode(ssh_string(kind) + data).decode()}"
        try:
            assert parse_public_key(line) == line
        except DocumentError as error:
            assert error.code == "BAD_PUBLIC_KEY"  # noqa: PT017


@pytest.mark.parametrize("kind", [PLAIN, TOKEN])
@pytest.mark.parametrize("size", [0, 63, 65])
def test_ed25519_signatures_have_64_bytes(kind: bytes, size: int) -> None:
    _, public, _ = scalars()
    assert code(ed25519(public, kind, partial(returned, b"\x07" * size))) == "SIG_MALFORMED"
