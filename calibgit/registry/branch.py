"""Which branch a log is checked against: the one that is protected by the policy in force at its end.

A policy may name another branch. The new one continues the old one, so its first-parent line holds every commit that
an event ever spoke of, and the old one may go. But the policy at the end is only known after folding. So the fold
begins with a guess, the branch that the last readable event names. A guess is believed in nothing: unless the fold
itself arrives at a policy that names this branch, the log is folded again with the branch that its signatures name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache, partial

from calibgit.errors import CalibgitError, IntegrityError
from calibgit.model.event import Event
from calibgit.model.policy import read_policy
from calibgit.registry.facts import Facts
from calibgit.registry.format import parse_event
from calibgit.registry.history import History
from calibgit.registry.verify import Moment, Slot, Verification, verify_log
from calibgit.repo.history import resolve
from calibgit.repo.objects import read_blob
from calibgit.repo.repository import Repository, is_full_ref

Bodies = Callable[[list[str]], Iterator[bytes | None]]
_CHUNK = 500


def protected_tip(repo: Repository, branch_ref: str, remote: str) -> str:
    """Commit of the protected branch as this clone knows it.

    Raises:
        IntegrityError: NO_BRANCH.
    """
    tip = _known_tip(repo, branch_ref, remote)
    if tip is None:
        name = branch_ref.removeprefix("refs/heads/")
        raise IntegrityError(
            "NO_BRANCH",
            f"this clone does not know the protected branch {name}",
            why="Without the branch nobody can tell what was merged.",
            fix=f"git fetch {remote} +{branch_ref}:refs/remotes/{remote}/{name}",
        )
    return tip


def _known_tip(repo: Repository, branch_ref: str, remote: str) -> str | None:
    names = (f"refs/remotes/{remote}/{branch_ref.removeprefix('refs/heads/')}", branch_ref)
    return next((tip for name in names if is_full_ref(name) and (tip := resolve(repo, name)) is not None), None)


class LogOnBranch:
    """A log whose branch has to be found.

    Args:
        repo: the git door.
        remote: whose remote-tracking branches are this reader's view.
        slots, names, bodies: as `verify_log` takes them; `bodies` may be called again.

    Attributes:
        tip_of: `protected_tip` of a branch, looked up once.
    """

    def __init__(
        self, repo: Repository, remote: str, slots: Sequence[Slot], names: Mapping[str, str], bodies: Bodies
    ) -> None:
        self._repo = repo
        self._remote = remote
        self._slots = slots
        self.names = names
        self._bodies = bodies
        self.tip_of = cache(partial(protected_tip, repo, remote=remote))

    def verify(self, moment: Moment | None = None) -> Verification:
        """The fold, checked against the branch that is protected at its end."""
        guess = self.named_last()
        if guess is None:
            return self._fold(_no_facts, moment)
        result = self._fold(self._facts_on(guess), moment)
        if _is_settled(result, guess):
            return result
        named = self._named_by_signatures(result, guess)
        return result if named in {None, guess} else self._fold(self._facts_on(str(named)), moment)

    def named_last(self) -> str | None:
        """The branch after the last readable event, by its own unproven word; None when no event can be read."""
        slots = [slot for slot in reversed(self._slots) if slot.problem is None]
        for first in (0, *range(1, len(slots), _CHUNK)):
            part = slots[first : first + (_CHUNK if first else 1)]
            for slot, body in zip(part, self._bodies([slot.oid for slot in part]), strict=True):
                with suppress(IntegrityError):
                    if body is not None and is_full_ref(named := self._after(parse_event(slot.oid, body))):
                        return named
        return None

    def _after(self, event: Event) -> str:
        target = event.payload["target"]
        if event.kind == "policy":
            with suppress(CalibgitError):
                data = read_blob(self._repo, target["commit"], target["path"])
                return read_policy(data or b"").branch_ref
        return str(event.payload["branch"]["ref"])

    def _fold(self, facts_of: Callable[[Event], Facts], moment: Moment | None = None) -> Verification:
        return verify_log(self._slots, self.names, self._bodies, facts_of, moment=moment)

    def _facts_on(self, branch_ref: str) -> Callable[[Event], Facts]:
        known: list[History] = []

        def facts_of(_: Event) -> Facts:
            if not known:
                known.append(History(self._repo, self.tip_of(branch_ref)))
            return known[0]

        return facts_of

    def _named_by_signatures(self, result: Verification, guess: str) -> str | None:
        """The branch of the policy at the end of the log when every event is judged without a reader's branch."""
        believed = result.policy.branch_ref if result.policy else guess
        tips = (_known_tip(self._repo, ref, self._remote) for ref in (believed, guess))
        tip = next((tip for tip in tips if tip is not None), None) or resolve(self._repo, "HEAD")
        if tip is None:
            return None
        policy = self._fold(_Adrift(self._repo, tip).at).policy
        return None if policy is None else policy.branch_ref


class _Adrift(History):
    """History as each event itself records it: the branch's tip is what the event says that it was."""

    def at(self, event: Event) -> Facts:
        """Facts behind one event."""
        self.tip = event.payload["branch"]["head"]
        return self

    def on_first_parent_line(self, commit: str, head: str) -> bool:
        """Whether `commit` lies on the first-parent line of `head`."""
        return self.exists(commit) if commit == head else super().on_first_parent_line(commit, head)


def _no_facts(event: Event) -> Facts:
    raise IntegrityError(
        "NO_BRANCH",
        f"nothing is known of the branch of event {event.seq}",
        why="Without the branch nobody can tell what was merged.",
        fix="git fetch origin",
    )


def _is_settled(result: Verification, branch_ref: str) -> bool:
    """Whether the fold came to its end, or to a stop, for reasons other than the branch, and that branch rules."""
    stopped = any(problem.step == 7 or problem.code == "NO_BRANCH" for problem in result.errors)
    return not stopped and result.policy is not None and result.policy.branch_ref == branch_ref
