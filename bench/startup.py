"""Start-up: what `--help` costs against importing click alone."""

from __future__ import annotations

from collections.abc import Iterator

from bench.clock import python


def measure() -> Iterator[tuple[str, str, str]]:
    bare, click = python("pass"), python("import click")
    shown = python("from calibgit.cli.main import run; run(['--help'])")
    yield (
        "calibgit --help, CPU",
        f"{shown * 1e3:.0f} ms",
        f"{shown / click:.1f}x import click, {shown / bare:.1f}x python",
    )
