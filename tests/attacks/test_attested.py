"""Attacks on attested approval: a machine says who reviewed what, and is lied to, or lies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import govern as jobs
from calibgit.model.ids import Version, config_path, summary_path
from calibgit.repo.commits import commit_files
from tests.attacks.raw import ATTESTED, codes, file_at, forge, payload, released_from, share, slot, stopped
from tests.support.attesting import approve, squash
from tests.support.attesting import forge as host
from tests.support.governed import LINE, Governed
from tests.support.world import run_git

V110, V120 = Version(1, 1, 0), Version(1, 2, 0)
CONFIG, SUMMARY = config_path(V110), summary_path(LINE, V110)
BRANCH = "refs/heads/calibgit/scoring/v1.1.0"
KEEP = "refs/tags/calib/p/keep/"


def reviewed(attested: Governed) -> str:
    """The head that carol proposed and alice approved."""
    return attested.world.remote_git("rev-parse", BRANCH)


def attest(attested: Governed, at: str, head: str, *, by: str = "robot", version: Version = V110, **spoil: Any) -> None:
    """Sign a release with a record that nobody's tool made."""
    fields = released_from(attested, at, version, **ATTESTED.record(head, **spoil))
    forge(attested, payload(attested, "release", **fields), by=by)


def commit(
    attested: Governed, parent: str, files: dict[str, bytes | None], *, by: str = "carol", text: str = "x"
) -> str:
    """An unsigned commit, as a code host makes them."""
    space = attested.workspace("alice")
    return commit_files(
        space.repo, parents=[parent], files=files, message=text, author=attested.world.identity(by), when=space.now()
    )


def land(attested: Governed, oid: str) -> str:
    """Put a commit on main by force."""
    attested.world.git("push", "--quiet", "--force", "origin", f"{oid}:refs/heads/main")
    attested.fetch()
    return oid


def repropose(attested: Governed, head: str, *approvers: str) -> None:
    """Move the proposal's branch to `head` and have it approved there."""
    attested.world.git("push", "--quiet", "--force", "origin", f"{head}:{BRANCH}")
    attested.fetch()
    host(attested).update(1, head=head)
    approve(attested, 1, head, *approvers)


def proposal(attested: Governed) -> dict[str, bytes | None]:
    """The files of carol's proposal."""
    return {path: file_at(attested, reviewed(attested), path) for path in (CONFIG, SUMMARY)}


@pytest.mark.parametrize("way", ["merge", "squash"])
def test_a_record_by_hand_of_a_sound_merge_is_believed(attested: Governed, way: str) -> None:
    """The attacks below differ from this in one thing each."""
    head = reviewed(attested)
    merge = attested.merge(head, signed=False) if way == "merge" else squash(attested, head)
    attest(attested, merge, head)
    result = attested.verification()
    assert result.ok
    assert result.state.line(LINE)[V110].evidence == "attested"


SPOILED: dict[str, tuple[dict[str, Any], str]] = {
    "the author approves": ({"approvers": ["carol"]}, "FOUR_EYES"),
    "the author approves besides somebody else": ({"approvers": ["alice", "carol"]}, "FOUR_EYES"),
    "the opener approves": ({"opener": "alice", "authors": ["alice", "carol"]}, "FOUR_EYES"),
    "the opener approves, named by address": ({"opener": "Alice@Example.org"}, "FOUR_EYES"),
    "the opener approves, named by login": ({"opener": "alice-gh"}, "FOUR_EYES"),
    "the opener approves, named by team": ({"opener": "@org/leads"}, "FOUR_EYES"),
    "an approver whom nobody knows": ({"approvers": ["mallory"]}, "NOT_HUMAN"),
    "an approver in other letters": ({"approvers": ["Alice"]}, "NOT_HUMAN"),
    "an approver by address": ({"approvers": ["alice@example.org"]}, "NOT_HUMAN"),
    "a machine approves": ({"approvers": ["robot"]}, "NOT_HUMAN"),
    "a machine approves besides somebody": ({"approvers": ["alice", "robot"]}, "NOT_HUMAN"),
    "nobody approves": ({"approvers": []}, "NO_APPROVAL"),
    "an approver twice": ({"approvers": ["alice", "alice"]}, "EVIDENCE_DIFFERS"),
    "another base": ({"base": "0" * 40}, "EVIDENCE_DIFFERS"),
    "another merge": ({"merge": "0" * 40}, "EVIDENCE_DIFFERS"),
    "another summary": ({"summary_sha256": "0" * 64}, "EVIDENCE_DIFFERS"),
    "another initiator": ({"initiator": "bob@example.org"}, "EVIDENCE_DIFFERS"),
    "fewer authors": ({"authors": []}, "EVIDENCE_DIFFERS"),
    "more authors": ({"authors": ["bob", "carol"]}, "EVIDENCE_DIFFERS"),
    "the opener hidden": ({"opener": "bob"}, "EVIDENCE_DIFFERS"),
    "a field more": ({"proven": True}, "MALFORMED"),
    "no request": ({"forge": {"host": "github.com", "repository": "org/app", "number": 0}}, "MALFORMED"),
    "called proven": ({"kind": "merge-signed"}, "MALFORMED"),
}


