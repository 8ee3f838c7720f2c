"""Rotation matrices and unit quaternions: conversion, averaging, angles, sampling.

Quaternions are w, x, y, z. Every function takes any leading batch dimensions.
"""

import numpy as np

# The outer product q q^T is linear in the rotation matrix: 4 q q^T = I_4 + sum R_ij * _OUTER[i, j].
_OUTER = np.zeros((3, 3, 4, 4))
for _i, (_j, _k) in enumerate(((1, 2), (2, 0), (0, 1))):
    _signs = -np.ones(3)
    _signs[_i] = 1.0
    _OUTER[_i, _i] = np.diag([1.0, *_signs])
    for _row, _column, _sign in ((_k, _j, 1.0), (_j, _k, -1.0)):
        _OUTER[_row, _column, 0, _i + 1] = _OUTER[_row, _column, _i + 1, 0] = _sign
        _OUTER[_row, _column, _j + 1, _k + 1] = _OUTER[_row, _column, _k + 1, _j + 1] = 1.0


def compute_quaternion_outer(rotation: np.ndarray) -> np.ndarray:
    """Return q q^T (..., 4, 4) of the quaternion q of each rotation (..., 3, 3).

    The map is linear, so the mean of q q^T over many rotations is this function of their mean
    matrix: no quaternion of a single rotation is ever needed to average them.
    """
    flat = rotation.reshape(*rotation.shape[:-2], 9).astype(np.float64)
    linear = flat @ _OUTER.reshape(9, 16)
    return np.asarray((np.eye(4) + linear.reshape(*rotation.shape[:-2], 4, 4)) / 4.0)


def matrix_to_quaternion(rotation: np.ndarray) -> np.ndarray:
    """Return unit quaternions (..., 4) with w >= 0 of rotation matrices (..., 3, 3)."""
    outer = compute_quaternion_outer(rotation)
    largest = np.argmax(np.diagonal(outer, axis1=-2, axis2=-1), axis=-1)
    # The row of the largest component is the quaternion times that component: never near zero.
    row = np.take_along_axis(outer, largest[..., None, None], axis=-2)[..., 0, :]
    return _with_positive_w(row / np.linalg.norm(row, axis=-1, keepdims=True))


def quaternion_to_matrix(quaternion: np.ndarray) -> np.ndarray:
    """Return rotation matrices (..., 3, 3) of quaternions (..., 4), which need not be unit."""
    w, x, y, z = np.moveaxis(quaternion / np.linalg.norm(quaternion, axis=-1, keepdims=True), -1, 0)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def average_rotations(rotation: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the average (..., 3, 3) of K rotations (..., K, 3, 3).

    It is the quaternion that is the largest eigenvector of the (weighted) mean of q q^T
    (GenPose, eq. 9).

    Args:
        rotation: the rotations to average.
        weights: (..., K), not negative; None weighs all alike.
    """
    mean = np.average(rotation.astype(np.float64), axis=-3, weights=_spread(weights, rotation))
    return quaternion_to_matrix(compute_principal_quaternion(compute_quaternion_outer(mean)))


def average_quaternions(quaternion: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Return the average (..., 4), w >= 0, of K unit quaternions (..., K, 4); signs do not matter.

    Args:
        quaternion: the quaternions to average.
        weights: (..., K), not negative; None weighs all alike.
    """
    weighted = quaternion if weights is None else quaternion * weights[..., None]
    return compute_principal_quaternion(np.swapaxes(weighted, -1, -2) @ quaternion)


def compute_principal_quaternion(outer: np.ndarray) -> np.ndarray:
    """Return the largest eigenvector (..., 4), w >= 0, of symmetric matrices (..., 4, 4).

    Matrices that are not finite give NaN.
    """
    finite = np.isfinite(outer).all(axis=(-2, -1))
    _, vectors = np.linalg.eigh(np.where(finite[..., None, None], outer, np.eye(4)))
    return _with_positive_w(np.where(finite[..., None], vectors[..., -1], np.nan))


def compute_angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the angle in radians between rotations (..., 3, 3).

    Half-angle sine and cosine are both used: unlike the arccos of the trace, this is exact to
    rounding near 0 as well as near pi.
    """
    difference = first - second
    sine = np.sqrt(np.einsum("...ij,...ij->...", difference, difference) / 8.0)
    trace = np.einsum("...ij,...ij->...", first, second)
    return np.asarray(2.0 * np.arctan2(sine, np.sqrt(np.maximum(1.0 + trace, 0.0)) / 2.0))


def rotation_about_axis(axis: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Return rotations (..., 3, 3) by `angle` radians (...) about `axis` (..., 3), any length."""
    unit = axis / np.linalg.norm(axis, axis=-1, keepdims=True)
    half = np.asarray(angle)[..., None] / 2.0
    return quaternion_to_matrix(np.concatenate([np.cos(half), np.sin(half) * unit], axis=-1))


def rotation_about_y(angle: np.ndarray) -> np.ndarray:
    """Return rotations (..., 3, 3) by `angle` radians (...) about the y axis."""
    angle = np.asarray(angle, dtype=np.float64)
    rotation = np.zeros((*angle.shape, 3, 3))
    rotation[..., 0, 0] = rotation[..., 2, 2] = np.cos(angle)
    rotation[..., 0, 2] = np.sin(angle)
    rotation[..., 2, 0] = -rotation[..., 0, 2]
    rotation[..., 1, 1] = 1.0
    return rotation


def sample_rotations(generator: np.random.Generator, *shape: int) -> np.ndarray:
    """Return rotations (*shape, 3, 3) drawn uniformly from SO(3)."""
    return quaternion_to_matrix(generator.standard_normal((*shape, 4)))


def _with_positive_w(quaternion: np.ndarray) -> np.ndarray:
    return np.where(quaternion[..., :1] < 0, -quaternion, quaternion)


def _spread(weights: np.ndarray | None, rotation: np.ndarray) -> np.ndarray | None:
    if weights is None:
        return None
    return np.broadcast_to(weights[..., None, None], rotation.shape)
