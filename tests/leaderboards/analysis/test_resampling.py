"""Weights, intervals and their coverage: over frames, and over scenes whose frames err alike."""

from collections.abc import Callable

import numpy as np
import pytest

from leaderboards.analysis.resampling import Resampling, choose_unit, plan_resampling
from leaderboards.runs import Run

Make = Callable[..., Run]


def _plan(units: int, rounds: int = 400, seed: int = 0, per_unit: int = 1) -> Resampling:
    from benchmark.evaluation.bootstrap import draw_weights

    counts = np.concatenate([np.ones((1, units)), draw_weights(units, rounds, seed)])
    return Resampling(unit="scene", owner=np.repeat(np.arange(units), per_unit), counts=counts)


def test_first_row_is_the_data_as_it_is(make_run: Make) -> None:
    resampling = plan_resampling(make_run().predictions, rounds=20)
    assert (resampling.weights[0] == 1).all()
    values, frame = np.arange(24.0), np.arange(24)
    assert resampling.sum(values, frame)[0] == values.sum()
    assert resampling.mean(values, frame)[0] == values.mean()


def test_sums_equal_those_by_hand(make_run: Make) -> None:
    resampling = plan_resampling(make_run().predictions, rounds=5)
    generator = np.random.default_rng(0)
    frame, values = generator.integers(0, 24, 50), generator.random((50, 2))
    expected = [
        sum(row[f] * v for f, v in zip(frame, values, strict=True)) for row in resampling.weights
    ]
    np.testing.assert_allclose(resampling.sum(values, frame), expected)


def test_scenes_are_drawn_whole(make_run: Make) -> None:
    predictions = make_run().predictions
    resampling = plan_resampling(predictions, "scene", rounds=20)
    by_scene = resampling.weights.reshape(21, 6, 4)
    assert (by_scene == by_scene[:, :, :1]).all()
    assert resampling.units == 6
    assert plan_resampling(predictions, "frame", rounds=20).units == 24


def test_unit_follows_whether_objects_recur(make_run: Make) -> None:
    moving = make_run("moving").predictions
    assert choose_unit(moving.frames, moving.ground_truth) == "scene"
    few = make_run("few", scenes=4).predictions
    assert choose_unit(few.frames, few.ground_truth) == "frame", "too few scenes to draw"
    alone = make_run("alone", scenes=24, frames=1).predictions
    assert choose_unit(alone.frames, alone.ground_truth) == "frame"


def test_nothing_drawn_gives_no_number() -> None:
    resampling = _plan(3, rounds=50)
    mean = resampling.mean(np.ones(2), np.array([0, 0]))
    undrawn = resampling.counts[:, 0] == 0
    assert undrawn.any()
    assert (np.isnan(mean) == undrawn).all()


def test_bounds_and_too_few_units() -> None:
    resampling = _plan(8)
    values = np.arange(8.0)
    free = resampling.estimate(resampling.mean(values, np.arange(8)))
    assert free.low < 3.4 < free.value < 3.6 < free.high
    held = resampling.estimate(resampling.mean(values, np.arange(8)), (3.0, 4.0))
    assert (held.low, held.high) == (3.0, 4.0)
    alone = _plan(1)
    assert np.isnan(alone.estimate(alone.mean(np.ones(1), np.zeros(1, int))).low)


@pytest.mark.parametrize("units", [6, 10, 40])
def test_coverage_with_few_scenes(units: int) -> None:
    """Intervals of a mean hold the truth as often as they say, even over six scenes."""
    resampling = _plan(units)
    held = 0
    for seed in range(300):
        values = np.random.default_rng(seed).standard_normal(units)
        found = resampling.estimate(resampling.mean(values, np.arange(units)))
        held += found.low <= 0 <= found.high
    assert 0.90 <= held / 300 <= 0.985


def test_frames_alike_need_scenes() -> None:
    """Where frames of a scene err alike, drawing frames holds the truth far too seldom."""
    held = {"scene": 0, "frame": 0}
    plans = {"scene": _plan(8, per_unit=20), "frame": _plan(160)}
    for seed in range(200):
        values = np.repeat(np.random.default_rng(seed).standard_normal(8), 20)
        for unit, resampling in plans.items():
            found = resampling.estimate(resampling.mean(values, np.arange(160)))
            held[unit] += found.low <= 0 <= found.high
    assert held["scene"] >= 180
    assert held["frame"] <= 120
