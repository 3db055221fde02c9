"""Git objects written as packs and refs written as one file: what makes a long history quick to build."""

from __future__ import annotations

import hashlib
import subprocess
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.world import run_git

_KINDS = {"commit": 1, "tree": 2, "blob": 3, "tag": 4}
Entry = tuple[bytes, str, "Tree | None"]


@dataclass(frozen=True)
class Tree:
    """A directory: its object id, and name to mode, id and, for a directory, its own entries."""

    oid: str
    entries: Mapping[bytes, Entry]


@dataclass
class Pack:
    """Objects on their way into the repository as one pack."""

    repo: Path
    written: set[str] = field(default_factory=set)
    _parts: list[bytes] = field(default_factory=list)

    def add(self, kind: str, data: bytes) -> str:
        """Take an object and return its id."""
        oid = hashlib.sha1(b"%s %d\x00" % (kind.encode(), len(data)) + data, usedforsecurity=False).hexdigest()
        if oid not in self.written:
            self.written.add(oid)
            rest, head = len(data) >> 4, [_KINDS[kind] << 4 | len(data) & 15]
            while rest:
                head[-1] |= 128
                head.append(rest & 127)
                rest >>= 7
            self._parts.append(bytes(head) + zlib.compress(data, 1))
        return oid

    def flush(self) -> None:
        """Write what was taken and have git index it."""
        if not self._parts:
            return
        digest = hashlib.sha1(usedforsecurity=False)
        child = subprocess.Popen(
            ["git", "index-pack", "--stdin"], cwd=self.repo, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        assert child.stdin is not None
        for part in (b"PACK" + (2).to_bytes(4, "big") + len(self._parts).to_bytes(4, "big"), *self._parts):
            digest.update(part)
            child.stdin.write(part)
        child.stdin.write(digest.digest())
        child.stdin.close()
        if child.wait() != 0:
            raise AssertionError("git index-pack refused the pack")
        self._parts.clear()

    def tree(self, entries: Mapping[bytes, Entry]) -> Tree:
        """Take a directory."""
        ordered = sorted(entries.items(), key=lambda item: item[0] + (b"/" if item[1][2] else b""))
        data = b"".join(b"%s %s\x00%s" % (mode, name, bytes.fromhex(oid)) for name, (mode, oid, _) in ordered)
        return Tree(self.add("tree", data), entries)

    def with_files(self, tree: Tree | None, files: Mapping[bytes, Entry]) -> Tree:
        """`tree` with files added, by their paths."""
        entries = dict(tree.entries) if tree else {}
        below: dict[bytes, dict[bytes, Entry]] = {}
        for path, entry in files.items():
            name, separator, rest = path.partition(b"/")
            if separator:
                below.setdefault(name, {})[rest] = entry
            else:
                entries[name] = entry
        for name, inner in below.items():
            made = self.with_files(entries[name][2] if name in entries else None, inner)
            entries[name] = (b"40000", made.oid, made)
        return self.tree(entries)


def write_refs(repo: Path, tags: Mapping[str, tuple[str, str]], heads: Mapping[str, str]) -> None:
    """Set refs in the one file that holds packed ones; git would make a file for each first.

    Args:
        repo: work tree of a clone.
        tags: full ref name to the id of a tag object and of the commit that it names.
        heads: full ref name to the id of a commit.
    """
    run_git(repo, "pack-refs", "--all")
    place = repo / ".git" / "packed-refs"
    lines: dict[str, str] = {}
    name = ""
    for line in place.read_text("ascii").splitlines(keepends=True):
        if line.startswith("^"):
            lines[name] += line
        elif not line.startswith("#"):
            name = line.split()[1]
            lines[name] = line
    lines |= {name: f"{oid} {name}\n^{target}\n" for name, (oid, target) in tags.items()}
    lines |= {name: f"{oid} {name}\n" for name, oid in heads.items()}
    with place.open("w", encoding="ascii") as file:
        file.write("# pack-refs with: peeled fully-peeled sorted \n")
        file.writelines(lines[name] for name in sorted(lines))
