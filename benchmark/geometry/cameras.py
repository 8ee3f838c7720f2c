"""Pinhole cameras without distortion: pixels to points and back.

Intrinsics are fx, fy, cx, cy in pixels; every function takes any leading batch dimensions.
"""

import numpy as np

from benchmark.categories import Intrinsics


def pack_intrinsics(intrinsics: Intrinsics) -> np.ndarray:
    """Return fx, fy, cx, cy (4,) of a camera."""
    return np.array([intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy])


def back_project(pixels: np.ndarray, depth: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Return the points (..., 3) seen at pixels (..., 2) u, v with these depths (...).

    The points are in the camera frame, in the depth's unit.
    """
    offset = (pixels - intrinsics[..., 2:]) / intrinsics[..., :2]
    return np.concatenate([offset * depth[..., None], depth[..., None]], axis=-1)


def project(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Return the pixels (..., 2) u, v at which points (..., 3) of the camera frame are seen."""
    offset = points[..., :2] / points[..., 2:]
    return np.asarray(offset * intrinsics[..., :2] + intrinsics[..., 2:])
