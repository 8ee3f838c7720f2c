"""Similarity transforms: scale times rotation, and translation, in one 4x4 matrix."""

import numpy as np


def compute_scale(transform: np.ndarray) -> np.ndarray:
    """Return the scale (...) of similarity transforms (..., 4, 4): the cube root of det(s R).

    NaN where the transform is not finite.
    """
    with np.errstate(invalid="ignore"):
        return np.asarray(np.cbrt(np.linalg.det(transform[..., :3, :3])))


def compute_rotation(transform: np.ndarray) -> np.ndarray:
    """Return the rotations (..., 3, 3) of similarity transforms (..., 4, 4).

    Not finite where the transform is not, or where its scale is zero.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(transform[..., :3, :3] / compute_scale(transform)[..., None, None])
