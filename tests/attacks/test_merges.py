"""Attacks on the approval: what is merged, by whom, on which branch, and what is released from it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from os import environ
from typing import Any

import pytest

from calibgit.errors import CalibgitError, GateClosed, IntegrityError
from calibgit.jobs import govern as jobs
from calibgit.model.canonical import pretty_json, sha256_hex
from calibgit.model.ids import Version, config_path
from calibgit.repo.commits import commit_files, merge_commit
from tests.attacks.raw import ATTESTED, SIGNED, Evidence, codes, forge, payload, released_from, slot, stopped
from tests.support.governed import LINE, Governed

V120 = Version(1, 2, 0)
PATH = config_path(V120)
SUMMARY = "proposals/scoring/v1.2.0/change_summary_v1.2.0.json"


def proposed(running: Governed, author: str = "carol", **options: Any) -> str:
    """The head of a sound proposal of v1.2.0."""
    return running.propose("1.2.0", author=author, good=68, **options)


def land(running: Governed, oid: str) -> str:
    """Put a commit on main, by force, past every rule of a code host."""
    running.world.git("push", "--quiet", "--force", "origin", f"{oid}:refs/heads/main")
    running.fetch()
    return oid


def merge(running: Governed, head: str, by: str | None, *, base: str | None = None) -> str:
    """A merge commit signed by `by`; it is nowhere yet."""
    return merge_commit(
        running.workspace().repo,
        base=base or running.tip(),
        head=head,
        message="Merge",
        author=running.world.identity(by or "alice"),
        when=running.workspace().now(),
        signer=running.world.signer(by) if by else None,
    )


def commit(
    running: Governed, parents: list[str], files: dict[str, bytes | None], by: str | None = None, author: str = "alice"
) -> str:
    """A commit made of its parts, signed by `by`."""
    return commit_files(
        running.workspace().repo,
        parents=parents,
        files=files,
        message="Merge",
        author=running.world.identity(author),
        when=running.workspace().now(),
        signer=running.world.signer(by) if by else None,
    )


def contents(running: Governed, head: str) -> dict[str, bytes | None]:
    """The files of a proposal."""
    return {path: running.world.git("show", f"{head}:{path}").encode() + b"\n" for path in (PATH, SUMMARY)}


def unsigned(running: Governed) -> None:
    land(running, merge(running, proposed(running), None))


def stranger(running: Governed) -> None:
    land(running, merge(running, proposed(running), "dave"))


def own(running: Governed) -> None:
    land(running, merge(running, proposed(running), "carol"))


def own_under_another_initiator(running: Governed) -> None:
    land(running, merge(running, proposed(running, "alice", initiator="schedule"), "alice"))


def started_by_the_approver(running: Governed) -> None:
    land(running, merge(running, proposed(running, initiator="ALICE@example.org"), "alice"))


def smuggled(running: Governed) -> None:
    head = proposed(running)
    files = contents(running, head) | {"CODEOWNERS": b"* @carol\n"}
    land(running, commit(running, [running.tip(), head], files, "alice"))


def edited_in_the_merge(running: Governed) -> None:
    head = proposed(running)
    files = contents(running, head) | {PATH: pretty_json(running.config(V120, good=50))}
    land(running, commit(running, [running.tip(), head], files, "alice"))


def document_added_in_the_merge(running: Governed) -> None:
    head = proposed(running)
    files = contents(running, head) | {"proposals/scoring/v1.2.0/more.md": b"hello\n"}
    land(running, commit(running, [running.tip(), head], files, "alice"))


def squash(running: Governed) -> None:
    land(running, commit(running, [running.tip()], contents(running, proposed(running)), "alice"))


def rebase(running: Governed) -> None:
    land(running, commit(running, [running.tip()], contents(running, proposed(running)), "alice", author="carol"))


def direct_push(running: Governed) -> None:
    land(running, proposed(running))


def octopus(running: Governed) -> None:
    head = proposed(running)
    land(running, commit(running, [running.tip(), head, running.world.head("HEAD")], contents(running, head), "alice"))


def parents_swapped(running: Governed) -> None:
    head = proposed(running)
    land(running, commit(running, [head, running.tip()], contents(running, head), "alice"))


def owners_changed_in_the_proposal(running: Governed) -> None:
    land(running, merge(running, proposed(running, "alice", files={"CODEOWNERS": b"* @carol\n"}), "carol"))


def changed_after_the_merge(running: Governed) -> None:
    running.merge(proposed(running), by="alice")
    config = pretty_json(running.config(V120, good=50))
    land(running, commit(running, [running.tip()], {PATH: config}, "alice"))


def deleted_after_the_merge(running: Governed) -> None:
    running.merge(proposed(running), by="alice")
    land(running, commit(running, [running.tip()], {PATH: None}, "alice"))


def removed_by_force(running: Governed) -> None:
    before = running.tip()
    running.merge(proposed(running), by="alice")
    land(running, before)


def only_words_were_merged(running: Governed) -> None:
    """The config came by a direct push; the signed merge brings a document only."""
    files = contents(running, proposed(running))
    land(running, commit(running, [running.tip()], files, None, author="carol"))
    head = commit(running, [running.tip()], {"proposals/scoring/v1.2.0/more.md": b"hello\n"}, None, author="carol")
    land(running, merge(running, head, "alice"))


def summary_missing(running: Governed) -> None:
    land(running, merge(running, proposed(running, files={SUMMARY: None}), "alice"))


def summary_is_no_json(running: Governed) -> None:
    land(running, merge(running, proposed(running, files={SUMMARY: b"{"}), "alice"))


def version_inside_differs(running: Governed) -> None:
    config = pretty_json(running.config(Version(1, 3, 0), good=68))
    land(running, merge(running, proposed(running, files={PATH: config}), "alice"))


def huge_owners_file(running: Governed) -> None:
    base = commit(running, [running.tip()], {"CODEOWNERS": b"* @alice\n" + b"#" * (9 * 1024 * 1024)}, "alice")
    land(running, base)
    land(running, merge(running, proposed(running), "alice"))


ATTACKS: dict[Callable[[Governed], None], str] = {
    unsigned: "UNSIGNED_MERGE",
    stranger: "UNSIGNED_MERGE",
    own: "FOUR_EYES",
    own_under_another_initiator: "SCHEDULE_CLAIMED",
    started_by_the_approver: "FOUR_EYES",
    smuggled: "OUT_OF_SCOPE",
    edited_in_the_merge: "NOT_AS_REVIEWED",
    document_added_in_the_merge: "NOT_AS_REVIEWED",
    squash: "NOT_MERGED",
    rebase: "NOT_MERGED",
    direct_push: "NOT_MERGED",
    octopus: "NOT_MERGED",
    parents_swapped: "NOT_MERGED",
    owners_changed_in_the_proposal: "OUT_OF_SCOPE",
    changed_after_the_merge: "NOT_MERGED",
    deleted_after_the_merge: "NOT_MERGED",
    removed_by_force: "NOT_MERGED",
    only_words_were_merged: "NOT_MERGED",
    summary_missing: "NO_INITIATOR",
    summary_is_no_json: "NO_INITIATOR",
    version_inside_differs: "OTHER_VERSION",
    huge_owners_file: "TOO_LARGE",
}


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_what_is_no_approval_is_not_released_and_nothing_is_written(
    running: Governed, attack: Callable[[Governed], None]
) -> None:
    """Somebody brings a config to main past the review, and somebody else releases it in good faith."""
    before = running.remote_tags()
    attack(running)
    with pytest.raises(CalibgitError, match=ATTACKS[attack]):
        jobs.release(running.workspace("bob"), V120, reason="approved")
    assert running.remote_tags() == before


def by_hand(running: Governed, merged: str, *, approvers: str = "alice", **changes: Any) -> list[str]:
    """A release of v1.2.0 at `merged`, signed past our own checks by somebody with the role; the verifier's codes."""
    value = release_fields(running, merged, approvers=approvers)
    SIGNED.release(running, value | changes)
    return codes(running.verification())


