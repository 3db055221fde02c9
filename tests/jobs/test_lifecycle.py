"""The life of a config: proposed, merged, released, activated, pinned, rolled back."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibgit.errors import GateClosed
from calibgit.jobs import govern as jobs
from calibgit.jobs import pinning, read
from calibgit.model.ids import Version
from calibgit.runtime import load
from tests.support.governed import Governed, govern
from tests.support.world import World

V110 = Version(1, 1, 0)


@pytest.fixture
def governed(world: World) -> Governed:
    return govern(world)


def test_a_config_goes_all_the_way_and_back(governed: Governed, tmp_path: Path) -> None:
    governed.merge(governed.propose("1.1.0", author="carol"), by="alice")
    jobs.release(governed.workspace("bob"), V110, reason="approved")
    jobs.activate(governed.workspace("bob"), V110, env="production")

    value = read.status(governed.workspace())
    assert value["ok"]
    assert value["lines"]["scoring"]["active"] == {"production": "1.1.0"}
    assert [v["state"] for v in value["lines"]["scoring"]["versions"]] == ["released", "released"]
    assert value["lines"]["scoring"]["versions"][1]["approvers"] == ["alice"]
    assert value["lines"]["scoring"]["versions"][1]["evidence"] == "proven"

    pinning.pin(governed.workspace(), "calib/scoring/v1.1.0", tmp_path / "pin", trust_root=value["registry"])
    assert load(tmp_path / "pin").config["compatibility_thresholds"]["good"]["min_score"] == 67
    pinning.check_bundle(tmp_path / "pin", trust_root=value["registry"])

    jobs.rollback(governed.workspace("alice"), env="production", to=None, reason="too strict")
    assert read.status(governed.workspace())["lines"]["scoring"]["active"] == {"production": "1.0.0"}
    with pytest.raises(GateClosed, match="ROLLED_BACK"):
        pinning.pin(governed.workspace(), "1.1.0", tmp_path / "pin", trust_root=value["registry"])
    pinning.pin(governed.workspace(), "1.0.0", tmp_path / "pin", trust_root=value["registry"])
    assert load(tmp_path / "pin").version == "1.0.0"
    assert "calibgit/evidence/scoring" in governed.world.remote_git("branch", "--list", "--all")


def test_nobody_releases_what_only_its_author_approved(governed: Governed) -> None:
    governed.merge(governed.propose("1.1.0", author="alice"), by="alice")
    before = governed.remote_tags()
    with pytest.raises(GateClosed, match="FOUR_EYES"):
        jobs.release(governed.workspace("bob"), V110, reason="")
    assert governed.remote_tags() == before
