"""The released learning rate: warm-up, decay by the epoch, floor."""

import itertools

import pytest

from benchmark.training.stepwise_decay import StepwiseDecay

RATE = StepwiseDecay()


def test_the_warm_up_is_linear_and_starts_at_zero() -> None:
    assert [RATE.get_rate(step, 10) for step in (0, 50, 99)] == pytest.approx([0, 5e-4, 9.9e-4])


def test_each_epoch_after_the_warm_up_lowers_the_rate_once() -> None:
    rates = [RATE.get_rate(step, 30) for step in range(100, 400)]
    for step, (before, after) in enumerate(itertools.pairwise(rates), start=101):
        assert after == pytest.approx(before * (0.98 if step % 30 == 0 else 1))


def test_no_epoch_lowers_a_rate_below_the_floor_more_than_once() -> None:
    last = RATE.get_rate(10**9, 10)
    assert 0.98 * RATE.smallest < last <= RATE.smallest
