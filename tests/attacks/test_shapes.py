"""Attacks by the shape of a merge: what is reviewed, what is merged and what is read differ in mode, kind or parent.

Every shape is tried with both kinds of evidence: a signed merge, and a merge or a squash that a machine attests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from calibgit.model.canonical import pretty_json
from calibgit.model.ids import Version, config_path, summary_path
from tests.attacks.raw import Entries, blob, codes, forge, land, odd_commit, payload, released_from, stopped
from tests.support.governed import LINE, Governed

V120 = Version(1, 2, 0)
CONFIG, SUMMARY = config_path(V120), summary_path(LINE, V120)
FOLDER = SUMMARY.rpartition("/")[0]
PLAIN, PROGRAM, LINK, MODULE = "100644", "100755", "120000", "160000"
WAYS = ("signed", "merge", "squash")


@dataclass
class Shape:
    """What is laid over a sound proposal: in the reviewed head, and in the merge besides."""

    head: Entries = field(default_factory=dict)
    merge: Entries = field(default_factory=dict)
    text: str = "Propose"
    tree_of: str = "head"
    more_parents: int = 0
    by: str = "carol"


def sound(governed: Governed) -> Entries:
    """Config and summary of 1.2.0."""
    summary = governed.summary(V120, "carol@example.org", good=68)
    return {
        CONFIG: (PLAIN, blob(governed, pretty_json(governed.config(V120, good=68)))),
        SUMMARY: (PLAIN, blob(governed, pretty_json(summary))),
    }


def released(governed: Governed, way: str, shape: Shape) -> None:
    """Put the shape on main and sign a release of it, past the tool."""
    base = governed.tip()
    first = odd_commit(governed, [base], {**sound(governed), **shape.head}, by="carol", text=shape.text)
    head = first if shape.by == "carol" else odd_commit(governed, [first], {}, by=shape.by)
    others = [odd_commit(governed, [base], {}, by="carol", text=f"{n}") for n in range(shape.more_parents)]
    parents = [base] if way == "squash" else [base, head, *others]
    tree = {"head": head, "base": base}[shape.tree_of]
    made = odd_commit(governed, parents, shape.merge, by="alice", tree=tree, text="Merge", signed=way == "signed")
    land(governed, made)
    record = {"kind": "merge-signed", "head": head}
    if way != "signed":
        forge_ = {"host": "github.com", "repository": "org/app", "number": 7}
        record = {"kind": "github-pr", "head": head, "forge": forge_, "opener": "carol"}  # type: ignore[dict-item]
    fields = released_from(governed, head if shape.tree_of == "base" else made, V120, **record)
    fields["target"]["commit"] = fields["approval"]["merge"] = made
    fields["approval"]["base"] = base
    forge(governed, payload(governed, "release", **fields), by="bob" if way == "signed" else "robot")


def over(**shape: Entries | str | int) -> Callable[[Governed], Shape]:
    return lambda _: Shape(**shape)  # type: ignore[arg-type]


def same(governed: Governed, mode: str, path: str = CONFIG) -> Entries:
    """A file of the proposal with its own content under another mode."""
    entry = sound(governed)[path]
    assert entry is not None
    return {path: (mode, entry[1])}


def readme(governed: Governed) -> str:
    return governed.world.git("rev-parse", f"{governed.tip()}:README.md")


SHAPES: dict[str, tuple[Callable[[Governed], Shape], str]] = {
    "sound": (over(), ""),
    "a submodule whose commit is the config's bytes": (lambda g: Shape(head=same(g, MODULE)), "NOT_A_FILE"),
    "a link whose target is the config's bytes": (lambda g: Shape(head=same(g, LINK)), "NOT_A_FILE"),
    "a config that is a program": (lambda g: Shape(head=same(g, PROGRAM)), "NOT_A_FILE"),
    "a summary that is a link": (lambda g: Shape(head=same(g, LINK, SUMMARY)), "NOT_A_FILE"),
    "a submodule among the documents": (over(head={f"{FOLDER}/sub": (MODULE, "1" * 40)}), "NOT_A_FILE"),
    "a mode that only the merge has": (lambda g: Shape(merge=same(g, PROGRAM)), "NOT_A_FILE"),
    "a mode that only the head has": (
        lambda g: Shape(head=same(g, PROGRAM), merge=same(g, PLAIN)),
        "NOT_AS_REVIEWED",
    ),
    "another file became a program": (lambda g: Shape(head={"README.md": (PROGRAM, readme(g))}), "OUT_OF_SCOPE"),
    "another file became a folder": (
        lambda g: Shape(head={"README.md": None, "README.md/x": (PLAIN, readme(g))}),
        "OUT_OF_SCOPE",
    ),
    "another file moved in among the documents": (
        lambda g: Shape(head={"README.md": None, f"{FOLDER}/README.md": (PLAIN, readme(g))}),
        "OUT_OF_SCOPE",
    ),
    "the config in other letters besides": (
        lambda g: Shape(head={CONFIG.title(): (PLAIN, readme(g))}),
        "OUT_OF_SCOPE",
    ),
    "the folder in another normal form": (
        lambda g: Shape(head={f"{FOLDER}\u0301/x": (PLAIN, readme(g))}),
        "OUT_OF_SCOPE",
    ),
    "attributes for everybody": (
        lambda g: Shape(head={".gitattributes": (PLAIN, blob(g, b"* -diff filter=evil\n"))}),
        "OUT_OF_SCOPE",
    ),
    "attributes among the documents": (
        lambda g: Shape(head={f"{FOLDER}/.gitattributes": (PLAIN, blob(g, b"* -diff filter=evil export-subst\n"))}),
        "",
    ),
    "a mailmap that makes carol somebody else": (
        lambda g: Shape(head={".mailmap": (PLAIN, blob(g, b"Bob <bob@example.org> <carol@example.org>\n"))}),
        "OUT_OF_SCOPE",
    ),
    "edited in the merge": (lambda g: Shape(merge={CONFIG: (PLAIN, blob(g, b"{}"))}), "CONFIG_UNREADABLE"),
    "the summary edited in the merge": (
        lambda g: Shape(merge={SUMMARY: (PLAIN, blob(g, pretty_json(g.summary(V120, "bob@example.org", good=68))))}),
        "NOT_AS_REVIEWED",
    ),
    "a document dropped in the merge": (
        lambda g: Shape(head={f"{FOLDER}/x": (PLAIN, readme(g))}, merge={f"{FOLDER}/x": None}),
        "",  # for a squash: REBASED, see below
    ),
    "an octopus": (over(more_parents=1), "NOT_MERGED"),
    "an empty commit by the approver": (over(by="alice"), "FOUR_EYES"),
    "written with the approver": (over(text="x\n\nCo-Authored-By : Alice <ALICE@example.org> (pair)"), "FOUR_EYES"),
    "written with the approver, on two lines": (
        over(text="x\n\nco-authored-by: Al\n <alice@example.org>"),
        "FOUR_EYES",
    ),
}
ODD_ONES_OUT = {
    ("squash", "a document dropped in the merge"): "REBASED",
    ("squash", "an octopus"): "",  # a squash has one parent, whatever lies beside it
}


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", SHAPES)
def test_a_merge_of_any_other_shape_approves_nothing(name: str, way: str, request: pytest.FixtureRequest) -> None:
    """The record is what the tool would have written; the commits are not."""
    governed: Governed = request.getfixturevalue("running" if way == "signed" else "attested")
    shape, code = SHAPES[name]
    released(governed, way, shape(governed))
    code = ODD_ONES_OUT.get((way, name), code)
    result = governed.verification()
    assert codes(result) == ([code] if code else [])
    if code:
        stopped(governed, code, result.state.seq + 1, good=result.state.seq)


def test_a_submodule_whose_commit_is_a_file_is_not_read_as_one(running: Governed) -> None:
    """Reviewers are shown forty digits; git gives the bytes of the file that has them to whoever asks for the path."""
    released(running, "signed", SHAPES["a submodule whose commit is the config's bytes"][0](running))
    assert running.world.git("cat-file", "blob", f"{running.tip()}:{CONFIG}").startswith("{")
    stopped(running, "NOT_A_FILE", 4, good=3)


@pytest.mark.slow
def test_a_merge_that_brings_nothing_approves_nothing(running: Governed) -> None:
    """Alice merged with `-s ours`: the trees before and after are the same."""
    base = running.tip()
    pushed = land(running, odd_commit(running, [base], sound(running), by="carol"))
    head = odd_commit(running, [base], sound(running), by="carol", text="again")
    made = land(running, odd_commit(running, [pushed, head], {}, by="alice", text="Merge"))
    fields = released_from(running, made, V120, kind="merge-signed", head=head)
    forge(running, payload(running, "release", **fields))
    stopped(running, "NOT_MERGED", 4, good=3)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_branches_that_cross_each_other(way: str, request: pytest.FixtureRequest) -> None:
    """Main and the proposal were merged into each other. A merge still shows who wrote what; a squash has no fork."""
    governed: Governed = request.getfixturevalue("running" if way == "signed" else "attested")
    root = governed.tip()
    left = land(governed, odd_commit(governed, [root], {}, by="bob", text="left"))
    right = odd_commit(governed, [root], {f"{FOLDER}/a": (PLAIN, readme(governed))}, by="carol", text="right")
    base = land(
        governed, odd_commit(governed, [left, right], {f"{FOLDER}/a": (PLAIN, readme(governed))}, by="bob", text="m")
    )
    head = odd_commit(governed, [right, left], sound(governed), by="carol", text="head")
    parents = [base] if way == "squash" else [base, head]
    made = odd_commit(governed, parents, {}, by="alice", tree=head, text="Merge", signed=way == "signed")
    land(governed, made)
    kind = {"kind": "merge-signed"} if way == "signed" else {"kind": "github-pr", "opener": "carol"}
    extra = {} if way == "signed" else {"forge": {"host": "github.com", "repository": "org/app", "number": 7}}
    fields = released_from(governed, made, V120, head=head, **kind, **extra)
    forge(governed, payload(governed, "release", **fields), by="bob" if way == "signed" else "robot")
    assert codes(governed.verification()) == (["REBASED"] if way == "squash" else [])


@pytest.mark.slow
def test_a_whole_id_of_another_length_is_no_branchs_name(attested: Governed) -> None:
    """In a repository of 40 digits git takes 64 digits for a branch of that name, and branches move."""
    head = attested.world.remote_git("rev-parse", "refs/heads/calibgit/scoring/v1.1.0")
    from tests.support.attesting import squash  # noqa: PLC0415

    made = squash(attested, head)
    long = "1" * 64
    attested.world.git("update-ref", f"refs/heads/{long}", head)
    forge_ = {"host": "github.com", "repository": "org/app", "number": 7}
    fields = released_from(attested, made, Version(1, 1, 0), kind="github-pr", forge=forge_, opener="carol", head=long)
    forge(attested, payload(attested, "release", **fields), by="robot")
    stopped(attested, "MALFORMED", 2, good=1)
    del fields["approval"]["head"]
    forge(
        attested,
        payload(attested, "release", **{**fields, "approval": {**fields["approval"], "head": head}}),
        by="robot",
    )
    assert attested.verification().ok
