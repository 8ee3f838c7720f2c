"""Work spread over processes that leaves nothing behind when it is interrupted."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, resource_tracker
from types import FrameType
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")

_SECONDS_TO_UNWIND = 10.0
_SECONDS_OF_AN_IMPORT = 0.02
"""After so many, a worker that was told to stop amid an import looks whether it is through."""


def map_in_processes(
    function: Callable[[Task], Result], tasks: Sequence[Task], *, workers: int
) -> Iterator[Result]:
    """Yield `function(task)` for every task as it is done, in no particular order.

    When the caller is interrupted, or a task fails, workers are told to stop and unwind, so that
    their temporary files are removed, and the exception goes on. When the caller is killed, they
    notice and do the same.

    Args:
        function: a function of a module (it is sent to other processes by name).
        tasks: its arguments.
        workers: number of processes; with 1, everything happens in this one.

    Raises:
        MemoryError: a worker was killed from outside, as the system does when memory runs out.
    """
    if workers <= 1 or len(tasks) <= 1:
        yield from map(function, tasks)
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([function.__module__])
    _start_server()
    others = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(
        min(workers, len(tasks)), mp_context=context, initializer=_prepare_worker
    )
    try:
        for future in as_completed([executor.submit(_run, function, task) for task in tasks]):
            yield future.result()
    except BrokenProcessPool as error:
        raise MemoryError("a worker process was killed: use fewer workers") from error
    except BaseException:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _start_server() -> None:
    """Start the process that workers are forked from, without Ctrl-C.

    That is the parent's to handle; while the server still imports, its answer would be a traceback.
    """
    resource_tracker.ensure_running()  # would let Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _prepare_worker() -> None:
    """Leave Ctrl-C to the parent process, and unwind when the parent says stop or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _unwind)
    signal.signal(signal.SIGALRM, _unwind)
    threading.Thread(target=_stop_with_parent, daemon=True).start()


def _stop_with_parent() -> None:
    """Wait for the parent's end: a killed one tells its workers nothing, and the pool waits on."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_SECONDS_TO_UNWIND)  # the pool swallows the exception while it sends a result
        os._exit(128 + signal.SIGTERM)


def _unwind(_number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the pool may repeat it while files are removed
    if _is_importing(frame):  # where Python may print the exception, and go on
        signal.setitimer(signal.ITIMER_REAL, _SECONDS_OF_AN_IMPORT)
        return
    raise SystemExit(128 + signal.SIGTERM)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _run(function: Callable[[Task], Result], task: Task) -> Result:
    try:
        return function(task)
    except SystemExit as stop:  # the pool would take it for a failed task and go on
        os._exit(stop.code if isinstance(stop.code, int) else 1)
