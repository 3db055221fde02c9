"""The check of a changed `trust.toml`: could a policy event put it in force, and what is to be done after the merge?"""

from __future__ import annotations

from collections.abc import Iterator

from calibgit.check.candidate import Candidate, InForce
from calibgit.check.documents import failed, passed
from calibgit.errors import CalibgitError
from calibgit.model.canonical import sha256_hex
from calibgit.model.checks import CheckResult
from calibgit.model.policy import Policy, Role, read_policy
from calibgit.model.state import Problem
from calibgit.registry.policy_change import keys_to_show, require_lasting
from calibgit.registry.policy_words import policy_changes
from calibgit.registry.powers import able, unsound

MAX_TOLD = 8


def check_policy(candidate: Candidate) -> Iterator[CheckResult]:
    """A changed policy can be put in force, and leaves nothing that nobody can do.

    What only a merge can bring is said and not asked for: new keys are shown after it. Nobody to spare is said too: in
    an emergency a stolen key ends before somebody takes its place.
    """
    now = candidate.in_force
    if now.path not in candidate.changed:
        return
    data = candidate.after.get(now.path)
    restore = f"git restore --source {candidate.base[:12]} -- {now.path}"
    if now.path in candidate.special:
        yield failed(
            "policy", "NOT_A_FILE", f"{now.path} is a link, a submodule or a program", path=now.path, fix=restore
        )
    elif data is None:
        yield failed("policy", "NO_POLICY", f"{now.path} is deleted", path=now.path, fix=restore)
    elif sha256_hex(data) == now.sha256:
        yield passed("policy", f"{now.path} becomes the policy in force again")
    else:
        yield from _judged(data, now)


def _judged(data: bytes, now: InForce) -> Iterator[CheckResult]:
    try:
        after = read_policy(data, now.path)
        require_lasting(now.policy, after, seq=now.seq, ended=now.ended)
    except CalibgitError as error:
        yield failed("policy", error.code, error.what, path=now.path, fix=error.fix)
        return
    found = _new_problems(after, now)
    stuck = [problem for problem in found if problem.code == "NO_HOLDER"]
    for problem in stuck:
        yield failed("policy", problem.code, problem.message, path=now.path, fix=problem.fix)
    if not stuck:
        yield passed(
            "policy", f"{now.path} can be put in force: {_changes(after, now)}; {_after_the_merge(after, now)}"
        )
    for problem in found:
        if problem.code == "NO_SPARE":
            yield passed("policy", f"but calibgit doctor will ask for more: {problem.message}")


def _new_problems(after: Policy, now: InForce) -> list[Problem]:
    """What the change itself leaves unsound; it need not mend what was so before."""
    known = {problem.message for problem in unsound(now.policy, now.seq)}
    return [problem for problem in unsound(after, now.seq + 1) if problem.message not in known]


def _changes(after: Policy, now: InForce) -> str:
    changes = policy_changes(now.policy, after) or ("nothing but its wording changes",)
    more = len(changes) - MAX_TOLD
    return "; ".join((*changes[:MAX_TOLD], *([f"and {more} more"] if more > 0 else ())))


def _after_the_merge(after: Policy, now: InForce) -> str:
    """Who runs what before the merged policy is in force."""
    said = []
    for person in sorted(set(keys_to_show(now.policy, after, now.seq).values())):
        key = " --key PATH" if person in now.policy.people else ""
        said.append(f"{person} runs calibgit countersign --for policy --reason TEXT{key}")
    return f"after the merge: {', then '.join([*said, _who_signs(now)])}"


def _who_signs(now: InForce) -> str:
    roles: tuple[Role, ...] = ("policy", "recover")
    for grant in filter(None, map(now.policy.grant, roles)):
        holders = [person for person in dict.fromkeys(grant.people) if able(now.policy, person, now.seq)]
        if grant.threshold == 1 and holders:
            return f"{' or '.join(holders)} runs calibgit policy --reason TEXT"
        if len(holders) >= grant.threshold:
            return f"{grant.threshold} of {', '.join(holders)} sign calibgit policy --reason TEXT"
    return "nobody can put it in force, because too few have a good key"
