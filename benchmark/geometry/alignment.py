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
    source, target = np.asarray(source, float), np.asarray(target, float)
    source_mean, target_mean = source.mean(axis=-2), target.mean(axis=-2)
    centred = source - source_mean[..., None, :]
    covariance = np.swapaxes(target - target_mean[..., None, :], -1, -2) @ centred
    covariance /= source.shape[-2]
    left, singular, right = np.linalg.svd(covariance)
    signs = np.ones_like(singular)
    signs[..., 2] = np.sign(np.linalg.det(left) * np.linalg.det(right))
    rotation = (left * signs[..., None, :]) @ right
    variance = np.einsum("...ni,...ni->...", centred, centred) / source.shape[-2]
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.asarray(np.sum(singular * signs, axis=-1) / variance)
        moved = scale[..., None] * np.einsum("...ij,...j->...i", rotation, source_mean)
    return Similarity(scale, rotation, target_mean - moved)


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
    centred = source - source.mean(axis=0)
    tolerance = _INLIER_DISTANCE * 2 * np.sqrt(np.max(np.einsum("ni,ni->n", centred, centred)))
    best_ratio, best = 0.0, np.zeros(len(source), dtype=bool)
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
    return estimate_similarity(source[best], target[best])


def _find_inliers(
    source: np.ndarray, target: np.ndarray, indices: np.ndarray, tolerance: float
) -> np.ndarray:
    """Return which points (iterations, n) agree with the fit to each draw."""
    fit = estimate_similarity(source[indices], target[indices])
    turned = (fit.scale[:, None, None] * fit.rotation) @ source.T  # (iterations, 3, n)
    apart = turned + fit.translation[..., None] - target.T
    distance_squared = np.einsum("kin,kin->kn", apart, apart)
    return np.asarray(distance_squared < (tolerance * fit.scale[:, None]) ** 2)
