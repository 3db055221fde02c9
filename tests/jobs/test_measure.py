"""What a published snapshot takes from the registry: the config in force, and the cuts of the one before."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from calibgit.engine.table import write_results
from calibgit.jobs import govern as jobs
from calibgit.jobs import measure
from calibgit.jobs.active_config import replaced
from calibgit.model.ids import Version
from calibgit.model.snapshot import MetricsSnapshot
from calibgit.simulate.population import simulate
from tests.support.governed import BASE, LINE, Governed, govern
from tests.support.world import World

V110, V120 = Version(1, 1, 0), Version(1, 2, 0)
OLD_CUT, NEW_CUT = 65, 61


@pytest.fixture
def governed(world: World) -> Governed:
    made = govern(world)
    cuts = made.config()["compatibility_thresholds"]
    assert cuts["good"]["min_score"] == OLD_CUT
    made.merge(made.propose("1.1.0", good=NEW_CUT), by="alice")
    jobs.release(made.workspace("bob"), V110, reason="ready")
    made.world.git("reset", "--quiet", "--hard", "refs/remotes/origin/main")
    return made


@pytest.fixture
def source(governed: Governed) -> Path:
    path = governed.world.root / "results.duckdb"
    config = governed.config(V110, good=NEW_CUT)
    write_results(path, simulate(config, rows=1000, seed=1, start=dt.date(2024, 3, 1), days=30))
    return path


def collect(governed: Governed, source: Path, version: Version) -> MetricsSnapshot:
    space = governed.workspace()
    subject = measure.subject_of(space, space.config(str(version)))
    return measure.collect(subject, str(source), as_of="2024-04-01")[1]


def edges(snapshot: MetricsSnapshot) -> set[int]:
    """Edges of the score axis, in points, at which every row of the block is cut."""
    rows = snapshot.stratum(str(V110)).score.rows  # type: ignore[union-attr]
    return set.intersection(*({cell.lo for cell in row.cells} for row in rows if 0 in row.groups))


def test_the_cuts_of_the_config_before_stay_edges(governed: Governed, source: Path) -> None:
    """Without them, a window under the new config could not be compared with one under the old."""
    alone = collect(governed, source, V110)
    jobs.activate(governed.workspace("bob"), V110, env="production")
    both = collect(governed, source, V110)
    assert NEW_CUT in edges(alone)
    assert OLD_CUT not in edges(alone), "nothing is shown where it would be an edge anyhow"
    assert {OLD_CUT, NEW_CUT} <= edges(both)


def test_the_config_before_is_the_one_whose_place_was_taken(governed: Governed) -> None:
    def before(version: Version, env: str = "production") -> Version | None:
        record = replaced(governed.verification().state, version, LINE, env)
        return record.version if record else None

    bob = governed.workspace("bob")
    assert (before(BASE), before(V110)) == (None, None)
    jobs.activate(bob, V110, env="production")
    assert (before(BASE), before(V110), before(V110, "staging")) == (None, BASE, None)
    jobs.rollback(bob, env="production", to=None, reason="too strict")
    assert (before(BASE), before(V110)) == (V110, BASE)
