"""What every `Forge` keeps. Subclass, and give a `host` fixture.

class TestMyForge(ForgeContract):
@pytest.fixture
def host(self) -> Host: ...
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import pytest

from calibgit.errors import CalibgitError, Conflict, UsageError
from calibgit.forge.base import Forge
from calibgit.model.review import MergeRequest, approvers


class Host(Protocol):
    """A code host under test, and a person at its keyboard."""

    forge: Forge

    def push_branch(self, branch: str) -> str:
        """Push a new commit to `branch` on the host and return its id."""

    def merge(self, request: MergeRequest) -> None:
        """Merge as a person would."""

    def another_client(self) -> Forge:
        """The same host, seen from another machine."""


def open_one(host: Host, branch: str = "calibgit/scoring/v1.1.0", **more: str) -> MergeRequest:
    head = host.push_branch(branch)
    text = {"title": "Raise the cut", "body": "Größe: **2**\n", "opener": "alice", **more}
    return host.forge.open(branch=branch, target="main", head=head, **text)


def failure(kind: type[CalibgitError], call: Callable[[], object]) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert caught.value.fix
    return caught.value.code


class ForgeContract:
    @pytest.fixture
    def host(self) -> Host:
        raise NotImplementedError

    def test_nothing_at_first(self, host: Host) -> None:
        assert list(host.forge.list()) == []
        assert host.forge.find("calibgit/scoring/v1.1.0") is None

    def test_what_is_opened_is_found(self, host: Host) -> None:
        request = open_one(host)
        assert request.number >= 1
        assert (request.state, request.target, request.title) == ("open", "main", "Raise the cut")
        assert request.body == "Größe: **2**\n"
        assert host.forge.find(request.branch) == request
        assert host.another_client().find(request.branch) == request
        assert list(host.forge.list()) == [request]

    def test_numbers_grow_and_the_list_is_in_order(self, host: Host) -> None:
        requests = [open_one(host, f"calibgit/scoring/v1.{minor}.0") for minor in range(3)]
        numbers = [request.number for request in requests]
        assert numbers == sorted(set(numbers))
        assert list(host.forge.list()) == requests

    def test_one_open_request_per_branch(self, host: Host) -> None:
        first = open_one(host)
        assert failure(Conflict, lambda: open_one(host)) == "MERGE_REQUEST_EXISTS"
        host.forge.close(first.number, "superseded")
        second = open_one(host)
        assert second.number > first.number
        assert host.forge.find(first.branch) == second

    def test_update(self, host: Host) -> None:
        request = open_one(host)
        head = host.push_branch(request.branch)
        changed = host.forge.update(request.number, head=head, title="Lower the cut", body="")
        assert (changed.head, changed.title, changed.body) == (head, "Lower the cut", "")
        assert host.another_client().find(request.branch) == changed
        assert host.forge.update(request.number) == changed

    def test_close(self, host: Host) -> None:
        request = open_one(host)
        closed = host.forge.close(request.number, "not now")
        assert closed.state == "closed"
        assert host.forge.find(request.branch) == closed
        assert host.forge.close(request.number, "again") == closed
        assert failure(Conflict, lambda: host.forge.update(request.number, title="x")) == "MERGE_REQUEST_ENDED"

    def test_merge_by_a_person_is_seen(self, host: Host) -> None:
        request = open_one(host)
        other = open_one(host, "calibgit/scoring/v1.2.0")
        host.merge(request)
        found = host.forge.find(request.branch)
        assert found is not None
        assert (found.state, found.number) == ("merged", request.number)
        assert failure(Conflict, lambda: host.forge.close(request.number, "x")) == "MERGE_REQUEST_ENDED"
        assert failure(Conflict, lambda: host.forge.update(request.number, title="x")) == "MERGE_REQUEST_ENDED"
        still_open = host.forge.find(other.branch)
        assert still_open is not None
        assert still_open.state == "open"

    def test_unknown_numbers(self, host: Host) -> None:
        assert failure(UsageError, lambda: host.forge.close(99, "x")) == "NO_MERGE_REQUEST"
        assert failure(UsageError, lambda: host.forge.update(99, title="x")) == "NO_MERGE_REQUEST"

    def test_an_approval_is_of_one_commit(self, host: Host) -> None:
        request = open_one(host)
        assert list(host.forge.reviews(request.number)) == []
        host.forge.review(request.number, reviewer="bob", verdict="approved", head=request.head)
        assert approvers(host.forge.reviews(request.number), request.head) == ("bob",)
        moved = host.forge.update(request.number, head=host.push_branch(request.branch))
        assert approvers(host.forge.reviews(request.number), moved.head) == ()
        review = {"reviewer": "bob", "verdict": "approved", "head": request.head}
        assert failure(Conflict, lambda: host.forge.review(request.number, **review)) == "HEAD_MOVED"  # type: ignore[arg-type]

    def test_the_last_decisive_word_counts_and_one_objection_stops_all(self, host: Host) -> None:
        request = open_one(host)
        number, head = request.number, request.head
        host.forge.review(number, reviewer="bob", verdict="approved", head=head)
        host.forge.review(number, reviewer="carol", verdict="changes_requested", head=head)
        assert approvers(host.forge.reviews(number), head) == ()
        host.forge.review(number, reviewer="carol", verdict="commented", head=head)
        assert approvers(host.forge.reviews(number), head) == ()
        host.forge.review(number, reviewer="carol", verdict="approved", head=head)
        assert approvers(host.another_client().reviews(number), head) == ("bob", "carol")

    def test_an_ended_request_is_not_reviewed(self, host: Host) -> None:
        request = open_one(host)
        host.forge.close(request.number, "no")
        call = lambda: host.forge.review(request.number, reviewer="bob", verdict="approved", head=request.head)  # noqa: E731
        assert failure(Conflict, call) == "MERGE_REQUEST_ENDED"
        assert failure(UsageError, lambda: host.forge.reviews(99)) == "NO_MERGE_REQUEST"

    def test_it_says_where_it_is(self, host: Host) -> None:
        assert host.forge.host
        assert host.forge.repository
