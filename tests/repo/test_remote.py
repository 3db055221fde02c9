"""Fetching, listing and pushing against a real bare remote."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from calibgit.errors import CalibgitError, Conflict, EnvironmentFault, UsageError
from calibgit.repo.commits import commit_files
from calibgit.repo.create import create_bare, create_work_repository
from calibgit.repo.history import first_parents, resolve
from calibgit.repo.network import require_safe_url
from calibgit.repo.objects import write_object
from calibgit.repo.remote import Remote, fetch, find_remote, push, remote_refs
from calibgit.repo.repository import Repository
from tests.support.world import EPOCH, World, run_git

SLOT = "refs/tags/calib/e/00000001"
NAME = "refs/tags/calib/scoring/v1.0.0"


def failure(kind: type[CalibgitError], call: Callable[[], object]) -> CalibgitError:
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.fix
    return caught.value


def make(world: World, repo: Repository, text: str, *parents: str) -> str:
    author = world.identity("alice")
    files = {"file": text.encode()}
    return commit_files(repo, parents=parents, files=files, message=text, author=author, when=EPOCH)


@pytest.fixture
def repo(world: World) -> Repository:
    return world.repository()


@pytest.fixture
def origin(repo: Repository) -> Remote:
    return find_remote(repo, None)


def test_find_remote(world: World, repo: Repository) -> None:
    assert find_remote(repo, None) == find_remote(repo, "origin") == Remote("origin", "../remote.git")
    world.git("remote", "add", "other", "https://example.org/x.git")
    assert find_remote(repo, None).name == "origin"
    assert find_remote(repo, "other").url == "https://example.org/x.git"
    world.git("remote", "remove", "origin")
    assert find_remote(repo, None).name == "other"
    world.git("remote", "add", "third", "https://example.org/y.git")
    for name in (None, "origin", "-x"):
        error = failure(EnvironmentFault, partial(find_remote, repo, name))
        assert (error.code, error.fix) == ("NO_REMOTE", "git remote rename other origin")
    for name in ("other", "third"):
        world.git("remote", "remove", name)
    assert failure(EnvironmentFault, partial(find_remote, repo, None)).fix == "git remote add origin URL"


def test_a_remote_with_an_odd_name_is_not_seen(world: World, repo: Repository) -> None:
    world.git("config", "remote.--evil.url", "https://example.org/x.git")
    world.git("remote", "remove", "origin")
    assert failure(EnvironmentFault, lambda: find_remote(repo, None)).code == "NO_REMOTE"


GOOD_URLS = [
    "https://example.org/a.git", "https://user@example.org/a", "ssh://git@example.org:22/a", "git@example.org:a/b.git",
    "example.org:a", "git://example.org/a", "file:///srv/a.git", "/srv/a.git", "../a.git", "a", "./a:b", "[::1]:a",
    "ssh://[::1]/a",
]  # fmt: skip
BAD_URLS = [
    "", "-x", "--upload-pack=x", "ext::sh -c x", "fd::3", "x::y", "http://example.org/a", "ftp://example.org/a",
    "EXT::x", "ssh://-oProxyCommand=x/a", "ssh://git@-oProxyCommand=x/a", "-oProxyCommand=x:a", "git@-oX:a",
    "https://", "https:///a", " https://example.org/a", "https://example.org/a\n", "a\x00b", "transport::https://x/y",
    "https://example.org/\x1b[1m", "file+git://x/y",
]  # fmt: skip


@pytest.mark.parametrize("url", GOOD_URLS)
def test_urls_that_are_used(url: str) -> None:
    assert require_safe_url(url) == url


@pytest.mark.parametrize("url", BAD_URLS)
def test_urls_that_are_refused(repo: Repository, url: str) -> None:
    assert failure(EnvironmentFault, lambda: require_safe_url(url)).code == "BAD_REMOTE_URL"
    bad = Remote("origin", url)
    for call in (
        lambda: fetch(repo, bad, ["refs/heads/main"]),
        lambda: push(repo, bad, {SLOT: "a" * 40}),
        lambda: remote_refs(repo, bad, "refs/heads/*"),
    ):
        assert failure(EnvironmentFault, call).code == "BAD_REMOTE_URL"


def test_refused_url_hides_its_password() -> None:
    error = failure(EnvironmentFault, lambda: require_safe_url("http://me:secret@example.org/a"))
    assert "secret" not in str(error.as_dict())


def test_remote_refs(world: World, repo: Repository, origin: Remote) -> None:
    head = world.head()
    world.remote_git("tag", "-a", "-m", "x", "v1", "main")
    world.remote_git("update-ref", "refs/x/refs/heads/main", "main")
    assert remote_refs(repo, origin, "refs/heads/main") == {"refs/heads/main": head}
    assert remote_refs(repo, origin, "refs/heads/*") == {"refs/heads/main": head}
    assert remote_refs(repo, origin, "refs/tags/*") == {"refs/tags/v1": world.remote_git("rev-parse", "v1")}
    assert remote_refs(repo, origin, "refs/nothing/*") == {}


@pytest.mark.parametrize(
    "spec", ["", "main", "--upload-pack=x", "refs/heads/*:refs/a b", "refs/*/*", "a:b", "+", ":refs/x/y"]
)
def test_refspecs_are_full_names(repo: Repository, origin: Remote, spec: str) -> None:
    for call in (lambda: fetch(repo, origin, [spec]), lambda: remote_refs(repo, origin, spec)):
        assert failure(UsageError, call).code == "BAD_REFSPEC"


def test_unreachable(world: World, repo: Repository) -> None:
    gone = Remote("origin", str(world.root / "gone"))
    for call in (
        lambda: fetch(repo, gone, ["refs/heads/main"]),
        lambda: push(repo, gone, {SLOT: world.head()}),
        lambda: remote_refs(repo, gone, "refs/heads/*"),
    ):
        assert failure(EnvironmentFault, call).code == "REMOTE_UNREACHABLE"


def test_fetch_brings_refs_and_nothing_else(world: World, repo: Repository, origin: Remote) -> None:
    second = Repository.open(world.second_clone())
    made = make(world, second, "theirs", world.head())
    push(second, origin, {"refs/heads/side": made, SLOT: made, "refs/tags/other": made})
    fetch(repo, origin, ["+refs/heads/*:refs/remotes/origin/*", "refs/tags/calib/*:refs/tags/calib/*"])
    assert resolve(repo, "refs/remotes/origin/side") == made
    assert resolve(repo, SLOT) == made
    assert resolve(repo, "refs/tags/other") is None
    assert not (repo.git_dir / "FETCH_HEAD").exists()
    assert first_parents(repo, made)[-1] == world.head()


def test_fetch_of_objects_alone(world: World, repo: Repository, origin: Remote) -> None:
    second = Repository.open(world.second_clone())
    made = make(world, second, "theirs", world.head())
    push(second, origin, {SLOT: made})
    before = world.git("for-each-ref")
    fetch(repo, origin, [made])
    assert resolve(repo, made) == made
    assert world.git("for-each-ref") == before


def test_fetch_again_changes_nothing(world: World, repo: Repository, origin: Remote) -> None:
    for _ in range(2):
        fetch(repo, origin, ["+refs/heads/*:refs/remotes/origin/*"])
    assert resolve(repo, "refs/remotes/origin/main") == world.head()


def test_fetches_at_the_same_time_agree(world: World, repo: Repository, origin: Remote) -> None:
    push(repo, origin, {f"refs/tags/calib/e/{number:08d}": world.head() for number in range(1, 30)})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fetch(repo, origin, ["refs/tags/calib/*:refs/tags/calib/*"]), range(4)))
    assert len(world.git("for-each-ref", "refs/tags/calib").splitlines()) == 29


def test_moved_tag_keeps_what_is_known(world: World, repo: Repository, origin: Remote) -> None:
    one, two = make(world, repo, "one"), make(world, repo, "two")
    push(repo, origin, {SLOT: one, NAME: one})
    fetch(repo, origin, ["refs/tags/calib/*:refs/tags/calib/*"])
    world.remote_git("update-ref", SLOT, world.head())
    push(repo, origin, {"refs/tags/calib/e/00000002": two})
    error = failure(Conflict, lambda: fetch(repo, origin, ["refs/tags/calib/*:refs/tags/calib/*"]))
    assert error.code == "REF_MOVED"
    assert "calib/e/00000001" in error.what
    assert resolve(repo, SLOT) == one
    assert resolve(repo, "refs/tags/calib/e/00000002") == two


def test_fetch_does_not_move_a_checked_out_branch(world: World, repo: Repository, origin: Remote) -> None:
    made = make(world, repo, "next", world.head())
    push(repo, origin, {"refs/heads/main": made, "refs/heads/side": made})
    error = failure(EnvironmentFault, lambda: fetch(repo, origin, ["refs/heads/*:refs/heads/*"]))
    assert error.code == "BRANCH_CHECKED_OUT"
    assert resolve(repo, "refs/heads/side") is None
    fetch(repo, origin, ["refs/heads/side:refs/heads/side"])
    assert resolve(repo, "refs/heads/side") == made


def test_fetch_of_a_missing_ref(repo: Repository, origin: Remote) -> None:
    for spec in ("refs/heads/nothing", "a" * 40):
        error = failure(EnvironmentFault, partial(fetch, repo, origin, [spec]))
        assert error.code == "NO_REMOTE_REF"


def test_push_creates_no_local_ref(world: World, repo: Repository, origin: Remote) -> None:
    made = make(world, repo, "one", world.head())
    before = world.git("for-each-ref")
    push(repo, origin, {SLOT: made, NAME: made})
    assert remote_refs(repo, origin, "refs/tags/*") == {SLOT: made, NAME: made}
    assert world.git("for-each-ref") == before


def test_push_again_is_harmless(world: World, repo: Repository, origin: Remote) -> None:
    made = make(world, repo, "one", world.head())
    for expect in (None, {SLOT: None}, {SLOT: made}):
        push(repo, origin, {SLOT: made}, expect=expect)
    push(repo, origin, {})


def test_taken_name_is_refused_and_named(world: World, repo: Repository, origin: Remote) -> None:
    one, two = make(world, repo, "one"), make(world, repo, "two")
    push(repo, origin, {SLOT: one})
    for expect in (None, {SLOT: None}):
        error = failure(Conflict, partial(push, repo, origin, {NAME: two, SLOT: two}, expect=expect))
        assert (error.code, error.retryable) == ("REF_TAKEN", True)
        assert SLOT in error.what
        assert NAME not in error.what
    assert remote_refs(repo, origin, "refs/tags/*") == {SLOT: one}


def test_name_that_a_file_blocks(world: World, repo: Repository, origin: Remote) -> None:
    """A tag `calib` squats every tag below it."""
    world.remote_git("tag", "calib", "main")
    made = make(world, repo, "one")
    error = failure(CalibgitError, lambda: push(repo, origin, {SLOT: made}))
    assert error.code in {"REF_TAKEN", "REMOTE_REFUSED"}
    assert remote_refs(repo, origin, "refs/tags/*") == {"refs/tags/calib": world.head()}


def test_stale_branch_is_refused(world: World, repo: Repository, origin: Remote) -> None:
    base = world.head()
    one, two = make(world, repo, "one", base), make(world, repo, "two", base)
    push(repo, origin, {"refs/heads/main": one})
    error = failure(Conflict, lambda: push(repo, origin, {"refs/heads/main": two}))
    assert error.code == "REF_MOVED"
    assert "refs/heads/main" in error.what
    error = failure(Conflict, lambda: push(repo, origin, {"refs/heads/main": two}, expect={"refs/heads/main": base}))
    assert error.code == "REF_MOVED"
    push(repo, origin, {"refs/heads/main": two}, expect={"refs/heads/main": one})
    assert remote_refs(repo, origin, "refs/heads/*") == {"refs/heads/main": two}


def test_partly_refused_push_changes_nothing(world: World, repo: Repository, origin: Remote) -> None:
    one, two = make(world, repo, "one"), make(world, repo, "two")
    push(repo, origin, {SLOT: one})
    before = world.remote_git("for-each-ref")
    failure(Conflict, lambda: push(repo, origin, {NAME: two, SLOT: two, "refs/heads/new": two}))
    assert world.remote_git("for-each-ref") == before


HOOK = "#!/bin/sh\necho 'tags are protected; ask https://me:secret@example.org' >&2\nexit 1\n"


@pytest.mark.parametrize("hook", ["pre-receive", "update"])
def test_remote_that_refuses(world: World, repo: Repository, origin: Remote, hook: str) -> None:
    hooks = world.remote / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / hook).write_text(HOOK)
    (hooks / hook).chmod(0o755)
    error = failure(EnvironmentFault, lambda: push(repo, origin, {SLOT: world.head(), NAME: world.head()}))
    assert error.code == "REMOTE_REFUSED"
    assert "tags are protected" in error.what
    assert "secret" not in error.what
    assert "\x1b" not in error.what
    assert remote_refs(repo, origin, "refs/tags/*") == {}


def test_remote_that_refuses_one_name_of_two(world: World, repo: Repository, origin: Remote) -> None:
    hooks = world.remote / "hooks"
    hooks.mkdir(exist_ok=True)
    (hooks / "update").write_text(f'#!/bin/sh\n[ "$1" != {NAME} ]\n')
    (hooks / "update").chmod(0o755)
    error = failure(EnvironmentFault, lambda: push(repo, origin, {SLOT: world.head(), NAME: world.head()}))
    assert error.code == "REMOTE_REFUSED"
    assert NAME in error.what
    assert remote_refs(repo, origin, "refs/tags/*") == {}


def test_of_racing_pushes_exactly_one_wins(world: World, repo: Repository, origin: Remote) -> None:
    commits = [make(world, repo, str(number)) for number in range(8)]

    def attempt(oid: str) -> str:
        try:
            push(repo, origin, {SLOT: oid, NAME: oid})
        except Conflict as conflict:
            return conflict.code
        return "won"

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(attempt, commits))
    assert outcomes.count("won") == 1
    assert set(outcomes) == {"won", "REF_TAKEN"}
    winner = commits[outcomes.index("won")]
    assert remote_refs(repo, origin, "refs/tags/*") == {SLOT: winner, NAME: winner}


def test_racing_branch_updates(world: World, repo: Repository, origin: Remote) -> None:
    base = world.head()
    commits = [make(world, repo, str(number), base) for number in range(6)]

    def attempt(oid: str) -> str:
        try:
            push(repo, origin, {"refs/heads/main": oid}, expect={"refs/heads/main": base})
        except Conflict as conflict:
            return conflict.code
        return "won"

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(attempt, commits))
    assert outcomes.count("won") == 1
    assert set(outcomes) == {"won", "REF_MOVED"}


def test_blobs_and_odd_refs_travel(repo: Repository, origin: Remote) -> None:
    one, two = write_object(repo, "blob", b"1"), write_object(repo, "blob", b"2")
    name = "refs/calibgit/merge-requests/1"
    push(repo, origin, {name: one}, expect={name: None})
    assert failure(Conflict, lambda: push(repo, origin, {name: two})).code == "REF_TAKEN"
    assert failure(Conflict, lambda: push(repo, origin, {name: two}, expect={name: two})).code == "REF_MOVED"
    push(repo, origin, {name: two}, expect={name: one})
    assert remote_refs(repo, origin, "refs/calibgit/*") == {name: two}


@pytest.mark.parametrize("updates", [{"main": "a" * 40}, {"+refs/heads/x": "a" * 40}, {"refs/heads/x": "main"}])
def test_push_takes_whole_names(repo: Repository, origin: Remote, updates: dict[str, str]) -> None:
    failure(UsageError, lambda: push(repo, origin, updates))


def test_sha256_remote(world: World, tmp_path: Path) -> None:
    create_bare(tmp_path / "remote.git", object_format="sha256")
    repo = create_work_repository(tmp_path / "work", object_format="sha256")
    run_git(repo.work_tree, "remote", "add", "origin", "../remote.git")
    made, origin = make(world, repo, "one"), find_remote(repo, None)
    push(repo, origin, {"refs/heads/main": made})
    fetch(repo, origin, ["refs/heads/main:refs/remotes/origin/main"])
    assert resolve(repo, "refs/remotes/origin/main") == made


def test_push_from_a_linked_work_tree(world: World, origin: Remote) -> None:
    world.git("worktree", "add", "--quiet", "../linked", "-b", "side")
    linked = Repository.open(world.root / "linked")
    made = make(world, linked, "one", world.head())
    push(linked, origin, {SLOT: made})
    fetch(linked, origin, [f"{SLOT}:{SLOT}"])
    assert resolve(linked, SLOT) == made
