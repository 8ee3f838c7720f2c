"""The `paper` preset's networks, as released: score and energy, 2.2 million parameters each.

Pose vectors are relative to the mean of the cloud and in metres; the encoder is given the cloud as
it stands in the camera frame. Parameters carry the names of the released checkpoints.

Source: GenPose, sections 3.1 and 3.2, appendix A.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.diffusion.pose_vector import (
    POSE_SIZE,
    ROTATION_SIZE,
    from_pose_vector,
    to_pose_vector,
)
from benchmark.diffusion.schedule import VarianceExploding
from benchmark.networks.pointnet2 import ENCODER_FEATURES, PointNet2

SCHEDULE = VarianceExploding()
_FREQUENCIES, _TIME_FEATURES, _POSE_FEATURES, _HIDDEN = 64, 128, 256, 256


class FourierFeatures(nn.Module):
    """Sines and cosines of time at fixed random frequencies, drawn from N(0, 30^2)."""

    def __init__(self) -> None:
        super().__init__()
        self.W = nn.Parameter(30 * torch.randn(_FREQUENCIES), requires_grad=False)

    def forward(self, t: Tensor) -> Tensor:
        """Return (..., 128) for times (...)."""
        phase = t[..., None] * self.W * 2 * math.pi
        return torch.cat([phase.sin(), phase.cos()], dim=-1)


class PoseScoreHeads(nn.Module):
    """Maps a cloud's feature, a pose and a time to three vectors: R_x, R_y and T."""

    def __init__(self) -> None:
        super().__init__()
        self.pose_encoder = nn.Sequential(
            nn.Linear(POSE_SIZE, _POSE_FEATURES),
            nn.ReLU(),
            nn.Linear(_POSE_FEATURES, _POSE_FEATURES),
            nn.ReLU(),
        )
        self.t_encoder = nn.Sequential(
            FourierFeatures(), nn.Linear(2 * _FREQUENCIES, _TIME_FEATURES), nn.ReLU()
        )
        self.fusion_tail_rot_x = _build_head()
        self.fusion_tail_rot_y = _build_head()
        self.fusion_tail_trans = _build_head()

    def condition(self, features: Tensor) -> Tensor:
        """Return the cloud's share (B, 768) of the three heads' first layers, bias included.

        The first layer is linear in [cloud, time, pose], so this share is computed once a cloud
        and not once for every hypothesis and sampling step.
        """
        weight = self._stack("0.weight", slice(ENCODER_FEATURES))
        return functional.linear(features, weight, self._stack("0.bias"))

    def forward(self, condition: Tensor, poses: Tensor, t: Tensor) -> Tensor:
        """Return (B, K, 9) for poses (B, K, 9) at times t, a scalar or (B, K)."""
        weight = self._stack("0.weight", slice(ENCODER_FEATURES, None))
        from_time = functional.linear(self.t_encoder(t), weight[:, :_TIME_FEATURES])
        from_pose = functional.linear(self.pose_encoder(poses), weight[:, _TIME_FEATURES:])
        hidden = (from_pose + from_time + condition[:, None]).relu()
        heads = hidden.view(*poses.shape[:-1], 3, _HIDDEN)
        last = self._stack("2.weight").view(3, 3, _HIDDEN)
        output = torch.einsum("bkhi,hoi->bkho", heads, last).flatten(start_dim=-2)
        return output + self._stack("2.bias")

    def _stack(self, name: str, columns: slice = slice(None)) -> Tensor:
        """Return one parameter of the three heads, or some columns, stacked along its rows."""
        heads = (self.fusion_tail_rot_x, self.fusion_tail_rot_y, self.fusion_tail_trans)
        return torch.cat([head.get_parameter(name)[..., columns] for head in heads])


class PoseNetwork(nn.Module):
    """Encoder and heads: what score and energy network have in common, down to the names."""

    def __init__(self) -> None:
        super().__init__()
        self.pts_encoder = PointNet2()
        self.pose_score_net = PoseScoreHeads()

    def encode(self, points: Tensor) -> Tensor:
        """Return the condition (B, 768) of camera-frame clouds (B, N, 3), metres."""
        features = self.pts_encoder(points).to(points.dtype)
        with torch.autocast(points.device.type, enabled=False):
            condition: Tensor = self.pose_score_net.condition(features)
        return condition

    def _compute_output(self, condition: Tensor, poses: Tensor, t: Tensor) -> Tensor:
        # Half precision cannot tell noise of 0.01 from none; mixed precision is for the encoder.
        with torch.autocast(poses.device.type, enabled=False):
            output: Tensor = self.pose_score_net(condition, poses.to(condition.dtype), t)
        return output


