"""The audit over a real registry: what an outsider can follow, and what it finds."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from calibgit.audit.page import page
from calibgit.errors import IntegrityError
from calibgit.jobs import cosigning, govern, upkeep
from calibgit.jobs.auditing import audit
from calibgit.jobs.cosigning import Wanted
from calibgit.model.ids import Version
from tests.attacks.raw import plant, slot
from tests.jobs.test_upkeep import change_policy, on_main, threshold
from tests.support.governed import Governed
from tests.support.governed import govern as govern_world
from tests.support.world import World, run_git

V110 = Version(1, 1, 0)


@pytest.fixture
def governed(world: World) -> Governed:
    made = govern_world(world)
    made.merge(made.propose("1.1.0"), by="alice")
    govern.release(made.workspace("bob"), V110, reason="ready")
    govern.activate(made.workspace("bob"), V110, env="production", reason="go")
    return made


def found(governed: Governed, **options: Any) -> list[str]:
    return sorted(finding.code for finding in audit(governed.workspace(**options)).findings)


def test_it_tells_who_wrote_approved_and_signed_what_and_on_what_evidence(governed: Governed) -> None:
    root = governed.verification().state.registry
    report = audit(governed.workspace(trust_root=root))
    assert (report.ok, report.trust_root, report.four_eyes, report.seq) == (True, "checked", True, 3)
    (release,) = [release for release in report.releases if release.version == "1.1.0"]
    assert (release.authors, release.approvers, release.signer, release.evidence) == (
        ("carol",), ("alice",), "bob", "proven",
    )  # fmt: skip
    assert [(p.version, p.from_seq, p.until_seq) for p in report.periods] == [("1.0.0", 1, 3), ("1.1.0", 3, None)]
    assert [(e.seq, e.role, e.signers) for e in report.events] == [
        (1, "policy", ("alice",)), (2, "release", ("bob",)), (3, "activate:production", ("bob",)),
    ]  # fmt: skip
    assert any(change.startswith("alice joins as a person with the key ...") for change in report.policies[0].changes)


def test_a_rollback_by_one_person_is_found_until_another_accepts_it(governed: Governed) -> None:
    written, _ = govern.rollback(governed.workspace("bob"), env="production", to=None, reason="too strict")
    (told,) = [finding for finding in audit(governed.workspace()).findings if finding.code == "UNRATIFIED"]
    assert told.fix == "alice or carol may run: calibgit ratify 4 --reason TEXT"
    upkeep.ratify(governed.workspace("alice"), written.event.seq, reason="right")
    report = audit(governed.workspace())
    assert "UNRATIFIED" not in [finding.code for finding in report.findings]
    (rollback,) = report.rollbacks
    assert (rollback.ratified_by, rollback.report) == ("alice", "not checked")
    governed.fetch()
    (rollback,) = audit(governed.workspace()).rollbacks
    assert rollback.report == "found"


def test_every_event_of_a_stolen_key_is_told_and_not_only_what_is_active(governed: Governed) -> None:
    on_main(governed)
    bob = governed.world.public_key("bob")
    entry = f'ended = [{{ key = "{bob}", from_seq = 2, compromised = true }}]\n'
    change_policy(governed, f'keys = ["{bob}"]\n', f'keys = ["{bob}"]\n{entry}')
    upkeep.policy(governed.workspace("alice"), reason="bob's laptop was stolen")
    findings = audit(governed.workspace()).findings
    assert [(each.seq, each.weight) for each in findings if each.code == "SUSPECT"] == [(3, "look"), (2, "look")]


def test_the_role_that_carried_a_policy_is_told_not_any_that_its_writer_holds(governed: Governed) -> None:
    on_main(governed)
    threshold(governed, "policy", 2)
    bob = 'emails = ["bob@example.org"]'
    change_policy(governed, bob, bob.replace("]", ', "bob@example.com"]'))
    upkeep.policy(governed.workspace("alice"), reason="alone, in an emergency")
    told = [(e.seq, e.role, e.threshold) for e in audit(governed.workspace()).events if e.kind == "policy"]
    assert told == [(4, "policy", 1), (5, "recover", 1)]


def test_a_policy_that_recovery_people_changed_is_always_told(governed: Governed) -> None:
    on_main(governed)
    threshold(governed, "policy", 2)
    assert "EMERGENCY_POLICY" not in found(governed)
    bob = 'emails = ["bob@example.org"]'
    change_policy(governed, bob, bob.replace("]", ', "bob@example.com"]'))
    upkeep.policy(governed.workspace("alice"), reason="alone, as recovery")
    findings = audit(governed.workspace()).findings
    assert [(each.seq, each.weight) for each in findings if each.code == "EMERGENCY_POLICY"] == [(5, "look")]


def test_an_override_and_the_environments_own_role_are_told(governed: Governed) -> None:
    govern.rollback(governed.workspace("bob"), env="production", to=None, reason="too strict")
    govern.activate(governed.workspace("bob"), V110, env="production", override=("again",), reason="it was right")
    report = audit(governed.workspace())
    assert [(e.seq, e.role, e.override) for e in report.events if e.kind == "activate"] == [
        (3, "activate:production", ()), (5, "activate:production", ("again",)),
    ]  # fmt: skip
    assert [each.seq for each in report.findings if each.code == "OVERRIDDEN"] == [5]
    assert "**overriding again**" in page(report)


def test_everybody_who_signed_a_release_is_told_and_who_asked_for_it(governed: Governed) -> None:
    on_main(governed)
    threshold(governed, "release", 2)
    governed.merge(governed.propose("1.2.0", initiator="alice"), by="bob")
    version = Version(1, 2, 0)
    cosigning.countersign(governed.workspace("alice"), Wanted("release", version, reason="ready"))
    govern.release(governed.workspace("bob"), version, reason="ready")
    report = audit(governed.workspace())
    (release,) = [release for release in report.releases if release.version == "1.2.0"]
    assert (release.signer, release.cosigners) == ("bob", ("alice",))
    (row,) = [line for line in page(report).splitlines() if line.startswith("| scoring v1.2.0")]
    assert "| alice, carol, asked for by alice |" in row
    assert "| bob, alice (event 5) |" in row


def test_advice_is_words_and_no_piece_of_code(governed: Governed) -> None:
    govern.rollback(governed.workspace("bob"), env="production", to=None, reason="too strict")
    (row,) = [line for line in page(audit(governed.workspace())).splitlines() if "UNRATIFIED" in line]
    assert row.endswith("| alice or carol may run: calibgit ratify 4 \\-\\-reason TEXT |")


def test_a_rollback_report_that_was_changed_is_missing(governed: Governed) -> None:
    govern.rollback(governed.workspace("bob"), env="production", to=None, reason="too strict")
    main = governed.tip()
    plant(governed.world.clone, {"refs/remotes/origin/calibgit/evidence/scoring": main})
    assert "REPORT_MISSING" in found(governed)


def test_a_log_that_stops_is_reported_as_far_as_it_is_believed(governed: Governed) -> None:
    plant(governed.world.clone, {slot(4): governed.tip()})
    report = audit(governed.workspace())
    assert not report.ok
    assert report.findings[0].code == "LIGHTWEIGHT"
    assert report.seq == 3


def test_the_same_log_gives_the_same_bytes_in_every_clone(governed: Governed) -> None:
    clone = governed.world.second_clone()
    run_git(clone, "fetch", "--quiet", "origin", "refs/tags/calib/*:refs/tags/calib/*")
    governed.fetch()
    one, other = audit(governed.workspace()), audit(governed.workspace(path=clone))
    assert one.pretty() == other.pretty()
    assert page(one) == page(other)


def test_a_stranger_needs_one_string(governed: Governed) -> None:
    root = governed.verification().state.registry
    clone = governed.world.second_clone()
    shutil.rmtree(governed.world.root / "home-dave", ignore_errors=True)
    assert audit(governed.workspace("dave", path=clone, trust_root=root)).trust_root == "checked"
    with pytest.raises(IntegrityError, match="WRONG_ROOT"):
        audit(governed.workspace("dave", path=clone, trust_root="0" * 64))


def test_no_word_of_the_log_can_mark_up_the_page(governed: Governed) -> None:
    hostile = "<script>alert(1)</script> | [x](http://evil) `code` @everyone"
    govern.rollback(governed.workspace("bob"), env="production", to=None, reason=hostile)
    text = page(audit(governed.workspace()))
    assert "<script>" not in text
    assert "](http" not in text
    assert "@everyone" not in text
    rows = [line for line in text.splitlines() if "alert" in line]
    assert rows
    assert {line.replace("\\|", "").count("|") for line in rows if line.startswith("| 4")} <= {7, 8}


def test_the_document_keeps_its_schema(governed: Governed) -> None:
    value = json.loads(audit(governed.workspace()).pretty())
    assert value["schema"] == "calibgit/audit/1"
    assert {"findings", "releases", "periods", "rollbacks", "policies", "events"} <= value.keys()


def test_a_rollback_that_nobody_else_may_accept_says_what_is_missing(governed: Governed) -> None:
    on_main(governed)
    text = (governed.world.clone / "trust.toml").read_text()
    section = text[text.index('[roles."activate:production"]') :].partition("\n\n")[0]
    change_policy(governed, section, section.replace('"alice", ', "").replace(', "carol"', ""))
    upkeep.policy(governed.workspace("alice"), reason="bob alone")
    govern.rollback(governed.workspace("bob"), env="production", to=None, reason="too strict")
    (told,) = [finding for finding in audit(governed.workspace()).findings if finding.code == "UNRATIFIED"]
    assert told.fix.startswith("whoever gets the role activate in production and is not bob may run: calibgit ratify")


def test_an_author_whom_the_policy_learns_of_later_is_not_asked_to_accept(governed: Governed) -> None:
    """v1.2.0 was asked for from an address that no policy knew then; it turns out to be carol's."""
    for version, good in (("1.2.0", 68), ("1.3.0", 69)):
        head = governed.propose(version, author="bob", initiator="dave@example.org", good=good)
        governed.merge(head, by="alice")
        govern.release(governed.workspace("alice"), Version.parse(version), reason="ready")
        govern.activate(governed.workspace("alice"), Version.parse(version), env="production", reason="go")
    on_main(governed)
    carol = 'emails = ["carol@example.org"]'
    change_policy(governed, carol, carol.replace("]", ', "dave@example.org"]'))
    upkeep.policy(governed.workspace("alice"), reason="carol's other address")
    govern.rollback(governed.workspace("bob"), env="production", to=None, reason="too strict")
    (told,) = [finding for finding in audit(governed.workspace()).findings if finding.code == "UNRATIFIED"]
    assert told.fix.startswith("alice may run: calibgit ratify")
