"""Every code that the tool can print is explained, and every explanation can be acted on."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

import click
import pytest

import calibgit as package
from calibgit.cli.explain import EXITS
from calibgit.cli.main import COMMANDS, cli
from calibgit.model.explained import STEPS, Explanation, explanations
from tests.cli.conftest import Command
from tests.support.codes import CODE, Found, scan

ROOT = Path(package.__file__).parent
ALL = list(explanations().values())
CODES = [one.code for one in ALL]
# Problems that are printed beside a result and leave its exit status alone.
WARNINGS = {
    *("CLOCK_AHEAD", "CLOCK_SET_BACK", "FOREIGN_NAME", "FOREIGN_SLOT", "MISSING_ON_REMOTE"),
    *("SUSPECT", "TRIGGER_FIRED", "UNRATIFIED", "VOIDED"),
}
# Problems of a policy that nobody has signed yet: the seal is refused, the doctor fails.
GATES = {"NO_HOLDER", "NO_SPARE"}
# Texts in capitals that are given to a function and are no codes.
OTHER_WORDS = {
    *("CODEOWNERS", "PATH_NOT_FOUND", "SCHEMA_NOT_FOUND", "TABLE_OR_VIEW_NOT_FOUND", "UNABLE_TO_INFER_SCHEMA"),
}  # a file, and what Spark says of a missing table
COMMAND = re.compile(r"`([^`]+)`")
MACHINE_PATH = re.compile(r"(?<![\w.:~/-])/(?:home|root|tmp|usr|var|etc|opt|work|Users|private)\b|[A-Z]:\\")


def sources() -> dict[str, str]:
    """Every module of the package, by its full name."""
    return {
        ".".join(("calibgit", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path.read_text(
            encoding="utf-8"
        )
        for path in sorted(ROOT.rglob("*.py"))
    }


@pytest.fixture(scope="module")
def found() -> Found:
    return scan(sources())


def texts(one: Explanation) -> Iterator[str]:
    """Every text of an explanation."""
    yield from (one.title, one.meaning, *one.causes, *one.do, *one.never)


def commands(one: Explanation) -> Iterator[list[str]]:
    """Every command in backticks, as words."""
    for text in texts(one):
        for command in COMMAND.findall(text):
            for part in command.split(" && "):
                words = shlex.split(part)
                yield words[: words.index(">")] if ">" in words else words


def test_the_scan_can_read_every_place_that_names_a_code(found: Found) -> None:
    assert found.unreadable == []


def test_every_code_has_an_explanation_and_every_explanation_a_code(found: Found) -> None:
    assert sorted(found.exits.keys() - explanations().keys()) == [], "add them to calibgit/explain/*.toml"
    assert sorted(explanations().keys() - found.exits.keys()) == [], "nothing prints these any more"


def test_a_code_that_is_given_to_anything_else_does_not_slip_through(found: Found) -> None:
    assert found.loose - found.exits.keys() == OTHER_WORDS


def test_a_code_that_is_compared_with_is_one_that_exists(found: Found) -> None:
    assert found.compared - found.exits.keys() == set()


def test_the_exit_status_is_the_one_of_the_places_that_raise_it(found: Found) -> None:
    told = {one.code: {one.exit, *one.also} for one in ALL}
    real = {code: {0} if code in WARNINGS else {1} if code in GATES else exits for code, exits in found.exits.items()}
    assert {code: told[code] for code in told if told[code] != real[code]} == {}


def test_every_file_of_explanations_is_shipped() -> None:
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))
    shipped = project["tool"]["setuptools"]["package-data"]["calibgit"]
    beside = {path.relative_to(ROOT).as_posix() for path in (ROOT / "explain").iterdir()}
    assert {path for path in beside if not any(fnmatch(path, pattern) for pattern in shipped)} == set()


def test_no_code_is_explained_twice() -> None:
    names = [
        line[1:-1]
        for entry in (files("calibgit") / "explain").iterdir()
        for line in entry.read_text(encoding="utf-8").splitlines()
        if line.startswith("[") and line.endswith("]")
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []
    assert sorted(names) == sorted(CODES)


def test_no_two_explanations_say_the_same() -> None:
    for said in ([one.title for one in ALL], [one.meaning for one in ALL]):
        assert [text for text, count in Counter(said).items() if count > 1] == []
    assert [one.code for one in ALL if one.causes in {other.causes for other in ALL if other is not one}] == []


@pytest.mark.parametrize("one", ALL, ids=CODES)
def test_an_explanation_is_whole_and_short(one: Explanation) -> None:
    assert CODE.fullmatch(one.code)
    assert len(one.title) <= 72
    assert not one.title.endswith(".")
    sentences = re.split(r"(?<=[.!?])\s+", one.meaning)
    assert 2 <= len(sentences) <= 5
    assert max(len(sentence) for sentence in sentences) <= 240
    assert len(one.meaning) <= 600
    assert 1 <= len(one.causes) <= 5
    assert 1 <= len(one.do) <= 6
    assert len(one.never) <= 3
    assert max(len(text) for text in (*one.causes, *one.do, *one.never)) <= 220
    assert one.exit in EXITS
    assert set(one.steps) <= STEPS.keys()
    assert list(one.steps) == sorted(set(one.steps))


def test_an_explanation_is_plain_text_of_no_machine() -> None:
    for text in (text for one in ALL for text in texts(one)):
        assert text.isascii(), text
        assert text.count("`") % 2 == 0, text
        assert MACHINE_PATH.search(text) is None, text


def test_a_machine_path_would_be_noticed() -> None:
    assert MACHINE_PATH.search("see /home/somebody/key")
    assert MACHINE_PATH.search("`ls /tmp`")
    assert MACHINE_PATH.search("C:\\Users")
    assert MACHINE_PATH.search("~/.ssh/id_ed25519 and refs/tags/calib/e") is None


def test_related_codes_exist_and_are_others() -> None:
    for one in ALL:
        assert set(one.see) <= explanations().keys() - {one.code}, one.code
        assert len(set(one.see)) == len(one.see) <= 4, one.code


@pytest.mark.parametrize("one", ALL, ids=CODES)
def test_every_calibgit_command_in_an_explanation_could_be_typed(one: Explanation) -> None:
    """It is parsed by the real command tree: command, arguments, options, choices, required options."""
    for words in commands(one):
        if words[0] == "calibgit" and words[1:] != ["--version"]:
            _parse(words[1:])


def _parse(words: list[str]) -> None:
    if words[0] == "--repo":
        words = words[2:]
    name, *rest = words
    # Click keeps a command's help option, so its first context must be as in real use.
    group = click.Context(cli, info_name="calibgit", **cli.context_settings)
    command = cli.get_command(group, name)
    assert command is not None, name
    if rest == ["--help"]:
        return
    command.make_context(name, list(rest), parent=group)


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    for words in (["nonsense"], ["status", "--nonsense"], ["rollback"], ["status", "--format", "yaml"]):
        with pytest.raises((AssertionError, click.UsageError)):
            _parse(words)


def test_commands_stand_in_backticks() -> None:
    for text in (text for one in ALL for text in texts(one)):
        plain = COMMAND.sub("", text)
        assert re.search(rf"\bcalibgit (?:{'|'.join(COMMANDS)})\b", plain) is None
        assert re.search(r"\bgit (?:fetch|push|merge|log|clone|config) ?-?-", plain) is None


def test_no_explanation_tells_anybody_to_rewrite_what_others_have() -> None:
    for words in (words for one in ALL for words in commands(one)):
        if words[:2] == ["git", "push"]:
            assert not {"--force", "-f", "--force-with-lease", "--mirror"} & set(words)
            assert not any(word.startswith("+") for word in words)
            assert not ("--delete" in words and any("calib/" in word for word in words))
        assert words[:2] not in (["git", "rebase"], ["git", "filter-branch"], ["git", "gc"], ["git", "replace"])
        assert words[:3] != ["git", "tag", "-d"]
        assert "--no-verify" not in words


def test_faults_of_the_log_warn_of_what_makes_them_worse() -> None:
    steps = {one.code for one in ALL if one.theme == explanations()["CHAIN"].theme and one.never}
    assert {"GAP", "LIGHTWEIGHT", "NAME_MISMATCH", "CHAIN", "BRANCH_REWOUND", "NAME_TAKEN", "DIGEST"} <= steps


def test_a_code_is_explained_in_words(calibgit: Command) -> None:
    result = calibgit("explain", "chain")
    assert (result.status, result.err) == (0, "")
    assert result.out.startswith("CHAIN: An event does not follow the one before it\nexit status 6 (")
    assert "verification step 3: chain" in result.out
    for title in ("Usual causes:", "What to do:", "What not to do:", "See also:"):
        assert f"\n{title}" in result.out
    assert max(len(line) for line in result.out.splitlines()) <= 100


def test_a_code_can_be_pasted_as_it_was_printed(calibgit: Command) -> None:
    assert calibgit("explain", "Four_Eyes:").out == calibgit("explain", "FOUR_EYES").out


@pytest.mark.parametrize("one", ALL, ids=CODES)
def test_a_command_is_never_broken_over_lines(one: Explanation, calibgit: Command) -> None:
    text = calibgit("explain", one.code).out
    for written in (*one.do, one.meaning, *one.causes, *one.never):
        for command in COMMAND.findall(written):
            assert f"`{command}`" in text
    assert text.isascii()


def test_a_code_is_explained_as_json(calibgit: Command) -> None:
    result = calibgit("explain", "gap", "--format", "json")
    one = explanations()["GAP"]
    assert result.data == {
        "schema": "calibgit/explanation/1",
        "code": "GAP",
        "title": one.title,
        "exit": 6,
        "exits": [6],
        "step": 3,
        "steps": [3],
        "meaning": one.meaning,
        "causes": list(one.causes),
        "do": list(one.do),
        "never": list(one.never),
        "see": list(one.see),
    }


def test_a_rule_of_the_log_ends_with_6_when_an_event_breaks_it(calibgit: Command) -> None:
    assert calibgit("explain", "FOUR_EYES", "--format", "json").data["exits"] == [1, 6]
    assert "6 when an event of the log shows it" in calibgit("explain", "FOUR_EYES").out
    assert calibgit("explain", "FOREIGN_NAME", "--format", "json").data["exits"] == [0]


def test_without_a_code_all_are_listed_by_theme(calibgit: Command) -> None:
    text = calibgit("explain").out
    assert [code for code in CODES if re.search(rf"^  {code} ", text, re.MULTILINE) is None] == []
    themes = calibgit("explain", "--format", "json").data["themes"]
    assert [entry["code"] for theme in themes for entry in theme["codes"]] == CODES
    assert len({theme["theme"] for theme in themes}) == len(themes) >= 10


def test_an_unknown_code_names_near_ones(calibgit: Command) -> None:
    result = calibgit("explain", "FOUR_EYE", "--format", "json")
    assert (result.status, result.error["code"]) == (2, "UNKNOWN_CODE")
    assert "FOUR_EYES" in result.error["what"]
    assert result.error["fix"] == "calibgit explain FOUR_EYES"
    assert "SIG_INVALID" in calibgit("explain", "SIG_").err
    assert calibgit("explain", "q").status == 2


SAMPLE = """
from calibgit.errors import GateClosed, IntegrityError as Bad
from calibgit import errors

