"""Commands that are stopped at any moment, and started again until they are through.

The full form of one command: `pytest tests/reliability/test_kills.py --full -s -k evaluate`.
"""

import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from tests.reliability.commands import SIGNALS, Running, Watcher, start, stop, wait_for_end
from tests.reliability.content import describe
from tests.reliability.world import COMMANDS, Command, World, list_units

pytestmark = pytest.mark.reliability

KILLS = {False: 2, True: 30}
REQUESTS = {False: 1, True: 10}
_FEW = 1


@dataclass
class Victim:
    """A command that is stopped over and over, and what has to hold whenever it is.

    Attributes:
        command, world, out: what is run, on what, and where to.
        rng: draws the moments.
        number: the signal that stops it.
        seconds: how long it takes when it is left alone.
        stopped: how often it was stopped.
        finished: how often it got through.
    """

    command: Command
    world: World
    out: Path
    rng: np.random.Generator
    number: int = signal.SIGKILL
    seconds: float = 0.0
    stopped: int = 0
    finished: int = 0
    _leaders: list[int] = field(default_factory=list)

    def stop_until(self, count: int) -> None:
        """Stop the command `count` times, then let it get through.

        Each time it goes on with what the time before has left; when it gets through earlier, it
        begins anew.
        """
        _, self.seconds = self.world.expect(self.command.name)
        if self.warm or count > _FEW:  # else the time it took under watch will do
            self.seconds = self._get_through()
            self._begin_anew()
        while self.stopped < count:
            self._try_once(self.number)
        self._get_through()
        wait_for_end(self._leaders)
        name = signal.Signals(self.number).name
        print(f"{self.command.name}: {self.stopped} x {name}, {self.finished} times through")

    @property
    def warm(self) -> bool:
        """Whether the command has imported everything before it begins.

        A kill while it imports tells nothing, as it has no file open yet. A request to stop that
        comes then must be answered all the same.
        """
        return self.number == signal.SIGKILL

    def _get_through(self) -> float:
        """Let the command get through, and return how long that took."""
        running = self._start()
        begin = time.monotonic()
        code, said = running.finish()
        seconds = time.monotonic() - begin
        assert code == 0, said
        self._check_result()
        return seconds

    def _begin_anew(self) -> None:
        shutil.rmtree(self.out)
        self.out.mkdir()

    def _try_once(self, number: int) -> None:
        before = list_units(self.command, self.out)
        process = self._start()
        if process.wait(self.rng.uniform(0, self.seconds)) is None:
            group = number == signal.SIGINT or bool(self.rng.integers(2))
            stop(process, number, group=group and number != signal.SIGTERM)
        code, said = process.finish()
        if code == 0 or code == -number != -signal.SIGKILL:  # or when Python was shutting down
            self._check_result()
            self._begin_anew()
            return
        self.stopped += 1
        self._check_stop(number, code, said)
        after = list_units(self.command, self.out)
        redone = [path for path in before if path in after and before[path] != after[path]]
        assert redone == []

    def _check_stop(self, number: int, code: int, said: str) -> None:
        watcher = Watcher(self.out)
        watcher.look()
        assert watcher.broken == []
        if number == signal.SIGKILL:
            assert code == -signal.SIGKILL, said
            return
        expected, line = SIGNALS[signal.Signals(number)]
        assert code == expected, said
        before, found, _ = said.partition(line)  # a worker that is just starting may complain later
        assert found
        assert "Traceback" not in before
        assert "Exception ignored" not in before
        wait_for_end(self._leaders[-1:])
        assert list(_find_leftovers(self.out)) == []

    def _start(self) -> Running:
        running = start(self.command.build(self.world, self.out), warm=self.warm)
        self._leaders.append(running.pid)
        return running

    def _check_result(self) -> None:
        expected, _ = self.world.expect(self.command.name)
        assert describe(self.out) == expected
        self.finished += 1


def _find_leftovers(out: Path) -> Iterator[Path]:
    """Yield temporary files, wherever they lie."""
    return (path for path in out.rglob(".*.part") if path.is_file())


@pytest.fixture(params=list(COMMANDS))
def victim(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> Victim:
    seed = list(COMMANDS).index(request.param)
    world.expect(request.param)
    return Victim(
        command=COMMANDS[request.param],
        world=world,
        out=tmp_path,
        rng=np.random.default_rng(seed),
    )


def test_killed_anywhere_and_run_again_it_makes_the_same(victim: Victim, full: bool) -> None:
    victim.stop_until(KILLS[full])
    assert list(_find_leftovers(victim.out)) == []


@pytest.mark.parametrize("number", list(SIGNALS))
def test_asked_to_stop_it_says_so_in_one_line_and_goes_on_later(
    victim: Victim, full: bool, number: signal.Signals
) -> None:
    victim.number = number
    victim.stop_until(REQUESTS[full])
