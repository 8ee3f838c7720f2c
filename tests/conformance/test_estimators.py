"""What every registered estimator must do, whatever its method; a new one is tested by its name."""

import json
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmark.errors import GenBenchError
from benchmark.estimator import (
    EstimatorOptions,
    Observations,
    PoseEstimate,
    PoseEstimator,
    PoseTracker,
)
from benchmark.inference import compute_seeds
from benchmark.registry import get_estimator, list_estimators, load_estimator
from benchmark.tracking import check_tracker

COUNT, K = 5, 4
WITHIN = 1e-3  # metres and entries of a rotation; batches change the order of float32 sums

NAMES = list_estimators()
ESTIMATORS = [name for name in NAMES if "cad" not in get_estimator(name).spec.needs]
TRACKERS = [name for name in NAMES if "tracking" in get_estimator(name).spec.gives]
every = pytest.mark.parametrize("name", NAMES)
estimating = pytest.mark.parametrize("name", ESTIMATORS)
tracking = pytest.mark.parametrize("name", TRACKERS)


@cache
def _load(name: str, hypotheses: int = K) -> PoseEstimator:
    return load_estimator(name, EstimatorOptions(hypotheses=hypotheses, device="cpu"))


@cache
def _load_tracker(name: str) -> PoseTracker:
    return check_tracker(
        load_estimator(name, EstimatorOptions(hypotheses=K, device="cpu", tracking=True))
    )


def _observe() -> Observations:
    """Return half-visible boxes, one category each, in front of the camera."""
    generator = np.random.default_rng(11)
    cubes = generator.uniform(-0.5, 0.5, size=(COUNT, 1024, 3)) * [0.08, 0.16, 0.1]
    cubes[..., 2] = -np.abs(cubes[..., 2])
    centres = generator.uniform([-0.2, -0.1, 0.6], [0.2, 0.1, 1.1], size=(COUNT, 1, 3))
    return Observations(
        points=(cubes + centres).astype(np.float32),
        category=np.arange(1, COUNT + 1, dtype=np.uint8),
        seeds=compute_seeds(0, ["frame"] * COUNT, range(COUNT)),
        intrinsics=np.tile([591.0, 590.2, 322.5, 244.1], (COUNT, 1)),
    )


def _observe_surfaces() -> tuple[Observations, PoseEstimate]:
    """Return boxes with their surfaces, and their poses one frame before."""
    observations = _observe()
    centres = observations.points.mean(axis=1)
    previous = PoseEstimate(rotation=np.tile(np.eye(3), (COUNT, 1, 1)), translation=centres)
    surfaces = observations.points - centres[:, None] + np.float32([0.005, 0.0, 0.0])
    return replace(observations, surfaces=tuple(surfaces)), previous


def _take(observations: Observations, rows: list[int]) -> Observations:
    surfaces = observations.surfaces
    return Observations(
        points=observations.points[rows],
        category=observations.category[rows],
        seeds=observations.seeds[rows],
        intrinsics=observations.intrinsics[rows],
        surfaces=None if surfaces is None else tuple(surfaces[row] for row in rows),
    )


def _take_poses(poses: PoseEstimate, rows: list[int]) -> PoseEstimate:
    return PoseEstimate(rotation=poses.rotation[rows], translation=poses.translation[rows])


@cache
def _estimate(name: str) -> PoseEstimate:
    return _load(name).estimate(_observe())


@estimating
def test_it_keeps_what_its_spec_promises(name: str) -> None:
    spec, estimate = get_estimator(name).spec, _estimate(name)
    assert spec.summary
    assert "\n" not in spec.summary
    assert spec.needs <= {"rgb", "prior", "cad"}
    assert spec.gives <= {"size", "hypotheses", "energies", "tracking"}
    assert (estimate.size is not None) == ("size" in spec.gives)
    assert (estimate.hypotheses is not None) == ("hypotheses" in spec.gives)
    if estimate.hypotheses is not None:
        assert (estimate.hypotheses.energies is not None) == ("energies" in spec.gives)


