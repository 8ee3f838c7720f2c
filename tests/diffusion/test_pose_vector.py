"""The pose vector: inverse maps, orthonormality, degenerate columns."""

import pytest
import torch
from scipy.spatial.transform import Rotation

from benchmark.diffusion.pose_vector import (
    from_pose_vector,
    orthonormalise,
    to_pose_vector,
    to_rotation,
)


def random_rotations(count: int, seed: int = 0) -> torch.Tensor:
    return torch.tensor(Rotation.random(count, random_state=seed).as_matrix())


def assert_rotations(matrices: torch.Tensor, tolerance: float) -> None:
    identity = torch.eye(3, dtype=matrices.dtype).expand_as(matrices)
    torch.testing.assert_close(matrices.mT @ matrices, identity, atol=tolerance, rtol=0)
    torch.testing.assert_close(
        torch.linalg.det(matrices), torch.ones_like(matrices[..., 0, 0]), atol=tolerance, rtol=0
    )


def test_a_pose_comes_back_from_its_vector() -> None:
    rotation = random_rotations(24).reshape(2, 3, 4, 3, 3)
    translation = torch.randn(2, 3, 4, 3, dtype=torch.float64)
    back, shift = from_pose_vector(to_pose_vector(rotation, translation))
    torch.testing.assert_close(back, rotation, atol=1e-14, rtol=0)
    torch.testing.assert_close(shift, translation, atol=0, rtol=0)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)])
def test_noisy_columns_become_a_rotation_that_keeps_the_first_direction(
    dtype: torch.dtype, tolerance: float
) -> None:
    six = torch.randn(500, 6, dtype=dtype) * 7
    rotation = to_rotation(six)
    assert_rotations(rotation, tolerance)
    cosine = torch.nn.functional.cosine_similarity(rotation[..., 0], six[..., :3], dim=-1)
    torch.testing.assert_close(cosine, torch.ones_like(cosine), atol=10 * tolerance, rtol=0)
    # The raw second column lies in the plane of the first two, on the second one's side.
    assert (rotation[..., 2] * six[..., 3:]).sum(-1).abs().max() < 100 * tolerance
    assert ((rotation[..., 1] * six[..., 3:]).sum(-1) > 0).all()


def test_columns_that_say_nothing_still_give_a_rotation() -> None:
    axis = torch.tensor([0.3, -0.2, 0.9])
    zero = torch.zeros(3)
    pairs = [(zero, zero), (zero, axis), (axis, zero), (axis, axis), (axis, -2 * axis)]
    nearly = (axis, axis + torch.tensor([0.0, 1e-6, 0.0]))
    six = torch.stack([torch.cat(pair) for pair in [*pairs, nearly]])
    assert_rotations(to_rotation(six), 1e-6)


def test_orthonormalising_twice_changes_nothing_and_keeps_the_translation() -> None:
    pose = torch.randn(50, 9, dtype=torch.float64)
    once = orthonormalise(pose)
    torch.testing.assert_close(orthonormalise(once), once, atol=1e-14, rtol=0)
    torch.testing.assert_close(once[:, 6:], pose[:, 6:], atol=0, rtol=0)
