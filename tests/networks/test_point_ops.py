"""Sampling and grouping against definitions written out in plain Python."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from benchmark.networks.point_ops import find_in_ball, sample_farthest
from benchmark.networks.point_ops_torch import find_in_ball_torch, sample_farthest_torch


def draw_clouds(count: int, seed: int) -> np.ndarray:
    """Return clouds on a coarse grid, so that ties and duplicates are common."""
    rng = np.random.default_rng(seed)
    return (rng.integers(0, 6, (3, count, 3)) / 8).astype(np.float32)


def reduce_like_cuda(distance: np.ndarray) -> int:
    """Return the argmax of a block reduction: threads stride over points, then are halved."""
    threads = min(1024, 2 ** int(np.log2(len(distance))))
    best = [
        max(range(t, len(distance), threads), key=lambda i: distance[i]) for t in range(threads)
    ]
    while threads > 1:
        threads //= 2
        best = [
            low if distance[low] >= distance[high] else high
            for low, high in zip(best[:threads], best[threads:], strict=True)
        ]
    return best[0]


@pytest.mark.parametrize("count", [1, 2, 37, 64, 100])
def test_each_pick_is_the_one_a_block_reduction_makes(count: int) -> None:
    clouds = draw_clouds(count, seed=count)
    picks = min(count, 20)
    for cloud, rows in zip(clouds, sample_farthest(clouds, picks), strict=True):
        distance = np.full(count, np.inf, dtype=np.float32)
        expected = [0]
        for _ in range(picks - 1):
            offsets = cloud - cloud[expected[-1]]
            distance = np.minimum(distance, (offsets**2).sum(axis=1))
            expected.append(reduce_like_cuda(distance))
        np.testing.assert_array_equal(rows, expected)


def test_neighbours_are_the_first_strictly_inside_padded_with_the_first() -> None:
    clouds = draw_clouds(80, seed=5)
    centres = np.concatenate([clouds[:, :10], np.full((3, 1, 3), 9, np.float32)], axis=1)
    radius, wanted = 0.25, 6
    found = find_in_ball(clouds, centres, radius, wanted)
    for b, i in np.ndindex(found.shape[:2]):
        inside = ((clouds[b] - centres[b, i]) ** 2).sum(axis=1) < np.float32(radius**2)
        hits = np.flatnonzero(inside)[:wanted]
        expected = np.resize(hits[:1], wanted) if len(hits) else np.zeros(wanted)
        expected[: len(hits)] = hits
        np.testing.assert_array_equal(found[b, i], expected)


def test_a_point_exactly_on_the_sphere_is_outside() -> None:
    points = np.array([[[0, 0, 0], [0.25, 0, 0], [0.125, 0, 0]]], dtype=np.float32)
    np.testing.assert_array_equal(find_in_ball(points, points[:, :1], 0.25, 3)[0, 0], [0, 2, 0])


def draw_fine_clouds(count: int, seed: int) -> np.ndarray:
    """Return clouds as they come from a camera: metres from it, no ties, rounding in every sum."""
    rng = np.random.default_rng(seed)
    return (rng.normal([0.1, -0.2, 1.1], 0.05, (3, count, 3))).astype(np.float32)


@pytest.mark.parametrize("draw", [draw_clouds, draw_fine_clouds])
@pytest.mark.parametrize("count", [5, 100, 256])
def test_the_gpus_way_to_sample_and_group_gives_the_same_rows(
    draw: Callable[..., np.ndarray], count: int
) -> None:
    clouds = draw(count, seed=count)
    picks = min(count, 40)
    rows = sample_farthest(clouds, picks)
    on_device = torch.from_numpy(clouds)
    np.testing.assert_array_equal(sample_farthest_torch(on_device, picks).numpy(), rows)
    centres = np.take_along_axis(clouds, rows[..., None], axis=1) + np.float32(0.01)
    centres[:, 0] = 9  # finds nothing
    for radius, wanted in ((0.04, 16), (0.25, 8), (0.3, count + 3)):
        found = find_in_ball_torch(on_device, torch.from_numpy(centres), radius, wanted)
        np.testing.assert_array_equal(found.numpy(), find_in_ball(clouds, centres, radius, wanted))
