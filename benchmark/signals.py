"""Requests to stop: Ctrl-C and SIGTERM, and work that they must not tear apart."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_REQUESTS = (signal.SIGINT, signal.SIGTERM)
_SECONDS_OF_A_CALLBACK = 0.02
"""After so many, a request that was lost in a callback is made again."""


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

    SIGINT stays ignored where it was (nohup). A forked child just exits on SIGTERM. Where Python
    loses the exception, in a finaliser or a callback of a weak reference, it is raised again.

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
        with _repeating_lost_exceptions():
            yield came
    finally:
        _restore(handlers)


@contextmanager
def _repeating_lost_exceptions() -> Iterator[None]:
    """Send a signal again whose exception Python could only print, and print nothing."""
    timers: list[threading.Timer] = []
    before = sys.unraisablehook
    main = threading.main_thread().ident or 0

    def repeat(lost: "sys.UnraisableHookArgs") -> None:
        if not isinstance(lost.exc_value, KeyboardInterrupt | Terminated):
            before(lost)
            return
        number = signal.SIGTERM if isinstance(lost.exc_value, Terminated) else signal.SIGINT
        timer = threading.Timer(_SECONDS_OF_A_CALLBACK, signal.pthread_kill, (main, number))
        timer.daemon = True
        timers.append(timer)
        timer.start()

    sys.unraisablehook = repeat
    try:
        yield
    finally:
        sys.unraisablehook = before
        for timer in timers:
            timer.cancel()
