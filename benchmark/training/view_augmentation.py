"""Changes to a training view that leave it a valid view: mirroring, occlusion, sensor jitter.

Clouds are (B, N, 3) in the camera frame, metres; rotations (B, 3, 3) and translations (B, 3) map
object to camera. Every function returns new arrays.
"""

import numpy as np

_MIRROR = np.diag([-1.0, 1.0, 1.0]).astype(np.float32)
_MIRROR_OBJECT = np.diag([1.0, 1.0, -1.0]).astype(np.float32)


def mirror_views(
    points: np.ndarray,
    rotation: np.ndarray,
    translation: np.ndarray,
    chosen: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mirror the chosen (B,) views left to right.

    The mirror image of an object that is its own mirror image in z (every NOCS category but the
    camera, whose grip is on one side) is the same object under another pose.
    """
    flip = chosen[:, None, None]
    turned = _MIRROR @ rotation @ _MIRROR_OBJECT
    return (
        np.where(flip, points @ _MIRROR, points),
        np.where(flip, turned, rotation),
        np.where(chosen[:, None], translation @ _MIRROR, translation),
    )


def occlude_views(
    points: np.ndarray, chosen: np.ndarray, rng: np.random.Generator, largest: float = 0.4
) -> np.ndarray:
    """Hide up to `largest` of the chosen (B,) clouds behind a straight edge across the view.

    The hidden points are replaced by repeating visible ones, as for clouds with too few points.
    """
    batch, count, _ = points.shape
    angle = rng.uniform(0, 2 * np.pi, batch)
    direction = np.stack([np.cos(angle), np.sin(angle), np.zeros(batch)], axis=-1)
    along = np.einsum("bnc,bc->bn", points, direction.astype(points.dtype))
    order = np.argsort(along, axis=1)
    kept = np.where(chosen, (count * rng.uniform(1 - largest, 1, batch)).astype(int), count)
    rank = np.arange(count)[None, :] % kept[:, None]
    rows = np.take_along_axis(order, rank, axis=1)
    return np.take_along_axis(points, rows[..., None], axis=1)


def jitter_depth(points: np.ndarray, deviation: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move every point along its line of sight by normal noise of `deviation` (B,) metres."""
    noise = rng.standard_normal(points.shape[:2], dtype=np.float32) * deviation[:, None]
    return np.asarray(points * (1 + noise / points[..., 2])[..., None], dtype=points.dtype)
