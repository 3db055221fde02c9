"""Signatures bent in kind, not only in bits: fields, spellings and lines of any key's SSHSIG."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.support.sshkeys import Draft, TestKey
from tests.support.world import armour, ssh_string

LENGTHS = (0, 1, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
NAMESPACES = (
    b"", b"git\x00", b"GIT", b"git ", b" git", b"git\n", b"git*", b"*", b"g?t", b"file", b"git,file", b"!git", b"gitgit",
    b"git" * 1000, b"calibgit-statement", b"\xc3\xa9", b"\xff",
)  # fmt: skip
HASHES = (
    b"", b"md5", b"sha1", b"sha384", b"sha224", b"SHA512", b"sha512 ", b"sha512\x00", b"sha-512", b"sha3-512", b"sha256,sha512",
)  # fmt: skip
MAGICS = (b"sshsig", b"SSHSIG\x00", b"SSHSI", b"", b"SSHSIG2", b"SSHSIGSSHSIG", b"\x00\x00\x00\x06SSHSIG")
VERSIONS = (0, 2, 255, 256, 0x01000000, 0x7FFFFFFF, 0xFFFFFFFF)


@dataclass(frozen=True)
class Case:
    """A signature of `payload` that somebody may hand in.

    Attributes:
        family: what was bent, in a word or two: the reason by which verdicts are counted.
        key: the trusted public key, as text.
        armoured: the bytes of the signature's file.
        honest: nothing is bent, so everybody must accept.
    """

    family: str
    key: str
    armoured: bytes
    honest: bool = False


def read_strings(data: bytes) -> tuple[list[bytes], bytes]:
    """The strings that `data` begins with, and what is left when the next would not fit."""
    found = []
    while len(data) >= 4 and (size := int.from_bytes(data[:4], "big")) <= len(data) - 4:
        found.append(data[4 : 4 + size])
        data = data[4 + size :]
    return found, data


def bent_fields(fields: list[bytes]) -> Iterator[tuple[str, bytes]]:
    """Every way to bend a row of strings, each with its name."""
    whole = [ssh_string(field) for field in fields]
    for at in range(len(fields)):
        before, after = b"".join(whole[:at]), b"".join(whole[at + 1 :])
        yield "field missing", before + after
        yield "field twice", before + whole[at] * 2 + after
        if fields[at]:
            yield "field empty", before + ssh_string(b"") + after
            yield "field with a byte less", before + ssh_string(fields[at][:-1]) + after
        yield "field added", before + ssh_string(b"") + whole[at] + after
        yield "field added", before + ssh_string(b"git") + whole[at] + after
        yield "field huge", before + ssh_string(fields[at] + bytes(9000)) + after
        yield "field nested", before + ssh_string(whole[at]) + after
        yield "field with a byte more", before + ssh_string(fields[at] + b"\x00") + after
        yield "field with a byte before", before + ssh_string(b"\x00" + fields[at]) + after
        for size in (*LENGTHS, len(fields[at]) + 1, max(len(fields[at]) - 1, 0)):
            if size != len(fields[at]):
                yield "length wrong", before + size.to_bytes(4, "big") + fields[at] + after
    for one, other in itertools.combinations(range(len(fields)), 2):
        moved = whole[:]
        moved[one], moved[other] = moved[other], moved[one]
        if moved != whole:
            yield "fields change places", b"".join(moved)
    yield "cut short", b"".join(whole)[:-1]
    yield "bytes behind", b"".join(whole) + b"\x00"
    yield "bytes behind", b"".join(whole) * 2


def structures(key: TestKey, payload: bytes, others: list[TestKey]) -> Iterator[Case]:
    """The row of fields, the row inside the key, and the row inside the signature."""
    good = Draft(key, payload)
    head = b"SSHSIG\x00\x00\x00\x01"
    outer, _ = read_strings(good.blob()[len(head) :])

    def case(family: str, blob: bytes) -> Case:
        return Case(family, key.text, armour(blob).encode())

    for family, data in bent_fields(outer):
        yield case(family, head + data)
    strings, tail = read_strings(good.signature)
    for family, data in bent_fields(strings):
        yield case(f"signature: {family}", Draft(key, payload, signature=data + tail).blob())
    for size in range(len(tail)):
        yield case("signature: cut short", Draft(key, payload, signature=good.signature[: -1 - size]).blob())
    for family, data in bent_fields(read_strings(key.blob)[0]):
        yield case(f"key: {family}", Draft(key, payload, key_blob=data).blob())
    for other in others:
        theirs = Draft(other, payload)
        yield case("another key's signature", Draft(key, payload, signature=theirs.signature).blob())
        yield case("another key", Draft(key, payload, key_blob=other.blob).blob())
        yield case("another key", theirs.blob())
        yield case("another type", Draft(key, payload, algorithm=other.kind).blob())
    yield case("nested", head + ssh_string(good.blob()))
    yield case("nested", good.blob() * 2)
    yield case("nested", good.text().encode())
    yield case("nested", head + b"".join(map(ssh_string, (*outer[:4], good.blob()))))


def labels(key: TestKey, payload: bytes) -> Iterator[Case]:
    """Magic, version, reserved field, namespace and digest: signed as they stand, or put on afterwards."""
    for magic in MAGICS:
        yield Case("magic", key.text, Draft(key, payload, magic=magic).text().encode())
    for version in VERSIONS:
        yield Case("version", key.text, Draft(key, payload, version=version).text().encode())
    for reserved in (b"\x00", b"x", b"git", bytes(100)):
        yield Case("reserved", key.text, Draft(key, payload, reserved=reserved).text().encode())
    for namespace in NAMESPACES:
        yield Case("namespace", key.text, Draft(key, payload, namespace=namespace).text().encode())
        yield _relabelled("namespace relabelled", key, payload, namespace=namespace)
    for name in HASHES:
        yield _relabelled("digest relabelled", key, payload, hash_name=name)
    for name in (b"md5", b"sha1", b"sha384", b"SHA512"):
        yield Case("digest weak", key.text, Draft(key, payload, hash_name=name).text().encode())
    yield _relabelled("digest relabelled", key, payload, hash_name=b"sha256")
    yield Case("another text", key.text, Draft(key, payload + b"\n").text().encode())
    yield Case("another text", key.text, Draft(key, b"").text().encode())


def _relabelled(family: str, key: TestKey, payload: bytes, **labels: bytes) -> Case:
    draft = Draft(key, payload)
    for name, value in labels.items():
        setattr(draft, name, value)
    return Case(family, key.text, draft.text().encode())


BEGIN, END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
RESPELT: dict[str, Callable[[str], str]] = {
    "carriage returns": lambda text: text.replace("\n", "\r\n"),
    "carriage return at the end": lambda text: text.removesuffix("\n") + "\r\n",
    "carriage return in the first line": lambda text: text.replace(BEGIN, BEGIN + "\r"),
    "carriage returns alone": lambda text: text.replace("\n", "\r"),
    "trailing blanks": lambda text: text.replace("\n", " \n"),
    "trailing tabs": lambda text: text.replace("\n", "\t\n"),
    "trailing blank, first line": lambda text: text.replace(BEGIN, BEGIN + " "),
    "trailing blank, last line": lambda text: text.replace(END, END + " "),
    "leading blanks": lambda text: "".join(" " + line for line in text.splitlines(keepends=True)),
    "leading blank in the body": lambda text: text.replace("\nU1NI", "\n U1NI"),
    "tab in the body": lambda text: text[:60] + "\t" + text[60:],
    "blank in the body": lambda text: text[:60] + " " + text[60:],
    "lower-case first line": lambda text: text.replace("BEGIN", "begin"),
    "mixed-case first line": lambda text: text.replace("BEGIN SSH", "Begin SSH"),
    "lower-case last line": lambda text: text.replace("END", "end"),
    "a dash more": lambda text: text.replace(BEGIN, "-" + BEGIN),
    "a dash less": lambda text: text.replace(BEGIN, BEGIN[1:]),
    "another kind": lambda text: text.replace("SSH SIGNATURE", "SSH SIGNATURES"),
    "PGP": lambda text: text.replace("SSH", "PGP"),
    "byte order mark": lambda text: "\ufeff" + text,
    "no newline at the end": lambda text: text.removesuffix("\n"),
    "a newline more": lambda text: text + "\n",
    "a newline before": lambda text: "\n" + text,
    "empty line inside": lambda text: text.replace("\n", "\n\n", 1),
    "empty line before the end": lambda text: text.replace(END, "\n" + END),
    "last line joined": lambda text: text.replace("\n" + END, END),
    "first line joined": lambda text: text.replace(BEGIN + "\n", BEGIN),
    "text behind": lambda text: text + "x",
    "text before": lambda text: "x" + text,
    "NUL behind": lambda text: text + "\x00",
    "NUL inside": lambda text: text[:50] + "\x00" + text[50:],
    "two blocks": lambda text: text * 2,
    "a block inside": lambda text: text.replace(END, text + END),
    "first line twice": lambda text: text.replace(BEGIN, BEGIN + "\n" + BEGIN),
    "last line twice": lambda text: text.replace(END, END + "\n" + END),
    "no last line": lambda text: text.replace(END + "\n", ""),
    "no first line": lambda text: text.replace(BEGIN + "\n", ""),
    "header line": lambda text: text.replace(BEGIN, BEGIN + "\nVersion: 1\n"),
    "letters of addresses": lambda text: text.replace("+", "-").replace("/", "_"),
    "padding more": lambda text: text.replace("\n" + END, "=\n" + END),
    "padding in the middle": lambda text: text[:60] + "=" + text[60:],
    "no padding": lambda text: text.replace("=\n", "\n").replace("=\n", "\n"),
    "a letter more": lambda text: text.replace("\n" + END, "A\n" + END),
    "four letters more": lambda text: text.replace("\n" + END, "AAAA\n" + END),
}
WIDTHS = (1, 4, 63, 64, 69, 70, 71, 75, 76, 77, 80, 1000, 100_000)


def spellings(key: TestKey, payload: bytes) -> Iterator[Case]:
    """The same honest bytes, written otherwise."""
    good = Draft(key, payload)
    text = good.text()
    for name, change in RESPELT.items():
        if change(text) != text:
            yield Case(f"text: {name}", key.text, change(text).encode())
    for width in WIDTHS:
        yield Case(f"text: wrapped at {width}", key.text, armour(good.blob(), width).encode())
    for codec in ("utf-16", "utf-16-le", "utf-7"):
        yield Case("text: encoding", key.text, text.encode(codec))
    yield Case("text: no armour", key.text, good.blob())
    yield Case("text: no armour", key.text, base64.b64encode(good.blob()))
    yield Case("text: armour twice", key.text, armour(text.encode()).encode())
    yield Case("text: empty", key.text, b"")


def honest(key: TestKey, payload: bytes) -> Iterator[Case]:
    """What everybody must accept."""
    for name in (b"sha256", b"sha512"):
        yield Case("honest", key.text, Draft(key, payload, hash_name=name).text().encode(), honest=True)
