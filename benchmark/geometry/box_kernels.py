"""Compiled loops behind `benchmark.geometry.boxes`: one pair of boxes at a time.

A box is a similarity transform (4, 4) and its extents (3,): the corners are at half the extents in
the object's frame.
"""

import math

import numba
import numpy as np

Array = np.ndarray

_TURNS = 20  # rotations about y that the official evaluators try for symmetric objects
_GRID = 18  # first guesses of the best turn, over half a turn: a box turned by pi is itself
_REFINEMENTS = 16  # golden-section steps around the best guess, to 0.01 degrees
_GROWTH = 1.0 + 1e-9
_MOST_VERTICES = 16


@numba.njit(cache=True)
def compute_span_iou(
    transform_1: Array,
    extents_1: Array,
    transform_2: Array,
    extents_2: Array,
    symmetric: Array,
    over_corners: bool,
) -> Array:
    """Return the IoU (N,) of N pairs of boxes from the spans of their corners.

    Args:
        transform_1, transform_2: (N, 4, 4).
        extents_1, extents_2: (N, 3).
        symmetric: (N,) bool; the largest of 20 turns of the first box about its y axis counts.
        over_corners: True takes the span of every axis over the corners (axis-aligned boxes); False
            takes the span of every corner over the axes, as the official evaluators do.
    """
    iou = np.zeros(len(transform_1))
    corners = np.empty((8, 3))
    first, second = np.empty((8, 2)), np.empty((8, 2))
    for n in range(len(transform_1)):
        _fill_corners(transform_2[n], extents_2[n], 0.0, corners)
        rows = _fill_spans(corners, over_corners, second)
        for turn in range(_TURNS if symmetric[n] else 1):
            angle = 2.0 * math.pi * turn / _TURNS
            _fill_corners(transform_1[n], extents_1[n], angle, corners)
            _fill_spans(corners, over_corners, first)
            value = _span_iou(first, second, rows)
            if turn == 0 or value > iou[n]:
                iou[n] = value
    return iou


@numba.njit(cache=True)
def _fill_corners(transform: Array, extents: Array, angle: float, corners: Array) -> None:
    """Write the corners of a box that was turned about its y axis."""
    cosine, sine = math.cos(angle), math.sin(angle)
    for axis in range(3):
        right = (cosine * transform[axis, 0] - sine * transform[axis, 2]) * extents[0] / 2
        up = transform[axis, 1] * extents[1] / 2
        front = (sine * transform[axis, 0] + cosine * transform[axis, 2]) * extents[2] / 2
        for corner in range(8):
            offset = right if corner & 4 == 0 else -right
            offset += up if corner & 2 == 0 else -up
            offset += front if corner & 1 == 0 else -front
            corners[corner, axis] = transform[axis, 3] + offset


@numba.njit(cache=True)
def _fill_spans(corners: Array, over_corners: bool, spans: Array) -> int:
    """Write smallest and largest coordinate of each axis, or of each corner; return how many."""
    if over_corners:
        for axis in range(3):
            spans[axis, 0] = spans[axis, 1] = corners[0, axis]
            for corner in range(1, 8):
                spans[axis, 0] = min(spans[axis, 0], corners[corner, axis])
                spans[axis, 1] = max(spans[axis, 1], corners[corner, axis])
        return 3
    for corner in range(8):
        x, y, z = corners[corner, 0], corners[corner, 1], corners[corner, 2]
        spans[corner, 0], spans[corner, 1] = min(x, y, z), max(x, y, z)
    return 8


@numba.njit(cache=True)
def _span_iou(first: Array, second: Array, rows: int) -> float:
    volume_1 = volume_2 = shared = 1.0
    for row in range(rows):
        overlap = min(first[row, 1], second[row, 1]) - max(first[row, 0], second[row, 0])
        volume_1 *= first[row, 1] - first[row, 0]
        volume_2 *= second[row, 1] - second[row, 0]
        shared *= max(overlap, 0.0)
    union = volume_1 + volume_2 - shared
    return shared / union if union > 0 else math.nan


@numba.njit(cache=True)
def compute_oriented_iou(
    rotation_1: Array,
    center_1: Array,
    size_1: Array,
    rotation_2: Array,
    center_2: Array,
    size_2: Array,
    symmetric: Array,
) -> Array:
    """Return the IoU (N,) of N pairs of oriented boxes, exact up to rounding.

    Args:
        rotation_1, rotation_2: (N, 3, 3).
        center_1, center_2: (N, 3).
        size_1, size_2: (N, 3) box sides.
        symmetric: (N,) bool; the best of all turns of the first box about its y axis counts.
    """
    iou = np.zeros(len(center_1))
    for n in range(len(center_1)):
        half_1, half_2 = size_1[n] / 2, size_2[n] / 2
        relative = rotation_2[n].T @ rotation_1[n]
        offset = rotation_2[n].T @ (center_1[n] - center_2[n])
        if not np.isfinite(relative.sum() + offset.sum() + half_1.sum() + half_2.sum()):
            iou[n] = math.nan
            continue
        reach = math.sqrt((half_1**2).sum()) + math.sqrt((half_2**2).sum())
        if (offset**2).sum() >= reach**2:
            continue
        if symmetric[n]:
            shared = _largest_intersection(half_1, half_2, relative, offset)
        else:
            shared = _turned_intersection(half_1, half_2, relative, offset, 0.0)
        union = 8.0 * (half_1.prod() + half_2.prod()) - shared
        iou[n] = shared / union if union > 0 else math.nan
    return iou


