"""Who will sign in a new registry, as people name each other, and the policy that follows from it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files as package_files
from typing import Literal

from calibgit.errors import GateClosed, UsageError
from calibgit.model.policy import Account, Place
from calibgit.model.state import Problem
from calibgit.registry.sshkeys import parse_public_key

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_EMAIL = re.compile(r"[^@\s<>\"\\]{1,64}@[^@\s<>\"\\]{1,190}")
_OWNER = re.compile(r"@[A-Za-z0-9][A-Za-z0-9_-]{0,62}(/[A-Za-z0-9._-]{1,100})?|[^@\s]+@[^@\s]+")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?")
_BARE = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who will sign. A CI system signs its proposals and holds no role but `checkpoint`.

    Attributes:
        key: OpenSSH public key.
        aliases: CODEOWNERS names that mean this person, besides the logins of the accounts.
        safe: the key is kept for emergencies: it holds the role `recover`, and nothing else. It needs no e-mail.

    Raises:
        UsageError: BAD_PERSON.
        DocumentError: BAD_PUBLIC_KEY.
    """

    name: str
    email: str
    key: str
    kind: Literal["human", "ci"] = "human"
    accounts: tuple[Account, ...] = ()
    aliases: tuple[str, ...] = ()
    safe: bool = False

    def __post_init__(self) -> None:
        if _NAME.fullmatch(self.name) is None:
            raise UsageError(
                "BAD_PERSON",
                f"{self.name[:80]!a} cannot name a person",
                why="Names stand in signed records: lower-case letters, digits, dots, dashes and underscores.",
                fix="choose a name such as 'bob' or 'jane.doe'",
            )
        if _EMAIL.fullmatch(self.email) is None and not (self.safe and not self.email):
            raise UsageError(
                "BAD_PERSON",
                f"{self.email[:80]!a} cannot be the e-mail address of {self.name}",
                why="It is how their commits are told from others'.",
                fix="give name, address and key in this order: --person bob bob@example.org bob.pub",
            )
        for owner in self.owners:
            if _OWNER.fullmatch(owner) is None:
                raise UsageError(
                    "BAD_PERSON",
                    f"{owner[:80]!a} cannot mean {self.name} in CODEOWNERS",
                    why="Owners there are @login, @organisation/team or an e-mail address.",
                    fix=f"--account {self.name} github.com LOGIN ID, or --owner {self.name} @ORGANISATION/TEAM",
                )
        for account in self.accounts:
            if _HOST.fullmatch(account.host) is None:
                raise UsageError(
                    "BAD_PERSON",
                    f"{account.host[:80]!a} is not the host of an account of {self.name}",
                    why="An account is a host, a login and a number.",
                    fix=f"write it like: --account {self.name} github.com {account.login[:40]} {account.id}",
                )
        object.__setattr__(self, "key", parse_public_key(self.key))

    @property
    def owners(self) -> tuple[str, ...]:
        """The CODEOWNERS names that mean this person; without an account or an alias, `@` and the name."""
        named = (*(f"@{account.login}" for account in self.accounts), *self.aliases)
        usual = self.email if "." in self.name else f"@{self.name}"
        return () if self.safe else tuple(dict.fromkeys(named)) or (usual,)


