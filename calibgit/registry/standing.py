"""What a person has to look at although the log holds: alarms and rollbacks that stand on one person. Pure."""

from __future__ import annotations

from calibgit.model.state import Problem, RegistryState


def standing(state: RegistryState) -> list[Problem]:
    """UNRATIFIED and SUSPECT, in the order of the log."""
    found = [
        Problem(
            "UNRATIFIED",
            f"the rollback of {step.line} in {step.env} by event {step.seq} stands on one person, {step.signer}",
            step.seq,
            fix=f"have somebody else run: calibgit ratify {step.seq} --reason TEXT",
        )
        for step in state.unratified()
    ]
    for (line, env), version in sorted(state.now.items()):
        seq = state.alarm(line, env)
        if seq is not None:
            person = state.suspects[seq].person
            found.append(
                Problem(
                    "SUSPECT",
                    f"{line} v{version}, active in {env}, rests on event {seq}; a key of {person} was stolen by then",
                    seq,
                    fix=f"look at it, then: calibgit activate {version} --env {env} --line {line} --reason TEXT; "
                    f"or: calibgit rollback --env {env} --line {line} --reason TEXT",
                )
            )
    return found
