"""Noise on initial poses has the size that the tracking protocols state."""

import numpy as np

from benchmark.geometry.perturbation import perturb_poses, sample_pose_noise
from benchmark.geometry.rotations import compute_angle, sample_rotations


def test_angles_and_shifts_are_half_normal() -> None:
    generator = np.random.default_rng(5)
    rotation, translation = sample_rotations(generator, 20_000), np.zeros((20_000, 3))
    turned, moved = perturb_poses(rotation, translation, sample_pose_noise(generator, 20_000))
    angle, distance = np.degrees(compute_angle(rotation, turned)), np.linalg.norm(moved, axis=1)
    half_normal = np.sqrt(2 / np.pi)
    np.testing.assert_allclose(angle.mean(), 5.0 * half_normal, rtol=0.02)
    np.testing.assert_allclose(distance.mean(), 0.03 * half_normal, rtol=0.02)
    np.testing.assert_allclose(moved.mean(axis=0), 0.0, atol=1e-3)


def test_axes_have_no_preferred_direction() -> None:
    generator = np.random.default_rng(6)
    rotation = sample_rotations(generator, 20_000)
    turned, _ = perturb_poses(rotation, np.zeros((20_000, 3)), sample_pose_noise(generator, 20_000))
    relative = turned @ np.swapaxes(rotation, -1, -2)
    skew = relative - np.swapaxes(relative, -1, -2)
    axis = np.stack([skew[:, 2, 1], skew[:, 0, 2], skew[:, 1, 0]], axis=-1)
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    np.testing.assert_allclose(axis.mean(axis=0), 0.0, atol=0.03)
    np.testing.assert_allclose((axis**2).mean(axis=0), 1 / 3, atol=0.02)
