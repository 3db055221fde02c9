"""Who can do what today, from the policy in force and the state of the log. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from calibgit.model.policy import ROLES, Policy
from calibgit.model.state import Problem

NEEDED = ("release", "activate", "rollback", "deprecate", "policy", "recover")
MACHINES = ("attest", "checkpoint")  # a lost machine is replaced by a change of policy
TASKS = {
    "release": "release and reject versions",
    "attest": "vouch for approvals on the code host",
    "activate": "activate versions and ratify rollbacks",
    "breaking": "override a broken contract or bring back a rolled-back version",
    "rollback": "roll back at once",
    "deprecate": "deprecate versions",
    "checkpoint": "sign checkpoints",
    "policy": "change the policy",
    "recover": "void junk and change the policy in an emergency",
}


@dataclass(frozen=True, slots=True)
class Power:
    """What one entry of the roles amounts to today.

    Attributes:
        name: role, or `role:environment`.
        task: what it allows, in words.
        able: holders who have a key that is good for the next event, sorted.
        unable: holders without one.
        threshold: how many different people it takes.
        non_author: one of them must have had no part in the change.
    """

    name: str
    task: str
    able: tuple[str, ...]
    unable: tuple[str, ...]
    threshold: int
    non_author: bool

    @property
    def spare(self) -> int:
        """How many holders may be away before nobody can do it; negative when nobody can now."""
        return len(self.able) - self.threshold


def able(policy: Policy, person: str, seq: int) -> bool:
    """Whether `person` has a key that is good for event `seq`."""
    return any(not policy.key_ended(key, seq) for key in policy.people[person].keys)


def powers(policy: Policy, seq: int) -> list[Power]:
    """Every entry of the roles as it stands for event `seq`, in the order of the roles."""
    found = []
    order = {role: place for place, role in enumerate(ROLES)}
    for name in sorted(policy.roles, key=lambda name: (order[name.partition(":")[0]], name)):  # type: ignore[index]
        grant = policy.roles[name]
        role, _, env = name.partition(":")
        task = TASKS[role] + (f" in {env}" if env else "")
        holders = sorted(set(grant.people))
        found.append(
            Power(
                name=name,
                task=task,
                able=tuple(person for person in holders if able(policy, person, seq)),
                unable=tuple(person for person in holders if not able(policy, person, seq)),
                threshold=grant.threshold,
                non_author=grant.non_author,
            )
        )
    return found


def rules(policy: Policy) -> tuple[str, ...]:
    """The policy apart from its roles, one plain sentence each."""
    places = [f"{line} in {place.configs}, its contracts in {place.contracts}" for line, place in policy.lines.items()]
    people = [name for name, person in policy.people.items() if person.kind == "human"]
    machines = [name for name, person in policy.people.items() if person.kind == "ci"]
    eyes = (
        "Whoever wrote a change does not approve it."
        if policy.four_eyes
        else "One person may do everything alone, and every reader is told so."
    )
    return (
        f"Governed: {'; '.join(places)}.",
        f"A change is approved by its merge into {policy.branch}, by a code owner. {eyes}",
        f"Only humans activate in: {', '.join(policy.production)}.",
        f"Events are written to {' or '.join(policy.home)}, and nowhere else.",
        f"People: {', '.join(people) or 'nobody'}. Machines: {', '.join(machines) or 'none'}.",
    )


def unsound(policy: Policy, seq: int = 1) -> list[Problem]:
    """What would leave the registry stuck, NO_HOLDER or NO_SPARE; empty for a sound policy.

    A one-person registry has nobody to spare, and says so elsewhere; only what is missing altogether counts there.
    """
    known = {power.name: power for power in powers(policy, seq)}
    found = [
        Problem("NO_HOLDER", f"nobody may {TASKS[role]}: trust.toml lacks the role {role}", fix=f"add [roles.{role}]")
        for role in NEEDED
        if not any(name.partition(":")[0] == role for name in known)
    ]
    for power in known.values():
        if power.spare < 0:
            what = f"to {power.task} takes {power.threshold}, and {len(power.able)} can sign today"
            found.append(Problem("NO_HOLDER", what, fix=f"give the role {power.name} to somebody with a good key"))
        elif power.spare == 0 and policy.four_eyes and power.name.partition(":")[0] not in MACHINES:
            what = f"to {power.task} takes everybody who may ({', '.join(power.able)}): nobody is to spare"
            found.append(Problem("NO_SPARE", what, fix=f"lower the threshold of {power.name}, or add somebody to it"))
    if policy.four_eyes:
        found += _rollback_holders(policy, seq)
    return found


def _rollback_holders(policy: Policy, seq: int) -> list[Problem]:
    found = []
    for env in policy.production:
        grant = policy.grant("rollback", env)
        people = [] if grant is None else [person for person in sorted(set(grant.people)) if able(policy, person, seq)]
        if len(people) < 2:
            what = f"{', '.join(people) or 'nobody'} alone may roll back in {env}"
            found.append(Problem("NO_SPARE", what, fix="give the role rollback to two people at least"))
    return found
