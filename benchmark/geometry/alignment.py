"""The similarity transform between corresponding points: least squares, and robust to outliers."""

from typing import NamedTuple

import numpy as np

RANSAC_ITERATIONS = 128
RANSAC_DRAWS = 5

_INLIER_DISTANCE = 0.1
_CONFIDENCE = 0.99
_SMALLEST_INLIER_RATIO = 0.1
_FIRST_BLOCK = 2


class Similarity(NamedTuple):
    """target = scale * rotation @ source + translation, with any leading batch dimensions.

    Attributes:
        scale: (...), positive.
        rotation: (..., 3, 3).
        translation: (..., 3).
    """

    scale: np.ndarray
    rotation: np.ndarray
    translation: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """Return the transformed points (..., n, 3)."""
        turned = points @ np.swapaxes(self.rotation, -1, -2)
        return np.asarray(self.scale[..., None, None] * turned + self.translation[..., None, :])

    def to_matrix(self) -> np.ndarray:
        """Return the transform (..., 4, 4) with scale * rotation in its upper left block."""
        matrix = np.zeros((*self.translation.shape[:-1], 4, 4))
        matrix[..., :3, :3] = self.scale[..., None, None] * self.rotation
        matrix[..., :3, 3] = self.translation
        matrix[..., 3, 3] = 1.0
        return matrix


def estimate_similarity(source: np.ndarray, target: np.ndarray) -> Similarity:
    """Return the least-squares similarity from source to target (Umeyama, TPAMI 1991).

    Args:
        source: (..., n, 3) points.
        target: (..., n, 3), row i belongs to row i of `source`.

    Returns:
        The transform, never a reflection; NaN where all source points are one.
    """
    return _fit(_to_columns(source), _to_columns(target))


def draw_ransac_indices(count: int, rng: np.random.Generator) -> np.ndarray:
    """Return the draws (128, 5), with replacement, of `estimate_similarity_robustly`."""
    return rng.integers(count, size=(RANSAC_ITERATIONS, RANSAC_DRAWS))


def estimate_similarity_robustly(
    source: np.ndarray, target: np.ndarray, indices: np.ndarray
) -> Similarity | None:
    """Return the similarity that most points agree with, by RANSAC as SPD does.

    A point agrees if it is closer than a tenth of the source's diameter, scaled. The search stops
    when the chance of having missed an outlier-free draw falls below 1 %, but never after the first
    draw; the result is the least-squares fit to all points that agree with the best draw.

    Args:
        source: (n, 3) points, the better known side (its diameter sets the tolerance).
        target: (n, 3), row i belongs to row i of `source`.
        indices: (iterations, 5) rows to fit in each iteration, from `draw_ransac_indices`.

    Returns:
        The transform, None where fewer than a tenth of the points agree.
    """
    source, target = _to_columns(source), _to_columns(target)
    centred = source - source.mean(axis=1, keepdims=True)
    tolerance = 2 * _INLIER_DISTANCE * np.sqrt(np.max(np.einsum("in,in->n", centred, centred)))
    best_ratio, best = 0.0, np.zeros(source.shape[1], dtype=bool)
    start, size = 0, _FIRST_BLOCK
    while start < len(indices):
        inliers = _find_inliers(source, target, indices[start : start + size], tolerance)
        for iteration, ratio in enumerate(inliers.mean(axis=1), start=start):
            if ratio > best_ratio:
                best_ratio, best = float(ratio), inliers[iteration - start]
            if (1 - best_ratio**RANSAC_DRAWS) ** iteration < 1 - _CONFIDENCE:
                start = len(indices)
                break
        start, size = start + size, 2 * size
    if best_ratio < _SMALLEST_INLIER_RATIO:
        return None
    return _fit(source.compress(best, axis=1), target.compress(best, axis=1))


def _to_columns(points: np.ndarray) -> np.ndarray:
    """Return points (..., n, 3) as contiguous (..., 3, n): several times faster to reduce."""
    return np.ascontiguousarray(np.swapaxes(points, -1, -2), dtype=np.float64)


def _fit(source: np.ndarray, target: np.ndarray) -> Similarity:
    """Return the least-squares similarity between points (..., 3, n)."""
    count = source.shape[-1]
    source_mean = source.mean(axis=-1, keepdims=True)
    target_mean = target.mean(axis=-1, keepdims=True)
    centred = source - source_mean
    covariance = (target - target_mean) @ np.swapaxes(centred, -1, -2) / count
    left, singular, right = np.linalg.svd(covariance)
    handedness = np.sign(np.linalg.det(left) * np.linalg.det(right))
    singular[..., 2] *= handedness
    left[..., 2] *= handedness[..., None]
    rotation = left @ right
    variance = np.einsum("...in,...in->...", centred, centred) / count
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.asarray(singular.sum(axis=-1) / variance)
        moved = scale[..., None, None] * (rotation @ source_mean)
    return Similarity(scale, rotation, (target_mean - moved)[..., 0])


def _find_inliers(
    source: np.ndarray, target: np.ndarray, indices: np.ndarray, tolerance: float
) -> np.ndarray:
    """Return which of the points (3, n) agree with the fit to each draw: (iterations, n)."""
    draws = (np.moveaxis(points[:, indices], 0, 1) for points in (source, target))
    fit = _fit(*draws)
    apart = (fit.scale[:, None, None] * fit.rotation) @ source  # (iterations, 3, n)
    apart += fit.translation[..., None] - target
    distance_squared = np.einsum("kin,kin->kn", apart, apart)
    return np.asarray(distance_squared < (tolerance * fit.scale[:, None]) ** 2)