def test_a_record_that_the_repository_does_not_bear_out(attested: Governed) -> None:
    """The machine's key is in the wrong hands; the merge is sound."""
    head = reviewed(attested)
    merge = squash(attested, head)
    for name, (spoil, code) in SPOILED.items():
        attest(attested, merge, head, **spoil)
        result = attested.verification()
        assert (name, codes(result), result.state.seq) == (name, [code], 1)
    stopped(attested, "MALFORMED", 2, good=1)


@pytest.mark.parametrize(
    ("by", "code"), [("dave", "NOT_AUTHORISED"), ("bob", "NOT_AUTHORISED"), ("alice", "NOT_AUTHORISED")]
)
def test_whoever_attests_needs_both_roles(attested: Governed, by: str, code: str) -> None:
    """Dave may attest and not release, bob and alice may release and not attest."""
    head = reviewed(attested)
    attest(attested, attested.merge(head, signed=False), head, by=by)
    stopped(attested, code, 2, good=1)


def other_head(attested: Governed) -> tuple[str, str]:
    head = reviewed(attested)
    return attested.merge(head, signed=False), commit(attested, head, {})


def head_on_the_branch(attested: Governed) -> tuple[str, str]:
    """The config was pushed; what is called the reviewed head is main before."""
    return land(attested, commit(attested, attested.tip(), proposal(attested))), attested.tip() + "^"


def edited(attested: Governed) -> tuple[str, str]:
    head = reviewed(attested)
    return squash(attested, head, **{CONFIG: file_at(attested, head, CONFIG).replace(b"67", b"50")}), head


def edited_merge(attested: Governed) -> tuple[str, str]:
    head = reviewed(attested)
    data = file_at(attested, head, CONFIG).replace(b"67", b"50")
    space = attested.workspace("alice")
    made = commit_files(
        space.repo,
        parents=[attested.tip(), head],
        files=proposal(attested) | {CONFIG: data},
        message="Merge",
        author=attested.world.identity("alice"),
        when=space.now(),
    )
    return land(attested, made), head


def left_the_scope(attested: Governed) -> tuple[str, str]:
    head = commit(attested, reviewed(attested), {"CODEOWNERS": b"* @carol\n"})
    return squash(attested, head), head


def smuggled_into_the_squash(attested: Governed) -> tuple[str, str]:
    head = reviewed(attested)
    return squash(attested, head, CODEOWNERS=b"* @carol\n"), head


def half_of_it(attested: Governed) -> tuple[str, str]:
    head = commit(attested, reviewed(attested), {"proposals/scoring/v1.1.0/more.md": b"more\n"})
    return squash(attested, reviewed(attested)), head


def not_by_an_owner(attested: Governed) -> tuple[str, str]:
    land(attested, commit(attested, attested.tip(), {"CODEOWNERS": b"* @alice @bob\n/configs/ @bob\n"}, by="alice"))
    return squash(attested, reviewed(attested)), reviewed(attested)


def no_owners(attested: Governed) -> tuple[str, str]:
    land(attested, commit(attested, attested.tip(), {"CODEOWNERS": None}, by="alice"))
    return squash(attested, reviewed(attested)), reviewed(attested)


def written_with_the_approver(attested: Governed) -> tuple[str, str]:
    head = commit(attested, reviewed(attested), {}, text="Tidy\n\nCo-authored-by: A <ALICE@example.org>\n")
    return squash(attested, head), head


