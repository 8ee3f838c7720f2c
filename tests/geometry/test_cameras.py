"""Pixels and points: each function undoes the other."""

import numpy as np

from benchmark.categories import REAL_INTRINSICS
from benchmark.geometry.cameras import back_project, pack_intrinsics, project

INTRINSICS = pack_intrinsics(REAL_INTRINSICS)


def test_projecting_a_back_projected_pixel_gives_the_pixel() -> None:
    rng = np.random.default_rng(0)
    pixels, depth = rng.uniform(0, 640, (3, 5, 2)), rng.uniform(0.1, 5, (3, 5))
    points = back_project(pixels, depth, INTRINSICS)
    np.testing.assert_allclose(points[..., 2], depth)
    np.testing.assert_allclose(project(points, INTRINSICS), pixels)


def test_the_principal_point_looks_straight_ahead() -> None:
    np.testing.assert_allclose(
        back_project(INTRINSICS[2:], np.array(2.0), INTRINSICS), [0.0, 0.0, 2.0]
    )


def test_right_and_down_are_positive() -> None:
    right_below = INTRINSICS[2:] + INTRINSICS[:2]
    np.testing.assert_allclose(back_project(right_below, np.array(2.0), INTRINSICS), [2, 2, 2])


def test_every_item_of_a_batch_may_have_its_own_camera() -> None:
    cameras = np.stack([INTRINSICS, 2 * INTRINSICS])
    points = np.array([[0.1, 0.2, 1.0], [0.1, 0.2, 1.0]])
    pixels = project(points, cameras)
    np.testing.assert_allclose(pixels[1], 2 * pixels[0])
