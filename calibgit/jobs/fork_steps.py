"""What a person does after `init --fork`, line by line: free the slots, merge, seal, tell the readers."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from calibgit.model.ids import TAG_NAMESPACE, TAG_ROOT
from calibgit.model.state import RegistryState
from calibgit.repo.network import Remote
from calibgit.repo.remote import remote_refs
from calibgit.repo.repository import Repository


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a person does next: why, and the lines to paste."""

    why: str
    commands: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InUse:
    """A version that is active in the old registry, to be adopted by the new one."""

    line: str
    version: str
    envs: tuple[str, ...]
    sha256: str

    @property
    def adoption(self) -> str:
        """The value of `--adopt`."""
        return f"{self.line}:{self.version}={','.join(self.envs)}"


def free_slots(repo: Repository, remote: Remote, former: Sequence[Remote], registry: str) -> tuple[Step, ...]:
    """Take the old names out of the way: here, on the fork's remote, and from what git fetches by itself.

    Args:
        repo: the clone.
        remote: the fork's; it is listed, and nothing else.
        former: remotes of the clone that are homes of the old registry.
        registry: id of the old registry.
    """
    listing = f"refs/tags/{TAG_ROOT}"
    kept = f"refs/former/{registry[:12]}"
    steps = [
        Step(
            f"Keep the old names of this clone under {kept}, and free the slots. The old remote keeps its own.",
            (
                f"git for-each-ref --format='update {kept}/%(refname:lstrip=2) %(objectname)' {listing}"
                " | git update-ref --stdin",
                f"git for-each-ref --format='delete %(refname) %(objectname)' {listing} | git update-ref --stdin",
            ),
        )
    ]
    if former:
        commands = tuple(f"git config remote.{each.name}.tagOpt --no-tags" for each in former)
        steps.append(Step("Have git leave the old names where they are when it fetches from there.", commands))
    taken = remote_refs(repo, remote, TAG_NAMESPACE + "*")
    if taken:
        url = shlex.quote(remote.url)
        why = f"{remote.url} holds {len(taken)} names of a log, copied with the rest. Free the slots there."
        command = (
            f"git ls-remote --refs {url} '{listing}/*' | cut -f2 | tr '\\n' '\\0'"
            f" | xargs -0 -n 200 git push {url} --delete"
        )
        steps.append(Step(why, (command,)))
    return tuple(steps)


def start_anew(
    threshold: int, remote: Remote, state: RegistryState, adopted: Sequence[InUse], branch: str, names: Sequence[str]
) -> tuple[Step, ...]:
    """Merge the files, seal, and tell the readers.

    Args:
        threshold: how many people it takes to seal.
        remote: the fork's.
        state: of the old registry.
        adopted: what is in use.
        branch: the fork's protected branch.
        names: files that were edited.
    """
    rest = "".join(f" --adopt {each.adoption}" for each in adopted)
    rest += " --reason " + shlex.quote(f"fork of registry {state.registry} at event {state.seq}")
    others = threshold - 1
    cosign = (
        [
            Step(
                f"It takes {threshold} people to seal: {others} sign beforehand, in the same words.",
                (f"calibgit init --seal --cosign{rest}",),
            )
        ]
        if others
        else []
    )
    return (
        Step(
            f"Read what was edited and bring it to {branch} of {remote.name}, by a merge request or directly. No tags.",
            (
                f"git add {' '.join(names)} && git commit -m 'Start a registry of our own'",
                f"git push --no-follow-tags {remote.name} HEAD:refs/heads/{branch}",
            ),
        ),
        *cosign,
        Step(
            "Seal. It prints the new registry id; compare the digests with the ones above.",
            (f"calibgit init --seal{rest}",),
        ),
        Step(
            "Give the new id to the fork's readers. Whoever trusts the old id is refused with WRONG_ROOT, an old "
            "bundle with WRONG_REGISTRY, and a clone that still has the old names with MOVED: clone the fork afresh."
        ),
    )
