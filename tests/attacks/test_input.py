"""Bad input, through every command that reads: a named error or a warning, never a traceback, never a wrong answer."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from calibgit.cli.main import run
from calibgit.model.event import MAX_EVENT_BYTES
from tests.attacks.raw import blob, land, odd_commit, payload, plant, sign, slot, target_of, unsigned, write
from tests.attacks.test_floods import HUNDRED_MB, pack_refs, padded
from tests.support.governed import LINE, Governed

TAGS = "refs/tags/calib/"
SIGNED = "signed by bob"


@dataclass(frozen=True)
class Input:
    """What is planted, what every reader must say of it, and how many events the log then has."""

    plant: Callable[[Governed], None]
    code: str
    events: int = 3


def text_of(running: Governed) -> bytes:
    return unsigned(payload(running, "deprecate", line=LINE, version="1.0.0", target=target_of(running)))


def tag(change: Callable[[bytes], bytes], code: str, *, events: int = 3, signed: bool = True) -> Input:
    """A tag in the next slot whose text is changed, and signed by somebody who may sign it."""

    def planted(running: Governed) -> None:
        text = change(text_of(running))
        body = sign(text, running.world.signer("bob")) if signed else text
        path = running.world.clone / ".git" / slot(4)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(write(running.world.clone, "tag", body) + "\n")

    return Input(planted, code, events)


def swap(old: bytes, new: bytes) -> Callable[[bytes], bytes]:
    return lambda text: text.replace(old, new, 1)


def dated(moment: bytes) -> Callable[[bytes], bytes]:
    return lambda text: re.sub(rb"> [0-9]+ \+0000\n", b"> " + moment + b"\n", text, count=1)


def named(name: str) -> Input:
    """A tag of another name that points to an event."""
    return Input(lambda running: pack_refs(running, [TAGS + name], running.world.head(slot(3))), "FOREIGN_NAME")


def filed(path: str) -> Input:
    """A file of an odd name among the governed ones, merged with something harmless."""

    def planted(running: Governed) -> None:
        land(running, odd_commit(running, [running.tip()], {path: ("100644", blob(running, b"{}"))}, by="carol"))

    return Input(planted, "")


INPUTS: dict[str, Input] = {
    "NUL in the text": tag(swap(b'"because"', b'"be\x00cause"'), "MALFORMED"),
    "NUL in the header": tag(swap(b"tagger bob", b"tagger b\x00b"), "MALFORMED"),
    "NUL behind the text": tag(lambda text: text + b"\x00", "MALFORMED"),
    "CRLF everywhere": tag(lambda text: text.replace(b"\n", b"\r\n"), "MALFORMED"),
    "CRLF behind the payload": tag(swap(b"}\n", b"}\r\n"), "MALFORMED"),
    "object twice": tag(swap(b"type commit\n", b"object " + b"0" * 40 + b"\ntype commit\n"), "MALFORMED"),
    "type twice": tag(swap(b"type commit\n", b"type commit\ntype commit\n"), "MALFORMED"),
    "tag twice": tag(swap(b"tagger bob", b"tag x\ntagger bob"), "MALFORMED"),
    "tagger twice": tag(swap(b"tagger bob", b"tagger x <x@y> 0 +0000\ntagger bob"), "MALFORMED"),
    "no tagger": tag(lambda text: re.sub(rb"tagger [^\n]*\n", b"", text), "MALFORMED"),
    "no object": tag(lambda text: text.partition(b"\n")[2], "MALFORMED"),
    "nothing": tag(lambda _: b"", "MALFORMED"),
    "no text at all": tag(lambda _: b"", "MALFORMED", signed=False),
    "the year 1970": tag(dated(b"0 +0000"), "", events=4),
    "before 1970": tag(dated(b"-1 +0000"), "", events=4),
    "the year 5138": tag(dated(b"99999999999 +0000"), "", events=4),
    "a year of twenty digits": tag(dated(b"9" * 20 + b" +0000"), "MALFORMED"),
    "at in the year 5138": tag(swap(b'"at":"20', b'"at":"51'), "", events=4),
    "at in the year 10000": tag(swap(b'"at":"20', b'"at":"100'), "MALFORMED"),
    "a newline in the reason": tag(swap(b'"because"', b'"be\\ncause"'), "MALFORMED"),
    "a terminal's escape in the reason": tag(swap(b'"because"', b'"\x1b[31m"'), "MALFORMED"),
    "a look-alike letter in a field": tag(swap(b'"reason"', '"re\u0430son"'.encode()), "MALFORMED"),
    "forty digits as a version": tag(swap(b'"version":"1.0.0"', b'"version":"' + b"1" * 40 + b'"'), "MALFORMED"),
    "just too large": tag(lambda text: text + b" " * MAX_EVENT_BYTES, "TOO_LARGE"),
    "leading dash": named("e/-0000004"),
    "an option": named("--upload-pack=x"),
    "single quotes": named("scoring'/v1.1.0"),
    "double quotes": named('"scoring"/v1.1.0'),
    "a command": named("$(id)/v1.1.0"),
    "a line end of Unicode": named("x\u0085y"),
    "a line separator": named("x\u2028y"),
    "text that runs backwards": named("\u202ev1.1.0"),
    "look-alike letters": named("sc\u043ering/v1.1.0"),
    "digits of another script": named("e/\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0664"),
    "another normal form": named("u\u0308/v1.1.0"),
    "forty hex digits": named("a" * 40),
    "a whole ref's name": named("refs/tags/calib/e/00000004"),
    "not UTF-8": named("x\udcffy"),
    "a newline in a config's name": filed("configs/scoring_config_v9.9.9.json\nx"),
    "a tab and quotes in a summary's name": filed('proposals/scoring/v9.9.9/change_summary_v9.9.9.json\t"'),
    "a dash before a config's name": filed("configs/-scoring_config_v9.9.9.json"),
    "a config of another script's digits": filed("configs/scoring_config_v\u0661.0.0.json"),
}
FLOODS: dict[str, Input] = {
    "a hundred megabytes": Input(
        lambda running: plant(running.world.clone, {slot(4): padded(running, HUNDRED_MB)}), "TOO_LARGE"
    ),
    "a hundred thousand names": Input(
        lambda running: pack_refs(running, [f"{TAGS}junk{n:06d}" for n in range(100_000)], running.tip()),
        "FOREIGN_NAME",
    ),
    "a hundred thousand slots": Input(
        lambda running: pack_refs(running, [slot(1000 + n) for n in range(100_000)], running.tip()), "FOREIGN_SLOT"
    ),
}


class Reader:
    """The command line in a clone."""

    def __init__(self, clone: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.clone, self.out, self.capsys = clone, out, capsys

    def __call__(self, *words: str) -> tuple[int, str]:
        self.capsys.readouterr()
        status = run(["--repo", str(self.clone), *words])
        captured = self.capsys.readouterr()
        both = captured.out + captured.err
        assert status != 70, both
        assert "Traceback" not in both
        odd = {c for c in both if unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}} - {"\n"}
        assert not odd, f"{words} printed {odd!r}"
        return status, captured.out

    def data(self, *words: str) -> tuple[int, Any]:
        status, out = self(*words, "--format", "json")
        return status, json.loads(out)


def told(problems: list[dict[str, Any]]) -> set[str]:
    return {problem["code"] for problem in problems}


def read_everywhere(running: Governed, reader: Reader, case: Input) -> None:
    """Every command says the same: the code, the events, what is active."""
    root = running.verification().state.registry
    stopped = case.code not in {"", "FOREIGN_NAME", "FOREIGN_SLOT"}
    expected, errors = (6 if stopped else 0), ({case.code} if stopped else set())
    warnings = {case.code} if case.code and not stopped else set()

    status, verified = reader.data("verify")
    assert (status, told(verified["errors"]), verified["events"]) == (expected, errors, case.events)
    assert warnings <= told(verified["warnings"])
    status, shown = reader.data("status")
    assert (status, told(shown["errors"]), shown["seq"]) == (expected, errors, case.events)
    assert shown["lines"][LINE]["active"] == {"production": "1.1.0"}
    status, logged = reader.data("log")
    assert (status, [event["seq"] for event in logged["events"]]) == (expected, list(range(1, case.events + 1)))
    status, audited = reader.data("audit")
    assert (status in {0, 1}, status) != (stopped, expected)
    assert (audited["ok"], audited["seq"]) == (not stopped, case.events)
    assert errors <= told(audited["findings"])
    status, _ = reader("pin", "1.1.0", "--trust-root", root, "-o", str(reader.out / "pin"))
    assert status == expected
    assert (reader.out / "pin").exists() is not stopped
    for words in (["verify"], ["status"], ["log"], ["audit"], ["status", "--at", "2"]):
        assert reader(*words)[0] in {expected, 0, 1}


@pytest.fixture
def reader(running: Governed, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Reader:
    return Reader(running.world.clone, tmp_path, capsys)


@pytest.mark.parametrize("name", ["NUL in the text", "text that runs backwards"])
def test_a_sample_of_bad_input_through_every_reading_command(running: Governed, reader: Reader, name: str) -> None:
    """One that stops the log, one that is ignored with a warning."""
    INPUTS[name].plant(running)
    read_everywhere(running, reader, INPUTS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", [*INPUTS, *FLOODS])
def test_bad_input_through_every_reading_command(running: Governed, reader: Reader, name: str) -> None:
    """The whole list."""
    case = INPUTS.get(name) or FLOODS[name]
    case.plant(running)
    read_everywhere(running, reader, case)
