"""The verifier, step by step: each step fails with its own code, the first failure stops the fold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from calibgit.errors import EnvironmentFault, GateClosed, IntegrityError
from calibgit.model.canonical import sha256_hex
from calibgit.model.event import NAMESPACE_STATEMENT
from calibgit.model.ids import Version
from calibgit.model.state import Problem
from calibgit.registry.facts import BundledFacts
from calibgit.registry.format import parse_event
from calibgit.registry.owners import parse_codeowners
from calibgit.registry.verify import Moment, Slot, Verification, verify_log
from tests.support.events import LINE, MAIN, Log, body_of, codes, commit, config_bytes, oid, policy_toml, signer

V100, V110 = Version(1, 0, 0), Version(1, 1, 0)


def started(**options: Any) -> Log:
    log = Log(toml=policy_toml(**options))
    log.genesis()
    return log


def released(**options: Any) -> Log:
    log = started(**options)
    log.release("1.1.0")
    return log


def test_a_sound_log_is_believed_to_its_end() -> None:
    log = released()
    log.activate("1.1.0")
    result = log.verify()
    assert result.ok
    assert (result.state.seq, result.state.registry) == (3, sha256_hex(log.bodies[0]))
    assert result.people == {1: ("alice",), 2: ("bob",), 3: ("bob",)}
    assert result.state.now == {(LINE, "production"): V110}
    record = result.state.versions[LINE][V110]
    assert (record.authors, record.approvers, record.evidence) == (("carol",), ("alice",), "proven")
    assert result.state.versions[LINE][V100].evidence == "baseline"


def test_an_empty_log_is_sound_and_not_sealed() -> None:
    result = Log().verify([])
    assert result.ok
    with pytest.raises(GateClosed, match="NOT_SEALED"):
        result.require()


def test_an_unreadable_object_further_on_hides_no_earlier_failure() -> None:
    log = released()
    log.facts.line = [oid("another branch")]

    def read(_: list[str]) -> Iterator[bytes]:
        yield from log.bodies
        raise IntegrityError("OBJECT_CORRUPT", "the bytes stored for an object do not hash to its name")

    slots = [Slot(seq, log.oid(body), f"refs/tags/calib/e/{seq:08d}") for seq, body in enumerate(log.bodies, start=1)]
    slots.append(Slot(3, "3" * 40, "refs/tags/calib/e/00000003"))
    names = {
        name: slot.oid
        for slot, body in zip(slots, log.bodies, strict=False)
        for name in parse_event("0" * 40, body).payload["refs"]
    }
    assert codes(verify_log(slots, names, read, lambda _: log.facts)) == ["BRANCH_BEHIND"]


# what is done to the last event of a log of genesis and release, by the number of the step that must refuse it
Spoiled = Callable[[Log], bytes]


def resigned(by: str = "bob", **changes: Any) -> Spoiled:
    """The release with other fields, properly signed."""
    return lambda log: body_of(log.payload("release", **(log.merged("1.1.0") | changes)), by)


def approval(**changes: Any) -> Spoiled:
    def spoil(log: Log) -> bytes:
        fields = log.merged("1.1.0")
        return body_of(log.payload("release", **(fields | {"approval": fields["approval"] | changes})), "bob")

    return spoil


def facts(**spoil: Any) -> Spoiled:
    return lambda log: body_of(log.payload("release", **log.merged("1.1.0", **spoil)), "bob")


def target(**changes: Any) -> Spoiled:
    def spoil(log: Log) -> bytes:
        fields = log.merged("1.1.0")
        return body_of(log.payload("release", **(fields | {"target": fields["target"] | changes})), "bob")

    return spoil


def elsewhere(log: Log) -> bytes:
    """The merge of another directory's owner, with a file of the right name there."""
    moved = "attic/scoring_config_v1.1.0.json"
    fields = log.merged("1.1.0", changed=(moved,))
    commit_ = fields["target"]["commit"]
    log.facts.files[commit_, moved] = log.facts.files[commit_, fields["target"]["path"]]
    return body_of(log.payload("release", **(fields | {"target": fields["target"] | {"path": moved}})), "bob")


def side_branch(log: Log) -> bytes:
    """A signed merge on a side branch that main took in later: an ancestor of main that was never its tip."""
    fields = log.merged("1.1.0")
    log.facts.side = {log.facts.line.pop()}
    return body_of(log.payload("release", **fields), "bob")


def rewound(log: Log) -> bytes:
    """Written when the branch had lost the commit that the predecessor names."""
    fields = log.merged("1.1.0")
    log.facts.line = [oid("rewritten root"), fields["target"]["commit"], oid("root")]
    return body_of(log.payload("release", **fields), "bob")


def lower(log: Log) -> bytes:
    return body_of(log.payload("release", **log.merged("0.9.0")), "bob")


