"""Never more lenient than ssh-keygen: what is accepted here is accepted there, however a signature is bent.

The converse is no property: this verifier is stricter on purpose, and STRICTER says where.
"""

from __future__ import annotations

import random
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from calibgit.errors import IntegrityError
from calibgit.registry.sshsig import verify
from tests.support import algebra, sshkeys
from tests.support.bent import Case, honest, labels, spellings, structures
from tests.support.sshkeys import Draft, TestKey, mpint, ssh_keygen_accepts
from tests.support.world import ssh_string

PAYLOAD = b"tree\n\nRelease v1.0.0\n\n{}\n"
CONCURRENT = 2  # ssh-keygen answers for one signature per process
STRICTER = (
    "text:",  # one spelling: lines of 70 to 76 letters, no blanks, nothing before or behind
    "version",  # 1; ssh-keygen takes 0 as well
    "reserved",  # empty; ssh-keygen signs and skips whatever it holds
    "field ",  # the same, and names that end in a NUL
    "namespace relabelled",  # ssh-keygen reads `git` and a NUL as `git`
    "digest relabelled",  # and `sha512` and a NUL as `sha512`
    "signature: field with a byte more",  # types that end in a NUL
    "key: field with a byte more",  # types, curves and applications that end in a NUL
    "key: field with a byte before",  # an integer with a needless zero byte
    "ecdsa: number spelt otherwise",
    "ed25519: S not reduced",
    "ed25519: R small or not reduced",  # R neutral gives the private key away
    "ed25519: key of low order",  # anybody signs for it
    "rsa: key",  # an exponent of 1 and the like
)
MAKERS: dict[str, Callable[[], TestKey]] = {
    "ed25519": sshkeys.ed25519_key,
    "nistp256": lambda: sshkeys.ecdsa_key("nistp256"),
    "nistp384": lambda: sshkeys.ecdsa_key("nistp384"),
    "nistp521": lambda: sshkeys.ecdsa_key("nistp521"),
    "rsa": lambda: sshkeys.rsa_key(3072),
    "token-ed25519": sshkeys.token_ed25519_key,
    "token-ecdsa": sshkeys.token_ecdsa_key,
}


@pytest.fixture(scope="module")
def keys() -> dict[str, TestKey]:
    return {name: make() for name, make in MAKERS.items()}


def cases_of(name: str, keys: dict[str, TestKey]) -> Iterator[Case]:
    """Every case of a kind of key."""
    key = keys[name]
    others = [other for other in keys.values() if other is not key]
    yield from chain(
        honest(key, PAYLOAD), structures(key, PAYLOAD, others), labels(key, PAYLOAD), spellings(key, PAYLOAD)
    )
    if "ed25519" in name:
        yield from algebra.ed25519(PAYLOAD, token=name.startswith("token"))
    elif name == "rsa":
        yield from chain(algebra.rsa_signatures(PAYLOAD), algebra.rsa_signatures(PAYLOAD, 3))
    else:
        yield from algebra.ecdsa(key, PAYLOAD)


def ours(case: Case) -> str:
    """`accepted`, or the code of the refusal."""
    try:
        assert verify(case.armoured, PAYLOAD, namespace="git", keys=[case.key]) == case.key
    except IntegrityError as error:
        return error.code
    return "accepted"


def theirs(directory: Path, cases: Sequence[Case]) -> list[bool]:
    """The verdicts of `ssh-keygen -Y verify`, in the order of the cases."""
    directory.mkdir(exist_ok=True)

    def accepts(number: int) -> bool:
        case, stem = cases[number], directory / str(number)
        stem.with_suffix(".allowed").write_text(f"signer {case.key}\n")
        stem.with_suffix(".sig").write_bytes(case.armoured)
        files = ["-f", f"{stem}.allowed", "-s", f"{stem}.sig"]
        words = ["ssh-keygen", "-Y", "verify", "-I", "signer", "-n", "git", *files]
        return subprocess.run(words, input=PAYLOAD, capture_output=True, check=False).returncode == 0

    with ThreadPoolExecutor(CONCURRENT) as pool:
        return list(pool.map(accepts, range(len(cases))))


def compare(directory: Path, cases: Sequence[Case]) -> Counter[tuple[str, str]]:
    """Compare the verdicts; how often this verifier is the stricter one, by family and code."""
    stricter: Counter[tuple[str, str]] = Counter()
    for case, there in zip(cases, theirs(directory, cases), strict=True):
        here = ours(case)
        assert there or here != "accepted", case
        if case.honest:
            assert there, case
            assert here == "accepted", case
        elif there and here != "accepted":
            stricter[case.family, here] += 1
    return stricter


@pytest.mark.parametrize("name", MAKERS)
def test_whatever_is_accepted_here_is_accepted_by_ssh_keygen(
    keys: dict[str, TestKey], name: str, tmp_path: Path
) -> None:
    """Every case is judged here; ssh-keygen is asked about each that is accepted, and about a sample of the others."""
    cases = list(cases_of(name, keys))
    rng = random.Random(name)  # noqa: S311
    accepted = [case for case in cases if ours(case) == "accepted"]
    assert sum(case.honest for case in accepted) >= 2
    refused = [case for case in cases if ours(case) != "accepted"]
    assert not any(case.honest for case in refused)
    compare(tmp_path, accepted + rng.sample(refused, 40))


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_every_case_is_compared(keys: dict[str, TestKey], name: str, tmp_path: Path) -> None:
    cases = list(cases_of(name, keys))
    assert len(cases) > 300
    for family, refusal in compare(tmp_path, cases):
        assert family.startswith(STRICTER), (family, refusal)


def test_an_rsa_signature_has_the_length_of_its_modulus(tmp_path: Path) -> None:
    """ssh-keygen takes one that begins with a zero byte also without it."""
    private = algebra.rsa_private(65537)
    numbers = private.public_key().public_numbers()
    blob = ssh_string(b"ssh-rsa") + mpint(numbers.e) + mpint(numbers.n)
    seen: dict[bytes, bytes] = {}

    def raw(data: bytes) -> bytes:
        seen[data] = private.sign(data, padding.PKCS1v15(), hashes.SHA512())
        return ssh_string(seen[data].lstrip(b"\x00"))

    for number in count():
        payload = PAYLOAD + str(number).encode()
        draft = Draft(TestKey(b"ssh-rsa", blob, raw), payload)
        (found,) = seen.values()
        seen.clear()
        if found[0] == 0:
            break
    key = draft.key.text
    full = Draft(draft.key, payload, signature=ssh_string(b"rsa-sha2-512") + ssh_string(found)).text()
    assert verify(full, payload, namespace="git", keys=[key]) == key
    assert ssh_keygen_accepts(tmp_path, full, payload, "git", key)
    assert ssh_keygen_accepts(tmp_path, draft.text(), payload, "git", key)
    with pytest.raises(IntegrityError, match="SIG_KEY_TYPE"):
        verify(draft.text(), payload, namespace="git", keys=[key])
