"""Ways to make git run a program, each leaving a canary file when it works."""

from __future__ import annotations

import stat
from pathlib import Path

from tests.support.world import run_git


class Canary:
    """A program that leaves a file; `sang` says whether anybody ran it."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._mark = directory / "sang"
        self.program = directory / "program"
        self.program.write_text(f"#!/bin/sh\ntouch '{self._mark}'\nexit 0\n", encoding="utf-8")
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    @property
    def sang(self) -> bool:
        return self._mark.exists()


def poison_config(clone: Path, canary: Canary) -> None:
    """Every setting of the repository's own config that names a program."""
    program = str(canary.program)
    hooks = clone / ".git" / "evil-hooks"
    hooks.mkdir()
    for name in ("reference-transaction", "post-index-change", "pre-push", "post-checkout", "pre-commit"):
        (hooks / name).symlink_to(canary.program)
    settings = {
        "core.fsmonitor": program,
        "core.hooksPath": str(hooks),
        "core.sshCommand": program,
        "core.askPass": program,
        "core.gitProxy": program,
        "core.pager": program,
        "core.editor": program,
        "core.alternateRefsCommand": program,
        "credential.helper": f"!{program}",
        "credential.https://example.org.helper": f"!{program}",
        "diff.external": program,
        "diff.evil.textconv": program,
        "diff.evil.command": program,
        "filter.evil.clean": program,
        "filter.evil.smudge": program,
        "filter.evil.required": "true",
        "merge.evil.driver": program,
        "gpg.program": program,
        "gpg.ssh.program": program,
        "gpg.ssh.defaultKeyCommand": program,
        "gpg.format": "ssh",
        "user.signingkey": "/nonexistent",
        "commit.gpgSign": "true",
        "tag.gpgSign": "true",
        "push.gpgSign": "if-asked",
        "log.showSignature": "true",
        "alias.cat-file": f"!{program}",
        "alias.rev-list": f"!{program}",
        "remote.origin.uploadpack": program,
        "remote.origin.receivepack": program,
        "protocol.ext.allow": "always",
        "protocol.allow": "always",
        "uploadpack.packObjectsHook": program,
        "sequence.editor": program,
        "trailer.evil.command": program,
        "trace2.eventTarget": str(canary.program),
    }
    for key, value in settings.items():
        run_git(clone, "config", key, value)
    (clone / ".git" / "info").mkdir(exist_ok=True)
    (clone / ".git" / "info" / "attributes").write_text("* diff=evil filter=evil merge=evil\n", encoding="utf-8")


def poisoned_environment(canary: Canary, elsewhere: Path) -> dict[str, str]:
    """Every GIT_ variable that names a program or moves git to another repository."""
    program = str(canary.program)
    return {
        "GIT_DIR": str(elsewhere),
        "GIT_WORK_TREE": str(elsewhere),
        "GIT_COMMON_DIR": str(elsewhere),
        "GIT_OBJECT_DIRECTORY": str(elsewhere / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(elsewhere / "objects"),
        "GIT_INDEX_FILE": str(elsewhere / "index"),
        "GIT_NAMESPACE": "evil",
        "GIT_GRAFT_FILE": str(elsewhere / "grafts"),
        "GIT_SHALLOW_FILE": str(elsewhere / "shallow"),
        "GIT_REPLACE_REF_BASE": "refs/evil/",
        "GIT_CEILING_DIRECTORIES": "/",
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": program,
        "GIT_CONFIG_KEY_1": "core.sshCommand",
        "GIT_CONFIG_VALUE_1": program,
        "GIT_CONFIG_PARAMETERS": f"'core.hooksPath={canary.program.parent}'",
        "GIT_CONFIG_GLOBAL": str(elsewhere / "config"),
        "GIT_EXEC_PATH": str(canary.program.parent),
        "GIT_SSH": program,
        "GIT_SSH_COMMAND": program,
        "GIT_ASKPASS": program,
        "SSH_ASKPASS": program,
        "GIT_PROXY_COMMAND": program,
        "GIT_EXTERNAL_DIFF": program,
        "GIT_EDITOR": program,
        "GIT_PAGER": program,
        "GIT_TRACE": "1",
        "GIT_DEFAULT_HASH": "sha256",
        "GIT_TEMPLATE_DIR": str(canary.program.parent),
        "GIT_LITERAL_PATHSPECS": "0",
        "GIT_ICASE_PATHSPECS": "1",
    }
