"""A sound policy of three people and a machine as text, to be changed and judged without a repository."""

from __future__ import annotations

from calibgit.check.candidate import InForce
from calibgit.model.canonical import sha256_hex
from calibgit.model.policy import read_policy

KEYS = {
    name: "ssh-ed25519 " + letter * 16 for name, letter in zip(("alice", "bob", "carol", "robot"), "ABCR", strict=True)
}
NEW_KEY = "ssh-ed25519 " + "N" * 16
NEXT = 7
ROLES = ("release", "activate", "breaking", "rollback", "deprecate", "policy", "recover")
TRUST = (
    """schema = "calibgit/trust/1"
branch = "main"
home = ["https://git.example.org/scoring.git"]
four_eyes = true
production = ["production"]

[lines.scoring]
configs = "configs"
contracts = "configs/contracts"

"""
    + "".join(
        f'[people.{name}]\nkind = "{"ci" if name == "robot" else "human"}"\nkeys = ["{key}"]\n\n'
        for name, key in KEYS.items()
    )
    + "".join(f'[roles.{role}]\npeople = ["alice", "bob", "carol"]\nthreshold = 1\n\n' for role in ROLES)
    + '[roles.checkpoint]\npeople = ["robot"]\nthreshold = 1\n'
)


def in_force(text: str = TRUST, ended: dict[str, int] | None = None) -> InForce:
    """The policy of that text, in force before event `NEXT`."""
    data = text.encode()
    return InForce("trust.toml", read_policy(data), sha256_hex(data), NEXT, ended or {})


def role(text: str, name: str, *, people: tuple[str, ...] = ("alice", "bob", "carol"), threshold: int = 1) -> str:
    """The policy with other people, or another threshold, in one role."""
    head, rest = text.split(f"[roles.{name}]\n")
    listed = ", ".join(f'"{person}"' for person in people)
    tail = rest.partition("\n\n")[2]
    return f"{head}[roles.{name}]\npeople = [{listed}]\nthreshold = {threshold}\n\n{tail}"


def without(text: str, name: str) -> str:
    """The policy without one role."""
    head, rest = text.split(f"[roles.{name}]\n")
    return head + rest.partition("\n\n")[2]


def ended(text: str, *people: str, since: int = NEXT) -> str:
    """The policy in which the keys of some people end."""
    for person in people:
        keys = f'keys = ["{KEYS[person]}"]\n'
        text = text.replace(keys, keys + f'ended = [{{ key = "{KEYS[person]}", from_seq = {since} }}]\n')
    return text
