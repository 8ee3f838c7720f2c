"""Every command that is killed, and what it makes when nobody disturbs it."""

import fcntl
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.reliability.commands import run, watching
from tests.reliability.content import describe

_CPU = ("--threads", "1", "--device", "cpu")


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command to disturb.

    Attributes:
        name: of the command.
        inputs: names of the commands whose output it reads.
        arguments: with `{synth}`, `{prepare}`, ... for those outputs and `{out}` for its own.
        units: finished pieces of work, below the folder that `out` lies in.
    """

    name: str
    inputs: tuple[str, ...] = ()
    arguments: tuple[str, ...]
    units: str = "nothing"

    def build(self, world: "World", out: Path) -> list[str]:
        """Return the arguments for an output below the folder `out`."""
        places = {name: world.get_output(name) for name in self.inputs} | {"out": out / self.name}
        return [self.name, *(text.format(**places) for text in self.arguments)]


COMMANDS = {
    command.name: command
    for command in (
        Command(
            name="synth",
            arguments=("{out}", "--size", "tiny", "--workers", "2"),
            units=".synth.part/.takes/[!.]*",
        ),
        Command(
            name="prepare",
            inputs=("synth",),
            arguments=("{synth}", "--out", "{out}", "--workers", "2"),
            units="prepare/[!.]*.h5",
        ),
        Command(
            name="train",
            inputs=("prepare",),
            arguments=("{prepare}", "--steps", "6", "--out", "{out}", *_CPU),
        ),
        Command(
            name="run",
            inputs=("prepare",),
            arguments=("{prepare}", "--hypotheses", "3", "--out", "{out}", *_CPU),
            units="run/parts/[!.]*.h5",
        ),
        Command(name="evaluate", inputs=("run",), arguments=("{run}", "--out", "{out}")),
        Command(name="tables", inputs=("run",), arguments=("--runs", "{run}", "--out", "{out}")),
    )
}


@dataclass(frozen=True, kw_only=True)
class World:
    """Undisturbed outputs of all commands, made when they are first asked for.

    Attributes:
        folder: where they lie; several test processes may share it.
    """

    folder: Path

    def get_output(self, name: str) -> Path:
        """Return the output folder of a command."""
        return self.folder / name / name

    def expect(self, name: str) -> tuple[dict[str, str], float]:
        """Return what a command makes (see `content.describe`), and the seconds it takes."""
        for needed in COMMANDS[name].inputs:
            self.expect(needed)
        self.folder.mkdir(parents=True, exist_ok=True)
        record = self.folder / f"{name}.json"
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not record.exists():
                record.write_text(json.dumps(self._make(COMMANDS[name])), encoding="utf-8")
        digests, seconds = json.loads(record.read_text(encoding="utf-8"))
        return digests, seconds

    def _make(self, command: Command) -> tuple[dict[str, str], float]:
        out, begin = self.folder / command.name, time.monotonic()
        with watching(out) as watcher:
            code, said = run(command.build(self, out))
        assert code == 0, said
        assert watcher.broken == [], watcher.broken
        return describe(out), time.monotonic() - begin


def list_units(command: Command, out: Path) -> dict[str, Sequence[int]]:
    """Return identity and time of every finished piece of work."""
    states = {str(path): path.stat() for path in out.glob(command.units)}
    return {path: (state.st_ino, state.st_mtime_ns) for path, state in states.items()}
