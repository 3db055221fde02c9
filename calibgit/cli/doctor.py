"""doctor: the registry and its policy in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from calibgit.cli.common import fetch_option, format_option, key_option, print_json, say, trust_option, workspace


@click.command()
@click.option("--remote", is_flag=True, help="Also list what the remote holds, and compare; nothing is fetched.")
@trust_option
@fetch_option
@key_option
@format_option("json")
@click.pass_obj
def doctor(repo: Path, remote: bool, trust_root: str | None, fetch: bool, key: Path | None, output: str) -> int:
    """Say what is in order and what is not, what the policy asks for, and who can do what today.

    Exit status 1 when something fails or could not be looked at.
    """
    from calibgit.jobs.doctor import doctor as run

    value = run(workspace(repo, key=key, trust_root=trust_root, fetch=fetch), remote=remote)
    status = 0 if value["ok"] else 1
    if output == "json":
        print_json(value)
        return status
    for check in value["checks"]:
        say(f"{check['status']:<8}{check['what']}")
        if check["status"] != "ok":
            for what in ("why", "fix"):
                if check[what]:
                    say(f"        {what}: {check[what]}")
    say("\nWhat the policy says")
    for rule in value["rules"]:
        say(f"  {rule}")
    say("\nWho can do what today")
    for role in value["roles"]:
        say(f"  {_power(role)}")
    return status


def _power(role: dict[str, Any]) -> str:
    people = ", ".join(role["people"]) or "nobody"
    takes = "" if role["threshold"] == 1 else f"; it takes {role['threshold']} of them"
    author = "; one of them must have had no part in the change" if role["non_author"] else ""
    gone = f"; without a good key: {', '.join(role['without_key'])}" if role["without_key"] else ""
    return f"{role['task']}: {people}{takes}{author}{gone}"
