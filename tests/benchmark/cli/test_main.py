"""The command line: one line and the right exit code for everything that can go wrong."""

import errno
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner, Result

from benchmark import cli
from benchmark.cli.main import COMMANDS, main
from benchmark.errors import ComparisonError, ConfigError, ShardFormatError

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch) -> Invoke:
    """Return a function that runs `genbench fake-command`, which calls the given function."""

    def invoke(action: Callable[[], object], *options: str) -> Result:
        @click.command("fake-command")
        def command() -> None:
            action()

        module = ModuleType("benchmark.cli.fake_command")
        vars(module)["fake_command"] = command
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(COMMANDS, "fake-command", "Do what the test says.")
        return CliRunner().invoke(main, [*options, "fake-command"])

    return invoke


def _raise(error: BaseException) -> Callable[[], None]:
    def action() -> None:
        raise error

    return action


@pytest.mark.reliability
@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("limit: expected 1, got 0"), 2, "limit: expected 1, got 0"),
        (ShardFormatError("a.h5: damaged\n(two lines)"), 2, "a.h5: damaged (two lines)"),
        (ComparisonError("tables differ"), 3, "tables differ"),
        (OSError(errno.ENOSPC, "No space left on device", "x.h5"), 1, "No space left on device"),
        (MemoryError(), 1, "out of memory"),
        (KeyError("colour"), 1, "unexpected KeyError: 'colour'"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_a_failure_is_one_line_and_its_code(
    invoke: Invoke, error: BaseException, code: int, line: str
) -> None:
    result = invoke(_raise(error))
    assert result.exit_code == code
    assert result.stdout == ""
    assert result.stderr.startswith("genbench: ")
    assert line in result.stderr
    assert result.stderr.count("\n") == 1


def test_debug_shows_the_traceback_and_keeps_the_code(invoke: Invoke) -> None:
    result = invoke(_raise(ConfigError("limit")), "--debug")
    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert result.stderr.endswith("genbench: limit\n")


@pytest.mark.reliability
def test_a_request_to_stop_unwinds(invoke: Invoke) -> None:
    unwound = []

    def action() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            signal.pause()
        finally:
            unwound.append(True)

    before = signal.getsignal(signal.SIGTERM)
    result = invoke(action)
    assert (result.exit_code, result.stderr) == (143, "genbench: terminated\n")
    assert unwound
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_command_that_works_exits_with_zero(invoke: Invoke) -> None:
    result = invoke(lambda: click.echo("table"))
    assert (result.exit_code, result.stdout, result.stderr) == (0, "table\n", "")


def test_a_misspelt_command_suggests_the_nearest() -> None:
    result = CliRunner().invoke(main, ["evalute"])
    assert result.exit_code == 2
    assert "did you mean 'evaluate'?" in result.stderr


def test_every_command_file_is_in_the_table() -> None:
    folder = Path(cli.__path__[0])
    shared = {"__init__", "main", "console", "spreading", "analysis_options", "default_shards"}
    parts_of_run = {"holdout", "track", "run_report"}
    stems = {path.stem for path in folder.glob("*.py")} - shared - parts_of_run
    files = {stem.rstrip("_").replace("_", "-") for stem in stems}
    assert files == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Usage:" in result.stdout
