"""The log of long commands: what it holds, that it stays small, that it never stops the work."""

from pathlib import Path

import pytest

from benchmark import logs
from benchmark.errors import ConfigError
from benchmark.logs import LOG_NAME, logging_into, note


def _read(folder: Path) -> str:
    return (folder / LOG_NAME).read_text(encoding="utf-8")


def test_a_log_holds_what_was_said_while_it_was_open(tmp_path: Path) -> None:
    note("before")
    with logging_into(tmp_path / "run"):
        note("preparing: 3 of 4 frames")
    note("after")
    lines = _read(tmp_path / "run").splitlines()
    assert [line.split(" ", 3)[3].partition(":")[0] for line in lines] == [
        "begins",
        "preparing",
        "done",
    ]


@pytest.mark.parametrize(
    ("error", "traceback"),
    [(ConfigError("limit: 0"), False), (KeyboardInterrupt(), False), (KeyError("x"), True)],
)
def test_the_last_line_says_why_it_ended(
    tmp_path: Path, error: BaseException, traceback: bool
) -> None:
    with pytest.raises(type(error)), logging_into(tmp_path):
        raise error
    written = _read(tmp_path)
    assert f"stopped by {type(error).__name__}" in written
    assert ("Traceback" in written) is traceback


@pytest.mark.reliability
def test_days_of_lines_take_no_more_than_their_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 2_000)
    with logging_into(tmp_path):
        for number in range(1000):
            note(f"estimating: {number} of 1000 frames")
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 1 + logs.KEPT_LOGS
    assert max(sizes) <= 2_000
    assert "done" in _read(tmp_path)


@pytest.mark.reliability
def test_a_log_that_cannot_be_written_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / LOG_NAME).mkdir()
    with logging_into(tmp_path):
        note("lost")
    assert capsys.readouterr().err == ""
