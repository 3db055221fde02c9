"""The one place that starts child processes: fixed words, a rebuilt environment, no shell.

Nothing that a repository or a caller's environment holds may choose a program or change an answer.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from calibgit.errors import EnvironmentFault

_KEPT = ("PATH", "HOME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "USERPROFILE")
_KEPT_FOR_NETWORK = (
    *("SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_SK_PROVIDER"),
    *("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "APPDATA", "LOCALAPPDATA"),
    *("DBUS_SESSION_BUS_ADDRESS", "GH_TOKEN", "GITHUB_TOKEN", "GH_HOST", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"),
    "GIT_CONFIG_NOSYSTEM",  # can only take settings away
)
_FIXED = {
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_PROXY_COMMAND": "",
    "LC_ALL": "C",
}
_FIXED_LOCALLY = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_ALLOW_PROTOCOL": "none",  # stops a partial clone's fetch on a git without GIT_NO_LAZY_FETCH
}
_NETWORK_PROTOCOLS = "file:git:https:ssh"

# Command-line settings win over every file, so a repository's own config cannot bring these back.
_SETTINGS = (
    "advice.graftFileDeprecated=false",
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    f"core.attributesFile={os.devnull}",
    "core.alternateRefsCommand=true",
    "core.commitGraph=false",
    "core.multiPackIndex=false",
    "core.untrackedCache=false",
    "core.splitIndex=false",
    "core.fsync=none",
    "diff.ignoreSubmodules=none",
    "fetch.output=full",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.ext.allow=never",
    "push.followTags=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    "submodule.recurse=false",
)
_CREDENTIALS = re.compile(r"(://)[^/@\s'\"]*@")
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]+")
_GRACE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Completed:
    """A finished child: exit status and the two streams as bytes."""

    status: int
    stdout: bytes
    stderr: bytes


def environment(*, network: bool = False, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The whole environment of a git child, rebuilt from a short allow-list.

    Args:
        network: keep what reaching and authenticating to a remote needs, and the user's global git config.
        extra: variables of our own that win.
    """
    kept = _KEPT + (_KEPT_FOR_NETWORK if network else ())
    result = {name: os.environ[name] for name in kept if name in os.environ}
    result |= _FIXED
    result |= {"GIT_ALLOW_PROTOCOL": _NETWORK_PROTOCOLS} if network else _FIXED_LOCALLY
    return result | dict(extra or {})


def git_words(git_dir: Path | None, *argv: str, network: bool = False, shallow: bool = False) -> list[str]:
    """The argument list of a git call with every dangerous setting fixed.

    Args:
        git_dir: the git directory, or None.
        argv: the subcommand and its arguments.
        network: the call talks to a remote.
        shallow: see where history is cut off; otherwise what lies behind the cut is missing, and no end.
    """
    # The user's own ssh command is a credential setting; for local calls nothing may be started at all.
    settings = _SETTINGS if network else (*_SETTINGS, "core.sshCommand=ssh")
    place = [] if git_dir is None else [f"--git-dir={git_dir}"]
    whole = [] if network or shallow else ["--shallow-file", ""]
    return ["git", *place, *whole, *(word for setting in settings for word in ("-c", setting)), *argv]


def start(
    words: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    detached: bool = False,
    silent: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a child with three pipes.

    Args:
        words: program and arguments.
        env: the child's whole environment.
        cwd: where it runs.
        detached: without a controlling terminal, so that it can ask nobody anything.
        silent: drop its complaints: nobody reads that pipe, and a full one would stop the child.

    Raises:
        EnvironmentFault: NO_GIT, or NO_SSH_KEYGEN for that program.
    """
    try:
        return subprocess.Popen(
            list(words),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if silent else subprocess.PIPE,
            env=dict(env),
            cwd=cwd,
            start_new_session=detached,
        )
    except FileNotFoundError as error:
        if cwd is not None and not cwd.is_dir():
            raise EnvironmentFault(
                "NOT_A_REPOSITORY",
                f"the directory {cwd} is gone",
                why="Git commands run inside the repository's directory.",
                fix="give the path of a repository with --repo",
            ) from error
        raise _missing_program(words[0]) from error


def _missing_program(program: str) -> EnvironmentFault:
    code = {"git": "NO_GIT", "ssh-keygen": "NO_SSH_KEYGEN"}.get(program, "NO_PROGRAM")
    package = {"git": "git", "ssh-keygen": "openssh-client"}.get(program, program)
    return EnvironmentFault(
        code,
        f"the program {program!r} is not on the PATH",
        why="calibgit keeps everything in git and signs with OpenSSH.",
        fix=f"install it, for example: apt-get install {package}",
    )


def stop(child: subprocess.Popen[bytes]) -> None:
    """Terminate `child` if it still runs, wait for it and close its pipes."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    for pipe in (child.stdin, child.stdout, child.stderr):
        close_quietly(pipe)


def close_quietly(pipe: IO[bytes] | None) -> None:
    """Close a pipe whose other end may be gone."""
    try:
        if pipe is not None:
            pipe.close()
    except OSError:
        pass


def execute(
    words: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    stdin: bytes = b"",
    detached: bool = False,
) -> Completed:
    """Run a child to its end. On Ctrl-C or any other exception the child is terminated first."""
    child = start(words, env=env, cwd=cwd, detached=detached)
    try:
        stdout, stderr = child.communicate(stdin)
    finally:
        stop(child)
    return Completed(child.returncode, stdout, stderr)


def lines_of(listing: bytes) -> list[str]:
    """The lines of git's output, split at newlines alone: a ref name may hold other characters that end lines."""
    return listing.decode("utf-8", "surrogateescape").split("\n")[:-1]


def sanitised(stderr: bytes, *, lines: int = 1) -> str:
    """The first telling lines of a complaint: printable ASCII, no credentials, at most 300 characters."""
    text = _CREDENTIALS.sub(r"\1", stderr.decode("utf-8", "replace"))
    cleaned = [_UNPRINTABLE.sub(" ", line).strip() for line in text.splitlines()]
    told = [line for line in cleaned if line and not line.startswith(("hint:", "warning:"))] or cleaned
    return "; ".join(told[:lines])[:300] or "no reason given"


def git_failed(words: Sequence[str], completed: Completed) -> EnvironmentFault:
    """The error for a git call that nobody expected to fail; `words` begins with the subcommand."""
    reason = sanitised(completed.stderr).removeprefix("fatal: ").removeprefix("error: ")
    return EnvironmentFault(
        "GIT_FAILED",
        f"git {words[0]} ended with status {completed.status}: {reason}",
        why="calibgit does not guess what a failed git command meant.",
        fix="check the repository with: git fsck --full",
    )


def git_version() -> tuple[int, ...]:
    """The installed git's version, for example (2, 39, 5).

    Raises:
        EnvironmentFault: NO_GIT, GIT_FAILED.
    """
    completed = execute(["git", "version"], env=environment())
    match = re.search(rb"(\d+)\.(\d+)(?:\.(\d+))?", completed.stdout)
    if completed.status != 0 or match is None:
        raise git_failed(["version"], completed)
    return tuple(int(part) for part in match.groups() if part is not None)
