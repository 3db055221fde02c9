"""Releases whose approval a code host knows: a machine attests it, and the approvers may prove it."""

from __future__ import annotations

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import cosigning, govern
from calibgit.jobs.cosigning import Wanted
from calibgit.model.ids import Version
from tests.support.attesting import approve, attesting, request, squash
from tests.support.governed import Governed
from tests.support.world import World, run_git

V110 = Version(1, 1, 0)


@pytest.fixture
def governed(world: World) -> Governed:
    return attesting(world)


def proposed(governed: Governed, *approvers: str, opener: str = "carol") -> str:
    head = governed.propose("1.1.0")
    number = request(governed, "1.1.0", head, opener=opener)
    approve(governed, number, head, *approvers)
    return head


def release(governed: Governed, by: str = "robot") -> dict[str, object]:
    return dict(govern.release(governed.workspace(by), V110, reason="", attest=True).event.payload["approval"])


def test_a_merge_made_by_the_code_host_is_attested(governed: Governed) -> None:
    head = proposed(governed, "alice")
    merge = governed.merge(head, signed=False)
    with pytest.raises(CalibgitError, match="UNSIGNED_MERGE"):
        govern.release(governed.workspace("robot"), V110, reason="")
    approval = release(governed)
    assert (approval["kind"], approval["merge"], approval["head"]) == ("github-pr", merge, head)
    assert (approval["approvers"], approval["authors"]) == (["alice"], ["carol"])
    record = governed.verification().state.line("scoring")[V110]
    assert (record.evidence, record.approvers) == ("attested", ("alice",))


def test_a_squash_is_attested_and_every_reader_has_the_reviewed_commit(governed: Governed) -> None:
    head = proposed(governed, "alice")
    squash(governed, head)
    governed.world.remote_git("update-ref", "-d", "refs/heads/calibgit/scoring/v1.1.0")
    release(governed)
    clone = governed.world.second_clone()
    run_git(clone, "cat-file", "-e", head)
    result = governed.workspace("dave", path=clone).verification()
    assert result.ok
    assert result.state.line("scoring")[V110].evidence == "attested"


def test_a_clone_without_the_reviewed_commit_says_so_and_does_not_call_it_junk(governed: Governed) -> None:
    head = proposed(governed, "alice")
    squash(governed, head)
    governed.world.remote_git("update-ref", "-d", "refs/heads/calibgit/scoring/v1.1.0")
    release(governed)
    clone = governed.world.root / "narrow"
    run_git(governed.world.root, "init", "--quiet", "narrow")
    run_git(clone, "remote", "add", "origin", "../remote.git")
    tags = ("refs/tags/calib/e/*:refs/tags/calib/e/*", "refs/tags/calib/scoring/*:refs/tags/calib/scoring/*")
    run_git(clone, "fetch", "--quiet", "--no-tags", "origin", "refs/heads/main:refs/remotes/origin/main", *tags)
    result = governed.workspace("dave", path=clone).verification()
    assert [problem.code for problem in result.errors] == ["HEAD_MISSING"]
    assert not result.foreign


def test_the_approvers_own_signature_makes_it_proven(governed: Governed) -> None:
    governed.merge(proposed(governed, "alice"), signed=False)
    cosigning.countersign(governed.workspace("alice"), Wanted("release", V110, attest=True))
    release(governed)
    assert governed.verification().state.line("scoring")[V110].evidence == "proven"


def test_somebody_elses_signature_does_not(governed: Governed) -> None:
    governed.merge(proposed(governed, "alice"), signed=False)
    cosigning.countersign(governed.workspace("bob"), Wanted("release", V110, attest=True))
    release(governed)
    result = governed.verification()
    assert result.people[result.state.seq] == ("robot", "bob")
    assert result.state.line("scoring")[V110].evidence == "attested"


@pytest.mark.parametrize(
    ("code", "approvers", "opener"),
    [
        ("NO_APPROVAL", (), "carol"),
        ("FOUR_EYES", ("carol",), "alice"),
        ("FOUR_EYES", ("alice",), "alice"),
        ("FOUR_EYES", ("alice", "bob"), "@bob"),
        ("UNKNOWN_APPROVER", ("mallory",), "carol"),
        ("NOT_HUMAN", ("robot",), "carol"),
    ],
)
def test_what_the_code_host_calls_approved_is_judged_again(
    governed: Governed, code: str, approvers: tuple[str, ...], opener: str
) -> None:
    governed.merge(proposed(governed, *approvers, opener=opener), signed=False)
    with pytest.raises(CalibgitError, match=code):
        release(governed)


def test_a_person_without_the_role_attests_nothing(governed: Governed) -> None:
    governed.merge(proposed(governed, "alice"), signed=False)
    with pytest.raises(CalibgitError, match="NOT_AUTHORISED"):
        release(governed, by="bob")


def test_a_squash_that_was_edited_is_refused(governed: Governed) -> None:
    head = proposed(governed, "alice")
    squash(governed, head, **{"configs/scoring_config_v1.1.0.json": b"{}"})
    with pytest.raises(CalibgitError, match="NOT_AS_REVIEWED"):
        release(governed)
