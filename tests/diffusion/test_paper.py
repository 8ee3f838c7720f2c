"""The released networks: heads split into shares, energies, and the model's frames."""

import torch
from scipy.spatial.transform import Rotation
from torch import Tensor, nn

from benchmark.diffusion.paper import (
    SCHEDULE,
    EnergyNetwork,
    PaperModel,
    PoseScoreHeads,
    ScoreNetwork,
)


def draw_heads(heads: PoseScoreHeads) -> PoseScoreHeads:
    """Give the last layers weights, which are zero at first."""
    torch.manual_seed(0)
    for module in heads.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
    return heads.double()


def apply_undivided(heads: PoseScoreHeads, features: Tensor, poses: Tensor, t: Tensor) -> Tensor:
    """Return what the heads compute, as the paper's figure 6 has it: one concatenation."""
    shape = poses.shape[:-1]
    parts = [
        features[:, None].expand(*shape, -1),
        heads.t_encoder(t).expand(*shape, -1),
        heads.pose_encoder(poses),
    ]
    joined = torch.cat(parts, dim=-1)
    tails = (heads.fusion_tail_rot_x, heads.fusion_tail_rot_y, heads.fusion_tail_trans)
    return torch.cat([tail(joined) for tail in tails], dim=-1)


def test_dividing_the_first_layer_changes_nothing() -> None:
    heads = draw_heads(PoseScoreHeads())
    features = torch.randn(3, 1024, dtype=torch.float64)
    poses = torch.randn(3, 4, 9, dtype=torch.float64)
    for t in (torch.tensor(0.3).double(), torch.rand(3, 4, dtype=torch.float64)):
        found = heads(heads.condition(features), poses, t)
        torch.testing.assert_close(found, apply_undivided(heads, features, poses, t))


def test_new_networks_give_zero_so_that_denoising_changes_nothing() -> None:
    network = ScoreNetwork()
    poses = torch.randn(2, 3, 9)
    denoised = network.denoise(torch.randn(2, 768), poses, torch.tensor(0.5))
    torch.testing.assert_close(denoised, poses, atol=0, rtol=0)


def test_denoising_follows_the_score_in_the_precision_of_the_poses() -> None:
    network = ScoreNetwork()
    draw_heads(network.pose_score_net).float()
    condition, poses = torch.randn(2, 768), torch.randn(2, 3, 9, dtype=torch.float64)
    sigma = torch.rand(2, 3, dtype=torch.float64) + 0.1
    denoised = network.denoise(condition, poses, sigma)
    score = network.score(condition, poses, SCHEDULE.time(sigma))
    assert denoised.dtype == torch.float64
    expected = poses + sigma[..., None] ** 2 * score.double()
    torch.testing.assert_close(denoised, expected, atol=1e-12, rtol=0)


def test_the_energys_score_is_its_gradient() -> None:
    network = EnergyNetwork().double()
    draw_heads(network.pose_score_net)
    condition = torch.randn(1, 768, dtype=torch.float64)
    pose, t = torch.randn(1, 1, 9, dtype=torch.float64), torch.tensor(0.4).double()
    step = 1e-6 * torch.eye(9, dtype=torch.float64)
    ahead = network.energies(condition, pose + step, t).sum(dim=-1)
    behind = network.energies(condition, pose - step, t).sum(dim=-1)
    expected = (ahead - behind) / 2e-6
    torch.testing.assert_close(network.score(condition, pose, t)[0], expected, atol=1e-6, rtol=1e-6)


def test_poses_come_back_from_the_models_frame() -> None:
    model = PaperModel(score=ScoreNetwork().eval())
    points = 0.05 * torch.randn(2, 1024, 3) + torch.tensor([0.1, 0.0, 1.0])
    with torch.no_grad():
        features = model.encode(points)
    rotation = torch.tensor(Rotation.random(6, random_state=0).as_matrix()).float().view(2, 3, 3, 3)
    translation = torch.randn(2, 3, 3)
    poses = model.normalise_poses(features, rotation, translation)
    torch.testing.assert_close(poses[..., 6:], translation - points.mean(dim=1)[:, None])
    back = model.restore_poses(features, poses)
    torch.testing.assert_close(back[0], rotation, atol=1e-6, rtol=0)
    torch.testing.assert_close(back[1], translation, atol=1e-6, rtol=0)
    assert model.compute_energies(features, poses) is None
