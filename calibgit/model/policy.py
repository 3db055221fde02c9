"""`trust.toml`: the branch, the people with their keys, and who may sign what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self

from calibgit.model.ids import is_name
from calibgit.model.shape import require_shape, shape_error
from calibgit.model.toml import read_toml

Role = Literal["release", "attest", "activate", "breaking", "rollback", "deprecate", "checkpoint", "policy", "recover"]
ROLES: tuple[Role, ...] = (
    "release",
    "attest",
    "activate",
    "breaking",
    "rollback",
    "deprecate",
    "checkpoint",
    "policy",
    "recover",
)
ROLES_OF_KIND: dict[str, tuple[Role, ...]] = {
    "genesis": ("policy",),
    "policy": ("policy", "recover"),
    "release": ("release",),
    "reject": ("release",),
    "activate": ("activate",),
    "revert": ("rollback",),
    "deprecate": ("deprecate",),
    "checkpoint": ("checkpoint",),
    "void": ("recover",),
    "ratify": ("activate",),
}
MACHINE_ROLES: tuple[Role, ...] = ("release", "attest", "checkpoint")
PRODUCTION = "production"


@dataclass(frozen=True, slots=True)
class Account:
    """An account on a code host, by its number, because names can be re-registered."""

    host: str
    login: str
    id: int


@dataclass(frozen=True, slots=True)
class KeyEnd:
    """The end of a key: not valid for events from `from_seq` on. `compromised` makes the events suspect."""

    key: str
    from_seq: int
    compromised: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, or a CI system, that signs. `owners` are the CODEOWNERS names that stand for this person."""

    kind: Literal["human", "ci"]
    keys: tuple[str, ...]
    emails: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    accounts: tuple[Account, ...] = ()
    ended: tuple[KeyEnd, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line's files lie: its configs, and its consumer contracts. No two lines share a place."""

    configs: str
    contracts: str


@dataclass(frozen=True, slots=True)
class Grant:
    """Who holds a role, and how many different people it takes. `non_author`: one of them wrote none of it."""

    people: tuple[str, ...]
    threshold: int
    non_author: bool = False


@dataclass(frozen=True)
class Policy:
    """The whole of `trust.toml`, as `trust.schema.json` shapes it.

    Attributes:
        branch: short name of the protected branch.
        home: canonical remotes; writers refuse others.
        four_eyes: False only in a one-person registry.
        production: environments whose activation needs humans.
        lines: the governed lines and their places.
        people: everybody who signs, by name.
        roles: a role, or `role:environment` for one environment, to those who hold it.
    """

    branch: str
    home: tuple[str, ...]
    four_eyes: bool
    production: tuple[str, ...]
    lines: Mapping[str, Place]
    people: Mapping[str, Person]
    roles: Mapping[str, Grant]

    @classmethod
    def of(cls, value: Any, name: str) -> Self:
        """Read plain data, in the shape and of the meaning that a policy must have.

        Raises:
            DocumentError: SCHEMA, naming the first thing that is wrong.
        """
        require_shape("trust", value, name)
        policy = cls(
            branch=value["branch"],
            home=tuple(value["home"]),
            four_eyes=value["four_eyes"],
            production=tuple(value["production"]),
            lines={line: Place(**place) for line, place in value["lines"].items()},
            people={person: _person(each) for person, each in value["people"].items()},
            roles={role: Grant(**grant | {"people": tuple(grant["people"])}) for role, grant in value["roles"].items()},
        )
        try:
            policy._require_sound()
        except ValueError as error:
            raise shape_error(name, "", str(error)) from error
        return policy

    def _require_sound(self) -> None:
        everybody = self.people.values()
        _require_once("key", [key for person in everybody for key in person.keys])
        _require_once("e-mail", [mail.casefold() for person in everybody for mail in person.emails])
        _require_once("account", [f"{a.host.casefold()} {a.id}" for person in everybody for a in person.accounts])
        for person in everybody:
            if any(end.key not in person.keys for end in person.ended):
                raise ValueError("a key ends that its person does not have")
            _require_once("end of a key", [end.key for end in person.ended])
        self._require_places()
        for name, grant in self.roles.items():
            self._require_grant(name, grant)

    def _require_places(self) -> None:
        names = [*self.lines, *self.production]
        if not all(is_name(name) for name in names):
            raise ValueError("a line or an environment has no proper name")
        places = [place for line in self.lines.values() for place in (line.configs, line.contracts)]
        configs = [line.configs + "/" for line in self.lines.values()]
        _require_once("place", places)
        if any(one != other and one.startswith(other) for one in configs for other in configs):
            raise ValueError("the configs of one line lie inside those of another")

    def _require_grant(self, name: str, grant: Grant) -> None:
        role, _, env = name.partition(":")
        if role not in ROLES or (":" in name and not is_name(env)):
            raise ValueError(f"{name[:60]!r} is not a role")
        unknown = [person for person in grant.people if person not in self.people]
        if unknown:
            raise ValueError(f"the role {name} names {unknown[0]}, who is not among the people")
        if len(set(grant.people)) < grant.threshold:
            raise ValueError(f"the role {name} asks for {grant.threshold} people and names fewer")
        if role == "checkpoint" and grant.threshold > 1:
            raise ValueError(f"the role {name} asks for {grant.threshold} people; a checkpoint is signed by one")
        machines = [person for person in grant.people if self.people[person].kind == "ci"]
        for_machines = role in MACHINE_ROLES or (role == "activate" and env and env not in self.production)
        if machines and not for_machines:
            raise ValueError(f"the role {name} is for humans; {machines[0]} is not one")

    @property
    def branch_ref(self) -> str:
        """Full ref name of the protected branch."""
        return f"refs/heads/{self.branch}"

    def grant(self, role: Role, env: str = "") -> Grant | None:
        """The grant of `role` in `env`; an environment's own entry goes before the general one."""
        return (self.roles.get(f"{role}:{env}") if env else None) or self.roles.get(role)

    @cached_property
    def keys(self) -> dict[str, str]:
        """Every key, also ended ones, to the name of its person."""
        return {key: name for name, person in self.people.items() for key in person.keys}

    @cached_property
    def ended(self) -> dict[str, int]:
        """Every ended key to the event number from which it is good for nothing."""
        return {end.key: end.from_seq for person in self.people.values() for end in person.ended}

    def person_of_key(self, key: str) -> str | None:
        """The person whose key this is."""
        return self.keys.get(key)

    def person_of_email(self, email: str) -> str | None:
        """The person whose e-mail this is, ignoring case."""
        wanted = email.casefold()
        return next(
            (
                name
                for name, person in self.people.items()
                if wanted in {address.casefold() for address in person.emails}
            ),
            None,
        )

    def people_of_owner(self, owner: str) -> frozenset[str]:
        """The people that a CODEOWNERS name stands for, ignoring case."""
        return self._owners.get(owner.casefold(), frozenset())

    @cached_property
    def _owners(self) -> dict[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for name, person in self.people.items():
            for alias in (*person.owners, *person.emails):
                found.setdefault(alias.casefold(), set()).add(name)
        return {alias: frozenset(people) for alias, people in found.items()}

    @cached_property
    def aliases(self) -> dict[str, frozenset[str]]:
        """Everybody whom a name, address, login or CODEOWNERS alias may mean; keys are folded and without `@`."""
        found: dict[str, set[str]] = {}
        for name, person in self.people.items():
            for alias in (name, *person.emails, *person.owners, *(account.login for account in person.accounts)):
                found.setdefault(alias.casefold().removeprefix("@"), set()).add(name)
        return {alias: frozenset(people) for alias, people in found.items()}

    def key_ended(self, key: str, seq: int) -> bool:
        """Whether `key` was retired or declared compromised at or before event `seq`."""
        end = self.ended.get(key)
        return end is not None and seq >= end


def _person(value: Mapping[str, Any]) -> Person:
    return Person(
        kind=value["kind"],
        keys=tuple(value["keys"]),
        emails=tuple(value.get("emails", ())),
        owners=tuple(value.get("owners", ())),
        accounts=tuple(Account(**account) for account in value.get("accounts", ())),
        ended=tuple(KeyEnd(**end) for end in value.get("ended", ())),
    )


def _require_once(what: str, values: Sequence[str]) -> None:
    if len(values) != len(set(values)):
        raise ValueError(f"one {what} stands in two places")


def read_policy(data: bytes, name: str = "trust.toml") -> Policy:
    """Parse and validate `trust.toml`.

    Raises:
        DocumentError: NOT_TOML or SCHEMA.
    """
    return Policy.of(read_toml(data, name), name)
