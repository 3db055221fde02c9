"""What a writer whose event has too few signatures is told: who may sign it too, with which command. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from calibgit.errors import CalibgitError
from calibgit.model.event import NAMESPACE_STATEMENT, statement
from calibgit.model.policy import ROLES_OF_KIND, Grant, Policy, Role
from calibgit.registry.approval import people_named
from calibgit.registry.pending import Pending
from calibgit.registry.powers import able

ACT_OF_KIND = {"revert": "rollback"}  # the other kinds are called like the command that writes them
SAME_ACT = ("kind", "registry", "line", "version", "env", "ratifies")
MAX_TOLD = 200


def tell(
    refusal: CalibgitError,
    payload: Mapping[str, Any],
    policy: Policy,
    writer: str,
    pending: Iterable[Pending],
    authors: Iterable[str],
) -> None:
    """Put into a THRESHOLD refusal the next person's command, and who signed the same act in other words.

    Only a writer is told: the fix of an event that lies in the log would ask readers to sign what a stranger wrote.

    Args:
        refusal: of an event that was not written; any other code is left as it is.
        payload: of that event, with its co-signatures.
        policy: in force.
        writer: who writes.
        pending: the co-signatures that wait.
        authors: who had a part in the version that the event speaks of, by any of their names.
    """
    cosigners = [policy.keys[entry["key"]] for entry in payload.get("cosignatures", ())]
    people = (writer, *cosigners)
    grant = grant_short_of(policy, payload, people) if refusal.code == "THRESHOLD" else None
    if grant is None:
        return
    refusal.fix = fix(payload, grant, policy, people, authors)
    good = [each for each in pending if not policy.key_ended(each.key, payload["seq"])]
    refusal.why = f"{refusal.why} {other_words(good, payload, grant, policy, people)}".rstrip()


def grant_short_of(policy: Policy, payload: Mapping[str, Any], people: Sequence[str]) -> Grant | None:
    """The grant that the writer, `people[0]`, holds and whose threshold `people` do not meet, if any."""
    roles: tuple[Role, ...] = ROLES_OF_KIND[payload["kind"]]
    roles += ("breaking",) if payload.get("override") else ()
    roles += ("attest",) if _is_attested(payload) else ()
    grants = [policy.grant(role, str(payload.get("env", ""))) for role in roles]
    held = (grant for grant in grants if grant is not None and people[0] in grant.people)
    return next((grant for grant in held if len({*people} & {*grant.people}) < grant.threshold), None)


def fix(payload: Mapping[str, Any], grant: Grant, policy: Policy, people: Sequence[str], authors: Iterable[str]) -> str:
    """Who may sign besides `people`, and the line that they paste.

    Args:
        payload: of the event that was not written.
        grant: whose threshold is not met.
        policy: in force.
        people: who signed, the writer first.
        authors: who had a part in the version that the event speaks of, by any of their names.
    """
    missing = grant.threshold - len({*people} & {*grant.people})
    others = [who for who in dict.fromkeys(grant.people) if who not in people and able(policy, who, payload["seq"])]
    if grant.non_author and policy.four_eyes and missing == 1:
        part = {who for name in authors for who in people_named(name, policy)}
        outside = [who for who in others if who not in part and policy.people[who].kind == "human"]
        others = outside if {*people} & {*grant.people} <= part and outside else others
    if len(others) < missing:
        able_now = ", ".join(others) or "nobody"
        return f"change the policy first: besides {', '.join(people)}, {able_now} has a good key for this role"
    who = " or ".join(others) if missing == 1 else f"{missing} of {', '.join(others)}"
    return f"{who} may run: {command(payload)}; then repeat the command"


def command(payload: Mapping[str, Any]) -> str:
    """The line with which another person signs the statement of `payload` beforehand."""
    kind = payload["kind"]
    words = ["calibgit", "init", "--seal", "--cosign"] if kind == "genesis" else ["calibgit", "countersign"]
    if kind == "genesis":
        for entry in payload["baseline"]:
            envs = "=" + ",".join(entry["envs"]) if entry["envs"] else ""
            words += ["--adopt", f"{entry['line']}:{entry['version']}{envs}"]
    else:
        words += [payload["version"]] if "version" in payload else []
        words += ["--for", ACT_OF_KIND.get(kind, kind)]
    words += ["--event", str(payload["ratifies"]["seq"])] if kind == "ratify" else []
    words += ["--env", payload["env"]] if kind in {"activate", "revert"} else []
    words += ["--line", payload["line"]] if "line" in payload else []
    words += [f"--{override}" for override in payload.get("override", ())]
    words += ["--attest"] if _is_attested(payload) else []
    words += ["--reason", payload["reason"]] if payload["reason"] else []
    return shlex.join(words)


def other_words(
    pending: Iterable[Pending], payload: Mapping[str, Any], grant: Grant, policy: Policy, people: Sequence[str]
) -> str:
    """Which holders of the grant signed the same act in other words, a sentence each; empty where nobody did."""
    wanted = statement(payload)
    nearest: dict[str, tuple[int, str, str]] = {}
    for each in pending:
        person = policy.person_of_key(each.key)
        if person is None or person in people or person not in grant.people:
            continue
        said = each.statement
        if each.namespace != NAMESPACE_STATEMENT or any(said.get(name) != wanted.get(name) for name in SAME_ACT):
            continue
        different = sorted(name for name in said.keys() | wanted.keys() if said.get(name) != wanted.get(name))
        if different:
            found = (len(different), each.ref, _told(said, different))
            nearest[person] = min(found, nearest.get(person, found))
    return " ".join(f"{person} signed {nearest[person][2]}." for person in sorted(nearest))


def _told(said: Mapping[str, Any], different: Sequence[str]) -> str:
    if "policy_sha256" in different:
        return "before the policy changed"
    if "reason" in different:
        text = str(said.get("reason", ""))
        return f"for another reason: '{text[:MAX_TOLD]}{'...' if text[MAX_TOLD:] else ''}'"
    if "target" in different:
        return "when the branch stood elsewhere"
    return f"another {different[0]}"


def _is_attested(payload: Mapping[str, Any]) -> bool:
    return "approval" in payload and payload["approval"]["kind"] == "github-pr"
