"""`gto show`, which reads tags and verifies none, against our fully verified status on as many tags.

GTO is installed into an environment of its own while this runs; it is no dependency. Its repository holds annotated
tags in its own grammar: half register a version (`model@v0.0.N`), half assign one to a stage (`model#prod#N`).
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.clock import cost_of
from bench.registry import status_cost
from bench.registry_world import GROWN, build
from bench.venv import install

GTO = "gto==1.10.1"
SIZE = 1_000


def measure() -> Iterator[tuple[str, str, str]]:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        root = Path(name)
        program = root / "gto" / "bin" / "gto"
        problem = install(root / "gto", GTO)
        if problem:
            yield f"gto show of {SIZE:,} tags", "not measured", problem
            return
        tagged = root / "tagged"
        tagged.mkdir()
        _build(tagged, SIZE)
        theirs = cost_of(str(program), "show", "--repo", str(tagged), rounds=3)
        (root / "ours").mkdir()
        grown = build(root / "ours", patch, SIZE, GROWN)
        grown.grow(SIZE)
        ours = status_cost(grown.clone, rounds=3)
    yield f"gto show of {SIZE:,} tags, nothing verified, CPU", f"{theirs.cpu:.2f} s", f"{theirs.wall:.2f} s wall"
    yield (
        f"status of {SIZE:,} events, {GROWN.name}, all verified, CPU",
        f"{ours.cpu:.2f} s",
        f"{theirs.cpu / ours.cpu:.1f}x less than gto show",
    )


def _build(repo: Path, tags: int) -> None:
    """A commit for each version, and its two tags."""
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], cwd=repo, check=True)
    who = "A <a@example.org> 1700000000 +0000"
    stream: list[str] = []
    for number in range(1, tags // 2 + 1):
        text = str(number)
        stream.append(f"commit refs/heads/main\nmark :{number}\ncommitter {who}\ndata {len(text)}\n{text}\n")
        stream.append(f"M 100644 inline model\ndata {len(text)}\n{text}\n\n")
        stream += [
            f"tag {tag}\nfrom :{number}\ntagger {who}\ndata {len(tag)}\n{tag}\n"
            for tag in (f"model@v0.0.{number}", f"model#prod#{number}")
        ]
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repo, input="".join(stream).encode(), check=True)
    for words in (("reset", "--quiet", "--hard"), ("pack-refs", "--all"), ("repack", "-adq")):
        subprocess.run(["git", *words], cwd=repo, check=True)
