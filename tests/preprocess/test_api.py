"""Poses from Python: the same as from files, and one clear error for input that does not fit."""

import numpy as np
import pytest

from benchmark.categories import REAL_INTRINSICS
from benchmark.errors import DataFormatError, UnknownNameError
from benchmark.estimator import EstimatorOptions
from benchmark.registry import load_estimator
from preprocess.api import estimate_pose

DEPTH = np.full((480, 640), 1000, np.uint16)
MASK = np.zeros((480, 640), bool)
MASK[200:300, 280:360] = True
INTRINSICS = (591.0125, 590.16775, 322.525, 244.11084)


def test_five_lines_give_a_pose_where_the_object_is() -> None:
    pose = estimate_pose(DEPTH, MASK, INTRINSICS, category="mug", estimator="mean-pose")
    assert pose.transform.shape == (4, 4)
    centre = [(319.5 - INTRINSICS[2]) / INTRINSICS[0], (249.5 - INTRINSICS[3]) / INTRINSICS[1], 1]
    np.testing.assert_allclose(pose.translation, centre, atol=0.15)
    np.testing.assert_allclose(pose.rotation @ pose.rotation.T, np.eye(3), atol=1e-6)


def test_the_seed_alone_decides() -> None:
    def estimate(seed: int) -> np.ndarray:
        return estimate_pose(DEPTH, MASK, INTRINSICS, estimator="mean-pose", seed=seed).transform

    np.testing.assert_array_equal(estimate(3), estimate(3))
    assert np.any(estimate(3) != estimate(4))


def test_a_loaded_estimator_and_named_intrinsics_are_taken_as_well() -> None:
    loaded = load_estimator("mean-pose", EstimatorOptions())
    by_object = estimate_pose(DEPTH, MASK, REAL_INTRINSICS, 6, estimator=loaded)
    by_name = estimate_pose(DEPTH, MASK, INTRINSICS, "mug", estimator="mean-pose")
    np.testing.assert_array_equal(by_object.transform, by_name.transform)


def test_input_that_does_not_fit_is_named() -> None:
    with pytest.raises(DataFormatError, match="same size"):
        estimate_pose(DEPTH, MASK[:100], INTRINSICS, estimator="mean-pose")
    with pytest.raises(DataFormatError, match="got 0"):
        estimate_pose(DEPTH * 0, MASK, INTRINSICS, estimator="mean-pose")
    with pytest.raises(DataFormatError, match="got 0"):
        estimate_pose(DEPTH, MASK & False, INTRINSICS, estimator="mean-pose")
    with pytest.raises(UnknownNameError, match="did you mean 'mug'"):
        estimate_pose(DEPTH, MASK, INTRINSICS, category="mugg", estimator="mean-pose")