def release_fields(
    running: Governed, target: str, *, approvers: str = "alice", version: Version = V120
) -> dict[str, Any]:
    """What the tool would sign for a merge."""
    head = running.world.git("rev-parse", f"{target}^2")
    return released_from(running, target, version, **SIGNED.record(head, approvers=[approvers]))


def test_a_release_by_hand_of_a_sound_merge_is_believed(running: Governed) -> None:
    """The attacks below differ from this in one thing each."""
    merged = running.merge(proposed(running), by="alice")
    assert by_hand(running, merged) == []
    assert Version(1, 2, 0) in running.verification().state.line(LINE)


def test_a_release_by_hand_of_an_unsigned_merge_is_not_believed(running: Governed) -> None:
    """A release key alone does not replace the approval."""
    unsigned(running)
    assert by_hand(running, running.tip()) == ["UNSIGNED_MERGE"]


def test_a_merge_approves_only_what_it_brings(running: Governed) -> None:
    """The config was pushed to main directly; later an owner merges a harmless document of the same proposal."""
    only_words_were_merged(running)
    assert by_hand(running, running.tip()) == ["NOT_MERGED"]


def test_an_empty_merge_approves_nothing(running: Governed) -> None:
    """The config was pushed to main directly; an owner merges a branch that changes nothing."""
    land(running, commit(running, [running.tip()], contents(running, proposed(running)), None, author="carol"))
    land(running, merge(running, commit(running, [running.tip()], {}, None, author="carol"), "alice"))
    assert by_hand(running, running.tip()) == ["NOT_MERGED"]


