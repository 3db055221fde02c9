"""The policy's keys as OpenSSH's allowed-signers file: for stock git, and never more than the policy grants."""

from __future__ import annotations

import re

from calibgit.model.policy import Person, Policy

# OpenSSH reads a principal as a list of patterns: with a star, a comma or a quote in it a key would stand for others.
_PLAIN_EMAIL = re.compile(r"[A-Za-z0-9._+\[\]-]+@[A-Za-z0-9.-]+")


def allowed_signers(policy: Policy, seq: int) -> str:
    """One line for each key that may still sign after event `seq`; the others are named in comments.

    Stock git does not know event numbers, so it cannot tell what an ended key signed in its time from what it signs
    now.
    """
    lines = []
    for name, person in sorted(policy.people.items()):
        for key in person.keys:
            if policy.key_ended(key, seq + 1):
                lines.append(f"# a key of {name} has ended; calibgit verify knows what it signed before\n")
            else:
                lines.append(f'{_principal(name, person)} namespaces="git" {key}\n')
    return "".join(lines)


def _principal(name: str, person: Person) -> str:
    """What stock git calls the signer: the first address, or the name where that could mean somebody else."""
    email = person.emails[0] if person.emails else ""
    return email if _PLAIN_EMAIL.fullmatch(email) else name
