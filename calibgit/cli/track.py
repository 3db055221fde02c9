"""The track record of a line in words."""

from __future__ import annotations

from typing import Any

from calibgit.cli.common import print_table, say


def say_track_record(record: dict[str, Any]) -> None:
    """What was promised and what came, the rollback triggers of what is active, and why something is not scored."""
    if record["note"]:
        say(f"  track record: {record['note']}")
    versions, triggers = record["versions"], record["triggers"]
    if versions:
        judged = record["held"] + record["missed"]
        say(f"  track record: {record['held']} of {judged} predictions held, {record['not_assessable']} not assessable")
        rows = [row for entry in versions for row in _rows(entry)]
        print_table(("version", "promised", "from", "to", "came", "verdict"), rows)
    for entry in triggers:
        say(f"  rollback trigger of v{entry['version']} in {entry['env']}: {_trigger(entry)}")


def _rows(entry: dict[str, Any]) -> list[tuple[str, ...]]:
    version = f"v{entry['version']}"
    if entry["note"]:
        return [(version, "-", "-", "-", entry["note"], "not_assessable")]
    return [
        (
            version,
            promise["metric"],
            _percent(promise["lower"]),
            _percent(promise["upper"]),
            _came(promise["came"]) if promise.get("came") else promise["reason"],
            promise["verdict"],
        )
        for promise in entry["predictions"]
    ]


def _trigger(entry: dict[str, Any]) -> str:
    bound = f"{entry['metric']} {entry['direction']} {_percent(entry['bound'])}"
    if entry["came"] is None:
        return f"{bound} is not assessable: {entry['reason']}"
    return f"{bound} has {'FIRED' if entry['fired'] else 'not fired'}: {_came(entry['came'])}"


def _came(came: dict[str, Any]) -> str:
    low, high = _percent(came["low"] / came["n"]), _percent(came["high"] / came["n"])
    window = came["window"]
    share = low if low == high else f"{low} to {high}"
    return f"{share} of {came['n']}, {window['start'][:10]} to {window['end'][:10]}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
