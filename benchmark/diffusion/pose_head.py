"""A residual network from a noisy pose, its noise level and a cloud's feature to nine numbers."""

import math

import torch
from torch import Tensor, nn

from benchmark.diffusion.pose_vector import POSE_SIZE


class PoseHead(nn.Module):
    """Predict nine numbers for every noisy pose of every cloud.

    Each residual block adds a projection of the cloud's feature and one of the noise level inside
    its hidden layer. The first depends on the cloud alone and is computed once for all its poses
    and all sampling steps (`condition`).
    """

    FREQUENCIES = 32

    def __init__(self, *, features: int, width: int = 256, blocks: int = 3) -> None:
        super().__init__()
        self.width, self.blocks = width, blocks
        self.pose = nn.Linear(POSE_SIZE, width)
        self.condition_projection = nn.Linear(features, width * (blocks + 1))
        self.noise = nn.Sequential(
            nn.Linear(2 * self.FREQUENCIES, 128), nn.SiLU(), nn.Linear(128, width * (blocks + 1))
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(blocks))
        self.inner = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.outer = nn.ModuleList(nn.Linear(width, width) for _ in range(blocks))
        self.answer_norm = nn.LayerNorm(width)
        self.answer = nn.Linear(width, POSE_SIZE)
        nn.init.zeros_(self.answer.weight)
        nn.init.zeros_(self.answer.bias)

    def condition(self, features: Tensor) -> Tensor:
        """Return what the cloud (B, features) adds in each layer: (B, 1, blocks + 1, width)."""
        projected: Tensor = self.condition_projection(features)
        return projected.view(len(features), 1, self.blocks + 1, self.width)

    def forward(self, condition: Tensor, poses: Tensor, log_sigma: Tensor) -> Tensor:
        """Return (B, K, 9).

        Args:
            condition: what `condition` returned for the B clouds.
            poses: (B, K, 9), scaled to unit variance.
            log_sigma: natural logarithm of the noise level, scalar or (B, K).
        """
        noise = self.noise(embed_frequencies(log_sigma, self.FREQUENCIES))
        bias = condition + noise.view(*log_sigma.shape, self.blocks + 1, self.width)
        x = self.pose(poses) + bias[:, :, 0]
        for i, (norm, inner, outer) in enumerate(
            zip(self.norms, self.inner, self.outer, strict=True)
        ):
            x = x + outer(nn.functional.silu(inner(norm(x)) + bias[:, :, i + 1]))
        answer: Tensor = self.answer(self.answer_norm(x))
        return answer


def embed_frequencies(values: Tensor, frequencies: int) -> Tensor:
    """Return sines and cosines (..., 2 * frequencies) of the values at geometric frequencies."""
    scale = torch.exp(torch.linspace(math.log(0.25), math.log(16.0), frequencies))
    angles = values[..., None] * scale.to(values)
    return torch.cat([angles.sin(), angles.cos()], dim=-1)
