"""Attacks on the tag object and its signature, on real repositories; and what stock git says of our tags."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from calibgit.jobs import govern as jobs
from calibgit.jobs import read
from calibgit.model.ids import Version
from calibgit.registry.format import message
from tests.attacks.raw import codes, forge, payload, plant, read_tag, sign, slot, unsigned, write
from tests.support.governed import LINE, Governed

BEGIN = b"-----BEGIN"


def next_event(running: Governed) -> dict[str, object]:
    """A sound deprecation of 1.0.0."""
    record = running.verification().state.line(LINE)[Version(1, 0, 0)]
    target = {"commit": record.commit, "path": record.path, "sha256": record.sha256, "size": record.size}
    return payload(running, "deprecate", line=LINE, version="1.0.0", target=target)


def put(running: Governed, body: bytes, seq: int = 4) -> list[str]:
    """Plant a tag's bytes in a slot of the clone; the verifier's codes."""
    plant(running.world.clone, {slot(seq): write(running.world.clone, "tag", body)})
    result = running.verification()
    assert result.state.seq == (seq if result.ok else seq - 1)
    return codes(result)


Change = Callable[[Governed, bytes], bytes]


def resign(old: bytes, new: bytes, by: str = "bob") -> Change:
    """Change the signed text and sign it properly."""

    def change(running: Governed, body: bytes) -> bytes:
        text = body.partition(BEGIN)[0]
        assert old in text
        return sign(text.replace(old, new, 1), running.world.signer(by))

    return change


def by(person: str, namespace: str = "git") -> Change:
    return lambda running, body: sign(body.partition(BEGIN)[0], running.world.signer(person), namespace)


def after(function: Callable[[bytes], bytes]) -> Change:
    return lambda _, body: function(body)


SPOILED: dict[str, tuple[Change, str]] = {
    "nothing changed": (by("bob"), ""),
    "unsigned": (after(lambda body: body.partition(BEGIN)[0]), "UNSIGNED"),
    "signed by a stranger": (by("dave"), "UNKNOWN_KEY"),
    "signed for files": (by("bob", "file"), "SIG_NAMESPACE"),
    "signed as a statement": (by("bob", "calibgit-statement"), "SIG_NAMESPACE"),
    "text after the signature": (after(lambda body: body + b"P.S.\n"), "MALFORMED"),
    "two signatures": (after(lambda body: body + BEGIN + body.partition(BEGIN)[2]), "MALFORMED"),
    "PGP": (after(lambda body: body.replace(b"SSH SIG", b"PGP SIG")), "SIGNATURE_FORMAT"),
    "X.509": (after(lambda body: body.replace(b"SSH SIGNATURE", b"SIGNED MESSAGE")), "SIGNATURE_FORMAT"),
    "another event's signature": (
        lambda running, body: (
            body.partition(BEGIN)[0] + BEGIN + read_tag(running.world.clone, slot(3)).partition(BEGIN)[2]
        ),
        "SIG_INVALID",
    ),
    "text changed after signing": (
        after(lambda body: body.replace(b'"reason":"because"', b'"reason":"x"')),
        "SIG_INVALID",
    ),
    "tagger changed after signing": (after(lambda body: body.replace(b"tagger bob", b"tagger ceo")), "SIG_INVALID"),
    "a tagger of another name, signed": (resign(b"tagger bob <bob@", b"tagger ceo <ceo@"), ""),
    "year 5138": (resign(b"1700000000", b"99999999999"), ""),
    "before 1970": (resign(b"1700000000", b"-1700000000"), ""),
    "NUL in the text": (resign(b'"reason":"because"', b'"reason":"\x00"'), "MALFORMED"),
    "NUL in the subject": (resign(b"calibgit:", b"calibgit:\x00"), "MALFORMED"),
    "CRLF": (resign(b"\n\n{", b"\r\n\r\n{"), "MALFORMED"),
    "CR at the end": (resign(b"}\n", b"}\r\n"), "MALFORMED"),
    "duplicate header": (resign(b"tagger", b"tag calib/e/00000004\ntagger"), "MALFORMED"),
    "no tagger": (resign(b"tagger bob <bob@example.org> 1700000000 +0000\n", b""), "MALFORMED"),
    "duplicate key": (resign(b'"kind":', b'"kind":"release","kind":'), "MALFORMED"),
    "float": (resign(b'"seq":4', b'"seq":4.0'), "MALFORMED"),
    "blank in the JSON": (resign(b'"seq":4', b'"seq": 4'), "MALFORMED"),
    "extra field": (resign(b'"kind"', b'"a":1,"kind"'), "MALFORMED"),
    "missing field": (resign(b'"reason":"because",', b""), "MALFORMED"),
    "another subject": (resign(b"deprecate scoring v1.0.0", b"release scoring v1.0.0"), "MALFORMED"),
    "another number": (resign(b'"seq":4', b'"seq":5'), "MALFORMED"),
    "another time order": (resign(b'"at":"20', b'"at":"19'), "TIME_REVERSED"),
    "header names another tag": (resign(b"tag calib/e/00000004", b"tag calib/e/00000005"), "NAME_MISMATCH"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_an_event_in_the_next_slot(running: Governed, name: str) -> None:
    """Somebody with push rights, and perhaps a key, writes a tag by hand."""
    change, code = SPOILED[name]
    body = sign(unsigned(next_event(running)), running.world.signer("bob"))
    assert put(running, change(running, body)) == ([code] if code else [])


def test_the_author_alone_activates_nothing_in_production(running: Governed) -> None:
    """Carol wrote v1.2.0; somebody else approved it; she signs the activation herself, by the tool or by hand."""
    running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    jobs.release(running.workspace("carol"), Version(1, 2, 0), reason="approved")
    with pytest.raises(Exception, match="AUTHOR_ONLY"):
        jobs.activate(running.workspace("carol"), Version(1, 2, 0), env="production")
    target = dict(running.verification().events[-1].payload["target"])
    fields = {"line": LINE, "version": "1.2.0", "env": "production", "from_version": "1.1.0", "target": target}
    forge(running, payload(running, "activate", **fields), by="carol")
    assert codes(running.verification()) == ["AUTHOR_ONLY"]


def test_an_event_of_another_registry_is_refused(released: Governed) -> None:
    """An event that was signed in a fork by the same people is replayed here."""
    value = next_event(released) | {"registry": "0" * 64}
    forge(released, value)
    assert codes(released.verification()) == ["WRONG_REGISTRY"]


def test_an_event_is_not_replayed_under_a_later_number(running: Governed) -> None:
    """The activation of today is pushed again tomorrow, after a rollback."""
    jobs.rollback(running.workspace("alice"), env="production", to=None, reason="too strict")
    assert put(running, read_tag(running.world.clone, slot(3)), seq=5) == ["NAME_MISMATCH"]


@pytest.mark.parametrize(
    ("version", "env", "code"),
    [
        ("1.2.0", "production", "NOT_RELEASED"),
        ("1.1.0", "production", "ALREADY_ACTIVE"),
        ("1.0.0", "staging", ""),
    ],
)
def test_an_activation_by_hand_obeys_the_state(running: Governed, version: str, env: str, code: str) -> None:
    """A key with the role signs what the tool would refuse to plan."""
    known = running.verification().state.line(LINE)
    record = known.get(Version.parse(version), known[Version(1, 1, 0)])
    target = {"commit": record.commit, "path": record.path, "sha256": record.sha256, "size": record.size}
    old = {"from_version": "1.1.0"} if env == "production" else {}
    forge(running, payload(running, "activate", line=LINE, version=version, env=env, target=target, **old))
    assert codes(running.verification()) == ([code] if code else [])


def test_what_was_deprecated_or_rolled_back_is_not_activated(running: Governed) -> None:
    """By the tool and by hand."""
    jobs.rollback(running.workspace("alice"), env="production", to=None, reason="too strict")
    with pytest.raises(Exception, match="ROLLED_BACK"):
        jobs.activate(running.workspace("bob"), Version(1, 1, 0), env="production")
    target = dict(running.verification().events[1].payload["target"])
    fields = {"line": LINE, "version": "1.1.0", "env": "production", "from_version": "1.0.0", "target": target}
    value = payload(running, "activate", **fields)
    forge(running, value)
    assert codes(running.verification()) == ["ROLLED_BACK"]
    running.world.git("update-ref", "-d", slot(5))
    jobs.deprecate(running.workspace("bob"), Version(1, 1, 0), reason="wrong")
    with pytest.raises(Exception, match="DEPRECATED"):
        jobs.activate(running.workspace("bob"), Version(1, 1, 0), env="staging")
    value = payload(running, "activate", **(fields | {"env": "staging"}))
    value.pop("from_version")
    forge(running, value)
    assert codes(running.verification()) == ["DEPRECATED"]


def test_a_rollback_by_hand_goes_only_where_it_was_active(running: Governed) -> None:
    """A rollback needs no approval, so it must not be a way round one."""
    running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    jobs.release(running.workspace("bob"), Version(1, 2, 0), reason="approved")
    target = dict(running.verification().events[-1].payload["target"])
    fields = {"line": LINE, "version": "1.2.0", "from_version": "1.1.0", "env": "production", "target": target}
    forge(running, payload(running, "revert", **fields, report_sha256="0" * 64))
    assert codes(running.verification()) == ["NOT_A_ROLLBACK_TARGET"]


def test_stock_git_accepts_every_tag_that_the_tool_writes(running: Governed) -> None:
    """Nobody needs calibgit to see that a tag is signed."""
    space = running.workspace
    jobs.rollback(space("alice"), env="production", to=None, reason="-----BEGIN SSH SIGNATURE----- \u00fc")
    jobs.activate(space("bob"), Version(1, 1, 0), env="staging", reason='"quoted" \\ # not a comment')
    jobs.deprecate(space("bob"), Version(1, 1, 0), reason="  # blanks kept  ")
    running.propose("1.2.0", author="carol", good=68)
    jobs.reject(space("bob"), Version(1, 2, 0), reason="too strict")
    file = running.world.root / "allowed"
    file.write_text(read.allowed_signers(space()))
    names = running.world.git("tag", "--list", "calib/*").split()
    assert len(names) == 7 + 2
    for name in names:
        running.world.git("-c", f"gpg.ssh.allowedSignersFile={file}", "verify-tag", name)
        running.world.git("cat-file", "-e", f"{name}^{{commit}}")
    running.world.git("fsck", "--strict", "--no-dangling")
    file.write_text("")
    running.world.git("-c", f"gpg.ssh.allowedSignersFile={file}", "verify-tag", names[0], check=False)


def test_the_message_is_what_people_read(running: Governed) -> None:
    """The signed text stands in the tag as it was signed."""
    event = running.verification().events[1]
    assert (
        running.world.git("for-each-ref", "--format=%(contents:subject)", slot(2)) == "calibgit: release scoring v1.1.0"
    )
    assert message(event.payload) in read_tag(running.world.clone, slot(2))
