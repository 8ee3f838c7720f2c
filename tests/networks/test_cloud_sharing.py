"""Work on clouds in threads: every cloud once, none of torch's threads within, nothing nested."""

import threading
from collections.abc import Callable

import pytest
import torch

from benchmark.networks.cloud_sharing import share_clouds, use_threads

SetThreads = Callable[[int], None]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("clouds", [0, 1, 2, 7])
def test_every_cloud_is_in_one_part_in_order(
    threads: int, clouds: int, set_threads: SetThreads
) -> None:
    set_threads(threads)
    parts = share_clouds(lambda start, stop: list(range(start, stop)), clouds)
    assert [cloud for part in parts for cloud in part] == list(range(clouds))
    assert len(parts) == max(1, min(threads, clouds))


def test_torch_has_one_thread_within_and_as_many_as_before_outside(
    set_threads: SetThreads,
) -> None:
    for threads in (2, 3, 2):  # the number that was set last is another one for some workers
        set_threads(threads)
        for clouds in (1, 8):
            found = share_clouds(lambda *_: torch.get_num_threads(), clouds)
            assert found == [1] * min(threads, clouds)
        assert torch.get_num_threads() == threads


def test_nested_work_is_done_where_it_is(set_threads: SetThreads) -> None:
    for threads in (2, 3, 2):
        set_threads(threads)

        def nest(start: int, stop: int) -> list[str]:
            return share_clouds(lambda *_: threading.current_thread().name, stop - start)

        assert all(len(names) == 1 for names in share_clouds(nest, 8))


def test_a_thread_keeps_its_number_whatever_was_set_elsewhere(set_threads: SetThreads) -> None:
    set_threads(3)
    found = []

    def work() -> None:
        use_threads(2)
        torch.ones(300, 300) @ torch.ones(300, 300)
        found.append(torch.get_num_threads())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == [2]
    assert torch.get_num_threads() == 3
