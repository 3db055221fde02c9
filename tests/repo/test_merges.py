"""What merges brought, read many at a time, against plain git on histories of every shape."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibgit.errors import DocumentError, EnvironmentFault, IntegrityError
from calibgit.repo.ancestry import Ancestry
from calibgit.repo.merges import Brought, Merges
from calibgit.repo.objects import Commit, ObjectReader, read_commit
from calibgit.repo.repository import Repository
from calibgit.repo.treediff import TreeDiffs
from tests.support.world import World, run_git

FILES = ("a", "b", "dir", "dir/c", "dir/d/e", "other/f")
MODES = ("100644", "100755", "120000", "160000")

Node = tuple[list[int], dict[str, tuple[str, str] | None], int]


@st.composite
def histories(draw: st.DrawFn) -> list[Node]:
    """Commits: earlier ones as parents (none: a root), files set or deleted, dates in any order."""
    contents = st.one_of(st.none(), st.tuples(st.sampled_from(MODES), st.sampled_from("123")))
    return [
        (
            draw(st.lists(st.integers(0, number - 1), max_size=3, unique=True)) if number else [],
            draw(st.dictionaries(st.sampled_from(FILES), contents, max_size=3)),
            draw(st.integers(0, 9)),
        )
        for number in range(draw(st.integers(2, 14)))
    ]


def built(root: Path, nodes: list[Node]) -> tuple[Repository, list[str]]:
    """The commits in a new repository, written by git fast-import; the last one is the tip."""
    run_git(root, "init", "--quiet", "--template=", "--initial-branch=main")
    stream = ""
    for number, (parents, files, date) in enumerate(nodes):
        stream += f"commit refs/heads/n{number}\nmark :{number + 1}\ncommitter A <a@b> {1_700_000_000 + date} +0000\n"
        stream += f"data {len(str(number))}\n{number}\n"
        for place, parent in enumerate(parents):
            stream += f"{'merge' if place else 'from'} :{parent + 1}\n"
        for path, content in files.items():
            if content is None:
                stream += f"D {path}\n"
            elif content[0] == "160000":
                stream += f"M 160000 {content[1] * 40} {path}\n"
            else:
                stream += f"M {content[0]} inline {path}\ndata 1\n{content[1]}\n"
        stream += "\n"
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, input=stream.encode(), check=True)
    commits = run_git(root, "rev-parse", *(f"refs/heads/n{number}" for number in range(len(nodes)))).split()
    run_git(root, "update-ref", "refs/heads/main", commits[-1])
    return Repository.open(root), commits


def told_by_git(root: Path, merge: Commit, head: str) -> tuple[object, ...]:
    """Commits, changed, altered and, for one parent, proposed, each from plain git."""
    base = merge.parents[0]
    commits = run_git(root, "rev-list", "--topo-order", head, f"^{base}").split()
    changed = paths(root, base, merge.oid)
    altered = frozenset(changed) & frozenset(paths(root, head, merge.oid))
    if len(merge.parents) != 1:
        return commits, changed, altered, None
    forks = run_git(root, "merge-base", "--all", base, head, check=False).split()
    return commits, changed, altered, frozenset(paths(root, forks[0], head) if len(forks) == 1 else [])


def paths(root: Path, old: str, new: str) -> list[str]:
    return run_git(root, "diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new).split("\x00")[:-1]


def said(brought: Brought) -> tuple[object, ...]:
    return [commit.oid for commit in brought.commits], list(brought.changed), brought.altered, brought.proposed


@settings(max_examples=40, deadline=None)
@given(histories(), st.data())
def test_many_merges_at_a_time_say_what_plain_git_says_of_each(nodes: list[Node], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        repo, commits = built(root, nodes)
        ancestry = Ancestry(repo, commits[-1])
        line = run_git(root, "rev-list", "--first-parent", commits[-1]).split()
        assert list(ancestry.line) == line
        for place, newer in enumerate(line):
            reached = run_git(root, "rev-list", newer).split()
            assert [oid for oid in commits if ancestry.reached(oid, place)] == [o for o in commits if o in reached]
        reader = Merges(ancestry, ObjectReader(repo))
        with_parents = [commit for commit in reader.commits(line) if commit.parents]
        merges = [commit for commit in with_parents if len(commit.parents) == 2]
        if merges:
            together = reader.read(merges[-1], merges[-1].parents[1], merges[-2::-1])
            assert [brought.merge for brought in together] == merges[::-1]
            for brought in together:
                assert said(brought) == told_by_git(root, brought.merge, brought.merge.parents[1])
        for commit in with_parents:
            head = data.draw(st.sampled_from(commits)) if len(commit.parents) == 1 else commit.parents[-1]
            [alone] = reader.read(commit, head)
            assert said(alone) == told_by_git(root, commit, head)


def chain(world: World, count: int, files: int = 1) -> list[str]:
    """Merges one after the other, each of a branch with one commit; oldest first."""
    merges = []
    for number in range(count):
        world.git("checkout", "--quiet", "-b", f"side-{number}")
        world.commit({f"side/{number}/{each}": str(number) for each in range(files)}, "side")
        world.git("checkout", "--quiet", "main")
        world.git("merge", "--quiet", "--no-ff", "-m", "merge", f"side-{number}")
        merges.append(world.head())
    return merges


def test_a_merge_that_cannot_be_read_spoils_no_other(world: World) -> None:
    first, second, _ = chain(world, 3)
    repo = world.repository()
    reader = Merges(Ancestry(repo, world.head()), ObjectReader(repo))
    commits = [read_commit(repo, oid) for oid in (first, second)]
    tree = repo.git_dir / "objects" / commits[1].tree[:2] / commits[1].tree[2:]
    tree.unlink()
    [brought] = reader.read(commits[0], commits[0].parents[1], commits[1:])
    assert (brought.merge.oid, brought.changed) == (first, ("side/0/0",))
    with pytest.raises(EnvironmentFault) as caught:
        reader.read(commits[1], commits[1].parents[1])
    assert caught.value.code == "GIT_FAILED"


def test_a_lost_commit_is_named(world: World) -> None:
    [merge] = chain(world, 1)
    repo = world.repository()
    commit = read_commit(repo, merge)
    reader = Merges(Ancestry(repo, merge), ObjectReader(repo))
    with pytest.raises(IntegrityError) as caught:
        reader.commits(["1" * 40])
    assert caught.value.code == "NO_SUCH_COMMIT"
    lost = commit.parents[1]
    (repo.git_dir / "objects" / lost[:2] / lost[2:]).unlink()
    with pytest.raises(EnvironmentFault) as fault:
        reader.read(commit, lost)
    assert fault.value.code == "GIT_FAILED"


def test_a_large_merge_is_read_when_asked_for_and_not_ahead(world: World) -> None:
    [small] = chain(world, 1)
    world.git("checkout", "--quiet", "-b", "large")
    world.commit({f"large/{number}": "" for number in range(300)}, "large")
    world.git("checkout", "--quiet", "main")
    world.git("merge", "--quiet", "--no-ff", "-m", "merge", "large")
    repo = world.repository()
    reader = Merges(Ancestry(repo, world.head()), ObjectReader(repo))
    one, two = (read_commit(repo, oid) for oid in (small, world.head()))
    assert [brought.merge.oid for brought in reader.read(one, one.parents[1], [two])] == [small]
    assert len(reader.read(two, two.parents[1])[0].changed) == 300


def test_a_path_that_is_not_utf_8_is_refused(world: World) -> None:
    head = world.head()
    blob = world.git("hash-object", "-w", "README.md")
    listed = subprocess.run(
        ["git", "mktree", "-z"], cwd=world.clone, input=b"100644 blob %s\t\xff\x00" % blob.encode(),
        check=True, capture_output=True,
    )  # fmt: skip
    side = world.git("commit-tree", "-p", head, "-m", "side", listed.stdout.decode().strip())
    merge = world.git("commit-tree", "-p", head, "-p", side, "-m", "merge", f"{side}^{{tree}}")
    repo = world.repository()
    with pytest.raises(DocumentError) as caught:
        Merges(Ancestry(repo, merge), ObjectReader(repo)).read(read_commit(repo, merge), side)
    assert caught.value.code == "BAD_PATH"


def test_thousands_of_pairs_need_few_processes_and_neither_side_waits_for_ever(world: World) -> None:
    [merge] = chain(world, 1, files=200)
    repo = world.repository()
    new, old = (read_commit(repo, oid).tree for oid in (merge, f"{world.head('HEAD~1')}"))
    diffs = TreeDiffs(repo)
    counts: dict[int, int] = {}
    for number, change in diffs.changes([(old, new), (new, new)] * 1100):
        assert change.path.startswith("side/0/")
        counts[number] = counts.get(number, 0) + 1
    assert counts == dict.fromkeys(range(0, 2200, 2), 200)
    stopped = diffs.changes([(old, new)] * 2)
    next(stopped)
    stopped.close()  # type: ignore[attr-defined]
    assert [number for number, _ in diffs.changes([(new, old)])] == [0] * 200


def test_a_tree_that_is_not_here_is_no_empty_difference(world: World) -> None:
    repo = world.repository()
    tree = read_commit(repo, world.head()).tree
    for pair in (("1" * 40, tree), (tree, "1" * 40)):
        with pytest.raises(EnvironmentFault) as caught:
            list(TreeDiffs(repo).changes([pair, (tree, tree)]))
        assert caught.value.code == "GIT_FAILED"


def test_a_squashed_head_that_left_the_branch_at_two_places_proposes_nothing(world: World) -> None:
    """Git names two best common ancestors; none of them alone is where the proposal began."""
    empty = world.git("hash-object", "-w", "-t", "tree", os.devnull)
    world.git("checkout", "--quiet", "-b", "side")
    side = world.commit({"side": "1"}, "side")
    world.git("checkout", "--quiet", "main")
    main = world.commit({"main": "1"}, "main")
    world.git("merge", "--quiet", "--no-ff", "-m", "merge", "side")
    head = world.git("commit-tree", "-p", main, "-p", side, "-m", "again", empty)
    squash = world.git("commit-tree", "-p", world.head(), "-m", "squash", empty)
    repo = world.repository()
    [brought] = Merges(Ancestry(repo, squash), ObjectReader(repo)).read(read_commit(repo, squash), head)
    assert brought.proposed == frozenset()
    assert [each.oid for each in brought.commits] == [head]
