"""Run the benchmarks and print one table. Nothing here asserts a time: machines differ, ratios tell."""

from __future__ import annotations

import sys

from bench import by_hand, collecting, gto, registry, runtime, startup

BENCHES = {
    "startup": startup.measure,
    "runtime": runtime.measure,
    "registry": registry.measure,
    "gto": gto.measure,
    "collecting": collecting.measure,
    "by_hand": by_hand.measure,
}


def main() -> None:
    wanted = sys.argv[1:] or list(BENCHES)
    for name in wanted:
        for what, figure, against in BENCHES[name]():
            print(f"{name:<11} {what:<58} {figure:>16}  {against}")


if __name__ == "__main__":
    main()
