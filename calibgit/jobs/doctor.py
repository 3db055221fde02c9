"""Explain a registry and its policy in plain words: what is in order, what is not, and who can do what today."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from itertools import chain
from typing import Any, Literal

from calibgit.errors import CalibgitError, DocumentError, GateClosed
from calibgit.jobs.remote_check import compare
from calibgit.jobs.workflows import unfiltered_pushes
from calibgit.jobs.workspace import POLICY_FILE, Workspace
from calibgit.model.canonical import sha256_hex
from calibgit.model.doctor import DoctorReport, Finding, RoleReport
from calibgit.model.ids import TAG_NAMESPACE, Version, config_path
from calibgit.model.policy import Policy, read_policy
from calibgit.model.state import RegistryState
from calibgit.registry.history import History
from calibgit.registry.owners import find_codeowners
from calibgit.registry.pending import act_of, digest, stale
from calibgit.registry.policy_change import added_keys
from calibgit.registry.policy_words import policy_changes
from calibgit.registry.powers import powers, rules, unsound
from calibgit.registry.read import pending_signatures
from calibgit.registry.standing import standing
from calibgit.registry.transitions import rollback_target
from calibgit.registry.verification import Verification
from calibgit.registry.write import is_home
from calibgit.repo.refs import list_refs

GATE_FILES = (POLICY_FILE, "calibgit.toml", "CODEOWNERS", ".github/workflows/check.yml")


def doctor(workspace: Workspace, *, remote: bool = False) -> dict[str, Any]:
    """Every finding, the rules, and who can do what; works before the seal and on a broken log.

    Args:
        workspace: the clone.
        remote: also list what the remote holds, and compare. Nothing else is asked of the network, and nothing
            is fetched.

    Returns:
        a `DoctorReport` as JSON data.

    Raises:
        DocumentError: NO_POLICY when there is no policy to speak of at all.
    """
    verification = workspace.verification()
    policy = verification.policy or workspace.unsealed_policy()
    seq = verification.state.seq + 1
    found = [
        *_log(verification),
        *_targets(verification.state),
        *_policy(policy, seq),
        *_pending_policy(workspace, verification),
        *_owners(workspace, verification, policy),
        *_clone(workspace, policy),
        *_waiting(workspace, verification),
        *unfiltered_pushes(workspace.repo.work_tree),
        *chain(_shared(workspace), _tables(workspace)),
    ]
    if remote:
        found += compare(workspace, verification, policy)
    return DoctorReport(
        ok=all(finding.status in {"ok", "note"} for finding in found),
        registry=verification.state.registry,
        remote="asked" if remote else "not asked",
        four_eyes=policy.four_eyes,
        rules=rules(policy),
        checks=tuple(found),
        roles=tuple(
            RoleReport(
                role=power.name,
                task=power.task,
                people=power.able,
                without_key=power.unable,
                threshold=power.threshold,
                spare=power.spare,
                non_author=power.non_author,
            )
            for power in powers(policy, seq)
        ),
    ).data()


def _log(verification: Verification) -> Iterator[Finding]:
    state = verification.state
    for problem in verification.errors:
        yield _fail(f"{problem.code}: {problem.message}", problem.fix)
    if not verification.events and verification.ok:
        yield _fail("the registry has no genesis here", "calibgit verify --fetch, or: calibgit init --seal")
    elif verification.ok:
        yield _ok(f"the log holds: {state.seq} events, every signature and approval verified")
    for problem in (*verification.warnings, *standing(state, verification.policies)):
        status: Literal["fail", "note"] = "fail" if problem.code in {"SUSPECT", "UNRATIFIED"} else "note"
        yield Finding(status=status, what=problem.message, fix=problem.fix)
    if verification.events:
        kept = verification.marked
        what = "a shorter log would be noticed" if kept else "no-history: a log that was cut before now looks whole"
        yield _ok(what) if kept else _note(what, "calibgit verify --trust-root ID, then again")
        if state.checkpoint is None:
            yield _note("no checkpoint says that this log is all there is", "calibgit checkpoint")
        else:
            yield _ok(f"a checkpoint of {state.checkpoint.at} is good until {state.checkpoint.expires}")


def _targets(state: RegistryState) -> Iterator[Finding]:
    for line, env in sorted(state.now):
        if rollback_target(state, line, env) is None:
            yield _note(f"there is nothing to roll {line} in {env} back to: no earlier version of it still stands")


def _policy(policy: Policy, seq: int) -> Iterator[Finding]:
    if not policy.four_eyes:
        yield _note("one person may do everything alone here (four_eyes = false)")
    yield from _few_hands(policy)
    problems = unsound(policy, seq)
    for problem in problems:
        yield _fail(problem.message, problem.fix)
    if not problems:
        yield _ok("every task has people who can sign today" + (", and one to spare" * policy.four_eyes))


def _pending_policy(workspace: Workspace, verification: Verification) -> Iterator[Finding]:
    before = verification.policy
    if before is None:
        return
    history = _history(workspace, before)
    data = history.blob(history.tip, POLICY_FILE) if history else None
    if data is None or sha256_hex(data) == verification.state.policy_sha256:
        yield _ok(f"the {POLICY_FILE} on {before.branch} is the one in force")
        return
    try:
        after = read_policy(data)
    except CalibgitError as error:
        yield _fail(f"the merged {POLICY_FILE} cannot be read: {error.what}", error.fix)
        return
    changes = "; ".join(policy_changes(before, after)) or "nothing but its wording"
    yield _note(f"merged and not yet in force: {changes}", "calibgit policy --reason TEXT")
    for person in sorted(set(added_keys(before, after).values())):
        fix = f"{person} runs: calibgit countersign --for policy --reason TEXT --key PATH"
        yield _note(f"{person} has to show the new key before that", fix)


def _owners(workspace: Workspace, verification: Verification, policy: Policy) -> Iterator[Finding]:
    history = _history(workspace, policy)
    if history is None:
        return
    owners = find_codeowners(lambda path: history.blob(history.tip, path))
    if owners is None:
        yield _fail(f"there is no CODEOWNERS on {policy.branch}", "merge one; calibgit init writes it")
        return
    for error in owners.errors:
        yield _fail(f"{owners.path}, line {error.line}, is skipped: {error.kind}", f"mend {owners.path}")
    configs = [config_path(Version(1, 0, 0), place.configs) for place in policy.lines.values()]
    contracts = [f"{place.contracts}/x.schema.json" for place in policy.lines.values()]
    proposals = [f"proposals/{line}/x" for line in policy.lines]
    try:
        ownership = owners.ownership([*GATE_FILES, *configs, *contracts, *proposals])
    except GateClosed as error:
        yield _fail(error.what, error.fix)
        return
    for path, found in ownership.items():
        people = {person for owner in found.owners for person in policy.people_of_owner(owner)}
        if not people:
            yield _fail(f"nobody of {POLICY_FILE} owns {path}", f"give it an owner in {owners.path}")
    named = {owner for rule in owners.rules for owner in rule.owners}
    for owner in sorted(owner for owner in named if not policy.people_of_owner(owner)):
        yield _note(f"{owner} of {owners.path} stands for nobody of {POLICY_FILE}", f"add it to {POLICY_FILE}")
    if verification.policy is not None and not owners.errors:
        yield _ok(f"{owners.path} is read whole: {len(owners.rules)} rules")


def _clone(workspace: Workspace, policy: Policy) -> Iterator[Finding]:
    try:
        remote = workspace.remote
    except CalibgitError as error:
        yield _fail(error.what, error.fix)
        return
    if is_home(remote.url, policy):
        yield _ok(f"{remote.name} is a home of this registry")
    else:
        fix = f"git remote set-url {remote.name} {shlex.quote(policy.home[0])}"
        yield _fail(f"{remote.name} is no home of this registry, so nothing can be written from here", fix)
    try:
        key = workspace.signer().public_key
    except CalibgitError as error:
        yield _note(f"you cannot sign here: {error.what}", error.fix)
        return
    person = policy.person_of_key(key)
    if person is None:
        yield _note(
            "your signing key is not in the policy, so you may read and propose",
            "calibgit explain NOT_A_SIGNER",
        )
        return
    held = [name for name, grant in sorted(policy.roles.items()) if person in grant.people]
    yield _ok(f"you sign as {person}, who may: {', '.join(held) or 'propose only'}")


def _waiting(workspace: Workspace, verification: Verification) -> Iterator[Finding]:
    policy, state = verification.policy, verification.state
    if policy is None:
        return
    waiting: dict[str, tuple[str, set[str]]] = {}
    for each in pending_signatures(workspace.repo):
        if not stale(each, state, policy):
            who = policy.person_of_key(each.key) or "a new key"
            waiting.setdefault(digest(each.statement), (act_of(each), set()))[1].add(who)
    for what, people in sorted(waiting.values()):
        yield _note(f"co-signed and not yet written: {what}, by {', '.join(sorted(people))}")


def _few_hands(policy: Policy) -> Iterator[Finding]:
    """Where one person alone could become two."""
    change, recover = policy.grant("policy"), policy.grant("recover")
    humans = [person for person in policy.people.values() if person.kind == "human"]
    if not policy.four_eyes or change is None or recover is None:
        return
    why = "Whoever may change the policy alone could list a second key of their own, and be two people."
    if change.threshold == 1 and len(humans) > 2:
        yield Finding(
            status="note",
            what="one person alone may change the policy",
            why=why,
            fix=f"threshold = 2 in [roles.policy] and [roles.recover] of {POLICY_FILE}, then: "
            "calibgit policy --reason TEXT",
        )
    elif recover.threshold < change.threshold:
        what = f"a change of policy takes {change.threshold} people, and as recovery only {recover.threshold} of: "
        yield Finding(status="note", what=what + ", ".join(sorted(set(recover.people))), why=why)


def _shared(workspace: Workspace) -> Iterator[Finding]:
    """Advice for a repository that has tags of its own beside the registry's."""
    tags = [ref.name for ref in list_refs(workspace.repo, "refs/tags/") if not ref.name.startswith(TAG_NAMESPACE)]
    if not tags:
        return
    yield Finding(
        status="note",
        what="this repository has other tags beside the registry's",
        why="Plain git describe may name an event, and a plain fetch brings the whole log to everybody.",
        fix="git describe --exclude 'calib/*'; whoever does not need the log: "
        f"git config remote.{workspace.remote_name}.tagOpt --no-tags",
    )


