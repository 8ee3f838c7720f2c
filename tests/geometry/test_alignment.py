"""Fitting similarities: exact data is recovered, outliers and reflections do not mislead."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmark.geometry.alignment import (
    Similarity,
    draw_ransac_indices,
    estimate_similarity,
    estimate_similarity_robustly,
)


def draw_similarity(rng: np.random.Generator, *batch: int) -> Similarity:
    count = int(np.prod(batch, dtype=int))
    rotation = Rotation.random(count, random_state=rng.integers(2**31)).as_matrix()
    return Similarity(
        rng.uniform(0.1, 3, batch), rotation.reshape(*batch, 3, 3), rng.normal(size=(*batch, 3))
    )


def assert_close(found: Similarity, expected: Similarity, atol: float = 1e-9) -> None:
    for name in Similarity._fields:
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=atol)


@pytest.mark.parametrize("batch", [(), (4,), (2, 3)])
def test_exact_correspondences_are_recovered(batch: tuple[int, ...]) -> None:
    rng = np.random.default_rng(1)
    truth, source = draw_similarity(rng, *batch), rng.normal(size=(*batch, 20, 3))
    assert_close(estimate_similarity(source, truth.apply(source)), truth)


def test_the_matrix_says_the_same_as_apply() -> None:
    rng = np.random.default_rng(2)
    similarity, points = draw_similarity(rng, 4), rng.normal(size=(4, 7, 3))
    homogeneous = np.concatenate([points, np.ones((4, 7, 1))], axis=-1)
    moved = homogeneous @ np.swapaxes(similarity.to_matrix(), -1, -2)
    np.testing.assert_allclose(moved[..., :3], similarity.apply(points))
    np.testing.assert_array_equal(similarity.to_matrix()[:, 3], [[0, 0, 0, 1]] * 4)


def test_points_in_a_plane_are_enough() -> None:
    rng = np.random.default_rng(3)
    truth = draw_similarity(rng)
    source = rng.normal(size=(10, 3)) * [1, 1, 0]
    assert_close(estimate_similarity(source, truth.apply(source)), truth)


def test_mirrored_points_never_give_a_reflection() -> None:
    rng = np.random.default_rng(4)
    source = rng.normal(size=(50, 3))
    fit = estimate_similarity(source, source * [1, 1, -1])
    np.testing.assert_allclose(np.linalg.det(fit.rotation), 1)
    np.testing.assert_allclose(fit.rotation @ fit.rotation.T, np.eye(3), atol=1e-12)


def test_no_similarity_nearby_fits_better() -> None:
    rng = np.random.default_rng(5)
    source, target = rng.normal(size=(2, 30, 3))
    fit = estimate_similarity(source, target)
    best = np.sum((fit.apply(source) - target) ** 2)
    for _ in range(200):
        turn = Rotation.from_rotvec(rng.normal(scale=0.02, size=3)).as_matrix()
        near = Similarity(
            fit.scale * np.exp(rng.normal(scale=0.02)),
            turn @ fit.rotation,
            fit.translation + rng.normal(scale=0.02, size=3),
        )
        assert np.sum((near.apply(source) - target) ** 2) >= best


@pytest.mark.parametrize("outliers", [0.0, 0.3, 0.6])
def test_outliers_do_not_move_the_robust_fit(outliers: float) -> None:
    rng = np.random.default_rng(6)
    truth, source = draw_similarity(rng), rng.normal(size=(400, 3))
    target = truth.apply(source)
    wrong = rng.random(400) < outliers
    target[wrong] += 100 * rng.normal(size=(wrong.sum(), 3))
    fit = estimate_similarity_robustly(source, target, draw_ransac_indices(400, rng))
    assert fit is not None
    assert_close(fit, truth)


def test_unrelated_points_have_no_robust_fit() -> None:
    rng = np.random.default_rng(7)
    source, target = rng.uniform(size=(2, 500, 3))
    assert estimate_similarity_robustly(source, target, draw_ransac_indices(500, rng)) is None


def test_draws_of_one_point_are_passed_over() -> None:
    rng = np.random.default_rng(8)
    truth, source = draw_similarity(rng), rng.normal(size=(50, 3))
    indices = draw_ransac_indices(50, rng)
    indices[:10] = 7
    fit = estimate_similarity_robustly(source, truth.apply(source), indices)
    assert fit is not None
    assert_close(fit, truth)
