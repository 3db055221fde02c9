"""SSH keys of every type and signatures field by field, so that tests can bend each field."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.world import armour, ssh_string

CURVES = {
    "nistp256": (ec.SECP256R1(), hashes.SHA256()),
    "nistp384": (ec.SECP384R1(), hashes.SHA384()),
    "nistp521": (ec.SECP521R1(), hashes.SHA512()),
}
APPLICATION = b"ssh:"


@dataclass(frozen=True)
class TestKey:
    """A public key blob and what signs for it; `raw` returns the signature string's fields after the type."""

    __test__ = False

    kind: bytes
    blob: bytes
    raw: Callable[[bytes], bytes]

    @property
    def text(self) -> str:
        return f"{self.kind.decode()} {base64.b64encode(self.blob).decode()}"

    def sign(self, data: bytes) -> bytes:
        """The signature blob: its type and its fields."""
        return ssh_string(b"rsa-sha2-512" if self.kind == b"ssh-rsa" else self.kind) + self.raw(data)


def mpint(number: int) -> bytes:
    """`number` as SSH writes integers."""
    return ssh_string(number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b"")


def ed25519_key() -> TestKey:
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    blob = ssh_string(b"ssh-ed25519") + ssh_string(public)
    return TestKey(b"ssh-ed25519", blob, lambda data: ssh_string(key.sign(data)))


def ecdsa_key(curve: str) -> TestKey:
    key = ec.generate_private_key(CURVES[curve][0])
    kind = b"ecdsa-sha2-" + curve.encode()
    blob = ssh_string(kind) + ssh_string(curve.encode()) + ssh_string(point(key))
    return TestKey(kind, blob, lambda data: ssh_string(ecdsa_raw(key, data, CURVES[curve][1])))


def point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def ecdsa_raw(key: ec.EllipticCurvePrivateKey, data: bytes, algorithm: hashes.HashAlgorithm) -> bytes:
    r, s = decode_dss_signature(key.sign(data, ec.ECDSA(algorithm)))
    return mpint(r) + mpint(s)


def rsa_key(bits: int) -> TestKey:
    key = rsa.generate_private_key(65537, bits)
    blob = ssh_string(b"ssh-rsa") + mpint(65537) + mpint(key.public_key().public_numbers().n)
    return TestKey(b"ssh-rsa", blob, lambda data: ssh_string(key.sign(data, padding.PKCS1v15(), hashes.SHA512())))


def token_message(data: bytes, flags: int, counter: int) -> bytes:
    tail = bytes([flags]) + counter.to_bytes(4, "big")
    return hashlib.sha256(APPLICATION).digest() + tail + hashlib.sha256(data).digest()


def token_ed25519_key(flags: int = 1, counter: int = 7) -> TestKey:
    key = Ed25519PrivateKey.generate()
    kind = b"sk-ssh-ed25519@openssh.com"
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    blob = ssh_string(kind) + ssh_string(public) + ssh_string(APPLICATION)
    tail = bytes([flags]) + counter.to_bytes(4, "big")
    return TestKey(kind, blob, lambda data: ssh_string(key.sign(token_message(data, flags, counter))) + tail)


def token_ecdsa_key(flags: int = 1, counter: int = 7) -> TestKey:
    key = ec.generate_private_key(ec.SECP256R1())
    kind = b"sk-ecdsa-sha2-nistp256@openssh.com"
    blob = ssh_string(kind) + ssh_string(b"nistp256") + ssh_string(point(key)) + ssh_string(APPLICATION)
    tail = bytes([flags]) + counter.to_bytes(4, "big")

    def raw(data: bytes) -> bytes:
        return ssh_string(ecdsa_raw(key, token_message(data, flags, counter), hashes.SHA256())) + tail

    return TestKey(kind, blob, raw)


@dataclass
class Draft:
    """A signature whose every field can be bent before `text` is taken; what is signed stays honest."""

    key: TestKey
    payload: bytes
    namespace: bytes = b"git"
    hash_name: bytes = b"sha512"
    magic: bytes = b"SSHSIG"
    version: int = 1
    reserved: bytes = b""
    algorithm: bytes = b""
    key_blob: bytes = b""
    signature: bytes = b""
    tail: bytes = b""

    def __post_init__(self) -> None:
        digest = hashlib.new(self.hash_name.decode().lower(), self.payload).digest()
        signed = b"SSHSIG" + b"".join(ssh_string(f) for f in (self.namespace, b"", self.hash_name, digest))
        self.key_blob = self.key_blob or self.key.blob
        kind = b"rsa-sha2-512" if self.key.kind == b"ssh-rsa" else self.key.kind
        self.signature = self.signature or ssh_string(self.algorithm or kind) + self.key.raw(signed)

    def blob(self) -> bytes:
        fields = (self.key_blob, self.namespace, self.reserved, self.hash_name, self.signature)
        head = self.magic + self.version.to_bytes(4, "big")
        return head + b"".join(ssh_string(field) for field in fields) + self.tail

    def text(self) -> str:
        return armour(self.blob())


def ssh_keygen_accepts(directory: Path, text: str | bytes, payload: bytes, namespace: str, *keys: str) -> bool:
    """The verdict of `ssh-keygen -Y verify`."""
    (directory / "allowed").write_text("".join(f"signer {key}\n" for key in keys), encoding="utf-8")
    (directory / "signature").write_bytes(text if isinstance(text, bytes) else text.encode())
    words = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "signer", "-n", namespace, "-s", "signature"]
    return subprocess.run(words, cwd=directory, input=payload, capture_output=True, check=False).returncode == 0