def committed_by_the_approver(attested: Governed) -> tuple[str, str]:
    head = commit(attested, reviewed(attested), {}, by="alice")
    return squash(attested, head), head


def octopus(attested: Governed) -> tuple[str, str]:
    space, head = attested.workspace("alice"), reviewed(attested)
    made = commit_files(
        space.repo,
        parents=[attested.tip(), head, commit(attested, attested.tip(), {})],
        files=proposal(attested),
        message="Merge",
        author=attested.world.identity("alice"),
        when=space.now(),
    )
    return land(attested, made), head


HISTORIES: dict[Callable[[Governed], tuple[str, str]], str] = {
    other_head: "NOT_MERGED",
    head_on_the_branch: "NOT_MERGED",
    edited: "NOT_AS_REVIEWED",
    edited_merge: "NOT_AS_REVIEWED",
    left_the_scope: "OUT_OF_SCOPE",
    smuggled_into_the_squash: "OUT_OF_SCOPE",
    half_of_it: "REBASED",
    not_by_an_owner: "NOT_OWNER",
    no_owners: "NO_CODEOWNERS",
    written_with_the_approver: "FOUR_EYES",
    committed_by_the_approver: "FOUR_EYES",
    octopus: "NOT_MERGED",
}


@pytest.mark.slow
@pytest.mark.parametrize("attack", HISTORIES, ids=lambda attack: attack.__name__)
def test_a_history_that_is_no_reviewed_merge(attested: Governed, attack: Callable[[Governed], tuple[str, str]]) -> None:
    """The record says what the machine would say; the repository says something else."""
    merge, head = attack(attested)
    attest(attested, merge, attested.world.git("rev-parse", head))
    stopped(attested, HISTORIES[attack], 2, good=1)


@pytest.mark.parametrize("initiator", ["alice@example.org", "ALICE", "@alice", "alice-gh", "@org/leads"])
def test_whoever_started_it_does_not_approve_it(attested: Governed, initiator: str) -> None:
    """By name, address, login and team."""
    head = attested.propose("1.2.0", initiator=initiator, good=68)
    merge = attested.merge(head, signed=False)
    attest(attested, merge, head, version=V120, initiator=initiator, authors=["carol"])
    stopped(attested, "FOUR_EYES", 2, good=1)


@pytest.mark.parametrize(
    ("opener", "code"), [("carol", "SCHEDULE_CLAIMED"), ("mallory", "SCHEDULE_CLAIMED"), ("robot", "")]
)
def test_only_a_machines_request_was_started_by_a_schedule(attested: Governed, opener: str, code: str) -> None:
    """A person who says that nobody started it keeps out of the set of authors."""
    head = attested.propose("1.2.0", initiator="schedule", good=68)
    merge = attested.merge(head, signed=False)
    authors = sorted({"carol", opener})
    attest(attested, merge, head, version=V120, initiator="schedule", opener=opener, authors=authors)
    assert codes(attested.verification()) == ([code] if code else [])


def test_owners_of_some_paths_are_not_owners_of_all(attested: Governed) -> None:
    """Alice owns the configs and bob the rest; only both together approve a proposal."""
    land(attested, commit(attested, attested.tip(), {"CODEOWNERS": b"* @bob\n/configs/ @alice\n"}, by="alice"))
    head = reviewed(attested)
    merge = squash(attested, head)
    for approvers, code in ((["alice"], "NOT_OWNER"), (["bob"], "NOT_OWNER"), (["alice", "bob"], "")):
        attest(attested, merge, head, approvers=approvers)
        assert codes(attested.verification()) == ([code] if code else [])


def three_commits(attested: Governed, onto: str) -> str:
    """Bob becomes owner, the config comes, and the owners are as before: the sum looks harmless."""
    first = commit(attested, onto, {"CODEOWNERS": b"* @bob\n"}, text="one")
    second = commit(attested, first, proposal(attested), text="two")
    return commit(attested, second, {"CODEOWNERS": b"* @alice\n"}, text="three")


def copied(attested: Governed, onto: str, head: str) -> str:
    """What a code host's rebase makes of a branch: the same authors, times and words on new commits."""
    attested.world.git("switch", "--quiet", "--detach", onto)
    attested.world.git(
        "cherry-pick", "--no-gpg-sign", f"{onto}..{head}", env={"GIT_COMMITTER_DATE": "1800000000 +0000"}
    )
    return attested.world.head()


