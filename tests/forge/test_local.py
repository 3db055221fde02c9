"""The local forge keeps the contract, and what is its own: refs, races, damaged documents."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from calibgit.errors import Conflict, DocumentError, EnvironmentFault, UsageError
from calibgit.forge.base import Forge
from calibgit.forge.local import LocalForge
from calibgit.model.review import MergeRequest
from calibgit.repo.commits import commit_files, merge_commit
from calibgit.repo.history import resolve
from calibgit.repo.objects import write_object
from calibgit.repo.remote import Remote, fetch, find_remote, push, remote_refs
from calibgit.repo.repository import Repository
from calibgit.repo.store import RemoteRefStore
from tests.forge.contract import ForgeContract, open_one
from tests.support.world import EPOCH, World


@dataclass
class LocalHost:
    world: World
    forge: Forge
    pushed: int = 0

    def push_branch(self, branch: str) -> str:
        repo = self.world.repository()
        self.pushed += 1
        name = f"refs/heads/{branch}"
        origin = find_remote(repo, None)
        tip = remote_refs(repo, origin, name).get(name, self.world.head())
        files = {f"proposals/{branch}": str(self.pushed).encode()}
        author = self.world.identity("alice")
        made = commit_files(repo, parents=[tip], files=files, message="Propose", author=author, when=EPOCH)
        push(repo, origin, {name: made})
        return made

    def merge(self, request: MergeRequest) -> None:
        repo = Repository.open(self.world.second_clone(f"merger-{request.number}"))
        origin, author = find_remote(repo, None), self.world.identity("bob")
        fetch(repo, origin, [request.head])
        base = resolve(repo, "refs/remotes/origin/main") or ""
        made = merge_commit(repo, base=base, head=request.head, message="Merge", author=author, when=EPOCH)
        push(repo, origin, {"refs/heads/main": made})

    def another_client(self) -> Forge:
        return local_forge(Repository.open(self.world.second_clone("another")))


def local_forge(repo: Repository) -> LocalForge:
    return LocalForge(RemoteRefStore(repo, find_remote(repo, None)))


@pytest.fixture
def host(world: World) -> LocalHost:
    return LocalHost(world, local_forge(world.repository()))


class TestLocalForge(ForgeContract):
    @pytest.fixture
    def host(self, world: World) -> LocalHost:
        return LocalHost(world, local_forge(world.repository()))


def test_no_local_ref_is_created(host: LocalHost) -> None:
    before = host.world.git("for-each-ref")
    open_one(host)
    host.forge.list()
    assert host.world.git("for-each-ref") == before
    assert host.world.remote_git("for-each-ref", "--format=%(refname)", "refs/calibgit") == (
        "refs/calibgit/merge-requests/1"
    )


def test_racing_openers_get_numbers_of_their_own(host: LocalHost) -> None:
    branches = [f"calibgit/scoring/v2.{minor}.0" for minor in range(4)]
    heads = [host.push_branch(branch) for branch in branches]

    def attempt(branch: str, head: str) -> int:
        forge = local_forge(host.world.repository())
        return forge.open(branch=branch, target="main", head=head, title="t", body="b", opener="o").number

    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(attempt, branches, heads))
    assert sorted(numbers) == [1, 2, 3, 4]
    assert [request.number for request in host.forge.list()] == [1, 2, 3, 4]


def test_an_opener_who_always_loses_gives_up(host: LocalHost) -> None:
    class Unlucky(RemoteRefStore):
        def refs(self, prefix: str) -> dict[str, str]:
            return {}

        def write(self, name: str, data: bytes, expected: str | None) -> None:
            raise Conflict("REF_TAKEN", name)

    repo = host.world.repository()
    forge = LocalForge(Unlucky(repo, find_remote(repo, None)))
    with pytest.raises(Conflict) as caught:
        forge.open(branch="b", target="main", head="a" * 40, title="t", body="", opener="o")
    assert caught.value.code == "REF_TAKEN"
    assert caught.value.fix


def test_documents_that_are_gone_or_no_documents_are_left_out(host: LocalHost) -> None:
    repo = host.world.repository()
    store = RemoteRefStore(repo, find_remote(repo, None))
    large = write_object(repo, "blob", b"x" * (1024 * 1024 + 1))
    assert store.read(["a" * 40, host.world.head(), large]) == {}


def test_a_lost_update_is_a_conflict(host: LocalHost) -> None:
    request = open_one(host)

    class Slow(RemoteRefStore):
        def write(self, name: str, data: bytes, expected: str | None) -> None:
            host.forge.update(request.number, title="somebody else's")
            RemoteRefStore.write(self, name, data, expected)

    repo = host.world.repository()
    with pytest.raises(Conflict) as caught:
        LocalForge(Slow(repo, find_remote(repo, None))).update(request.number, title="mine")
    assert caught.value.code == "REF_MOVED"
    assert [kept.title for kept in host.forge.list()] == ["somebody else's"]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"number":2}', '{"schema":"calibgit/merge-request/1","number":1}']
)
def test_damaged_documents_are_named(host: LocalHost, text: str) -> None:
    path = host.world.remote / "damaged"
    path.write_text(text)
    oid = host.world.remote_git("hash-object", "-w", str(path))
    host.world.remote_git("update-ref", "refs/calibgit/merge-requests/1", oid)
    with pytest.raises(DocumentError) as caught:
        host.forge.list()
    assert caught.value.code in {"BAD_MERGE_REQUEST", "NOT_JSON"}


def test_other_refs_beside_are_ignored(host: LocalHost) -> None:
    for name in ("0", "01", "x", "1/2"):
        host.world.remote_git("update-ref", f"refs/calibgit/merge-requests/{name}", "main")
    assert host.forge.list() == []


@pytest.mark.parametrize("wrong", [{"head": "abc"}, {"branch": ""}, {"target": ""}, {"body": "x" * 60_001}])
def test_senseless_requests_are_refused(host: LocalHost, wrong: dict[str, str]) -> None:
    good = {"branch": "b", "target": "main", "head": "a" * 40, "title": "t", "body": "b", "opener": "o"}
    with pytest.raises(UsageError) as caught:
        host.forge.open(**good | wrong)
    assert caught.value.code == "BAD_MERGE_REQUEST"


def test_a_head_that_nobody_has_is_not_merged(host: LocalHost) -> None:
    request = host.forge.open(branch="b", target="main", head="a" * 40, title="t", body="", opener="o")
    other = host.forge.open(branch="c", target="nothing", head="a" * 40, title="t", body="", opener="o")
    assert host.forge.list() == [request, other]


def test_unreachable_remote(world: World) -> None:
    forge = LocalForge(RemoteRefStore(world.repository(), Remote("origin", str(world.root / "gone"))))
    with pytest.raises(EnvironmentFault) as caught:
        forge.list()
    assert caught.value.code == "REMOTE_UNREACHABLE"
