"""Every command in a governed clone: its JSON, its dry run, its refusals."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from calibgit.jobs import govern as jobs
from calibgit.jobs import start
from calibgit.model.event import require_payload
from calibgit.model.ids import Version
from calibgit.model.policy import read_policy
from calibgit.runtime import load
from tests.cli.conftest import Command
from tests.support.governed import Governed, govern
from tests.support.story import Story
from tests.support.world import World, run_git

Be = Callable[[str], None]

# --- what scripts read ------------------------------------------------------------------------------------------------

STATUS_KEYS = {"schema", "registry", "ok", "seq", "head", "lines"}
VERSION_KEYS = {"version", "state", "envs", "tag", "commit", "sha256", "signer", "approvers", "evidence"}


def test_status_has_the_documented_shape(story: Story, calibgit: Command) -> None:
    result = calibgit("--repo", story.governed.world.clone, "status", "--format", "json")
    value = result.data
    assert (result.status, result.err) == (0, "")
    assert value.keys() >= STATUS_KEYS
    assert value["schema"] == "calibgit/status/1"
    assert (value["registry"], value["ok"], value["seq"]) == (story.root, True, 4)
    assert value["head"] == story.governed.world.head("calib/e/00000004")
    assert value["lines"]["scoring"]["active"] == {"production": "1.1.0"}
    versions = value["lines"]["scoring"]["versions"]
    assert all(set(entry) == VERSION_KEYS for entry in versions)
    assert [(v["version"], v["state"], v["envs"]) for v in versions] == [
        ("1.0.0", "released", {"production": "superseded"}),
        ("1.1.0", "released", {"production": "active"}),
        ("1.2.0", "released", {}),
    ]
    assert [(v["evidence"], v["approvers"]) for v in versions] == [
        ("baseline", []), ("proven", ["alice"]), ("proven", ["alice"]),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("at", "active"), [("1", {"production": "1.0.0"}), ("2", {"production": "1.0.0"}), ("3", {"production": "1.1.0"})]
)
def test_status_can_look_back(story: Story, calibgit: Command, at: str, active: dict[str, str]) -> None:
    value = calibgit("--repo", story.governed.world.clone, "status", "--at", at, "--format", "json").data
    assert value["seq"] == int(at)
    assert value["lines"]["scoring"]["active"] == active


def test_status_at_a_time_is_the_last_event_up_to_it(story: Story, calibgit: Command) -> None:
    place = ["--repo", story.governed.world.clone]
    events = calibgit(*place, "log", "--format", "json").data["events"]
    for event in events:
        value = calibgit(*place, "status", "--at", event["at"], "--format", "json").data
        assert value["seq"] == max(e["seq"] for e in events if e["at"] <= event["at"])


@pytest.mark.parametrize("at", ["0", "99", "yesterday", "-1", "1.5", "2024-01-01", "2024-01-01T00:00:00"])
def test_a_moment_that_is_none_is_a_usage_error(story: Story, calibgit: Command, at: str) -> None:
    result = calibgit("--repo", story.governed.world.clone, "status", f"--at={at}")
    assert result.status == 2
    assert "BAD_MOMENT" in result.err


def test_verify_has_the_documented_shape(story: Story, calibgit: Command) -> None:
    words = ["--repo", story.governed.world.clone, "verify", "--trust-root", story.root, "--format", "json"]
    value = calibgit(*words).data
    assert value.keys() >= {"schema", "ok", "events", "errors", "warnings"}
    assert (value["schema"], value["ok"], value["events"]) == ("calibgit/verify/1", True, 4)
    assert (value["errors"], value["warnings"]) == ([], [])


def test_a_refusal_names_its_slot_its_step_and_the_way_out(story: Story, calibgit: Command) -> None:
    clone = story.governed.world.clone
    story.governed.world.git("update-ref", "refs/tags/calib/e/00000005", "HEAD")
    try:
        result = calibgit("--repo", clone, "verify")
    finally:
        story.governed.world.git("update-ref", "-d", "refs/tags/calib/e/00000005")
    assert result.status == 6
    assert "error LIGHTWEIGHT (slot 5, step 1): calib/e/00000005" in result.err.replace("refs/tags/", "")
    assert "; if the remote holds it too: calibgit void --reason TEXT" in result.err


def test_verify_without_a_trust_root_says_what_that_means(story: Story, calibgit: Command) -> None:
    result = calibgit("--repo", story.governed.world.clone, "verify")
    assert result.status == 0
    assert "nothing wrong" in result.out
    assert "--trust-root" in result.err


def test_log_tells_every_event_once_oldest_first(story: Story, calibgit: Command) -> None:
    value = calibgit("--repo", story.governed.world.clone, "log", "--format", "json").data
    assert value["schema"] == "calibgit/log/1"
    assert [(e["seq"], e["kind"], e["version"], e["signers"]) for e in value["events"]] == [
        (1, "genesis", None, ["alice"]),
        (2, "release", "1.1.0", ["bob"]),
        (3, "activate", "1.1.0", ["bob"]),
        (4, "release", "1.2.0", ["bob"]),
    ]
    keys = {
        "seq",
        "at",
        "kind",
        "line",
        "version",
        "env",
        "from_version",
        "signers",
        "subject",
        "reason",
        "oid",
        "sha256",
    }
    assert all(set(event) == keys for event in value["events"])


def test_show_tells_who_approved_on_what_evidence(story: Story, calibgit: Command) -> None:
    for name in ("1.1.0", "v1.1.0", "calib/scoring/v1.1.0"):
        value = calibgit("--repo", story.governed.world.clone, "show", name, "--format", "json").data
        assert value["schema"] == "calibgit/version/1"
        assert (value["line"], value["version"], value["state"]) == ("scoring", "1.1.0", "released")
        assert (value["authors"], value["approvers"], value["evidence"]) == (["carol"], ["alice"], "proven")
        assert [event["kind"] for event in value["events"]] == ["release", "activate"]
        assert value["config"]["compatibility_thresholds"]["good"]["min_score"] == 67
    text = calibgit("--repo", story.governed.world.clone, "show", "1.0.0").out
    assert "nobody (baseline)" in text


@pytest.mark.parametrize("words", [["show", "calib/exam/v1.1.0"], ["diff", "1.0.0", "calib/exam/v1.1.0"]])
def test_another_line_s_version_is_never_taken_for_this_line_s(
    story: Story, calibgit: Command, words: list[str]
) -> None:
    result = calibgit("--repo", story.governed.world.clone, *words)
    assert result.status == 2
    assert "OTHER_LINE" in result.err


def test_diff_tells_the_level_and_every_change(story: Story, calibgit: Command) -> None:
    value = calibgit("--repo", story.governed.world.clone, "diff", "1.0.0", "v1.2.0", "--format", "json").data
    assert value == {
        "schema": "calibgit/diff/1",
        "line": "scoring",
        "from_version": "1.0.0",
        "version": "1.2.0",
        "level": "minor",
        "changes": [
            {
                "path": "compatibility_thresholds.good.min_score",
                "what": "changed",
                "old": 65,
                "new": 69,
                "level": "minor",
            }
        ],
    }


def test_reading_works_from_any_directory_of_the_clone_and_for_a_named_line(story: Story, calibgit: Command) -> None:
    place = story.governed.world.clone / "configs"
    for words in (["status"], ["log"], ["show", "1.1.0"], ["diff", "1.0.0", "1.1.0"], ["verify"]):
        assert calibgit("--repo", place, *words, "--line", "scoring").status == 0


def test_text_results_are_plain_tables_and_stdout_alone(story: Story, calibgit: Command) -> None:
    for words in (["status"], ["log"], ["show", "1.1.0"], ["diff", "1.0.0", "1.1.0"]):
        result = calibgit("--repo", story.governed.world.clone, *words)
        assert (result.status, result.err) == (0, ""), words
        assert "\x1b" not in result.out
        assert all(line == line.rstrip() for line in result.out.splitlines())


def test_the_allowed_signers_are_what_stock_git_verifies_with(story: Story, calibgit: Command, tmp_path: Path) -> None:
    clone = story.governed.world.clone
    path = tmp_path / "signers"
    path.write_text(calibgit("--repo", clone, "verify", "--allowed-signers").out)
    names = run_git(clone, "tag", "--list", "calib/e/*").split()
    run_git(clone, "-c", f"gpg.ssh.allowedSignersFile={path}", "verify-tag", *names)
    assert len(names) == 4


def test_a_damaged_log_is_reported_as_data_with_status_6(governed: Governed, calibgit: Command) -> None:
    governed.world.git("tag", "calib/e/00000002", "HEAD")
    for command in ("status", "verify", "log"):
        result = calibgit("--repo", governed.world.clone, command, "--format", "json")
        assert result.status == 6
        assert result.data["ok"] is False
        (error,) = result.data["errors"]
        assert set(error) == {"code", "step", "seq", "ref", "message", "fix"}
        text = calibgit("--repo", governed.world.clone, command)
        assert text.status == 6
        assert f"error {error['code']}" in text.err


# --- writing ----------------------------------------------------------------------------------------------------------


def everything(world: World) -> dict[str, object]:
    """Refs of clone and remote, and every file of the work tree."""
    files = {
        str(path.relative_to(world.clone)): path.read_bytes()
        for path in sorted(world.clone.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(world.clone).parts
    }
    show = ("for-each-ref", "--format=%(refname) %(objectname)")
    return {"clone": world.git(*show), "remote": world.remote_git(*show), "files": files}


def _ready(governed: Governed) -> None:
    """v1.1.0 active, v1.2.0 released, v1.3.0 merged, v1.4.0 proposed."""
    for number, cut in (("1.1.0", 66), ("1.2.0", 67), ("1.3.0", 68)):
        governed.merge(governed.propose(number, author="carol", good=cut), by="alice")
        if number != "1.3.0":
            jobs.release(governed.workspace("bob"), Version.parse(number), reason="approved")
        if number == "1.1.0":
            jobs.activate(governed.workspace("bob"), Version.parse(number), env="production")
    governed.propose("1.4.0", author="carol", good=69)
    governed.fetch()


WRITERS = {
    "release": ["release", "1.3.0", "--reason", "fine"],
    "approve": ["approve", "v1.3.0"],
    "reject": ["reject", "1.4.0", "--reason", "no"],
    "activate": ["activate", "1.2.0"],
    "deprecate": ["deprecate", "1.2.0", "--reason", "old"],
    "rollback": ["rollback", "--reason", "too strict"],
    "rollback to": ["rollback", "--to", "1.0.0", "--env", "production", "--reason", "too strict"],
}


@pytest.fixture
def ready(governed: Governed, be: Be) -> Governed:
    _ready(governed)
    be("bob")
    return governed


def test_a_dry_run_plans_the_event_and_writes_nothing(ready: Governed, calibgit: Command) -> None:
    before = everything(ready.world)
    for name, words in WRITERS.items():
        result = calibgit("--repo", ready.world.clone, *words, "--dry-run", "--format", "json")
        assert result.status == 0, (name, result.err)
        value = result.data
        assert (value["schema"], value["dry_run"], value["signer"]) == ("calibgit/written/1", True, "bob")
        assert (value["oid"], value["sha256"]) == (None, None)
        require_payload(value["event"])
        text = calibgit("--repo", ready.world.clone, *words, "--dry-run")
        assert text.status == 0
        assert text.out.startswith("would write event 5: ")
        assert everything(ready.world) == before, name


@pytest.mark.parametrize("name", WRITERS)
def test_a_writer_writes_the_one_event_that_its_dry_run_showed(name: str, ready: Governed, calibgit: Command) -> None:
    words = ["--repo", ready.world.clone, *WRITERS[name], "--format", "json"]
    planned = calibgit(*words, "--dry-run").data["event"]
    tags = ready.remote_tags()
    result = calibgit(*words)
    assert result.status == 0, result.err
    written = result.data
    same = {key for key in planned if key not in {"at", "report_sha256"}}
    assert {key: written["event"][key] for key in same} == {key: planned[key] for key in same}
    new = ready.remote_tags().keys() - tags.keys()
    assert new == set(planned["refs"])
    assert {ready.remote_tags()[ref] for ref in new} == {written["oid"]}
    assert calibgit("--repo", ready.world.clone, "verify").status == 0


def test_what_was_written_is_said_in_words(ready: Governed, calibgit: Command) -> None:
    place = ["--repo", ready.world.clone]
    assert "scoring v1.3.0 is released, approved by alice" in calibgit(*place, "release", "1.3.0").out
    assert "scoring v1.2.0 is active in production" in calibgit(*place, "activate", "1.2.0").out
    text = calibgit(*place, "rollback", "--reason", "no").out
    assert "scoring v1.1.0 is active again in production instead of v1.2.0" in text
    assert "rollbacks/rollback_report_v1.2.0_00000007.md on branch calibgit/evidence/scoring" in text
    assert "scoring v1.2.0 is deprecated" in calibgit(*place, "deprecate", "1.2.0", "--reason", "no").out


def test_a_dry_run_of_init_and_of_the_seal_writes_nothing(world: World, be: Be, calibgit: Command) -> None:
    be("alice")
    before = everything(world)
    words = ["--repo", world.clone, "init", "--person", "bob", "bob@example.org", world.keys["bob"].with_suffix(".pub")]
    planned = calibgit(*words, "--dry-run", "--format", "json")
    assert planned.status == 0, planned.err
    assert everything(world) == before
    done = calibgit(*words, "--format", "json")
    assert done.data["written"] == planned.data["written"]
    assert all((world.clone / name).is_file() for name in done.data["written"])
    world.git("add", "--all")
    world.git("commit", "--quiet", "-m", "Govern")
    world.git("push", "--quiet", "origin", "HEAD:main")
    world.git("fetch", "--quiet", "origin")
    before = everything(world)
    seal = ["--repo", world.clone, "init", "--seal", "--adopt", "1.0.0=production", "--format", "json"]
    value = calibgit(*seal, "--dry-run").data
    assert (value["dry_run"], value["sha256"], value["event"]["kind"]) == (True, None, "genesis")
    assert everything(world) == before
    sealed = calibgit(*seal).data
    assert sealed["sha256"] == calibgit("--repo", world.clone, "status", "--format", "json").data["registry"]


def test_a_team_is_named_in_one_call(world: World, be: Be, calibgit: Command) -> None:
    be("alice")
    pub = {name: world.keys[name].with_suffix(".pub") for name in ("alice", "bob", "carol", "dave")}
    words = [
        "--repo", world.clone, "init",
        "--person", "ally", "alice@example.org", pub["alice"],
        "--person", "bob", "bob@example.org", pub["bob"],
        "--person", "carol", "carol@example.org", pub["carol"],
        "--account", "bob", "github.com", "BobX", "17",
        "--owner", "carol", "@acme/scoring",
        "--recovery", "ally", "--recovery-key", "safe", pub["dave"],
        "--policy-threshold", "2", "--branch", "trunk", "--home", "../remote.git",
    ]  # fmt: skip
    result = calibgit(*words)
    assert (result.status, result.err) == (0, "")
    assert "--cosign" in result.out
    policy = read_policy((world.clone / "trust.toml").read_bytes())
    assert list(policy.people) == ["ally", "bob", "carol", "safe"]
    assert (policy.branch, policy.home) == ("trunk", ("../remote.git",))
    assert policy.people_of_owner("@bobx") == {"bob"}
    assert policy.roles["recover"].people == ("ally", "safe")
    assert calibgit("--repo", world.clone, "init").status == 0, "without a word about people, what is there counts"
    refused(calibgit(*words[:3], "--solo"), "POLICY_EXISTS", 2)
    assert calibgit(*words[:3], "--seal", "--person", "x", "x@y.z", pub["bob"]).status == 2
    assert calibgit(*words[:3], "--seal", "--fork").status == 2
    assert calibgit(*words[:3], "--cosign").status == 2


def test_a_fork_is_told_line_by_line_and_as_data(governed: Governed, be: Be, calibgit: Command) -> None:
    world = governed.world
    run_git(world.root, "init", "--quiet", "--bare", "fork.git")
    world.git("remote", "rename", "origin", "upstream")
    world.git("remote", "add", "origin", "../fork.git")
    be("dave")
    words = ["--repo", world.clone, "init", "--fork", "--solo", "--dry-run"]
    value = calibgit(*words, "--format", "json").data
    assert (value["schema"], value["dry_run"], value["seq"]) == ("calibgit/fork/1", True, 1)
    assert value["adopted"][0]["envs"] == ["production"]
    text = calibgit(*words).out
    assert all(command in text for step in value["steps"] for command in step["commands"])
    assert world.git("status", "--porcelain") == ""


def test_init_keeps_what_is_there(world: World, be: Be, calibgit: Command) -> None:
    be("alice")
    (world.clone / "CODEOWNERS").write_text("mine\n")
    value = calibgit("--repo", world.clone, "init", "--solo", "--format", "json").data
    assert value["kept"] == ["CODEOWNERS"]
    assert "CODEOWNERS" not in value["written"]
    assert (world.clone / "CODEOWNERS").read_text() == "mine\n"


def test_a_dry_run_of_pin_writes_nothing_and_a_pin_can_be_checked_without_repository(
    story: Story, calibgit: Command, tmp_path: Path
) -> None:
    words = ["--repo", story.governed.world.clone, "pin", "calib/scoring/v1.1.0", "--trust-root", story.root]
    before = everything(story.governed.world)
    planned = calibgit(*words, "-o", tmp_path / "pin", "--dry-run", "--format", "json").data
    assert (planned["schema"], planned["dry_run"]) == ("calibgit/pinned/1", True)
    assert not (tmp_path / "pin").exists()
    done = calibgit(*words, "-o", tmp_path / "pin", "--format", "json").data
    assert done["lock"] == planned["lock"]
    assert everything(story.governed.world) == before
    assert load(tmp_path / "pin", expect=done["lock"]["sha256"]).version == "1.1.0"
    checked = calibgit("pin", "--verify", tmp_path / "pin", "--trust-root", story.root)
    assert (checked.status, checked.err) == (0, "")
    assert checked.out.count("not checked: step") == 5
    unrooted = calibgit("pin", "--verify", tmp_path / "pin")
    assert "another registry" in unrooted.err
    assert calibgit("pin", "--verify", tmp_path / "pin", "--trust-root", "0" * 64).status == 6


def test_an_inactive_version_is_pinned_with_a_word_of_warning(story: Story, calibgit: Command, tmp_path: Path) -> None:
    words = ["--repo", story.governed.world.clone, "pin", "1.2.0", "--trust-root", story.root, "-o", tmp_path / "pin"]
    refused = calibgit(*words)
    assert refused.status == 1
    assert "NOT_ACTIVE" in refused.err
    result = calibgit(*words, "--allow-inactive")
    assert result.status == 0
    assert "it is not active in production" in result.out


# --- refusals -----------------------------------------------------------------------------------------------------------

COMMANDS_IN_A_CLONE = (["status"], ["log"], ["verify"], ["show", "1.0.0"], ["check"], ["release", "1.1.0"])


def refused(result: Any, code: str, status: int) -> None:
    assert f"error {code}: " in result.err, result.err
    assert result.status == status
    assert result.out == ""
    assert "Traceback" not in result.err


@pytest.mark.parametrize("words", COMMANDS_IN_A_CLONE, ids=lambda words: words[0])
def test_a_place_that_is_no_governable_repository_is_refused_by_name(
    words: list[str], world: World, be: Be, calibgit: Command, tmp_path: Path
) -> None:
    be("alice")
    (tmp_path / "empty").mkdir()
    refused(calibgit("--repo", tmp_path / "empty", *words), "NOT_A_REPOSITORY", 3)
    refused(calibgit("--repo", tmp_path / "nowhere", *words), "NOT_A_REPOSITORY", 3)
    bare = calibgit("--repo", world.remote, *words)
    assert bare.status == 3
    assert "Traceback" not in bare.err
    fresh = calibgit("--repo", world.clone, *words)
    assert fresh.status in {1, 2}
    assert "Traceback" not in fresh.err


def test_a_shallow_clone_is_refused(story: Story, calibgit: Command, tmp_path: Path) -> None:
    url = f"file://{story.governed.world.remote}"
    run_git(tmp_path, "clone", "--quiet", "--depth", "1", url, "shallow")
    result = calibgit("--repo", tmp_path / "shallow", "status")
    assert result.status == 3
    assert "SHALLOW" in result.err


def test_an_empty_repository_is_refused(be: Be, calibgit: Command, tmp_path: Path) -> None:
    be("alice")
    run_git(tmp_path, "init", "--quiet", "fresh")
    for words in COMMANDS_IN_A_CLONE:
        result = calibgit("--repo", tmp_path / "fresh", *words)
        assert result.status in {1, 2, 3}, words
        assert "error BUG" not in result.err


def test_without_a_signing_key_nothing_is_signed(
    governed: Governed, calibgit: Command, be: Be, monkeypatch: pytest.MonkeyPatch
) -> None:
    be("bob")
    monkeypatch.delenv("CALIBGIT_SIGNING_KEY")
    refused(calibgit("--repo", governed.world.clone, "deprecate", "1.0.0", "--reason", "x"), "NO_SIGNING_KEY", 3)


def test_a_key_that_the_policy_does_not_know_signs_nothing(governed: Governed, calibgit: Command, be: Be) -> None:
    be("dave")
    refused(calibgit("--repo", governed.world.clone, "deprecate", "1.0.0", "--reason", "x"), "NOT_A_SIGNER", 4)


@pytest.mark.parametrize(
    ("words", "code", "status"),
    [
        (["show", "9.9.9"], "NOT_RELEASED", 1),
        (["diff", "1.0.0", "9.9.9"], "NOT_RELEASED", 1),
        (["activate", "9.9.9"], "NOT_RELEASED", 1),
        (["release", "9.9.9"], "NOT_MERGED", 1),
        (["reject", "9.9.9", "--reason", "x"], "NOT_PROPOSED", 1),
        (["activate", "1.1.0"], "ALREADY_ACTIVE", 1),
        (["release", "1.1.0"], "VERSION_TAKEN", 1),
        (["show", "one"], "BAD_VERSION", 2),
        (["release", "1.0"], "BAD_VERSION", 2),
        (["activate", "01.0.0"], "BAD_VERSION", 2),
        (["rollback", "--to", "x", "--reason", "x"], "BAD_VERSION", 2),
        (["activate", "1.2.0", "--env", "Prod!"], "BAD_NAME", 2),
        (["rollback", "--env", "e", "--reason", "x"], "BAD_NAME", 2),
        (["status", "--line", "exam"], "UNKNOWN_LINE", 2),
        (["log", "--line", "exam"], "UNKNOWN_LINE", 2),
        (["show", "1.0.0", "--line", "exam"], "UNKNOWN_LINE", 2),
        (["check", "--head", "nowhere"], "UNKNOWN_REVISION", 2),
        (["rollback", "--env", "staging", "--reason", "x"], "NOTHING_ACTIVE", 1),
        (["analyze", "nowhere.json"], "CANNOT_READ", 3),
        (["propose", "nowhere.json"], "CANNOT_READ", 3),
        (["pin", "1.1.0", "--trust-root", "0" * 64, "-o", "x"], "WRONG_ROOT", 6),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_wrong_version_line_or_place_is_refused_by_name(
    words: list[str], code: str, status: int, story: Story, calibgit: Command, be: Be
) -> None:
    be("bob")
    before = everything(story.governed.world)
    refused(calibgit("--repo", story.governed.world.clone, *words), code, status)
    assert everything(story.governed.world) == before


def test_several_lines_need_a_choice(story: Story, calibgit: Command, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(story.governed.world.clone, clone, symlinks=True)
    text = (clone / "calibgit.toml").read_text()
    other = text.partition("\n\n")[2].replace("lines.scoring", "lines.exam")
    (clone / "calibgit.toml").write_text(text + "\n" + other)
    refused(calibgit("--repo", clone, "show", "1.1.0"), "WHICH_LINE", 2)
    assert calibgit("--repo", clone, "show", "1.1.0", "--line", "scoring").status == 0
    assert set(calibgit("--repo", clone, "status", "--format", "json").data["lines"]) == {"exam", "scoring"}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (None, "NO_SETTINGS"),
        (b"\xff", "NOT_TOML"),
        (b"x = [", "NOT_TOML"),
        (b"", "SCHEMA"),
        (b"a = 1\na = 2", "NOT_TOML"),
    ],
)
def test_missing_or_unreadable_settings_are_refused_by_name(
    data: bytes | None, code: str, story: Story, calibgit: Command, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(story.governed.world.clone, clone, symlinks=True)
    path = clone / "calibgit.toml"
    path.unlink() if data is None else path.write_bytes(data)
    refused(calibgit("--repo", clone, "show", "1.1.0"), code, 1)


@pytest.mark.parametrize(
    ("data", "code"), [(None, "NO_POLICY"), (b"\xff", "NOT_TOML"), (b"x = [", "NOT_TOML"), (b"", "SCHEMA")]
)
def test_a_missing_or_unreadable_policy_is_never_sealed(
    data: bytes | None, code: str, world: World, calibgit: Command, be: Be
) -> None:
    be("alice")
    members = [start.Member(name, f"{name}@example.org", world.public_key(name)) for name in ("alice", "bob")]
    start.init(world.clone, members=members, line="scoring", solo=False, branch="main")
    path = world.clone / "trust.toml"
    path.unlink() if data is None else path.write_bytes(data)
    refused(calibgit("--repo", world.clone, "init", "--seal"), code, 1)


def test_a_reader_needs_no_remote(story: Story, calibgit: Command, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(story.governed.world.clone, clone, symlinks=True)
    run_git(clone, "config", "--unset", "remote.origin.url")
    assert calibgit("--repo", clone, "verify", "--trust-root", story.root).status == 0


def test_a_registry_that_is_not_sealed_is_refused_by_name(world: World, calibgit: Command, be: Be) -> None:
    be("alice")
    start.init(
        world.clone, members=[start.Member("alice", "a@example.org", world.public_key("alice"))],
        line="scoring", solo=True, branch="main",
    )  # fmt: skip
    for words in (["show", "1.0.0"], ["release", "1.0.0"], ["rollback", "--reason", "x"], ["check"]):
        refused(calibgit("--repo", world.clone, *words), "NOT_SEALED", 1)


@pytest.mark.parametrize("words", [["status"], ["verify"], ["log"], ["show", "1.0.0"]])
def test_every_reader_says_that_one_person_does_everything(
    world: World, calibgit: Command, be: Be, words: list[str]
) -> None:
    be("alice")
    governed = govern(world, team=("alice",), solo=True)
    place = ["--repo", governed.world.clone, *words]
    assert "single-person registry" in calibgit(*place).out
    assert calibgit(*place, "--format", "json").data["four_eyes"] is False


BAD_CONFIGS = {
    "NOT_UTF8": b'{"schema": "\xff"}',
    "NOT_JSON": b'{"schema": 1, "schema": 1}',
    "NOT_JSON NaN": b'{"schema": NaN}',
    "TOO_LARGE": b'{"schema": "' + b"x" * (2 * 1024 * 1024) + b'"}',
    "SCHEMA": b"{}",
}


@pytest.mark.parametrize("name", BAD_CONFIGS)
def test_a_bad_config_is_neither_checked_through_nor_released(
    name: str, governed: Governed, calibgit: Command, be: Be
) -> None:
    be("bob")
    code = name.partition(" ")[0]
    head = governed.propose("1.1.0", files={"configs/scoring_config_v1.1.0.json": BAD_CONFIGS[name]})
    governed.fetch()
    result = calibgit("--repo", governed.world.clone, "check", "--head", head, "--format", "json")
    assert result.status == 1
    assert code in result.out
    governed.merge(head, by="alice")
    tags = governed.remote_tags()
    refused(calibgit("--repo", governed.world.clone, "release", "1.1.0"), code, 1)
    assert governed.remote_tags() == tags


@pytest.mark.parametrize("output", ["text", "json", "github", "md"])
def test_check_says_the_same_in_every_format(output: str, governed: Governed, calibgit: Command) -> None:
    head = governed.propose("1.1.0", files={"README.md": b"besides"})
    governed.fetch()
    result = calibgit("--repo", governed.world.clone, "check", "--head", head, "--format", output)
    assert result.status == 1
    assert result.err == ""
    if output == "json":
        assert json.loads(result.out)
    expected = {
        "text": "OUT_OF_SCOPE",
        "json": '"OUT_OF_SCOPE"',
        "github": "title=OUT_OF_SCOPE",
        "md": "| scope | fail |",
    }
    assert expected[output] in result.out


def test_check_of_an_unchanged_branch_is_open(governed: Governed, calibgit: Command) -> None:
    result = calibgit("--repo", governed.world.clone, "check")
    assert result.status == 0
    assert "no proposal" in result.out
