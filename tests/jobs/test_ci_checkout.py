"""What checkouts of build jobs leave out or flatten: named, with the fetch to run, and repaired on demand.

The commands are the ones that the usual checkout action runs: a shallow fetch of one commit, and, for a tag, a fetch of
the commit under the tag's name.
"""

from __future__ import annotations

import shlex
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from calibgit.errors import Conflict, EnvironmentFault, GateClosed, IntegrityError
from calibgit.jobs import govern, read
from calibgit.model.ids import Version
from tests.attacks.raw import plant, slot, write
from tests.support.governed import Governed
from tests.support.world import run_git

V110 = Version(1, 1, 0)
TAG = "refs/tags/calib/scoring/v1.1.0"


def checkout(running: Governed, ref: str, *, depth: int | None = 1, tags: bool = False) -> Path:
    """A job's checkout of `ref` into a directory of its own."""
    place = running.world.root / "job"
    url = running.world.remote.as_uri()
    commit = running.world.remote_git("rev-parse", ref + "^{commit}")
    run_git(running.world.root, "init", "--quiet", "job")
    run_git(place, "remote", "add", "origin", url)
    local = ref if ref.startswith("refs/tags/") else ref.replace("refs/heads/", "refs/remotes/origin/")
    limit = [f"--depth={depth}"] if depth else []
    if tags:
        wanted = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"]
        run_git(place, "fetch", "--quiet", "--no-tags", "--prune", "origin", *wanted)
    else:
        run_git(place, "fetch", "--quiet", "--no-tags", "--prune", *limit, "origin", f"+{commit}:{local}")
    run_git(place, "checkout", "--quiet", "--force", "--detach", commit)
    return place


def job(running: Governed, place: Path, *, fetch: bool = False) -> object:
    return running.workspace("dave", path=place, fetch=fetch)


def state_of(running: Governed, place: Path) -> tuple[bool, int]:
    result = running.workspace("dave", path=place).verification()
    return result.ok, result.state.seq


def test_a_shallow_checkout_is_refused_with_the_fetch_and_repaired_with_one_word(running: Governed) -> None:
    place = checkout(running, "refs/heads/main")
    with pytest.raises(EnvironmentFault, match="SHALLOW_HISTORY") as caught:
        job(running, place)
    assert "--unshallow" in caught.value.fix
    job(running, place, fetch=True)
    assert state_of(running, place) == (True, 3)
    assert run_git(place, "rev-parse", "--is-shallow-repository") == "false"
    assert run_git(place, "fsck", "--connectivity-only", "--no-dangling") == ""


def test_the_fetch_that_the_error_names_does_what_it_says(running: Governed) -> None:
    place = checkout(running, "refs/heads/main")
    run_git(
        place,
        "fetch",
        "--quiet",
        "--unshallow",
        "--force",
        "origin",
        "+refs/heads/*:refs/remotes/origin/*",
        "refs/tags/calib/*:refs/tags/calib/*",
    )
    assert state_of(running, place) == (True, 3)


def test_a_checkout_without_tags_is_not_taken_for_an_unsealed_repository(running: Governed) -> None:
    place = checkout(running, "refs/heads/main", depth=None)
    with pytest.raises(GateClosed, match="NOT_SEALED") as caught:
        read.status(running.workspace("dave", path=place))
    assert "git fetch origin" in caught.value.fix
    root = running.verification().state.registry
    with pytest.raises(IntegrityError, match="LOG_MISSING"):
        read.status(running.workspace("dave", path=place, trust_root=root))
    job(running, place, fetch=True)
    assert state_of(running, place) == (True, 3)


def test_a_checked_out_release_tag_is_flattened_and_named_as_such(running: Governed) -> None:
    place = checkout(running, TAG, depth=None)
    assert run_git(place, "cat-file", "-t", TAG) == "commit"
    result = running.workspace("dave", path=place).verification()
    assert [problem.code for problem in result.errors] == ["LOG_MISSING"]
    job(running, place, fetch=True)
    assert run_git(place, "cat-file", "-t", TAG) == "tag"
    assert state_of(running, place) == (True, 3)


