"""Work in processes: every task once, errors and interruptions pass, nothing stays behind."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.replacing import replacing
from preprocess.workers import map_in_processes


def square(number: int) -> int:
    return number * number


def fail_on_three(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


def kill_itself(number: int) -> int:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def write_slowly(path: Path) -> None:
    """Write a file that takes far longer than the test."""
    with replacing(path) as temporary:
        temporary.write_text("half")
        path.with_suffix(".started").touch()
        time.sleep(60)


def fail_once_started(path: Path) -> None:
    """Fail as soon as the other task has begun to write; write if this one is the other."""
    if path.name == "slow":
        write_slowly(path)
    while not path.with_name("slow.started").exists():
        time.sleep(0.01)
    raise ValueError("stop")


@pytest.mark.parametrize("workers", [1, 2])
def test_every_task_is_done_exactly_once(workers: int) -> None:
    assert sorted(map_in_processes(square, range(10), workers=workers)) == [
        n * n for n in range(10)
    ]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failure_reaches_the_caller_as_itself(workers: int) -> None:
    with pytest.raises(ValueError, match="three"):
        list(map_in_processes(fail_on_three, range(6), workers=workers))


def test_a_killed_worker_is_an_error_and_no_hang() -> None:
    for _ in range(50):  # one may die while the others are still launched
        with pytest.raises(MemoryError, match="fewer workers"):
            list(map_in_processes(kill_itself, range(4), workers=2))


def test_stopped_workers_remove_what_they_were_writing(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(ValueError, match="stop"):
        list(map_in_processes(fail_once_started, [tmp_path / "slow", tmp_path / "b"], workers=2))
    assert time.monotonic() - start < 30
    assert [path.name for path in tmp_path.iterdir()] == ["slow.started"]
    assert not multiprocessing.active_children()


_PROGRAM = """
from pathlib import Path
from preprocess.workers import map_in_processes
from tests.preprocess.test_workers import write_slowly

if __name__ == "__main__":
    tasks = [Path({folder!r}) / name for name in "ab"]
    list(map_in_processes(write_slowly, tasks, workers=2))
"""


@pytest.mark.reliability
def test_workers_of_a_killed_process_stop_and_remove_what_they_were_writing(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(_PROGRAM.format(folder=str(tmp_path)))
    parent = subprocess.Popen(
        [sys.executable, program], env=os.environ | {"PYTHONPATH": str(Path.cwd())}
    )
    _wait_until(lambda: len(list(tmp_path.glob("*.started"))) == 2)
    parent.kill()
    parent.wait()
    _wait_until(lambda: not list(tmp_path.glob(".*.part")))


def _wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 300
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_worker_whose_signal_came_just_before_a_blocking_call_stops() -> None:
    """As if it had: it comes to another thread, so that no call of the main one is interrupted."""
    program = """
import os, signal, threading, time
from preprocess.workers import _prepare_worker
launched = threading.Event()
launched.set()
_prepare_worker(launched)
def send():
    time.sleep(0.2)
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
    time.sleep(60)
threading.Thread(target=send, daemon=True).start()
os.read(os.pipe()[0], 1)
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=20)
    assert done.returncode == 143


_PLACES = {
    "an import": "import slow",
    "a callback": """
import weakref
class Thing: pass
thing = Thing()
reference = weakref.ref(thing, lambda _: slow())
del thing
""",
    "a finaliser": """
class Thing:
    def __del__(self): slow()
Thing()
""",
}


@pytest.mark.parametrize("place", list(_PLACES))
def test_a_worker_told_to_stop_where_an_exception_would_be_lost_stops_and_says_nothing(
    tmp_path: Path, place: str
) -> None:
    """Its temporary file is gone, too."""
    slow = "import os, signal, time\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(0.1)\n"
    (tmp_path / "slow.py").write_text(slow)
    program = f"""
import runpy, sys, time
from pathlib import Path
from benchmark.replacing import replacing
from threading import Event
from preprocess.workers import _prepare_worker
launched = Event()
launched.set()
_prepare_worker(launched)
sys.path.append(sys.argv[1])
slow = lambda: runpy.run_module("slow")
with replacing(Path(sys.argv[1]) / "file") as temporary:
    temporary.write_text("half")
    exec({_PLACES[place]!r})
    time.sleep(30)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, timeout=20
    )
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "")
    assert [path.name for path in tmp_path.glob("*") if path.is_file()] == ["slow.py"]
