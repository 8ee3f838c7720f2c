"""PointNet++ with multi-scale grouping, in the "light" size of GenPose's released code.

Parameters carry the names of the released checkpoints, so that files load without renaming.
Features are (B, N, C) between the levels.

Source: Qi et al. 2017; GenPose appendix A.
"""

import itertools
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmark.networks.batch_statistics import EPS, Moments
from benchmark.networks.gathering import gather_rows
from benchmark.networks.neighbourhoods import Groups
from benchmark.networks.point_ops import find_in_ball, sample_farthest
from benchmark.networks.point_ops_torch import (
    find_in_ball_torch,
    sample_farthest_torch,
)
from benchmark.networks.shared_training import train_shared_layers

ENCODER_FEATURES = 1024


@dataclass(frozen=True, kw_only=True)
class Scale:
    """One neighbourhood size of a level.

    Attributes:
        radius: metres; None groups the whole cloud.
        neighbours: points taken from each neighbourhood.
        widths: output channels of the shared layers.
    """

    radius: float | None = None
    neighbours: int = 0
    widths: tuple[int, ...]


LEVELS: tuple[tuple[int, tuple[Scale, Scale]], ...] = (
    (
        512,
        (
            Scale(radius=0.02, neighbours=16, widths=(16, 16, 32)),
            Scale(radius=0.04, neighbours=32, widths=(32, 32, 64)),
        ),
    ),
    (
        256,
        (
            Scale(radius=0.04, neighbours=16, widths=(64, 64, 128)),
            Scale(radius=0.08, neighbours=32, widths=(64, 96, 128)),
        ),
    ),
    (
        128,
        (
            Scale(radius=0.08, neighbours=16, widths=(128, 196, 256)),
            Scale(radius=0.16, neighbours=32, widths=(128, 196, 256)),
        ),
    ),
    (1, (Scale(widths=(256, 256, 512)), Scale(widths=(256, 384, 512)))),
)
"""Number of centres and the two scales of each level; the last level groups everything."""


class PointNet2(nn.Module):
    """Encodes a cloud in the camera frame into 1024 numbers."""

    # Activations of a few clouds stay in the processor's caches, those of a large batch do not.
    _CLOUDS_AT_ONCE = 2

    def __init__(self) -> None:
        super().__init__()
        channels, levels = 0, []
        for centres, scales in LEVELS:
            levels.append(SetAbstraction(centres, scales, channels))
            channels = sum(scale.widths[-1] for scale in scales)
        self.SA_modules = nn.ModuleList(levels)

    def forward(self, points: Tensor) -> Tensor:
        """Return the features (B, 1024) of clouds (B, N, 3), metres, not centred."""
        if self.training or points.is_cuda:
            return self._encode(points)
        return torch.cat([self._encode(part) for part in torch.split(points, self._CLOUDS_AT_ONCE)])

    def _encode(self, points: Tensor) -> Tensor:
        features = points[..., :0]
        for level in self.SA_modules:
            points, features = level(points, features)
        return features[:, 0]


