"""The scenes of the demo, in order. Each says what it expects; the first surprise ends the story."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click

from calibgit.cli.demo.world import DemoWorld
from calibgit.engine.table import write_results
from calibgit.runtime import Assessment, Holder
from calibgit.simulate.population import Faults, simulate

AS_OF = "2024-04-01"
START = dt.date(2024, 3, 1)
DAYS = 30
TABLE = "results.duckdb"
PIN = "pinned"
AGREED = "\n[lines.scoring.analysis.class_shares.excellent]\nmin = 0.13\nmax = 0.25\n"
RETURNED = "the interviews that follow an excellent result show too many weak candidates"

Scene = Callable[[DemoWorld, int], Iterator[bool]]


def play(world: DemoWorld, rows: int) -> str:
    """Play every scene; return the title of the one that went wrong, or an empty text."""
    click.echo(f"Everything happens in {world.root}. `bob$` means: in bob/scoring, with HOME set to bob's home.")
    for number, (title, scene) in enumerate(SCENES.items(), start=1):
        click.secho(f"\n{number}. {title}", bold=True)
        if not all(scene(world, rows)):
            return title
    return ""


def _say(text: str) -> None:
    click.echo(f"  {text}")


def results_table(world: DemoWorld, rows: int) -> Iterator[bool]:
    """Simulated results with one known fault."""
    config = json.loads((Path(__file__).parents[2] / "jobs/templates/scoring_config.json").read_text("utf-8"))
    faults = Faults(pile_up_at=65, pile_up_share=0.07)
    written = write_results(
        world.root / TABLE, simulate(config, rows=rows, seed=7, start=START, days=DAYS, faults=faults)
    )
    _say(f"{written:,} assessments of March 2024 in {TABLE}, scored by config v1.0.0: bands, confidence, red flags,")
    _say("free text, names. Two things are wrong in it. Too many scores lie just above 65, the cut of the band 'good':")
    _say("somebody rounds up. And fewer people than agreed reach the band 'excellent'.")
    yield written == rows


def governed_repository(world: DemoWorld, rows: int) -> Iterator[bool]:  # noqa: ARG001
    """Files, then the seal."""
    _say("Alice sets the repository up; Bob is the other senior engineer. Nobody approves their own change.")
    bob = world.home("bob") / "key.pub"
    world.git("alice", "commit", "--quiet", "--allow-empty", "-m", "First commit")
    robot = world.home("robot") / "key.pub"
    people = ("--person", "bob", "bob@example.org", str(bob), "--ci", "robot", "robot@example.org", str(robot))
    yield world.calibgit("alice", "init", *people) == 0
    _say("She notes what was agreed on: 13 to 25 percent of all assessments should be excellent.")
    settings = world.clone("alice") / "calibgit.toml"
    settings.write_text(settings.read_text("utf-8") + AGREED, "utf-8")
    world.git("alice", "add", "--all")
    world.git("alice", "commit", "--quiet", "-m", "Govern the scoring config")
    world.git("alice", "push", "--quiet", "origin", "HEAD:main")
    _say("The seal: a signed tag that says who may do what, and that v1.0.0 is in use already.")
    yield (
        world.calibgit("alice", "init", "--seal", "--adopt", "1.0.0=production", "--reason", "start of the registry")
        == 0
    )


def proposal(world: DemoWorld, rows: int) -> Iterator[bool]:  # noqa: ARG001
    """What a scheduled job does: count, judge, propose."""
    _say(
        "A scheduled job has its own clone, a key that signs its proposals, and no rights. It sees counts, never rows."
    )
    world.git(
        "robot",
        "fetch",
        "--quiet",
        "origin",
        "+refs/heads/*:refs/remotes/origin/*",
        "refs/tags/calib/*:refs/tags/calib/*",
    )
    world.git("robot", "checkout", "--quiet", "-B", "main", "origin/main")
    source = str(world.root / TABLE)
    snapshot = "analytics_output/metrics_snapshot_20240331_000000.json"
    report = "analytics_output/calibration_report_20240331_000000.json"
    clone = world.clone("robot")
    yield world.calibgit("robot", "collect", "--source", source, "--as-of", AS_OF) == 0
    yield world.calibgit("robot", "analyze", str(clone / snapshot)) == 1
    _say("Exit status 1: somebody should look. So the job proposes a change: a branch and a merge request, no more.")
    yield world.calibgit("robot", "propose", str(clone / report), "--initiator", "schedule", "--pr") == 0


def approval(world: DemoWorld, rows: int) -> Iterator[bool]:  # noqa: ARG001
    """The machine half of the gate, then the human half."""
    _say("Bob is a code owner. He lets the checks run: among others, every document is recomputed byte for byte.")
    world.git("bob", "fetch", "--quiet", "origin")
    world.git("bob", "fetch", "--quiet", "origin", "refs/tags/calib/*:refs/tags/calib/*")
    world.git("bob", "checkout", "--quiet", "-B", "main", "origin/main")
    yield world.calibgit("bob", "check", "--head", "origin/calibgit/scoring/v1.1.0") == 0
    _say("He reads proposals/scoring/v1.1.0/SUMMARY.md and agrees. His signed merge is the approval.")
    _merge(world, "bob", "1.1.0")
    yield True


def _merge(world: DemoWorld, person: str, version: str) -> None:
    branch = f"origin/calibgit/scoring/v{version}"
    world.git(person, "merge", "--quiet", "--no-ff", "-S", "-m", f"Merge proposal v{version}", branch)
    world.git(person, "push", "--quiet", "origin", "HEAD:main")


def release(world: DemoWorld, rows: int) -> Iterator[bool]:  # noqa: ARG001
    """Release and activate: two signed events."""
    yield world.calibgit("alice", "release", "1.1.0", "--reason", "evidence and flow look right") == 0
    _say("Released means: may be activated. Active is another decision, signed again.")
    yield world.calibgit("alice", "activate", "1.1.0") == 0
    yield world.calibgit("alice", "status") == 0


def runtime(world: DemoWorld, rows: int) -> Iterator[bool]:  # noqa: ARG001
    """Pin, load, score."""
    _say("A service pins the version. All trust work happens now; at run time it needs neither git nor network.")
    yield _pin(world, "alice", "1.1.0") == 0
    holder = Holder(world.root / PIN)
    yield holder.current.version == "1.1.0"
    _score(holder)


def _registry(world: DemoWorld) -> str:
    from calibgit.jobs.read import status
    from calibgit.jobs.workspace import Workspace

    with world.being("alice"):
        return str(status(Workspace(world.clone("alice")))["registry"])


def _pin(world: DemoWorld, person: str, version: str) -> int:
    tag = f"calib/scoring/v{version}"
    return world.calibgit(person, "pin", tag, "--trust-root", _registry(world), "-o", str(world.root / PIN))


def _score(holder: Holder) -> None:
    categories = [name for name in holder.current.config["category_weights"] if name != "default"]
    case: dict[str, Any] = {"category_scores": dict.fromkeys(categories, 84.0), "confidence": 0.8, "flags": {}}
    with holder.assessment() as config:
        verdict = config.evaluate(Assessment(**case))
        fields = config.as_log_fields()
    click.secho("  service> ", fg="cyan", nl=False)
    click.echo("config.evaluate(all categories 84, confidence 0.8, no flags)")
    click.echo(f"    score {verdict.score:g}: band {verdict.band}")
    click.echo(f"    decided by v{fields['config_version']}, SHA-256 {str(fields['config_sha256'])[:16]}...")


def refusal(world: DemoWorld, rows: int) -> Iterator[bool]:  # noqa: ARG001
    """Nobody approves their own change."""
    _say("Alice is in a hurry: she proposes a change of her own, and merges it herself, properly signed.")
    report = world.clone("robot") / "analytics_output/calibration_report_20240331_000000.json"
    world.git("alice", "fetch", "--quiet", "origin")
    world.git("alice", "checkout", "--quiet", "-B", "main", "origin/main")
    yield world.calibgit(
        "alice", "propose", str(report), "--set", "compatibility_thresholds.excellent.min_score=78", "--reason",
        "sales asked for more excellent results", "--push",
    ) == 1  # fmt: skip
    _say("The first refusal: those counts were taken under v1.0.0, and v1.1.0 is active now.")
    _say("So she writes the files by hand, as anybody with push access could, and merges.")
    _forge_proposal(world)
    _merge(world, "alice", "1.2.0")
    yield world.calibgit("bob", "release", "1.2.0") == 1
    _say("The second refusal: nobody but its author approved it. Nothing was tagged. Bob rejects those bytes for good:")
    yield world.calibgit("bob", "reject", "1.2.0", "--reason", "no evidence, and nobody else approved it") == 0


def _forge_proposal(world: DemoWorld) -> None:
    clone = world.clone("alice")
    config = json.loads((clone / "configs/scoring_config_v1.1.0.json").read_text("utf-8"))
    config["logic_version"] = "1.2.0"
    config["compatibility_thresholds"]["excellent"]["min_score"] = 78
    (clone / "configs/scoring_config_v1.2.0.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
    summary = json.loads((clone / "proposals/scoring/v1.1.0/change_summary_v1.1.0.json").read_text("utf-8"))
    summary |= {"proposed_version": "1.2.0", "base_version": "1.1.0", "initiator": "alice"}
    folder = clone / "proposals/scoring/v1.2.0"
    folder.mkdir(parents=True)
    (folder / "change_summary_v1.2.0.json").write_text(json.dumps(summary, indent=2) + "\n", "utf-8")
    world.git("alice", "checkout", "--quiet", "-b", "calibgit/scoring/v1.2.0")
    world.git("alice", "add", "configs", "proposals")
    world.git("alice", "commit", "--quiet", "-S", "-m", "Lower the bar for excellent")
    world.git("alice", "push", "--quiet", "origin", "HEAD")
    world.git("alice", "checkout", "--quiet", "main")


def rollback(world: DemoWorld, rows: int) -> Iterator[bool]:  # noqa: ARG001
    """One command, one signed tag, and the runtime follows."""
    holder = Holder(world.root / PIN)
    _say("Reviewers complain about v1.1.0. Alice takes it out; no new approval is needed to return to what ran before.")
    yield world.calibgit("alice", "rollback", "--reason", RETURNED) == 0
    _say("v1.1.0 can no longer be pinned for production, v1.0.0 can:")
    yield _pin(world, "alice", "1.1.0") == 1
    yield _pin(world, "alice", "1.0.0") == 0
    yield holder.refresh() and holder.current.version == "1.0.0"
    _say("The running service refreshes between two assessments:")
    _score(holder)


def proof(world: DemoWorld, rows: int) -> Iterator[bool]:  # noqa: ARG001
    """Anybody can check, with calibgit and without."""
    yield world.calibgit("alice", "verify", "--trust-root", _registry(world)) == 0
    yield world.calibgit("alice", "log") == 0
    _say("Stock git agrees: the signatures are plain SSH signatures.")
    from calibgit.jobs.read import allowed_signers
    from calibgit.jobs.workspace import Workspace

    with world.being("alice"):
        text = allowed_signers(Workspace(world.clone("alice")))
    (world.root / "allowed_signers").write_text(text, "utf-8")
    world.git("alice", "config", "gpg.ssh.allowedSignersFile", str(world.root / "allowed_signers"))
    names = world.git("alice", "tag", "--list", "calib/e/*", quiet=True).split()
    world.git("alice", "verify-tag", *names)
    _say(f"{len(names)} events, every signature good.")
    world.git("alice", "fetch", "--quiet", "origin")
    refs = ("--decorate-refs=refs/tags", "--decorate-refs=refs/remotes")
    world.git("alice", "log", "--graph", "--all", "--oneline", "--decorate", *refs)


def yours(world: DemoWorld, rows: int) -> Iterator[bool]:  # noqa: ARG001
    """What to do next."""
    clone = world.clone("robot")
    _say(f"Map your table in {clone / 'calibgit.toml'} under [lines.scoring.source], then paste:")
    program = sys.argv[0] if Path(sys.argv[0]).name == "calibgit" else "calibgit"
    click.secho(f"\n    {program} --repo {clone} calibrate --source YOUR_TABLE.parquet --dry-run\n", bold=True)
    _say("It counts, judges and shows what it would propose; it writes nothing and needs no key.")
    _say(f"The whole story stays in {world.root}: look at it with plain git.")
    yield True


SCENES: dict[str, Scene] = {
    "A results table": results_table,
    "A governed repository": governed_repository,
    "A proposal from counts": proposal,
    "Approval is a signed merge": approval,
    "Release and activate": release,
    "A runtime pins the version": runtime,
    "A refusal": refusal,
    "Rollback, and the runtime follows": rollback,
    "Proof": proof,
    "now your data:": yours,
}
