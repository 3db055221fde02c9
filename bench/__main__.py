"""Run the benchmarks and print one table. Nothing here asserts a time: machines differ, ratios tell.

`python -m bench` runs all but the long ones; with CALIBGIT_BENCH_LARGE set, all; `python -m bench NAME ...` runs these.
"""

from __future__ import annotations

import os
import sys

from bench import by_hand, collecting, detection, frames, gto, registry, runtime, scale, seed_way, spark, startup

BENCHES = {
    "startup": startup.measure,
    "runtime": runtime.measure,
    "registry": registry.measure,
    "gto": gto.measure,
    "collecting": collecting.measure,
    "by_hand": by_hand.measure,
    "frames": frames.measure,
}
LONG = {
    "seed_way": seed_way.measure,
    "scale": scale.measure,
    "spark": spark.measure,
    "detection": detection.measure,
}


def main() -> None:
    known = BENCHES | LONG
    wanted = sys.argv[1:] or list(known if os.environ.get("CALIBGIT_BENCH_LARGE") else BENCHES)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        sys.exit(f"no benchmark is called {unknown[0]}; there are: {', '.join(known)}")
    for name in wanted:
        for what, figure, against in known[name]():
            print(f"{name:<11} {what:<58} {figure:>16}  {against}", flush=True)


if __name__ == "__main__":
    main()