STEPS: dict[str, tuple[str, Spoiled]] = {
    "2: not a tag": ("MALFORMED", lambda _: b"hello"),
    "2: unsigned": ("UNSIGNED", lambda log: resigned()(log).partition(b"-----BEGIN")[0]),
    "1: a number too far": ("NAME_MISMATCH", resigned(seq=3)),
    "3: another predecessor's digest": ("GAP", resigned(prev={"oid": "0" * 40, "sha256": "0" * 64})),
    "3: another predecessor's object": (
        "CHAIN",
        lambda log: resigned(prev={"oid": "0" * 40, "sha256": log.head[1]})(log),
    ),
    "1: a second genesis": ("NAME_MISMATCH", lambda log: log.bodies[0]),
    "3: another registry": ("WRONG_REGISTRY", resigned(registry="0" * 64)),
    "6: a checkpoint by somebody without the role": (
        "NOT_AUTHORISED",
        lambda log: body_of(
            log.payload("checkpoint", expires="2027-01-01T00:00:00Z", target={"commit": log.facts.tip}), "alice"
        ),
    ),
    "2: voiding": ("MALFORMED", resigned(void=[{"seq": 2, "oid": "0" * 40}])),
    "4: another policy": ("POLICY_MISMATCH", resigned(policy_sha256="0" * 64)),
    "5: a stranger's key": ("UNKNOWN_KEY", resigned(by="mallory")),
    "5: another namespace": (
        "SIG_NAMESPACE",
        lambda log: body_of(log.payload("release", **log.merged("1.1.0")), "bob", namespace="file"),
    ),
    "5: a co-signature's namespace": (
        "SIG_NAMESPACE",
        lambda log: body_of(log.payload("release", **log.merged("1.1.0")), "bob", namespace=NAMESPACE_STATEMENT),
    ),
    "5: another text's signature": (
        "SIG_INVALID",
        lambda log: (
            resigned()(log).partition(b"-----BEGIN")[0]
            + b"-----BEGIN"
            + log.bodies[0].replace(signer("alice").public_key.encode(), b"").partition(b"-----BEGIN")[2]
        ),
    ),
    "5: garbage for a co-signature": (
        "SIG_MALFORMED",
        resigned(cosignatures=[{"key": signer("carol").public_key, "signature": "x"}]),
    ),
    "7: another branch": ("WRONG_BRANCH", resigned(branch={"ref": "refs/heads/evil", "head": oid("merge 1.1.0")})),
    "7: a head that is nowhere": ("BRANCH_BEHIND", resigned(branch={"ref": MAIN, "head": "0" * 40})),
    "7: a head on a side branch": ("NOT_ON_BRANCH", side_branch),
    "7: a target after the head": ("NOT_ON_BRANCH", resigned(branch={"ref": MAIN, "head": oid("root")})),
    "7: a branch that lost commits": ("BRANCH_REWOUND", rewound),
    "8: other bytes": ("DIGEST", target(sha256="0" * 64)),
    "8: another size": ("DIGEST", target(size=1)),
    "8: another version's place": ("WRONG_PATH", target(path="configs/scoring_config_v1.0.0.json")),
    "8: another name": ("WRONG_PATH", target(path="configs/other.json")),
    "8: another schema": ("SCHEMA_DIGEST", resigned(schema_sha256="0" * 64)),
    "2: attested": ("MALFORMED", approval(kind="github-pr")),
    "9: other approvers": ("EVIDENCE_DIFFERS", approval(approvers=["bob"])),
    "9: fewer authors": ("EVIDENCE_DIFFERS", approval(authors=[])),
    "9: more approvers": ("EVIDENCE_DIFFERS", approval(approvers=["alice", "bob"])),
    "9: another head": ("EVIDENCE_DIFFERS", approval(head="0" * 40)),
    "9: another merge": ("EVIDENCE_DIFFERS", approval(merge="0" * 40)),
    "9: unsigned merge": (
        "UNSIGNED_MERGE",
        facts(merge=commit("merge 1.1.0", (oid("base 1.1.0"), oid("head 1.1.0")), by="")),
    ),
    "9: the author's own merge": ("FOUR_EYES", facts(commits=(commit("h", author="alice"),))),
    "9: no owner": ("NOT_OWNER", facts(owners=parse_codeowners(b""))),
    "9: more than the config": ("OUT_OF_SCOPE", facts(changed=("configs/scoring_config_v1.1.0.json", "trust.toml"))),
    "9: edited in the merge": ("NOT_AS_REVIEWED", facts(altered=frozenset({"configs/scoring_config_v1.1.0.json"}))),
    "9: a lower number": ("VERSION_NOT_GREATER", lower),
    "8: another directory": ("WRONG_PATH", elsewhere),
    "8: a line that the policy does not place": ("WRONG_PATH", resigned(line="other")),
    "9: an earlier time": ("TIME_REVERSED", resigned(at="2025-01-01T00:00:00Z")),
}


