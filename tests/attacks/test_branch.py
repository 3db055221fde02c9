"""Attacks on which branch a log is checked against: a rename is a policy event, and a guess is believed in nothing."""

from __future__ import annotations

from typing import Any

import pytest

from calibgit.errors import CalibgitError
from calibgit.jobs import govern as jobs
from calibgit.jobs import read, upkeep
from calibgit.model.ids import Version
from calibgit.registry.branch import LogOnBranch
from calibgit.registry.read import named_branch
from calibgit.repo.commits import commit_files
from tests.attacks.raw import codes, forge, payload, plant, share, slot, stopped, unsigned, warned, write
from tests.attacks.test_policies import change, deprecation, merge_policy
from tests.support.governed import BASE, LINE, Governed
from tests.support.world import run_git

OLD, NEW = "refs/heads/main", "refs/heads/trunk"
JUNK = b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"


def push_trunk(running: Governed, at: str = "refs/remotes/origin/main") -> None:
    """The new branch, from a commit of the old one."""
    running.world.git("push", "--quiet", "--force", "origin", f"{at}:{NEW}")
    running.fetch()


def renamed(running: Governed) -> None:
    """Event 4 protects trunk instead of main, as it should be done."""
    merge_policy(running, 'branch = "main"', 'branch = "trunk"')
    push_trunk(running)
    upkeep.policy(running.workspace("alice"), reason="trunk")


def forget_main(running: Governed) -> None:
    """The old branch goes, on the remote and in the clone."""
    running.world.remote_git("symbolic-ref", "HEAD", NEW)
    running.world.remote_git("update-ref", "-d", OLD)
    running.world.git("switch", "--quiet", "--detach")
    for ref in ("refs/remotes/origin/HEAD", "refs/remotes/origin/main", OLD):
        running.world.git("update-ref", "-d", "--no-deref", ref)


def word(running: Governed, seq: int, branch: str, *, by: str | None = None) -> str:
    """Plant what reads like an event and names a branch; nobody signed it, or somebody without a role did."""
    value = payload(
        running,
        "checkpoint",
        seq=seq,
        target={"commit": running.world.head("HEAD")},
        branch={"ref": branch, "head": running.world.head("HEAD")},
        expires="2030-01-01T00:00:00Z",
        at="2029-12-31T00:00:00Z",
    )
    text = unsigned(value)
    body = text + (running.world.signer(by).sign(text, "git").encode() if by else JUNK)
    oid = write(running.world.clone, "tag", body)
    plant(running.world.clone, {slot(seq): oid})
    return oid


def test_the_old_branch_may_go_after_a_rename(running: Governed) -> None:
    """Master becomes main: readers, old and new, and writers go on with the new branch alone."""
    renamed(running)
    forget_main(running)
    assert (running.verification().ok, running.verification().state.seq) == (True, 4)
    jobs.deprecate(running.workspace("bob"), BASE, reason="on trunk")
    result = running.verification()
    assert (result.ok, result.state.seq) == (True, 5)
    fresh = running.workspace("carol", path=running.world.second_clone())
    assert (fresh.verification().ok, fresh.verification().state.seq) == (True, 5)
    assert read.status(fresh)["lines"][LINE]["active"] == {"production": "1.1.0"}


@pytest.mark.slow
def test_a_writer_who_missed_the_rename_finds_the_new_branch(running: Governed) -> None:
    """Bob's clone knows main only, and main is gone."""
    clone = running.world.second_clone()
    renamed(running)
    running.world.remote_git("symbolic-ref", "HEAD", NEW)
    running.world.remote_git("update-ref", "-d", OLD)
    jobs.deprecate(running.workspace("bob", path=clone), BASE, reason="x")
    result = running.workspace("bob", path=clone).verification()
    assert (result.ok, result.state.seq) == (True, 5)


@pytest.mark.slow
def test_releases_from_both_branches_are_believed_on_the_new_one(running: Governed) -> None:
    """The whole log is checked against trunk, the part before the rename too."""
    renamed(running)
    running.merge(running.propose("1.2.0", author="carol", good=68), by="alice")
    running.world.git("push", "--quiet", "origin", f"refs/remotes/origin/main:{NEW}")
    running.fetch()
    jobs.release(running.workspace("bob"), Version(1, 2, 0), reason="approved")
    forget_main(running)
    assert running.verification().ok
    assert sorted(map(str, running.verification().state.line(LINE))) == ["1.0.0", "1.1.0", "1.2.0"]


