"""What a person has to look at although the log holds: alarms and rollbacks that stand on one person. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping

from calibgit.model.policy import Policy
from calibgit.model.state import Problem, RegistryState
from calibgit.registry.approval import people_named
from calibgit.registry.policy_words import policy_changes
from calibgit.registry.powers import able


def standing(state: RegistryState, policies: Mapping[int, Policy]) -> list[Problem]:
    """UNRATIFIED and SUSPECT: what rests on one person, what is active by a stolen key, what such a key made policy.

    Args:
        state: the fold, up to the moment that is asked about.
        policies: number of an event to the policy that it put in force.
    """
    return [*_unratified(state, policies), *_suspect_versions(state), *_suspect_policies(state, policies)]


def _unratified(state: RegistryState, policies: Mapping[int, Policy]) -> Iterator[Problem]:
    for step in state.unratified():
        policy = policies[max(seq for seq in policies if seq <= state.seq)]
        grant = policy.grant("activate", step.env)
        named = state.versions[step.line][step.version].authors if grant and grant.non_author else ()
        barred = {*step.people, *(person for name in named for person in people_named(name, policy))}
        others = [name for name in (grant.people if grant else ()) if name not in barred]
        who = " or ".join(name for name in others if able(policy, name, state.seq + 1))
        who = who or f"whoever gets the role activate in {step.env} and is not {' or '.join(sorted(barred))}"
        yield Problem(
            "UNRATIFIED",
            f"the rollback of {step.line} in {step.env} by event {step.seq} stands on one person, {step.signer}",
            step.seq,
            fix=f"{who} may run: calibgit ratify {step.seq} --reason TEXT",
        )


def _suspect_versions(state: RegistryState) -> Iterator[Problem]:
    for (line, env), version in sorted(state.now.items()):
        seq = state.alarm(line, env)
        if seq is not None:
            person = state.suspects[seq].person
            yield Problem(
                "SUSPECT",
                f"{line} v{version}, active in {env}, rests on event {seq}; a key of {person} was stolen by then",
                seq,
                fix=f"look at it, then: calibgit activate {version} --env {env} --line {line} --reason TEXT; "
                f"or: calibgit rollback --env {env} --line {line} --reason TEXT",
            )


def _suspect_policies(state: RegistryState, policies: Mapping[int, Policy]) -> Iterator[Problem]:
    """Changes of policy by a stolen key that still stand. The next change after the theft was declared clears them."""
    seqs = [seq for seq in sorted(policies) if seq <= state.seq]
    for before, seq in itertools.pairwise(seqs):
        suspect = state.suspects.get(seq)
        if suspect is None or seqs[-1] > suspect.declared:
            continue
        now = policy_changes(policies[before], policies[seqs[-1]])
        still = [change for change in policy_changes(policies[before], policies[seq]) if change in now]
        if still:
            yield Problem(
                "SUSPECT",
                f"a key of {suspect.person} that was stolen by then made the policy of event {seq}, and of that still "
                f"stands: {'; '.join(still)}",
                seq,
                fix="undo it in trust.toml, or write there that you looked; merge that, then: "
                "calibgit policy --reason TEXT",
            )
