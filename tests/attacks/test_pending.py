"""Attacks on co-signatures: those that wait for a writer, and those inside an event."""

from __future__ import annotations

from typing import Any

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import cosigning, upkeep
from calibgit.jobs import govern as jobs
from calibgit.jobs.cosigning import Wanted
from calibgit.model.canonical import strict_canonical
from calibgit.model.event import NAMESPACE_POSSESSION, NAMESPACE_STATEMENT, statement
from calibgit.model.ids import Version
from calibgit.registry.pending import Pending, one_line
from calibgit.repo.signing import Signer
from tests.attacks.raw import codes, forge, payload, plant, stopped, target_of, warned, write
from tests.support.governed import BASE, LINE, Governed

pytestmark = pytest.mark.slow

V110 = Version(1, 1, 0)


def staging(running: Governed, **changes: Any) -> dict[str, Any]:
    """The payload of an activation of 1.0.0 in staging."""
    fields = {"line": LINE, "version": "1.0.0", "env": "staging", "target": target_of(running)}
    return payload(running, "activate", **(fields | changes))


def entry(signer: Signer, text: bytes, namespace: str = NAMESPACE_STATEMENT) -> dict[str, str]:
    """A signature as an event carries it."""
    return {"key": signer.public_key, "signature": one_line(signer.sign(text, namespace))}


def leave(running: Governed, said: dict[str, Any], by: str, namespace: str = NAMESPACE_STATEMENT) -> None:
    """Push a signature of `said` to where writers look."""
    signed = entry(running.world.signer(by), strict_canonical(said), namespace)
    pending = Pending(said, namespace, signed["key"], signed["signature"])
    tag = pending.ref.removeprefix("refs/tags/")
    head = f"object {running.tip()}\ntype commit\ntag {tag}\ntagger a <a@b> 0 +0000\n\n".encode()
    plant(running.world.remote, {pending.ref: write(running.world.remote, "tag", head + pending.message())})


def two_people(running: Governed) -> None:
    """Put a policy in force that asks for two people to activate in staging."""
    world = running.world
    world.git("reset", "--quiet", "--hard", "refs/remotes/origin/main")
    text = (world.clone / "trust.toml").read_text()
    world.commit({"trust.toml": text.replace("threshold = 1", "threshold = 2", 2)}, "Two people")
    world.git("push", "--quiet", "origin", "HEAD:main")
    running.fetch()
    upkeep.policy(running.workspace("alice"), reason="two people")


def test_a_stranger_puts_no_words_into_an_event(running: Governed) -> None:
    """Anybody may leave a signature; the reason that a writer did not give is taken from people of the policy only."""
    leave(running, statement(staging(running, reason="bob was paid for this")), "dave")
    written = jobs.activate(running.workspace("bob"), BASE, env="staging")
    assert written.event.payload["reason"] == ""
    assert "cosignatures" not in written.event.payload


def test_a_statement_of_an_odd_shape_crashes_no_writer(running: Governed) -> None:
    """A statement that lacks its reason, or has something else there, by a stranger and by somebody of the policy."""
    sound = statement(staging(running))
    for reason in (None, 7, ["x"], {"x": "y"}, True):
        for by in ("dave", "alice"):
            said = sound | {"reason": reason}
            leave(running, {name: value for name, value in said.items() if value is not None}, by)
    jobs.activate(running.workspace("bob"), BASE, env="staging")
    assert running.verification().state.seq == 4


def test_a_strangers_words_do_not_drown_a_co_signature(running: Governed) -> None:
    """With two reasons on offer a writer would take neither, and the threshold would not be met."""
    two_people(running)
    cosigning.countersign(running.workspace("alice"), Wanted("activate", BASE, env="staging", reason="agreed"))
    leave(running, statement(staging(running, reason="nonsense")), "dave")
    written = jobs.activate(running.workspace("bob"), BASE, env="staging")
    assert written.event.payload["reason"] == "agreed"
    assert running.verification().people[5] == ("bob", "alice")


def test_a_writer_does_not_co_sign_with_themselves(running: Governed) -> None:
    """Bob leaves his own co-signature."""
    two_people(running)
    leave(running, statement(staging(running)), "bob")
    before = running.remote_tags()
    with pytest.raises(CalibgitError, match="THRESHOLD"):
        jobs.activate(running.workspace("bob"), BASE, env="staging")
    assert running.remote_tags() == before


