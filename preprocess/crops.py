"""From a detection to its cloud: GenPose's window, 256x256 crop, back-projection, 1024 points.

The crop repeats or skips source pixels. `crop_cloud` builds all its points; `sample_cloud` projects
the 1024 that are drawn, and returns the same bytes as `crop_cloud` followed by `sample_points`.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from benchmark.categories import Intrinsics
from benchmark.errors import DataFormatError
from benchmark.shards import POINTS_PER_CLOUD

CROP_SIDE = 256
MIN_POINTS = 2
"""A crop with fewer points gives no cloud: the detection stays, without an estimate."""

_WINDOW_STEP = 40
_ALL_LINES = np.arange(CROP_SIDE)
_ALL_LINES.flags.writeable = False


class Window(NamedTuple):
    """A square of the image: rows rmin to rmax, columns cmin to cmax, upper ends excluded."""

    rmin: int
    rmax: int
    cmin: int
    cmax: int


class Crop(NamedTuple):
    """Every point of a crop, in row-major order of the crop.

    Attributes:
        points: (n, 3) float32, camera frame, metres.
        pixels: (n, 2) int16, source pixel (u, v).
        crop_index: (n,) uint16, flat index in the 256x256 crop.
    """

    points: np.ndarray
    pixels: np.ndarray
    crop_index: np.ndarray


class SampledCloud(NamedTuple):
    """The 1024 points that an estimator sees, or none.

    Attributes:
        points: (1024, 3) float32, camera frame, metres; (0, 3) where the crop has too few.
        pixels: (1024, 2) int16, source pixel (u, v); (0, 2) likewise.
        valid_pixels: points of the crop before sampling.
    """

    points: np.ndarray
    pixels: np.ndarray
    valid_pixels: int


def compute_window(bbox: np.ndarray, image_size: tuple[int, int] = (640, 480)) -> Window:
    """Return SPD's square window around a detection box.

    Its side is the next multiple of 40 above the longer box side, below the shorter image side
    (at most 440 of 480); it is centred on the box and shifted to stay inside the image.

    Args:
        bbox: (4,) y1, x1, y2, x2 in pixels.
        image_size: width, height in pixels.
    """
    y1, x1, y2, x2 = (int(edge) for edge in bbox)
    largest = max((min(image_size) - 1) // _WINDOW_STEP, 1) * _WINDOW_STEP
    side = min((max(y2 - y1, x2 - x1) // _WINDOW_STEP + 1) * _WINDOW_STEP, largest)
    rmin = _shift_inside((y1 + y2) // 2 - side // 2, side, image_size[1])
    cmin = _shift_inside((x1 + x2) // 2 - side // 2, side, image_size[0])
    return Window(rmin, rmin + side, cmin, cmin + side)


def _shift_inside(start: int, side: int, length: int) -> int:
    return min(max(start, 0), length - side)


@lru_cache(maxsize=512)
def compute_crop_offsets(side: int) -> np.ndarray:
    """Return the window pixel (256,) that each crop pixel reads: floor(d * side / 256 + 0.5).

    Small windows are read one pixel past their end.
    """
    offsets = (2 * np.arange(CROP_SIDE) * side + CROP_SIDE) // (2 * CROP_SIDE)
    offsets.flags.writeable = False
    return offsets


def crop_cloud(
    depth_mm: np.ndarray, mask: np.ndarray, window: Window, intrinsics: Intrinsics
) -> Crop:
    """Return every point of a detection's 256x256 crop.

    Args:
        depth_mm: (h, w) depth in millimetres, 0 where unknown.
        mask: (h, w), non-zero on the object.
        window: from `compute_window`.
        intrinsics: the camera's.
    """
    lines = _read_lines(window, depth_mm.shape)
    y, x = lines.split(_find_points(depth_mm, mask, lines))
    u, v = lines.cols[x], lines.rows[y]
    return Crop(
        _back_project(depth_mm[v, u], u, v, intrinsics),
        np.stack([u, v], axis=1).astype(np.int16),
        (lines.crop_rows[y] * CROP_SIDE + lines.crop_cols[x]).astype(np.uint16),
    )


def draw_point_ids(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return 1024 of `count` indices: a random subset, or all in turn where there are too few."""
    if count > POINTS_PER_CLOUD:
        return rng.choice(count, POINTS_PER_CLOUD, replace=False)
    return np.resize(np.arange(count), POINTS_PER_CLOUD)


