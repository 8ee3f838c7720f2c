"""Overlaps of boxes: closed forms, laws, and volumes sampled by brute force."""

import numpy as np
import pytest

from benchmark.geometry.boxes import (
    compute_aligned_iou,
    compute_corners,
    compute_image_iou,
    compute_official_iou,
    compute_oriented_iou,
)
from benchmark.geometry.rotations import rotation_about_y, sample_rotations

Boxes = tuple[np.ndarray, np.ndarray]


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(11)


def _pose(rotation: np.ndarray, translation: np.ndarray, scale: float = 1.0) -> np.ndarray:
    transform = np.zeros((*np.shape(rotation)[:-2], 4, 4))
    transform[..., :3, :3] = scale * rotation
    transform[..., :3, 3] = translation
    transform[..., 3, 3] = 1.0
    return transform


def _sample_boxes(generator: np.random.Generator, count: int, spread: float = 0.15) -> Boxes:
    rotation = sample_rotations(generator, count)
    transform = _pose(rotation, spread * generator.standard_normal((count, 3)), 0.5)
    return transform, generator.uniform(0.4, 1.2, (count, 3))


def _sample_iou(first: Boxes, second: Boxes, points: np.ndarray) -> float:
    """Count random points of the first box that lie in the second."""
    inside = points * first[1] @ first[0][:3, :3].T + first[0][:3, 3]
    local = (inside - second[0][:3, 3]) @ np.linalg.inv(second[0][:3, :3]).T
    volumes = [np.prod(extents) * np.linalg.det(pose[:3, :3]) for pose, extents in (first, second)]
    shared = volumes[0] * np.mean((np.abs(local) <= second[1] / 2).all(axis=1))
    return float(shared / (volumes[0] + volumes[1] - shared))


def test_oriented_iou_agrees_with_sampled_volumes(generator: np.random.Generator) -> None:
    first, second = _sample_boxes(generator, 12), _sample_boxes(generator, 12)
    points = generator.random((100_000, 3)) - 0.5
    exact = compute_oriented_iou(*first, *second)
    sampled = [
        _sample_iou((first[0][n], first[1][n]), (second[0][n], second[1][n]), points)
        for n in range(12)
    ]
    np.testing.assert_allclose(exact, sampled, atol=0.006)
    assert (exact > 0.05).sum() > 4


@pytest.mark.parametrize("compute", [compute_oriented_iou, compute_aligned_iou])
def test_shifted_unit_cubes(compute: object) -> None:
    """Cubes a and b shifted by (1/2, 1/4, 0) share 3/8 of a cube."""
    first, second = _pose(np.eye(3), np.zeros(3)), _pose(np.eye(3), np.array([0.5, 0.25, 0.0]))
    iou = compute(first, np.ones(3), second, np.ones(3))  # type: ignore[operator]
    assert iou == pytest.approx(0.375 / 1.625, abs=1e-8)


def test_cube_turned_by_45_degrees_shares_an_octagon() -> None:
    turned = _pose(rotation_about_y(np.pi / 4), np.zeros(3))
    octagon = 2 * (np.sqrt(2) - 1)
    iou = compute_oriented_iou(turned, np.ones(3), _pose(np.eye(3), np.zeros(3)), np.ones(3))
    assert iou == pytest.approx(octagon / (2 - octagon), abs=1e-8)


def test_long_bars_that_cross() -> None:
    first, second = np.array([4.0, 1.0, 1.0]), np.array([1.0, 4.0, 1.0])
    pose = _pose(np.eye(3), np.zeros(3))
    assert compute_oriented_iou(pose, first, pose, second) == pytest.approx(1 / 7, abs=1e-8)


def test_a_box_inside_another(generator: np.random.Generator) -> None:
    transform, extents = _sample_boxes(generator, 10)
    iou = compute_oriented_iou(transform, 0.5 * extents, transform, extents)
    np.testing.assert_allclose(iou, 0.125, atol=1e-8)


@pytest.mark.parametrize("symmetric", [False, True])
def test_equal_boxes_have_iou_one(generator: np.random.Generator, symmetric: bool) -> None:
    """Every face coincides with one of the other box: the worst case of clipping."""
    boxes = _sample_boxes(generator, 50)
    for compute in (compute_oriented_iou, compute_aligned_iou, compute_official_iou):
        np.testing.assert_allclose(compute(*boxes, *boxes, symmetric), 1.0, atol=1e-7)


def test_boxes_that_touch_or_lie_apart_share_nothing() -> None:
    cube = np.ones(3)
    for shift, expected in ((1.0, 0.0), (1.5, 0.0), (10.0, 0.0)):
        other = _pose(np.eye(3), np.array([shift, 0.0, 0.0]))
        iou = compute_oriented_iou(_pose(np.eye(3), np.zeros(3)), cube, other, cube)
        assert iou == pytest.approx(expected, abs=1e-8)