def _tables(workspace: Workspace) -> Iterator[Finding]:
    """Lines that count the same rows: each ledger only knows the windows of its own line."""
    try:
        lines = workspace.settings.lines
    except DocumentError:
        return
    by_table: dict[str, list[str]] = {}
    for name, line in sorted(lines.items()):
        by_table.setdefault(line.source.table.rsplit(".", 1)[-1].lower(), []).append(name)
    for names in (names for names in by_table.values() if len(names) > 1):
        table = lines[names[0]].source.table
        yield Finding(
            status="note",
            what=f"the lines {', '.join(names)} all count a table {table}, and each has a ledger of its own",
            why="Windows of two lines that share days are not checked against each other, and their counts could be "
            "subtracted down to single rows.",
            fix="publish windows of one of them only, or map each to a view of other people: table in [lines.*.source]",
        )


def _ok(what: str) -> Finding:
    return Finding(status="ok", what=what)


def _fail(what: str, fix: str = "") -> Finding:
    return Finding(status="fail", what=what, fix=fix)


def _note(what: str, fix: str = "") -> Finding:
    return Finding(status="note", what=what, fix=fix)


def _history(workspace: Workspace, policy: Policy) -> History | None:
    try:
        return workspace.history(policy)
    except CalibgitError:
        return None
