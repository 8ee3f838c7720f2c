"""Work spread over processes that leaves nothing behind when it is interrupted."""

import multiprocessing.connection
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import forkserver, resource_tracker
from multiprocessing.synchronize import Event
from types import FrameType
from typing import TypeVar

from benchmark.replacing import remove_unfinished

Task = TypeVar("Task")
Result = TypeVar("Result")

_SECONDS_BETWEEN_SIGNALS = 0.05


def map_in_processes(
    function: Callable[[Task], Result], tasks: Sequence[Task], *, workers: int
) -> Iterator[Result]:
    """Yield `function(task)` for every task as it is done, in no particular order.

    When the caller is interrupted, or a task fails, workers are told to stop: they remove their
    temporary files, and the exception goes on. When the caller is killed, they notice and do the
    same.

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
    all_launched = context.Event()
    executor = ProcessPoolExecutor(
        min(workers, len(tasks)),
        mp_context=context,
        initializer=_prepare_worker,
        initargs=(all_launched,),
    )
    try:
        futures = [executor.submit(function, task) for task in tasks]
        all_launched.set()
        for future in as_completed(futures):
            yield future.result()
    except BaseException as error:
        for process in set(multiprocessing.active_children()) - others:
            process.terminate()
        if isinstance(error, BrokenProcessPool):
            raise MemoryError("a worker process was killed: use fewer workers") from error
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


def _prepare_worker(all_launched: Event) -> None:
    """Leave Ctrl-C to the parent process, and stop when the parent says so or is gone.

    Work begins once all workers are launched: where one dies before, the pool forgets the others
    (Python 3.11), and waits for them for ever.
    """
    requests, wakeup = os.pipe()
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _stop)
    threading.Thread(target=_insist_on_stopping, args=(requests,), daemon=True).start()
    all_launched.wait()


def _insist_on_stopping(requests: int) -> None:
    """Wait for a signal or the parent's end, then send signals until this process stops.

    A killed parent tells its workers nothing; and a signal that comes just before a call that
    blocks is answered only after it, by a worker that waits for tasks never.
    """
    parent = multiprocessing.parent_process()
    multiprocessing.connection.wait([requests] if parent is None else [requests, parent.sentinel])
    while True:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        time.sleep(_SECONDS_BETWEEN_SIGNALS)


def _stop(number: int, _frame: FrameType | None) -> None:
    """End at once: an exception would be lost in a callback, a finaliser or amid an import."""
    remove_unfinished()
    os._exit(128 + number)