@pytest.mark.parametrize("name", STEPS)
def test_step(name: str) -> None:
    log = started()
    good = log.verify().state
    log.bodies.append(STEPS[name][1](log))
    result = log.verify()
    assert codes(result) == [STEPS[name][0]]
    assert not result.ok
    assert result.errors[0].seq == 2
    assert result.errors[0].step == int(name[0])
    assert (result.state.seq, result.state.head_sha256) == (1, good.head_sha256)
    assert result.state.now == {(LINE, "production"): V100}
    with pytest.raises(IntegrityError, match=STEPS[name][0]):
        result.require()


def test_step_6_refuses_people_without_the_role() -> None:
    log = started(roles={"release": 'people = ["alice"]\nthreshold = 1\n'})
    log.release("1.1.0", by="bob")
    assert codes(log.verify()) == ["NOT_AUTHORISED"]


def test_step_6_refuses_a_role_that_nobody_has() -> None:
    log = started(roles={"deprecate": ""})
    log.add("deprecate", line=LINE, version="1.0.0", target=log.target("1.0.0"))
    assert codes(log.verify()) == ["NOT_AUTHORISED"]


def test_step_6_reads_the_role_of_the_environment() -> None:
    only = 'people = ["alice"]\nthreshold = 1\n'
    log = released(roles={"activate:production": only})
    log.activate("1.1.0", by="bob", old=None, env="staging")
    assert log.verify().ok
    log.activate("1.1.0", by="bob")
    assert codes(log.verify()) == ["NOT_AUTHORISED"]


def test_step_6_counts_people_up_to_the_threshold() -> None:
    log = started(roles={"release": 'people = ["alice", "bob", "carol"]\nthreshold = 2\n'})
    log.release("1.1.0")
    assert codes(log.verify()) == ["THRESHOLD"]


def test_step_6_wants_somebody_who_wrote_nothing() -> None:
    rule = 'people = ["alice", "bob", "carol"]\nthreshold = 1\nnon_author = true\n'
    log = released(roles={"activate:production": rule})
    log.activate("1.1.0", by="carol")
    assert codes(log.verify()) == ["AUTHOR_ONLY"]
    log = released(roles={"activate:production": rule})
    log.activate("1.1.0", by="alice")
    assert log.verify().ok


def test_an_ended_key_signs_nothing_from_its_end_on_and_keeps_its_past() -> None:
    ended = f'emails = ["bob@example.org"]\nowners = ["@bob"]\nended = [{{key = "{signer("bob").public_key}", from_seq = 3}}]\n'
    log = started(extra={"bob": ended})
    log.release("1.1.0", by="bob")
    assert log.verify().ok
    log.activate("1.1.0", by="bob")
    assert codes(log.verify()) == ["KEY_ENDED"]


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("POLICY_MISMATCH", {"four_eyes": False}),
        ("POLICY_MISMATCH", {"policy_sha256": "0" * 64}),
        ("WRONG_BRANCH", {"branch": {"ref": "refs/heads/evil", "head": oid("root")}}),
    ],
)
def test_genesis_says_what_its_policy_says(code: str, changes: dict[str, Any]) -> None:
    log = Log()
    log.genesis(**changes)
    result = log.verify()
    assert codes(result) == [code]
    assert result.policy is None
    assert result.state.seq == 0


def test_genesis_is_signed_by_somebody_whom_its_policy_lets() -> None:
    for by, code in (("mallory", "UNKNOWN_KEY"), ("bob", "NOT_AUTHORISED")):
        log = Log(toml=policy_toml(roles={"policy": 'people = ["alice"]\nthreshold = 1\n'}))
        log.genesis(by=by)
        assert codes(log.verify()) == [code]


@pytest.mark.parametrize("text", [b"", b"x", b"schema = 1", b"\xff", b'schema = "calibgit/trust/1"\n'])
def test_genesis_with_a_policy_that_cannot_be_read_is_refused(text: bytes) -> None:
    log = Log(toml=text)
    log.genesis()
    assert codes(log.verify()) == ["POLICY_UNREADABLE"]


def baseline(**changes: Any) -> dict[str, Any]:
    entry = {
        "line": LINE,
        "version": "1.0.0",
        "path": "configs/scoring_config_v1.0.0.json",
        "sha256": sha256_hex(config_bytes("1.0.0")),
        "size": len(config_bytes("1.0.0")),
    }
    return {**entry, "envs": ["production"], **changes}