class SetAbstraction(nn.Module):
    """One level: picks centres, groups their neighbours, and keeps the maximum over each group."""

    def __init__(self, centres: int, scales: Sequence[Scale], channels: int) -> None:
        super().__init__()
        self.centres, self.scales = centres, tuple(scales)
        self.mlps = nn.ModuleList(SharedLayers((channels + 3, *s.widths)) for s in scales)

    def forward(self, points: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the centres (B, M, 3) and their features (B, M, C)."""
        if self.scales[0].radius is None:
            pooled = [mlp(points[:, None], features[:, None]) for mlp in self.mlps]
            return points[:, :1], torch.cat(pooled, dim=-1)
        centres = gather_rows(points, self._sample(points))
        pooled = []
        for scale, mlp in zip(self.scales, self.mlps, strict=True):
            rows = _find_neighbours(points, centres, scale)
            offsets = gather_rows(points, rows) - centres[:, :, None]
            pooled.append(mlp(offsets, features, rows))
        return centres, torch.cat(pooled, dim=-1)

    def _sample(self, points: Tensor) -> Tensor:
        if points.is_cuda:
            return sample_farthest_torch(points.detach(), self.centres)
        return torch.from_numpy(sample_farthest(points.detach().numpy(), self.centres))


class SharedLayers(nn.Module):
    """1x1 convolutions, each with BatchNorm and ReLU, that all points share."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        for i, (inputs, outputs) in enumerate(itertools.pairwise(widths)):
            self.add_module(f"layer{i}", SharedLayer(inputs, outputs))

    def forward(self, offsets: Tensor, features: Tensor, rows: Tensor | None = None) -> Tensor:
        """Apply the layers to groups and keep each group's maximum.

        Args:
            offsets: (B, M, S, 3) neighbours relative to their centres.
            features: (B, N, C), or (B, M, S, C) where there are no rows.
            rows: (B, M, S) indices into the N features.

        Returns:
            (B, M, outputs).
        """
        if not self.training:
            layers = [layer.fold() for layer in self._list_layers()]
            return _pool_folded(layers, offsets, features, rows)
        if self._can_be_compiled(offsets):
            return self._train_compiled(offsets, features, rows)
        grouped = features if rows is None else gather_rows(features, rows)
        values = torch.cat([offsets, grouped], dim=-1).permute(0, 3, 1, 2)
        # Channels last, torch sums the statistics of a batch in float32 and loses three digits.
        values = values.contiguous()
        for layer in self.children():
            values = layer(values)
        return values.amax(dim=-1).mT

    def _train_compiled(self, offsets: Tensor, features: Tensor, rows: Tensor | None) -> Tensor:
        """Compute what the layers compute one after the other, in fewer passes over memory."""
        layers = self._list_layers()
        weight = layers[0].weight
        groups = Groups.build(offsets, rows, features.shape[1])
        mapped = offsets.new_empty((0, len(weight)))
        if features.shape[-1]:  # the layer is linear: once a point, not once a neighbourhood
            mapped = functional.linear(features, weight[:, 3:]).float().flatten(end_dim=-2)
        parameters = [part for layer in layers for part in layer.get_parameters()]
        parameters[0] = weight[:, :3]
        pooled, moments = train_shared_layers(mapped, groups, parameters)
        for layer, found in zip(layers, moments, strict=True):
            layer.keep_moments(found)
        return pooled.view(*offsets.shape[:2], -1)

    def _list_layers(self) -> list["SharedLayer"]:
        return [layer for layer in self.children() if isinstance(layer, SharedLayer)]

    def _can_be_compiled(self, offsets: Tensor) -> bool:
        is_plain = offsets.is_cpu and offsets.dtype == torch.float32
        has_batch_statistics = all(layer.norm.training for layer in self._list_layers())
        return is_plain and has_batch_statistics and not offsets.requires_grad


class SharedLayer(nn.Module):
    """One 1x1 convolution without bias, BatchNorm, ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)
        norm = nn.BatchNorm2d(outputs, eps=EPS)
        self.bn = nn.Sequential(OrderedDict(bn=norm))

    def forward(self, values: Tensor) -> Tensor:
        """Apply the layer to (B, C, M, S)."""
        return functional.relu_(self.bn(self.conv(values)))

    @property
    def norm(self) -> nn.BatchNorm2d:
        """The normalisation."""
        return cast("nn.BatchNorm2d", self.bn[0])

    @property
    def weight(self) -> Tensor:
        """The convolution's weight (out, in)."""
        return self.conv.weight[:, :, 0, 0]

    def get_parameters(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return weight (out, in), and factor and bias (out,) of the normalisation."""
        return self.weight, self.norm.weight, self.norm.bias

    def keep_moments(self, moments: Moments) -> None:
        """Move the running statistics towards those of a batch, as BatchNorm does."""
        mean, variance = self.norm.running_mean, self.norm.running_var
        count, share, batches = moments.count, self.norm.momentum, self.norm.num_batches_tracked
        if mean is None or variance is None or batches is None or share is None:
            raise TypeError("expected a normalisation with running statistics")
        with torch.no_grad():
            mean.lerp_(moments.mean, share)
            variance.lerp_(moments.variance * (count / (count - 1)), share)
            batches += 1

    def fold(self) -> tuple[Tensor, Tensor]:
        """Return weight (out, in) and bias (out,) with the normalisation merged in."""
        state = self.state_dict(keep_vars=True)
        scale = state["bn.bn.weight"] / torch.sqrt(state["bn.bn.running_var"] + EPS)
        bias = state["bn.bn.bias"] - state["bn.bn.running_mean"] * scale
        return state["conv.weight"][:, :, 0, 0] * scale[:, None], bias


def _pool_folded(
    layers: list[tuple[Tensor, Tensor]], offsets: Tensor, features: Tensor, rows: Tensor | None
) -> Tensor:
    """Compute what `SharedLayers` does from folded layers, in fewer operations.

    The first layer is linear in offsets and features, so features pass through it once a point
    instead of once a neighbourhood; bias and ReLU of the last commute with the maximum.
    """
    (weight, bias), (middle, middle_bias), (last, last_bias) = layers
    hidden = functional.linear(offsets, weight[:, :3], bias)
    if features.shape[-1]:
        mapped = functional.linear(features, weight[:, 3:])
        hidden = hidden.add_(mapped if rows is None else gather_rows(mapped, rows))
    hidden = functional.linear(hidden.relu_(), middle, middle_bias).relu_()
    return (functional.linear(hidden, last).amax(dim=2) + last_bias).relu_()


def _find_neighbours(points: Tensor, centres: Tensor, scale: Scale) -> Tensor:
    cloud, middle, radius = points.detach(), centres.detach(), scale.radius or 0.0
    if points.is_cuda:
        return find_in_ball_torch(cloud, middle, radius, scale.neighbours)
    rows = find_in_ball(cloud.numpy(), middle.numpy(), radius, scale.neighbours)
    return torch.from_numpy(rows)
