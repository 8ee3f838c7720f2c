"""The console: quiet lines away from a terminal, a bar on it, JSON that sorts."""

import json
import sys
from pathlib import Path

import pytest

from benchmark.cli import console
from benchmark.cli.console import get_data_home, get_runs_home, print_json, show_progress


def test_away_from_a_terminal_there_is_one_closing_line(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress("preparing", 4) as advance:
        for _ in range(4):
            advance(1)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("preparing: 4 of 4 frames in ")
    assert printed.err.count("\n") == 1


def test_long_work_says_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "_SECONDS_BETWEEN_LINES", 0.0)
    with show_progress("training", 10, "steps") as advance:
        advance(3)
    assert "training: 3 of 10 steps, " in capsys.readouterr().err.splitlines()[0]


def test_nothing_to_do_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress("rendering", 4):
        pass
    assert capsys.readouterr().err == ""


def test_a_failure_prints_no_closing_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), show_progress("preparing", None):
        raise KeyError
    assert capsys.readouterr().err == ""


def test_on_a_terminal_there_is_a_bar_with_rate(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    with show_progress("rendering", 2) as advance:
        advance(1)
        advance(1)
    printed = capsys.readouterr()
    assert "frames/s" in printed.err
    assert printed.out == ""


def test_homes_follow_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GENBENCH_HOME", raising=False)
    assert get_data_home() == Path("genbench-data")
    monkeypatch.setenv("GENBENCH_HOME", str(tmp_path))
    assert get_runs_home() == tmp_path / "genbench-runs"


def test_json_is_sorted_and_takes_paths(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"b": Path("x"), "a": 1})
    assert json.loads(capsys.readouterr().out) == {"a": 1, "b": "x"}
