"""The runtime island: import, load of a bundle, attribute read."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.clock import python, wall
from calibgit.model.pin import Lock
from calibgit.runtime import Assessment, load

CONFIG = Path(__file__).parents[1] / "configs/scoring_config_v1.0.0.json"


def measure() -> Iterator[tuple[str, str, str]]:
    bare = python("pass")
    used = python("import calibgit.runtime")
    stdlib = python("import json, hashlib, pathlib, dataclasses, logging, contextlib, types")
    yield (
        "import calibgit.runtime, CPU over bare python",
        f"{(used - bare) * 1e3:.0f} ms",
        f"{used / stdlib:.2f}x its stdlib",
    )
    with tempfile.TemporaryDirectory() as name:
        bundle = Path(name)
        data = CONFIG.read_bytes()
        (bundle / "config.json").write_bytes(data)
        lock = Lock(
            registry="0" * 64, line="scoring", version="1.0.0", env="production", tag="t", tag_oid="0" * 40, slot="s",
            commit="0" * 40, path="p", sha256=hashlib.sha256(data).hexdigest(), seq=1, head_sha256="0" * 64,
            signer="alice", approvers=(), evidence="baseline", four_eyes=True, state="released", env_status="active",
            config_file="config.json",
            events_file="events", events_sha256="0" * 64,
        )  # fmt: skip
        (bundle / "calibgit.lock").write_bytes(lock.to_bytes())
        loaded = wall(lambda: load(bundle), times=20)
        parsed = wall(lambda: json.loads(data), times=200)
        yield "load a bundle", f"{loaded * 1e3:.2f} ms", f"{loaded / parsed:.0f}x json.loads of the config"
        config = load(bundle)
        read = wall(lambda: config.version, times=100_000)
        call = wall(lambda: None, times=100_000)
        yield "read an attribute, over an empty call", f"{(read - call) * 1e9:.0f} ns", "limit 50 ns"
        case = Assessment({"expertise": 71.0, "reasoning": 60.0}, 0.8, {"high": 1})
        scored = wall(lambda: config.evaluate(case), times=2000)
        yield "score and band of one assessment", f"{scored * 1e6:.0f} us", ""
