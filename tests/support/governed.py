"""A governed repository with a sealed registry: three people, one baseline config, proposals made to order."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from calibgit.jobs import start
from calibgit.jobs.workspace import Workspace
from calibgit.model.canonical import pretty_json
from calibgit.model.ids import Version, config_path, proposal_branch, proposal_directory
from calibgit.registry.verify import Verification
from calibgit.repo.commits import commit_files, merge_commit
from calibgit.repo.network import find_remote
from calibgit.repo.pushing import push
from calibgit.repo.remote import remote_refs
from tests.support.world import EPOCH, World

LINE = "scoring"
BASE = Version(1, 0, 0)
TEAM = ("alice", "bob", "carol")


class Clock:
    """Seconds that pass only when somebody asks, so that order is visible and runs are equal."""

    def __init__(self, now: int = EPOCH) -> None:
        self.now = now

    def __call__(self) -> float:
        self.now += 1
        return self.now


@dataclass
class Governed:
    """A world whose clone is governed; every action names who does it."""

    world: World
    clock: Clock

    def workspace(self, person: str = "alice", **options: Any) -> Workspace:
        """The clone as `person` uses it."""
        home = self.world.root / f"home-{person}"
        home.mkdir(exist_ok=True)
        (home / ".gitconfig").write_text(f"[user]\nname = {person.title()}\nemail = {person}@example.org\n")
        environ = {**os.environ, "HOME": str(home)}
        path = options.pop("path", self.world.clone)
        return Workspace(path, environ=environ, key=self.world.keys[person], clock=self.clock, **options)

    def tip(self) -> str:
        """Commit of main on the remote."""
        return self.world.remote_git("rev-parse", "refs/heads/main")

    def config(self, version: Version = BASE, **changes: Any) -> dict[str, Any]:
        """The baseline config under another number; `good=67` moves the cut of the band `good`."""
        data: dict[str, Any] = json.loads((self.world.clone / config_path(BASE)).read_text())
        data["logic_version"] = str(version)
        for band, cut in changes.items():
            data["compatibility_thresholds"][band]["min_score"] = cut
        return data

    def summary(self, version: Version, initiator: str, **changes: Any) -> dict[str, Any]:
        """A change summary that lists `changes`."""
        old = self.config()
        return {
            "schema": "calibgit/change-summary/1",
            "line": LINE,
            "proposed_version": str(version),
            "base_version": str(BASE),
            "created_by": initiator,
            "initiator": initiator,
            "compatibility": "minor",
            "summary": "A change",
            "rationale": "Because",
            "changes": [
                {
                    "path": f"compatibility_thresholds.{band}.min_score",
                    "old": old["compatibility_thresholds"][band]["min_score"],
                    "new": cut,
                    "rationale": "Because",
                    "impact_note": "unknown",
                    "affected_components": ["scoring"],
                }
                for band, cut in changes.items()
            ],
            "requires_approval": True,
            "reproduce": {"command": "calibgit propose", "tool": "0", "libraries": {}, "inputs": []},
        }

    def propose(
        self,
        version: str,
        author: str = "carol",
        *,
        initiator: str | None = None,
        files: Mapping[str, bytes | None] | None = None,
        **changes: Any,
    ) -> str:
        """Push a proposal branch written by `author` and return its head."""
        space = self.workspace(author)
        number = Version.parse(version)
        moved = changes or {"good": 67}
        summary = self.summary(number, initiator or f"{author}@example.org", **moved)
        contents: dict[str, bytes | None] = {
            config_path(number): pretty_json(self.config(number, **moved)),
            f"{proposal_directory(LINE, number)}/change_summary_v{number}.json": pretty_json(summary),
            **(files or {}),
        }
        self.fetch()
        head = commit_files(
            space.repo,
            parents=[self.tip()],
            files=contents,
            message=f"Propose v{version}",
            author=self.world.identity(author),
            when=space.now(),
            signer=self.world.signer(author),
        )
        push(space.repo, find_remote(space.repo), {f"refs/heads/{proposal_branch(LINE, number)}": head})
        return head

    def merge(self, head: str, by: str = "alice", *, signed: bool = True) -> str:
        """Merge `head` into main with a merge commit signed by `by`, and push it."""
        space = self.workspace(by)
        self.fetch()
        base = self.tip()
        merge = merge_commit(
            space.repo,
            base=base,
            head=head,
            message="Merge proposal",
            author=self.world.identity(by),
            when=space.now(),
            signer=self.world.signer(by) if signed else None,
        )
        push(space.repo, find_remote(space.repo), {"refs/heads/main": merge}, expect={"refs/heads/main": base})
        self.fetch()
        return merge

    def fetch(self) -> None:
        """Bring the clone up to date."""
        self.world.git(
            "fetch", "--quiet", "origin", "refs/tags/calib/*:refs/tags/calib/*", "+refs/heads/*:refs/remotes/origin/*"
        )

    def verification(self) -> Verification:
        """The verified log of the clone."""
        return self.workspace().verification()

    def remote_tags(self) -> dict[str, str]:
        """Every name of the registry on the remote."""
        space = self.workspace()
        return remote_refs(space.repo, find_remote(space.repo), "refs/tags/calib/*")


def checked_out(world: World) -> Governed:
    """A governed world whose clone stands at the protected branch."""
    governed = govern(world)
    world.git("reset", "--quiet", "--hard", "refs/remotes/origin/main")
    return governed


def govern(world: World, *, team: tuple[str, ...] = TEAM, solo: bool = False, seal: bool = True) -> Governed:
    """Turn a fresh world into a governed one; genesis is signed by the first of the team."""
    governed = Governed(world, Clock())
    members = [start.Member(name, f"{name}@example.org", world.public_key(name)) for name in team]
    start.init(world.clone, members=members, line=LINE, solo=solo, branch="main")
    world.git("add", "--all")
    world.git("commit", "--quiet", "-m", "Govern the scoring config")
    world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()
    if seal:
        start.seal(governed.workspace(team[0]), adopt=[(BASE, ["production"])], reason="start", dry_run=False)
    return governed