def test_a_merge_on_a_side_branch_approves_nothing(released: Governed, evidence: Evidence) -> None:
    """Carol names herself owner on a branch of her own, merges there, and main takes that branch in later."""
    head = proposed(released, "bob")
    owners = commit(released, [released.tip()], {"CODEOWNERS": b"* @carol\n"}, "carol", author="carol")
    inner = merge(released, head, "carol", base=owners)
    if evidence is ATTESTED:
        inner = commit(released, [owners], contents(released, head), author="bob")
    restored: dict[str, bytes | None] = {
        "CODEOWNERS": released.world.git("show", f"{released.tip()}:CODEOWNERS").encode() + b"\n"
    }
    tidy = commit(released, [inner], restored, "carol", author="carol")
    released.merge(tidy, by="alice", signed=False)
    record = evidence.record(head, approvers=["carol"], authors=["bob"])
    value = released_from(released, inner, V120, **record)
    evidence.release(released, value | {"branch": {"ref": "refs/heads/main", "head": tidy}})
    assert codes(released.verification()) == ["NOT_ON_BRANCH"]


def test_an_owners_own_integration_branch_approves_nothing(running: Governed) -> None:
    """Alice merges to try something out, with commit.gpgSign set; that is no approval."""
    head = proposed(running)
    trial = merge(running, head, "alice", base=running.tip())
    land(running, merge(running, trial, None))
    assert by_hand(running, trial, branch={"ref": "refs/heads/main", "head": trial}) == ["NOT_ON_BRANCH"]


def test_a_main_whose_first_parent_line_was_swapped_stops_the_log(released: Governed) -> None:
    """A merge with its parents the wrong way round makes a side branch look like main."""
    side = commit(released, [released.world.head("HEAD~1")], {"CODEOWNERS": b"* @carol\n"}, "carol", author="carol")
    land(released, commit(released, [side, released.tip()], {"CODEOWNERS": b"* @carol\n"}, "carol", author="carol"))
    assert codes(released.verification()) == ["NOT_ON_BRANCH"]


def test_a_rewritten_main_stops_the_log(released: Governed) -> None:
    """Force-push takes the released merge off main: its approval is gone."""
    land(released, released.world.head("HEAD"))
    result = released.verification()
    assert codes(result) == ["BRANCH_BEHIND"]
    assert result.errors[0].seq == 2


def test_a_main_that_was_rewritten_and_joined_again_stops_the_log(released: Governed) -> None:
    """Main loses commits and gets them back as a side branch, so that all of them are still reachable."""
    old = released.tip()
    rewritten = commit(released, [released.world.head("HEAD")], {"x": b"x\n"}, "alice")
    land(released, commit(released, [rewritten, old], {"y": b"y\n"}, "alice"))
    result = released.verification()
    assert codes(result) == ["NOT_ON_BRANCH"]
    assert result.errors[0].seq == 2


