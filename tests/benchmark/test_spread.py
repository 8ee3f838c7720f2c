"""The spread of hypotheses: known deviations, the symmetry axis, and what was not estimated."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmark.geometry.rotations import rotation_about_axis
from benchmark.predictions import Predictions
from benchmark.spread import compute_spread

MakePredictions = Callable[..., Predictions]
BOTTLE, CAMERA = 1, 3


def _with_hypotheses(
    predictions: Predictions, category: int, axis: list[float], angles_deg: list[float]
) -> Predictions:
    """Return predictions whose hypotheses are turned by angles and moved 1, 2, 3 ... cm."""
    count, k = len(predictions.detections), len(angles_deg)
    turns = rotation_about_axis(np.tile(np.array(axis), (k, 1)), np.deg2rad(angles_deg))
    poses = np.zeros((count, k, 3, 4), np.float32)
    poses[..., :3] = turns
    poses[..., 0, 3] = np.arange(1, k + 1) / 100
    detections = replace(predictions.detections, category=np.full(count, category))
    return replace(predictions, detections=detections, hypotheses=poses, energies=None)


def test_half_of_the_hypotheses_lie_within(make_predictions: MakePredictions) -> None:
    predictions = _with_hypotheses(make_predictions(), CAMERA, [0, 1, 0], [1, 7, 90])
    spread = compute_spread(predictions)
    np.testing.assert_allclose(spread.rotation_deg, 7, rtol=1e-5)
    np.testing.assert_allclose(spread.translation_cm, 2, rtol=1e-5)


@pytest.mark.parametrize(("axis", "expected"), [([0, 1, 0], 0), ([1, 0, 0], 7)])
def test_turning_a_bottle_about_its_axis_is_no_spread(
    make_predictions: MakePredictions, axis: list[float], expected: float
) -> None:
    predictions = _with_hypotheses(make_predictions(), BOTTLE, axis, [1, 7, 90])
    np.testing.assert_allclose(compute_spread(predictions).rotation_deg, expected, atol=1e-4)


def test_nothing_estimated_has_no_spread(make_predictions: MakePredictions) -> None:
    predictions = make_predictions()
    estimated = np.array([1, 0, 1, 1, 1, 1])
    partial = replace(predictions, estimates=replace(predictions.estimates, estimated=estimated))
    np.testing.assert_array_equal(np.isnan(compute_spread(partial).rotation_deg), estimated == 0)
    single = replace(predictions, hypotheses=None, energies=None)
    assert np.isnan(compute_spread(single).translation_cm).all()
