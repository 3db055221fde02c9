"""One governed repository, built once and copied: 1.0.0 adopted, 1.1.0 released (2) and active (3)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from calibgit.jobs import govern as jobs
from calibgit.model.ids import Version
from tests.support.governed import Clock, Governed, govern
from tests.support.world import Template, World, run_git


@pytest.fixture(scope="session")
def running_template(template: Template, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, int]:
    """The original; never given to a test."""
    governed = govern(template.copy(tmp_path_factory.mktemp("running") / "world"))
    governed.merge(governed.propose("1.1.0", author="carol"), by="alice")
    jobs.release(governed.workspace("bob"), Version(1, 1, 0), reason="approved")
    jobs.activate(governed.workspace("bob"), Version(1, 1, 0), env="production")
    for place in (governed.world.clone, governed.world.remote):
        run_git(place, "repack", "-adq")
        run_git(place, "pack-refs", "--all")
    return governed.world, governed.clock.now


@pytest.fixture
def running(running_template: tuple[World, int], tmp_path: Path) -> Governed:
    """A copy of it for one test."""
    original, now = running_template
    root = tmp_path / "running"
    shutil.copytree(original.root, root, symlinks=True)
    return Governed(World(root, root / "remote.git", root / "clone", original.keys, original.signers), Clock(now))
