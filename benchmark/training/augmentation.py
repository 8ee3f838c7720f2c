"""GenPose's augmentation of training clouds, as released, over whole batches.

Changes of shape (box scale, taper, stretch) are made in the object's frame and leave its pose; the
rigid change moves cloud and pose together. Ranges that the release leaves open are said here.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from benchmark.categories import get_category, is_symmetric
from benchmark.training.clouds import CloudBatch

_TAPERED = tuple(get_category(name).id for name in ("mug", "bowl"))


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """Probabilities and ranges.

    Attributes:
        box_scale, rigid, taper, stretch: probabilities of each change.
        scales: range of the factors of box scale and taper.
        turn_deg: largest turn about each axis, about the object's own centre.
        shift: largest shift along each axis, metres.
        stretch_by: largest share by which a point moves away from the centre, along each axis.
    """

    box_scale: float = 0.3
    rigid: float = 0.3
    taper: float = 0.3
    stretch: float = 0.2
    scales: tuple[float, float] = (0.8, 1.2)
    turn_deg: float = 15.0
    shift: float = 0.05
    stretch_by: float = 0.2


def augment_as_released(
    clouds: CloudBatch, rng: np.random.Generator, options: Augmentation | None = None
) -> CloudBatch:
    """Apply every change to each cloud with its probability."""
    options = options or Augmentation()
    batch = len(clouds.points)
    draws = rng.random((4, batch))
    clouds = scale_boxes(clouds, draws[0] < options.box_scale, options.scales, rng)
    tapered = (draws[1] < options.taper) & np.isin(clouds.category, _TAPERED)
    clouds = taper_shapes(clouds, tapered, options.scales, rng)
    clouds = stretch_points(clouds, draws[2] < options.stretch, options.stretch_by, rng)
    return move_rigidly(clouds, draws[3] < options.rigid, options.turn_deg, options.shift, rng)


def scale_boxes(
    clouds: CloudBatch,
    chosen: np.ndarray,
    scales: tuple[float, float],
    rng: np.random.Generator,
) -> CloudBatch:
    """Scale the chosen (B,) objects along their axes; symmetric ones alike along x and z."""
    factors = rng.uniform(*scales, (len(chosen), 3)).astype(np.float32)
    pairs = zip(clouds.category, clouds.handle_visible, strict=True)
    symmetric = np.array([is_symmetric(int(c), bool(h)) for c, h in pairs], dtype=bool)
    factors[symmetric, 2] = factors[symmetric, 0]
    factors[~chosen] = 1
    return _reshape(clouds, _to_object(clouds) * factors[:, None], clouds.size * factors, chosen)


def taper_shapes(
    clouds: CloudBatch,
    chosen: np.ndarray,
    scales: tuple[float, float],
    rng: np.random.Generator,
) -> CloudBatch:
    """Widen the chosen (B,) objects across y by a factor that changes linearly from foot to top."""
    foot, top = rng.uniform(*scales, (2, len(chosen))).astype(np.float32)
    shape = _to_object(clouds)
    height = np.clip(shape[..., 1] / clouds.size[:, None, 1] + 0.5, 0, 1)
    factor = foot[:, None] + (top - foot)[:, None] * height
    ones = np.ones_like(factor)
    widest = np.maximum(foot, top)
    size = clouds.size * np.stack([widest, np.ones_like(widest), widest], axis=-1)
    size = np.where(chosen[:, None], size, clouds.size)
    return _reshape(clouds, shape * np.stack([factor, ones, factor], axis=-1), size, chosen)


def stretch_points(
    clouds: CloudBatch, chosen: np.ndarray, most: float, rng: np.random.Generator
) -> CloudBatch:
    """Move each point of the chosen (B,) objects away from the object's centre at random."""
    factors = 1 + rng.random(clouds.points.shape, dtype=np.float32) * np.float32(most)
    return _reshape(clouds, _to_object(clouds) * factors, clouds.size, chosen)


def move_rigidly(
    clouds: CloudBatch,
    chosen: np.ndarray,
    turn_deg: float,
    shift: float,
    rng: np.random.Generator,
) -> CloudBatch:
    """Turn the chosen (B,) objects about their centres, and shift them, cloud and pose alike."""
    angles = rng.uniform(-turn_deg, turn_deg, (len(chosen), 3)) * chosen[:, None]
    offset = rng.uniform(-shift, shift, (len(chosen), 3)) * chosen[:, None]
    turn = Rotation.from_euler("xyz", angles, degrees=True).as_matrix().astype(np.float32)
    moved = replace(
        clouds,
        rotation=turn @ clouds.rotation,
        translation=clouds.translation + offset.astype(np.float32),
    )
    return replace(
        moved, points=np.where(chosen[:, None, None], _from_object(moved, clouds), clouds.points)
    )


def _from_object(pose: CloudBatch, clouds: CloudBatch) -> np.ndarray:
    """Return the clouds as they look under the poses of another batch."""
    placed = _to_object(clouds) @ pose.rotation.transpose(0, 2, 1) + pose.translation[:, None]
    return np.asarray(placed, dtype=np.float32)


def _to_object(clouds: CloudBatch) -> np.ndarray:
    """Return the points (B, N, 3) in their objects' frames, metres."""
    return np.asarray((clouds.points - clouds.translation[:, None]) @ clouds.rotation)


def _reshape(
    clouds: CloudBatch, shape: np.ndarray, size: np.ndarray, chosen: np.ndarray
) -> CloudBatch:
    """Return the batch with new object-frame points and sizes where chosen."""
    points = shape @ clouds.rotation.transpose(0, 2, 1) + clouds.translation[:, None]
    points = np.where(chosen[:, None, None], points.astype(np.float32), clouds.points)
    return replace(clouds, points=points, size=size.astype(np.float32))
