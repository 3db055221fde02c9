"""A registry's whole life over real git, and what stock tools say of everything that was signed in it."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from calibgit.jobs import auditing, cosigning, pinning, read, start, upkeep
from calibgit.jobs import govern as jobs
from calibgit.jobs.cosigning import Wanted
from calibgit.model.audit import AuditReport
from calibgit.model.canonical import strict_canonical
from calibgit.model.event import NAMESPACE_GIT, NAMESPACE_STATEMENT, statement
from calibgit.model.ids import Version
from calibgit.registry.verify import Verification
from calibgit.runtime import load
from tests.support.governed import BASE, Governed, govern
from tests.support.world import World, run_git

V110 = Version(1, 1, 0)
BEGIN = b"-----BEGIN SSH SIGNATURE-----"
SIGNED_EVENTS = ("genesis", "release", "activate", "revert", "ratify", "checkpoint")


@dataclass(frozen=True)
class Life:
    """A finished life: the registry, the merge that approved v1.1.0, and the bundle that was pinned while it ran."""

    governed: Governed
    merge: str
    bundle: Path
    verification: Verification
    audit: AuditReport


def live(world: World, bundle: Path) -> Life:
    """Seal, propose, merge, co-sign, release, activate, pin, roll back, ratify, checkpoint; every step by somebody."""
    governed = govern(world, seal=False)
    two_for_a_release(world)
    governed.fetch()
    start.seal(governed.workspace("alice"), adopt=[(BASE, ["production"])], reason="start", dry_run=False)
    merge = governed.merge(governed.propose("1.1.0", author="carol"), by="alice")
    cosigning.countersign(governed.workspace("alice"), Wanted("release", V110, reason="both agree"))
    jobs.release(governed.workspace("bob"), V110, reason="both agree")
    jobs.activate(governed.workspace("bob"), V110, env="production")
    root = governed.verification().state.registry
    pinning.pin(governed.workspace(), "calib/scoring/v1.1.0", bundle, trust_root=root)
    jobs.rollback(governed.workspace("alice"), env="production", to=None, reason="too strict")
    upkeep.ratify(governed.workspace("bob"), 4, reason="agreed")
    upkeep.checkpoint(governed.workspace("carol"))
    governed.fetch()
    return Life(governed, merge, bundle, governed.verification(), auditing.audit(governed.workspace()))


def two_for_a_release(world: World) -> None:
    """Ask for two people before anything is released."""
    path = world.clone / "trust.toml"
    before, role, after = path.read_text().partition("[roles.release]")
    path.write_text(before + role + after.replace("threshold = 1", "threshold = 2", 1))
    world.git("commit", "--quiet", "--all", "-m", "Two people")
    world.git("push", "--quiet", "origin", "HEAD:main")


def require_believed(life: Life) -> None:
    """Every reader of ours believes the whole log."""
    result = life.verification
    assert result.ok, result.errors
    assert tuple(event.kind for event in result.events) == SIGNED_EVENTS
    assert result.people[2] == ("bob", "alice")
    assert not result.state.suspects
    assert read.status(life.governed.workspace())["lines"]["scoring"]["active"] == {"production": "1.0.0"}
    record = result.state.line("scoring")[V110]
    assert (record.evidence, record.approvers) == ("proven", ("alice",))
    assert life.audit.ok
    looked = [found for found in life.audit.findings if found.weight != "note"]
    assert looked == [], looked
    assert load(life.bundle).version == "1.1.0"
    pinning.check_bundle(life.bundle, trust_root=result.state.registry)


def require_stock_git(life: Life) -> None:
    """Stock git verifies tags with the generated allowed-signers file, and commits with the same keys."""
    clone, allowed = life.governed.world.clone, life.governed.world.root / "allowed"
    allowed.write_text(read.allowed_signers(life.governed.workspace()))
    trusting = ("-c", f"gpg.ssh.allowedSignersFile={allowed}")
    names = run_git(clone, "tag", "--list", "calib/e/*", "calib/scoring/*").split()
    assert len(names) == len(SIGNED_EVENTS) + 2
    run_git(clone, *trusting, "verify-tag", *names)
    run_git(clone, *trusting, "verify-commit", life.merge, f"{life.merge}^2")
    run_git(clone, "fsck", "--strict", "--no-dangling")
    run_git(life.governed.world.remote, "fsck", "--strict", "--no-dangling")


def require_ssh_keygen(life: Life) -> None:
    """`ssh-keygen -Y verify` accepts the signature of each event and each co-signature, and of nothing else."""
    directory = life.governed.world.root / "stock"
    directory.mkdir()
    people = life.verification.require()[1].keys
    for event in life.verification.events:
        signer = life.verification.people[event.seq][0]
        assert ssh_keygen(directory, people, signer, NAMESPACE_GIT, event.signed, event.signature)
        assert not ssh_keygen(directory, people, signer, NAMESPACE_GIT, event.signed + b" ", event.signature)
        for entry in event.payload.get("cosignatures", []):
            text = strict_canonical(statement(event.payload))
            signature = f"{BEGIN.decode()}\n{entry['signature']}\n-----END SSH SIGNATURE-----\n".encode()
            assert ssh_keygen(directory, people, people[entry["key"]], NAMESPACE_STATEMENT, text, signature)
            assert not ssh_keygen(directory, people, people[entry["key"]], NAMESPACE_GIT, text, signature)


def ssh_keygen(
    directory: Path, people: dict[str, str], signer: str, namespace: str, signed: bytes, signature: bytes
) -> bool:
    """The verdict of OpenSSH about one person's signature."""
    (directory / "allowed").write_text("".join(f"{name} {key}\n" for key, name in people.items()))
    (directory / "signature").write_bytes(signature)
    words = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", signer, "-n", namespace, "-s", "signature"]
    return subprocess.run(words, cwd=directory, input=signed, capture_output=True, check=False).returncode == 0
