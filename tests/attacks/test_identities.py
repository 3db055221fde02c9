"""Attacks on who is who: people under names that the policy does not know yet, knows no longer, or never should know."""

from __future__ import annotations

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import govern as jobs
from calibgit.jobs import upkeep
from calibgit.model.ids import Version
from calibgit.repo.commits import commit_files
from calibgit.repo.identity import Identity
from tests.attacks.raw import (
    ATTESTED,
    blob,
    codes,
    forge,
    land,
    odd_commit,
    payload,
    released_from,
    slot,
    stopped,
)
from tests.attacks.test_policies import change, ended, merge_policy
from tests.support.attesting import approve, squash
from tests.support.attesting import forge as host
from tests.support.governed import LINE, Governed

V110 = Version(1, 1, 0)
BRANCH = "refs/heads/calibgit/scoring/v1.1.0"
BOB = 'emails = ["bob@example.org"'


def reviewed(attested: Governed) -> str:
    """The head that carol proposed and alice approved."""
    return attested.world.remote_git("rev-parse", BRANCH)


def written_by(attested: Governed, address: str) -> str:
    """Somebody adds a commit to carol's branch, and alice approves it."""
    space = attested.workspace("alice")
    head = commit_files(
        space.repo,
        parents=[reviewed(attested)],
        files={},
        message="Tidy",
        author=Identity("Somebody", address),
        when=space.now(),
    )
    attested.world.git("push", "--quiet", "origin", f"{head}:{BRANCH}")
    attested.fetch()
    host(attested).update(1, head=head)
    approve(attested, 1, head, "alice")
    return head


def test_an_author_whom_the_policy_learns_of_later_is_an_author_all_the_same(attested: Governed) -> None:
    """Bob wrote under his private address. The policy learns that it is his after the release; then he activates."""
    squash(attested, written_by(attested, "bob@home.example"))
    jobs.release(attested.workspace("robot"), V110, reason="", attest=True)
    merge_policy(attested, BOB, BOB + ', "Bob@Home.example"')
    upkeep.policy(attested.workspace("alice"), reason="bob's other address")
    with pytest.raises(CalibgitError, match="AUTHOR_ONLY"):
        jobs.activate(attested.workspace("bob"), V110, env="production")
    target = dict(attested.verification().events[1].payload["target"])
    fields = {"line": LINE, "version": "1.1.0", "env": "production", "from_version": "1.0.0", "target": target}
    value = payload(attested, "activate", **fields)
    forge(attested, value, by="bob")
    assert codes(attested.verification()) == ["AUTHOR_ONLY"]
    forge(attested, value, by="alice")
    assert attested.verification().state.now[LINE, "production"] == V110


def test_an_opener_whose_login_is_schedule_is_no_schedule(attested: Governed) -> None:
    """Alice calls her account so, opens carol's change under it, and approves it herself."""
    merge_policy(attested, 'login = "alice-gh"', 'login = "schedule"')
    upkeep.policy(attested.workspace("alice"), reason="renamed")
    head = reviewed(attested)
    merge = squash(attested, head)
    for authors in (["carol"], ["alice", "carol"], ["carol", "schedule"]):
        record = ATTESTED.record(head, opener="schedule", authors=authors)
        ATTESTED.release(attested, released_from(attested, merge, V110, **record))
        assert (authors, codes(attested.verification())) == (authors, ["FOUR_EYES"])


@pytest.mark.parametrize("compromised", [False, True])
def test_whoever_has_no_key_left_approves_nothing(attested: Governed, compromised: bool) -> None:
    """Alice's key ended and she has no other, but her account on the code host still approves."""
    keys, gone = ended(attested, "alice", 3, compromised=compromised)
    merge_policy(attested, keys, gone)
    upkeep.policy(attested.workspace("bob"), reason="alice left")
    head = reviewed(attested)
    merge = squash(attested, head)
    with pytest.raises(CalibgitError, match="APPROVER_ENDED"):
        jobs.release(attested.workspace("robot"), V110, reason="", attest=True)
    ATTESTED.release(attested, released_from(attested, merge, V110, **ATTESTED.record(head)))
    stopped(attested, "APPROVER_ENDED", 3, good=2)


def test_no_policy_closes_the_second_pair_of_eyes(attested: Governed) -> None:
    """Alice alone changes the policy for an hour, approves what she wrote, and changes it back."""
    merge_policy(attested, "four_eyes = true", "four_eyes = false")
    with pytest.raises(CalibgitError, match="FOUR_EYES_DROPPED"):
        upkeep.policy(attested.workspace("alice"), reason="quick")
    forge(attested, change(attested), by="alice")
    stopped(attested, "FOUR_EYES_DROPPED", 2, good=1)


def test_an_approval_that_was_taken_back_is_none(attested: Governed) -> None:
    """Alice looked again; the machine asks for what stands at the end."""
    head = reviewed(attested)
    host(attested).review(1, reviewer="alice", verdict="changes_requested", head=head)
    squash(attested, head)
    with pytest.raises(CalibgitError, match="NO_APPROVAL"):
        jobs.release(attested.workspace("robot"), V110, reason="", attest=True)
    assert slot(2) not in attested.remote_tags()


def test_whoever_may_push_to_main_names_owners_but_only_among_the_people(attested: Governed) -> None:
    """One of the limits: the protected branch guards CODEOWNERS, not the registry. A machine or a stranger is no owner."""
    attested.world.git("reset", "--quiet", "--hard", "refs/remotes/origin/main")
    attested.world.commit({"CODEOWNERS": "* @bob @robot @mallory\n"}, "Owners")
    attested.world.git("push", "--quiet", "origin", "HEAD:main")
    attested.fetch()
    head = reviewed(attested)
    merge = squash(attested, head)
    for approver, code in (("alice", "NOT_OWNER"), ("robot", "NOT_HUMAN"), ("mallory", "NOT_HUMAN"), ("bob", "")):
        record = ATTESTED.record(head, approvers=[approver])
        ATTESTED.release(attested, released_from(attested, merge, V110, **record))
        assert (approver, codes(attested.verification())) == (approver, [code] if code else [])


@pytest.mark.parametrize("mode", ["160000", "120000"])
def test_an_owners_file_that_is_no_file_names_nobody(attested: Governed, mode: str) -> None:
    """Reviewers saw forty digits, or the target of a link; git gives the text behind them to whoever asks for it."""
    text = blob(attested, b"* @bob\n")
    land(attested, odd_commit(attested, [attested.tip()], {".github/CODEOWNERS": (mode, text)}, by="carol"))
    head = reviewed(attested)
    merge = squash(attested, head)
    record = ATTESTED.record(head, approvers=["bob"])
    ATTESTED.release(attested, released_from(attested, merge, V110, **record))
    assert codes(attested.verification()) == ["NO_CODEOWNERS"]
