"""One governed story for all tests of this package: told once, its bundles copied per test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.story import Story, tell
from tests.support.world import Template


@pytest.fixture(scope="session")
def story(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Story:
    return tell(template.copy(tmp_path_factory.mktemp("story") / "world"), tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def bundle(story: Story, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a bundle of one's own: active, inactive or baseline."""

    def copied(name: str) -> Path:
        shutil.copytree(story.bundles / name, tmp_path / name)
        return tmp_path / name

    return copied
