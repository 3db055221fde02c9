"""Loading a bundle: the pinned bytes or a named refusal, frozen, with the standard library alone."""

from __future__ import annotations

import copy
import json
import logging
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from calibgit import runtime
from calibgit.errors import CalibgitError, EnvironmentFault, IntegrityError
from calibgit.model import semantics
from calibgit.model.pin import LOCK_NAME
from tests.support.bundles import CONFIG, lock_of, write


def test_a_bundle_loads_as_the_config_that_was_pinned(tmp_path: Path) -> None:
    lock = write(tmp_path / "pin")
    config = runtime.load(tmp_path / "pin")
    assert (config.version, config.digest, config.lock) == ("1.0.0", lock.sha256, lock)
    assert runtime.load(str(tmp_path / "pin")) == config
    assert _thawed(config.config) == json.loads(CONFIG)
    assert list(config.config["compatibility_thresholds"]) == ["excellent", "good", "fair", "weak", "poor"]


def _thawed(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _thawed(item) for key, item in value.items()}
    return [_thawed(item) for item in value] if isinstance(value, tuple) else value


def test_a_pinned_config_evaluates_as_the_plain_config_does(tmp_path: Path) -> None:
    write(tmp_path)
    config = runtime.load(tmp_path)
    for score in (0, 24.99, 25, 44.99, 65, 84.99, 85, 100):
        for flags in (None, {}, {"high": 1}, {"critical": 1}, {"medium": 2}):
            case = runtime.Assessment({"expertise": score, "other": 3}, 0.7, flags, {"consistency": 0.5})
            assert config.evaluate(case) == semantics.evaluate(json.loads(CONFIG), case)


def test_every_decision_can_be_logged_with_the_bytes_that_decided(tmp_path: Path) -> None:
    lock = write(tmp_path)
    assert runtime.load(tmp_path).as_log_fields() == {
        "config_line": "scoring",
        "config_version": "1.0.0",
        "config_sha256": lock.sha256,
        "config_registry": "a" * 64,
        "config_seq": 3,
        "config_evidence": "proven",
        "config_four_eyes": True,
    }


def test_log_fields_collide_with_nothing_that_logging_owns(tmp_path: Path) -> None:
    write(tmp_path)
    record = logging.getLogger("x").makeRecord(
        "x", 20, "f", 1, "m", (), None, extra=runtime.load(tmp_path).as_log_fields()
    )
    assert record.__dict__["config_version"] == "1.0.0"


def test_the_expected_digest_is_accepted_and_any_other_refused(tmp_path: Path) -> None:
    lock = write(tmp_path)
    assert runtime.load(tmp_path, expect=lock.sha256).version == "1.0.0"
    for other in ("0" * 64, "", lock.sha256.upper(), lock.sha256[:16]):
        with pytest.raises(IntegrityError, match="UNEXPECTED_CONFIG"):
            runtime.load(tmp_path, expect=other)


@pytest.mark.parametrize("change", [lambda data: data + b" ", lambda data: data[:-1], lambda _: b"", lambda _: b"{}"])
def test_a_tampered_config_is_refused(tmp_path: Path, change: Any) -> None:
    lock = write(tmp_path)
    (tmp_path / lock.config_file).write_bytes(change(CONFIG))
    with pytest.raises(IntegrityError, match="BUNDLE_CHANGED"):
        runtime.load(tmp_path)


@pytest.mark.parametrize("change", [lambda _: b"", lambda data: data[:-9], lambda data: data.replace(b"/1", b"/2", 1)])
def test_a_tampered_lock_is_refused(tmp_path: Path, change: Any) -> None:
    write(tmp_path)
    path = tmp_path / LOCK_NAME
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(IntegrityError, match="LOCK_MALFORMED"):
        runtime.load(tmp_path)


def test_a_lock_of_other_bytes_is_refused(tmp_path: Path) -> None:
    lock = write(tmp_path)
    (tmp_path / LOCK_NAME).write_bytes(lock_of(CONFIG, sha256="0" * 64, config_file=lock.config_file).to_bytes())
    with pytest.raises(IntegrityError, match="BUNDLE_CHANGED"):
        runtime.load(tmp_path)


def test_a_missing_directory_lock_or_config_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    lock = write(tmp_path / "pin")
    (tmp_path / "pin" / lock.config_file).unlink()
    with pytest.raises(EnvironmentFault) as caught:
        runtime.load(tmp_path / "pin")
    assert caught.value.code == "BUNDLE_MISSING"
    assert "calibgit pin" in caught.value.fix
    for place in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(EnvironmentFault, match="BUNDLE_MISSING"):
            runtime.load(place)


def test_events_are_not_needed_at_run_time(tmp_path: Path) -> None:
    lock = write(tmp_path)
    (tmp_path / lock.events_file).unlink()
    assert runtime.load(tmp_path).version == "1.0.0"


