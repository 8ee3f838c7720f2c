"""Centres and nearest neighbours of point clouds, compiled: what `PatchEncoder` groups by."""

import numba
import numpy as np


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
    _group_clouds(points, centre_rows, neighbour_rows)
    return centre_rows, neighbour_rows


@numba.njit(nogil=True, cache=True, fastmath=True)
def _group_clouds(points: np.ndarray, centre_rows: np.ndarray, neighbour_rows: np.ndarray) -> None:
    count = points.shape[1]
    distance = np.empty(count, dtype=np.float32)
    to_picked = np.empty(count, dtype=np.float32)
    best = np.empty(neighbour_rows.shape[2], dtype=np.float32)
    for cloud in range(points.shape[0]):
        x = points[cloud, :, 0].copy()
        y = points[cloud, :, 1].copy()
        z = points[cloud, :, 2].copy()
        to_picked[:] = np.float32(np.inf)
        picked = 0
        for centre in range(centre_rows.shape[1]):
            centre_rows[cloud, centre] = picked
            for i in range(count):
                dx, dy, dz = x[i] - x[picked], y[i] - y[picked], z[i] - z[picked]
                distance[i] = dx * dx + dy * dy + dz * dz
                to_picked[i] = min(to_picked[i], distance[i])
            _select_smallest(distance, best, neighbour_rows[cloud, centre])
            picked = int(np.argmax(to_picked))


@numba.njit(nogil=True, cache=True)
def _select_smallest(values: np.ndarray, best: np.ndarray, rows: np.ndarray) -> None:
    """Write the indices of the smallest values into `rows`, ascending, by insertion."""
    size = rows.shape[0]
    best[:] = np.float32(np.inf)
    for i in range(values.shape[0]):
        value = values[i]
        if value >= best[size - 1]:
            continue
        place = size - 1
        while place > 0 and best[place - 1] > value:
            best[place] = best[place - 1]
            rows[place] = rows[place - 1]
            place -= 1
        best[place] = value
        rows[place] = i
