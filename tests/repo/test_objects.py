"""Reading many objects through one process; writing one."""

from __future__ import annotations

import hashlib
import os
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from calibgit.errors import DocumentError, EnvironmentFault, IntegrityError, UsageError
from calibgit.repo.objects import Object, parse_commit, read_blob, read_commit, read_objects, write_object
from calibgit.repo.repository import Repository
from tests.support.world import World


def found_in(repo: Repository, names: list[str], **limit: int) -> dict[str, Any]:
    """Name to object; missing ones are None."""
    return dict(read_objects(repo, names, **limit))


def test_all_kinds_in_order(world: World) -> None:
    world.git("tag", "-a", "-m", "words", "annotated")
    head = world.head()
    names = [world.head("annotated"), head, world.head("HEAD^{tree}"), f"{head}:README.md", f"{head}:configs"]
    repo = world.repository()
    found = found_in(repo, names)
    assert list(found) == names
    assert [found[name].kind for name in names] == ["tag", "commit", "tree", "blob", "tree"]
    assert found[names[3]].data == b"A governed repository.\n"
    assert found[names[3]].size == 23


def test_missing_is_none(world: World) -> None:
    head = world.head()
    names = ["0" * 40, f"{head}:nothing here", f"{'0' * 40}:x", f"{head}:README.md", f"{head}:a missing"]
    found = found_in(world.repository(), names)
    assert [name for name in names if found[name] is not None] == [names[3]]


def test_the_name_of_a_whole_tree(world: World) -> None:
    name = f"{world.head()}:"
    tree = found_in(world.repository(), [name])[name]
    assert tree is not None
    assert (tree.kind, tree.oid) == ("tree", world.git("rev-parse", f"{world.head()}^{{tree}}"))


def test_nothing_asked_nothing_answered(world: World) -> None:
    assert list(read_objects(world.repository(), [])) == []


