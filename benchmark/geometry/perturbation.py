"""Noise on an initial pose: how the tracking protocols start from a perturbed ground truth."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from benchmark.geometry.rotations import matrix_to_quaternion, quaternion_to_matrix

ANGLE_SPREAD = np.radians(5.0)
SHIFT_SPREAD = 0.03


@dataclass(frozen=True, kw_only=True)
class PoseNoise:
    """Standard normal draws, kept apart from what they are scaled to.

    Attributes:
        angle: (...) times 5 degrees is the angle, sign dropped.
        quaternion: (..., 4) the turn goes towards this rotation, of any length.
        shift: (...) times 3 cm is the distance.
        direction: (..., 3) of the shift, of any length.
    """

    angle: np.ndarray
    quaternion: np.ndarray
    shift: np.ndarray
    direction: np.ndarray


def sample_pose_noise(generator: np.random.Generator, *shape: int) -> PoseNoise:
    """Draw the noise of CAPTRA, CATRE and GenPose for poses of batch dimensions `shape`."""
    return PoseNoise(
        angle=generator.standard_normal(shape),
        quaternion=generator.standard_normal((*shape, 4)),
        shift=generator.standard_normal(shape),
        direction=generator.standard_normal((*shape, 3)),
    )


def stack_noise(draws: Sequence[PoseNoise]) -> PoseNoise:
    """Return single draws as one, of batch dimension (n,)."""
    return PoseNoise(
        **{
            item.name: np.stack([getattr(draw, item.name) for draw in draws])
            for item in fields(PoseNoise)
        }
    )


def perturb_poses(
    rotation: np.ndarray, translation: np.ndarray, noise: PoseNoise
) -> tuple[np.ndarray, np.ndarray]:
    """Turn rotations (..., 3, 3) about a random axis and shift translations (..., 3) in metres."""
    start = matrix_to_quaternion(rotation)
    along = np.sum(noise.quaternion * start, axis=-1, keepdims=True)
    across = _normalise(noise.quaternion - along * start)
    half = np.abs(noise.angle)[..., None] * ANGLE_SPREAD / 2.0
    turned = quaternion_to_matrix(np.cos(half) * start + np.sin(half) * across)
    distance = SHIFT_SPREAD * np.asarray(noise.shift)[..., None]
    return turned, translation + distance * _normalise(noise.direction)


def _normalise(vector: np.ndarray) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector, axis=-1, keepdims=True))
