"""Explain a registry and its policy in plain words: what is in order, what is not, and who can do what today."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from calibgit.audit.words import policy_changes
from calibgit.errors import CalibgitError, GateClosed
from calibgit.jobs.workspace import POLICY_FILE, Workspace
from calibgit.model.canonical import sha256_hex
from calibgit.model.ids import Version, config_path
from calibgit.model.policy import Policy, read_policy
from calibgit.registry.history import History
from calibgit.registry.owners import find_codeowners
from calibgit.registry.pending import digest
from calibgit.registry.policy_change import added_keys
from calibgit.registry.powers import powers, unsound
from calibgit.registry.read import pending_signatures
from calibgit.registry.standing import standing
from calibgit.registry.verification import Verification
from calibgit.registry.write import is_home

GATE_FILES = (POLICY_FILE, "calibgit.toml", "CODEOWNERS", ".github/workflows/check.yml")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's: whether something is in order, what it is, and the exact thing to do."""

    status: Literal["ok", "fail", "note"]
    what: str
    fix: str = ""


def doctor(workspace: Workspace) -> dict[str, Any]:
    """Every finding, and who can do what. Asks nothing of the network; works before the seal and on a broken log.

    Raises:
        DocumentError: NO_POLICY when there is no policy to speak of at all.
    """
    verification = workspace.verification()
    policy = verification.policy or workspace.unsealed_policy()
    seq = verification.state.seq + 1
    found = [
        *_log(verification),
        *_policy(policy, seq),
        *_pending_policy(workspace, verification),
        *_owners(workspace, verification, policy),
        *_clone(workspace, policy),
        *_waiting(workspace, verification),
    ]
    return {
        "schema": "calibgit/doctor/1",
        "ok": all(finding.status != "fail" for finding in found),
        "registry": verification.state.registry,
        "four_eyes": policy.four_eyes,
        "checks": [{"status": f.status, "what": f.what, "fix": f.fix} for f in found],
        "roles": [
            {
                "role": power.name,
                "task": power.task,
                "people": list(power.able),
                "without_key": list(power.unable),
                "threshold": power.threshold,
                "spare": power.spare,
                "non_author": power.non_author,
            }
            for power in powers(policy, seq)
        ],
    }


def _log(verification: Verification) -> Iterator[Finding]:
    state = verification.state
    for problem in verification.errors:
        yield Finding("fail", f"{problem.code}: {problem.message}", problem.fix)
    if not verification.events and verification.ok:
        yield Finding("fail", "the registry has no genesis here", "calibgit verify --fetch, or: calibgit init --seal")
    elif verification.ok:
        yield Finding("ok", f"the log holds: {state.seq} events, every signature and approval verified")
    for problem in (*verification.warnings, *standing(state)):
        status: Literal["fail", "note"] = "fail" if problem.code in {"SUSPECT", "UNRATIFIED"} else "note"
        yield Finding(status, problem.message, problem.fix)
    if verification.events:
        kept = verification.marked
        what = "a shorter log would be noticed" if kept else "no-history: a log that was cut before now looks whole"
        yield Finding("ok" if kept else "note", what, "" if kept else "calibgit verify --trust-root ID, then again")
        if state.checkpoint is None:
            yield Finding("note", "no checkpoint says that this log is all there is", "calibgit checkpoint")
        else:
            yield Finding("ok", f"a checkpoint of {state.checkpoint.at} is good until {state.checkpoint.expires}")


def _policy(policy: Policy, seq: int) -> Iterator[Finding]:
    if not policy.four_eyes:
        yield Finding("note", "one person may do everything alone here (four_eyes = false)")
    problems = unsound(policy, seq)
    for problem in problems:
        yield Finding("fail", problem.message, problem.fix)
    if not problems:
        yield Finding("ok", "every task has people who can sign today" + (", and one to spare" * policy.four_eyes))


