"""genbench commands as processes of their own: started, watched, and stopped at any moment."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.reliability.content import check_whole, list_visible

REPOSITORY = Path(__file__).resolve().parents[2]
_PROGRAM = Path(__file__).with_name("small_genbench.py")
_POLL_SECONDS = 0.005


def start(arguments: Sequence[str], **options: object) -> subprocess.Popen[str]:
    """Start small genbench in a session of its own and return when its command begins."""
    surroundings = options.pop("env", {})
    assert isinstance(surroundings, dict)
    process = subprocess.Popen(
        [sys.executable, str(_PROGRAM), *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="backslashreplace",
        start_new_session=True,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)} | surroundings,
        **options,  # type: ignore[call-overload]
    )
    assert process.stderr is not None
    assert process.stderr.readline() == "ready\n"
    return process


def finish(process: subprocess.Popen[str], timeout: float = 300) -> tuple[int, str]:
    """Return the exit code and what the process said on stderr."""
    _, said = process.communicate(timeout=timeout)
    return process.returncode, said


def run(arguments: Sequence[str], **options: object) -> tuple[int, str]:
    """Run small genbench to its end; return its exit code and what it said on stderr."""
    return finish(start(arguments, **options))


def find_session(leader: int) -> list[int]:
    """Return the processes of a session that are alive."""
    alive = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            alive.append(int(folder.name))
    return alive


def wait_for_end(leaders: Sequence[int], seconds: float = 60) -> None:
    """Wait until no process of these sessions is left.

    Raises:
        TimeoutError: some are still alive.
    """
    deadline = time.monotonic() + seconds
    while left := [pid for leader in leaders for pid in find_session(leader)]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {left} outlived their command")
        time.sleep(0.05)


def stop(process: subprocess.Popen[str], number: int, *, group: bool) -> None:
    """Send a signal to the command alone, or to all of its processes as a terminal does."""
    (os.killpg if group else os.kill)(process.pid, number)


@dataclass
class Watcher:
    """Opens every file that becomes visible, at once and to its end.

    Attributes:
        folder: what is watched.
        checked: number of files read.
        broken: what could not be read.
    """

    folder: Path
    checked: int = 0
    broken: list[str] = field(default_factory=list)
    _seen: set[tuple[str, int, int]] = field(default_factory=set)

    def look(self) -> None:
        """Read every file that is new or another one than before."""
        try:
            paths = list_visible(self.folder)
        except FileNotFoundError:  # a folder was renamed or removed in between
            return
        for path in paths:
            try:
                state = path.stat()
                key = (str(path), state.st_ino, state.st_mtime_ns)
                if key not in self._seen:
                    check_whole(path)
                    self.checked += 1
                    self._seen.add(key)
            except FileNotFoundError:
                continue  # replaced or removed in between
            except Exception as error:
                if path.exists():
                    self.broken.append(f"{path}: {error}")


@contextmanager
def watching(folder: Path) -> Iterator[Watcher]:
    """Watch a folder, looking all the time, while the block runs."""
    watcher, done = Watcher(folder), threading.Event()

    def look() -> None:
        while not done.wait(_POLL_SECONDS):
            watcher.look()

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield watcher
    finally:
        done.set()
        thread.join()
        watcher.look()


SIGNALS = {
    signal.SIGINT: (130, "genbench: interrupted\n"),
    signal.SIGTERM: (143, "genbench: terminated\n"),
}