@pytest.mark.slow
@pytest.mark.parametrize("state", ["missing", "older", "beside", "merged in from the side"])
def test_the_writer_refuses_a_branch_that_does_not_continue_the_old_one(running: Governed, state: str) -> None:
    """Written all the same, the event would stop every reader."""
    merge_policy(running, 'branch = "main"', 'branch = "trunk"')
    world, tip = running.world, running.tip()
    if state == "older":
        push_trunk(running, f"{tip}^1")
    if state in {"beside", "merged in from the side"}:
        tree, old = world.git("rev-parse", f"{tip}^{{tree}}"), world.git("rev-parse", f"{tip}~2")
        parents = ["-p", old] + (["-p", tip] if state != "beside" else [])
        push_trunk(running, world.git("commit-tree", tree, *parents, "-m", "x"))
    before = running.remote_tags()
    with pytest.raises(CalibgitError, match="BRANCH_NOT_CONTINUED") as refusal:
        upkeep.policy(running.workspace("alice"), reason="trunk")
    assert running.remote_tags() == before
    world.git(*refusal.value.fix.removeprefix("git ").partition(",")[0].split(), "--force")
    upkeep.policy(running.workspace("alice"), reason="trunk")
    assert running.verification().ok


@pytest.mark.slow
def test_a_rename_by_hand_to_a_branch_without_the_history_is_refused(running: Governed) -> None:
    """Alice signs past the tool; the readers look at the branch that she names, and at no other."""
    running.world.git("push", "--quiet", "origin", f"{running.world.head('HEAD~1')}:{NEW}")
    merge_policy(running, 'branch = "main"', 'branch = "trunk"')
    forge(running, change(running), by="alice")
    result = running.verification()
    assert codes(result) == ["BRANCH_BEHIND"]
    assert not result.foreign


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a..b", "x.lock", "a//b"])
def test_a_rename_by_hand_to_what_git_calls_no_name_is_refused(running: Governed, name: str) -> None:
    """The policy's grammar is wider than git's; the event is no junk because of that."""
    merge_policy(running, 'branch = "main"', f'branch = "{name}"')
    forge(running, change(running), by="alice")
    result = running.verification()
    assert (codes(result), result.foreign) == (["NO_BRANCH"], [])


@pytest.mark.slow
def test_a_new_branch_that_vanished_is_named(running: Governed) -> None:
    """There is no falling back to the old one, which nobody guards any more."""
    renamed(running)
    for place in (running.world.remote, running.world.clone):
        run_git(place, "update-ref", "-d", NEW)
    running.world.git("update-ref", "-d", "refs/remotes/origin/trunk")
    result = running.verification()
    assert codes(result) == ["NO_BRANCH"]
    assert "refs/heads/trunk" in result.errors[0].fix


def evil(running: Governed) -> str:
    """A branch with the whole history and a release on top that nobody approved; its tip."""
    space = running.workspace("carol")
    path = "configs/scoring_config_v1.1.0.json"
    return commit_files(
        space.repo,
        parents=[running.tip()],
        files={path: b"{}"},
        message="Evil",
        author=running.world.identity("carol"),
        when=space.now(),
    )


@pytest.mark.parametrize("where", ["next", "far"])
def test_a_guess_is_believed_in_nothing(running: Governed, where: str) -> None:
    """The last readable tag names the attacker's branch, which continues main; nothing is read from it."""
    clean = running.verification().state
    running.world.git("push", "--quiet", "origin", f"{evil(running)}:refs/heads/evil")
    running.fetch()
    word(running, 4 if where == "next" else 77, "refs/heads/evil", by="dave")
    assert named_branch(running.workspace().repo, "origin") == "refs/heads/evil"
    result = running.verification()
    assert result.state == clean
    assert (codes(result), warned(result)) == ((["UNKNOWN_KEY"], []) if where == "next" else ([], ["FOREIGN_SLOT"]))
    main = [event for event in running.verification().events if event.payload["branch"]["ref"] == OLD]
    assert len(main) == 3


@pytest.mark.slow
def test_a_guess_does_not_save_what_the_protected_branch_lost(running: Governed) -> None:
    """Main was rewritten; the attacker's branch has everything, and a tag recommends it."""
    tip = running.tip()
    running.world.git("push", "--quiet", "origin", f"{tip}:refs/heads/evil")
    running.fetch()
    plant(running.world.clone, {"refs/remotes/origin/main": running.world.git("rev-parse", f"{tip}~1")})
    alone = running.verification()
    word(running, 77, "refs/heads/evil")
    result = running.verification()
    assert codes(result) == codes(alone) == ["BRANCH_BEHIND"]
    assert result.state == alone.state


