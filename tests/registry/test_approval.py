"""What counts as an approval, judged from facts alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from calibgit.errors import GateClosed
from calibgit.model.ids import Version, config_path
from calibgit.model.policy import Policy
from calibgit.registry.approval import MergeFacts, Scope, named_authors
from calibgit.registry.merge_signed import judge
from calibgit.registry.owners import MAX_LINES, parse_codeowners
from tests.support.events import commit, merge_facts, oid, policy, signer

V = Version(1, 1, 0)
PATH = config_path(V)
DOCS = "proposals/scoring/v1.1.0/"
SCOPE = Scope.of("scoring", V, PATH)


def refusal(facts: MergeFacts, rules: Policy | None = None, seq: int = 2) -> str:
    with pytest.raises(GateClosed) as caught:
        judge(facts, rules or policy(), SCOPE, seq)
    return caught.value.code


def test_a_merge_by_another_owner_is_an_approval() -> None:
    facts = merge_facts()
    assert judge(facts, policy(), SCOPE, 2).record == {
        "kind": "merge-signed",
        "base": facts.merge.parents[0],
        "head": facts.merge.parents[1],
        "merge": facts.merge.oid,
        "authors": ["carol"],
        "approvers": ["alice"],
        "initiator": "carol@example.org",
        "summary_sha256": facts.summary_sha256,
    }


def signed_merge(by: str, *parents: str, spoil: bool = False) -> Any:
    made = commit("the merge", parents or (oid("base"), oid("head")), author=by, by=by)
    return replace(made, signed_payload=made.signed_payload + b"x") if spoil else made


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "no parent": ("NOT_MERGED", {"merge": commit("m", (), by="alice")}),
    "one parent: squash, rebase, direct push": ("NOT_MERGED", {"merge": commit("m", (oid("a"),), by="alice")}),
    "three parents": ("NOT_MERGED", {"merge": commit("m", (oid("a"), oid("b"), oid("c")), by="alice")}),
    "brings nothing": ("NOT_MERGED", {"changed": ()}),
    "brings only words about a config that lay there": (
        "NOT_MERGED",
        {"changed": (DOCS + "change_summary_v1.1.0.json",)},
    ),
    "another file": ("OUT_OF_SCOPE", {"changed": (PATH, "README.md")}),
    "the owners' file": ("OUT_OF_SCOPE", {"changed": (PATH, "CODEOWNERS")}),
    "the policy": ("OUT_OF_SCOPE", {"changed": (PATH, "trust.toml")}),
    "another config": ("OUT_OF_SCOPE", {"changed": (PATH, config_path(Version(1, 0, 0)))}),
    "the schema": ("OUT_OF_SCOPE", {"changed": (PATH, "configs/scoring_config.schema.json")}),
    "a directory that only looks alike": ("OUT_OF_SCOPE", {"changed": (PATH, "proposals/scoring/v1.1.0x/a")}),
    "another version's documents": ("OUT_OF_SCOPE", {"changed": (PATH, "proposals/scoring/v1.1.01/a")}),
    "another line's documents": ("OUT_OF_SCOPE", {"changed": (PATH, "proposals/other/v1.1.0/a")}),
    "the config's name with an ending": ("OUT_OF_SCOPE", {"changed": (PATH, PATH + ".bak")}),
    "edited in the merge": ("NOT_AS_REVIEWED", {"altered": frozenset({PATH})}),
    "document edited in the merge": (
        "NOT_AS_REVIEWED",
        {"changed": (PATH, DOCS + "x.md"), "altered": frozenset({DOCS + "x.md"})},
    ),
    "unsigned": ("UNSIGNED_MERGE", {"merge": commit("m", (oid("a"), oid("b")), by="")}),
    "signed by a stranger": ("UNSIGNED_MERGE", {"merge": signed_merge("mallory")}),
    "signature of another commit": ("UNSIGNED_MERGE", {"merge": signed_merge("alice", spoil=True)}),
    "garbage for a signature": (
        "UNSIGNED_MERGE",
        {"merge": replace(commit("m", (oid("a"), oid("b")), by=""), signature="-----BEGIN SSH SIGNATURE-----\nAAAA\n")},
    ),
    "PGP signature": (
        "UNSIGNED_MERGE",
        {"merge": replace(commit("m", (oid("a"), oid("b")), by=""), signature="-----BEGIN PGP SIGNATURE-----\nAAAA\n")},
    ),
    "no owners' file": ("NO_CODEOWNERS", {"owners": None}),
    "an owners' file without end": (
        "CODEOWNERS_TOO_LARGE",
        {"owners": parse_codeowners(b"/x @bob\n" * MAX_LINES + b"* @alice\n")},
    ),
    "an owner of something else": ("NOT_OWNER", {"owners": parse_codeowners(b"/docs/ @alice\n/configs/ @bob\n")}),
    "an owner of the documents only": ("NOT_OWNER", {"owners": parse_codeowners(b"* @alice\n/configs/ @bob\n")}),
    "an owner of the config only": ("NOT_OWNER", {"owners": parse_codeowners(b"* @alice\n/proposals/ @bob\n")}),
    "ownership cleared": ("NOT_OWNER", {"owners": parse_codeowners(b"* @alice\n/configs/\n")}),
    "empty owners' file": ("NOT_OWNER", {"owners": parse_codeowners(b"")}),
    "owner unknown to the policy": ("NOT_OWNER", {"owners": parse_codeowners(b"* @zoe\n")}),
    "an unsigned commit": ("UNSIGNED_COMMIT", {"commits": (commit("h", by=""),)}),
    "an unsigned commit among signed ones": ("UNSIGNED_COMMIT", {"commits": (commit("h"), commit("h1", by=""))}),
    "a commit signed by a stranger": ("UNSIGNED_COMMIT", {"commits": (commit("h", by="mallory"),)}),
    "no summary": ("NO_INITIATOR", {"initiator": None}),
    "wrote a commit": ("FOUR_EYES", {"commits": (commit("h", author="alice"),)}),
    "wrote an early commit": ("FOUR_EYES", {"commits": (commit("h"), commit("h1", author="alice"), commit("h2"))}),
    "committed for somebody": (
        "FOUR_EYES",
        {"commits": (replace(commit("h"), committer_email="alice@example.org"),)},
    ),
    "signed a commit under another name": ("FOUR_EYES", {"commits": (commit("h", by="alice"),)}),
    "e-mail in capitals": ("FOUR_EYES", {"commits": (replace(commit("h"), author_email="ALICE@Example.ORG"),)}),
    "e-mail with blanks": ("FOUR_EYES", {"commits": (replace(commit("h"), author_email=" alice@example.org "),)}),
    "co-author": ("FOUR_EYES", {"commits": (commit("h", message_="x\n\nCo-authored-by: A <alice@example.org>\n"),)}),
    "co-author in small letters": (
        "FOUR_EYES",
        {"commits": (commit("h", message_="x\n\nco-AUTHORED-by: A B <Alice@example.org>  \n"),)},
    ),
    "second co-author": (
        "FOUR_EYES",
        {"commits": (commit("h", message_="x\n\nCo-authored-by: C <c@x.org>\nCo-authored-by: A <alice@example.org>"),)},
    ),
    "co-author with CRLF": (
        "FOUR_EYES",
        {"commits": (commit("h", message_="x\r\n\r\nCo-authored-by: A <alice@example.org>\r\n"),)},
    ),
    "started it, by e-mail": ("FOUR_EYES", {"initiator": "alice@example.org"}),
    "started it, by e-mail in capitals": ("FOUR_EYES", {"initiator": "Alice@Example.Org"}),
    "started it, by name": ("FOUR_EYES", {"initiator": "alice"}),
    "started it, by name in capitals": ("FOUR_EYES", {"initiator": "Alice"}),
    "started it, by login": ("FOUR_EYES", {"initiator": "@alice"}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_no_approval_when(name: str) -> None:
    code, spoil = REFUSED[name]
    assert refusal(merge_facts(**spoil)) == code


def test_every_path_needs_the_approver_among_its_owners() -> None:
    owners = parse_codeowners(b"* @bob\n/configs/ @alice @bob\n/proposals/ @carol @alice\n")
    assert judge(merge_facts(owners=owners), policy(), SCOPE, 2).record["approvers"] == ["alice"]


def test_a_team_alias_stands_for_its_people() -> None:
    rules = policy(extra={"alice": 'owners = ["@Org/Reviewers"]\n', "bob": 'owners = ["@org/reviewers"]\n'})
    owners = parse_codeowners(b"* @org/reviewers\n")
    assert judge(merge_facts(owners=owners), rules, SCOPE, 2).record["approvers"] == ["alice"]


def test_a_team_that_started_it_counts_with_all_its_people() -> None:
    """An alias of several people names all of them as authors, not just the first."""
    rules = policy(extra={"alice": 'owners = ["@team"]\n', "bob": 'owners = ["@team", "@bob"]\n'})
    owners = parse_codeowners(b"* @bob\n")
    assert refusal(merge_facts(by="bob", initiator="team", owners=owners), rules) == "FOUR_EYES"


def test_a_forge_login_names_its_person() -> None:
    account = 'owners = ["@alice"]\naccounts = [{host = "github.com", login = "Ally", id = 7}]\n'
    assert refusal(merge_facts(initiator="ally"), policy(extra={"alice": account})) == "FOUR_EYES"


def test_only_a_machine_speaks_for_a_schedule() -> None:
    """A person who names the schedule as initiator would not count as the author."""
    rules = policy()
    assert refusal(merge_facts(initiator="schedule"), rules) == "SCHEDULE_CLAIMED"
    people = dict(rules.people)
    people["carol"] = replace(people["carol"], kind="ci")
    machine = replace(rules, people=people)
    assert judge(merge_facts(initiator="schedule"), machine, SCOPE, 2).record["authors"] == ["carol"]


def test_authors_whom_the_policy_does_not_know_are_named_by_their_address() -> None:
    facts = merge_facts(commits=(commit("h", author="Zoe", by="carol"),), initiator="somebody")
    assert named_authors(facts, policy()) == {"zoe@example.org", "somebody"}
    assert judge(facts, policy(), SCOPE, 2).record["authors"] == ["carol", "somebody", "zoe@example.org"]


def test_a_one_person_registry_approves_its_own_change() -> None:
    facts = merge_facts(commits=(commit("h", author="alice"),))
    assert judge(facts, policy(four_eyes=False), SCOPE, 2).record["approvers"] == ["alice"]
    assert refusal(facts) == "FOUR_EYES"


def test_a_machine_approves_nothing() -> None:
    """A CI key that CODEOWNERS happens to name must not stand for a person."""
    rules = policy()
    people = dict(rules.people)
    people["alice"] = replace(people["alice"], kind="ci")
    assert refusal(merge_facts(), replace(rules, people=people)) == "NOT_HUMAN"


@pytest.mark.parametrize(("seq", "good"), [(2, True), (4, True), (5, False), (9, False)])
def test_an_ended_key_approves_nothing_from_its_end_on(seq: int, good: bool) -> None:
    ended = f'emails = ["alice@example.org"]\nowners = ["@alice"]\nended = [{{key = "{signer("alice").public_key}", from_seq = 5}}]\n'
    rules = policy(extra={"alice": ended})
    if good:
        assert judge(merge_facts(), rules, SCOPE, seq).record["approvers"] == ["alice"]
    else:
        assert refusal(merge_facts(), rules, seq) == "UNSIGNED_MERGE"


@pytest.mark.parametrize(
    ("path", "held"),
    [
        (PATH, True),
        (DOCS + "a", True),
        (DOCS + "a/b", True),
        (DOCS[:-1], False),
        ("configs/", False),
        ("", False),
        ("x/" + PATH, False),
        ("x/" + DOCS + "a", False),
    ],
)
def test_the_scope_of_a_proposal(path: str, held: bool) -> None:
    assert SCOPE.holds(path) is held