def sample_points(points: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return 1024 of the points (n, 3) as `draw_point_ids` picks them, and their indices.

    Raises:
        DataFormatError: there are no points.
    """
    if not len(points):
        raise DataFormatError("cannot sample a cloud without points: leave the detection out")
    ids = draw_point_ids(len(points), rng)
    return points[ids], ids


def sample_cloud(
    depth_mm: np.ndarray,
    mask: np.ndarray,
    window: Window,
    intrinsics: Intrinsics,
    rng: np.random.Generator,
) -> SampledCloud:
    """Return what `sample_points` of `crop_cloud` would, projecting 1024 points only."""
    lines = _read_lines(window, depth_mm.shape)
    index = _find_points(depth_mm, mask, lines)
    if len(index) < MIN_POINTS:
        return _give_no_cloud(len(index))
    y, x = lines.split(index[draw_point_ids(len(index), rng)])
    u, v = lines.cols[x], lines.rows[y]
    points = _back_project(depth_mm[v, u], u, v, intrinsics)
    return SampledCloud(points, np.stack([u, v], axis=1).astype(np.int16), len(index))


def find_shown(mask: np.ndarray) -> np.ndarray:
    """Return where a mask is non-zero; truth values as they are, since comparing them is slow."""
    return mask if mask.dtype == bool else mask != 0


def _give_no_cloud(count: int) -> SampledCloud:
    return SampledCloud(np.empty((0, 3), np.float32), np.empty((0, 2), np.int16), count)


class _Lines(NamedTuple):
    """The crop lines that lie inside the image, and the source lines that they read."""

    crop_rows: np.ndarray
    rows: np.ndarray
    crop_cols: np.ndarray
    cols: np.ndarray

    def split(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the row and the column of flat indices into the lines' crossings."""
        return np.divmod(index, len(self.cols) or 1)


def _read_lines(window: Window, shape: tuple[int, ...]) -> _Lines:
    return _Lines(
        *_read_axis(window.rmin, window.rmax, shape[0]),
        *_read_axis(window.cmin, window.cmax, shape[1]),
    )


def _read_axis(start: int, stop: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    source = start + compute_crop_offsets(stop - start)
    if source[0] >= 0 and source[-1] < length:
        return _ALL_LINES, source
    crop = np.flatnonzero((source >= 0) & (source < length))
    return crop, source[crop]


def _find_points(depth_mm: np.ndarray, mask: np.ndarray, lines: _Lines) -> np.ndarray:
    """Return the flat indices of the lines' crossings at which the object has depth."""
    rows, cols = lines.rows, lines.cols
    if not len(rows) or not len(cols):
        return np.empty(0, dtype=np.int64)
    block = np.s_[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    valid = find_shown(mask[block]) & (depth_mm[block] > 0)
    # one axis after the other is several times as fast as both at once; columns first, since most
    # windows have fewer rows than a crop
    return np.flatnonzero(valid[:, cols - cols[0]].take(rows - rows[0], axis=0))


def _back_project(
    z_mm: np.ndarray, u: np.ndarray, v: np.ndarray, intrinsics: Intrinsics
) -> np.ndarray:
    """Return points (n, 3) in metres, in float32 steps and in the order of the released code."""
    z = z_mm.astype(np.float32)
    x = (u.astype(np.float32) - np.float32(intrinsics.cx)) * z / np.float32(intrinsics.fx)
    y = (v.astype(np.float32) - np.float32(intrinsics.cy)) * z / np.float32(intrinsics.fy)
    points = np.empty((len(z), 3), np.float32)
    points[:, 0], points[:, 1], points[:, 2] = x, y, z
    points /= np.float32(1000)
    return points
