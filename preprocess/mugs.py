"""The mug's origin on its body axis: the re-centring of SPD and its successors, from geometry."""

import numpy as np


def compute_mug_axis(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Return x of the body axis in the box-centred NOCS frame of a mug, metres.

    The body is round and wider in z than the handle, which sticks out toward +x alone; its radius
    is therefore half the z extent, and its axis lies one radius from the lowest x.

    Args:
        vertices: (V, 3) mesh with y up and the handle at +x, in any unit.
        faces: (F, 3) rows of `vertices`; vertices that no face uses are left out.
    """
    used = vertices[np.unique(faces)]
    lower, upper = used.min(axis=0), used.max(axis=0)
    radius = (upper[2] - lower[2]) / 2
    return float(lower[0] + radius - (lower[0] + upper[0]) / 2)


def compute_mug_recentring(vertices: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, float]:
    """Return SPD's `mug_meta` entry of a mug: what moves its origin from box centre to body axis.

    A pose with scale s (the box diagonal) becomes T - s R shift with scale s / `scale`; a model
    point p of unit diagonal becomes scale * (p + shift).

    Returns:
        shift: (3,) in units of the box diagonal.
        scale: box diagonal over the diagonal of the re-centred size, 2 max|p| an axis.
    """
    used = vertices[np.unique(faces)]
    half = np.ptp(used, axis=0) / 2
    diagonal = 2 * float(np.linalg.norm(half))
    axis_x = compute_mug_axis(vertices, faces)
    half_recentred = half + np.array([abs(axis_x), 0.0, 0.0])
    shift = np.array([-axis_x / diagonal, 0.0, 0.0])
    return shift, diagonal / (2 * float(np.linalg.norm(half_recentred)))
