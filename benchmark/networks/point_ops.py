"""Farthest-point sampling and ball query, compiled, with the semantics of PointNet++'s CUDA code.

Released weights only give the released features if ties and orders are resolved alike, so both
functions are exact to the bit: distances are float32 sums of three products without fused
multiply-add.
"""

from functools import cache

import numba
import numpy as np


def sample_farthest(points: np.ndarray, count: int) -> np.ndarray:
    """Pick points one by one, each the farthest from those already picked; the first is point 0.

    Ties go to the point that a CUDA block reduction prefers: its threads take every T-th point (T
    the largest power of two up to N, at most 1024) and are halved from the top, the lower winning.

    Args:
        points: (B, N, 3) float32.
        count: number of points to pick, at most N.

    Returns:
        (B, count) int64 row indices.
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    rows = np.empty((len(points), count), dtype=np.int64)
    _sample_farthest(points, order_of_preference(points.shape[1]), rows)
    return rows


def find_in_ball(points: np.ndarray, centres: np.ndarray, radius: float, count: int) -> np.ndarray:
    """Find the first `count` points, in index order, strictly within `radius` of each centre.

    A centre with fewer hits repeats its first; one without any gets point 0.

    Args:
        points: (B, N, 3) float32.
        centres: (B, M, 3) float32.
        radius: in the points' unit.
        count: number of neighbours of each centre.

    Returns:
        (B, M, count) int64 row indices.
    """
    points = np.ascontiguousarray(points, dtype=np.float32)
    centres = np.ascontiguousarray(centres, dtype=np.float32)
    rows = np.zeros((*centres.shape[:2], count), dtype=np.int64)
    _find_in_ball(points, centres, np.float32(radius) * np.float32(radius), rows)
    return rows


@cache
def order_of_preference(count: int) -> np.ndarray:
    """Return all row indices, those that win a tie first."""
    threads = min(1024, 1 << (count.bit_length() - 1))
    bits = threads.bit_length() - 1
    reversed_bits = [int(f"{i:0{bits}b}"[::-1], 2) if bits else 0 for i in range(threads)]
    return np.concatenate([np.arange(thread, count, threads) for thread in reversed_bits])


@numba.njit(nogil=True, cache=True)
def _sample_farthest(points: np.ndarray, order: np.ndarray, rows: np.ndarray) -> None:
    count = points.shape[1]
    to_picked = np.empty(count, dtype=np.float32)
    for cloud in range(points.shape[0]):
        # In order of preference the first maximum is the winner, and memory is read in sequence.
        x, y, z = points[cloud, order, 0], points[cloud, order, 1], points[cloud, order, 2]
        to_picked[:] = np.float32(np.inf)
        place = 0
        for picked in range(rows.shape[1]):
            rows[cloud, picked] = order[place]
            px, py, pz = x[place], y[place], z[place]
            for i in range(count):
                dx, dy, dz = x[i] - px, y[i] - py, z[i] - pz
                to_picked[i] = min(to_picked[i], dx * dx + dy * dy + dz * dz)
            place = int(np.argmax(to_picked))


@numba.njit(nogil=True, cache=True)
def _find_in_ball(
    points: np.ndarray, centres: np.ndarray, squared_radius: np.float32, rows: np.ndarray
) -> None:
    total, wanted = points.shape[1], rows.shape[2]
    for cloud in range(points.shape[0]):
        for centre in range(centres.shape[1]):
            cx, cy, cz = centres[cloud, centre]
            found = 0
            for i in range(total):
                dx = cx - points[cloud, i, 0]
                dy = cy - points[cloud, i, 1]
                dz = cz - points[cloud, i, 2]
                if dx * dx + dy * dy + dz * dz < squared_radius:
                    rows[cloud, centre, found] = i
                    found += 1
                    if found == wanted:
                        break
            for i in range(max(found, 1), wanted):
                rows[cloud, centre, i] = rows[cloud, centre, 0]
