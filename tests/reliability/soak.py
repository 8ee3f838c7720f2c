"""An hour, or any time, of prepare, run and evaluate in one process: does anything grow?

    python -m tests.reliability.soak FOLDER --minutes 60

Renders a small synth6 once, then works on it over and over, and after every round notes memory,
open files, threads and the size of the log in FOLDER/soak.csv. Ends with 1 if something grew.
"""

import argparse
import csv
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass, fields
from io import StringIO
from pathlib import Path
from statistics import median

from tests.reliability.small_genbench import shrink

LOG_BYTES = 20_000
"""Small, so that logs rotate within minutes."""
MOST_GROWTH_MB = 16.0
_WARM_UP_ROUNDS = 5
_ESTIMATORS = (("mean-pose",), ("genpose", "--hypotheses", "10", "--device", "cpu"))


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The state of the process after a round."""

    seconds: float
    round: int
    memory_mb: float
    files: int
    threads: int
    log_bytes: int
    logs: int


def soak(folder: Path, minutes: float) -> list[Sample]:
    """Work until the time is over; return a sample for each round."""
    begin, samples = time.monotonic(), list[Sample]()
    call("synth", folder / "tree", "--size", "tiny", "--workers", "1")
    while time.monotonic() - begin < 60 * minutes:
        work(folder, len(samples))
        samples.append(take_sample(folder, time.monotonic() - begin, len(samples)))
        append_sample(folder / "soak.csv", samples[-1])
    return samples


def work(folder: Path, number: int) -> None:
    """Prepare anew, run an estimator and score it; logs stay."""
    shards, run = folder / "shards", folder / "run"
    for path in [*shards.glob("*.h5"), *run.glob("[!g]*")]:
        path.unlink()
    estimator = _ESTIMATORS[number % len(_ESTIMATORS)]
    call("prepare", folder / "tree", "--out", shards, "--workers", "1")
    call("run", shards, "--estimator", *estimator, "--threads", "1", "--out", run)


def call(*arguments: object) -> None:
    """Run a command of genbench in this process, without its output."""
    from benchmark.cli.main import main

    said = StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        code = main.main([str(argument) for argument in arguments], standalone_mode=False)
    if code:
        raise RuntimeError(said.getvalue())


def take_sample(folder: Path, seconds: float, number: int) -> Sample:
    """Return the state of this process."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    logs = list(folder.glob("*/genbench.log*"))
    return Sample(
        seconds=round(seconds, 1),
        round=number,
        memory_mb=round(int(status["VmRSS"].split()[0]) / 1024, 1),
        files=len(list(Path("/proc/self/fd").iterdir())),
        threads=int(status["Threads"]),
        log_bytes=sum(path.stat().st_size for path in logs),
        logs=len(logs),
    )


def append_sample(path: Path, sample: Sample) -> None:
    """Add a row to a CSV file."""
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [item.name for item in fields(Sample)])
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(sample))


def find_growth(samples: Sequence[Sample]) -> list[str]:
    """Say what grew from the first third after the warm-up to the last, one line each."""
    warm = samples[_WARM_UP_ROUNDS:]
    third = len(warm) // 3
    if not third:
        return [f"{len(samples)} rounds are too few to tell"]
    early, late = warm[:third], warm[-third:]
    limits = {"memory_mb": MOST_GROWTH_MB, "files": 0, "threads": 0}
    found = []
    for name, allowed in limits.items():
        before, after = (median(getattr(item, name) for item in part) for part in (early, late))
        if after - before > allowed:
            found.append(f"{name} grew from {before:g} to {after:g}")
    return found


def main() -> int:
    """Soak, and print what grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    chosen = parser.parse_args()
    shutil.rmtree(chosen.folder, ignore_errors=True)
    shrink()
    from benchmark import logs

    logs.MOST_BYTES = LOG_BYTES
    samples = soak(chosen.folder, chosen.minutes)
    growth = find_growth(samples)
    last = samples[-1]
    print(f"{last.round + 1} rounds in {last.seconds / 60:.1f} minutes; at the end {asdict(last)}")
    print("\n".join(growth) or "nothing grew")
    return int(bool(growth))


if __name__ == "__main__":
    sys.exit(main())
