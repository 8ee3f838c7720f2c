"""Centres and nearest neighbours against sorting, on clouds where ties are common."""

from collections.abc import Callable

import numpy as np
import pytest

from benchmark.networks.neighbours import group_nearest


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest, set_threads: Callable[[int], None]) -> None:
    """Compute with so many threads."""
    set_threads(request.param)


def sort_neighbours(cloud: np.ndarray, centre: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the squared distances from one point, and its nearest points, the first ones first."""
    squares = ((cloud - cloud[centre]) ** 2).sum(axis=1)
    return squares, np.argsort(squares, kind="stable")[:count]


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(
    ("points", "centres", "neighbours"),
    [(1, 1, 1), (2, 2, 1), (16, 4, 16), (17, 4, 16), (31, 31, 30), (33, 9, 33), (200, 20, 16)],
)
def test_centres_are_the_farthest_and_neighbours_the_nearest_the_first_winning_ties(
    points: int, centres: int, neighbours: int
) -> None:
    rng = np.random.default_rng(points)
    clouds = (rng.integers(-3, 4, (3, points, 3)) / 8).astype(np.float32)  # sums are exact
    found = group_nearest(clouds, centres, neighbours)
    for cloud, centre_rows, neighbour_rows in zip(clouds, *found, strict=True):
        to_picked, picked = np.full(points, np.inf), 0
        for row, nearest in zip(centre_rows, neighbour_rows, strict=True):
            squares, expected = sort_neighbours(cloud, picked, neighbours)
            assert row == picked
            np.testing.assert_array_equal(nearest, expected)
            to_picked = np.minimum(to_picked, squares)
            picked = int(np.argmax(to_picked))


def test_neighbours_of_ordinary_clouds_are_the_nearest() -> None:
    clouds = np.random.default_rng(0).normal(size=(4, 1024, 3)).astype(np.float32)
    centres, neighbours = group_nearest(clouds, 64, 16)
    for cloud, centre_rows, neighbour_rows in zip(clouds, centres, neighbours, strict=True):
        for row, nearest in zip(centre_rows, neighbour_rows, strict=True):
            squares, expected = sort_neighbours(cloud, row, 16)
            np.testing.assert_allclose(squares[nearest], squares[expected], rtol=1e-5)
