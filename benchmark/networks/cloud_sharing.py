"""Clouds of a batch shared among as many threads as torch has."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import numpy as np
import torch

Result = TypeVar("Result")


def share_clouds(work: Callable[[int, int], Result], clouds: int) -> list[Result]:
    """Return what `work(start, stop)` returns for parts of the clouds, one for each thread.

    Within `work` torch uses no other threads: a product of a few neighbourhoods is too small to be
    shared itself.
    """
    count = min(torch.get_num_threads(), clouds)
    if count == 1:
        return [work(0, clouds)]
    bounds = np.linspace(0, clouds, count + 1).astype(int).tolist()
    return list(_make_threads(os.getpid(), count).map(work, bounds[:-1], bounds[1:]))


@cache
def _make_threads(process: int, count: int) -> ThreadPoolExecutor:  # noqa: ARG001 - after a fork
    names = f"clouds-{count}"
    return ThreadPoolExecutor(count, names, initializer=torch.set_num_threads, initargs=(1,))