def test_with_all_tags_the_checked_out_one_is_still_flattened(running: Governed) -> None:
    place = checkout(running, "refs/heads/main", depth=None, tags=True)
    plant(place, {TAG: run_git(place, "rev-parse", TAG + "^{commit}")})
    result = running.workspace("dave", path=place).verification()
    assert [(problem.code, problem.step) for problem in result.errors] == [("LIGHTWEIGHT", 1)]
    assert not result.foreign, "nobody may void an event because of a checkout"
    assert TAG in result.errors[0].fix
    run_git(place, *result.errors[0].fix.partition(";")[0].replace("'", "").split()[1:])
    assert state_of(running, place) == (True, 3)


def test_a_flattened_slot_is_repaired_too(running: Governed) -> None:
    place = checkout(running, "refs/heads/main", depth=None, tags=True)
    plant(place, {slot(2): run_git(place, "rev-parse", slot(2) + "^{commit}")})
    assert state_of(running, place) == (False, 1)
    job(running, place, fetch=True)
    assert state_of(running, place) == (True, 3)


def test_a_tag_object_is_never_overwritten(running: Governed) -> None:
    place = checkout(running, "refs/heads/main", depth=None, tags=True)
    other = write(
        running.world.remote,
        "tag",
        b"object " + running.tip().encode() + b"\ntype commit\ntag x\ntagger a <a@b> 0 +0000\n\nx\n",
    )
    known = run_git(place, "rev-parse", slot(3))
    plant(running.world.remote, {slot(3): other})
    with pytest.raises(Conflict, match="MOVED") as caught:
        job(running, place, fetch=True)
    assert caught.value.exit_status == 5
    assert known[:12] in caught.value.what
    assert other[:12] in caught.value.what
    assert run_git(place, "rev-parse", slot(3)) == known
    with pytest.raises(Conflict, match="MOVED"):
        govern.deprecate(running.workspace("bob"), V110, reason="x")


def test_a_tag_that_the_remote_lost_is_kept_and_told(running: Governed) -> None:
    place = checkout(running, "refs/heads/main", depth=None, tags=True)
    running.world.remote_git("update-ref", "-d", slot(3))
    space = running.workspace("dave", path=place, fetch=True)
    result = space.verification()
    assert (result.ok, result.state.seq) == (True, 3)
    assert [problem.code for problem in result.warnings] == ["MISSING_ON_REMOTE"]


def test_a_repair_that_is_repeated_changes_nothing(running: Governed) -> None:
    place = checkout(running, "refs/heads/main")
    for _ in range(2):
        job(running, place, fetch=True)
        assert state_of(running, place) == (True, 3)


# --- partial clones ---------------------------------------------------------------------------------------------------

FILTERS = ("blob:none", "tree:0", "blob:limit=100")


def partial(running: Governed, what: str, *more: str) -> Path:
    """A clone that left out what the filter names, as large repositories are cloned."""
    world = running.world
    world.remote_git("config", "uploadpack.allowFilter", "true")
    world.git("reset", "--quiet", "--hard", "refs/remotes/origin/main")
    for text in ("x" * 200, "short\n"):  # so that a checkout of the tip does not bring everything by itself
        world.commit({"README.md": text, "CODEOWNERS": (world.clone / "CODEOWNERS").read_text() + "# " + text}, "Edit")
    world.git("push", "--quiet", "origin", "HEAD:main")
    run_git(world.root, "clone", "--quiet", f"--filter={what}", *more, world.remote.as_uri(), "partial")
    return world.root / "partial"


@pytest.mark.parametrize("what", FILTERS)
def test_a_partial_clone_is_named_and_nothing_is_fetched_behind_the_readers_back(running: Governed, what: str) -> None:
    place = partial(running, what)
    before = run_git(place, "count-objects", "-v")
    with pytest.raises(EnvironmentFault, match="PARTIAL_CLONE") as caught:
        job(running, place)
    assert "--refetch" in caught.value.fix
    assert run_git(place, "count-objects", "-v") == before


