"""The fixtures of a registry that is in use."""

from tests.support.running import running, running_template

__all__ = ["running", "running_template"]