@numba.njit(cache=True)
def _largest_intersection(half_1: Array, half_2: Array, relative: Array, offset: Array) -> float:
    step = math.pi / _GRID
    best, best_angle = -1.0, 0.0
    for index in range(_GRID):
        volume = _turned_intersection(half_1, half_2, relative, offset, index * step)
        if volume > best:
            best, best_angle = volume, index * step
    golden = (math.sqrt(5.0) - 1.0) / 2.0
    low, high = best_angle - step, best_angle + step
    left, right = high - golden * (high - low), low + golden * (high - low)
    at_left = _turned_intersection(half_1, half_2, relative, offset, left)
    at_right = _turned_intersection(half_1, half_2, relative, offset, right)
    for _ in range(_REFINEMENTS):
        if at_left > at_right:
            high, right, at_right = right, left, at_left
            left = high - golden * (high - low)
            at_left = _turned_intersection(half_1, half_2, relative, offset, left)
        else:
            low, left, at_left = left, right, at_right
            right = low + golden * (high - low)
            at_right = _turned_intersection(half_1, half_2, relative, offset, right)
    return max(best, at_left, at_right)


@numba.njit(cache=True)
def _turned_intersection(
    half_1: Array, half_2: Array, relative: Array, offset: Array, angle: float
) -> float:
    """Return the volume shared by box 1, turned by `angle` about its y axis, and box 2.

    The divergence theorem: a third of the flux of x through the faces of either box inside the
    other. Box 2 is grown by one part in 10^9 so that no two faces coincide, which would count a
    shared face twice or not at all.
    """
    cosine, sine = math.cos(angle), math.sin(angle)
    rotation, inverse = np.empty((3, 3)), np.empty((3, 3))
    back, grown, nowhere = np.zeros(3), half_2 * _GROWTH, np.zeros(3)
    for row in range(3):
        rotation[row, 0] = cosine * relative[row, 0] - sine * relative[row, 2]
        rotation[row, 1] = relative[row, 1]
        rotation[row, 2] = sine * relative[row, 0] + cosine * relative[row, 2]
        for column in range(3):
            inverse[column, row] = rotation[row, column]
            back[column] -= rotation[row, column] * offset[row]
    flux = _flux(half_1, rotation, offset, grown, offset)
    flux += _flux(grown, inverse, back, half_1, nowhere)
    return max(flux / 3.0, 0.0)


@numba.njit(cache=True)
def _flux(half: Array, rotation: Array, center: Array, clip: Array, origin: Array) -> float:
    """Return the flux of (x - origin) through the faces of a box inside the box |x_i| <= clip_i.

    The box with half sides `half` is given in the frame of the other, axis-aligned box.
    """
    polygon, spare = np.empty((_MOST_VERTICES, 3)), np.empty((_MOST_VERTICES, 3))
    flux = 0.0
    for axis in range(3):
        across, along = (axis + 1) % 3, (axis + 2) % 3
        for sign in (-1.0, 1.0):
            height = 0.0
            for row in range(3):
                normal = sign * rotation[row, axis]
                middle = center[row] + normal * half[axis]
                height += normal * (middle - origin[row])
                edge_1, edge_2 = (
                    rotation[row, across] * half[across],
                    rotation[row, along] * half[along],
                )
                polygon[0, row] = middle - edge_1 - edge_2
                polygon[1, row] = middle + edge_1 - edge_2
                polygon[2, row] = middle + edge_1 + edge_2
                polygon[3, row] = middle - edge_1 + edge_2
            flux += height * _clipped_area(polygon, spare, clip)
    return flux


@numba.njit(cache=True)
def _clipped_area(polygon: Array, spare: Array, clip: Array) -> float:
    """Return the area of a quadrangle inside |x_i| <= clip_i; both arrays are overwritten."""
    count = 4
    for axis in range(3):
        for sign in (-1.0, 1.0):
            smallest, largest = math.inf, -math.inf
            for vertex in range(count):
                inside = clip[axis] - sign * polygon[vertex, axis]
                smallest, largest = min(smallest, inside), max(largest, inside)
            if largest < 0:
                return 0.0
            if smallest < 0:
                count = _clip_to_plane(polygon, spare, count, axis, sign, clip[axis])
                polygon, spare = spare, polygon
    return _area(polygon, count)


@numba.njit(cache=True)
def _clip_to_plane(
    polygon: Array, kept: Array, count: int, axis: int, sign: float, limit: float
) -> int:
    """Write the part of a convex polygon with sign * x[axis] <= limit; return its vertices.

    One side of the plane after Sutherland and Hodgman.
    """
    written = 0
    before = count - 1
    inside_before = limit - sign * polygon[before, axis]
    for vertex in range(count):
        inside = limit - sign * polygon[vertex, axis]
        if (inside >= 0) != (inside_before >= 0):
            part = inside / (inside - inside_before)
            for row in range(3):
                step = polygon[before, row] - polygon[vertex, row]
                kept[written, row] = polygon[vertex, row] + part * step
            written += 1
        if inside >= 0:
            for row in range(3):
                kept[written, row] = polygon[vertex, row]
            written += 1
        before, inside_before = vertex, inside
    return written


@numba.njit(cache=True)
def _area(polygon: Array, count: int) -> float:
    x = y = z = 0.0
    for vertex in range(1, count - 1):
        ax, ay, az = (
            polygon[vertex, 0] - polygon[0, 0],
            polygon[vertex, 1] - polygon[0, 1],
            polygon[vertex, 2] - polygon[0, 2],
        )
        bx, by, bz = (
            polygon[vertex + 1, 0] - polygon[0, 0],
            polygon[vertex + 1, 1] - polygon[0, 1],
            polygon[vertex + 1, 2] - polygon[0, 2],
        )
        x += ay * bz - az * by
        y += az * bx - ax * bz
        z += ax * by - ay * bx
    return math.sqrt(x * x + y * y + z * z) / 2.0
