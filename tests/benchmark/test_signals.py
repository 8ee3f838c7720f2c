"""Ctrl-C and SIGTERM: raised as exceptions, and put off while a file is written."""

import os
import signal
import sys
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmark.columns import creating
from benchmark.signals import Terminated, postponing_signals, raising_signals

pytestmark = pytest.mark.reliability

EXCEPTIONS = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: Terminated}


@pytest.fixture(autouse=True)
def heed_ctrl_c() -> Iterator[None]:
    """Heed Ctrl-C, also where the tests themselves were started with it ignored (nohup, `&`)."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", list(EXCEPTIONS))
def test_a_signal_becomes_its_exception_and_is_noted(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(EXCEPTIONS[number]), raising_signals() as came:
        os.kill(os.getpid(), number)
    assert came == [number]
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("number", list(EXCEPTIONS))
def test_a_postponed_signal_acts_after_the_block(number: signal.Signals) -> None:
    done = []

    def work() -> None:
        with postponing_signals(), postponing_signals():
            os.kill(os.getpid(), number)
            done.append("inner")
        done.append("never")

    with pytest.raises(EXCEPTIONS[number]), raising_signals():
        work()
    assert done == ["inner"]


@pytest.mark.parametrize("number", list(EXCEPTIONS))
def test_an_exception_that_a_callback_lost_is_raised_again(
    number: signal.Signals, capsys: pytest.CaptureFixture[str]
) -> None:
    class Thing:
        pass

    def work() -> None:
        thing = Thing()
        reference = weakref.ref(thing, lambda _: os.kill(os.getpid(), number))
        del thing
        assert reference() is None
        time.sleep(20)

    hook = sys.unraisablehook
    start = time.monotonic()
    with pytest.raises(EXCEPTIONS[number]), raising_signals() as came:
        work()
    assert time.monotonic() - start < 10
    assert came == [number, number]
    assert capsys.readouterr().err == ""
    assert sys.unraisablehook is hook


def test_other_exceptions_that_a_finaliser_loses_are_still_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: told.append(lost.exc_type))

    class Thing:
        def __del__(self) -> None:
            raise ValueError("lost")

    with raising_signals():
        Thing()
    assert told == [ValueError]


def test_an_ignored_ctrl_c_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with raising_signals() as came:
            os.kill(os.getpid(), signal.SIGINT)
        assert came == []
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_file_that_is_being_written_is_completed_first(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"

    def write() -> None:
        with creating(path) as file:
            os.kill(os.getpid(), signal.SIGTERM)
            file.create_dataset("x", data=np.arange(100_000))

    with pytest.raises(Terminated), raising_signals():
        write()
    with h5py.File(path) as file:
        assert file["x"][-1] == 99_999
    assert [found.name for found in tmp_path.iterdir()] == ["a.h5"]
