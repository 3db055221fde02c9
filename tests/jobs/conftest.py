"""The fixtures of a registry that is in use."""

import pytest

from tests.support.running import running, running_template
from tests.support.world import Template
from tests.support.writers import Worlds

__all__ = ["running", "running_template"]


@pytest.fixture(scope="session")
def worlds(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Worlds:
    """A world for every writer."""
    return Worlds(template, tmp_path_factory.mktemp("worlds"), {})
