"""Commits and tags made byte by byte: exact, signed, and out of the user's way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from calibgit.errors import Conflict, UsageError
from calibgit.repo.commits import commit_files, merge_commit
from calibgit.repo.create import create_work_repository
from calibgit.repo.history import changed_paths, list_files
from calibgit.repo.identity import Identity
from calibgit.repo.objects import read_blob, read_commit, write_object
from calibgit.repo.repository import Repository
from calibgit.repo.signing import KeySigner
from calibgit.repo.tags import tag_object
from tests.support.world import EPOCH, World, run_git

ANN = Identity("Ann Ähre", "ann@example.org")


def commit(repo: Repository, files: Mapping[str, bytes | None], *parents: str, **more: Any) -> str:
    given: dict[str, Any] = {"message": "Propose", "author": ANN, "when": EPOCH, **more}
    return commit_files(repo, parents=parents, files=files, **given)


def test_files_are_added_replaced_and_deleted(world: World) -> None:
    repo, head = world.repository(), world.head()
    made = commit(repo, {"configs/a.json": b"{}\r\n", "README.md": None, "configs/.keep": b"\x00"}, head)
    assert list_files(repo, made) == ["configs/.keep", "configs/a.json"]
    assert read_blob(repo, made, "configs/a.json") == b"{}\r\n"
    assert {change.new_mode for change in changed_paths(repo, head, made)} == {"100644", None}
    parsed = read_commit(repo, made)
    assert (parsed.parents, parsed.author_name, parsed.message) == ((head,), "Ann Ähre", "Propose\n")


def test_first_commit_without_parents(tmp_path: Path) -> None:
    repo = create_work_repository(tmp_path / "new", "main")
    made = commit(repo, {"a": b"a"})
    assert read_commit(repo, made).parents == ()
    assert list_files(repo, made) == ["a"]


def test_equal_input_gives_equal_bytes(world: World) -> None:
    repo, head = world.repository(), world.head()
    assert commit(repo, {"a": b"a", "b": b"b"}, head) == commit(repo, {"b": b"b", "a": b"a"}, head)


def test_a_file_takes_the_place_of_a_directory(world: World) -> None:
    repo = world.repository()
    made = commit(repo, {"configs": b"now a file"}, world.head())
    assert list_files(repo, made) == ["README.md", "configs"]


def test_deleting_what_is_not_there_changes_nothing(world: World) -> None:
    repo, head = world.repository(), world.head()
    assert changed_paths(repo, head, commit(repo, {"nothing": None}, head)) == []
    assert changed_paths(repo, head, commit(repo, {}, head)) == []


def test_index_work_tree_and_head_stay_as_they_were(world: World) -> None:
    (world.clone / "README.md").write_text("edited\n")
    (world.clone / "staged").write_text("staged\n")
    (world.clone / "untracked").write_text("untracked\n")
    world.git("add", "staged")
    index = world.clone / ".git" / "index"
    before = (world.git("status", "--porcelain"), index.read_bytes(), index.stat().st_mtime_ns, world.head())
    made = commit(world.repository(), {"README.md": b"proposed\n", "staged": b"x"}, world.head())
    merge_commit(world.repository(), base=world.head(), head=made, message="m", author=ANN, when=EPOCH)
    assert world.clone.joinpath("README.md").read_text() == "edited\n"
    assert index.read_bytes() == before[1]
    after = (world.git("status", "--porcelain"), index.read_bytes(), index.stat().st_mtime_ns, world.head())
    assert after[0] == before[0] == " M README.md\nA  staged\n?? untracked"
    assert after[3] == before[3]


@pytest.mark.parametrize("path", ["", "/a", "a//b", "../a", "a/../b", "./a", "a/", ".git/config", "a/.GIT/x", "a\nb"])
def test_paths_stay_inside(world: World, path: str) -> None:
    with pytest.raises(UsageError) as caught:
        commit(world.repository(), {path: b""}, world.head())
    assert caught.value.code == "BAD_PATH"


@pytest.mark.parametrize("more", [{"message": ""}, {"message": " \n"}, {"message": "a\x00b"}, {"when": -1}])
def test_messages_have_words(world: World, more: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        commit(world.repository(), {}, world.head(), **more)


def trusted(world: World, *people: str) -> tuple[str, ...]:
    return ("-c", f"gpg.ssh.allowedSignersFile={world.allowed_signers(*people)}")


@pytest.mark.parametrize("kind", ["memory", "ssh-keygen"])
def test_stock_git_verifies_our_commits(world: World, kind: str) -> None:
    signer = world.signer("alice") if kind == "memory" else KeySigner(world.keys["alice"])
    repo, head = world.repository(), world.head()
    made = commit(repo, {"a": b"a"}, head, signer=signer)
    merge = merge_commit(repo, base=head, head=made, message="Merge", author=ANN, when=EPOCH, signer=signer)
    for oid in (made, merge):
        world.git(*trusted(world, "alice"), "verify-commit", oid)
        with pytest.raises(AssertionError):
            world.git(*trusted(world, "bob"), "verify-commit", oid)
    world.git("fsck", "--strict", "--no-dangling")


def test_stock_git_verifies_our_commits_in_a_sha256_repository(world: World, tmp_path: Path) -> None:
    repo = create_work_repository(tmp_path / "new", "main", object_format="sha256")
    made = commit(repo, {"a": b"a"}, signer=world.signer("alice"))
    run_git(repo.work_tree, *trusted(world, "alice"), "verify-commit", made)
    parsed = read_commit(repo, made)
    assert parsed.signature == world.signer("alice").sign(parsed.signed_payload, "git")


def test_signature_and_payload_come_apart_again(world: World) -> None:
    repo = world.repository()
    parsed = read_commit(repo, commit(repo, {"a": b"a"}, world.head(), signer=world.signer("alice")))
    assert parsed.signature == world.signer("alice").sign(parsed.signed_payload, "git")


def test_stock_gits_signature_is_read_too(world: World) -> None:
    world.git("config", "gpg.format", "ssh")
    world.git("config", "user.signingkey", str(world.keys["bob"]))
    world.git("commit", "--quiet", "--allow-empty", "-S", "-m", "signed by git")
    parsed = read_commit(world.repository(), world.head())
    assert parsed.signature == world.signer("bob").sign(parsed.signed_payload, "git")


def test_stock_git_verifies_our_tags(world: World) -> None:
    repo = world.repository()
    text = b"Release v1.0.0\n\n{}\n"
    fields: dict[str, Any] = {"object_oid": world.head(), "tag": "calib/scoring/v1.0.0", "tagger": ANN, "when": EPOCH}
    unsigned = tag_object(**fields, message=text)
    signature = world.signer("alice").sign(unsigned, "git")
    oid = write_object(repo, "tag", tag_object(**fields, message=text + signature.encode()))
    world.git("update-ref", "refs/tags/calib/scoring/v1.0.0", oid)
    world.git(*trusted(world, "alice"), "verify-tag", "calib/scoring/v1.0.0")
    with pytest.raises(AssertionError):
        world.git(*trusted(world, "bob"), "verify-tag", "calib/scoring/v1.0.0")
    assert world.git("cat-file", "tag", oid).encode() + b"\n" == unsigned + signature.encode()


@pytest.mark.parametrize(
    "wrong",
    [{"object_oid": "abc"}, {"tag": "a b"}, {"tag": "a\nb"}, {"object_kind": "x"}, {"when": -1}, {"message": b"\x00"}],
)
def test_tags_that_git_would_refuse(wrong: dict[str, Any]) -> None:
    good: dict[str, Any] = {"object_oid": "a" * 40, "tag": "t", "tagger": ANN, "when": EPOCH, "message": b""}
    with pytest.raises(UsageError):
        tag_object(**good | wrong)


def test_merge_has_both_parents_and_both_changes(world: World) -> None:
    repo, head = world.repository(), world.head()
    ours, theirs = commit(repo, {"a": b"a"}, head), commit(repo, {"b": b"b"}, head)
    merge = merge_commit(repo, base=ours, head=theirs, message="Merge", author=ANN, when=EPOCH)
    assert read_commit(repo, merge).parents == (ours, theirs)
    assert list_files(repo, merge) == ["README.md", "a", "b", "configs/.keep"]


def test_merge_conflict_names_the_file(world: World) -> None:
    repo, head = world.repository(), world.head()
    ours, theirs = commit(repo, {"README.md": b"a\n"}, head), commit(repo, {"README.md": b"b\n"}, head)
    with pytest.raises(Conflict) as caught:
        merge_commit(repo, base=ours, head=theirs, message="Merge", author=ANN, when=EPOCH)
    assert caught.value.code == "MERGE_CONFLICT"
    assert "README.md" in caught.value.what