def _pending_policy(workspace: Workspace, verification: Verification) -> Iterator[Finding]:
    before = verification.policy
    if before is None:
        return
    history = _history(workspace, before)
    data = history.blob(history.tip, POLICY_FILE) if history else None
    if data is None or sha256_hex(data) == verification.state.policy_sha256:
        yield Finding("ok", f"the {POLICY_FILE} on {before.branch} is the one in force")
        return
    try:
        after = read_policy(data)
    except CalibgitError as error:
        yield Finding("fail", f"the merged {POLICY_FILE} cannot be read: {error.what}", error.fix)
        return
    changes = "; ".join(policy_changes(before, after)) or "nothing but its wording"
    yield Finding("note", f"merged and not yet in force: {changes}", "calibgit policy --reason TEXT")
    for person in sorted(set(added_keys(before, after).values())):
        fix = f"{person} runs: calibgit countersign --for policy --reason TEXT --key PATH"
        yield Finding("note", f"{person} has to show the new key before that", fix)


def _owners(workspace: Workspace, verification: Verification, policy: Policy) -> Iterator[Finding]:
    history = _history(workspace, policy)
    if history is None:
        return
    owners = find_codeowners(lambda path: history.blob(history.tip, path))
    if owners is None:
        yield Finding("fail", f"there is no CODEOWNERS on {policy.branch}", "merge one; calibgit init writes it")
        return
    for error in owners.errors:
        yield Finding("fail", f"{owners.path}, line {error.line}, is skipped: {error.kind}", f"mend {owners.path}")
    configs = [config_path(Version(1, 0, 0), place.configs) for place in policy.lines.values()]
    contracts = [f"{place.contracts}/x.schema.json" for place in policy.lines.values()]
    proposals = [f"proposals/{line}/x" for line in policy.lines]
    try:
        ownership = owners.ownership([*GATE_FILES, *configs, *contracts, *proposals])
    except GateClosed as error:
        yield Finding("fail", error.what, error.fix)
        return
    for path, found in ownership.items():
        people = {person for owner in found.owners for person in policy.people_of_owner(owner)}
        if not people:
            yield Finding("fail", f"nobody of {POLICY_FILE} owns {path}", f"give it an owner in {owners.path}")
    named = {owner for rule in owners.rules for owner in rule.owners}
    for owner in sorted(owner for owner in named if not policy.people_of_owner(owner)):
        yield Finding(
            "note", f"{owner} of {owners.path} stands for nobody of {POLICY_FILE}", f"add it to {POLICY_FILE}"
        )
    if verification.policy is not None and not owners.errors:
        yield Finding("ok", f"{owners.path} is read whole: {len(owners.rules)} rules")


def _clone(workspace: Workspace, policy: Policy) -> Iterator[Finding]:
    try:
        remote = workspace.remote
    except CalibgitError as error:
        yield Finding("fail", error.what, error.fix)
        return
    if is_home(remote.url, policy):
        yield Finding("ok", f"{remote.name} is a home of this registry")
    else:
        fix = f"git remote set-url {remote.name} {policy.home[0]}"
        yield Finding("fail", f"{remote.name} is no home of this registry, so nothing can be written from here", fix)
    try:
        key = workspace.signer().public_key
    except CalibgitError as error:
        yield Finding("note", f"you cannot sign here: {error.what}", error.fix)
        return
    person = policy.person_of_key(key)
    if person is None:
        yield Finding(
            "note",
            "your signing key is not in the policy, so you may read and propose",
            "calibgit explain NOT_A_SIGNER",
        )
        return
    held = [name for name, grant in sorted(policy.roles.items()) if person in grant.people]
    yield Finding("ok", f"you sign as {person}, who may: {', '.join(held) or 'propose only'}")


def _waiting(workspace: Workspace, verification: Verification) -> Iterator[Finding]:
    policy, state = verification.policy, verification.state
    if policy is None:
        return
    waiting: dict[str, tuple[str, set[str]]] = {}
    for each in pending_signatures(workspace.repo):
        name = digest(each.statement)
        if each.statement.get("registry") == state.registry and name not in state.statements:
            words = [str(each.statement.get(field, "")) for field in ("kind", "line", "version", "env")]
            who = policy.person_of_key(each.key) or "a new key"
            waiting.setdefault(name, (" ".join(word for word in words if word), set()))[1].add(who)
    for what, people in sorted(waiting.values()):
        yield Finding("note", f"co-signed and not yet written: {what}, by {', '.join(sorted(people))}")


def _history(workspace: Workspace, policy: Policy) -> History | None:
    try:
        return workspace.history(policy)
    except CalibgitError:
        return None