def test_a_bundle_that_is_replaced_while_it_is_read_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path)
    other = CONFIG.replace(b"1.0.0", b"1.1.0")
    read = Path.read_bytes
    pending = [lambda: write(tmp_path, other, version="1.1.0", seq=4)]

    def read_slowly(path: Path) -> bytes:
        data = read(path)
        if path.name == LOCK_NAME and pending:
            pending.pop()()
        return data

    monkeypatch.setattr(Path, "read_bytes", read_slowly)
    assert runtime.load(tmp_path).version == "1.1.0"


def _attempts(config: Any) -> list[Any]:
    def item(target: Any, key: Any, value: Any) -> Any:
        return lambda: target.__setitem__(key, value)

    def deletion(target: Any, key: Any) -> Any:
        return lambda: target.__delitem__(key)

    found = [
        lambda: config.update(x=1),
        *(lambda name=name: getattr(config, name)() for name in ("clear", "popitem")),
        lambda: config.__ior__({"x": 1}),
    ]
    pending = [config]
    while pending:
        place = pending.pop()
        if isinstance(place, Mapping):
            found += [
                item(place, "new", 1),
                *(item(place, key, 1) for key in place),
                *(deletion(place, k) for k in place),
            ]
            pending += place.values()
        elif isinstance(place, tuple):
            found.append(item(place, 0, 1))
            pending += place
        else:
            assert isinstance(place, str | int | float | bool | None)
    return found


def test_nothing_of_a_loaded_config_can_be_changed_however_deep(tmp_path: Path) -> None:
    deep = json.loads(CONFIG)
    deep["metadata"]["list"] = [{"a": [1, {"b": []}]}]
    write(tmp_path, json.dumps(deep).encode())
    config = runtime.load(tmp_path)
    before = copy.deepcopy(_thawed(config.config))
    attempts = _attempts(config.config)
    assert len(attempts) > 50
    for attempt in attempts:
        with pytest.raises((TypeError, AttributeError)):
            attempt()
    for name in ("config", "version", "digest", "lock", "new"):
        with pytest.raises((FrozenInstanceError, AttributeError, TypeError)):
            setattr(config, name, "x")
    with pytest.raises(FrozenInstanceError):
        config.lock.version = "9.9.9"  # type: ignore[misc]
    assert _thawed(config.config) == before


WATCHED = """
import sys
seen = []
def hook(event, args):
    if event.startswith(("subprocess", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "socket", "urllib")):
        seen.append(event)
    if event == "open" and isinstance(args[0], str) and ("/.git" in args[0] or args[0].endswith("gitconfig")):
        seen.append(f"open {args[0]}")
    if event == "open" and isinstance(args[1], str) and set(args[1]) & set("wax+"):
        seen.append(f"write {args[0]}")
sys.addaudithook(hook)
from calibgit import runtime
config = runtime.load(sys.argv[1])
holder = runtime.Holder(sys.argv[1])
with holder.assessment() as held:
    verdict = held.evaluate(runtime.Assessment({"expertise": 70.0}, 0.9, {}))
holder.refresh()
held.as_log_fields()
assert verdict.band == "good", verdict
assert seen == [], seen
names = {name.partition(".")[0] for name in sys.modules}
foreign = names - set(sys.stdlib_module_names) - {"calibgit", "__main__", "__mp_main__", "sitecustomize", "usercustomize"}
foreign -= {name for name in foreign if name.startswith(("_", "apport"))}
assert foreign == set(), foreign
assert not {"subprocess", "socket", "ssl", "asyncio", "multiprocessing"} & names
print("light")
"""


def test_a_service_starts_no_process_opens_no_socket_reads_no_git_and_imports_only_the_standard_library(
    tmp_path: Path,
) -> None:
    write(tmp_path / "pin")
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-B",
            "-c",
            f"import sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n" + WATCHED,
            str(tmp_path / "pin"),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/nonexistent"},
    )
    assert (done.stdout, done.returncode) == ("light\n", 0), done.stderr


@pytest.mark.parametrize("code", ["BUNDLE_CHANGED", "BUNDLE_MISSING", "LOCK_MALFORMED"])
def test_every_refusal_is_a_calibgit_error_with_a_reason_and_a_fix(tmp_path: Path, code: str) -> None:
    lock = write(tmp_path)
    place = tmp_path / (LOCK_NAME if code == "LOCK_MALFORMED" else lock.config_file)
    place.unlink() if code == "BUNDLE_MISSING" else place.write_bytes(b"x")
    with pytest.raises(CalibgitError) as caught:
        runtime.load(tmp_path)
    assert caught.value.code == code
    assert caught.value.why
    assert caught.value.fix
