"""Repositories of both object formats: the same life, the same verdicts, and signature headers of the other format."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from calibgit.errors import GateClosed
from calibgit.jobs import govern as jobs
from calibgit.jobs import pinning
from calibgit.registry.format import parse_event
from calibgit.repo.objects import parse_commit
from tests.attacks.raw import codes, payload, plant, read_tag, sign, slot, target_of, unsigned, write
from tests.support.governed import LINE, Governed, govern
from tests.support.whole_life import V110, live, require_believed, require_ssh_keygen, require_stock_git
from tests.support.world import Keyring, Template, World, run_git

HEADERS = {"sha1": b"gpgsig", "sha256": b"gpgsig-sha256"}
OTHER = {"sha1": "sha256", "sha256": "sha1"}
DIGITS = {"sha1": 40, "sha256": 64}


@pytest.fixture(scope="module")
def templates(walls: None, tmp_path_factory: pytest.TempPathFactory, keyring: Keyring) -> dict[str, Template]:
    return {form: Template(tmp_path_factory.mktemp(form), keyring, form) for form in HEADERS}


@pytest.fixture(params=HEADERS)
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def place(templates: dict[str, Template], form: str, tmp_path: Path) -> World:
    """A world of the object format."""
    return templates[form].copy(tmp_path / "world")


def test_a_config_is_governed(place: World, form: str, tmp_path: Path) -> None:
    life = live(place, tmp_path / "bundle")
    require_believed(life)
    require_stock_git(life)
    require_ssh_keygen(life)
    for where in (place.clone, place.remote):
        assert run_git(where, "rev-parse", "--show-object-format") == form
    assert {len(event.oid) for event in life.verification.events} == {DIGITS[form]}
    assert len(pinning.check_bundle(life.bundle, trust_root=None).lock.tag_oid) == DIGITS[form]


@pytest.mark.slow
def test_a_fresh_clone_believes_the_same(place: World, tmp_path: Path) -> None:
    life = live(place, tmp_path / "bundle")
    second = place.second_clone()
    run_git(second, "fetch", "--quiet", "origin", "refs/tags/calib/*:refs/tags/calib/*")
    fresh = life.governed.workspace("carol", path=second).verification()
    assert fresh.ok
    assert fresh.state == life.verification.state


def rewritten(governed: Governed, merge: str, change: object) -> str:
    """Put another commit object in the place of the merge that ends main."""
    clone = governed.world.clone
    raw = subprocess.run(["git", "cat-file", "commit", merge], cwd=clone, capture_output=True, check=True).stdout
    made = write(clone, "commit", change(raw))  # type: ignore[operator]
    run_git(clone, "push", "--quiet", "--force", "origin", f"{made}:refs/heads/main")
    governed.fetch()
    return made


def stock_git_accepts(governed: Governed, commit: str) -> bool:
    file = governed.world.allowed_signers("alice", "bob", "carol")
    trusting = ("-c", f"gpg.ssh.allowedSignersFile={file}")
    words = ["git", *trusting, "verify-commit", commit]
    return subprocess.run(words, cwd=governed.world.clone, capture_output=True, check=False).returncode == 0


def merged(world: World) -> tuple[Governed, str]:
    governed = govern(world)
    return governed, governed.merge(governed.propose("1.1.0", author="carol"), by="alice")


def test_a_merge_signed_for_the_other_format_is_unsigned(place: World, form: str) -> None:
    governed, merge = merged(place)
    own, other = HEADERS[form], HEADERS[OTHER[form]]
    made = rewritten(governed, merge, lambda raw: raw.replace(b"\n" + own + b" ", b"\n" + other + b" ", 1))
    assert not stock_git_accepts(governed, made)
    with pytest.raises(GateClosed, match="UNSIGNED_MERGE"):
        jobs.release(governed.workspace("bob"), V110, reason="approved")


def test_a_signature_for_the_other_format_takes_nothing_from_the_own_one(place: World, form: str) -> None:
    """Git leaves both headers out of what is signed, wherever the other one stands and whatever it says."""
    governed, merge = merged(place)
    other = HEADERS[OTHER[form]] + b" -----BEGIN SSH SIGNATURE-----\n AAAA\n -----END SSH SIGNATURE-----\n"
    made = rewritten(
        governed, merge, lambda raw: raw.replace(b"\n" + HEADERS[form] + b" ", b"\n" + other + HEADERS[form] + b" ", 1)
    )
    assert made != merge
    assert stock_git_accepts(governed, made)
    jobs.release(governed.workspace("bob"), V110, reason="approved")
    assert governed.verification().ok


def test_two_signatures_are_none(place: World, form: str) -> None:
    governed, merge = merged(place)

    def twice(raw: bytes) -> bytes:
        start = raw.index(b"\n" + HEADERS[form] + b" ")
        end = raw.index(b"-----END SSH SIGNATURE-----") + len(b"-----END SSH SIGNATURE-----")
        return raw[:end] + raw[start:end] + raw[end:]

    made = rewritten(governed, merge, twice)
    with pytest.raises(GateClosed, match="UNSIGNED_MERGE"):
        jobs.release(governed.workspace("bob"), V110, reason="approved")
    assert parse_commit(made, read_commit(governed, made)).signature is not None


def read_commit(governed: Governed, commit: str) -> bytes:
    words = ["git", "cat-file", "commit", commit]
    return subprocess.run(words, cwd=governed.world.clone, capture_output=True, check=True).stdout


@pytest.mark.parametrize("header", HEADERS.values())
def test_an_event_with_a_signature_header_is_malformed(place: World, header: bytes) -> None:
    """Git signs tags in their text; a header besides is one more place where two readers could look."""
    governed = govern(place)
    value = payload(governed, "deprecate", line=LINE, version="1.0.0", target=target_of(governed))
    whole = sign(unsigned(value), place.signer("bob"))
    head, _, text = whole.partition(b"\n\n")
    block = text[text.index(b"-----BEGIN") :].rstrip(b"\n").replace(b"\n", b"\n ")
    for body in (
        head + b"\n" + header + b" " + block + b"\n\n" + text,
        head + b"\n" + header + b" " + block + b"\n\n" + text[: text.index(b"-----BEGIN")],
    ):
        plant(place.clone, {slot(2): write(place.clone, "tag", body)})
        assert codes(governed.verification()) == ["MALFORMED"]
    plant(place.clone, {slot(2): write(place.clone, "tag", whole)})
    assert codes(governed.verification()) == []
    assert parse_event("0" * len(governed.tip()), read_tag(place.clone, slot(2))).kind == "deprecate"
