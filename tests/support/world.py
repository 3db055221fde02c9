"""A bare remote, a clone, and people with keys: real git, real signatures, copied per test."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from calibgit.repo.identity import Identity
from calibgit.repo.repository import Repository
from calibgit.repo.signing import Signer

PEOPLE = ("alice", "bob", "carol", "dave", "robot")
FIRST_FILES = {"README.md": "A governed repository.\n", "configs/.keep": ""}
EPOCH = 1_700_000_000


def run_git(cwd: Path, *argv: str, env: Mapping[str, str] | None = None, check: bool = True) -> str:
    """Stock git in `cwd` with the test's isolated environment plus `env`; its output without the last newline."""
    completed = subprocess.run(
        ["git", *argv], cwd=cwd, env={**os.environ, **(env or {})}, capture_output=True, check=False
    )
    if check and completed.returncode != 0:
        raise AssertionError(f"git {' '.join(argv)}: {completed.stderr.decode()}")
    return completed.stdout.decode().removesuffix("\n")


class MemorySigner:
    """Signs in process with an ed25519 key; the bytes are those of ssh-keygen, without its 10 ms."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._blob = ssh_string(b"ssh-ed25519") + ssh_string(raw)

    @property
    def public_key(self) -> str:
        return "ssh-ed25519 " + base64.b64encode(self._blob).decode()

    def sign(self, payload: bytes, namespace: str) -> str:
        head = ssh_string(namespace.encode()) + ssh_string(b"") + ssh_string(b"sha512")
        signed = b"SSHSIG" + head + ssh_string(hashlib.sha512(payload).digest())
        signature = ssh_string(b"ssh-ed25519") + ssh_string(self._key.sign(signed))
        return armour(b"SSHSIG\x00\x00\x00\x01" + ssh_string(self._blob) + head + ssh_string(signature))


def ssh_string(data: bytes) -> bytes:
    """`data` behind its length in four bytes."""
    return len(data).to_bytes(4, "big") + data


def armour(blob: bytes, width: int = 70) -> str:
    """`blob` as an SSH signature's text."""
    text = base64.b64encode(blob).decode()
    lines = [text[at : at + width] for at in range(0, len(text), width)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----", ""])


class Keyring:
    """Ed25519 key pairs of `PEOPLE`, as files and as signers. Made in the test run, never committed."""

    def __init__(self, directory: Path) -> None:
        self.paths: dict[str, Path] = {}
        self.signers: dict[str, MemorySigner] = {}
        for person in PEOPLE:
            key = Ed25519PrivateKey.generate()
            self.signers[person] = MemorySigner(key)
            self.paths[person] = path = directory / person
            path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
            path.chmod(0o600)
            path.with_suffix(".pub").write_text(f"{self.signers[person].public_key} {person}\n")


@dataclass(frozen=True)
class World:
    """What one test works in.

    Attributes:
        remote: the bare repository that everybody shares.
        clone: a work tree whose `origin` is `remote`, by a relative path.
        keys: private key file per person; the public key lies beside it.
    """

    root: Path
    remote: Path
    clone: Path
    keys: Mapping[str, Path]
    signers: Mapping[str, Signer] = field(repr=False)

    def signer(self, person: str) -> Signer:
        """Signs as `person`."""
        return self.signers[person]

    def public_key(self, person: str) -> str:
        """`type base64`."""
        return self.signers[person].public_key

    def identity(self, person: str) -> Identity:
        """Name and address of `person`."""
        return Identity(person.title(), f"{person}@example.org")

    def repository(self, path: Path | None = None) -> Repository:
        """The clone, or the work tree at `path`, opened."""
        return Repository.open(path or self.clone)

    def git(self, *argv: str, env: Mapping[str, str] | None = None, check: bool = True) -> str:
        """Stock git in the clone."""
        return run_git(self.clone, *argv, env=env, check=check)

    def remote_git(self, *argv: str) -> str:
        """Stock git in the remote."""
        return run_git(self.remote, *argv)

    def head(self, ref: str = "HEAD") -> str:
        """Object id that `ref` names in the clone."""
        return self.git("rev-parse", "--verify", ref)

    def commit(self, files: Mapping[str, str], message: str = "A change") -> str:
        """Commit `files` in the clone's work tree with stock git and return the id."""
        for name, text in files.items():
            path = self.clone / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        if files:
            self.git("--literal-pathspecs", "add", "--all", "--", *files)
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.head()

    def second_clone(self, name: str = "second") -> Path:
        """Another clone of the remote, beside the first."""
        run_git(self.root, "clone", "--quiet", "remote.git", name)
        run_git(self.root / name, "config", "remote.origin.url", "../remote.git")
        return self.root / name

    def allowed_signers(self, *people: str) -> Path:
        """A file for git's gpg.ssh.allowedSignersFile that trusts `people`."""
        path = self.root / "allowed_signers"
        lines = [f"{person}@example.org {self.public_key(person)}\n" for person in people]
        path.write_text("".join(lines), encoding="utf-8")
        return path


class Template:
    """A packed world to copy from."""

    def __init__(self, root: Path, keyring: Keyring, object_format: str = "sha1") -> None:
        self._root = root
        self._keyring = keyring
        init = ("init", "--quiet", "--template=", "--initial-branch=main", f"--object-format={object_format}")
        run_git(root, *init, "--bare", "remote.git")
        run_git(root, *init, "clone")
        world = self._world(root)
        world.git("remote", "add", "origin", "../remote.git")
        world.commit(FIRST_FILES, "First commit")
        world.git("push", "--quiet", "--set-upstream", "origin", "main")
        for place in (world.clone, world.remote):
            run_git(place, "repack", "-adq")
            run_git(place, "pack-refs", "--all")

    def copy(self, root: Path) -> World:
        """A world of one's own at `root`."""
        shutil.copytree(self._root, root, symlinks=True)
        return self._world(root)

    def _world(self, root: Path) -> World:
        return World(root, root / "remote.git", root / "clone", self._keyring.paths, self._keyring.signers)
