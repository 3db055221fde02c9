"""Verification step 9 of a policy event: the new people have shown their keys, and no key comes back. Pure.

`require_lasting` is what the new policy must keep to by itself; a check asks it before the merge.
"""

from __future__ import annotations

from collections.abc import Mapping

from calibgit.errors import GateClosed
from calibgit.model.canonical import strict_canonical
from calibgit.model.event import NAMESPACE_POSSESSION, Event, statement
from calibgit.model.policy import Policy
from calibgit.model.state import RegistryState
from calibgit.registry.authority import verify_entry


def added_keys(before: Policy, after: Policy) -> dict[str, str]:
    """Keys of the new policy that the old one does not give to the same person, each with its person."""
    return {key: person for key, person in after.keys.items() if before.keys.get(key) != person}


def require_sound_change(event: Event, before: Policy, after: Policy, state: RegistryState) -> None:
    """What a change of policy must keep to.

    Raises:
        GateClosed: POLICY_UNCHANGED, NO_POSSESSION, KEY_REVIVED, FROM_SEQ_AHEAD, FOUR_EYES_DROPPED,
            NOBODY_CHANGES_POLICY or NOBODY_RECOVERS.
        IntegrityError: a code of `sshsig.verify` for a proof of possession.
    """
    if event.payload["target"]["sha256"] == state.policy_sha256:
        raise GateClosed(
            "POLICY_UNCHANGED",
            f"event {event.seq} puts in force the policy that is in force",
            why="The event would change nothing.",
            fix="merge a changed trust.toml first",
        )
    _require_possession(event, before, after)
    require_lasting(before, after, seq=event.seq, ended=state.ended)


def require_lasting(before: Policy, after: Policy, *, seq: int, ended: Mapping[str, int]) -> None:
    """What a new policy must keep to, whoever has signed for it.

    Args:
        before: in force.
        after: the new one.
        seq: number of the event that puts it in force.
        ended: every key that ever ended, to the number from which it is good for nothing.

    Raises:
        GateClosed: KEY_REVIVED, FROM_SEQ_AHEAD, FOUR_EYES_DROPPED, NOBODY_CHANGES_POLICY or NOBODY_RECOVERS.
    """
    _require_ends(after, seq, ended)
    if before.four_eyes and not after.four_eyes:
        raise GateClosed(
            "FOUR_EYES_DROPPED",
            "the new policy would let people approve their own changes from now on",
            why="Four eyes that can be closed for an hour guard nothing; a one-person registry says so in genesis.",
            fix="keep four_eyes = true; for one person alone: calibgit init --fork --solo",
        )
    why = "A policy that nobody can change or repair ends the registry."
    if "policy" not in after.roles:
        what = "the new policy gives the role policy to nobody"
        raise GateClosed("NOBODY_CHANGES_POLICY", what, why=why, fix="add [roles.policy] to trust.toml")
    if "recover" not in after.roles:
        what = "the new policy gives the role recover to nobody"
        raise GateClosed("NOBODY_RECOVERS", what, why=why, fix="add [roles.recover] to trust.toml")


def keys_to_show(before: Policy, after: Policy, seq: int) -> dict[str, str]:
    """The added keys whose holders have to show them before event `seq`, each with its person."""
    return {key: who for key, who in added_keys(before, after).items() if not after.key_ended(key, seq + 1)}


def _require_possession(event: Event, before: Policy, after: Policy) -> None:
    text = strict_canonical(statement(event.payload))
    shown = {verify_entry(entry, text, NAMESPACE_POSSESSION) for entry in event.payload["possession"]}
    for key, person in sorted(keys_to_show(before, after, event.seq).items()):
        if key not in shown:
            raise GateClosed(
                "NO_POSSESSION",
                f"nobody has shown that {person} holds the new key {key.split()[1][-12:]}",
                why="A listed key that is somebody else's, or nobody's, would speak for this person.",
                fix=f"have {person} run: calibgit countersign --for policy --key PATH",
            )


def _require_ends(after: Policy, seq: int, ended: Mapping[str, int]) -> None:
    for key, since in sorted(ended.items()):
        if key in after.keys and after.ended.get(key, since + 1) > since:
            raise GateClosed(
                "KEY_REVIVED",
                f"a key of {after.keys[key]} ended with event {since}, and the new policy lists it as good",
                why="A key that was given up or stolen never comes back.",
                fix="list a new key, and keep the end of the old one",
            )
    for key, since in sorted(after.ended.items()):
        if since > seq + 1:
            raise GateClosed(
                "FROM_SEQ_AHEAD",
                f"a key of {after.keys[key]} is to end with event {since}, which is not written yet",
                why="A key ends now or in the past; an end to come could be forgotten or overtaken.",
                fix=f"write from_seq = {seq + 1} or less",
            )