@dataclass(frozen=True, slots=True)
class Roster:
    """Everybody, and how the weightiest roles are given.

    Attributes:
        solo: one person only.
        recovery: names of those who hold the role `recover`; empty for every human.
        policy_threshold: how many people it takes to change the policy, and to seal it.

    Raises:
        UsageError: NEEDS_TWO_PEOPLE, SAME_PERSON_TWICE, UNKNOWN_PERSON or SOLO_WITH_OTHERS.
        GateClosed: NO_HOLDER.
    """

    members: tuple[Member, ...]
    solo: bool = False
    recovery: tuple[str, ...] = ()
    policy_threshold: int = 1

    def __post_init__(self) -> None:
        for what, values in (("name", [m.name for m in self.members]), ("key", [m.key for m in self.members])):
            twice = [value for value, count in Counter(values).items() if count > 1]
            if twice:
                people = ", ".join(dict.fromkeys(m.name for m in self.members if twice[0] in {m.name, m.key}))
                raise UsageError(
                    "SAME_PERSON_TWICE",
                    f"one {what} stands for two people: {people}",
                    why="Thresholds count people, so nobody may be listed twice.",
                    fix="name everybody once, each with their own key",
                )
        if len(self.signers) < 2 and not self.solo:
            raise UsageError(
                "NEEDS_TWO_PEOPLE",
                "a registry with four eyes needs two people who sign",
                why="Nobody approves their own change, so one person alone could never release anything.",
                fix="name somebody besides yourself: calibgit init --person NAME EMAIL KEY.pub; "
                "or for one person: calibgit init --solo",
            )
        if len(self.signers) > 1 and self.solo:
            raise UsageError(
                "SOLO_WITH_OTHERS",
                f"--solo is for one person, and {len(self.signers)} sign: {', '.join(m.name for m in self.signers)}",
                why="A registry of several people has four eyes.",
                fix="leave out --solo",
            )
        if self.policy_threshold > len(self.signers):
            what = f"to change the policy takes {self.policy_threshold}, and {len(self.signers)} sign"
            raise self.refuse(Problem("NO_HOLDER", what))
        for name in self.recovery:
            if require_member(self.members, name).kind == "ci":
                raise UsageError(
                    "UNKNOWN_PERSON",
                    f"{name} is a job, and recovery is for people",
                    why="A job's key lies where programs reach it.",
                    fix="name a person with --recovery NAME, or a key in a safe with --recovery-key NAME KEY.pub",
                )

    @property
    def signers(self) -> tuple[Member, ...]:
        """The humans who do the daily work."""
        return tuple(member for member in self.members if member.kind == "human" and not member.safe)

    @property
    def recoverers(self) -> tuple[str, ...]:
        """Who holds the role `recover`."""
        named = (*self.recovery, *(member.name for member in self.members if member.safe))
        return tuple(dict.fromkeys(named)) or tuple(member.name for member in self.signers)

    @property
    def thresholds(self) -> tuple[int, int]:
        """People for a change of policy, and for recovery.

        Whoever recovers may change the policy too. So recovery takes as many people, unless fewer were named for it.
        """
        spare = len(self.recoverers) - (not self.solo)
        chosen = self.recoverers != tuple(member.name for member in self.signers)
        return self.policy_threshold, max(min(self.policy_threshold, spare), 1) if chosen else self.policy_threshold

    def code_owners(self) -> list[str]:
        """The owners of a CODEOWNERS line, each once."""
        return list(dict.fromkeys(owner for member in self.signers for owner in member.owners))

    def policy(
        self, *, lines: Mapping[str, Place], branch: str, home: Sequence[str], production: Sequence[str]
    ) -> bytes:
        """The text of trust.toml."""
        names = _array([member.name for member in self.signers])
        machines = [member.name for member in self.members if member.kind == "ci"]
        policy, recovery = self.thresholds
        text = template("trust.toml").format(
            branch=_text(branch),
            home=_array(home),
            four_eyes="false" if self.solo else "true",
            production=_array(production),
            lines="\n".join(_place(name, place) for name, place in lines.items()),
            people="\n".join(_person(member) for member in self.members),
            names=names,
            activations="\n".join(_activation(env, names, four_eyes=not self.solo) for env in production),
            watchers=_array(machines) if machines else names,
            policy_threshold=policy,
            recoverers=_array(self.recoverers),
            recovery_threshold=recovery,
        )
        return text.encode()

    def refuse(self, problem: Problem) -> GateClosed:
        """The refusal of a policy that would leave the registry stuck, with the line that mends the call."""
        most = len(self.signers) - 1
        fixes = {
            "change the policy": f"calibgit init --policy-threshold {max(most, 1)}, with everything else as before",
            "void": "name one more with --recovery NAME or --recovery-key NAME KEY.pub",
        }
        fix = next((fix for word, fix in fixes.items() if f"to {word}" in problem.message), problem.fix)
        why = "A registry that one lost key can stop should not start."
        return GateClosed(problem.code, problem.message, why=why, fix=fix)


def require_member(members: Sequence[Member], name: str) -> Member:
    """The person of that name.

    Raises:
        UsageError: UNKNOWN_PERSON.
    """
    found = next((member for member in members if member.name == name), None)
    if found is None:
        known = ", ".join(member.name for member in members)
        raise UsageError(
            "UNKNOWN_PERSON",
            f"{name[:80]!a} is none of the people: {known}",
            why="Accounts, owner names and roles are given to people who are named with a key.",
            fix=f"name them too: --person {name[:80]} EMAIL KEY.pub",
        )
    return found


def with_account(members: Sequence[Member], name: str, account: Account) -> list[Member]:
    """The members, one of whom has an account more."""
    chosen = require_member(members, name)
    return [replace(m, accounts=(*m.accounts, account)) if m is chosen else m for m in members]


def with_alias(members: Sequence[Member], name: str, alias: str) -> list[Member]:
    """The members, one of whom is meant by a CODEOWNERS name more."""
    chosen = require_member(members, name)
    return [replace(m, aliases=(*m.aliases, alias)) if m is chosen else m for m in members]


def template(name: str) -> str:
    """A file that `init` starts from."""
    return (package_files("calibgit.jobs") / "templates" / name).read_text(encoding="utf-8")


def _text(value: str) -> str:
    """A TOML basic string; JSON's is the same for printable text."""
    return json.dumps(value, ensure_ascii=False)


def _array(values: Sequence[str]) -> str:
    return "[" + ", ".join(_text(value) for value in values) + "]"


def _table(*names: str) -> str:
    return "[" + ".".join(name if _BARE.fullmatch(name) else _text(name) for name in names) + "]"


def _place(name: str, place: Place) -> str:
    return f"{_table('lines', name)}\nconfigs = {_text(place.configs)}\ncontracts = {_text(place.contracts)}\n"


def _activation(env: str, names: str, *, four_eyes: bool) -> str:
    return template("activation.toml").format(
        role=_text(f"activate:{env}"), env=env, names=names, non_author="true" if four_eyes else "false"
    )


def _person(member: Member) -> str:
    lines = [_table("people", member.name), f"kind = {_text(member.kind)}", f"keys = {_array([member.key])}"]
    if member.email:
        lines.append(f"emails = {_array([member.email])}")
    if member.owners:
        lines.append(f"owners = {_array(member.owners)}")
    if member.accounts:
        accounts = (f"{{ host = {_text(a.host)}, login = {_text(a.login)}, id = {a.id} }}" for a in member.accounts)
        lines.append(f"accounts = [{', '.join(accounts)}]")
    return "\n".join(lines) + "\n"
