"""The facts of a clone: few git processes for many releases, and the same answers in any order."""

from __future__ import annotations

import subprocess
from typing import Any

import pytest

from calibgit.errors import IntegrityError
from calibgit.model.ids import Version, config_path, summary_path
from calibgit.registry.history import History
from calibgit.repo import history
from calibgit.repo.repository import Repository
from tests.support.governed import LINE, Governed, govern
from tests.support.world import World

CONFIG, SUMMARY = config_path(Version(1, 1, 0)), summary_path(LINE, Version(1, 1, 0))


def merged(governed: Governed, count: int) -> list[tuple[Version, str]]:
    """Versions from 1.1.0 on, each merged by alice; every proposal but the first was cut one merge too early."""
    heads = [governed.propose(f"1.{number}.0") for number in range(1, 3)]
    merges = []
    for number in range(1, count + 1):
        merges.append((Version(1, number, 0), governed.merge(heads[number - 1], by="alice")))
        if number + 2 <= count:
            heads.append(governed.propose(f"1.{number + 2}.0"))
    return merges


def facts_of(repo: Repository, tip: str, merges: list[tuple[Version, str]]) -> list[tuple[Any, ...]]:
    reader = History(repo, tip)
    found = []
    for version, merge in merges:
        facts = reader.merge_facts(merge, LINE, version)
        schema = reader.schema_sha256(merge, config_path(version))
        commits = [commit.oid for commit in facts.commits]
        owners = None if facts.owners is None else facts.owners.path
        found.append(
            (
                facts.merge.oid,
                commits,
                facts.changed,
                facts.altered,
                owners,
                facts.initiator,
                facts.summary_sha256,
                schema,
            )
        )
    return found


def test_more_releases_need_no_more_git_processes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    governed = govern(world)
    merges = merged(governed, 8)
    repo, tip = world.repository(), governed.tip()
    started: list[list[str]] = []
    real = subprocess.Popen

    def counted(words: list[str], **options: Any) -> Any:
        started.append(words)
        return real(words, **options)

    monkeypatch.setattr(subprocess, "Popen", counted)
    counts = []
    for few in (merges[:3], merges):
        started.clear()
        facts_of(repo, tip, few)
        counts.append(len(started))
    assert counts[0] == counts[1] <= 4


def test_the_order_of_questions_changes_no_answer(world: World) -> None:
    governed = govern(world)
    merges = merged(governed, 6)
    repo, tip = world.repository(), governed.tip()
    ordered = facts_of(repo, tip, merges)
    assert facts_of(repo, tip, merges[::-1]) == ordered[::-1]
    assert facts_of(repo, tip, [*merges[::2], *merges[::2]]) == [*ordered[::2], *ordered[::2]]
    for (version, merge), facts in zip(merges, ordered, strict=True):
        base = governed.world.git("rev-parse", f"{merge}^1")
        head = governed.world.git("rev-parse", f"{merge}^2")
        assert facts[0] == merge
        assert facts[1] == [commit.oid for commit in history.commits_between(repo, base, head)]
        assert list(facts[2]) == [change.path for change in history.changed_paths(repo, base, merge)]
        assert facts[3:6] == (frozenset(), "CODEOWNERS", "carol@example.org")
        assert config_path(version) in facts[2]


def test_a_log_without_releases_compares_no_trees(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    governed = govern(world)
    words: list[str] = []
    real = subprocess.Popen

    def noted(argv: list[str], **options: Any) -> Any:
        words.extend(argv)
        return real(argv, **options)

    monkeypatch.setattr(subprocess, "Popen", noted)
    assert governed.verification().ok
    assert not {"diff-tree", "--topo-order"} & set(words)


def test_codeowners_is_read_at_each_base(world: World) -> None:
    governed = govern(world)
    first = governed.merge(governed.propose("1.1.0"))
    files: dict[str, bytes | None] = {".github/CODEOWNERS": b"* @bob\n", "CODEOWNERS": None}
    second = governed.merge(governed.propose("1.2.0", files=files))
    third = governed.merge(governed.propose("1.3.0"))
    reader = History(world.repository(), governed.tip())
    places = []
    for number, merge in enumerate((first, second, third), start=1):
        owners = reader.merge_facts(merge, LINE, Version(1, number, 0)).owners
        places.append(None if owners is None else owners.path)
    assert places == ["CODEOWNERS", "CODEOWNERS", ".github/CODEOWNERS"]


def test_a_squash_is_read_with_its_reviewed_head(world: World) -> None:
    governed = govern(world)
    base, head = governed.tip(), governed.propose("1.1.0")
    squash = world.git("commit-tree", "-p", base, "-m", "squash", f"{head}^{{tree}}")
    reader = History(world.repository(), squash)
    facts = reader.merge_facts(squash, LINE, Version(1, 1, 0), head)
    assert [commit.oid for commit in facts.commits] == [head]
    assert frozenset(facts.changed) == facts.proposed == frozenset({CONFIG, SUMMARY})
    assert facts.altered == frozenset()
    nothing = reader.merge_facts(squash, LINE, Version(1, 1, 0))
    assert (nothing.commits, nothing.changed, nothing.owners) == ((), (), None)
    with pytest.raises(IntegrityError) as caught:
        reader.merge_facts(squash, LINE, Version(1, 1, 0), "1" * 40)
    assert caught.value.code == "HEAD_MISSING"
