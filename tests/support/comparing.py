"""The state that the tool folded, and the book of the reference model, side by side."""

from __future__ import annotations

from typing import Any

from calibgit.model.ids import Version
from calibgit.model.state import RegistryState
from tests.support.events import signer
from tests.support.moves import ENVS, LINES
from tests.support.reference import Book


def require_same(state: RegistryState, book: Book) -> None:
    """Everything that the state says follows from the book, and the other way round."""
    assert state.seq == book.seq
    assert sorted(state.digests.values()) == sorted(book.moves)
    assert {line for line, known in state.versions.items() if known} == book.lines()
    for line in LINES:
        assert sorted(map(str, state.line(line))) == sorted(book.released(line))
        for version, record in state.line(line).items():
            assert _record(record) == _expected(book, line, str(version)), (line, version)
        for env in ENVS:
            active = state.active(line, env)
            assert (str(active.version) if active else None) == book.active(line, env)
            assert [v for v, r in state.line(line).items() if r.envs.get(env) == "active"] == (
                [active.version] if active else []
            )
            assert [(s.seq, s.kind, str(s.version)) for s in state.steps if (s.line, s.env) == (line, env)] == (
                book.steps(line, env)
            )
            assert state.alarm(line, env) == book.alarm(line, env)
    rejected = {(m.line, m.version) for m in book.moves.values() if m.kind == "reject"}
    assert {(line, str(v)) for line, found in state.rejected.items() for v in found.values()} == rejected
    assert [step.seq for step in state.unratified()] == book.unratified()
    assert state.ratified == {m.about: m.people[0] for m in book.moves.values() if m.kind == "ratify"}
    assert {seq: (s.person, s.declared) for seq, s in state.suspects.items()} == book.suspects()
    assert state.ended == {signer(key).public_key: since for key, since in book.ended().items()}
    assert len(state.statements) == sum(bool(m.others) for m in book.moves.values())
    points = [seq for seq, m in book.moves.items() if m.kind == "checkpoint"]
    assert (state.checkpoint.seq if state.checkpoint else None) == (points[-1] if points else None)
    voids = [m for m in book.moves.values() if m.kind == "void"]
    assert sorted(state.voided) == sorted(seq for m in voids for seq in range(m.first, m.first + m.junk))


def _record(record: Any) -> tuple[Any, ...]:
    return record.status, dict(record.envs), record.seq, record.authors, record.approvers, record.evidence


def _expected(book: Book, line: str, version: str) -> tuple[Any, ...]:
    at = book.released(line)[version]
    status = "deprecated" if book.happened("deprecate", line, version) else "released"
    envs = {env: said for env in ENVS if (said := book.status(line, version, env)) is not None}
    if at == 1:
        return status, envs, at, (), (), "baseline"
    move = book.moves[at]
    proven = move.evidence == "merge-signed" or {*move.approvers} <= {*move.people}
    strength = "proven" if proven else "attested"
    return status, envs, at, tuple(sorted(move.authors)), tuple(sorted(move.approvers)), strength


def require_rising(state: RegistryState) -> None:
    """The numbers of a line only rise, in the order of their releases."""
    for known in state.versions.values():
        later = [(record.seq, Version.parse(str(version))) for version, record in known.items() if record.seq > 1]
        assert [version for _, version in sorted(later)] == sorted(version for _, version in later)