@pytest.mark.parametrize("more", [(), ("--sparse",), ("--depth=1",), ("--no-checkout",)], ids="".join)
@pytest.mark.parametrize("what", FILTERS)
def test_a_partial_clone_is_made_whole_with_one_word(running: Governed, what: str, more: tuple[str, ...]) -> None:
    place = partial(running, what, *more)
    before = run_git(place, "config", "--list", "--local"), run_git(place, "status", "--porcelain")
    job(running, place, fetch=True)
    assert state_of(running, place) == (True, 3)
    assert (run_git(place, "config", "--list", "--local"), run_git(place, "status", "--porcelain")) == before
    run_git(place, "config", "--unset", "remote.origin.url")
    assert state_of(running, place) == (True, 3), "the remote is not needed any more"


@pytest.mark.parametrize("what", FILTERS)
def test_the_refetch_that_the_error_names_does_what_it_says(running: Governed, what: str) -> None:
    place = partial(running, what)
    with pytest.raises(EnvironmentFault, match="PARTIAL_CLONE") as caught:
        job(running, place)
    run_git(place, *shlex.split(caught.value.fix.partition(";")[0])[1:])
    assert state_of(running, place) == (True, 3)


def test_a_sparse_work_tree_over_whole_history_is_no_partial_clone(running: Governed) -> None:
    place = checkout(running, "refs/heads/main", depth=None, tags=True)
    run_git(place, "sparse-checkout", "set", "--cone", "proposals")
    assert not (place / "configs").exists()
    assert state_of(running, place) == (True, 3)


# --- what a repair cannot do ------------------------------------------------------------------------------------------


def untouched(place: Path) -> tuple[str, ...]:
    shallow = place / ".git/shallow"
    return (
        run_git(place, "for-each-ref"),
        run_git(place, "config", "--list", "--local"),
        run_git(place, "ls-files", "--stage"),
        run_git(place, "status", "--porcelain"),
        shallow.read_text() if shallow.exists() else "",
    )


@pytest.mark.parametrize("kind", ["shallow", "partial"])
def test_a_remote_that_is_gone_is_named_and_nothing_is_half_written(running: Governed, kind: str) -> None:
    place = checkout(running, "refs/heads/main") if kind == "shallow" else partial(running, "blob:none")
    before = untouched(place)
    running.world.remote.rename(running.world.root / "elsewhere.git")
    with pytest.raises(EnvironmentFault, match="REMOTE_UNREACHABLE") as caught:
        job(running, place, fetch=True)
    assert caught.value.exit_status == 3
    assert untouched(place) == before


def test_a_dirty_index_stays_as_dirty_as_it_was(running: Governed) -> None:
    place = partial(running, "blob:none")
    (place / "trust.toml").write_text("half an edit")
    (place / "new").write_text("new")
    run_git(place, "add", "new")
    run_git(place, "rm", "--quiet", "--cached", "CODEOWNERS")
    (place / ".git/index.lock").touch()
    index, status = (place / ".git/index").read_bytes(), run_git(place, "ls-files", "--stage")
    job(running, place, fetch=True)
    assert state_of(running, place) == (True, 3)
    assert ((place / ".git/index").read_bytes(), run_git(place, "ls-files", "--stage")) == (index, status)
    assert (place / "trust.toml").read_text() == "half an edit"


class Doorkeeper(BaseHTTPRequestHandler):
    """A code host that lets nobody in without a password."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="host"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's signature
        """Say nothing."""


@pytest.fixture
def guarded(tmp_path: Path, isolated: Path) -> Iterator[str]:
    """The URL of a repository behind the doorkeeper, over TLS with a certificate that the user trusts."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    key = ec.generate_private_key(ec.SECP256R1())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    pem = tmp_path / "host.pem"
    public = certificate.public_bytes(Encoding.PEM)
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + public)
    (tmp_path / "ca.pem").write_bytes(public)
    with (isolated / ".gitconfig").open("a") as file:
        file.write(f"[http]\n\tsslCAInfo = {tmp_path / 'ca.pem'}\n")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Doorkeeper)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"https://localhost:{server.server_port}/scoring.git"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_host_that_asks_for_a_password_is_named_and_nobody_is_asked(running: Governed, guarded: str) -> None:
    place = checkout(running, "refs/heads/main")
    run_git(place, "remote", "set-url", "origin", guarded)
    before = untouched(place)
    with pytest.raises(EnvironmentFault, match="NO_CREDENTIALS") as caught:
        job(running, place, fetch=True)
    assert (caught.value.exit_status, caught.value.fix) == (3, "git ls-remote origin")
    assert untouched(place) == before