@pytest.mark.parametrize("namespace", [NAMESPACE_POSSESSION, "git", "file"])
def test_a_signature_for_something_else_is_no_co_signature(running: Governed, namespace: str) -> None:
    """Left for a writer, it is passed over; written into an event, it stops the log."""
    two_people(running)
    value = staging(running)
    text = strict_canonical(statement(value))
    leave(running, statement(value), "alice", namespace)
    with pytest.raises(CalibgitError, match="THRESHOLD"):
        jobs.activate(running.workspace("bob"), BASE, env="staging")
    forge(running, value | {"cosignatures": [entry(running.world.signer("alice"), text, namespace)]})
    stopped(running, "SIG_NAMESPACE", 5, good=4)


def spoiled(running: Governed, value: dict[str, Any]) -> dict[str, tuple[list[dict[str, str]], str]]:
    """Lists of co-signatures that do not hold."""
    text = strict_canonical(statement(value))
    sign = {name: entry(running.world.signer(name), text) for name in ("alice", "bob", "carol", "dave")}
    other = entry(running.world.signer("alice"), strict_canonical(statement(value | {"env": "production"})))
    return {
        "another statement": ([other], "SIG_INVALID"),
        "a stranger": ([sign["dave"]], "UNKNOWN_KEY"),
        "the writer": ([sign["bob"]], "TWICE_SIGNED"),
        "one person twice": ([sign["alice"], sign["alice"]], "TWICE_SIGNED"),
        "another's key on it": ([{**sign["alice"], "key": sign["carol"]["key"]}], "UNKNOWN_KEY"),
        "no signature": ([{**sign["alice"], "signature": "AAAA"}], "SIG_MALFORMED"),
        "no base64": ([{**sign["alice"], "signature": sign["alice"]["signature"] + "!"}], "MALFORMED"),
        "sound and a stranger": ([sign["alice"], sign["dave"]], "UNKNOWN_KEY"),
    }


def test_co_signatures_inside_an_event_hold_or_stop_the_log(running: Governed) -> None:
    """A writer with a key embeds what was never signed for this."""
    value = staging(running)
    for name, (entries, code) in spoiled(running, value).items():
        forge(running, value | {"cosignatures": entries})
        assert (name, codes(running.verification())) == (name, [code])
        assert running.verification().state.seq == 3


def test_a_statement_is_not_used_twice(running: Governed) -> None:
    """The co-signature of the first activation is copied into a second one, after a rollback in between."""
    cosigning.countersign(running.workspace("alice"), Wanted("activate", BASE, env="staging", reason="agreed"))
    first = jobs.activate(running.workspace("bob"), BASE, env="staging").event
    jobs.activate(running.workspace("bob"), V110, env="staging")
    value = staging(running, from_version="1.1.0", reason="agreed")
    forge(running, value | {"cosignatures": first.payload["cosignatures"]})
    assert codes(running.verification()) == ["SIG_INVALID"], "what it replaces is part of the statement"
    before = running.remote_tags()
    with pytest.raises(CalibgitError, match="SIG_INVALID"):
        jobs.deprecate(running.workspace("bob"), BASE, reason="x")
    assert running.remote_tags() == before


def test_a_flood_of_pending_signatures_changes_nothing(running: Governed) -> None:
    """Statements by a stranger, and junk under the same names."""
    for number in range(8):
        leave(running, statement(staging(running, reason=f"reason {number}")), "dave")
    junk = {f"refs/tags/calib/p/{number:012x}/00000000": running.tip() for number in range(60)}
    for name, oid in junk.items():
        (running.world.remote / name).parent.mkdir(parents=True)
        (running.world.remote / name).write_text(oid + "\n")
    jobs.activate(running.workspace("bob"), BASE, env="staging")
    result = running.verification()
    assert (result.ok, result.state.seq, warned(result)) == (True, 4, [])


def test_junk_where_a_co_signature_belongs_is_no_co_signature(running: Governed) -> None:
    """Who knows what will be signed, and by whom, knows the name too; the co-signer hears that it is taken."""
    wanted = Wanted("activate", BASE, env="staging", reason="agreed")
    name = cosigning.countersign(running.workspace("alice"), wanted, dry_run=True).pending.ref
    (running.world.remote / name).parent.mkdir(parents=True)
    (running.world.remote / name).write_text(running.tip() + "\n")
    with pytest.raises(CalibgitError, match="NAME_TAKEN"):
        cosigning.countersign(running.workspace("alice"), wanted)
