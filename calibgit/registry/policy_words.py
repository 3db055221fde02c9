"""A change of policy in words. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from calibgit.model.policy import Grant, Person, Policy


def policy_changes(before: Policy | None, after: Policy) -> tuple[str, ...]:
    """What a new policy changes, one plain sentence each, in a fixed order; the first policy is told whole."""
    return tuple(_changes(before, after))


def _changes(before: Policy | None, after: Policy) -> Iterator[str]:
    old_people = dict(before.people) if before else {}
    old_roles = dict(before.roles) if before else {}
    for name in sorted({*old_people, *after.people}):
        yield from _person(name, old_people.get(name), after.people.get(name))
    for role in sorted({*old_roles, *after.roles}):
        yield from _role(role, old_roles.get(role), after.roles.get(role))
    if before is None or before.four_eyes != after.four_eyes:
        yield "four eyes are asked for" if after.four_eyes else "one person may do everything alone (four_eyes = false)"
    for what, old, new in (
        ("the protected branch", before.branch if before else None, after.branch),
        ("the home", before.home if before else None, after.home),
        ("the production environments", before.production if before else None, after.production),
        ("the lines", sorted(before.lines) if before else None, sorted(after.lines)),
    ):
        if old != new:
            yield f"{what}: {_listed(new)}"
    if before is not None:
        for line in sorted(before.lines.keys() & after.lines.keys()):
            if before.lines[line] != after.lines[line]:
                place = after.lines[line]
                yield f"the line {line} lies in {place.configs}, its contracts in {place.contracts}"


def _listed(value: object) -> str:
    return (
        value
        if isinstance(value, str)
        else ", ".join(str(item) for item in value)
        if isinstance(value, (list, tuple))
        else str(value)
    )


def _person(name: str, old: Person | None, new: Person | None) -> Iterator[str]:
    if new is None:
        yield f"{name} leaves"
        return
    if old is None:
        yield f"{name} joins as {'a machine' if new.kind == 'ci' else 'a person'} with the key ...{_tail(new.keys[0])}"
        old = replace(new, ended=(), keys=new.keys[:1])
    yield from _keys(name, old, new)
    for what, was, now in (
        ("addresses", old.emails, new.emails),
        ("owner aliases", old.owners, new.owners),
        ("accounts", tuple(a.login for a in old.accounts), tuple(a.login for a in new.accounts)),
    ):
        if was != now:
            yield f"{what} of {name}: {', '.join(now) or 'none'}"


def _keys(name: str, old: Person, new: Person) -> Iterator[str]:
    for key in new.keys:
        if key not in old.keys:
            yield f"{name} gets the key ...{_tail(key)}"
    for key in old.keys:
        if key not in new.keys:
            yield f"{name} loses the key ...{_tail(key)}"
    known = {end.key: end for end in old.ended}
    for end in new.ended:
        if known.get(end.key) != end:
            how = "is compromised" if end.compromised else "is retired"
            yield f"the key ...{_tail(end.key)} of {name} {how} from event {end.from_seq} on"


def _role(role: str, old: Grant | None, new: Grant | None) -> Iterator[str]:
    if new is None:
        yield f"the role {role} is given to nobody"
    elif new != old:
        more = ", one of them no author" if new.non_author else ""
        yield f"the role {role}: {new.threshold} of {', '.join(new.people)}{more}"


def _tail(key: str) -> str:
    return key.split()[1][-12:]
