"""demo: the whole story in a throw-away repository, with real git and real keys."""

from __future__ import annotations

import time
from pathlib import Path

import click

from calibgit.cli.demo.scenes import play
from calibgit.cli.demo.world import DemoWorld
from calibgit.errors import EnvironmentFault


@click.command()
@click.option(
    "-o",
    "--output-dir",
    "directory",
    type=click.Path(path_type=Path),
    default=Path("demo-world"),
    show_default=True,
    help="Where the world is built; an earlier demo there is replaced.",
)
@click.option("--rows", type=click.IntRange(500, 1_000_000), default=6000, show_default=True, help="Assessments.")
def demo(directory: Path, rows: int) -> int:
    """Play the whole story: from a results table to an active, signed, pinned config, and back."""
    started = time.monotonic()
    world = DemoWorld.build(directory)
    unexpected = play(world, rows)
    if unexpected:
        raise EnvironmentFault(
            "DEMO_DERAILED",
            f"the story went another way at: {unexpected}",
            why="Every scene says what it expects, and this one turned out differently.",
            fix=f"look at {directory}, and report it with the output above",
        )
    click.echo(f"\n(played in {time.monotonic() - started:.0f} s)", err=True)
    return 0
