"""Full verification of a log, cold, as a whole process, against stock `git verify-tag` on the same tags."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.clock import cpu_of
from calibgit.jobs import govern as jobs
from calibgit.model.event import expected_refs
from calibgit.model.ids import Version
from calibgit.model.state import RegistryState
from calibgit.registry.fold import apply
from calibgit.registry.format import message, parse_event
from calibgit.registry.steps import Checked
from calibgit.registry.write import Situation, payload_of
from calibgit.release import plan
from calibgit.repo.objects import write_object
from calibgit.repo.tags import tag_object
from tests.conftest import build_walls
from tests.support.governed import Governed, govern
from tests.support.world import Keyring, Template, run_git

SIZES = (1_000, 5_000)


def measure() -> Iterator[tuple[str, str, str]]:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        root = Path(name)
        for place in ("home", "keys", "template"):
            (root / place).mkdir()
        build_walls(root / "home", patch)
        world = Template(root / "template", Keyring(root / "keys")).copy(root / "world")
        governed = govern(world)
        governed.merge(governed.propose("1.1.0"), by="alice")
        jobs.release(governed.workspace("bob"), Version(1, 1, 0), reason="")
        signers = world.allowed_signers("alice", "bob", "carol")
        grown = 2
        for size in SIZES:
            grow(governed, grown, size)
            grown = size
            used = cpu_of(sys.executable, "-m", "calibgit", "--repo", str(world.clone), "status", "--format", "json")
            one = f"gpg.ssh.allowedSignersFile={signers}"
            sample = [f"calib/e/{seq:08d}" for seq in range(1, 51)]
            stock = cpu_of("git", "-C", str(world.clone), "-c", one, "verify-tag", *sample) / 50 * size
            yield (
                f"status of {size:,} events, all verified, CPU",
                f"{used:.2f} s",
                f"{stock / used:.0f}x less than verify-tag",
            )


def grow(governed: Governed, have: int, want: int) -> None:
    """Append activations until the log has `want` events, without a push for each."""
    space = governed.workspace("bob")
    verification = space.verification()
    state, policy = verification.require()
    history = space.history(policy)
    updates: list[str] = []
    for seq in range(have + 1, want + 1):
        payload = activation(state, Situation(state, policy, "bob", history), seq)
        unsigned = tag_object(
            object_oid=payload["target"]["commit"], tag=expected_refs(payload)[1],
            tagger=governed.world.identity("bob"), when=governed.clock.now, message=message(payload),
        )  # fmt: skip
        body = unsigned + governed.world.signer("bob").sign(unsigned, "git").encode()
        oid = write_object(space.repo, "tag", body)
        event = parse_event(oid, body)
        apply(state, Checked(event, ("bob",), frozenset(), policy, policy))
        updates.append(f"create {payload['refs'][0]} {oid}\n")
    subprocess.run(
        ["git", "update-ref", "--stdin"], cwd=governed.world.clone, input="".join(updates).encode(), check=True
    )
    run_git(governed.world.clone, "pack-refs", "--all")
    run_git(governed.world.clone, "repack", "-adq")


def activation(state: RegistryState, situation: Situation, seq: int) -> dict[str, Any]:
    version = Version(1, 1, 0) if seq % 2 else Version(1, 0, 0)
    env = f"env-{seq % 7}"
    current = state.active("scoring", env)
    if current is not None and current.version == version:
        version = Version(1, 1, 0) if version == Version(1, 0, 0) else Version(1, 0, 0)
    fields = plan.activate(situation, line="scoring", version=version, env=env, override=(), reason="")
    return payload_of(fields, state, "refs/heads/main", situation.history.tip, state.head_at)