@estimating
def test_it_returns_finite_poses(name: str) -> None:
    estimate = _estimate(name)
    poses = [(estimate.rotation, estimate.translation, (COUNT,))]
    if estimate.hypotheses is not None:
        sampled = estimate.hypotheses
        poses.append((sampled.rotation, sampled.translation, (COUNT, K)))
        assert sampled.energies is None or np.isfinite(sampled.energies).all()
    for rotation, translation, lead in poses:
        assert rotation.shape == (*lead, 3, 3)
        assert translation.shape == (*lead, 3)
        assert np.isfinite(translation).all()
        gram = rotation @ rotation.swapaxes(-1, -2)
        np.testing.assert_allclose(gram, np.broadcast_to(np.eye(3), gram.shape), atol=WITHIN)
        np.testing.assert_allclose(np.linalg.det(rotation), 1, atol=WITHIN)


@estimating
def test_the_same_seed_is_the_same_pose(name: str) -> None:
    again = _load(name).estimate(_observe())
    np.testing.assert_array_equal(again.rotation, _estimate(name).rotation)
    np.testing.assert_array_equal(again.translation, _estimate(name).translation)


@estimating
def test_another_seed_is_another_sample(name: str) -> None:
    first = _estimate(name).hypotheses
    if first is None:
        pytest.skip("a deterministic method")
    observations = _observe()
    other = _load(name).estimate(replace(observations, seeds=observations.seeds + np.uint64(1)))
    assert other.hypotheses is not None
    assert not np.array_equal(first.translation, other.hypotheses.translation)


@estimating
@pytest.mark.parametrize("batches", [[[0, 1], [2, 3, 4]], [[4, 2, 0, 1, 3]], [[2]]])
def test_batch_size_and_order_change_nothing(name: str, batches: list[list[int]]) -> None:
    whole, observations = _estimate(name), _observe()
    for rows in batches:
        part = _load(name).estimate(_take(observations, rows))
        np.testing.assert_allclose(part.rotation, whole.rotation[rows], atol=WITHIN)
        np.testing.assert_allclose(part.translation, whole.translation[rows], atol=WITHIN)
        if part.hypotheses is not None and whole.hypotheses is not None:
            np.testing.assert_allclose(
                part.hypotheses.translation, whole.hypotheses.translation[rows], atol=WITHIN
            )


@estimating
@pytest.mark.parametrize("hypotheses", [1, 3])
def test_it_draws_as_many_hypotheses_as_it_is_told(name: str, hypotheses: int) -> None:
    if "hypotheses" not in get_estimator(name).spec.gives:
        pytest.skip("a method with one answer")
    found = _load(name, hypotheses).estimate(_take(_observe(), [0, 1])).hypotheses
    assert found is not None
    assert found.rotation.shape == (2, hypotheses, 3, 3)


@every
def test_an_option_that_it_does_not_have_is_refused(name: str) -> None:
    with pytest.raises(GenBenchError, match="no-such-option"):
        get_estimator(name).load(EstimatorOptions(extra={"no-such-option": 1}))


@estimating
def test_it_leaves_its_input_alone(name: str) -> None:
    observations = _observe()
    _load(name).estimate(observations)
    np.testing.assert_array_equal(observations.points, _observe().points)


@every
def test_it_describes_itself_in_plain_values(name: str) -> None:
    described = _load(name).describe()
    assert json.loads(json.dumps(described)) == described
    for fingerprint in described.get("fingerprints", {}).values():
        assert re.fullmatch(r"[0-9a-f]{64}", fingerprint)


@tracking
def test_it_tracks_finite_poses_of_every_object_alone(name: str) -> None:
    observations, previous = _observe_surfaces()
    whole = _load_tracker(name).track(observations, previous)
    gram = whole.rotation @ whole.rotation.swapaxes(-1, -2)
    np.testing.assert_allclose(gram, np.broadcast_to(np.eye(3), gram.shape), atol=WITHIN)
    assert np.isfinite(whole.translation).all()
    rows = [3, 1]
    part = _load_tracker(name).track(_take(observations, rows), _take_poses(previous, rows))
    np.testing.assert_allclose(part.rotation, whole.rotation[rows], atol=WITHIN)
    np.testing.assert_allclose(part.translation, whole.translation[rows], atol=WITHIN)


@tracking
def test_what_it_tracks_depends_on_the_pose_before(name: str) -> None:
    observations, previous = _observe_surfaces()
    moved = replace(previous, translation=previous.translation + 0.2)
    tracker = _load_tracker(name)
    near, far = tracker.track(observations, previous), tracker.track(observations, moved)
    assert np.linalg.norm(near.translation - far.translation, axis=1).max() > WITHIN


@tracking
def test_it_says_where_a_track_starts(name: str) -> None:
    assert _load_tracker(name).start in {"truth", "perturbed"}
