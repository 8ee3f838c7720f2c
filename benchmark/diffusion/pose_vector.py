"""The nine-number pose vector of GenPose: two columns of the rotation, then the translation.

Two columns are a continuous representation of a rotation (Zhou et al. 2019); the GenPose paper
gives the maps in eq. 10 to 12. All functions take any batch dimensions.
"""

import torch
from torch import Tensor
from torch.nn import functional

POSE_SIZE = 9
ROTATION_SIZE = 6


def to_pose_vector(rotation: Tensor, translation: Tensor) -> Tensor:
    """Return the pose vector (..., 9) of rotations (..., 3, 3) and translations (..., 3)."""
    return torch.cat([rotation[..., :, 0], rotation[..., :, 1], translation], dim=-1)


def from_pose_vector(pose: Tensor) -> tuple[Tensor, Tensor]:
    """Split pose vectors (..., 9) into rotations (..., 3, 3) and translations (..., 3)."""
    return to_rotation(pose[..., :ROTATION_SIZE]), pose[..., ROTATION_SIZE:]


def to_rotation(six: Tensor) -> Tensor:
    """Return the rotation whose first two columns are nearest in Gram-Schmidt's sense (eq. 11, 12).

    The first column keeps its direction, the second is made orthogonal to it. Where a column is
    zero, or the second parallel to the first, an arbitrary orthogonal direction takes its place, so
    the result is always a rotation.

    Args:
        six: (..., 6), the first column, then the second.

    Returns:
        (..., 3, 3) rotation matrices.
    """
    x_axis = torch.zeros_like(six[..., :3])
    x_axis[..., 0] = 1
    first = _unit(six[..., :3], fallback=x_axis)
    second = _unit(six[..., 3:ROTATION_SIZE], fallback=x_axis)
    # A second pass removes what rounding left of the first column when the two are almost parallel.
    second = _unit(_reject(second, first), fallback=_perpendicular(first))
    second = _unit(_reject(second, first), fallback=_perpendicular(first))
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)


def orthonormalise(pose: Tensor) -> Tensor:
    """Return pose vectors (..., 9) whose rotation columns are orthonormal; translations stay."""
    return to_pose_vector(*from_pose_vector(pose))


def _reject(vector: Tensor, direction: Tensor) -> Tensor:
    return vector - (vector * direction).sum(dim=-1, keepdim=True) * direction


def _unit(vector: Tensor, fallback: Tensor) -> Tensor:
    smallest = 8 * torch.finfo(vector.dtype).eps
    length = torch.linalg.vector_norm(vector, dim=-1, keepdim=True)
    return torch.where(length > smallest, vector / length.clamp_min(smallest), fallback)


def _perpendicular(direction: Tensor) -> Tensor:
    """Return a unit vector orthogonal to each unit vector."""
    axis = functional.one_hot(direction.abs().argmin(dim=-1), num_classes=3).to(direction.dtype)
    return functional.normalize(torch.linalg.cross(direction, axis), dim=-1)
