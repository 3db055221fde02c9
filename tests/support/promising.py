"""A release that promised something, told once; and the windows that come afterwards, counted from real rows."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from calibgit.engine.table import write_results
from calibgit.jobs import calibrating
from calibgit.jobs import govern as jobs
from calibgit.jobs.calibrating import Calibrated
from calibgit.jobs.proposing import Wish
from calibgit.model.ids import Version
from calibgit.simulate.population import HEALTHY, Faults, simulate
from tests.support.governed import Clock, Governed, govern
from tests.support.world import World

CUT = "compatibility_thresholds.good.min_score"
FIRST = dt.date(2024, 1, 1)
DAYS = 30
ROWS = 3_000
V110 = Version(1, 1, 0)
PILE = Faults(pile_up_at=50, pile_up_share=0.2)


@dataclass(frozen=True)
class Promising:
    """v1.0.0, then v1.1.0 with predictions and a rollback trigger, released and active in production.

    Attributes:
        governed: the world.
        promised: what calibrate made of window 0; its proposal is v1.1.0.
    """

    governed: Governed
    promised: Calibrated

    def window(self, number: int, *, rows: int = ROWS, faults: Faults = HEALTHY, **wish: Any) -> Calibrated:
        """Count and publish a window of 30 days of v1.1.0; 1 is the first after the release."""
        config = self.governed.config(V110, good=67)
        done = run(self.governed, config, number, rows=rows, faults=faults, wish=Wish(**wish))
        self.governed.fetch()
        return done

    def copy(self, root: Path) -> Promising:
        """A world of one's own in which the same has happened."""
        before = self.governed.world
        shutil.copytree(before.root, root, symlinks=True)
        world = replace(before, root=root, remote=root / "remote.git", clone=root / "clone")
        return Promising(Governed(world, Clock(self.governed.clock.now)), self.promised)


def run(
    governed: Governed,
    config: Mapping[str, Any],
    number: int,
    *,
    rows: int = ROWS,
    faults: Faults = HEALTHY,
    wish: Wish | None = None,
) -> Calibrated:
    """The whole calibration run over one window of simulated rows."""
    start = FIRST + dt.timedelta(days=DAYS * number)
    table = governed.world.root / f"window-{number}.parquet"
    write_results(table, simulate(config, rows=rows, seed=number, start=start, days=DAYS, faults=faults))
    end = start + dt.timedelta(days=DAYS)
    space = governed.workspace("carol")
    return calibrating.calibrate(space, str(table), as_of=end.isoformat(), days=None, wish=wish or Wish())


def promise(world: World) -> Promising:
    """Make it come true in a fresh world."""
    governed = govern(world)
    wish = Wish(assignments={CUT: 67}, reason="too many are good", push=True)
    done = run(governed, governed.config(), 0, wish=wish)
    governed.merge(done.proposed.commit, by="alice")
    jobs.release(governed.workspace("bob"), V110, reason="approved")
    jobs.activate(governed.workspace("bob"), V110, env="production")
    governed.fetch()
    return Promising(governed, done)
