"""Centres and nearest neighbours of point clouds, compiled: what `PatchEncoder` groups by."""

from functools import partial

import numba
import numpy as np

from benchmark.networks.cloud_sharing import share_clouds


def group_nearest(
    points: np.ndarray, centres: int, neighbours: int
) -> tuple[np.ndarray, np.ndarray]:
    """Pick well-spread centres of each cloud and their nearest points.

    The centres are picked by farthest-point sampling from the first point; the first n of them are
    thus the n centres of a coarser sampling, which hierarchical encoders use as their next level.

    Args:
        points: (B, N, 3) float32.
        centres: number of centres, at most N.
        neighbours: number of nearest points of each centre, itself included, at most N.

    Returns:
        Indices into the N points: centres (B, centres) and neighbours (B, centres, neighbours),
        both int64; neighbours in ascending distance.
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    centre_rows = np.empty((len(points), centres), dtype=np.int64)
    neighbour_rows = np.empty((len(points), centres, neighbours), dtype=np.int64)
    share_clouds(partial(_group_clouds, points, centre_rows, neighbour_rows), len(points))
    return centre_rows, neighbour_rows


@numba.njit(nogil=True, cache=True, fastmath=True)
def _group_clouds(
    points: np.ndarray, centre_rows: np.ndarray, neighbour_rows: np.ndarray, start: int, stop: int
) -> None:
    """Fill the rows of the clouds from start to stop.

    Squared distances are compared as the whole numbers that their bits make: their order is the
    same, and the compiler turns their minima and maxima into vector instructions.
    """
    count, size = points.shape[1], neighbour_rows.shape[2]
    squares = np.empty(count, dtype=np.float32)
    to_picked = np.empty(count, dtype=np.float32)
    keys, picked_keys = squares.view(np.int32), to_picked.view(np.int32)
    folded, near = np.empty(count, dtype=np.int32), np.empty(count + 1, dtype=np.int64)
    nearest = np.empty(size + 1, dtype=np.int64)
    for cloud in range(start, stop):
        x = points[cloud, :, 0].copy()
        y = points[cloud, :, 1].copy()
        z = points[cloud, :, 2].copy()
        to_picked[:] = np.float32(np.inf)
        picked = 0
        for centre in range(centre_rows.shape[1]):
            centre_rows[cloud, centre] = picked
            a, b, c = x[picked], y[picked], z[picked]
            for i in range(count):
                dx, dy, dz = x[i] - a, y[i] - b, z[i] - c
                squares[i] = dx * dx + dy * dy + dz * dz
                to_picked[i] = min(to_picked[i], squares[i])
            found = _find_up_to(keys, _bound_smallest(keys, size, folded), near)
            _keep_smallest(near, found, nearest)
            for place in range(size):
                neighbour_rows[cloud, centre, place] = nearest[place] & 0xFFFFFFFF
            picked = _find_largest(picked_keys)


@numba.njit(nogil=True, cache=True)
def _bound_smallest(keys: np.ndarray, size: int, folded: np.ndarray) -> np.int32:
    """Return a number that at least `size` keys do not exceed, and few others.

    The keys are folded, each onto the one half a row further on, while the row stays long enough:
    every minimum left is of other keys, so that as many keys as minima are up to the largest.
    """
    width, left = keys.shape[0], keys
    while size < width and size <= (width + 1) // 2:
        half = (width + 1) // 2
        upper = left[half:width]
        for i in range(upper.shape[0]):
            folded[i] = min(left[i], upper[i])
        for i in range(upper.shape[0], half):
            folded[i] = left[i]
        width, left = half, folded
    largest = np.int32(0)
    for i in range(width):
        largest = max(largest, left[i])
    return largest


@numba.njit(nogil=True, cache=True)
def _find_up_to(keys: np.ndarray, limit: np.int32, near: np.ndarray) -> int:
    """Write key and index, as one number, of the keys up to a limit; return how many they are."""
    found = 0
    for i in range(keys.shape[0]):
        near[found] = (np.int64(keys[i]) << 32) | i
        found += keys[i] <= limit
    return found


@numba.njit(nogil=True, cache=True)
def _keep_smallest(values: np.ndarray, count: int, smallest: np.ndarray) -> None:
    """Sort the first values into `smallest`, whose last place takes what does not belong."""
    last = smallest.shape[0] - 1
    smallest[:] = np.iinfo(np.int64).max
    for i in range(count):
        value, place = values[i], last
        while place > 0 and smallest[place - 1] > value:
            smallest[place] = smallest[place - 1]
            place -= 1
        smallest[place] = value


@numba.njit(nogil=True, cache=True)
def _find_largest(keys: np.ndarray) -> int:
    """Return the index of the first of the largest keys, which are not negative."""
    count = keys.shape[0]
    largest = np.int32(0)
    for i in range(count):
        largest = max(largest, keys[i])
    first = np.int32(count)
    for i in range(count):
        first = min(first, np.int32(i) if keys[i] == largest else np.int32(count))
    return int(first)
