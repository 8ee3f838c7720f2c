"""A point-cloud encoder sized for a CPU: local patches, a coarser level, then self-attention."""

from typing import Any

import torch
from torch import Tensor, nn


class PatchEncoder(nn.Module):
    """Encode a cloud into one global feature.

    Fine patches around `CENTRES` points are embedded by a shared two-layer network and a maximum
    over their points (PointNet++ set abstraction); patches of these around the first `TOKENS`
    centres become tokens, which look at each other through self-attention. Neighbourhoods come from
    outside (`benchmark.networks.neighbours`), so that they can be found while the network computes.

    There is no normalisation inside the per-point layers: on a CPU these are bound by memory, and
    normalising the pooled features is enough to train.
    """

    CENTRES = 128
    NEIGHBOURS = 16
    TOKENS = 48
    TOKEN_NEIGHBOURS = 16

    def __init__(self, *, width: int = 160, layers: int = 2, features: int = 512) -> None:
        super().__init__()
        self.fine_inner = nn.Linear(6, 32)
        self.fine_outer = nn.Linear(32, 64)
        self.fine_norm = nn.LayerNorm(64)
        self.coarse_feature = nn.Linear(64, width)
        self.coarse_offset = nn.Linear(3, width, bias=False)
        self.place = nn.Linear(3, width)
        self.attention = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(
                width,
                4,
                2 * width,
                dropout=0.0,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            ),
            layers,
            enable_nested_tensor=False,
        )
        self.summary = nn.Sequential(nn.LayerNorm(2 * width), nn.Linear(2 * width, features))

    def forward(
        self, points: Tensor, centres: Tensor, neighbours: Tensor, coarse: Tensor
    ) -> Tensor:
        """Return the features (B, features).

        Args:
            points: (B, N, 3) clouds in the network's normalised frame.
            centres: (B, CENTRES) rows of the points.
            neighbours: (B, CENTRES, NEIGHBOURS) rows of the points.
            coarse: (B, TOKENS, TOKEN_NEIGHBOURS) rows of the centres.
        """
        centre_points = gather_rows(points, centres)
        patches = gather_rows(points, neighbours)
        offsets = patches - centre_points[:, :, None]
        fine = torch.relu(self.fine_inner(torch.cat([4 * offsets, patches], dim=-1)))
        fine = self.fine_norm(torch.relu(max_over_neighbours(self.fine_outer(fine))))
        token_points = centre_points[:, : self.TOKENS]
        offsets = gather_rows(centre_points, coarse) - token_points[:, :, None]
        patches = gather_rows(self.coarse_feature(fine), coarse) + self.coarse_offset(offsets)
        tokens = torch.relu(max_over_neighbours(patches)) + self.place(token_points)
        tokens = self.attention(tokens)
        pooled = torch.cat([tokens.amax(dim=1), tokens.mean(dim=1)], dim=-1)
        features: Tensor = self.summary(pooled)
        return features


def gather_rows(values: Tensor, rows: Tensor) -> Tensor:
    """Pick rows of each batch element: (B, N, C) and indices (B, ...) give (B, ..., C)."""
    batch, count, channels = values.shape
    offsets = torch.arange(batch, device=values.device).view(-1, *[1] * (rows.dim() - 1)) * count
    flat = (rows + offsets).reshape(-1)
    picked: Tensor = values.reshape(-1, channels).index_select(0, flat)
    return picked.view(*rows.shape, channels)


def max_over_neighbours(values: Tensor) -> Tensor:
    """Return the maximum (B, P, C) over the neighbours of (B, P, N, C).

    Its gradient goes to every neighbour that attains the maximum. `torch.amax` shares it among
    them, which on a CPU costs seven times as much and matters to repeated points only.
    """
    pooled: Tensor = _NeighbourMaximum.apply(values)  # type: ignore[no-untyped-call]
    return pooled


class _NeighbourMaximum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        maximum = values.amax(dim=2)
        ctx.save_for_backward(values, maximum)
        return maximum

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        values, maximum = ctx.saved_tensors
        # A comparison written as floats is a vectorised pass; one to booleans and back is not.
        attained = torch.empty_like(values)
        torch.eq(values, maximum[:, :, None], out=attained)
        return attained.mul_(gradient[:, :, None])
