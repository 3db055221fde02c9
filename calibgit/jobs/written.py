"""What a job that writes one event hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from calibgit.model.event import Event
from calibgit.model.policy import Policy


@dataclass(frozen=True, slots=True)
class Written:
    """An event as it was written, or as it would be (`dry_run`).

    Attributes:
        event: with object id and digest only where it was written.
        person: who signs.
        note: what whoever signs must know besides; mostly empty.
        cosigners: who signed it beforehand, by name.
    """

    event: Event
    person: str
    dry_run: bool
    note: str = ""
    cosigners: tuple[str, ...] = ()

    @classmethod
    def of(cls, event: Event, policy: Policy, key: str, *, dry_run: bool) -> Self:
        """The event that `key` signed under `policy`."""
        keys = [entry["key"] for entry in event.payload.get("cosignatures", ())]
        cosigners = tuple(policy.person_of_key(each) or "" for each in keys)
        return cls(event, policy.person_of_key(key) or "", dry_run, cosigners=cosigners)

    @property
    def signed_by(self) -> str:
        """Everybody who signed, the writer first: `bob and alice`."""
        *others, last = (self.person, *self.cosigners)
        return f"{', '.join(others)} and {last}" if others else last
