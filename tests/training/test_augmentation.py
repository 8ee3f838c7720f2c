"""Augmentation: clouds stay consistent with their poses, sizes and symmetries."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmark.categories import get_category
from benchmark.training.augmentation import (
    Augmentation,
    augment_as_released,
    move_rigidly,
    scale_boxes,
    stretch_points,
    taper_shapes,
)
from benchmark.training.clouds import CloudBatch

BATCH = 12


@pytest.fixture
def clouds() -> CloudBatch:
    """Return boxes filled with points, two of each category."""
    rng = np.random.default_rng(3)
    size = rng.uniform(0.05, 0.3, (BATCH, 3)).astype(np.float32)
    shape = rng.uniform(-0.5, 0.5, (BATCH, 200, 3)) * size[:, None]
    rotation = Rotation.random(BATCH, random_state=0).as_matrix().astype(np.float32)
    translation = rng.normal((0, 0, 1), 0.2, (BATCH, 3)).astype(np.float32)
    points = shape @ rotation.transpose(0, 2, 1) + translation[:, None]
    return CloudBatch(
        points=points.astype(np.float32),
        rotation=rotation,
        translation=translation,
        size=size,
        category=np.repeat(np.arange(1, 7), 2).astype(np.uint8),
        handle_visible=np.tile([0, 1], 6).astype(np.uint8),
    )


def to_object(clouds: CloudBatch) -> np.ndarray:
    return (clouds.points - clouds.translation[:, None]) @ clouds.rotation


EVERY = np.ones(BATCH, dtype=bool)


def test_a_rigid_change_keeps_object_coordinates_and_its_limits(clouds: CloudBatch) -> None:
    moved = move_rigidly(clouds, EVERY, 15, 0.05, np.random.default_rng(0))
    np.testing.assert_allclose(to_object(moved), to_object(clouds), atol=1e-6)
    turn = Rotation.from_matrix(moved.rotation @ clouds.rotation.transpose(0, 2, 1))
    assert turn.magnitude().min() > 0
    assert np.abs(turn.as_euler("xyz", degrees=True)).max() <= 15.001
    assert np.abs(moved.translation - clouds.translation).max() <= 0.05


def test_scaling_boxes_scales_points_and_sizes_alike(clouds: CloudBatch) -> None:
    scaled = scale_boxes(clouds, EVERY, (0.8, 1.2), np.random.default_rng(0))
    factor = scaled.size / clouds.size
    np.testing.assert_allclose(to_object(scaled), to_object(clouds) * factor[:, None], atol=1e-6)
    assert factor.min() >= 0.7999
    assert factor.max() <= 1.2001
    mug = get_category("mug").id
    round_ones = np.isin(clouds.category, [1, 2, 4]) | (
        (clouds.category == mug) & (clouds.handle_visible == 0)
    )
    np.testing.assert_allclose(factor[round_ones, 0], factor[round_ones, 2], rtol=1e-6)
    assert (np.abs(factor[~round_ones, 0] - factor[~round_ones, 2]) > 1e-4).all()


def test_taper_turns_no_point_about_the_axis_and_keeps_its_height(clouds: CloudBatch) -> None:
    tapered = taper_shapes(clouds, EVERY, (0.8, 1.2), np.random.default_rng(0))
    before, after = to_object(clouds), to_object(tapered)
    np.testing.assert_allclose(after[..., 1], before[..., 1], atol=1e-6)
    cross = after[..., 0] * before[..., 2] - after[..., 2] * before[..., 0]
    np.testing.assert_allclose(cross, 0, atol=1e-7)
    assert (np.abs(after) <= tapered.size[:, None] / 2 + 1e-6).all()


def test_stretched_points_move_outwards_by_at_most_a_fifth(clouds: CloudBatch) -> None:
    stretched = stretch_points(clouds, EVERY, 0.2, np.random.default_rng(0))
    before, after = to_object(clouds), to_object(stretched)
    far = np.abs(before) > 1e-2
    ratio = after[far] / before[far]
    assert ratio.min() > 1 - 1e-4
    assert ratio.max() < 1.2 + 1e-4
    assert ratio.std() > 0.04


def test_only_the_chosen_clouds_change(clouds: CloudBatch) -> None:
    chosen = np.arange(BATCH) % 2 == 0
    rng = np.random.default_rng(0)
    for changed in (
        move_rigidly(clouds, chosen, 15, 0.05, rng),
        scale_boxes(clouds, chosen, (0.8, 1.2), rng),
        taper_shapes(clouds, chosen, (0.8, 1.2), rng),
        stretch_points(clouds, chosen, 0.2, rng),
    ):
        np.testing.assert_array_equal(changed.points[~chosen], clouds.points[~chosen])
        np.testing.assert_array_equal(changed.size[~chosen], clouds.size[~chosen])
        assert (np.abs(changed.points - clouds.points).max(axis=(1, 2))[chosen] > 1e-4).all()


def test_only_mugs_and_bowls_are_tapered(clouds: CloudBatch) -> None:
    options = Augmentation(box_scale=0, rigid=0, stretch=0, taper=1)
    changed = augment_as_released(clouds, np.random.default_rng(0), options)
    moved = np.abs(changed.points - clouds.points).max(axis=(1, 2)) > 1e-5
    names = {get_category(int(c)).name for c in clouds.category[moved]}
    assert names == {"mug", "bowl"}
