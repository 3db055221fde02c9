"""Signatures: every accepted key type, every refusal by its code, and never more lenient than ssh-keygen."""

from __future__ import annotations

import base64
import random
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calibgit.errors import DocumentError, IntegrityError
from calibgit.registry import sshsig
from calibgit.registry.sshsig import fingerprint, parse_public_key, verify
from tests.support import sshkeys
from tests.support.sshkeys import Draft, TestKey, mpint, ssh_keygen_accepts
from tests.support.world import Keyring, armour, ssh_string

PAYLOAD = b"tree\n\nRelease v1.0.0\n\n{}\n"

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


def accepts(text: str | bytes, key: str, *, payload: bytes = PAYLOAD, namespace: str = "git") -> bool:
    try:
        return verify(text, payload, namespace=namespace, keys=[key]) == key
    except IntegrityError:
        return False


def code(text: str | bytes, key: str, *, payload: bytes = PAYLOAD, namespace: str = "git") -> str:
    with pytest.raises(IntegrityError) as caught:
        verify(text, payload, namespace=namespace, keys={key})
    assert caught.value.exit_status == 6
    return caught.value.code


@pytest.mark.parametrize("name", MAKERS)
def test_every_key_type_verifies_here_and_with_ssh_keygen(keys: dict[str, TestKey], tmp_path: Path, name: str) -> None:
    key = keys[name]
    for hash_name in (b"sha256", b"sha512"):
        text = Draft(key, PAYLOAD, hash_name=hash_name).text()
        assert verify(text, PAYLOAD, namespace="git", keys={key.text}) == key.text
        assert verify(text.encode(), PAYLOAD, namespace="git", keys=[key.text]) == key.text
        assert ssh_keygen_accepts(tmp_path, text, PAYLOAD, "git", key.text)
        assert code(text, key.text, payload=PAYLOAD + b" ") == "SIG_INVALID"


@pytest.mark.parametrize("options", [("ed25519",), ("ecdsa", "-b", "384"), ("rsa", "-b", "3072")])
def test_what_ssh_keygen_signs(tmp_path: Path, options: tuple[str, ...]) -> None:
    made = ["ssh-keygen", "-q", "-N", "", "-C", "a comment", "-f", str(tmp_path / "k"), "-t", *options]
    subprocess.run(made, check=True)
    words = ["ssh-keygen", "-q", "-Y", "sign", "-n", "git", "-f", str(tmp_path / "k")]
    text = subprocess.run(words, input=PAYLOAD, capture_output=True, check=True).stdout
    key = parse_public_key((tmp_path / "k.pub").read_text())
    assert verify(text, PAYLOAD, namespace="git", keys={key}) == key
    shown = subprocess.run(["ssh-keygen", "-l", "-f", tmp_path / "k.pub"], capture_output=True, check=True).stdout
    assert fingerprint(key) in shown.decode()


def test_which_of_several_keys(keys: dict[str, TestKey]) -> None:
    trusted = frozenset(key.text for key in keys.values())
    for key in keys.values():
        assert verify(Draft(key, PAYLOAD).text(), PAYLOAD, namespace="git", keys=trusted) == key.text


def test_unknown_key(keys: dict[str, TestKey]) -> None:
    stranger = sshkeys.ed25519_key()
    assert code(Draft(stranger, PAYLOAD).text(), keys["ed25519"].text) == "UNKNOWN_KEY"
    with pytest.raises(IntegrityError):
        verify(Draft(stranger, PAYLOAD).text(), PAYLOAD, namespace="git", keys=())


def test_namespaces_keep_purposes_apart(keys: dict[str, TestKey]) -> None:
    key = keys["ed25519"]
    for used in (b"file", b"", b"git\x00", b"GIT", b"gi"):
        assert code(Draft(key, PAYLOAD, namespace=used).text(), key.text) == "SIG_NAMESPACE"
    assert code(Draft(key, PAYLOAD, namespace=b"").text(), key.text, namespace="") == "SIG_NAMESPACE"
    statement = Draft(key, PAYLOAD, namespace=b"calibgit-statement").text()
    assert accepts(statement, key.text, namespace="calibgit-statement")


@pytest.mark.parametrize("name", [b"md5", b"sha1", b"sha384", b"sha3_256", b"SHA512", b"SHA256"])
def test_weak_or_unknown_digests(keys: dict[str, TestKey], name: bytes) -> None:
    assert code(Draft(keys["ed25519"], PAYLOAD, hash_name=name).text(), keys["ed25519"].text) == "SIG_HASH"


def test_swapped_digest_name_is_no_forgery(keys: dict[str, TestKey]) -> None:
    draft = Draft(keys["ed25519"], PAYLOAD)
    draft.hash_name = b"sha256"
    assert code(draft.text(), keys["ed25519"].text) == "SIG_INVALID"


