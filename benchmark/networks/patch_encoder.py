"""A point-cloud encoder sized for a CPU: local patches, a coarser level, then self-attention."""

import torch
from torch import Tensor, nn

from benchmark.networks.gathering import gather_rows
from benchmark.networks.patch_pooling import pool_patches, pool_rows
from benchmark.networks.self_attention import Transformer


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
        self.attention = Transformer(width, heads=4, layers=layers)
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
        fine = self._embed_patches(points, centre_points, neighbours)
        token_points = centre_points[:, : self.TOKENS]
        tokens = torch.relu(self._pool_centres(fine, centre_points, coarse))
        tokens = self.attention(tokens + self.place(token_points))
        pooled = torch.cat([tokens.amax(dim=1), tokens.mean(dim=1)], dim=-1)
        features: Tensor = self.summary(pooled)
        return features

    def _embed_patches(self, points: Tensor, centres: Tensor, neighbours: Tensor) -> Tensor:
        """Return the features (B, CENTRES, 64) of the fine patches around the centres (B, C, 3).

        The inner layer sees the point and, four times as large, its offset from the centre: a
        linear map of point and centre.
        """
        by_offset, by_place = self.fine_inner.weight[:, :3], self.fine_inner.weight[:, 3:]
        inner = (4 * by_offset + by_place, -4 * by_offset, self.fine_inner.bias)
        outer = (self.fine_outer.weight, self.fine_outer.bias)
        pooled = pool_patches(points, centres, neighbours, inner, outer)
        embedded: Tensor = self.fine_norm(pooled.relu())
        return embedded

    def _pool_centres(self, fine: Tensor, centres: Tensor, coarse: Tensor) -> Tensor:
        """Return the maxima (B, TOKENS, width) over the centres around each of the first TOKENS.

        A neighbour gives its feature and its offset from the token; the token's own place, being
        the same for all of them, is subtracted from the maximum.
        """
        with torch.autocast(centres.device.type, enabled=False):
            values = self.coarse_feature(fine) + self.coarse_offset(centres)
            places: Tensor = self.coarse_offset(centres[:, : self.TOKENS])
        return pool_rows(values, coarse) - places
