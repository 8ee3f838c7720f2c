"""Oracle ICP finds small motions of a known shape, and nothing without a shape."""

import numpy as np
import pytest

from baselines.oracle_icp import OracleICP
from benchmark.errors import ConfigError
from benchmark.estimator import EstimatorOptions, Observations, PoseEstimate
from benchmark.geometry.rotations import compute_angle, rotation_about_axis

TURN = rotation_about_axis(np.array([0.3, 1.0, -0.4]), np.array(0.7))
PLACE = np.array([0.1, -0.05, 0.8])


def _make_surface(count: int) -> np.ndarray:
    """Return points on three sides of a box of 8 x 16 x 24 cm, which fix its pose."""
    generator = np.random.default_rng(4)
    points = generator.uniform(-0.5, 0.5, (count, 3)) * [0.08, 0.16, 0.24]
    rows, side = np.arange(count), np.arange(count) % 3
    points[rows, side] = np.array([0.04, 0.08, 0.12])[side]
    return points


def _observe(rotation: np.ndarray, translation: np.ndarray) -> Observations:
    surface = _make_surface(4096)
    cloud = surface[::4] @ rotation.T + translation
    return Observations(
        points=cloud[None].astype(np.float32),
        category=np.array([3], np.uint8),
        seeds=np.zeros(1, np.uint64),
        intrinsics=np.ones((1, 4)),
        surfaces=(surface,),
    )


def _track(observations: Observations, translation: np.ndarray) -> tuple[float, float]:
    """Return the errors in degrees and metres when starting from TURN at `translation`."""
    previous = PoseEstimate(rotation=TURN[None], translation=translation[None])
    found = OracleICP().track(observations, previous)
    return (
        float(np.degrees(compute_angle(found.rotation[0], TURN))),
        float(np.linalg.norm(found.translation[0] - PLACE)),
    )


def test_a_pose_that_is_right_stays() -> None:
    degree, distance = _track(_observe(TURN, PLACE), PLACE)
    assert degree < 0.01
    assert distance < 1e-5


def test_a_small_motion_is_found() -> None:
    degree, distance = _track(_observe(TURN, PLACE), PLACE + np.array([0.008, -0.006, 0.004]))
    assert degree < 1.0
    assert distance < 0.002


def test_an_object_that_jumped_out_of_reach_is_lost() -> None:
    _, distance = _track(_observe(TURN, PLACE), PLACE + np.array([0.0, 0.0, 0.5]))
    assert distance == pytest.approx(0.5)


def test_it_needs_meshes_and_a_pose_to_start_from() -> None:
    observations = _observe(TURN, PLACE)
    bare = Observations(
        points=observations.points,
        category=observations.category,
        seeds=observations.seeds,
        intrinsics=observations.intrinsics,
    )
    previous = PoseEstimate(rotation=TURN[None], translation=PLACE[None])
    with pytest.raises(ConfigError, match="--models"):
        OracleICP().track(bare, previous)
    with pytest.raises(ConfigError, match="only tracks"):
        OracleICP().estimate(observations)
    with pytest.raises(ConfigError, match="preset"):
        OracleICP.load(EstimatorOptions(preset="compact"))
