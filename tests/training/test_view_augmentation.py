"""Augmented views stay views: cloud and pose still belong together."""

import numpy as np
import pytest

from benchmark.geometry.rotations import sample_rotations
from benchmark.training.view_augmentation import jitter_depth, mirror_views, occlude_views


@pytest.fixture
def view() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Three clouds of an object that is its own mirror image in z, with their poses."""
    rng = np.random.default_rng(0)
    half = rng.normal(size=(100, 3)).astype(np.float32)
    model = np.concatenate([half, half * [1, 1, -1]]).astype(np.float32) / 10
    rotation = sample_rotations(rng, 3).astype(np.float32)
    translation = rng.uniform([-0.3, -0.2, 0.6], [0.3, 0.2, 1.2], (3, 3)).astype(np.float32)
    return model, rotation, translation, model @ rotation.mT + translation[:, None]


def sort_rows(points: np.ndarray) -> np.ndarray:
    rounded = points.round(4) + 0.0
    return rounded[np.lexsort(rounded.T)]


def test_mirrored_cloud_is_the_mirror_symmetric_object_under_the_mirrored_pose(view) -> None:
    model, rotation, translation, points = view
    chosen = np.array([True, False, True])
    mirrored, turned, moved = mirror_views(points, rotation, translation, chosen)
    assert np.linalg.det(turned) == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(mirrored[1], points[1])
    np.testing.assert_allclose(mirrored[0], points[0] * [-1, 1, 1], atol=1e-7)
    for row in range(3):
        placed = model @ turned[row].T + moved[row]
        np.testing.assert_allclose(sort_rows(placed), sort_rows(mirrored[row]), atol=2e-4)


def test_occlusion_keeps_original_points_on_one_side_of_a_line(view) -> None:
    points = view[3]
    rng = np.random.default_rng(1)
    hidden = occlude_views(points, np.array([True, True, False]), rng, largest=0.5)
    assert hidden.shape == points.shape
    assert {tuple(p) for p in hidden[2]} == {tuple(p) for p in points[2]}
    for row in (0, 1):
        kept = {tuple(p) for p in hidden[row]}
        assert kept < {tuple(p) for p in points[row]}
        assert len(kept) >= len(points[row]) // 2


def test_jitter_moves_points_along_their_line_of_sight(view) -> None:
    points = view[3]
    moved = jitter_depth(points, np.array([0.01, 0.0, 0.02], np.float32), np.random.default_rng(2))
    np.testing.assert_array_equal(moved[1], points[1])
    np.testing.assert_allclose(
        moved[..., :2] / moved[..., 2:], points[..., :2] / points[..., 2:], atol=1e-5
    )
    assert np.std(moved[0, :, 2] - points[0, :, 2]) == pytest.approx(0.01, rel=0.2)
