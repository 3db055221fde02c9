"""Every command that writes into a repository, each with a world in which it has something to do."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from calibgit.engine.table import write_results
from calibgit.jobs import calibrating, cosigning, govern, measure, proposing, start, upkeep
from calibgit.jobs.cosigning import Wanted
from calibgit.jobs.drafting import Evidence
from calibgit.jobs.workspace import Workspace
from calibgit.model.ids import Version
from calibgit.simulate.population import simulate
from tests.attacks.raw import plant, slot, write
from tests.support.attesting import approve, attesting, request
from tests.support.governed import BASE, TEAM, Clock, Governed
from tests.support.governed import govern as govern_world
from tests.support.world import Template, World, run_git

V110, V120, V130 = Version(1, 1, 0), Version(1, 2, 0), Version(1, 3, 0)
ROLLED_BACK = 6
AS_OF = "2024-04-01"


class Opened(Protocol):
    """Opens the clone as whoever acts."""

    def __call__(self, **options: Any) -> Workspace: ...


@dataclass(frozen=True)
class Writer:
    """One way to write.

    Attributes:
        world: where it has something to do; a name of `WORLDS`.
        by, rival: who does it, and who else may.
        act: does it.
        done: codes that a second run may answer with.
        slot: whether it takes the next slot of the log.
    """

    world: str
    by: str
    rival: str
    act: Callable[[Opened], Any]
    done: tuple[str, ...] = ()
    slot: bool = True


def _results(space: Workspace) -> Path:
    """A results table beside the clone, made once."""
    path = space.repo.work_tree.parent / "results.sqlite"
    if not path.exists():
        config = json.loads((space.repo.work_tree / f"configs/scoring_config_v{BASE}.json").read_text())
        write_results(path, simulate(config, rows=400, seed=1, start=dt.date(2024, 3, 1), days=30))
    return path


WISH = proposing.Wish(
    assignments={"compatibility_thresholds.good.min_score": 68}, reason="stricter", merge_request=True
)


def _propose(space: Workspace) -> Any:
    subject = measure.subject_of(space, space.config(None))
    _, snapshot = measure.collect(subject, _results(space), as_of=AS_OF)
    return proposing.propose(space, subject, Evidence(snapshot, measure.analyze(subject, snapshot)), WISH)


def _members(space: Workspace) -> list[start.Member]:
    keys = Path(str(space._key)).parent
    return [start.Member(name, f"{name}@example.org", (keys / f"{name}.pub").read_text()) for name in TEAM]


def _init(space: Workspace) -> Any:
    return start.init(space.repo.work_tree, members=_members(space), line="scoring", solo=False, branch="main")


WRITERS: Mapping[str, Writer] = {
    "init": Writer("empty", "alice", "bob", lambda opened: _init(opened()), slot=False),
    "init --seal": Writer(
        "unsealed",
        "alice",
        "bob",
        lambda opened: start.seal(opened(), adopt=[(BASE, ["production"])], reason="start", dry_run=False),
        ("ALREADY_SEALED",),
    ),
    "propose": Writer("new", "carol", "alice", lambda opened: _propose(opened()), slot=False),
    "calibrate": Writer(
        "new",
        "carol",
        "alice",
        lambda opened: calibrating.calibrate(space := opened(), _results(space), as_of=AS_OF, days=None, wish=WISH),
        slot=False,
    ),
    "release": Writer(
        "open", "bob", "alice", lambda opened: govern.release(opened(), V120, reason="ready"), ("VERSION_TAKEN",)
    ),
    "release --attest": Writer(
        "attested",
        "robot",
        "robot",
        lambda opened: govern.release(opened(), V110, reason="ready", attest=True),
        ("VERSION_TAKEN",),
    ),
    "reject": Writer(
        "open", "bob", "alice", lambda opened: govern.reject(opened(), V130, reason="no"), ("ALREADY_REJECTED",)
    ),
    "activate": Writer(
        "open", "bob", "alice", lambda opened: govern.activate(opened(), V110, env="canary"), ("ALREADY_ACTIVE",)
    ),
    "deprecate": Writer(
        "open", "bob", "alice", lambda opened: govern.deprecate(opened(), V110, reason="old"), ("DEPRECATED",)
    ),
    "rollback": Writer(
        "open",
        "bob",
        "alice",
        lambda opened: govern.rollback(opened(), env="production", to=None, reason="too strict"),
        ("ALREADY_ROLLED_BACK",),
    ),
    "countersign": Writer(
        "open",
        "alice",
        "carol",
        lambda opened: cosigning.countersign(opened(), Wanted("activate", V110, env="canary")),
        slot=False,
    ),
    "ratify": Writer(
        "open",
        "bob",
        "carol",
        lambda opened: upkeep.ratify(opened(), ROLLED_BACK, reason="it was right"),
        ("ALREADY_RATIFIED",),
    ),
    "policy": Writer(
        "open", "bob", "alice", lambda opened: upkeep.policy(opened(), reason="fewer"), ("POLICY_UNCHANGED",)
    ),
    "checkpoint": Writer("open", "bob", "alice", lambda opened: upkeep.checkpoint(opened()), ("CHECKPOINT_STANDS",)),
    "void": Writer("junk", "bob", "alice", lambda opened: upkeep.void(opened(), reason="junk"), ("NOTHING_TO_VOID",)),
    "status --fetch": Writer("shallow", "carol", "alice", lambda opened: opened(fetch=True).verification(), slot=False),
}


def _new(world: World) -> Governed:
    """1.1.0 released and active in production; nothing waits."""
    governed = govern_world(world)
    governed.merge(governed.propose("1.1.0", author="carol"), by="alice")
    govern.release(governed.workspace("bob"), V110, reason="ready")
    govern.activate(governed.workspace("bob"), V110, env="production")
    on_main(governed)
    _results(governed.workspace())
    return governed


def _open(world: World) -> Governed:
    """Everything waits: 1.2.0 to be released, 1.3.0 to be rejected, a rollback to be ratified, a policy to begin."""
    governed = _new(world)
    for version in (BASE, V110):
        govern.activate(governed.workspace("bob"), version, env="staging")
    written, _ = govern.rollback(governed.workspace("alice"), env="staging", to=None, reason="by one person")
    assert written.event.seq == ROLLED_BACK
    governed.merge(governed.propose("1.2.0", author="carol", good=68), by="alice")
    governed.propose("1.3.0", author="carol", good=69)
    on_main(governed)
    trust = world.clone / "trust.toml"
    head, role, tail = trust.read_text().partition("[roles.deprecate]")
    world.commit({"trust.toml": head + role + tail.replace(', "carol"', "", 1)}, "Fewer people deprecate")
    world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()
    return governed


def _junk(world: World) -> Governed:
    """Junk lies in the next two slots."""
    governed = _new(world)
    seq = governed.verification().state.seq
    for at in (seq + 1, seq + 2):
        plant(world.remote, {slot(at): write(world.remote, "blob", b"junk %d" % at)})
    governed.fetch()
    return governed


def _attested(world: World) -> Governed:
    """An unsigned merge of a request that alice approved on the code host."""
    governed = attesting(world)
    head = governed.propose("1.1.0")
    approve(governed, request(governed, "1.1.0", head), head, "alice")
    governed.merge(head, signed=False)
    return governed


def _shallow(world: World) -> Governed:
    """The clone is a build job's checkout: one commit, no tags."""
    governed = _new(world)
    shutil.rmtree(world.clone)
    run_git(world.root, "clone", "--quiet", "--depth=1", "--no-tags", world.remote.as_uri(), "clone")
    run_git(world.clone, "config", "remote.origin.url", "../remote.git")
    return governed


