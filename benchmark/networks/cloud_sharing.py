"""Clouds of a batch shared among as many threads as torch has."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import numpy as np
import torch

Result = TypeVar("Result")
_here = threading.local()


def share_clouds(work: Callable[[int, int], Result], clouds: int) -> list[Result]:
    """Return what `work(start, stop)` returns for parts of the clouds, one for each thread.

    Within `work` torch uses no other threads, and nothing is shared again: most operations are too
    small for that, those of a single cloud as well.
    """
    threads = torch.get_num_threads()
    if threads == 1 or getattr(_here, "is_sharing", False):
        return [work(0, clouds)]
    count = max(1, min(threads, clouds))
    bounds = np.linspace(0, clouds, count + 1).astype(int).tolist()
    return list(_make_threads(os.getpid(), count).map(work, bounds[:-1], bounds[1:]))


def use_threads(count: int) -> None:
    """Let torch use so many threads when it is called from this one."""
    torch.get_num_threads()  # the first call in a thread takes the number that was set last
    torch.set_num_threads(count)


@cache
def _make_threads(process: int, count: int) -> ThreadPoolExecutor:  # noqa: ARG001 - after a fork
    return ThreadPoolExecutor(count, f"clouds-{count}", initializer=_begin_sharing)


def _begin_sharing() -> None:
    _here.is_sharing = True
    use_threads(1)