def malformed(good: Draft) -> dict[str, str]:
    key = good.key
    text, blob = good.text(), good.blob()
    lines = text.splitlines()
    begin, *body, end = lines
    return {
        "empty": "",
        "no armour": base64.b64encode(blob).decode(),
        "text before": "x\n" + text,
        "newline before": "\n" + text,
        "text after": text + "x\n",
        "two newlines after": text + "\n",
        "two signatures": text + text,
        "no end": "\n".join([begin, *body]) + "\n",
        "no begin": "\n".join([*body, end]) + "\n",
        "end of another kind": text.replace("END SSH SIGNATURE", "END PGP SIGNATURE"),
        "carriage returns": text.replace("\n", "\r\n"),
        "trailing blank": text.replace("\n", " \n"),
        "empty line inside": text.replace(body[0], body[0] + "\n"),
        "bad character": text.replace(body[0][5], "!", 1) if body[0][5] not in begin else text.replace("U1NI", "U1N!"),
        "blank inside": text.replace(body[1], body[1][:10] + " " + body[1][11:]),
        "non-ascii": text.replace(body[1], "é" + body[1][1:]),
        "nul": text.replace(body[1], "\x00" + body[1][1:]),
        "no padding": text.replace("=", ""),
        "short lines": armour(blob, 64),
        "long lines": armour(blob, 77),
        "one line": armour(blob, 10_000),
        "ragged lines": "\n".join([begin, body[0][:-1], body[0][-1] + body[1], *body[2:], end, ""]),
        "trailing bytes": armour(blob + b"\x00"),
        "wrong magic": armour(b"SSHSIH" + blob[6:]),
        "version 0": Draft(key, PAYLOAD, version=0).text(),
        "version 2": Draft(key, PAYLOAD, version=2).text(),
        "reserved not empty": Draft(key, PAYLOAD, reserved=b"x").text(),
        "cut off": armour(blob[:-1]),
        "huge length": armour(blob[:10] + b"\xff\xff\xff\xff" + blob[14:]),
        "trailing bytes in the signature": Draft(key, PAYLOAD, signature=good.signature + b"\x00").text(),
        "trailing bytes in the key": Draft(key, PAYLOAD, key_blob=key.blob + b"\x00").text(),
        "too long": armour(blob + b"\x00" * 20_000),
    }


CASES = list(malformed(Draft(sshkeys.ed25519_key(), PAYLOAD)))


@pytest.mark.parametrize("case", CASES)
def test_malformed(keys: dict[str, TestKey], case: str) -> None:
    for name in ("ed25519", "nistp256", "rsa", "token-ed25519"):
        key = keys[name]
        good = Draft(key, PAYLOAD)
        text = malformed(good)[case]
        if text == good.text():  # this one has no padding to leave out
            continue
        assert code(text, key.text) in {"SIG_MALFORMED", "UNKNOWN_KEY"}, name
        assert code(text.encode(), key.text) in {"SIG_MALFORMED", "UNKNOWN_KEY"}, name


def test_spare_bits_of_base64_must_be_zero(keys: dict[str, TestKey]) -> None:
    key, seen = keys["ed25519"], set()
    for namespace in ("git", "gitt", "gittt"):
        text = Draft(key, PAYLOAD, namespace=namespace.encode()).text()
        stem = text.partition("\n-----END")[0]
        padding = len(stem) - len(stem.rstrip("="))
        if padding:
            last = stem.rstrip("=")[-1]
            bent = text.replace(f"{last}{'=' * padding}\n", f"{chr(ord(last) + 1)}{'=' * padding}\n")
            assert code(bent, key.text, namespace=namespace) == "SIG_MALFORMED"
        assert accepts(text, key.text, namespace=namespace)
        seen.add(padding)
    assert seen == {0, 1, 2}


@pytest.mark.parametrize("width", [70, 72, 76])
def test_line_widths_that_are_common(keys: dict[str, TestKey], width: int) -> None:
    assert accepts(armour(Draft(keys["ed25519"], PAYLOAD).blob(), width), keys["ed25519"].text)


def test_the_last_newline_may_be_missing(keys: dict[str, TestKey]) -> None:
    assert accepts(Draft(keys["ed25519"], PAYLOAD).text().removesuffix("\n"), keys["ed25519"].text)


def test_pgp_is_not_ssh(keys: dict[str, TestKey]) -> None:
    text = "-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"
    assert code(text, keys["ed25519"].text) == "SIG_MALFORMED"


def test_weak_rsa_keys_and_signatures() -> None:
    small, good = sshkeys.rsa_key(2048), sshkeys.rsa_key(3072)
    assert code(Draft(small, PAYLOAD).text(), small.text) == "SIG_KEY_TYPE"
    assert code(Draft(good, PAYLOAD, algorithm=b"ssh-rsa").text(), good.text) == "SIG_KEY_TYPE"
    assert code(Draft(good, PAYLOAD, algorithm=b"rsa-sha2-1024").text(), good.text) == "SIG_KEY_TYPE"
    assert code(Draft(good, PAYLOAD, algorithm=b"rsa-sha2-256").text(), good.text) == "SIG_INVALID"