def _two_clones(world: World) -> Governed:
    """Sealed, with 1.0.0 active in production; bob has a clone of his own beside the first."""
    governed = govern_world(world)
    world.second_clone("bobs")
    return governed


WORLDS: Mapping[str, Callable[[World], Governed]] = {
    "two clones": _two_clones,
    "empty": lambda world: Governed(world, Clock()),
    "unsealed": lambda world: govern_world(world, seal=False),
    "new": _new,
    "open": _open,
    "junk": _junk,
    "attested": _attested,
    "shallow": _shallow,
}


def on_main(governed: Governed) -> None:
    """Bring the work tree to the protected branch."""
    governed.world.git("reset", "--quiet", "--hard", "refs/remotes/origin/main")


@dataclass
class Worlds:
    """Worlds that are built when they are first asked for, packed, and copied from then on."""

    template: Template
    root: Path
    _built: dict[str, tuple[World, int]]

    def copy(self, name: str, root: Path) -> Governed:
        """A world of one's own."""
        if name not in self._built:
            governed = WORLDS[name](self.template.copy(self.root / name))
            for place in (governed.world.remote, *(() if name == "shallow" else (governed.world.clone,))):
                run_git(place, "repack", "-adq")
                run_git(place, "pack-refs", "--all")
            self._built[name] = (governed.world, governed.clock.now)
        world, now = self._built[name]
        shutil.copytree(world.root, root, symlinks=True)
        return Governed(World(root, root / "remote.git", root / "clone", world.keys, world.signers), Clock(now))


def opened(governed: Governed, person: str, path: Path | None = None, clock: Clock | None = None) -> Opened:
    """Opens the clone, or the one at `path`, as `person`."""

    def open_(**options: Any) -> Workspace:
        space = governed.workspace(person, **({"path": path} if path else {}), **options)
        space._clock = clock or space._clock
        return space

    return open_
