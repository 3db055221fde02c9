"""Hostile repositories and environments: no program runs and no answer changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from calibgit.errors import CalibgitError
from calibgit.repo.commits import commit_files, merge_commit
from calibgit.repo.create import create_work_repository
from calibgit.repo.history import changed_paths, commits_between, first_parents, is_ancestor, list_files, resolve
from calibgit.repo.objects import read_blob, read_commit, read_objects, write_object
from calibgit.repo.refs import list_refs, update_refs
from calibgit.repo.remote import fetch, find_remote, push, remote_refs
from calibgit.repo.repository import Repository
from tests.repo.hostility import Canary, poison_config, poisoned_environment
from tests.support.world import EPOCH, Template, World, run_git


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    return Canary(tmp_path / "canary")


def everything(world: World) -> list[object]:
    """Every call of the door once, as comparable values."""
    repo = Repository.open(world.clone)
    origin = find_remote(repo, None)
    fields: dict[str, Any] = {"message": "m", "author": world.identity("alice"), "when": EPOCH}
    head = resolve(repo, "refs/heads/main") or ""
    ours = commit_files(repo, parents=[head], files={"README.md": b"ours\n"}, **fields)
    theirs = commit_files(repo, parents=[head], files={"configs/x.json": b"{}\n", "README.md": b"ours\n"}, **fields)
    merge = merge_commit(repo, base=ours, head=theirs, signer=world.signer("alice"), **fields)
    push(repo, origin, {"refs/heads/side": merge, "refs/tags/t": merge})
    fetch(repo, origin, ["+refs/heads/*:refs/remotes/origin/*", "refs/tags/*:refs/tags/*"])
    update_refs(repo, {"refs/heads/local": (merge, None)})
    return [
        repo,
        merge,
        remote_refs(repo, origin, "refs/*"),
        list_refs(repo, "refs/"),
        first_parents(repo, merge),
        is_ancestor(repo, head, merge),
        commits_between(repo, head, merge),
        changed_paths(repo, head, merge),
        list_files(repo, merge),
        read_blob(repo, head, "README.md"),
        read_commit(repo, merge),
        write_object(repo, "blob", b"x"),
    ]


def same_answers(world: World, other: World) -> None:
    expected, found = everything(other), everything(world)
    assert found[1:] == expected[1:]


def test_hostile_repository_config(world: World, template: Template, tmp_path: Path, canary: Canary) -> None:
    poison_config(world.clone, canary)
    same_answers(world, template.copy(tmp_path / "clean"))
    assert not canary.sang
    assert not (canary.program.parent / "program.d").exists()


def test_the_canary_can_sing(world: World, canary: Canary) -> None:
    poison_config(world.clone, canary)
    world.git("status", check=False)
    assert canary.sang


def test_hostile_environment(
    world: World, template: Template, tmp_path: Path, canary: Canary, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = template.copy(tmp_path / "clean")
    create_work_repository(tmp_path / "elsewhere")
    for name, value in poisoned_environment(canary, tmp_path / "elsewhere" / ".git").items():
        monkeypatch.setenv(name, value)
    found = everything(world)
    monkeypatch.undo()
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    assert found[1:] == everything(clean)[1:]
    assert not canary.sang


def test_hostile_merge_driver(world: World, canary: Canary) -> None:
    base = world.commit({".gitattributes": "* merge=evil\n", "f": "1\n2\n3\n"})
    poison_config(world.clone, canary)
    repo = world.repository()
    fields: dict[str, Any] = {"message": "m", "author": world.identity("alice"), "when": EPOCH}
    ours = commit_files(repo, parents=[base], files={"f": b"0\n2\n3\n"}, **fields)
    theirs = commit_files(repo, parents=[base], files={"f": b"1\n2\n4\n"}, **fields)
    merge = merge_commit(repo, base=ours, head=theirs, **fields)
    assert read_blob(repo, merge, "f") == b"0\n2\n4\n"
    assert not canary.sang


def test_promisor_remote_fetches_nothing(world: World, canary: Canary) -> None:
    for key, value in {
        "extensions.partialClone": "origin",
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": str(canary.program),
        "core.repositoryFormatVersion": "1",
    }.items():
        world.git("config", key, value)
    assert [found for _, found in read_objects(world.repository(), ["1" * 40])] == [None]
    assert resolve(world.repository(), "1" * 40) is None
    assert not canary.sang


def test_ext_url_is_never_started(world: World, canary: Canary) -> None:
    world.git("config", "protocol.ext.allow", "always")
    world.git("config", "remote.origin.url", f"ext::{canary.program}")
    with pytest.raises(CalibgitError) as caught:
        find_remote(world.repository(), None)
    assert caught.value.code == "BAD_REMOTE_URL"
    world.git("config", "remote.origin.url", "../remote.git")
    world.git("config", f"url.ext::{canary.program} .insteadOf", "../")
    assert remote_refs(world.repository(), find_remote(world.repository(), None), "refs/heads/*")
    assert not canary.sang


def test_global_rewrite_to_a_dangerous_url_is_stopped(world: World, canary: Canary, isolated: Path) -> None:
    with (isolated / ".gitconfig").open("a") as config:
        config.write(f'[url "ext::{canary.program} "]\n\tinsteadOf = /\n[protocol "ext"]\n\tallow = always\n')
    repo = world.repository()
    with pytest.raises(CalibgitError) as caught:
        remote_refs(repo, find_remote(repo, None), "refs/heads/*")
    assert caught.value.code == "REMOTE_UNREACHABLE"
    assert not canary.sang


def test_replace_refs_are_ignored(world: World) -> None:
    honest = world.head()
    world.git("checkout", "--quiet", "--orphan", "forgery")
    forged = world.commit({"README.md": "forged\n"})
    world.git("replace", honest, forged)
    assert world.git("show", f"{honest}:README.md") == "forged"
    assert read_blob(world.repository(), honest, "README.md") == b"A governed repository.\n"
    assert read_commit(world.repository(), honest).parents == ()


def test_grafts_are_ignored(world: World) -> None:
    first = world.head()
    second = world.commit({"a": "a"})
    (world.clone / ".git" / "info").mkdir(exist_ok=True)
    (world.clone / ".git" / "info" / "grafts").write_text(f"{second}\n")
    assert run_git(world.clone, "rev-list", "HEAD", env={"GIT_ADVICE": "0"}).split() == [second]
    repo = world.repository()
    assert first_parents(repo, second) == [second, first]
    assert is_ancestor(repo, first, second)


def test_a_lying_commit_graph_is_ignored(world: World, template: Template, tmp_path: Path) -> None:
    first = world.head()
    second = world.commit({"a": "a"})
    third = world.commit({"b": "b"})
    world.git("commit-graph", "write", "--reachable")
    graph = world.clone / ".git" / "objects" / "info" / "commit-graph"
    data = bytearray(graph.read_bytes())
    start = data.index(b"CDAT")
    at = int.from_bytes(data[start + 4 : start + 12], "big")
    order = sorted([first, second, third])
    parent = at + 36 * order.index(third) + 20
    data[parent : parent + 4] = order.index(first).to_bytes(4, "big")
    graph.chmod(0o600)
    graph.write_bytes(bytes(data))
    assert first_parents(world.repository(), third) == [third, second, first]


def test_alternates_are_read_like_the_own_store(world: World, template: Template, tmp_path: Path) -> None:
    other = template.copy(tmp_path / "other")
    oid = write_object(other.repository(), "blob", b"elsewhere")
    info = world.clone / ".git" / "objects" / "info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(f"{other.clone}/.git/objects\n")
    [(_, found)] = read_objects(world.repository(), [oid])
    assert found is not None
    assert found.data == b"elsewhere"


def test_alternate_refs_command_is_not_run(world: World, template: Template, tmp_path: Path, canary: Canary) -> None:
    other = template.copy(tmp_path / "other")
    info = world.clone / ".git" / "objects" / "info"
    info.mkdir(exist_ok=True)
    (info / "alternates").write_text(f"{other.clone}/.git/objects\n")
    poison_config(world.clone, canary)
    poison_config(other.clone, Canary(tmp_path / "second-canary"))
    everything(world)
    assert not canary.sang
    assert not (tmp_path / "second-canary" / "sang").exists()


def test_the_ci_headers_that_authorise_are_kept(world: World) -> None:
    """A CI checkout leaves its token as a header in the repository's config."""
    from calibgit.repo.network import talk  # noqa: PLC0415

    world.git("config", "http.https://github.com/.extraheader", "AUTHORIZATION: basic x")
    world.git("config", "http.proxy", "http://evil.example.org")
    world.git("config", "http.https://a.example.org/.extraheader", "A: b\r\nC: d")
    repo = world.repository()
    with repo.clean_directory() as clean:
        listed = talk(repo, clean, "config", "--get-regexp", "^http").stdout.decode()
    assert listed == "http.https://github.com/.extraheader AUTHORIZATION: basic x\n"


def test_credential_helpers_are_the_users_own(world: World, isolated: Path, canary: Canary) -> None:
    from calibgit.repo.network import talk  # noqa: PLC0415

    poison_config(world.clone, canary)
    (isolated / ".gitconfig").write_text('[credential]\n\thelper = "!f() { echo username=u; echo password=p; }; f"\n')
    repo = world.repository()
    question = b"protocol=https\nhost=example.org\n\n"
    with repo.clean_directory() as clean:
        answer = talk(repo, clean, "credential", "fill", stdin=question).stdout
    assert b"username=u\npassword=p\n" in answer
    assert not canary.sang
