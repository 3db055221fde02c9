"""Co-signatures: more than one person behind an event, bound to a statement that survives a lost race once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from calibgit.model.canonical import strict_canonical
from calibgit.model.event import NAMESPACE_STATEMENT, statement
from tests.support.events import LINE, Log, body_of, policy_toml, signer

TWO = {"activate:production": 'people = ["alice", "bob", "carol"]\nthreshold = 2\n'}


def cosigned(payload: Mapping[str, Any], *people: str) -> dict[str, Any]:
    """The payload with the people's signatures of its statement, as one line of base64 each."""
    text = strict_canonical(statement(payload))
    entries = [
        {
            "key": signer(person).public_key,
            "signature": "".join(signer(person).sign(text, NAMESPACE_STATEMENT).splitlines()[1:-1]),
        }
        for person in people
    ]
    return {**payload, "cosignatures": entries}


def activation(log: Log, version: str = "1.1.0", **changes: Any) -> dict[str, Any]:
    """What an activation in production would sign next."""
    fields = {"line": LINE, "version": version, "env": "production", "target": log.target(version)}
    return log.payload("activate", **(fields | {"from_version": "1.0.0"} | changes))


def released(**options: Any) -> Log:
    """A log with 1.0.0 active and 1.1.0 released."""
    log = Log(toml=policy_toml(**options))
    log.genesis()
    log.release("1.1.0")
    return log


def codes(log: Log) -> list[str]:
    return [problem.code for problem in log.verify().errors]


def test_two_people_pass_a_threshold_of_two() -> None:
    log = released(roles=TWO)
    log.append(body_of(cosigned(activation(log), "alice"), "bob"))
    assert codes(log) == []
    assert log.verify().people[3] == ("bob", "alice")


def test_one_person_does_not() -> None:
    log = released(roles=TWO)
    log.append(body_of(activation(log), "bob"))
    assert codes(log) == ["THRESHOLD"]


def test_nobody_counts_twice() -> None:
    log = released(roles=TWO)
    log.append(body_of(cosigned(activation(log), "bob"), "bob"))
    assert codes(log) == ["TWICE_SIGNED"]


def test_a_signature_of_another_statement_counts_for_nothing() -> None:
    log = released(roles=TWO)
    other = cosigned(activation(log, reason="something else"), "alice")["cosignatures"]
    log.append(body_of({**activation(log), "cosignatures": other}, "bob"))
    assert codes(log) == ["SIG_INVALID"]


def test_a_lost_race_keeps_the_signatures() -> None:
    log = released(roles=TWO)
    early = cosigned(activation(log), "alice")["cosignatures"]
    log.release("1.2.0")
    log.append(body_of({**activation(log), "cosignatures": early}, "bob"))
    assert codes(log) == []


def test_a_statement_acts_once() -> None:
    log = released(roles=TWO)
    first = cosigned(activation(log), "alice")
    log.append(body_of(first, "bob"))
    back = activation(log, "1.0.0", from_version="1.1.0", reason="back")
    log.append(body_of(cosigned(back, "alice"), "bob"))
    assert codes(log) == []
    again = {**activation(log), "cosignatures": first["cosignatures"]}
    log.append(body_of(again, "bob"))
    assert codes(log) == ["STATEMENT_REUSED"]


def test_an_override_needs_the_role_for_breaking_besides() -> None:
    for person, expected in (("bob", ["NOT_AUTHORISED"]), ("alice", [])):
        log = released(roles={"breaking": 'people = ["alice"]\nthreshold = 1\n'})
        log.append(body_of(activation(log, override=["breaking"]), person))
        assert codes(log) == expected


def test_a_machine_is_nobody_where_a_non_author_is_asked_for() -> None:
    toml = policy_toml(roles={"activate:staging": 'people = ["dave", "carol"]\nthreshold = 1\nnon_author = true\n'})
    machine = f'[people.dave]\nkind = "ci"\nkeys = ["{signer("dave").public_key}"]\n'
    log = Log(toml=toml.replace(b"[people.alice]", machine.encode() + b"[people.alice]"))
    log.genesis()
    log.release("1.1.0")
    fields = {"line": LINE, "version": "1.1.0", "env": "staging", "target": log.target("1.1.0")}
    log.append(body_of(log.payload("activate", **fields), "dave"))
    assert codes(log) == ["AUTHOR_ONLY"]
