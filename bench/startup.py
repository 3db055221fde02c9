"""Start-up: what `--help` costs against importing click alone, and what a reader of the log imports."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from bench.clock import cost_of, python


def measure() -> Iterator[tuple[str, str, str]]:
    bare, click = python("pass"), python("import click")
    shown = python("from calibgit.cli.main import run; run(['--help'])")
    yield (
        "calibgit --help, CPU",
        f"{shown * 1e3:.0f} ms",
        f"{shown / click:.1f}x import click, {shown / bare:.1f}x python",
    )
    read = "import calibgit.cli.main, calibgit.cli.read"
    reader, bare = (cost_of(sys.executable, "-c", code).cpu for code in (read, "pass"))
    yield (
        "imports of status, CPU over bare python",
        f"{(reader - bare) * 1e3:.0f} ms",
        f"{reader / click:.1f}x import click",
    )