@pytest.mark.parametrize(
    ("code", "entries"),
    [
        ("DIGEST", [baseline(sha256="0" * 64)]),
        ("DIGEST", [baseline(size=3)]),
        ("WRONG_PATH", [baseline(version="1.0.1")]),
        ("WRONG_PATH", [baseline(path="trust.toml")]),
        ("BASELINE_CLASH", [baseline(), baseline(envs=["staging"])]),
        ("BASELINE_CLASH", [baseline(envs=["production", "production"])]),
    ],
)
def test_genesis_adopts_exactly_what_is_there(code: str, entries: list[dict[str, Any]]) -> None:
    log = Log()
    log.genesis(baseline=entries)
    assert codes(log.verify()) == [code]


def test_the_first_failure_stops_the_fold() -> None:
    log = released()
    broken = bytearray(body_of(log.payload("deprecate", line=LINE, version="1.1.0", target=log.target("1.1.0")), "bob"))
    broken[-60] ^= 1
    log.bodies.append(bytes(broken))
    log.activate("1.1.0")
    result = log.verify()
    assert len(result.errors) == 1
    assert [event.seq for event in result.events] == [1, 2]
    assert result.state.seq == 2
    assert result.state.now == {(LINE, "production"): V100}


def test_a_look_back_keeps_the_state_of_then_and_still_checks_what_came_after() -> None:
    log = released()
    log.activate("1.1.0")
    result = log.verify(moment=Moment(seq=2))
    assert result.ok
    assert result.past is not None
    assert (result.past.seq, result.past.now) == (2, {(LINE, "production"): V100})
    assert result.state.seq == 3
    log.bodies.append(b"garbage")
    assert not log.verify(moment=Moment(seq=2)).ok


def test_a_time_means_the_last_event_up_to_it() -> None:
    log = released()
    times = [event.at for event in log.verify().events]
    for at, seq in ((times[0], 1), (times[1], 2), ("2025-12-31T23:59:59Z", 0), ("2027-01-01T00:00:00Z", 2)):
        past = log.verify(moment=Moment(at=at)).past
        assert past is not None
        assert past.seq == seq


def test_a_body_that_is_not_here_is_named() -> None:
    slot = Slot(1, "0" * 40, "refs/tags/calib/e/00000001")
    result = verify_log([slot], {}, lambda _: iter([None]), lambda _: BundledFacts({}))
    assert codes(result) == ["UNREADABLE"]


def test_what_step_1_saw_comes_first() -> None:
    ref = "refs/tags/calib/e/00000001"
    slot = Slot(1, "0" * 40, ref, Problem("LIGHTWEIGHT", "x", 1, ref, "fetch", 1))
    result = verify_log([slot], {}, lambda _: iter([b"garbage"]), lambda _: BundledFacts({}))
    assert [(problem.code, problem.step) for problem in result.errors] == [("LIGHTWEIGHT", 1)]
    assert result.errors[0].fix == "fetch; if the remote holds it too: calibgit void --reason TEXT"


def test_an_error_of_the_machine_is_not_blamed_on_an_event() -> None:
    log = released()

    def broken(_: str, __: str) -> bool:
        raise EnvironmentFault("GIT_FAILED", "the disk is gone")

    log.facts.on_first_parent_line = broken  # type: ignore[assignment]
    with pytest.raises(EnvironmentFault, match="GIT_FAILED"):
        log.verify()


def test_an_event_of_a_fork_says_nothing_here() -> None:
    here, fork = released(), Log(toml=policy_toml())
    fork.genesis(reason="a fork")
    fork.release("1.1.0")
    assert codes(here.verify([here.bodies[0], fork.bodies[1]])) == ["CHAIN"]


def test_events_cannot_change_places_or_come_twice() -> None:
    log = released()
    log.activate("1.1.0")
    one, two, three = log.bodies
    for order in ([one, three, two], [two, one, three], [one, one], [one, two, two], [one, three]):
        assert codes(log.verify(order))[0] == "NAME_MISMATCH"


def test_other_bytes_of_an_event_are_another_event() -> None:
    log = released()
    log.activate("1.1.0")
    again = body_of({**parse_event("0" * 40, log.bodies[1]).payload, "reason": "signed again"}, "bob")
    assert codes(log.verify([log.bodies[0], again, log.bodies[2]])) == ["GAP"]


def test_a_bundle_verifies_without_commits() -> None:
    log = released()
    log.activate("1.1.0")
    names = {name: log.oid(body) for body in log.bodies for name in parse_event("0" * 40, body).payload["refs"]}
    slots = [Slot(seq, log.oid(body), f"refs/tags/calib/e/{seq:08d}") for seq, body in enumerate(log.bodies, start=1)]
    files = {sha256_hex(log.toml): log.toml}
    result: Verification = verify_log(slots, names, lambda _: iter(log.bodies), lambda _: BundledFacts(files))
    assert result.ok
    assert result.state.now == {(LINE, "production"): V110}
