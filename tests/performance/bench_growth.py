"""Time and memory against the size of the input: `python tests/performance/bench_growth.py`.

Prepares, runs and evaluates 1, 4 and 16 times the 60 test frames of synth6 tiny, each stage in a
process of its own, and prints its processor time and peak memory; --plot FILE draws them.
"""

import argparse
import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from repeated_tree import link_scenes
from timing import BENCH_DATA, make_tree

STAGES = ("prepare", "run", "evaluate")


class Cost(NamedTuple):
    """What one process took."""

    seconds: float
    megabytes: float


def measure(*arguments: object) -> Cost:
    """Run the command line in a process of its own; return its processor time and peak memory.

    Raises:
        RuntimeError: it failed.
    """
    command = [sys.executable, "-m", "benchmark.cli.main", *map(str, arguments)]
    silent = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
    child = os.posix_spawn(sys.executable, command, os.environ, file_actions=silent)
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} failed with status {status}")
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def measure_stages(tree: Path, hypotheses: int) -> dict[str, Cost]:
    """Return what preparing, running and evaluating a tree costs."""
    shards, run = tree / "shards", tree / "run"
    out = ("--out", run, "--hypotheses", hypotheses, "--threads", 1)
    return {
        "prepare": measure("prepare", tree, "--out", shards, "--split", "test", "--workers", 1),
        "run": measure("run", shards, *out),
        "evaluate": measure("evaluate", run, "--protocol", "genpose,strict"),
    }


def draw(frames: list[int], costs: list[dict[str, Cost]], path: Path) -> None:
    """Draw time and memory of every stage against the number of frames."""
    import matplotlib.pyplot as plt

    figure, (time_axes, memory_axes) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    for stage in STAGES:
        time_axes.plot(frames, [cost[stage].seconds for cost in costs], "o-", label=stage)
        memory_axes.plot(frames, [cost[stage].megabytes for cost in costs], "o-", label=stage)
    time_axes.set(xlabel="frames", ylabel="processor time, s", xscale="log", yscale="log")
    memory_axes.set(xlabel="frames", ylabel="peak memory, MiB", xscale="log", ylim=(0, None))
    for axes in (time_axes, memory_axes):
        axes.set_xticks(frames, [str(count) for count in frames], minor=False)
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
    time_axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main(multiples: list[int], hypotheses: int, plot: Path | None) -> None:
    """Print a table of frames, seconds and megabytes."""
    base = make_tree()
    frames, costs = [], []
    print(f"{'frames':>7}" + "".join(f"{f'{stage} s':>12}{'MiB':>7}" for stage in STAGES))
    for times in multiples:
        tree = BENCH_DATA / f"times-{times}"
        frames.append(link_scenes(base, tree, times))
        costs.append(measure_stages(tree, hypotheses))
        shutil.rmtree(tree)
        cells = (f"{c.seconds:>12.1f}{c.megabytes:>7.0f}" for c in costs[-1].values())
        print(f"{frames[-1]:>7}" + "".join(cells), flush=True)
    if plot is not None:
        draw(frames, costs, plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--multiples", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--hypotheses", type=int, default=50)
    parser.add_argument("--plot", type=Path)
    chosen = parser.parse_args()
    main(chosen.multiples, chosen.hypotheses, chosen.plot)
