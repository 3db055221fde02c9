"""Making SSH signatures with the user's own key, agent or hardware token through ssh-keygen."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from calibgit.errors import EnvironmentFault, UsageError
from calibgit.repo.executor import execute, sanitised
from calibgit.repo.identity import user_setting

_KEPT = (
    "PATH",
    "HOME",
    "TMPDIR",
    "SYSTEMROOT",
    "USERPROFILE",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "SSH_SK_PROVIDER",
)
_PUBLIC_KEY = re.compile(r"(?P<key>(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[a-z0-9@.-]{1,60} [A-Za-z0-9+/]+={0,2})(?: .*)?")
_NAMESPACE = re.compile(r"[a-z][a-z0-9-]{0,40}")
_FIX = (
    "ssh-keygen -t ed25519 -f ~/.ssh/id_ed25519 && git config --global gpg.format ssh "
    "&& git config --global user.signingkey ~/.ssh/id_ed25519.pub"
)


class Signer(Protocol):
    """Something that signs for one key."""

    @property
    def public_key(self) -> str:
        """The key as OpenSSH writes it: `type base64`, without a comment."""
        ...

    def sign(self, payload: bytes, namespace: str) -> str:
        """An armoured SSHSIG over `payload`, ending with a newline."""
        ...


class KeySigner:
    """Signs with a private key file, or with a public key whose other half an agent or token holds.

    Never asks for a passphrase: the agent does that beforehand.

    Raises:
        EnvironmentFault: NO_SIGNING_KEY when there is no such file or it holds no public key.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.expanduser().absolute()
        self._literal = ""
        if not self._path.is_file():
            raise _no_signing_key(f"there is no key file {path}")

    @classmethod
    def from_agent(cls, public_key: str) -> KeySigner:
        """A signer for a key that only the agent holds, named by its public key text.

        Raises:
            EnvironmentFault: NO_SIGNING_KEY.
        """
        signer = cls.__new__(cls)
        signer._path = Path()  # noqa: SLF001  an alternative constructor
        signer._literal = _require_public_key(public_key, "the configured signing key")  # noqa: SLF001
        return signer

    @property
    def public_key(self) -> str:
        """The key as OpenSSH writes it: `type base64`."""
        if self._literal:
            return self._literal
        beside = self._path if self._path.suffix == ".pub" else Path(f"{self._path}.pub")
        if beside.is_file():
            text = beside.read_text(encoding="utf-8", errors="replace")
        else:
            words = ["ssh-keygen", "-y", "-P", "", "-f", str(self._path)]
            text = execute(words, env=_environment(), detached=True).stdout.decode("utf-8", "replace")
        return _require_public_key(text, str(self._path))

    def sign(self, payload: bytes, namespace: str) -> str:
        """An armoured SSHSIG over `payload`, ending with a newline.

        Raises:
            EnvironmentFault: NO_SSH_KEYGEN, SIGNING_FAILED.
            UsageError: BAD_NAMESPACE.
        """
        if _NAMESPACE.fullmatch(namespace) is None:
            raise UsageError("BAD_NAMESPACE", f"{namespace[:60]!r} cannot be a signature namespace")
        if not self._literal:
            return _sign(self._path, payload, namespace)
        with tempfile.TemporaryDirectory(prefix="calibgit-") as directory:
            path = Path(directory) / "key.pub"
            path.write_text(self._literal + "\n", encoding="ascii")
            return _sign(path, payload, namespace)


def _sign(path: Path, payload: bytes, namespace: str) -> str:
    words = ["ssh-keygen", "-Y", "sign", "-n", namespace, "-f", str(path)]
    completed = execute(words, env=_environment(), stdin=payload, detached=True)
    text = completed.stdout.decode("ascii", "replace")
    if completed.status != 0 or not text.startswith("-----BEGIN SSH SIGNATURE-----\n"):
        raise EnvironmentFault(
            "SIGNING_FAILED",
            f"ssh-keygen could not sign with {path.name}: {sanitised(completed.stderr, lines=2)}",
            why="The key is locked by a passphrase, its token is not plugged in, or no agent answers.",
            fix=f"ssh-add {str(path).removesuffix('.pub')}",
        )
    return text if text.endswith("\n") else text + "\n"


def find_signing_key(explicit: Path | None, environ: Mapping[str, str]) -> KeySigner:
    """The key to sign with: `explicit`, else CALIBGIT_SIGNING_KEY, else the user's global git config.

    The repository's own config is never read.

    Raises:
        EnvironmentFault: NO_SIGNING_KEY.
    """
    if explicit is not None:
        return KeySigner(explicit)
    if environ.get("CALIBGIT_SIGNING_KEY"):
        return KeySigner(Path(environ["CALIBGIT_SIGNING_KEY"]))
    key = user_setting(environ, "user", "signingkey")
    if not key or user_setting(environ, "gpg", "format") != "ssh":
        raise _no_signing_key("no SSH signing key is configured")
    literal = key.removeprefix("key::")
    if _PUBLIC_KEY.fullmatch(literal):
        return KeySigner.from_agent(literal)
    home = environ.get("HOME", "")
    return KeySigner(Path(f"{home}{key[1:]}" if key.startswith("~/") and home else key))


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {"LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never"}


def _require_public_key(text: str, where: str) -> str:
    match = _PUBLIC_KEY.fullmatch(text.strip())
    if match is None:
        raise _no_signing_key(f"{where} holds no OpenSSH public key that can be read without a passphrase")
    return match["key"]


def _no_signing_key(what: str) -> EnvironmentFault:
    return EnvironmentFault("NO_SIGNING_KEY", what, why="Every event is signed by a person's key.", fix=_FIX)
