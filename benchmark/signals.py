"""Requests to stop: Ctrl-C and SIGTERM, and work that they must not tear apart."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_REQUESTS = (signal.SIGINT, signal.SIGTERM)


class Terminated(BaseException):
    """The process was asked to stop (SIGTERM); unwinds so that temporary files are removed."""


@contextmanager
def postponing_signals() -> Iterator[None]:
    """Let SIGINT and SIGTERM wait until the block is through; then they act as they would have.

    Python handles signals in the main thread alone, so elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        waiting.append(number)

    handlers = {number: signal.signal(number, note) for number in _REQUESTS}
    try:
        yield
    finally:
        _restore(handlers)
        for number in waiting[:1]:
            signal.raise_signal(number)


def _restore(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def raising_signals() -> Iterator[list[int]]:
    """Raise `KeyboardInterrupt` on SIGINT and `Terminated` on SIGTERM while the block runs.

    SIGINT stays ignored where it was (nohup). A forked child just exits on SIGTERM.

    Yields:
        The signals that came so far: libraries may turn the exception into one of their own.
    """
    came: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield came
        return
    owner = os.getpid()

    def stop(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGTERM and os.getpid() != owner:
            os._exit(128 + number)
        came.append(number)
        raise KeyboardInterrupt if number == signal.SIGINT else Terminated

    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    handlers = {n: signal.signal(n, stop) for n in (_REQUESTS[1:] if ignored else _REQUESTS)}
    try:
        yield came
    finally:
        _restore(handlers)
