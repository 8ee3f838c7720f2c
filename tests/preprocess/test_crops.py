"""Windows, crops and clouds against the formula written out pixel by pixel."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.categories import REAL_INTRINSICS
from benchmark.errors import DataFormatError
from preprocess.crops import (
    Window,
    compute_crop_offsets,
    compute_window,
    crop_cloud,
    draw_point_ids,
    sample_cloud,
    sample_points,
)

WINDOWS = [
    Window(100, 220, 40, 160),
    Window(0, 40, 0, 40),
    Window(440, 480, 600, 640),
    Window(20, 460, 100, 540),
    Window(-30, 50, -10, 70),
    Window(430, 510, 600, 680),
]


def draw_frame(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    depth = rng.integers(300, 2000, (480, 640)).astype(np.uint16)
    depth[rng.random(depth.shape) < 0.2] = 0
    return depth, rng.random(depth.shape) < 0.6


def list_crop(
    depth: np.ndarray, mask: np.ndarray, window: Window
) -> list[tuple[int, int, int, float]]:
    """List crop index, u, v and depth by looping over the crop."""
    found = []
    for i in range(256):
        for j in range(256):
            v = window.rmin + math.floor(i * (window.rmax - window.rmin) / 256 + 0.5)
            u = window.cmin + math.floor(j * (window.cmax - window.cmin) / 256 + 0.5)
            inside = 0 <= v < depth.shape[0] and 0 <= u < depth.shape[1]
            if inside and mask[v, u] and depth[v, u] > 0:
                found.append((i * 256 + j, u, v, float(depth[v, u])))
    return found


@pytest.mark.parametrize("window", WINDOWS)
def test_crop_follows_the_formula(window: Window) -> None:
    depth, mask = draw_frame(0)
    crop = crop_cloud(depth, mask, window, REAL_INTRINSICS)
    expected = list_crop(depth, mask, window)
    assert crop.crop_index.tolist() == [row[0] for row in expected]
    assert crop.pixels.tolist() == [[row[1], row[2]] for row in expected]
    for point, (_, u, v, z) in zip(crop.points[::997], expected[::997], strict=True):
        x = (u - REAL_INTRINSICS.cx) * z / REAL_INTRINSICS.fx
        y = (v - REAL_INTRINSICS.cy) * z / REAL_INTRINSICS.fy
        np.testing.assert_allclose(point * 1000, [x, y, z], rtol=1e-5)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("share", [0.001, 0.6])
def test_sampling_directly_equals_cropping_then_sampling(window: Window, share: float) -> None:
    depth, _ = draw_frame(1)
    mask = np.random.default_rng(2).random(depth.shape) < share
    crop = crop_cloud(depth, mask, window, REAL_INTRINSICS)
    cloud = sample_cloud(depth, mask, window, REAL_INTRINSICS, np.random.default_rng(3))
    assert cloud.valid_pixels == len(crop.points)
    if len(crop.points) >= 2:
        points, ids = sample_points(crop.points, np.random.default_rng(3))
        np.testing.assert_array_equal(cloud.points, points)
        np.testing.assert_array_equal(cloud.pixels, crop.pixels[ids])


def test_masks_of_any_type_and_stride_give_the_same_cloud() -> None:
    depth, mask = draw_frame(4)
    stacked = np.stack([~mask, mask, ~mask], axis=-1)
    plain = crop_cloud(depth, mask, WINDOWS[0], REAL_INTRINSICS)
    for other in (stacked[..., 1], mask.astype(np.uint8) * 255, mask.astype(np.float32)):
        crop = crop_cloud(depth, other, WINDOWS[0], REAL_INTRINSICS)
        np.testing.assert_array_equal(crop.points, plain.points)


@pytest.mark.parametrize("pixels", [[], [(150, 100)]])
def test_a_crop_with_less_than_two_points_gives_no_cloud(pixels: list[tuple[int, int]]) -> None:
    depth, mask = np.full((480, 640), 1000, np.uint16), np.zeros((480, 640), bool)
    for row, col in pixels:
        mask[row, col] = True
    window = Window(0, 440, 0, 440)
    cloud = sample_cloud(depth, mask, window, REAL_INTRINSICS, np.random.default_rng(0))
    assert cloud.points.shape == (0, 3)
    assert cloud.pixels.shape == (0, 2)
    assert cloud.valid_pixels == len(pixels)


def test_nothing_lies_outside_the_image() -> None:
    depth, mask = draw_frame(5)
    outside = Window(480, 520, 0, 40)
    assert len(crop_cloud(depth, mask, outside, REAL_INTRINSICS).points) == 0
    cloud = sample_cloud(depth, mask, outside, REAL_INTRINSICS, np.random.default_rng(0))
    assert cloud.valid_pixels == 0


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 479), st.integers(0, 639), st.integers(0, 479), st.integers(0, 639))
def test_windows_are_squares_inside_the_image(a: int, b: int, c: int, d: int) -> None:
    bbox = np.array([min(a, c), min(b, d), max(a, c) + 1, max(b, d) + 1])
    window = compute_window(bbox)
    side = window.rmax - window.rmin
    assert side == window.cmax - window.cmin
    assert side % 40 == 0
    assert 40 <= side <= 440
    assert 0 <= window.rmin <= window.rmax <= 480
    assert 0 <= window.cmin <= window.cmax <= 640
    longer = max(bbox[2] - bbox[0], bbox[3] - bbox[1])
    assert side > longer or side == 440
    assert side <= longer + 40


def test_windows_of_other_images_stay_inside_them() -> None:
    for width, height in ((1280, 720), (320, 240), (100, 100)):
        window = compute_window(np.array([10, 10, height, width]), (width, height))
        assert window.rmin >= 0
        assert window.rmax <= height
        assert window.cmin >= 0
        assert window.cmax <= width


def test_small_windows_read_one_pixel_past_their_end() -> None:
    assert compute_crop_offsets(40)[-1] == 40
    assert compute_crop_offsets(440)[-1] < 440


def test_large_clouds_are_thinned_and_small_ones_repeated_in_turn() -> None:
    rng = np.random.default_rng(0)
    many = draw_point_ids(5000, rng)
    assert len(set(many.tolist())) == 1024
    assert not np.array_equal(many, np.sort(many))
    np.testing.assert_array_equal(draw_point_ids(1024, rng), np.arange(1024))
    np.testing.assert_array_equal(draw_point_ids(700, rng), np.arange(1024) % 700)


def test_no_points_cannot_be_sampled() -> None:
    with pytest.raises(DataFormatError, match="without points"):
        sample_points(np.empty((0, 3)), np.random.default_rng(0))
