"""The compact preset: its frame is exact, its parts do not depend on the batch."""

import numpy as np
import pytest
import torch

from benchmark.diffusion.compact import (
    CompactEnergy,
    CompactModel,
    CompactScore,
    GroupedClouds,
    ViewFrame,
    compute_denoising_loss,
)
from benchmark.diffusion.denoiser import bind
from benchmark.diffusion.estimator import draw_noise
from benchmark.diffusion.pose_vector import orthonormalise
from benchmark.geometry.rotations import sample_rotations


def make_clouds(count: int, seed: int = 0) -> torch.Tensor:
    rng = np.random.default_rng(seed)
    shape = rng.normal(scale=0.05, size=(count, 1024, 3))
    centre = rng.uniform([-0.4, -0.3, 0.5], [0.4, 0.3, 1.5], (count, 1, 3))
    return torch.from_numpy((shape + centre).astype(np.float32))


@pytest.fixture(scope="module")
def model() -> CompactModel:
    """An untrained model whose last layers are not zero."""
    torch.manual_seed(0)
    score, energy = CompactScore().eval(), CompactEnergy().eval()
    for head in (score.head, energy.head):
        torch.nn.init.normal_(head.answer.weight, std=0.1)
    for network in (score, energy):
        network.requires_grad_(False)
    return CompactModel(score=score, energy=energy)


def test_view_frame_looks_along_z_and_is_a_rotation() -> None:
    points = make_clouds(8)
    frame = ViewFrame.look_at(points)
    identity = torch.eye(3).expand(8, 3, 3)
    torch.testing.assert_close(frame.rotation @ frame.rotation.mT, identity, atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.linalg.det(frame.rotation), torch.ones(8))
    sight = (frame.rotation @ frame.centre[..., None]).squeeze(-1)
    torch.testing.assert_close(sight[:, :2], torch.zeros(8, 2), atol=1e-6, rtol=0)


def test_poses_come_back_from_the_view_frame() -> None:
    rng = np.random.default_rng(1)
    rotation = torch.from_numpy(sample_rotations(rng, 4, 5).astype(np.float32))
    translation = torch.from_numpy(rng.uniform(-1, 1, (4, 5, 3)).astype(np.float32))
    frame = ViewFrame.look_at(make_clouds(4))
    restored = frame.restore_poses(frame.normalise_poses(rotation, translation))
    torch.testing.assert_close(restored[0], rotation, atol=1e-5, rtol=0)
    torch.testing.assert_close(restored[1], translation, atol=1e-5, rtol=0)


def test_turning_the_camera_turns_the_view_frame_with_it() -> None:
    """The network sees the same shape wherever in the image an object is, up to a roll."""
    points = make_clouds(1)
    turn = torch.from_numpy(sample_rotations(np.random.default_rng(2), 1).astype(np.float32))
    turn = torch.linalg.matrix_exp(0.2 * (turn - turn.mT))
    near, far = (
        ViewFrame.look_at(cloud).normalise_points(cloud) for cloud in (points, points @ turn.mT)
    )
    torch.testing.assert_close(near[..., 2], far[..., 2], atol=1e-4, rtol=0)
    torch.testing.assert_close(
        near[..., :2].norm(dim=-1), far[..., :2].norm(dim=-1), atol=1e-4, rtol=0
    )


def test_a_cloud_is_encoded_alike_in_any_batch(model: CompactModel) -> None:
    points = make_clouds(6)
    together = model.encode(points).score
    alone = torch.cat([model.encode(cloud[None]).score for cloud in points])
    torch.testing.assert_close(together, alone, atol=1e-4, rtol=1e-4)


def test_denoising_treats_every_pose_by_itself(model: CompactModel) -> None:
    features = model.encode(make_clouds(3))
    poses = torch.randn(3, 7, 9)
    sigma = torch.rand(3, 7) + 0.1
    together = model.denoise(features, poses, sigma)
    for column in range(7):
        alone = model.denoise(
            features, poses[:, column : column + 1], sigma[:, column : column + 1]
        )
        torch.testing.assert_close(alone[:, 0], together[:, column], atol=1e-5, rtol=1e-4)


def test_denoiser_is_the_identity_without_noise(model: CompactModel) -> None:
    denoise = bind(model, model.encode(make_clouds(2)))
    poses = torch.randn(2, 4, 9)
    torch.testing.assert_close(denoise(poses, torch.tensor(1e-5)), poses, atol=1e-3, rtol=0)


def test_energy_gradient_is_what_the_denoised_pose_says() -> None:
    """p + sigma^2 dE/dp, with the derivative taken by finite differences in double precision."""
    torch.manual_seed(1)
    energy = CompactEnergy().double().eval()
    torch.nn.init.normal_(energy.head.answer.weight, std=0.1)
    condition = energy.head.condition(torch.randn(1, 512, dtype=torch.float64))
    pose, sigma = torch.randn(1, 1, 9, dtype=torch.float64), torch.tensor(0.5, dtype=torch.float64)
    step = 1e-5
    slopes = []
    for axis in range(9):
        shift = torch.zeros_like(pose)
        shift[..., axis] = step
        above, below = (energy.energies(condition, pose + s, sigma).sum() for s in (shift, -shift))
        slopes.append((above - below) / (2 * step))
    expected = pose + sigma**2 * torch.stack(slopes)
    torch.testing.assert_close(
        energy.denoise(condition, pose, sigma), expected, atol=1e-6, rtol=1e-5
    )


def test_energies_are_never_positive_and_have_two_parts(model: CompactModel) -> None:
    features = model.encode(make_clouds(2))
    energies = model.compute_energies(features, orthonormalise(torch.randn(2, 5, 9)))
    assert energies is not None
    assert energies.shape == (2, 5, 2)
    assert (energies <= 0).all()


def test_perfect_denoising_costs_nothing() -> None:
    clean = torch.randn(2, 3, 9)
    assert compute_denoising_loss(clean, clean, torch.full((2, 3), 0.5)).abs().max() == 0


def test_noise_belongs_to_the_observation_and_grows_with_k() -> None:
    seeds = np.array([5, 6, 2**63 + 1], dtype=np.uint64)
    noise = draw_noise(seeds, 50)
    torch.testing.assert_close(draw_noise(seeds[::-1].copy(), 50).flip(0), noise)
    torch.testing.assert_close(draw_noise(seeds, 10), noise[:, :10])
    assert abs(float(noise.mean())) < 0.1


def test_grouping_finds_true_neighbours() -> None:
    clouds = GroupedClouds.build(make_clouds(2))
    for cloud, centres, neighbours in zip(
        clouds.points, clouds.centres, clouds.neighbours, strict=True
    ):
        distance = torch.cdist(cloud[centres], cloud)
        nearest = distance.sort(dim=1).values[:, : neighbours.shape[1]]
        torch.testing.assert_close(distance.gather(1, neighbours), nearest, atol=1e-4, rtol=0)
        assert centres.unique().numel() == centres.numel()