def test_an_event_may_not_name_an_older_main_than_its_predecessor(released: Governed, evidence: Evidence) -> None:
    """Written as if main had never moved on."""
    older, head = released.tip(), proposed(released)
    evidence.release(released, released_from(released, evidence.merge(released, head), V120, **evidence.record(head)))
    assert released.verification().state.seq == 4
    target = dict(released.verification().events[1].payload["target"])
    branch = {"ref": "refs/heads/main", "head": older}
    forge(released, payload(released, "deprecate", line=LINE, version="1.1.0", target=target, branch=branch))
    assert codes(released.verification()) == ["BRANCH_REWOUND"]


def test_the_old_approved_bytes_stay_releasable_after_a_later_change(released: Governed, evidence: Evidence) -> None:
    """What counts is what was merged, not what lies there now."""
    head = proposed(released)
    merged = evidence.merge(released, head)
    land(released, commit(released, [merged], {PATH: pretty_json(released.config(V120, good=50))}, "alice"))
    evidence.release(released, released_from(released, merged, V120, **evidence.record(head)))
    assert codes(released.verification()) == []
    assert V120 in released.verification().state.line(LINE)


def test_changed_bytes_cannot_borrow_the_merge(released: Governed, evidence: Evidence) -> None:
    """The payload names the merge but the digest, the size or both of bytes that were pushed later."""
    head = proposed(released)
    fields = released_from(released, evidence.merge(released, head), V120, **evidence.record(head))
    other = pretty_json(released.config(V120, good=50))
    land(released, commit(released, [released.tip()], {PATH: other}, "alice"))
    lies: list[dict[str, Any]] = [{"sha256": sha256_hex(other)}, {"size": len(other) + 1}]
    for lie in (*lies, lies[0] | {"size": len(other)}):
        evidence.release(released, fields | {"target": fields["target"] | lie})
        assert (lie, codes(released.verification())) == (lie, ["DIGEST"])
    stopped(released, "DIGEST", 4, good=3)


def test_rejected_bytes_come_back_under_no_number(released: Governed, evidence: Evidence) -> None:
    """They are proposed again, merged and signed: as v1.2.0, for which they were rejected, and as v1.3.0."""
    data = pretty_json(released.config(V120, good=68))
    head = proposed(released)
    jobs.reject(released.workspace("bob"), V120, reason="too strict")
    fields = released_from(released, evidence.merge(released, head), V120, **evidence.record(head))
    evidence.release(released, fields)
    stopped(released, "CONFIG_REJECTED", 5, good=4)
    released.world.git("update-ref", "-d", slot(5))
    released.world.git("update-ref", "-d", "refs/tags/calib/scoring/v1.2.0")
    v130 = Version(1, 3, 0)
    head = released.propose("1.3.0", author="carol", files={config_path(v130): data}, good=68)
    fields = released_from(released, evidence.merge(released, head), v130, **evidence.record(head))
    with pytest.raises(GateClosed):
        jobs.release(released.workspace("bob"), v130, reason="again")
    evidence.release(released, fields)
    stopped(released, "OTHER_VERSION", 5, good=4)


def test_a_released_version_is_not_released_again_with_other_bytes(released: Governed, evidence: Evidence) -> None:
    """A number names one config for ever, even when a sound merge brings other bytes."""
    head = released.propose("1.1.0", author="carol", good=50)
    merged = evidence.merge(released, head)
    with pytest.raises(GateClosed, match="VERSION_TAKEN"):
        jobs.release(released.workspace("bob"), Version(1, 1, 0), reason="again")
    evidence.release(released, released_from(released, merged, Version(1, 1, 0), **evidence.record(head)))
    assert codes(released.verification())[0] in {"VERSION_TAKEN", "NAME_MISMATCH"}