@pytest.mark.parametrize("way", ["rebase", "pushed"])
def test_owners_named_by_an_earlier_commit_of_the_request_approve_nothing(attested: Governed, way: str) -> None:
    """The base of a rebased config is a commit of the request itself; CODEOWNERS there is the attacker's."""
    base = land(attested, commit(attested, attested.tip(), {"CODEOWNERS": b"* @alice\n"}, by="alice"))
    head = three_commits(attested, base)
    repropose(attested, head, "bob")
    land(attested, copied(attested, base, head) if way == "rebase" else head)
    before = attested.remote_tags()
    with pytest.raises(CalibgitError, match="REBASED"):
        jobs.release(attested.workspace("robot"), V110, reason="", attest=True)
    assert attested.remote_tags() == before
    merge = attested.world.git("rev-parse", f"{attested.tip()}^1")
    attest(attested, merge, head, approvers=["bob"])
    stopped(attested, "REBASED", 2, good=1)


@pytest.mark.parametrize("more", ["", "empty"])
def test_a_request_that_was_pushed_to_main_hides_no_author(attested: Governed, more: str) -> None:
    """Alice wrote the first commit and carol the second; pushed as they are, the first one is no part of the merge."""
    first = commit(attested, attested.tip(), {"proposals/scoring/v1.1.0/draft.md": b"draft\n"}, by="alice")
    head = commit(attested, first, proposal(attested))
    head = commit(attested, head, {}, text="nothing") if more else head
    repropose(attested, head, "alice")
    land(attested, head)
    before = attested.remote_tags()
    with pytest.raises(CalibgitError, match="REBASED"):
        jobs.release(attested.workspace("robot"), V110, reason="", attest=True)
    assert attested.remote_tags() == before


def test_a_squash_of_many_commits_is_no_rebase(attested: Governed) -> None:
    """The counterpart of the two attacks above, with main having moved on in between."""
    head = commit(attested, reviewed(attested), {"proposals/scoring/v1.1.0/more.md": b"more\n"})
    repropose(attested, head, "alice")
    land(attested, commit(attested, attested.tip(), {"README.md": b"Something else.\n"}, by="bob"))
    squash(attested, head)
    jobs.release(attested.workspace("robot"), V110, reason="", attest=True)
    assert attested.verification().ok


def test_an_approval_is_not_replayed_for_another_version(attested: Governed) -> None:
    """The record of 1.1.0 stands in a release of 1.2.0, which nobody reviewed."""
    first = reviewed(attested)
    squash(attested, first)
    head = attested.propose("1.2.0", good=68)
    for merge in (squash(attested, head), land(attested, attested.merge(head, signed=False))):
        attest(attested, merge, first, version=V120)
        assert codes(attested.verification())[0] in {"NOT_MERGED", "NOT_AS_REVIEWED"}


def test_a_reviewed_head_that_vanished_stops_the_log_and_is_not_voided(attested: Governed) -> None:
    """Somebody deletes what keeps the head of a squash: nobody may call the release junk because of that."""
    head = reviewed(attested)
    squash(attested, head)
    jobs.release(attested.workspace("robot"), V110, reason="", attest=True)
    for name in (KEEP + head, BRANCH):
        attested.world.remote_git("update-ref", "-d", name)
    run_git(attested.world.remote, "-c", "gc.reflogExpire=now", "prune", "--expire=now")
    run_git(attested.world.remote, "repack", "-adq")
    clone = attested.world.second_clone()
    result = attested.workspace("alice", path=clone).verification()
    assert codes(result) == ["HEAD_MISSING"]
    assert (result.state.seq, result.foreign) == (1, [])


def test_a_kept_head_that_is_another_commit_changes_nothing(attested: Governed) -> None:
    """The name is for git's sake; what counts is the id in the record."""
    head = reviewed(attested)
    squash(attested, head)
    attested.world.git("update-ref", KEEP + head, attested.tip())
    share(attested, KEEP + head)
    before = attested.remote_tags()
    with pytest.raises(CalibgitError, match="NAME_TAKEN"):
        jobs.release(attested.workspace("robot"), V110, reason="", attest=True)
    assert attested.remote_tags() == before
    assert slot(2) not in before
