"""genbench commands as processes of their own: started, watched, and stopped at any moment."""

import atexit
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tests.reliability.content import check_whole, list_visible

REPOSITORY = Path(__file__).resolve().parents[2]
_PROGRAM = Path(__file__).with_name("small_genbench.py")
_POLL_SECONDS = 0.01
_ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(REPOSITORY)}


@dataclass(frozen=True, kw_only=True)
class Running:
    """A command that was started.

    Attributes:
        pid: its process, which leads a session of its own.
        said: the file that its stderr goes to.
        warm: which of the servers started it.
    """

    pid: int
    said: Path
    warm: bool = False

    def wait(self, seconds: float = 1200) -> int | None:
        """Return the exit code; None where it is still running after so many seconds."""
        deadline = time.monotonic() + seconds
        while (code := _ask(self.warm, poll=self.pid)) is None and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return code

    def finish(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and what was said on stderr."""
        code = self.wait()
        assert code is not None
        return code, self.said.read_text(errors="backslashreplace").removeprefix("ready\n")


def start(arguments: Sequence[str], *, largest: int | None = None, warm: bool = False) -> Running:
    """Start small genbench and return when its command begins.

    Args:
        arguments: of genbench.
        largest: bytes that a file may have.
        warm: have it import nothing more, so that it only works.
    """
    handle, name = tempfile.mkstemp(prefix="said-")
    os.close(handle)
    pid = _ask(warm, arguments=list(arguments), said=name, largest=largest)
    assert pid is not None
    running = Running(pid=pid, said=Path(name), warm=warm)
    while not running.said.read_bytes().startswith(b"ready\n"):
        time.sleep(_POLL_SECONDS)
    return running


def run(arguments: Sequence[str], *, largest: int | None = None) -> tuple[int, str]:
    """Run small genbench to its end; return its exit code and what it said on stderr."""
    return start(arguments, largest=largest).finish()


def run_in(environment: dict[str, str], arguments: Sequence[str]) -> tuple[int, str]:
    """Run small genbench to its end, started afresh with more environment variables."""
    done = subprocess.run(
        [sys.executable, str(_PROGRAM), *arguments],
        capture_output=True,
        env=_ENVIRONMENT | environment,
        check=False,
    )
    said = done.stderr.decode(errors="backslashreplace")
    return done.returncode, said.removeprefix("ready\n")


def _ask(warm: bool, **request: object) -> int | None:
    server = _get_server(warm)
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.write(f"{json.dumps(request)}\n")
    server.stdin.flush()
    line = server.stdout.readline()
    assert line, f"the server that starts commands has ended with {server.wait()}"
    answer: int | None = json.loads(line)
    return answer


@cache
def _get_server(warm: bool) -> "subprocess.Popen[str]":
    """Return the process that starts commands; it ends with this one, whose pipe it reads."""
    server = subprocess.Popen(
        [sys.executable, str(_PROGRAM), "--serve", *(["--warm"] if warm else [])],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=_ENVIRONMENT,
    )
    atexit.register(server.communicate)
    return server


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


def wait_for_end(leaders: Sequence[int], seconds: float = 300) -> None:
    """Wait until no process of these sessions is left.

    Raises:
        TimeoutError: some are still alive.
    """
    deadline = time.monotonic() + seconds
    while left := [pid for leader in leaders for pid in find_session(leader)]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {left} outlived their command")
        time.sleep(0.05)


def stop(running: Running, number: int, *, group: bool) -> None:
    """Send a signal to the command alone, or to all of its processes as a terminal does."""
    (os.killpg if group else os.kill)(running.pid, number)


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
        for path in list_visible(self.folder):
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
