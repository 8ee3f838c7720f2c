"""The mean pose: at the centroid, upright as a table-top camera sees it."""

import numpy as np

from baselines.mean_pose import MeanPose
from benchmark.estimator import EstimatorOptions, Observations


def test_it_stands_upright_at_the_centroid() -> None:
    points = np.random.default_rng(0).normal([0.1, 0.2, 0.9], 0.02, (2, 1024, 3)).astype("f4")
    estimate = MeanPose.load(EstimatorOptions()).estimate(
        Observations(
            points=points,
            category=np.array([1, 6], np.uint8),
            seeds=np.zeros(2, np.uint64),
            intrinsics=np.ones((2, 4)),
        )
    )
    np.testing.assert_allclose(estimate.translation, points.mean(axis=1))
    up, tilt = estimate.rotation[0, :, 1], np.deg2rad(35)
    np.testing.assert_allclose(up, [0, -np.cos(tilt), -np.sin(tilt)], atol=1e-12)
