"""What this repository ships as its example keeps its own rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from calibgit.check.compat import differences, level
from calibgit.errors import DocumentError
from calibgit.jobs.active_config import ActiveConfig
from calibgit.jobs.drafting import recompute
from calibgit.jobs.measure import Subject
from calibgit.model.config import read_config
from calibgit.model.ids import Version
from calibgit.model.policy import read_policy
from calibgit.model.proposal import ChangeSummary
from calibgit.model.schemas import schema_bytes
from calibgit.model.settings import read_settings
from calibgit.registry.owners import parse_codeowners, uncovered

ROOT = Path(__file__).parents[2]
OLD, NEW = "configs/scoring_config_v1.0.0.json", "configs/scoring_config_v1.1.0.json"
FOLDER = "proposals/scoring/v1.1.0"


def read(name: str) -> bytes:
    return (ROOT / name).read_bytes()


def test_the_proposal_is_recomputed_byte_for_byte() -> None:
    files: dict[str, bytes | None] = {
        str(path.relative_to(ROOT)): path.read_bytes() for path in (ROOT / FOLDER).iterdir()
    }
    line = read_settings(read("calibgit.toml")).lines["scoring"]
    config = ActiveConfig(Version(1, 0, 0), read(OLD), read_config(read(OLD), OLD)[1])
    subject = Subject("scoring", line, line.digest(), "configs", config)
    summary = ChangeSummary.read(read(f"{FOLDER}/change_summary_v1.1.0.json"), "the change summary")
    try:
        made = recompute(subject, summary, files)
    except DocumentError as error:
        if error.code == "NOT_COMPARABLE":
            pytest.skip(f"other versions than the locked ones are installed: {error.what}")
        raise
    assert made.files == {**files, NEW: read(NEW)}


def test_the_change_is_what_its_number_says() -> None:
    old, new = (read_config(read(path), path)[1] for path in (OLD, NEW))
    assert level(differences(old, new)) == "minor"


def test_policy_and_owners_fit_the_line() -> None:
    policy = read_policy(read("trust.toml"))
    assert policy.lines["scoring"].configs == "configs"
    assert policy.four_eyes
    owners = parse_codeowners(read("CODEOWNERS"))
    governed = ["trust.toml", "calibgit.toml", "CODEOWNERS", NEW, f"{FOLDER}/SUMMARY.md", ".github/workflows/x.yml"]
    assert uncovered(owners, governed) == []
    assert {owner for owner in owners.owners_of(NEW).owners if not policy.people_of_owner(owner)} == set()
    assert read("configs/scoring_config.schema.json") == schema_bytes("scoring-config")
