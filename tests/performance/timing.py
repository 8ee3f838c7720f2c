"""What the benchmarks share: timing in turns, and the data that they run on."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

BENCH_DATA = Path("build/bench")


def time_in_turns(
    *functions: Callable[[], object],
    repeats: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> list[float]:
    """Return the median time of each function in seconds, after a first round that warms up.

    The functions are called in turns, so that other load on the machine hits all of them alike.

    Args:
        functions: what to time.
        repeats: rounds that count.
        clock: `time.process_time` counts this process's own work alone.
    """
    spent: list[list[float]] = [[] for _ in functions]
    for _ in range(repeats + 1):
        for times, function in zip(spent, functions, strict=True):
            start = clock()
            function()
            times.append(clock() - start)
    return [statistics.median(times[1:]) for times in spent]


def run_genbench(*arguments: object) -> None:
    """Run the command line in a process of its own, quietly.

    Raises:
        CalledProcessError: it failed.
    """
    command = [sys.executable, "-m", "benchmark.cli.main", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def make_tree() -> Path:
    """Return a rendered synth6 tiny tree, made on the first call."""
    tree = BENCH_DATA / "synth6-tiny"
    run_genbench("synth", tree, "--size", "tiny")
    return tree


def make_shards() -> Path:
    """Return the shards of its Real test split, made on the first call."""
    shards = BENCH_DATA / "shards-tiny"
    run_genbench("prepare", make_tree(), "--out", shards, "--split", "test")
    return shards


def format_rows(rows: Sequence[tuple[str, float, str]]) -> str:
    """Return lines of name, number and unit, aligned."""
    width = max(len(name) for name, _, _ in rows)
    return "\n".join(f"{name:<{width}} {value:>10.2f} {unit}" for name, value, unit in rows)
