"""Training of PointNet++'s shared layers on a CPU: three layers and a maximum in few passes.

Layer by layer, the values of a batch go through memory some thirty times: they are convolved,
summed up, normalised, cut off, grouped, and all of it again backwards. Here they are in memory once
for each of the first two layers, before normalisation, and everything else is done again for a few
neighbourhoods at a time, in cache. Two products are smaller than they look besides:

- the first layer is linear in offsets and features, so features pass through it once a point;
- of the last layer only the maxima have gradients of their own. What the normalisation's mean and
  variance add to them is linear in the layer's output, z W^T, so its way back is one product with
  W^T diag(b) W and one with z^T z, and the output is never stored.

Sums over the batch are float32 or better whatever the products are computed in.

Source: Ioffe and Szegedy 2015 (the gradient of BatchNorm).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.networks import shared_kernels as kernels

EPS = 1e-5
_CHUNK_VALUES = 2**17


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Mean and variance (C,) of a layer's outputs over `count` rows, before normalisation."""

    mean: Tensor
    variance: Tensor
    count: int


@dataclass(frozen=True, kw_only=True)
class _Normalisation:
    """What normalises one layer, as float32 arrays (C,): scale v + shift."""

    scale: np.ndarray
    shift: np.ndarray
    mean: np.ndarray
    inverse: np.ndarray
    count: int

    @classmethod
    def build(cls, sums: np.ndarray, count: int, gain: Tensor, bias: Tensor) -> "_Normalisation":
        mean = sums[0] / count
        inverse = 1 / np.sqrt(np.maximum(sums[1] / count - mean**2, 0) + EPS)
        scale = gain.numpy() * inverse
        arrays = (scale, bias.numpy() - mean * scale, mean, inverse)
        scale, shift, mean, inverse = (value.astype(np.float32) for value in arrays)
        return cls(scale=scale, shift=shift, mean=mean, inverse=inverse, count=count)

    def return_sums(self, sums: np.ndarray) -> tuple[np.ndarray, Tensor, Tensor]:
        """Return the way back through the normalisation, and the gradients of gain and bias.

        Args:
            sums: (2, C) of the gradients, and of their products with the values.
        """
        to_bias = sums[0]
        to_gain = (sums[1] - self.mean * sums[0]) * self.inverse
        by_value = -self.scale * self.inverse * to_gain / self.count
        constant = -self.scale * to_bias / self.count - by_value * self.mean
        factors = np.stack([self.scale, by_value, constant]).astype(np.float32)
        return factors, torch.from_numpy(to_gain).float(), torch.from_numpy(to_bias).float()


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Neighbourhoods: G groups of S neighbours of N points.

    Attributes:
        rows: (G, S) int64, which of the N points each neighbour is.
        offsets: (G, S, 3) float32 of the neighbours from their centres.
        dtype: in which products are computed, and what the backward pass needs is kept.
    """

    rows: np.ndarray
    offsets: np.ndarray
    dtype: torch.dtype

    @classmethod
    def build(cls, offsets: Tensor, rows: Tensor | None, points: int) -> "Groups":
        """Return the groups of all clouds of a batch, their points one after the other.

        Args:
            offsets: (B, M, S, 3).
            rows: (B, M, S) which of its cloud's points each neighbour is; None where they are
                the M S points themselves.
            points: how many a cloud has.
        """
        shape = offsets.shape[:3]
        if rows is None:
            rows = torch.arange(shape.numel())
        else:
            rows = rows + points * torch.arange(shape[0])[:, None, None]
        is_reduced = torch.is_autocast_enabled("cpu")
        return cls(
            rows=rows.view(-1, shape[2]).numpy(),
            offsets=offsets.reshape(-1, shape[2], 3).numpy(),
            dtype=torch.get_autocast_dtype("cpu") if is_reduced else torch.float32,
        )

    @property
    def count(self) -> int:
        """Number of rows P = G S."""
        return self.rows.size

    def make_values(self, channels: int) -> Tensor:
        """Return room for a layer's values (P, C)."""
        return torch.empty((self.count, channels), dtype=self.dtype)

    def split(self, channels: int) -> Iterator[tuple[slice, slice]]:
        """Yield slices of groups and of rows whose values of so many channels stay in cache."""
        groups, size = self.rows.shape
        step = max(1, _CHUNK_VALUES // (size * channels))
        for start in range(0, groups, step):
            stop = min(start + step, groups)
            yield slice(start, stop), slice(start * size, stop * size)


def train_shared_layers(
    mapped: Tensor, groups: Groups, parameters: Sequence[Tensor]
) -> tuple[Tensor, list[Moments]]:
    """Return the maxima (G, O) of three shared layers over each group, and their moments.

    Differentiable with respect to `mapped` and the parameters, not to the points.

    Args:
        mapped: (N, C) features through the first layer, float32; (0, C) where there are none.
        groups: which points, and where.
        parameters: weight (out, in), gain and bias (out,) of the three layers one after the other;
            the first layer's weight is that of the offsets alone.
    """
    moments: list[Moments] = []
    arguments = (groups, moments, mapped, *parameters)
    pooled: Tensor = _SharedLayers.apply(*arguments)  # type: ignore[no-untyped-call]
    return pooled, moments


class _SharedLayers(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, groups: Groups, moments: list[Moments], mapped: Tensor, *parameters: Tensor
    ) -> Tensor:
        layers = _Layers(groups, mapped.detach(), [value.detach() for value in parameters])
        with torch.autocast("cpu", enabled=False):
            pooled = layers.forward()
        moments.extend(layers.find_moments())
        ctx.layers = layers
        return pooled

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        with torch.autocast("cpu", enabled=False):
            return None, None, *ctx.layers.backward(gradient)


class _Layers:
    """The three layers on one batch: what the backward pass needs of the forward pass."""

    def __init__(self, groups: Groups, mapped: Tensor, parameters: list[Tensor]) -> None:
        self.groups, self.mapped = groups, mapped
        self.weights, self.gains, self.biases = (parameters[i::3] for i in range(3))
        # The largest output of a layer of negative gain is the smallest product: turn both around.
        self.sign = torch.where(self.gains[2] < 0, -1.0, 1.0)
        self.weights[2] = self.weights[2] * self.sign[:, None]
        self.gains[2] = self.gains[2] * self.sign
        self.narrow = [weight.to(groups.dtype) for weight in self.weights]
        self.values = [groups.make_values(len(weight)) for weight in self.weights[:2]]
        self.norms: list[_Normalisation] = []

    def forward(self) -> Tensor:
        """Return the maxima (G, O) after normalisation and ReLU."""
        self._normalise(0, self._apply_first())
        self._normalise(1, self._apply_second())
        self._normalise(2, self._apply_last())
        norm = self.norms[2]
        return torch.from_numpy(self.pooled * norm.scale + norm.shift).relu_()

    def backward(self, gradient: Tensor) -> tuple[Tensor, ...]:
        """Return the gradients of `mapped` and the parameters."""
        slopes, sums, last = self._return_last(gradient)
        slopes, sums, second = self._return_second(slopes, sums)
        return *self._return_first(slopes, sums), *second, *last

    def find_moments(self) -> list[Moments]:
        """Return what BatchNorm keeps running averages of."""
        means = [torch.from_numpy(norm.mean) for norm in self.norms]
        means[2] = means[2] * self.sign
        variances = [1 / norm.inverse.astype(float) ** 2 - EPS for norm in self.norms]
        return [
            Moments(mean=mean, variance=torch.from_numpy(value).float(), count=self.groups.count)
            for mean, value in zip(means, variances, strict=True)
        ]

    def _normalise(self, layer: int, sums: np.ndarray) -> None:
        gain, bias = self.gains[layer], self.biases[layer]
        self.norms.append(_Normalisation.build(sums, self.groups.count, gain, bias))

    def _apply_first(self) -> np.ndarray:
        groups, values = self.groups, self.values[0]
        sums = _make_sums(values)
        weight = np.ascontiguousarray(self.weights[0].numpy().T)
        for group, row in groups.split(values.shape[1]):
            found = torch.empty(values[row].shape)
            near = (groups.rows[group], groups.offsets[group])
            kernels.apply_first(self.mapped.numpy(), *near, weight, found.numpy())
            kernels.add_moments(found.numpy(), sums)
            values[row].copy_(found)
        return sums

    def _apply_second(self) -> np.ndarray:
        values = self.values[1]
        sums = _make_sums(values)
        for _, row in self.groups.split(values.shape[1]):
            active = self._activate(0, row)[1].to(values.dtype)
            torch.mm(active, self.narrow[1].T, out=values[row])
            kernels.add_moments(values[row].float().numpy(), sums)
        return sums

    def _apply_last(self) -> np.ndarray:
        shape = (len(self.groups.rows), len(self.weights[2]))
        self.pooled = np.empty(shape, dtype=np.float32)
        self.winners = np.empty(shape, dtype=np.int32)
        sums = np.zeros((2, shape[1]))
        for group, row in self.groups.split(shape[1]):
            active = self._activate(1, row)[1].to(self.groups.dtype)
            found = torch.mm(active, self.narrow[2].T).float().numpy()
            kernels.add_moments(found, sums)
            kernels.pool(found, self.pooled[group], self.winners[group])
        return sums

    def _activate(self, layer: int, row: slice) -> tuple[np.ndarray, Tensor]:
        """Return some of a layer's values, and those after normalisation and ReLU, float32."""
        values = self.values[layer][row].float().numpy()
        active = torch.empty(values.shape)
        norm = self.norms[layer]
        kernels.activate(values, norm.scale, norm.shift, active.numpy())
        return values, active

    def _return_last(self, gradient: Tensor) -> tuple[Tensor, np.ndarray, tuple[Tensor, ...]]:
        """Return the gradients of the second layer's outputs, their sums, and those of the last."""
        norm, weight = self.norms[2], self.weights[2]
        slopes = gradient.numpy() * (self.pooled * norm.scale + norm.shift > 0)
        sums = np.stack([slopes.sum(axis=0), (slopes * self.pooled).sum(axis=0)]).astype(float)
        factors, to_gain, to_bias = norm.return_sums(sums)
        _, by_value, constant = (torch.from_numpy(factor) for factor in factors)
        through = (weight.T @ (by_value[:, None] * weight)).to(self.groups.dtype)
        ground = (constant @ weight).numpy()
        slopes *= norm.scale
        to_weight = torch.zeros_like(weight)
        gram, total = torch.zeros(through.shape), torch.zeros(len(through))
        results, sums = torch.empty_like(self.values[1]), _make_sums(self.values[1])
        for group, row in self.groups.split(weight.shape[1]):
            values, active = self._activate(1, row)
            narrow = active.to(through.dtype)
            back = torch.mm(narrow, through).float().numpy()
            gram += torch.mm(narrow.T, narrow)
            total += active.sum(dim=0)
            maxima = (slopes[group], self.winners[group], weight.numpy())
            kernels.return_maxima(*maxima, active.numpy(), back, to_weight.numpy())
            kernels.mask_slopes(back, ground, values, active.numpy(), sums)
            results[row].copy_(torch.from_numpy(back))
        to_weight += constant[:, None] * total + by_value[:, None] * (weight @ gram)
        sign = self.sign
        return results, sums, (to_weight * sign[:, None], to_gain * sign, to_bias)

    def _return_second(
        self, slopes: Tensor, sums: np.ndarray
    ) -> tuple[Tensor, np.ndarray, tuple[Tensor, ...]]:
        """Return the gradients of the first layer's outputs, their sums, and the second's."""
        factors, to_gain, to_bias = self.norms[1].return_sums(sums)
        to_weight = torch.zeros_like(self.weights[1])
        ground = np.zeros(to_weight.shape[1], dtype=np.float32)
        results, sums = torch.empty_like(self.values[0]), _make_sums(self.values[0])
        for _, row in self.groups.split(len(to_weight)):
            back = slopes[row].float()
            kernels.return_normalised(back.numpy(), self.values[1][row].float().numpy(), factors)
            values, active = self._activate(0, row)
            narrow = back.to(slopes.dtype)
            to_weight += torch.mm(narrow.T, active.to(slopes.dtype))
            found = torch.mm(narrow, self.narrow[1]).float().numpy()
            kernels.mask_slopes(found, ground, values, active.numpy(), sums)
            results[row].copy_(torch.from_numpy(found))
        return results, sums, (to_weight, to_gain, to_bias)

    def _return_first(self, slopes: Tensor, sums: np.ndarray) -> tuple[Tensor, ...]:
        """Return the gradients of `mapped` and of the first layer's parameters."""
        factors, to_gain, to_bias = self.norms[0].return_sums(sums)
        to_mapped = torch.zeros_like(self.mapped)
        to_weight = np.zeros(self.weights[0].T.shape, dtype=np.float32)
        for group, row in self.groups.split(slopes.shape[1]):
            back = slopes[row].float().numpy()
            kernels.return_normalised(back, self.values[0][row].float().numpy(), factors)
            near = (self.groups.rows[group], self.groups.offsets[group])
            kernels.return_first(back, *near, to_mapped.numpy(), to_weight)
        return to_mapped, torch.from_numpy(to_weight.T), to_gain, to_bias


def _make_sums(values: Tensor) -> np.ndarray:
    return np.zeros((2, values.shape[1]))
