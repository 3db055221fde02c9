"""A remote, its URL's guard, and one way to run a git command against it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from calibgit.errors import EnvironmentFault
from calibgit.repo.executor import Completed, sanitised
from calibgit.repo.isolation import CleanDirectory
from calibgit.repo.repository import Repository

_REMOTE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
_SCHEMES = frozenset({"https", "ssh", "file", "git"})
_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_SSH_SHORT = re.compile(r"(?:[^@/:]+@)?(?P<host>\[[^\]/]+\]|[^/:@]+):(?P<path>.*)", re.DOTALL)
_HELPER = re.compile(r"[A-Za-z0-9+.-]*::")
_EXTRA_HEADER = re.compile(r"http\.https://[\x21-\x7e]+\.extraheader")
_REFUSED_BY_REMOTE = re.compile(
    r"\b403\b|permission to .* denied|denied to |not allowed to|protected branch|write access", re.IGNORECASE
)
_NOBODY_LET_IN = re.compile(
    r"could not read (?:username|password)|authentication failed|permission denied \(|"
    r"access denied or repository not exported|terminal prompts disabled",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Remote:
    """A named remote and its URL as the repository's config spells it (a path may be relative)."""

    name: str
    url: str


def find_remote(repo: Repository, name: str | None = None) -> Remote:
    """The remote called `name`; without a name: `origin`, or the only one.

    Raises:
        EnvironmentFault: NO_REMOTE, BAD_REMOTE_URL.
    """
    urls = _urls(repo)
    if name is None:
        name = "origin" if "origin" in urls or len(urls) != 1 else next(iter(urls))
    if name not in urls:
        other = next(iter(urls), "")
        raise EnvironmentFault(
            "NO_REMOTE",
            f"there is no remote called {name[:80]!r}" + (f", only: {', '.join(urls)}" if urls else ""),
            why="The registry lives in the remote that all its readers share.",
            fix=f"git remote rename {other} origin" if other else "git remote add origin URL",
        )
    return Remote(name, require_safe_url(urls[name]))


def list_remotes(repo: Repository) -> list[Remote]:
    """Every remote whose URL may be used, sorted by name; the others are left out."""
    found = []
    for name, url in sorted(_urls(repo).items()):
        with suppress(EnvironmentFault):
            found.append(Remote(name, require_safe_url(url)))
    return found


def _urls(repo: Repository) -> dict[str, str]:
    urls: dict[str, str] = {}
    for key, value in local_settings(repo):
        match = re.fullmatch(r"remote\.(.*)\.url", key)
        if match is not None and _REMOTE_NAME.fullmatch(match[1]):
            urls.setdefault(match[1], value)
    return urls


def local_settings(repo: Repository) -> Iterator[tuple[str, str]]:
    """Keys (section and option in lower case) and values of the repository's own config."""
    output = repo.run("config", "--local", "--includes", "--list", "-z")
    for item in output.decode("utf-8", "surrogateescape").split("\x00")[:-1]:
        key, _, value = item.partition("\n")
        yield key, value


def require_safe_url(url: str) -> str:
    """Return `url` if it is https, ssh, git, a file URL or a path.

    Raises:
        EnvironmentFault: BAD_REMOTE_URL.
    """
    good = bool(url) and url.isprintable() and url == url.strip() and not url.startswith("-")
    if match := _URL.fullmatch(url):
        host = match["rest"].partition("/")[0].rpartition("@")[2]
        local = match["scheme"] == "file"
        good = good and match["scheme"] in _SCHEMES and (local or bool(host)) and not host.startswith("-")
    elif not _is_path(url):
        short = _SSH_SHORT.fullmatch(url)
        good = good and short is not None and not _HELPER.match(url) and not short["host"].startswith("-")
    if not good:
        raise EnvironmentFault(
            "BAD_REMOTE_URL",
            f"the remote URL {sanitised(url.encode('utf-8', 'replace'))[:120]!r} is refused",
            why="Only https, ssh, git and file URLs and paths are used; others can start programs.",
            fix="git remote set-url origin https://HOST/OWNER/REPOSITORY.git",
        )
    return url


def _is_path(url: str) -> bool:
    """Git's own rule: no colon before the first slash."""
    colon, slash = url.find(":"), url.find("/")
    return colon < 0 or 0 <= slash < colon


def location(repo: Repository, remote: Remote) -> str:
    """The URL to give to git: checked again, a relative path made absolute against the work tree."""
    url = require_safe_url(remote.url)
    if _URL.fullmatch(url) or not _is_path(url):
        return url
    return str(repo.work_tree / url)


def place_of(url: str, work_tree: Path) -> str:
    """What a URL means however it is spelled: host and path, or an absolute path; for comparing, not for fetching."""
    match, short = _URL.fullmatch(url), _SSH_SHORT.fullmatch(url)
    if match is None and _is_path(url):
        text = str((work_tree / url).resolve())
    elif match is not None and match["scheme"].lower() == "file":
        text = str(Path("/" + match["rest"].partition("/")[2]).resolve())
    elif match is not None:
        host, _, path = match["rest"].rpartition("@")[2].partition("/")
        text = f"{host.partition(':')[0]}/{path.lstrip('/')}".casefold()
    else:
        text = f"{short['host']}/{short['path'].lstrip('/')}".casefold() if short else url
    return text.rstrip("/").removesuffix(".git").rstrip("/")


def talk(repo: Repository, clean: CleanDirectory, command: str, *argv: str, stdin: bytes = b"") -> Completed:
    """Run a networked git command inside `clean` and return the result whatever its status."""
    headers = [(k, v) for k, v in local_settings(repo) if _EXTRA_HEADER.fullmatch(k) and v.isprintable()]
    extra = {"GIT_CONFIG_COUNT": str(len(headers))}
    for number, (key, value) in enumerate(headers):
        extra |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return clean.execute(command, *argv, stdin=stdin, network=True, extra=extra)


def remote_failure(remote: Remote, completed: Completed) -> EnvironmentFault:
    """The error for a command that did not get through: NO_CREDENTIALS, REMOTE_REFUSED or REMOTE_UNREACHABLE."""
    said = sanitised(completed.stderr, lines=2)
    if _NOBODY_LET_IN.search(said):
        return EnvironmentFault(
            "NO_CREDENTIALS",
            f"the remote {remote.name} lets nobody in without good credentials: {said}",
            why="calibgit asks nobody for a password: git's credential settings, the agent or the job have to know it.",
            fix=f"git ls-remote {remote.name}",
        )
    if _REFUSED_BY_REMOTE.search(said):
        return refused(remote, said)
    return EnvironmentFault(
        "REMOTE_UNREACHABLE",
        f"the remote {remote.name} cannot be reached: {said}",
        why="The registry's state is what the remote holds.",
        fix=f"git ls-remote {remote.name}",
    )


def refused(remote: Remote, said: str) -> EnvironmentFault:
    """The error for a remote that answered no."""
    return EnvironmentFault(
        "REMOTE_REFUSED",
        f"the remote {remote.name} refused: {said}",
        why="A permission, a hook or a rule of the code host forbids it.",
        fix="have an owner of the repository allow what the message names, then repeat the command: "
        "nothing was written",
    )


def is_local(remote: Remote) -> bool:
    """Whether the remote is a path of this file system, as a URL or plainly."""
    return remote.url.startswith("file://") or (_URL.fullmatch(remote.url) is None and _is_path(remote.url))