def test_other_key_types_are_refused(keys: dict[str, TestKey]) -> None:
    for kind in (b"ssh-dss", b"ssh-ed448", b"ssh-ed25519-cert-v01@openssh.com", b"", b"ecdsa-sha2-nistp192"):
        blob = ssh_string(kind) + keys["ed25519"].blob[15:]
        key = TestKey(kind, blob, keys["ed25519"].raw)
        assert code(Draft(key, PAYLOAD).text(), key.text) in {"SIG_KEY_TYPE", "SIG_MALFORMED"}


def test_signature_type_must_be_the_keys(keys: dict[str, TestKey]) -> None:
    for name in ("ed25519", "nistp256", "token-ed25519", "token-ecdsa"):
        draft = Draft(keys[name], PAYLOAD, algorithm=b"ssh-rsa")
        assert code(draft.text(), keys[name].text) == "SIG_KEY_TYPE"


@pytest.mark.parametrize("make", [sshkeys.token_ed25519_key, sshkeys.token_ecdsa_key])
def test_a_token_must_have_been_touched(make: Callable[..., TestKey]) -> None:
    for flags, good in ((0, False), (1, True), (4, False), (5, True)):
        key = make(flags=flags)
        assert accepts(Draft(key, PAYLOAD).text(), key.text) is good
        if not good:
            assert code(Draft(key, PAYLOAD).text(), key.text) == "SIG_INVALID"


@pytest.mark.parametrize("name", ["token-ed25519", "token-ecdsa"])
def test_flags_and_counter_are_signed(keys: dict[str, TestKey], name: str) -> None:
    signature = Draft(keys[name], PAYLOAD).signature
    for at in (-5, -1):
        bent = bytearray(signature)
        bent[at] ^= 4
        assert code(Draft(keys[name], PAYLOAD, signature=bytes(bent)).text(), keys[name].text) == "SIG_INVALID"


def test_points_off_the_curve_are_refused(keys: dict[str, TestKey]) -> None:
    key = keys["nistp256"]
    for bent in (key.blob[:-1] + bytes([key.blob[-1] ^ 1]), key.blob.replace(b"\x04", b"\x02", 1)):
        bad = TestKey(key.kind, bent, key.raw)
        assert code(Draft(bad, PAYLOAD).text(), bad.text) in {"SIG_KEY_TYPE", "SIG_MALFORMED"}


@pytest.mark.parametrize("numbers", [(0, 1), (1, 0), (2**256, 1)])
def test_impossible_ecdsa_numbers(keys: dict[str, TestKey], numbers: tuple[int, int]) -> None:
    key = keys["nistp256"]
    signature = ssh_string(key.kind) + ssh_string(mpint(numbers[0]) + mpint(numbers[1]))
    assert code(Draft(key, PAYLOAD, signature=signature).text(), key.text) in {"SIG_MALFORMED", "SIG_INVALID"}


def test_integers_have_one_spelling(keys: dict[str, TestKey]) -> None:
    key = keys["nistp256"]
    for raw in (b"\x00\x01", b"\x80", b"\x00"):
        signature = ssh_string(key.kind) + ssh_string(ssh_string(raw) + mpint(1))
        assert code(Draft(key, PAYLOAD, signature=signature).text(), key.text) == "SIG_MALFORMED"


def test_parse_public_key(keys: dict[str, TestKey]) -> None:
    for key in keys.values():
        assert parse_public_key(key.text) == key.text
        assert parse_public_key(f"{key.text} a comment, mit Ähre\n") == key.text


def test_bad_public_keys(keys: dict[str, TestKey]) -> None:
    text = keys["ed25519"].text
    kind, data = text.split(" ")
    bad = [
        "", kind, data, f"{kind}  {data}", f"restrict {text}", f"{text}\n{text}", f"ssh-rsa {data}", f"{kind} {data}A",
        f"{kind} {data[:-2]}", f"{kind} !{data[1:]}", sshkeys.rsa_key(2048).text, f"ssh-dss {data}", text + "\x00",
    ]  # fmt: skip
    for line in bad:
        with pytest.raises(DocumentError) as caught:
            parse_public_key(line)
        assert caught.value.code == "BAD_PUBLIC_KEY"


@given(st.binary(max_size=400))
def test_any_blob_ends_in_a_named_error(data: bytes) -> None:
    for text in (armour(data), armour(b"SSHSIG\x00\x00\x00\x01" + data), data, data.decode("latin-1")):
        with pytest.raises(IntegrityError):
            verify(text, PAYLOAD, namespace="git", keys=())