class Note:
    code: str
    text: str

class Refused(Exception):
    def __init__(self, code, what):
        self.code = code

def refuse(what, code):
    return GateClosed(code, what)

def again(code):
    return refuse("words", code=code)

def choose(flag):
    code = "ONE_WAY" if flag else "OTHER_WAY"
    raise Bad(code, "what")

def run(error, table):
    raise GateClosed("PLAIN", "what")
    raise errors.Conflict(code="NAMED", what="what")
    raise refuse("what", "HELPED")
    raise again("HELPED_TWICE")
    raise GateClosed({"a": "LOOKED_UP"}.get(error, "FALLBACK"), "what")
    raise GateClosed(error.code, "passed on")
    return [Note("NOTED", "text"), Refused("REFUSED", "what"), {"code": "DICT_CODE"}]
"""


def test_the_scan_finds_codes_in_every_way_they_are_spelled() -> None:
    found = scan({"sample": SAMPLE})
    wanted = {"PLAIN", "NAMED", "HELPED", "HELPED_TWICE", "LOOKED_UP", "FALLBACK", "NOTED", "REFUSED", "DICT_CODE"}
    assert found.exits.keys() == wanted | {"ONE_WAY", "OTHER_WAY"}
    assert found.unreadable == []
    assert (found.exits["HELPED_TWICE"], found.exits["NAMED"], found.exits["ONE_WAY"]) == ({1}, {5}, {6})


@pytest.mark.parametrize(
    "call",
    ['GateClosed(f"{x}_BAD", "what")', 'GateClosed("A_" + x, "what")', 'GateClosed(table[x], "what")'],
)
def test_a_code_that_the_scan_cannot_read_is_an_error(call: str) -> None:
    source = f"from calibgit.errors import GateClosed\ndef run(x, table):\n    raise {call}\n"
    assert len(scan({"sample": source}).unreadable) == 1


def test_a_method_that_takes_codes_is_not_overlooked() -> None:
    source = (
        "from calibgit.errors import GateClosed\n"
        "class Desk:\n"
        "    def refuse(self, code):\n"
        "        raise GateClosed(code, 'what')\n"
        "    def run(self):\n"
        "        self.refuse('HIDDEN_CODE')\n"
    )
    found = scan({"sample": source})
    assert found.loose == {"HIDDEN_CODE"}
    assert len(found.unreadable) == 1
