"""The code host of a workspace, and what it says of a merged request."""

from __future__ import annotations

from calibgit.errors import EnvironmentFault, GateClosed
from calibgit.forge.base import Forge
from calibgit.forge.local import LocalForge
from calibgit.jobs.workspace import Workspace
from calibgit.model.ids import Version, proposal_branch
from calibgit.model.policy import Policy
from calibgit.model.review import approvers
from calibgit.registry.approval import people_named
from calibgit.registry.attested import Claim
from calibgit.repo.network import is_local
from calibgit.repo.store import RemoteRefStore


def forge_of(workspace: Workspace) -> Forge:
    """The forge behind the workspace's remote.

    Raises:
        EnvironmentFault: FORGE_UNSUPPORTED.
    """
    remote = workspace.remote
    if not is_local(remote):
        raise EnvironmentFault(
            "FORGE_UNSUPPORTED",
            f"this version does not speak to the code host behind {remote.name}",
            why="Only remotes on a file system have the local forge.",
            fix="open or review the request by hand on the code host",
        )
    name = remote.url.rstrip("/").rpartition("/")[2].removesuffix(".git")
    return LocalForge(RemoteRefStore(workspace.repo, remote), name or "local")


def claim_of(workspace: Workspace, policy: Policy, version: Version) -> Claim:
    """What the code host says of the request that proposed `version`.

    Logins are turned into people of the policy; one that means nobody, or several, approves nothing.

    Raises:
        GateClosed: NO_MERGE_REQUEST or UNKNOWN_APPROVER.
        EnvironmentFault: FORGE_UNSUPPORTED, REMOTE_UNREACHABLE, REMOTE_REFUSED.
    """
    forge = forge_of(workspace)
    branch = proposal_branch(workspace.line_name, version)
    request = forge.find(branch)
    if request is None:
        raise GateClosed(
            "NO_MERGE_REQUEST",
            f"{forge.host} knows no request that proposed {workspace.line_name} v{version}",
            why="Without it nobody can say who approved.",
            fix=f"propose it with: calibgit propose --pr; the branch is {branch}",
        )
    logins = approvers(forge.reviews(request.number), request.head)
    people = sorted({_person(login, policy) for login in logins})
    where = {"host": forge.host, "repository": forge.repository, "number": request.number}
    return Claim(where, request.opener, request.head, tuple(people))


def _person(login: str, policy: Policy) -> str:
    found = [name for name in people_named(login, policy) if name in policy.people]
    if len(found) != 1:
        raise GateClosed(
            "UNKNOWN_APPROVER",
            f"the approval by {login} is by {'several people' if found else 'nobody'} of trust.toml",
            why="An approval counts for exactly one person.",
            fix="add the account to that person in trust.toml",
        )
    return found[0]