class ScoreNetwork(PoseNetwork):
    """Estimates the score, the gradient of log p_t(pose | cloud)."""

    def score(self, condition: Tensor, poses: Tensor, t: Tensor) -> Tensor:
        """Return scores (B, K, 9) at times t, a scalar or (B, K)."""
        sigma = SCHEDULE.sigma(t.to(condition.dtype))
        output = self._compute_output(condition, poses, t.to(condition.dtype))
        return output / (_align(sigma, poses) + 1e-7)

    def denoise(self, condition: Tensor, poses: Tensor, sigma: Tensor) -> Tensor:
        """Return p + sigma^2 score, the expected clean pose, in the precision of `poses`."""
        score = self.score(condition, poses, SCHEDULE.time(sigma))
        return poses + _align(sigma, poses) ** 2 * score


class EnergyNetwork(PoseNetwork):
    """Estimates log p_t(pose | cloud) up to a constant, apart for rotation and translation."""

    def energies(self, condition: Tensor, poses: Tensor, t: Tensor) -> Tensor:
        """Return (B, K, 2) inner products of pose and network output over sigma."""
        poses, t = poses.to(condition.dtype), t.to(condition.dtype)
        output = self._compute_output(condition, poses, t) / _align(SCHEDULE.sigma(t), poses)
        products = poses * output
        rotation, translation = products[..., :ROTATION_SIZE], products[..., ROTATION_SIZE:]
        return torch.stack([rotation.sum(dim=-1), translation.sum(dim=-1)], dim=-1)

    def score(self, condition: Tensor, poses: Tensor, t: Tensor) -> Tensor:
        """Return the gradient (B, K, 9) of the summed energy with respect to the pose."""
        with torch.enable_grad():
            poses = poses.detach().requires_grad_()
            energy = self.energies(condition, poses, t).sum()
            (gradient,) = torch.autograd.grad(energy, poses, create_graph=self.training)
        return gradient


@dataclass(frozen=True, kw_only=True)
class PaperFeatures:
    """What the two networks keep of B clouds.

    Attributes:
        score, energy: (B, 768) conditions; energy is None without an energy network.
        centre: (B, 3) mean of the cloud, camera frame, metres.
    """

    score: Tensor
    energy: Tensor | None
    centre: Tensor


@dataclass(frozen=True, kw_only=True)
class PaperModel:
    """Score and energy network together: a `PoseModel`."""

    score: ScoreNetwork
    energy: EnergyNetwork | None = None

    def encode(self, points: Tensor) -> PaperFeatures:
        """Encode camera-frame clouds (B, N, 3), metres, once for all that follows."""
        return PaperFeatures(
            score=self.score.encode(points),
            energy=self.energy.encode(points) if self.energy else None,
            centre=points.mean(dim=1),
        )

    def embed(self, points: Tensor) -> Tensor:
        """Return the score network's PointNet++ features (B, 1024) of clouds (B, N, 3)."""
        features: Tensor = self.score.pts_encoder(points)
        return features

    def denoise(self, features: PaperFeatures, poses: Tensor, sigma: Tensor) -> Tensor:
        """Return denoised pose vectors (B, K, 9)."""
        return self.score.denoise(features.score, poses, sigma)

    def compute_energies(self, features: PaperFeatures, poses: Tensor) -> Tensor | None:
        """Return energies (B, K, 2) at the smallest noise, None without an energy network."""
        if self.energy is None or features.energy is None:
            return None
        return self.energy.energies(features.energy, poses, poses.new_tensor(SCHEDULE.eps))

    def normalise_poses(
        self, features: PaperFeatures, rotation: Tensor, translation: Tensor
    ) -> Tensor:
        """Return pose vectors (B, K, 9) of object-to-camera poses (B, K, 3, 3), (B, K, 3)."""
        return to_pose_vector(rotation, translation - features.centre[:, None])

    def restore_poses(self, features: PaperFeatures, poses: Tensor) -> tuple[Tensor, Tensor]:
        """Return object-to-camera rotations (B, K, 3, 3) and translations (B, K, 3), metres."""
        rotation, offset = from_pose_vector(poses)
        return rotation, offset + features.centre[:, None]


def _align(sigma: Tensor, poses: Tensor) -> Tensor:
    """Return sigma with the dimensions it needs to multiply pose vectors."""
    return sigma if sigma.dim() == 0 else sigma[..., None].expand(*poses.shape[:-1], 1)


def _build_head() -> nn.Sequential:
    """Return one head, whose output is zero at first."""
    inputs = ENCODER_FEATURES + _TIME_FEATURES + _POSE_FEATURES
    last = nn.Linear(_HIDDEN, 3)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(inputs, _HIDDEN), nn.ReLU(), last)
