"""A service holds one config for a whole assessment and follows its bundle between assessments."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from calibgit.errors import CalibgitError, EnvironmentFault, IntegrityError
from calibgit.model.pin import LOCK_NAME
from calibgit.runtime import Holder
from tests.support.bundles import CONFIG, lock_of, write

NEXT = CONFIG.replace(b'"1.0.0"', b'"1.1.0"').replace(b'"min_score": 65', b'"min_score": 67')


def replaced(directory: Path, config: bytes = NEXT, **parts: Any) -> None:
    """What another writer leaves, without the writer's own care."""
    lock = lock_of(config, **{"version": "1.1.0", "seq": 5, **parts})
    (directory / lock.config_file).write_bytes(config)
    (directory / LOCK_NAME).write_bytes(lock.to_bytes())


@pytest.fixture
def pin(tmp_path: Path) -> Path:
    write(tmp_path / "pin")
    return tmp_path / "pin"


def test_refresh_says_whether_another_config_is_in_use(pin: Path) -> None:
    holder = Holder(pin)
    assert holder.refresh() is False
    replaced(pin)
    assert holder.current.version == "1.0.0"
    assert holder.refresh() is True
    assert holder.current.version == "1.1.0"
    assert holder.refresh() is False


def test_a_newer_log_with_the_same_config_is_followed_quietly(pin: Path) -> None:
    holder = Holder(pin)
    replaced(pin, CONFIG, version="1.0.0", seq=9, head_sha256="9" * 64)
    assert holder.refresh() is False
    assert holder.current.as_log_fields()["config_seq"] == 9


def test_an_assessment_keeps_its_config_whatever_is_refreshed_meanwhile(pin: Path) -> None:
    holder = Holder(pin)
    with holder.assessment() as config:
        replaced(pin)
        assert holder.refresh()
        with holder.assessment() as later:
            assert later.version == "1.1.0"
        assert config.version == "1.0.0"
        assert config.config["compatibility_thresholds"]["good"]["min_score"] == 65


def test_an_older_version_at_a_newer_head_is_a_rollback_and_no_downgrade(pin: Path) -> None:
    replaced(pin)
    holder = Holder(pin)
    replaced(pin, CONFIG, version="1.0.0", seq=6)
    assert holder.refresh()
    assert holder.current.version == "1.0.0"


REFUSED: dict[str, dict[str, Any]] = {
    "DOWNGRADE": {"seq": 2},
    "DOWNGRADE of another log with the same length": {"seq": 3, "head_sha256": "0" * 64},
    "WRONG_REGISTRY": {"registry": "9" * 64},
    "OTHER_LINE": {"line": "exam"},
    "OTHER_LINE by environment": {"env": "staging"},
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("keep", [False, True])
def test_a_bundle_that_a_running_service_may_not_follow_is_refused(
    pin: Path, name: str, keep: bool, caplog: pytest.LogCaptureFixture
) -> None:
    holder = Holder(pin, keep_last_good=keep)
    replaced(pin, **REFUSED[name])
    code = name.partition(" ")[0]
    if keep:
        with caplog.at_level(logging.ERROR, logger="calibgit.runtime"):
            assert holder.refresh() is False
        assert code in caplog.text
    else:
        with pytest.raises(IntegrityError, match=code):
            holder.refresh()
    assert holder.current.version == "1.0.0"
    assert holder.failure is not None
    assert holder.failure.code == code


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (lambda place: (place / LOCK_NAME).unlink(), EnvironmentFault),
        (lambda place: (place / LOCK_NAME).write_bytes(b"{}"), IntegrityError),
        (lambda place: next(place.glob("config-*")).write_bytes(b"{}"), IntegrityError),
    ],
)
def test_a_broken_bundle_is_raised_and_the_config_in_use_stays(
    pin: Path, damage: Any, kind: type[CalibgitError]
) -> None:
    holder = Holder(pin)
    damage(pin)
    for _ in range(2):
        with pytest.raises(kind):
            holder.refresh()
        assert holder.current.version == "1.0.0"


def test_the_last_good_config_is_kept_loudly_and_left_as_soon_as_the_bundle_is_whole_again(
    pin: Path, caplog: pytest.LogCaptureFixture
) -> None:
    holder = Holder(pin, keep_last_good=True)
    saved = (pin / LOCK_NAME).read_bytes()
    (pin / LOCK_NAME).write_bytes(b"{}")
    with caplog.at_level(logging.DEBUG, logger="calibgit.runtime"):
        assert holder.refresh() is False
        assert holder.refresh() is False
    assert [(record.levelname, "v1.0.0" in record.getMessage()) for record in caplog.records] == [("ERROR", True)] * 2
    (pin / LOCK_NAME).write_bytes(saved)
    replaced(pin)
    assert holder.refresh() is True
    assert holder.failure is None


def test_the_first_load_always_raises(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="BUNDLE_MISSING"):
        Holder(tmp_path, keep_last_good=True)