NAMES = ["refs/heads/none", "refs/heads/a..b", "refs/heads/x.lock", "refs/heads/a//b", "refs/heads/-x", "refs/heads/a."]


@pytest.mark.slow
@pytest.mark.parametrize("gone", [False, True])
def test_a_guess_at_a_branch_that_cannot_be_costs_a_second_look(running: Governed, gone: bool) -> None:
    """Also where the old branch went, so that neither the guess nor the first policy leads anywhere."""
    if gone:
        renamed(running)
        forget_main(running)
    seq = running.verification().state.seq
    for name in NAMES:
        word(running, 77, name)
        result = running.verification()
        assert (name, result.ok, result.state.seq) == (name, True, seq)
    jobs.deprecate(running.workspace("bob"), BASE, reason="x")
    assert running.verification().state.seq == seq + 1


@pytest.mark.slow
def test_a_recommended_branch_that_cannot_be_fetched_stops_no_writer(running: Governed) -> None:
    """Main went after the rename, and a branch lies where git kept it; clones still have the old one."""
    clone = running.world.second_clone()
    renamed(running)
    running.world.remote_git("symbolic-ref", "HEAD", NEW)
    running.world.remote_git("update-ref", "-d", OLD)
    running.world.remote_git("update-ref", OLD + "/x", NEW)
    space = running.workspace("bob", path=clone)
    jobs.deprecate(space, BASE, reason="x")
    oid = word(running, 77, OLD + "/x")
    running.world.git("push", "--quiet", "origin", f"{oid}:{slot(77)}")
    jobs.deprecate(running.workspace("bob", path=clone), Version(1, 1, 0), reason="x")
    assert running.workspace("bob", path=clone).verification().state.seq == 6


@pytest.mark.slow
def test_the_log_is_folded_a_few_times_at_most(running: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand tags that name a thousand branches cost one guess."""
    folds: list[int] = []
    fold = LogOnBranch._fold

    def counted(*args: Any) -> Any:
        folds.append(1)
        return fold(*args)

    monkeypatch.setattr(LogOnBranch, "_fold", counted)
    assert running.verification().ok
    assert len(folds) == 1
    for number in range(20):
        word(running, 77 + number, f"refs/heads/b{number}")
    folds.clear()
    assert running.verification().ok
    assert len(folds) <= 3


@pytest.mark.slow
def test_an_unapproved_release_that_was_voided_hides_no_rename(running: Governed) -> None:
    """The second look judges approvals too, so it follows the same events as the readers."""
    record = running.verification().events[1].payload
    value = payload(
        running, "release", **{k: record[k] for k in ("line", "target", "schema_sha256", "approval")}, version="1.5.0"
    )
    forge(running, value)
    share(running, *value["refs"])
    assert len(codes(running.verification())) == 1
    upkeep.void(running.workspace("alice"), reason="no approval")
    renamed(running)
    forget_main(running)
    word(running, 99, "refs/heads/none")
    result = running.verification()
    assert (result.ok, result.state.seq) == (True, 6)


@pytest.mark.slow
def test_an_event_of_the_old_branch_is_refused_after_the_rename(running: Governed) -> None:
    """The recorded branch is the one of the policy before the event, whatever the reader looks at."""
    renamed(running)
    forge(running, deprecation(running))
    stopped(running, "WRONG_BRANCH", 5, good=4)


@pytest.mark.slow
def test_there_and_back_again(running: Governed) -> None:
    """Two renames: the branch in force at the end is the first one."""
    renamed(running)
    world = running.world
    world.git("reset", "--quiet", "--hard", "refs/remotes/origin/trunk")
    world.commit({"trust.toml": (world.clone / "trust.toml").read_text().replace('"trunk"', '"main"')}, "Back")
    world.git("push", "--quiet", "origin", f"HEAD:{NEW}", f"HEAD:{OLD}")
    running.fetch()
    upkeep.policy(running.workspace("alice"), reason="main again")
    for ref in (NEW, "refs/remotes/origin/trunk"):
        world.git("update-ref", "-d", ref)
    assert (running.verification().ok, running.verification().state.seq) == (True, 5)
