"""Attacks on the signature block and on the text that is signed, each with the real key of somebody who may sign."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from tests.attacks.raw import codes, forge, payload, sign, slot, stopped, target_of, unsigned, write
from tests.support.governed import LINE, Governed
from tests.support.sshkeys import Draft, TestKey
from tests.support.world import ssh_string

BEGIN, END = "-----BEGIN SSH SIGNATURE-----\n", "-----END SSH SIGNATURE-----\n"
PGP = b"-----BEGIN PGP SIGNATURE-----\n\niQEzBAABCAAdFiEE\n=abcd\n-----END PGP SIGNATURE-----\n"


def bob(running: Governed) -> TestKey:
    """Bob's key, with which every field of a signature can be bent."""
    key = load_ssh_private_key(running.world.keys["bob"].read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    blob = ssh_string(b"ssh-ed25519") + ssh_string(public)
    return TestKey(b"ssh-ed25519", blob, lambda data: ssh_string(key.sign(data)))


def text_of(running: Governed) -> bytes:
    """The signed part of a sound deprecation."""
    return unsigned(payload(running, "deprecate", line=LINE, version="1.0.0", target=target_of(running)))


def put(running: Governed, body: bytes) -> None:
    """Plant a tag's bytes in slot 4, past git's own look at them."""
    path = running.world.clone / ".git" / slot(4)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(write(running.world.clone, "tag", body) + "\n")


Bend = Callable[[TestKey, bytes], bytes]


def draft(**fields: object) -> Bend:
    """A signature with some fields bent."""
    return lambda key, text: Draft(key, text, **fields).text().encode()  # type: ignore[arg-type]


def block(change: Callable[[str], str]) -> Bend:
    """A sound signature whose text is changed afterwards."""
    return lambda key, text: change(Draft(key, text).text()).encode()


BENT: dict[str, tuple[Bend, str]] = {
    "namespace file": (draft(namespace=b"file"), "SIG_NAMESPACE"),
    "namespace of a statement": (draft(namespace=b"calibgit-statement"), "SIG_NAMESPACE"),
    "namespace of a possession": (draft(namespace=b"calibgit-possession"), "SIG_NAMESPACE"),
    "namespace in capitals": (draft(namespace=b"GIT"), "SIG_NAMESPACE"),
    "no namespace": (draft(namespace=b""), "SIG_NAMESPACE"),
    "namespace with a NUL": (draft(namespace=b"git\x00"), "SIG_NAMESPACE"),
    "sha1": (draft(hash_name=b"sha1"), "SIG_HASH"),
    "md5": (draft(hash_name=b"md5"), "SIG_HASH"),
    "sha3-512": (draft(hash_name=b"sha3_512"), "SIG_HASH"),
    "SHA512 in capitals": (draft(hash_name=b"SHA512"), "SIG_HASH"),
    "another version": (draft(version=2), "SIG_MALFORMED"),
    "another magic": (draft(magic=b"SSHSIX"), "SIG_MALFORMED"),
    "something reserved": (draft(reserved=b"x"), "SIG_MALFORMED"),
    "bytes behind it": (draft(tail=b"x"), "SIG_MALFORMED"),
    "another algorithm's name": (draft(algorithm=b"ssh-rsa"), "SIG_KEY_TYPE"),
    "no signature inside": (draft(signature=ssh_string(b"ssh-ed25519") + ssh_string(b"")), "SIG_MALFORMED"),
    "zeros": (draft(signature=ssh_string(b"ssh-ed25519") + ssh_string(bytes(64))), "SIG_INVALID"),
    "spaces in the armour": (block(lambda text: text.replace("U1NI", "U1NI ", 1)), "SIG_MALFORMED"),
    "a header in the armour": (block(lambda text: text.replace(BEGIN, BEGIN + "Comment: x\n\n")), "SIG_MALFORMED"),
    "an empty line in the armour": (block(lambda text: text.replace(BEGIN, BEGIN + "\n")), "SIG_MALFORMED"),
    "CRLF in the armour": (block(lambda text: text.replace("\n", "\r\n")), "SIGNATURE_FORMAT"),
    "no END": (block(lambda text: text.replace(END, "")), "MALFORMED"),
    "END alone": (lambda _key, _text: END.encode(), "UNSIGNED"),
    "an empty block": (lambda _key, _text: (BEGIN + END).encode(), "SIG_MALFORMED"),
    "junk before it": (block(lambda text: "junk\n" + text), "MALFORMED"),
    "junk behind it": (block(lambda text: text + "junk\n"), "MALFORMED"),
    "a blank line behind it": (block(lambda text: text + "\n"), "MALFORMED"),
    "twice": (block(lambda text: text + text), "MALFORMED"),
    "PGP": (lambda _key, _text: PGP, "SIGNATURE_FORMAT"),
    "PGP before it": (lambda key, text: PGP + Draft(key, text).text().encode(), "MALFORMED"),
    "PGP behind it": (lambda key, text: Draft(key, text).text().encode() + PGP, "MALFORMED"),
    "nothing": (lambda _key, _text: b"", "UNSIGNED"),
}


def test_a_signature_that_says_anything_else(running: Governed) -> None:
    """The signed text is what the tool would write; the block is not."""
    text, key = text_of(running), bob(running)
    for name, (bend, code) in BENT.items():
        put(running, text + bend(key, text))
        result = running.verification()
        assert (name, codes(result), result.state.seq) == (name, [code], 3)
    stopped(running, BENT["nothing"][1], 4, good=3)


def test_a_sound_signature_made_by_these_means_is_believed(running: Governed) -> None:
    """The attacks above differ from this in one thing each."""
    text = text_of(running)
    put(running, text + Draft(bob(running), text).text().encode())
    assert running.verification().state.seq == 4


SPELT: dict[str, tuple[bytes, bytes]] = {
    "number with a sign": (b'"seq":4', b'"seq":+4'),
    "number with a zero": (b'"seq":4', b'"seq":04'),
    "number with an exponent": (b'"seq":4', b'"seq":4e0'),
    "minus zero": (b'"seq":4', b'"seq":-0'),
    "number as text": (b'"seq":4', b'"seq":"4"'),
    "huge number": (b'"seq":4', b'"seq":' + b"9" * 400),
    "NaN": (b'"seq":4', b'"seq":NaN'),
    "escaped letter": (b'"reason":"because"', b'"reason":"\\u0062ecause"'),
    "escaped slash": (b'"reason":"because"', b'"reason":"be\\/cause"'),
    "half a surrogate": (b'"reason":"because"', b'"reason":"\\ud800"'),
    "not NFC": (b'"reason":"because"', '"reason":"u\u0308"'.encode()),
    "text that runs backwards": (b'"reason":"because"', '"reason":"\u202ebecause"'.encode()),
    "line separator": (b'"reason":"because"', '"reason":"\u2028"'.encode()),
    "tab": (b'"reason":"because"', b'"reason":"a\tb"'),
    "not UTF-8": (b'"reason":"because"', b'"reason":"\xff"'),
    "key twice": (b'"reason":"because"', b'"reason":"because","reason":"because"'),
    "key of other letters": (b'"reason":', '"re\u0430son":'.encode()),
    "comment": (b'"reason":"because"', b'"reason":"because"/**/'),
    "comma at the end": (b"}\n", b",}\n"),
    "blank at the end": (b"}\n", b"} \n"),
    "byte order mark": (b"\n\n{", b"\n\n\xef\xbb\xbf{"),
    "list": (b"\n\n{", b"\n\n[{"),
    "two lines": (b"}\n", b"}\n\n"),
    "second payload": (b"}\n", b"}\n{}\n"),
    "null": (b'"reason":"because"', b'"reason":null'),
    "line feed in the header": (b"tagger bob", b"tagger bob\n"),
    "header of another kind": (b"\ntagger", b"\nencoding UTF-16\ntagger"),
    "type twice": (b"type commit\n", b"type commit\ntype commit\n"),
    "object twice": (b"type commit\n", b"object " + b"0" * 40 + b"\ntype commit\n"),
    "tag of a tag": (b"type commit\n", b"type tag\n"),
    "tagger without a date": (b"> 1700000000 +0000", b">"),
    "tagger with two addresses": (b"<bob@example.org>", b"<bob@example.org> <x@y>"),
    "another slot in refs": (b'"refs/tags/calib/e/00000004"', b'"refs/tags/calib/e/00000009"'),
    "a friendly name in refs": (b'["refs/tags/calib/e/', b'["refs/heads/main","refs/tags/calib/e/'),
}
_OTHER_CODES = {"tag of a tag": "TARGET_TYPE"}


def test_a_text_that_could_be_read_in_two_ways(running: Governed) -> None:
    """Signed properly by somebody with the role, but not spelt as the one spelling asks."""
    text = text_of(running)
    for name, (old, new) in SPELT.items():
        assert old in text
        put(running, sign(text.replace(old, new, 1), running.world.signer("bob")))
        result = running.verification()
        assert (name, codes(result)) == (name, [_OTHER_CODES.get(name, "MALFORMED")])
        assert result.state.seq == 3
    stopped(running, "MALFORMED", 4, good=3)


@pytest.mark.parametrize("moment", [b"0 +0000", b"-1 +0000", b"99999999999 +1400", b"1 +9999"])
def test_the_taggers_date_orders_nothing(running: Governed, moment: bytes) -> None:
    """1970, before it, the year 5138: the number and the predecessor give the order."""
    text = re.sub(rb"> [0-9]+ \+0000\n", b"> " + moment + b"\n", text_of(running), count=1)
    put(running, sign(text, running.world.signer("bob")))
    result = running.verification()
    assert (result.ok, [event.seq for event in result.events]) == (True, [1, 2, 3, 4])


NAMES = ("-x", "a b", "A", "\u00e9", "sc\u043ering", "$(id)", "a/../b", "", "a" * 41, "'", '"', "a-")


@pytest.mark.parametrize("field", ["line", "env"])
def test_a_name_outside_the_grammar_is_in_no_event(running: Governed, field: str) -> None:
    """Whoever signs it."""
    fields = {"line": LINE, "version": "1.0.0", "env": "staging", "target": target_of(running)}
    sound = payload(running, "activate", **fields)
    for name in NAMES:
        forge(running, sound | {field: name})
        assert (name, codes(running.verification())) == (name, ["MALFORMED"])
    stopped(running, "MALFORMED", 4, good=3)
