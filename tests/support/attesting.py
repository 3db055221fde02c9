"""A governed repository whose releases a machine attests: unsigned merges and squashes, reviews on the local forge."""

from __future__ import annotations

from calibgit.forge.local import LocalForge
from calibgit.jobs import start
from calibgit.jobs.code_host import forge_of
from calibgit.model.ids import Version, proposal_branch
from calibgit.repo.commits import commit_files
from calibgit.repo.history import changed_paths, fork_point
from calibgit.repo.network import find_remote
from calibgit.repo.objects import read_blob
from calibgit.repo.pushing import push
from tests.support.governed import BASE, LINE, Governed, govern
from tests.support.world import World

MACHINE = """
[roles.attest]
people = ["robot"]
threshold = 1
"""


def attesting(world: World) -> Governed:
    """Three people, and a machine that may release and attest."""
    governed = govern(world, seal=False)
    path = world.clone / "trust.toml"
    text = path.read_text()
    robot = f'[people.robot]\nkind = "ci"\nkeys = ["{world.public_key("robot")}"]\nemails = ["robot@example.org"]\n\n'
    text = text.replace("[roles.release]\npeople = [", robot + '[roles.release]\npeople = ["robot", ', 1)
    path.write_text(text + MACHINE)
    world.git("add", "--all")
    world.git("commit", "--quiet", "-m", "A machine attests")
    world.git("push", "--quiet", "origin", "HEAD:main")
    governed.fetch()
    start.seal(governed.workspace("alice"), adopt=[(BASE, ["production"])], reason="start", dry_run=False)
    return governed


def forge(governed: Governed) -> LocalForge:
    """The code host."""
    found = forge_of(governed.workspace())
    assert isinstance(found, LocalForge)
    return found


def request(governed: Governed, version: str, head: str, *, opener: str = "carol") -> int:
    """Open a request for a pushed proposal and return its number."""
    branch = proposal_branch(LINE, Version.parse(version))
    return forge(governed).open(branch=branch, target="main", head=head, title="t", body="b", opener=opener).number


def approve(governed: Governed, number: int, head: str, *people: str) -> None:
    """Let people approve the head."""
    for person in people:
        forge(governed).review(number, reviewer=person, verdict="approved", head=head)


def squash(governed: Governed, head: str, **edits: bytes | None) -> str:
    """Bring the head's changes to main as one unsigned commit, as a code host does; `edits` spoil it."""
    space = governed.workspace("alice")
    governed.fetch()
    base = governed.tip()
    fork = fork_point(space.repo, base, head)
    assert fork is not None
    paths = [change.path for change in changed_paths(space.repo, fork, head)]
    files: dict[str, bytes | None] = {path: read_blob(space.repo, head, path) for path in paths}
    made = commit_files(
        space.repo,
        parents=[base],
        files=files | edits,
        message="Squashed",
        author=governed.world.identity("alice"),
        when=space.now(),
    )
    push(space.repo, find_remote(space.repo), {"refs/heads/main": made}, expect={"refs/heads/main": base})
    governed.fetch()
    return made
