"""The complete workflow of the document that the project was created from: only its import paths differ."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from calibgit.api import (
    AggregateMetricsCollector,
    CalibrationAnalyzer,
    ConfigProposalGenerator,
    VersionChange,
    VersionRegistry,
    get_version_registry,
)
from calibgit.engine.table import write_results
from calibgit.errors import GateClosed, PermissionRefused, UsageError
from calibgit.forge.local import LocalForge
from calibgit.jobs import govern as jobs
from calibgit.jobs import start
from calibgit.model.ids import Version
from calibgit.repo.network import find_remote
from calibgit.repo.store import RemoteRefStore
from calibgit.simulate.population import Faults, simulate
from tests.support.governed import BASE, LINE, TEAM, Clock, Governed
from tests.support.world import World

AGREED = "\n[lines.scoring.analysis.class_shares.excellent]\nmin = 0.13\nmax = 0.25\n"
DAYS, ROWS = 30, 6000
Be = Callable[[str], None]


@pytest.fixture
def governed(world: World) -> Governed:
    """A governed clone whose team has agreed on how many results should be excellent."""
    governed = Governed(world, Clock())
    members = [start.Member(name, f"{name}@example.org", world.public_key(name)) for name in TEAM]
    start.init(world.clone, members=members, line=LINE, solo=False, branch="main")
    settings = world.clone / "calibgit.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + AGREED, encoding="utf-8")
    world.git("add", "--all")
    world.git("commit", "--quiet", "-m", "Govern the scoring config")
    world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()
    start.seal(governed.workspace("alice"), adopt=[(BASE, ["production"])], reason="start", dry_run=False)
    return governed


@pytest.fixture
def be(isolated: Path, governed: Governed, monkeypatch: pytest.MonkeyPatch) -> Be:
    """Become a person: their name, their address, their key."""

    def become(person: str) -> None:
        (isolated / ".gitconfig").write_text(f"[user]\nname = {person.title()}\nemail = {person}@example.org\n")
        monkeypatch.setenv("CALIBGIT_SIGNING_KEY", str(governed.world.keys[person]))

    return become


@pytest.fixture
def db(governed: Governed, tmp_path: Path) -> Iterator[Session]:
    """Results of the thirty days that have just ended, by whatever clock runs here."""
    today = dt.datetime.now(dt.UTC).date()
    config = json.loads((governed.world.clone / "configs/scoring_config_v1.0.0.json").read_text(encoding="utf-8"))
    path = tmp_path / "results.sqlite"
    rows = simulate(
        config,
        rows=3 * ROWS,
        seed=7,
        start=today - dt.timedelta(days=2 * DAYS),
        days=2 * DAYS,
        faults=Faults(pile_up_at=65, pile_up_share=0.07),
    )
    assert write_results(path, rows) == 3 * ROWS
    engine = create_engine(f"sqlite:///{path}")
    with Session(engine) as session:
        yield session
    engine.dispose()


def review(governed: Governed, version: str, by: str) -> None:
    """The manual step: a code owner reads the merge request and merges it, signed."""
    forge = LocalForge(RemoteRefStore(governed.workspace(by).repo, find_remote(governed.workspace(by).repo, None)))
    request = forge.find(f"calibgit/{LINE}/v{version}")
    assert request is not None
    assert request.state == "open"
    governed.merge(request.head, by=by)
    merged = forge.find(request.branch)
    assert merged is not None
    assert merged.state == "merged"


def test_the_complete_workflow_runs_as_it_is_written(
    governed: Governed, db: Session, be: Be, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(governed.world.clone)
    be("carol")

    # 1. Collect metrics
    collector = AggregateMetricsCollector(db, time_window_days=30)
    metrics = collector.collect_all_metrics()
    metrics_path = collector.save_metrics()
    assert metrics_path.name.startswith("metrics_snapshot_")

    # 2. Analyze calibration
    analyzer = CalibrationAnalyzer(metrics)
    report = analyzer.analyze_all()
    report_path = analyzer.save_report()
    assert report_path.name == metrics_path.name.replace("metrics_snapshot", "calibration_report")
    assert report.summary.requires_attention

    # 3. Generate proposal
    generator = ConfigProposalGenerator(report)
    proposal = generator.generate_proposal(
        proposed_version="1.1.0",
        base_version="1.0.0",
        created_by="analytics_system",
    )
    assert proposal.decision.changes, proposal.decision.reason
    tags = governed.remote_tags()
    files = generator.save_proposal(proposal)
    assert files["config_path"] == "configs/scoring_config_v1.1.0.json"
    assert files["summary_path"] == "proposals/scoring/v1.1.0/change_summary_v1.1.0.json"
    summary = json.loads(governed.world.git("show", f"{files['branch']}:{files['summary_path']}"))
    assert (summary["initiator"], summary["requires_approval"]) == ("analytics_system", True)
    assert governed.remote_tags() == tags

    # 4. Human review (manual step)
    be("bob")
    registry = get_version_registry()
    with pytest.raises(GateClosed, match="NOT_MERGED"):
        registry.approve_version(version="1.1.0", approved_by="bob@example.org")
    assert governed.remote_tags() == tags
    review(governed, "1.1.0", by="alice")

    # 5. Register and approve (after human review)
    registry = get_version_registry()
    entry = registry.register_version(
        version="1.1.0",
        description="Calibration improvements",
        changes=[
            VersionChange(
                description="Adjusted high-potential threshold",
                date="2024-02-01",
                impact="non-breaking",
                affected_components=["scoring", "classification"],
            )
        ],
        requires_approval=True,
    )
    assert (entry["state"], entry["evidence"], entry["description"]) == (
        "merged",
        "unverified",
        "Calibration improvements",
    )
    assert entry["changes"][0]["affected_components"] == ["scoring", "classification"]
    assert governed.remote_tags() == tags

    # 6. Approve
    for stranger in ("alice@example.org", "alice", "senior_engineer@example.com"):
        with pytest.raises(PermissionRefused, match="OTHER_PERSON"):
            registry.approve_version(version="1.1.0", approved_by=stranger, approval_reason="x")
    assert governed.remote_tags() == tags
    assert not registry.can_activate_version("1.1.0")
    registry.approve_version(
        version="1.1.0",
        approved_by="bob@example.org",
        approval_reason="Validated calibration improvements",
    )
    assert registry.can_activate_version("1.1.0")
    assert registry.get_active_version() == "1.0.0"

    # 7. Activate
    registry.activate_version("1.1.0")
    assert registry.get_active_version() == "1.1.0"
    _and_back(registry, governed)


def _and_back(registry: VersionRegistry, governed: Governed) -> None:
    history = registry.get_version_history()
    assert [(v["version"], v["state"], v["approvers"]) for v in history] == [
        ("1.0.0", "released", []),
        ("1.1.0", "released", ["alice"]),
    ]
    assert registry.is_backward_compatible("1.0.0")
    assert [event["kind"] for event in registry.get_change_log()] == ["genesis", "release", "activate"]
    assert registry.get_change_log()[1]["reason"] == "Validated calibration improvements"

    # Reactivate Previous Version
    written = registry.activate_version("1.0.0")
    assert written.event.kind == "revert"
    assert written.event.payload["from_version"] == "1.1.0"
    assert registry.get_active_version() == "1.0.0"
    assert not registry.can_activate_version("1.1.0")
    registry.deprecate_version("1.1.0", reason="came back worse")
    assert [v["state"] for v in registry.get_version_history()] == ["released", "deprecated"]
    assert governed.verification().ok


def test_the_findings_of_one_version_are_no_ground_to_change_another(governed: Governed, db: Session, be: Be) -> None:
    be("carol")
    metrics = AggregateMetricsCollector(db, repo=governed.world.clone).collect_all_metrics()
    report = CalibrationAnalyzer(metrics, repo=governed.world.clone).analyze_all()
    generator = ConfigProposalGenerator(report, snapshot=metrics, repo=governed.world.clone)
    with pytest.raises(UsageError, match="WRONG_BASE"):
        generator.generate_proposal(proposed_version="1.1.0", base_version="0.9.0", created_by="x")


def test_an_engineer_s_own_change_goes_the_same_way(governed: Governed, db: Session, be: Be) -> None:
    be("carol")
    place = governed.world.clone
    metrics = AggregateMetricsCollector(db, repo=place).collect_all_metrics()
    report = CalibrationAnalyzer(metrics, repo=place).analyze_all()
    generator = ConfigProposalGenerator(report, snapshot=metrics, repo=place)
    proposal = generator.generate_proposal(
        proposed_version="1.1.0",
        base_version="1.0.0",
        created_by="carol@example.org",
        changes={"compatibility_thresholds.excellent.min_score": 83},
        reason="interviews say so",
    )
    generator.save_proposal(proposal)
    review(governed, "1.1.0", by="alice")
    jobs.release(governed.workspace("bob"), Version(1, 1, 0), reason="agreed")
    be("bob")
    get_version_registry(place).activate_version("1.1.0")
    assert get_version_registry(place).get_active_version() == "1.1.0"


def test_a_version_without_approval_does_not_exist(governed: Governed, be: Be) -> None:
    be("bob")
    registry = get_version_registry(governed.world.clone)
    with pytest.raises(UsageError, match="APPROVAL_REQUIRED"):
        registry.register_version(version="1.1.0", description="x", requires_approval=False)
    entry = registry.register_version(version="1.1.0", description="x")
    assert entry["state"] == "unknown"
    assert not registry.can_activate_version("1.1.0")
    with pytest.raises(GateClosed, match="NOT_RELEASED"):
        registry.activate_version("1.1.0")
