"""Attacks on whoever reads: what anybody may push or have merged must not crash, starve or mislead a reader."""

from __future__ import annotations

import subprocess
from os import environ

import pytest

from calibgit.jobs import govern as jobs
from calibgit.jobs import read, upkeep
from calibgit.repo.commits import commit_files
from tests.attacks.raw import codes, plant, share, slot, stopped, warned, write
from tests.support.governed import BASE, Governed

SUMMARY = "proposals/scoring/v9.9.9/change_summary_v9.9.9.json"


def land(running: Governed, oid: str) -> None:
    """Push a commit to main, past every review."""
    running.world.git("push", "--quiet", "origin", f"{oid}:refs/heads/main")
    running.fetch()


def goes_on(running: Governed) -> None:
    """Readers believe the whole log, and a writer adds to it."""
    assert running.verification().ok
    assert read.status(running.workspace())["ok"]
    jobs.deprecate(running.workspace("bob"), BASE, reason="old")
    assert running.verification().state.seq == 4


def test_deeply_nested_text_crashes_no_reader(running: Governed) -> None:
    """Near the interpreter's own limit a text can be read and not be written again; any depth is one named error."""
    clone = running.world.clone
    tail = b"\n-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"
    names = {}
    for seq, depth in enumerate(range(850, 1000), start=4):
        head = f"object {running.tip()}\ntype commit\ntag calib/e/{seq:08d}\ntagger a <a@b> 0 +0000\n\nx\n\n".encode()
        body = head + b"[" * depth + '"\u00fc"'.encode() + b"]" * depth + tail
        names[slot(seq)] = write(clone, "tag", body)
    plant(clone, names)
    stopped(running, "MALFORMED", 4, good=3)
    share(running, *names)
    upkeep.void(running.workspace("alice"), reason="junk")
    assert running.verification().state.seq == 154


def test_a_path_that_is_no_text_stops_no_reader(running: Governed) -> None:
    """A file name beside the proposals that is not UTF-8 is merged with something harmless."""
    clone = running.world.clone
    env = {"GIT_INDEX_FILE": str(clone / ".git" / "odd-index")}
    running.world.git("read-tree", running.tip(), env=env)
    entry = f"100644 blob {running.world.git('rev-parse', 'HEAD:trust.toml')}\tproposals/".encode() + b"\xff\x00"
    words = ["git", "update-index", "--add", "-z", "--index-info"]
    subprocess.run(words, cwd=clone, env={**environ, **env}, input=entry, check=True)
    tree = running.world.git("write-tree", env=env)
    land(running, running.world.git("commit-tree", tree, "-p", running.tip(), "-m", "x"))
    goes_on(running)


@pytest.mark.parametrize(
    "data",
    [
        b" " * (9 * 1024 * 1024),
        b"[" * 100_000,
        b'{"log_head":' + b"[" * 990 + b"]" * 990 + b"}",
        b"\xff",
        b"",
        b'{"log_head": {"registry": null, "seq": 1, "sha256": ""}}',
    ],
    ids=["huge", "unclosed", "nested", "no text", "empty", "no registry"],
)
def test_a_summary_that_nobody_can_read_stops_no_reader(running: Governed, data: bytes) -> None:
    """Summaries of merged proposals are read as witnesses; one that says nothing is none."""
    space = running.workspace("alice")
    made = commit_files(
        space.repo,
        parents=[running.tip()],
        files={SUMMARY: data},
        message="x",
        author=running.world.identity("alice"),
        when=space.now(),
    )
    land(running, made)
    goes_on(running)


def test_a_symbolic_tag_is_no_event(running: Governed) -> None:
    """A slot that follows another name; and one that leads nowhere, which git itself ignores."""
    running.world.git("symbolic-ref", slot(4), slot(3))
    stopped(running, "NAME_MISMATCH", 4, good=3)
    running.world.git("symbolic-ref", slot(4), "refs/tags/nowhere")
    assert running.verification().ok
    running.world.git("symbolic-ref", "refs/tags/calib/scoring/v1.1.0", slot(3))
    assert codes(running.verification()) == ["NAME_MISMATCH"]


def test_a_tag_whose_object_is_gone_is_named(running: Governed) -> None:
    """A damaged clone, not a forged log: nothing is voided because of it."""
    (running.world.clone / ".git" / "refs" / "tags" / "calib" / "e").mkdir(parents=True, exist_ok=True)
    (running.world.clone / ".git" / slot(4)).write_text("1" * 40 + "\n")
    with pytest.raises(Exception, match="GIT_FAILED"):
        running.verification().require()
    with pytest.raises(Exception, match="GIT_FAILED"):
        upkeep.void(running.workspace("alice"), reason="x")


def test_a_damaged_object_is_named_and_not_voided(running: Governed) -> None:
    """The stored bytes of an event are others than its name says."""
    clone = running.world.clone
    oid = running.world.head(slot(3))
    other = write(
        clone, "tag", b"object " + running.tip().encode() + b"\ntype commit\ntag x\ntagger a <a@b> 0 +0\n\nx\n"
    )
    loose = clone / ".git" / "objects"
    place = loose / oid[:2] / oid[2:]
    place.parent.mkdir(exist_ok=True)
    for pack in (loose / "pack").glob("*.pack"):
        moved = running.world.root / pack.name
        pack.rename(moved)
        subprocess.run(["git", "unpack-objects", "-q"], cwd=clone, input=moved.read_bytes(), check=True)
        pack.with_suffix(".idx").unlink()
    place.unlink()
    place.write_bytes((loose / other[:2] / other[2:]).read_bytes())
    with pytest.raises(Exception, match="OBJECT_CORRUPT"):
        running.verification().require()
    with pytest.raises(Exception, match="OBJECT_CORRUPT"):
        upkeep.void(running.workspace("alice"), reason="x")


def test_warnings_are_a_few_however_much_is_planted(running: Governed) -> None:
    """Three hundred odd names and three hundred occupied slots far ahead fill no screen."""
    many = {f"refs/tags/calib/x{number}": running.tip() for number in range(300)}
    many |= {slot(5000 + number): running.tip() for number in range(300)}
    text = "".join(f"create {name} {oid}\n" for name, oid in many.items())
    subprocess.run(["git", "update-ref", "--stdin"], cwd=running.world.clone, input=text.encode(), check=True)
    result = running.verification()
    assert result.ok
    assert len(result.warnings) <= 42
    assert {"FOREIGN_NAME", "FOREIGN_SLOT"} == set(warned(result))