def test_a_policy_swapped_after_genesis_changes_nothing(running: Governed) -> None:
    """Mallory edits trust.toml in the work tree and on main; the sealed one is in force."""
    text = (
        (running.world.clone / "trust.toml")
        .read_text()
        .replace(running.world.public_key("bob"), running.world.public_key("dave"))
    )
    (running.world.clone / "trust.toml").write_text(text)
    land(running, commit(running, [running.tip()], {"trust.toml": text.encode()}, "alice"))
    assert running.verification().ok
    with pytest.raises(CalibgitError, match="NOT_A_SIGNER"):
        jobs.deprecate(running.workspace("dave"), Version(1, 0, 0), reason="x")
    jobs.deprecate(running.workspace("bob"), Version(1, 0, 0), reason="x")
    assert running.verification().people[4] == ("bob",)


def test_a_non_owner_approves_nothing(running: Governed) -> None:
    """Bob signs the merge, but CODEOWNERS at its base names alice for the configs."""
    owners = commit(running, [running.tip()], {"CODEOWNERS": b"* @alice @bob\n/configs/ @alice\n"}, "alice")
    land(running, owners)
    land(running, merge(running, proposed(running), "bob"))
    with pytest.raises(GateClosed, match="NOT_OWNER"):
        jobs.release(running.workspace("bob"), V120, reason="approved")
    assert by_hand(running, running.tip(), approvers="bob") == ["NOT_OWNER"]


@pytest.mark.parametrize("signed_by", [None, "dave", "alice"])
def test_a_lone_owner_does_not_pass_for_two_by_writing_under_another_name(
    running: Governed, signed_by: str | None
) -> None:
    """Git's author field is a claim, and so is the initiator: alice writes as carol and merges as herself."""
    files = contents(running, proposed(running))
    head = commit(running, [running.tip()], files, signed_by, author="carol")
    land(running, merge(running, head, "alice"))
    with pytest.raises(GateClosed, match="FOUR_EYES" if signed_by == "alice" else "UNSIGNED_COMMIT"):
        jobs.release(running.workspace("alice"), V120, reason="approved")


def test_a_branch_head_that_is_no_commit_is_refused_by_name(running: Governed) -> None:
    """A signed event names a blob as the branch's head."""
    target = dict(running.verification().events[1].payload["target"])
    for kind in ("HEAD:trust.toml", "HEAD^{tree}", "refs/tags/calib/e/00000002"):
        odd = running.world.git("rev-parse", kind)
        value = payload(
            running,
            "deprecate",
            line=LINE,
            version="1.1.0",
            target=target,
            branch={"ref": "refs/heads/main", "head": odd},
        )
        forge(running, value)
        assert codes(running.verification()) == ["BRANCH_BEHIND"]
        for name in value["refs"]:
            running.world.git("update-ref", "-d", name)


@pytest.mark.parametrize("branch", ["refs/heads/a..b", "refs/heads/x.lock", "refs/heads/a//b", "refs/heads/nowhere"])
def test_a_genesis_of_an_impossible_branch_is_refused_by_name(running: Governed, branch: str) -> None:
    """Whoever squats the first slot must not crash readers."""
    genesis = dict(running.verification().events[0].payload) | {"branch": {"ref": branch, "head": running.tip()}}
    for name in running.remote_tags():
        running.world.git("update-ref", "-d", name)
    forge(running, genesis, by="alice")
    assert codes(running.verification())[0] in {"NO_BRANCH", "BAD_REF_NAME", "WRONG_BRANCH"}
    with pytest.raises(IntegrityError):
        running.verification().require()


def test_paths_that_are_no_text_are_refused_by_name(running: Governed) -> None:
    """A merge with a file name that is not UTF-8 must not crash readers."""
    head = proposed(running)
    clone = running.world.clone
    tree = running.world.git("ls-tree", "-r", "-z", head).encode("utf-8", "surrogateescape")
    blob = running.world.git("rev-parse", f"{head}:trust.toml")
    listing = tree + f"100644 blob {blob}\t".encode() + b"\xff\x00"
    env = {"GIT_INDEX_FILE": str(clone / ".git" / "odd-index")}
    words = ["git", "update-index", "--add", "-z", "--index-info"]
    subprocess.run(words, cwd=clone, env={**environ, **env}, input=listing, check=True)
    odd = running.world.git("write-tree", env=env)
    evil = running.world.git("commit-tree", odd, "-p", head, "-m", "x")
    merged = land(running, merge(running, evil, "alice"))
    assert by_hand(running, merged) == ["BAD_PATH"]
