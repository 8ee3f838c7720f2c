"""Mutated files for every reader, each read by a process that may crash, hang or swell.

python -m tests.reliability.fuzzing --cases 1000 [--target NAME]
"""

import argparse
import faulthandler
import multiprocessing
import resource
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import numpy as np

from benchmark.errors import GenBenchError
from tests.reliability.fuzz_targets import Target, list_targets

SECONDS = 10
MEMORY_BYTES = 2**30
GROWTH_BYTES = 2**27
_WARM_UP = 50
_NUMBERS = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\x01"]


@dataclass(frozen=True)
class Finding:
    """A file that did what no file may do."""

    target: str
    problem: str
    data: bytes


def mutate(data: bytes, others: Sequence[bytes], rng: np.random.Generator) -> bytes:
    """Return data with one to eight random changes."""
    changed = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        _change(changed, others, rng)
    return bytes(changed)


def _change(data: bytearray, others: Sequence[bytes], rng: np.random.Generator) -> None:
    start = int(rng.integers(len(data) + 1))
    end = min(len(data), start + int(2 ** rng.uniform(0, 9)))
    match int(rng.integers(8)):
        case 0:
            data[start : start + 1] = bytes(
                b ^ 1 << int(rng.integers(8)) for b in data[start:end][:1]
            )
        case 1:
            data[start : start + 1] = rng.bytes(1)
        case 2:
            data[start : start + 4] = _NUMBERS[rng.integers(len(_NUMBERS))]
        case 3:
            del data[start:end]
        case 4:
            data[start:start] = data[start:end]
        case 5:
            data[start:start] = rng.bytes(end - start)
        case 6:
            other = others[rng.integers(len(others))]
            place = int(rng.integers(len(other) + 1))
            data[start:end] = other[place : place + end - start]
        case 7 if rng.random() < 0.2:
            del data[start:]


def make_case(target: Target, number: int) -> bytes:
    """Return the mutated file of a target with this number; the same number gives the same file."""
    rng = np.random.default_rng([number, *target.name.encode()])
    data = mutate(target.seeds[rng.integers(len(target.seeds))], target.seeds, rng)
    return target.repair(data) if target.repair and rng.random() < 0.8 else data


def find_problem(target: Target, path: Path) -> str:
    """Read a file; return what went wrong, "" for a result or a proper error."""
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        target.read(path)
    except GenBenchError as error:
        return "" if "\n" not in str(error) else f"an error of several lines: {error}"
    except _TookTooLong:
        return f"hangs for more than {SECONDS} s"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return ""


class _TookTooLong(BaseException):
    """The time for one file is over."""


def _give_up(_number: int, _frame: FrameType | None) -> None:
    raise _TookTooLong


def fuzz(name: str, numbers: Sequence[int]) -> Iterator[Finding]:
    """Read the cases of a target in child processes; yield what must not happen."""
    context = multiprocessing.get_context("fork")
    target = {each.name: each for each in list_targets()}[name]
    left = list(numbers)
    while left:
        done = context.Value("i", 0)
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_read_all, args=(target, left, done, theirs))
        child.start()
        theirs.close()
        yield from _receive(ours)
        child.join()
        if child.exitcode:
            number = left[done.value]
            problem = f"the process ended with {child.exitcode}"
            yield Finding(target.name, problem, make_case(target, number))
            left = left[done.value + 1 :]
        else:
            return


def _receive(pipe: "multiprocessing.connection.Connection") -> Iterator[Finding]:
    while True:
        try:
            yield pipe.recv()
        except EOFError:
            return


def _read_all(target: Target, numbers: Sequence[int], done: object, pipe: object) -> None:
    faulthandler.disable()
    signal.signal(signal.SIGALRM, _give_up)
    used = _get_size()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2 * MEMORY_BYTES, resource.RLIM_INFINITY))
    before = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / target.file
        for position, number in enumerate(numbers):
            done.value = position  # type: ignore[attr-defined]
            data = make_case(target, number)
            path.write_bytes(data)
            problem = find_problem(target, path)
            if problem:
                pipe.send(Finding(target.name, problem, data))  # type: ignore[attr-defined]
            if position == _WARM_UP:
                before = _get_resident()
        if before and _get_resident() - before > GROWTH_BYTES:
            grown = (_get_resident() - before) >> 20
            pipe.send(Finding(target.name, f"memory grew by {grown} MiB", b""))  # type: ignore[attr-defined]


def _get_size() -> int:
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _get_resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def main() -> int:
    """Fuzz some or all targets; print every kind of finding once, and keep its file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--target")
    parser.add_argument("--keep", type=Path, help="folder for the files that were found")
    chosen = parser.parse_args()
    kinds: dict[tuple[str, str], Finding] = {}
    names = [target.name for target in list_targets()]
    for name in [chosen.target] if chosen.target else names:
        for finding in fuzz(name, range(chosen.cases)):
            kinds.setdefault((finding.target, finding.problem[:60]), finding)
        print(f"{name}: {chosen.cases} files", flush=True)
    for number, finding in enumerate(kinds.values()):
        print(f"{finding.target}: {finding.problem[:200]}")
        if chosen.keep:
            chosen.keep.mkdir(parents=True, exist_ok=True)
            (chosen.keep / f"{finding.target.replace(' ', '-')}-{number}").write_bytes(finding.data)
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
