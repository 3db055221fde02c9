"""The fixtures of registries that are in use."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from calibgit.jobs import govern as jobs
from calibgit.jobs import start
from calibgit.model.ids import Version
from tests.attacks.raw import ATTESTED, SIGNED, Evidence
from tests.support.attesting import approve, squash
from tests.support.attesting import request as opened
from tests.support.governed import BASE, Clock, Governed, govern
from tests.support.running import running, running_template
from tests.support.world import Template, World, run_git

__all__ = ["attested", "attested_template", "running", "running_template"]

MACHINES = """
[roles.attest]
people = ["robot", "dave"]
threshold = 1
"""


@pytest.fixture(scope="session")
def attested_template(template: Template, tmp_path_factory: pytest.TempPathFactory) -> tuple[World, int]:
    """The original of `attested`; never given to a test."""
    governed = govern(template.copy(tmp_path_factory.mktemp("attested") / "world"), seal=False)
    world = governed.world
    machines = "".join(
        f'[people.{name}]\nkind = "ci"\nkeys = ["{world.public_key(name)}"]\nemails = ["{name}@example.org"]\n\n'
        for name in ("robot", "dave")
    )
    account = 'accounts = [{ host = "github.com", login = "alice-gh", id = 7 }]\n'
    text = (world.clone / "trust.toml").read_text()
    text = text.replace('owners = ["@alice"]\n', 'owners = ["@alice", "@org/leads"]\n' + account, 1)
    text = text.replace("[roles.release]\npeople = [", machines + '[roles.release]\npeople = ["robot", ', 1)
    world.commit({"trust.toml": text + MACHINES}, "Machines attest")
    world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()
    start.seal(governed.workspace("alice"), adopt=[(BASE, ["production"])], reason="start", dry_run=False)
    head = governed.propose("1.1.0", author="carol")
    approve(governed, opened(governed, "1.1.0", head), head, "alice")
    pack(world)
    return world, governed.clock.now


@pytest.fixture
def attested(attested_template: tuple[World, int], tmp_path: Path) -> Governed:
    """Machines attest: robot may release and attest, dave only attest. Carol proposed 1.1.0, and alice approved it."""
    return copied(attested_template, tmp_path / "attested")


@pytest.fixture(scope="session")
def attested_release_template(
    attested_template: tuple[World, int], tmp_path_factory: pytest.TempPathFactory
) -> tuple[World, int]:
    """The original of `released` for attested evidence; never given to a test."""
    governed = copied(attested_template, tmp_path_factory.mktemp("attested") / "released")
    branch = "refs/heads/calibgit/scoring/v1.1.0"
    squash(governed, governed.world.remote_git("rev-parse", branch))
    governed.world.remote_git("update-ref", "-d", branch)
    jobs.release(governed.workspace("robot"), Version(1, 1, 0), reason="approved", attest=True)
    jobs.activate(governed.workspace("bob"), Version(1, 1, 0), env="production")
    pack(governed.world)
    return governed.world, governed.clock.now


@pytest.fixture(params=[SIGNED, ATTESTED], ids=lambda evidence: evidence.kind)
def evidence(request: pytest.FixtureRequest) -> Evidence:
    """Each kind of evidence in turn."""
    kind: Evidence = request.param
    return kind


@pytest.fixture
def released(evidence: Evidence, request: pytest.FixtureRequest, tmp_path: Path) -> Governed:
    """1.0.0 adopted, 1.1.0 released (2) and active (3): by a signed merge, or by a squash that a machine attests."""
    template = "running_template" if evidence is SIGNED else "attested_release_template"
    return copied(request.getfixturevalue(template), tmp_path / "released")


def pack(world: World) -> None:
    """Few files, so that copies are quick."""
    for place in (world.clone, world.remote):
        run_git(place, "repack", "-adq")
        run_git(place, "pack-refs", "--all")


def copied(template: tuple[World, int], root: Path) -> Governed:
    """A world of one's own."""
    original, now = template
    shutil.copytree(original.root, root, symlinks=True)
    return Governed(World(root, root / "remote.git", root / "clone", original.keys, original.signers), Clock(now))