def test_oriented_iou_is_symmetric_and_moves_with_the_camera(
    generator: np.random.Generator,
) -> None:
    first, second = _sample_boxes(generator, 40), _sample_boxes(generator, 40)
    iou = compute_oriented_iou(*first, *second)
    np.testing.assert_allclose(compute_oriented_iou(*second, *first), iou, atol=1e-7)
    camera = _pose(sample_rotations(generator), np.array([3.0, -2.0, 1.0]))
    moved = compute_oriented_iou(camera @ first[0], first[1], camera @ second[0], second[1])
    np.testing.assert_allclose(moved, iou, atol=1e-7)


def test_continuous_symmetry_finds_the_best_turn(generator: np.random.Generator) -> None:
    first, second = _sample_boxes(generator, 12, 0.1), _sample_boxes(generator, 12, 0.1)
    turns = np.zeros((720, 4, 4))
    turns[:, :3, :3] = rotation_about_y(np.linspace(0, np.pi, 720))
    turns[:, 3, 3] = 1.0
    searched = compute_oriented_iou(
        first[0][:, None] @ turns, first[1][:, None], second[0][:, None], second[1][:, None]
    ).max(axis=1)
    best = compute_oriented_iou(*first, *second, True)
    np.testing.assert_allclose(best, searched, atol=2e-3)
    assert (best >= searched - 1e-6).mean() > 0.9
    assert (best >= compute_oriented_iou(*first, *second) - 1e-9).all()


def test_turning_a_symmetric_box_changes_nothing(generator: np.random.Generator) -> None:
    first, second = _sample_boxes(generator, 20), _sample_boxes(generator, 20)
    turned = first[0].copy()
    turned[:, :3, :3] = turned[:, :3, :3] @ rotation_about_y(generator.uniform(0, 6, 20))
    iou = compute_oriented_iou(*first, *second, True)
    again = compute_oriented_iou(turned, first[1], *second, True)
    np.testing.assert_allclose(again, iou, atol=2e-3)


def test_oriented_iou_of_what_is_not_finite_is_nan() -> None:
    pose = _pose(np.eye(3), np.zeros(3))
    broken = pose.copy()
    broken[0, 3] = np.nan
    assert np.isnan(compute_oriented_iou(broken, np.ones(3), pose, np.ones(3)))
    assert np.isnan(compute_oriented_iou(pose, np.full(3, np.nan), pose, np.ones(3)))


def test_batch_dimensions_broadcast(generator: np.random.Generator) -> None:
    first, second = _sample_boxes(generator, 3), _sample_boxes(generator, 4)
    table = compute_oriented_iou(
        first[0][:, None], first[1][:, None], second[0][None], second[1][None]
    )
    assert table.shape == (3, 4)
    one = compute_oriented_iou(first[0][1], first[1][1], second[0][2], second[1][2])
    assert table[1, 2] == one


def test_aligned_iou_is_that_of_the_boxes_around_the_corners(
    generator: np.random.Generator,
) -> None:
    first, second = _sample_boxes(generator, 30), _sample_boxes(generator, 30)
    corners = [compute_corners(*first), compute_corners(*second)]
    low, high = [c.min(axis=1) for c in corners], [c.max(axis=1) for c in corners]
    shared = np.minimum(*high) - np.maximum(*low)
    volume = np.prod(np.maximum(shared, 0), axis=1)
    total = sum(np.prod(b - a, axis=1) for a, b in zip(low, high, strict=True))
    expected = volume / (total - volume)
    np.testing.assert_allclose(compute_aligned_iou(*first, *second), expected, atol=1e-12)


def test_official_overlap_is_no_iou_of_boxes() -> None:
    """The published measure: the same two boxes overlap differently far from the camera."""
    cube = np.full(3, 0.2)
    values = []
    for depth in (0.6, 1.2):
        near = _pose(np.eye(3), np.array([0.0, 0.0, depth]))
        far = _pose(np.eye(3), np.array([0.0, 0.0, depth + 0.1]))
        values.append(float(compute_official_iou(near, cube, far, cube)))
        assert compute_aligned_iou(near, cube, far, cube) == pytest.approx(1 / 3, abs=1e-9)
    assert values[1] > values[0] + 0.1


def test_image_iou_counts_pixels_at_both_ends() -> None:
    box = np.array([0, 0, 9, 9])
    assert compute_image_iou(box, np.array([0, 0, 9, 4])) == 0.5
    assert compute_image_iou(box, np.array([0, 10, 9, 19])) == 0.0
    assert compute_image_iou(box, box) == 1.0
    assert compute_image_iou(box, np.array([9, 9, 18, 18])) == pytest.approx(1 / 199)
