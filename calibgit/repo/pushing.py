"""Pushing: atomic, never forced unless a lease says what is replaced, every refusal given its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from calibgit.errors import CalibgitError, Conflict
from calibgit.repo.executor import sanitised
from calibgit.repo.network import Remote, location, refused, remote_failure, talk
from calibgit.repo.repository import Repository, require_oid, require_ref

# What git servers say when two writers met; a lock that a permission or another name blocks is no race.
_LOST_RACE = re.compile(
    r"reference already exists|is at [0-9a-f]+ but expected|incorrect old value|\.lock'?: File exists"
)
_LOCKED_REF = re.compile(r"cannot lock ref '(refs/[^']+)'")
_COLLATERAL = re.compile(r"atomic push failed|atomic transaction failed|transaction failed", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Answer:
    """One line of `git push --porcelain`: a flag, the remote's ref, and what was said about it."""

    flag: str
    ref: str
    said: str


def push(
    repo: Repository,
    remote: Remote,
    updates: Mapping[str, str],
    *,
    expect: Mapping[str, str | None] | None = None,
) -> None:
    """Set refs on the remote, all or none. Repeating a push that went through changes nothing.

    Args:
        repo: holds the objects; no local ref is needed or written.
        remote: where to.
        updates: full ref name to object id.
        expect: what a ref must hold on the remote now, None for nothing. Only such a lease may move a tag or
            rewind a branch.

    Raises:
        UsageError: BAD_REF_NAME, BAD_OBJECT_ID.
        Conflict: REF_TAKEN when a name that should be new exists, REF_MOVED when a ref is not what was
            expected or not an ancestor; the ref is named.
        EnvironmentFault: REMOTE_REFUSED, REMOTE_UNREACHABLE, BAD_REMOTE_URL.
    """
    if not updates:
        return
    leases = [
        f"--force-with-lease={require_ref(name)}:{'' if old is None else require_oid(old)}"
        for name, old in (expect or {}).items()
    ]
    pairs = [f"{require_oid(oid)}:{require_ref(name)}" for name, oid in updates.items()]
    options = ("--porcelain", "--atomic", "--no-verify", "--no-signed", "--receive-pack=git-receive-pack")
    with repo.clean_directory() as clean:
        words = (*options, *leases, "--end-of-options", location(repo, remote), *pairs)
        completed = talk(repo, clean, "push", *words)
    if completed.status == 0:
        return
    answers = _answers(completed.stdout)
    if not answers:
        raise remote_failure(remote, completed)
    raise _refusal(remote, answers, completed.stderr, expect or {})


def _answers(stdout: bytes) -> list[_Answer]:
    """Answers that say no. A line reads: flag, tab, source:destination, tab, summary (reason)."""
    answers = []
    for line in stdout.decode("utf-8", "replace").splitlines():
        fields = line.split("\t")
        if len(fields) == 3 and fields[0] == "!":
            answers.append(_Answer(fields[0], fields[1].partition(":")[2], fields[2]))
    return answers


def _refusal(remote: Remote, answers: list[_Answer], stderr: bytes, expect: Mapping[str, str | None]) -> CalibgitError:
    text = stderr.decode("utf-8", "replace")
    causes = [answer for answer in answers if not _COLLATERAL.search(answer.said)]
    for answer in causes:
        if not answer.said.startswith("[remote rejected]") or _LOST_RACE.search(answer.said):
            return _conflict(remote, answer, expect)
    race, locked = _LOST_RACE.search(text), _LOCKED_REF.search(text)
    if race is not None and not causes:
        ref = locked[1] if locked is not None else answers[0].ref
        return _conflict(remote, _Answer("!", ref, race[0]), expect)
    cause = (causes or answers)[0]
    told = [line.removeprefix("remote: ") for line in text.splitlines() if line.startswith(("remote: ", "error: "))]
    words = sanitised("\n".join(told).encode(), lines=3) if told else "no reason given"
    return refused(remote, f"{cause.ref}: {sanitised(cause.said.encode())} ({words})")


def _conflict(remote: Remote, answer: _Answer, expect: Mapping[str, str | None]) -> Conflict:
    branch = answer.ref.startswith("refs/heads/")
    must_be_new = answer.ref in expect and expect[answer.ref] is None
    if must_be_new or "already exists" in answer.said or (not branch and answer.ref not in expect):
        return Conflict(
            "REF_TAKEN",
            f"{answer.ref} exists already on {remote.name}",
            why="Names are given once; the first writer has it.",
            fix="run the command again",
        )
    return Conflict(
        "REF_MOVED",
        f"{answer.ref} has moved on {remote.name}",
        why="Somebody else pushed in the meantime.",
        fix=f"git fetch {remote.name}, then run the command again",
    )
