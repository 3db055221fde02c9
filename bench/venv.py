"""An environment of its own for a program that we are compared with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_INSTALL_SECONDS = 300


def install(place: Path, *packages: str) -> str:
    """Install packages, with their versions, into a new environment; why that was not possible, or an empty text."""
    try:
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True, capture_output=True, timeout=120)
        words = [str(place / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *packages]
        subprocess.run(words, check=True, capture_output=True, timeout=_INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"{packages[0]} could not be installed: the index did not answer in time"
    except subprocess.CalledProcessError as error:
        return f"{packages[0]} could not be installed: {(error.stderr or b'').decode(errors='replace').strip()[-200:]}"
    return ""