@given(st.binary(max_size=200))
def test_any_key_blob_ends_in_a_named_error(data: bytes) -> None:
    for kind in (b"ssh-ed25519", b"ssh-rsa", b"ecdsa-sha2-nistp256", b"sk-ecdsa-sha2-nistp256@openssh.com"):
        line = f"{kind.decode()} {base64.b64encode(ssh_string(kind) + data).decode()}"
        try:
            assert parse_public_key(line) == line
        except DocumentError as error:
            assert error.code == "BAD_PUBLIC_KEY"  # noqa: PT017


def mutants(key: TestKey, rng: random.Random, count: int) -> list[bytes]:
    """Bent signatures: bytes of the blob, characters of the text, whole fields."""
    good = Draft(key, PAYLOAD)
    blob, text = good.blob(), good.text().encode()
    found = [case.encode() for case in malformed(good).values() if case]
    while len(found) < count:
        data = bytearray(blob if rng.random() < 0.6 else text)
        was_blob = bytes(data) == blob
        for _ in range(rng.choice((1, 1, 1, 2, 5))):
            at = rng.randrange(len(data))
            action = rng.randrange(4)
            if action == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif action == 1:
                del data[at]
            elif action == 2:
                data.insert(at, rng.choice(b"\x00\n\r =A-\xff"))
            else:
                data[at] = rng.choice(b"\x00\x01\xff\n A=")
        found.append(armour(bytes(data)).encode() if was_blob else bytes(data))
    return found


def differ(key: TestKey, directory: Path, cases: list[bytes]) -> None:
    directory.mkdir(exist_ok=True)
    for case in cases:
        if accepts(case, key.text):
            assert ssh_keygen_accepts(directory, case, PAYLOAD, "git", key.text), case


def test_never_more_lenient_than_ssh_keygen(keys: dict[str, TestKey], tmp_path: Path) -> None:
    for name in ("ed25519", "nistp256"):
        differ(keys[name], tmp_path / name, mutants(keys[name], random.Random(1), 45))  # noqa: S311


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_remembered_of_a_key_changes_no_verdict(keys: dict[str, TestKey], name: str) -> None:
    """Signatures by one key share all but their end; whether their head was seen before must not matter."""
    key = keys[name]
    good = Draft(key, PAYLOAD).text()

    def verdict(text: bytes, *, warm: bool, namespace: str, trusted: list[str]) -> str:
        sshsig._opened_by_head.cache_clear()
        if warm:
            assert verify(good, PAYLOAD, namespace="git", keys=[key.text]) == key.text
        try:
            return verify(text, PAYLOAD, namespace=namespace, keys=trusted)
        except IntegrityError as error:
            return error.code + error.what

    for case in [good.encode(), *mutants(key, random.Random(name), 120)]:  # noqa: S311
        for namespace, trusted in (("git", [key.text]), ("other", [key.text]), ("git", [])):
            seen = [verdict(case, warm=warm, namespace=namespace, trusted=trusted) for warm in (False, True)]
            assert seen[0] == seen[1], case


@pytest.mark.slow
@pytest.mark.parametrize("name", MAKERS)
def test_never_more_lenient_than_ssh_keygen_in_bulk(keys: dict[str, TestKey], tmp_path: Path, name: str) -> None:
    """Both verdicts are taken for every mutant, so that an accepted one is never overlooked."""
    rng, ours, theirs = random.Random(name), 0, 0  # noqa: S311
    for case in [Draft(keys[name], PAYLOAD).text().encode(), *mutants(keys[name], rng, 150)]:
        here = accepts(case, keys[name].text)
        there = ssh_keygen_accepts(tmp_path, case, PAYLOAD, "git", keys[name].text)
        assert there or not here, case
        ours, theirs = ours + here, theirs + there
    assert 1 <= ours <= theirs


@pytest.mark.slow
def test_a_thousand_verifications_cost_little_more_than_the_mathematics(keyring: Keyring) -> None:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

    signer = keyring.signers["alice"]
    payloads = [PAYLOAD + str(number).encode() * 100 for number in range(1000)]
    texts = [signer.sign(payload, "git") for payload in payloads]
    private = Ed25519PrivateKey.generate()
    public, raw = private.public_key(), private.sign(PAYLOAD)

    def spend(call: Callable[[], object]) -> float:
        start = time.process_time()
        call()
        return time.process_time() - start

    trusted = frozenset({signer.public_key})

    def ours() -> None:
        for text, payload in zip(texts, payloads, strict=True):
            verify(text, payload, namespace="git", keys=trusted)

    floor = min(spend(lambda: [public.verify(raw, PAYLOAD) for _ in payloads]) for _ in range(3))
    assert min(spend(ours) for _ in range(3)) < 2 * floor
