"""One governed story, told once for the tests that only read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from calibgit.jobs import govern as jobs
from calibgit.jobs import pinning
from calibgit.model.ids import Version
from tests.support.governed import Governed, govern
from tests.support.world import World


@dataclass(frozen=True)
class Story:
    """v1.0.0 baseline, v1.1.0 released and active in production, v1.2.0 released and never active; four events.

    Attributes:
        governed: the world at the end; nobody changes it.
        root: its registry id.
        bundles: `active`, `inactive` and `baseline`: the three versions, pinned for production at the head.
    """

    governed: Governed
    root: str
    bundles: Path


def tell(world: World, bundles: Path) -> Story:
    """Make the story come true in a fresh world."""
    governed = govern(world)
    root = governed.verification().state.registry
    for number, cut in (("1.1.0", 67), ("1.2.0", 69)):
        version = Version.parse(number)
        governed.merge(governed.propose(number, author="carol", good=cut), by="alice")
        jobs.release(governed.workspace("bob"), version, reason="approved")
        if number == "1.1.0":
            jobs.activate(governed.workspace("bob"), version, env="production")
    space = governed.workspace()
    pinning.pin(space, "calib/scoring/v1.1.0", bundles / "active", trust_root=root)
    pinning.pin(space, "calib/scoring/v1.2.0", bundles / "inactive", trust_root=root, allow_inactive=True)
    pinning.pin(space, "v1.0.0", bundles / "baseline", trust_root=root)
    return Story(governed, root, bundles)