@pytest.mark.parametrize(
    "name", ["HEAD", "main", "-x", "a" * 39, "a" * 40 + "^{tree}", "a" * 40 + ":x\ny", "a" * 40 + "\n"]
)
def test_only_whole_names(world: World, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        list(read_objects(world.repository(), [name]))
    assert caught.value.code == "BAD_OBJECT_NAME"


def test_over_the_limit_is_not_read(world: World) -> None:
    repo = world.repository()
    big = write_object(repo, "blob", b"x" * 1001)
    small = write_object(repo, "blob", b"y" * 1000)
    found = found_in(repo, [big, small], limit=1000)
    assert found[big] == Object(big, "blob", None, 1001)
    assert found[small] == Object(small, "blob", b"y" * 1000, 1000)


def test_a_huge_object_costs_no_memory(world: World) -> None:
    repo = world.repository()
    path = world.clone / "huge"
    with path.open("wb") as file:
        file.truncate(200 * 1024 * 1024)
    oid = world.git("hash-object", "-w", "huge")
    tracemalloc.start()
    found = found_in(repo, [oid])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found[oid].data is None
    assert peak < 2 * 1024 * 1024


@pytest.mark.slow
def test_a_hundred_thousand_names_stream(world: World) -> None:
    repo = world.repository()
    oids = [write_object(repo, "blob", bytes([number]) * 4000) for number in range(20)]
    tracemalloc.start()
    count = sum(found is not None for _, found in read_objects(repo, (oids[n % 20] for n in range(100_000))))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 100_000
    assert peak < 20 * 1024 * 1024


def test_large_contents_do_not_deadlock(world: World) -> None:
    repo = world.repository()
    oids = [write_object(repo, "blob", os.urandom(3 * 1024 * 1024)) for _ in range(4)]
    names = oids * 8
    assert sum(found.size for _, found in read_objects(repo, names) if found is not None) == 96 * 1024 * 1024


def test_giving_up_early_ends_the_child(world: World) -> None:
    repo = world.repository()
    head = world.head()
    reader: Any = read_objects(repo, [head] * 5000)
    next(reader)
    reader.close()
    assert read_commit(repo, head).oid == head


def test_git_that_dies_is_named(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    repo, head = world.repository(), world.head()
    (tmp_path / "git").write_text("#!/bin/sh\nexit 3\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentFault) as caught:
        list(read_objects(repo, [head] * 5000))
    assert caught.value.code == "GIT_FAILED"


def test_many_complaints_do_not_stop_git(world: World) -> None:
    """Git complains about every damaged object; nobody may have to read that."""
    repo = world.repository()
    oids = [write_object(repo, "blob", b"%d" % number) for number in range(3)]
    for oid in oids:
        path = repo.git_dir / "objects" / oid[:2] / oid[2:]
        path.chmod(0o600)
        path.write_bytes(b"damaged")
    assert all(found is None for _, found in read_objects(repo, oids * 1000))


def test_forged_contents_are_caught(world: World) -> None:
    repo = world.repository()
    oid = write_object(repo, "blob", b"weights: honest")
    path = repo.git_dir / "objects" / oid[:2] / oid[2:]
    path.chmod(0o600)
    # Git checks loose objects itself; either way nothing forged comes out.
    path.write_bytes(zlib.compress(b"blob 15\x00weights: forged"))
    with pytest.raises((IntegrityError, EnvironmentFault)) as caught:
        list(read_objects(repo, [oid]))
    assert caught.value.code in {"OBJECT_CORRUPT", "GIT_FAILED"}


def test_forged_pack_is_caught(world: World) -> None:
    """An index that maps one object's name to another's bytes: git believes it, we do not."""
    repo = world.repository()
    honest, forged = write_object(repo, "blob", b"honest"), write_object(repo, "blob", b"forged")
    world.git("update-ref", "refs/x/honest", honest)
    world.git("update-ref", "refs/x/forged", forged)
    world.git("repack", "-adq")
    [index] = (repo.git_dir / "objects" / "pack").glob("*.idx")
    data = bytearray(index.read_bytes())
    count = int.from_bytes(data[8 + 255 * 4 : 8 + 256 * 4], "big")
    names = [bytes(data[1032 + 20 * n : 1052 + 20 * n]) for n in range(count)]
    offsets = 1032 + 24 * count
    one, two = (offsets + 4 * names.index(bytes.fromhex(oid)) for oid in (honest, forged))
    data[one : one + 4] = data[two : two + 4]
    index.chmod(0o600)
    index.write_bytes(bytes(data))
    assert world.git("cat-file", "blob", honest) == "forged"
    with pytest.raises(IntegrityError) as caught:
        list(read_objects(repo, [honest]))
    assert caught.value.code == "OBJECT_CORRUPT"


def test_read_blob(world: World) -> None:
    repo, head = world.repository(), world.head()
    assert read_blob(repo, head, "README.md") == b"A governed repository.\n"
    for path in ("missing", "configs", "", "/README.md", "./README.md", "configs/../README.md", "README.md/"):
        assert read_blob(repo, head, path) is None
    with pytest.raises(DocumentError) as caught:
        read_blob(repo, head, "README.md", limit=5)
    assert caught.value.code == "TOO_LARGE"
    with pytest.raises(UsageError):
        read_blob(repo, head, "a\nb")
    with pytest.raises(UsageError):
        read_blob(repo, "HEAD", "README.md")


def test_paths_are_literal(world: World) -> None:
    head = world.commit({"größe [1] *.json": "x", "-dash": "y", ":(top)z": "z"})
    repo = world.repository()
    assert read_blob(repo, head, "größe [1] *.json") == b"x"
    assert read_blob(repo, head, "-dash") == b"y"
    assert read_blob(repo, head, ":(top)z") == b"z"
    assert read_blob(repo, head, "*.json") is None


def test_write_object(world: World) -> None:
    repo = world.repository()
    data = b"line\r\n\x00\xff"
    oid = write_object(repo, "blob", data)
    assert oid == hashlib.sha1(b"blob %d\x00" % len(data) + data, usedforsecurity=False).hexdigest()
    assert found_in(repo, [oid])[oid].data == data
    with pytest.raises(EnvironmentFault) as caught:
        write_object(repo, "commit", b"not a commit")
    assert caught.value.code == "GIT_FAILED"


def test_read_commit(world: World) -> None:
    before = world.head()
    after = world.commit({"a": "a"}, "Zwei Wörter\n\nand a body")
    commit = read_commit(world.repository(), after)
    assert (commit.parents, commit.tree) == ((before,), world.head("HEAD^{tree}"))
    assert (commit.author_name, commit.author_email) == ("Test Person", "test@example.org")
    assert (commit.committer_name, commit.committer_email) == ("Test Person", "test@example.org")
    assert commit.message == "Zwei Wörter\n\nand a body\n"
    assert commit.signature is None
    assert commit.signed_payload == world.git("cat-file", "commit", after).encode() + b"\n"


def test_only_commits_are_commits(world: World) -> None:
    for oid in (world.head("HEAD^{tree}"), "0" * 40):
        with pytest.raises(IntegrityError) as caught:
            read_commit(world.repository(), oid)
        assert caught.value.code == "NO_SUCH_COMMIT"


TREE = b"tree " + b"a" * 40 + b"\n"
PERSON = b"A B <a@b> 1 +0000\n"
GOOD = TREE + b"author " + PERSON + b"committer " + PERSON


def test_two_signatures_are_joined_and_so_fit_nobody() -> None:
    raw = GOOD + b"gpgsig one\n two\nencoding x\ngpgsig three\n\nmessage\n"
    commit = parse_commit("a" * 40, raw)
    assert commit.signature == "one\ntwo\nthree\n"
    assert commit.signed_payload == GOOD + b"encoding x\n\nmessage\n"


def test_the_other_algorithms_signature_is_no_payload() -> None:
    raw = GOOD + b"gpgsig-sha256 one\n two\n\ngpgsig not a header\n"
    commit = parse_commit("a" * 40, raw)
    assert commit.signature is None
    assert commit.signed_payload == GOOD + b"\ngpgsig not a header\n"
    assert parse_commit("a" * 64, raw).signature == "one\ntwo\n"


def test_odd_but_legal_people() -> None:
    raw = TREE + b"author  <> 1 +0000\ncommitter <c@d> 12345678901 -123456\n\n"
    commit = parse_commit("a" * 40, raw)
    assert (commit.author_name, commit.author_email, commit.committer_email) == ("", "", "c@d")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        GOOD,
        TREE + b"committer " + PERSON + b"author " + PERSON + b"\n",
        TREE + TREE + b"author " + PERSON + b"committer " + PERSON + b"\n",
        b"parent " + b"a" * 40 + b"\n" + GOOD + b"\n",
        GOOD.replace(b"a" * 40, b"a" * 39) + b"\n",
        GOOD.replace(b"A B <a@b>", b"A <B <a@b>") + b"\n",
        GOOD.replace(b" 1 +0000", b"") + b"\n",
    ],
)
def test_misshapen_commits(raw: bytes) -> None:
    with pytest.raises(IntegrityError) as caught:
        parse_commit("a" * 40, raw)
    assert caught.value.code == "COMMIT_MALFORMED"


@given(st.binary(max_size=200))
def test_parsing_any_bytes_ends_in_a_commit_or_a_named_error(data: bytes) -> None:
    for raw in (data, GOOD + data, TREE + data):
        try:
            parse_commit("a" * 40, raw)
        except IntegrityError as error:
            assert error.code == "COMMIT_MALFORMED"  # noqa: PT017


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5))
def test_what_is_written_is_read(world: World, contents: list[bytes]) -> None:
    repo = world.repository()
    oids = [write_object(repo, "blob", data) for data in contents]
    assert [found.data for _, found in read_objects(repo, oids) if found is not None] == contents


def test_path_of_a_link_gives_the_link(world: World) -> None:
    (world.clone / "link").symlink_to(Path("README.md"))
    world.git("add", "link")
    head = world.commit({})
    assert read_blob(world.repository(), head, "link") == b"README.md"
