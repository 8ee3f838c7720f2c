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
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from benchmark.networks import shared_kernels as kernels
from benchmark.networks.batch_statistics import Moments, Normalisation

_CHUNK_VALUES = 2**17


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
            dtype=torch.bfloat16 if is_reduced else torch.float32,
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
    @once_differentiable
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
        self.norms: list[Normalisation] = []

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
        *inner, last = (norm.moments for norm in self.norms)
        return [*inner, replace(last, mean=last.mean * self.sign)]

    def _normalise(self, layer: int, sums: np.ndarray) -> None:
        gain, bias = self.gains[layer], self.biases[layer]
        self.norms.append(Normalisation.build(sums, self.groups.count, gain, bias))

    def _apply_first(self) -> np.ndarray:
        groups, values = self.groups, self.values[0]
        sums = _make_sums(values)
        weight = np.ascontiguousarray(self.weights[0].numpy().T)
        for group, row in groups.split(values.shape[1]):
            near = (groups.rows[group], groups.offsets[group])
            kernels.apply_first(self.mapped.numpy(), *near, weight, _expose(values[row]), sums)
        return sums

    def _apply_second(self) -> np.ndarray:
        values = self.values[1]
        sums = _make_sums(values)
        for _, row in self.groups.split(values.shape[1]):
            torch.mm(self._activate(0, row), self.narrow[1].T, out=values[row])
            kernels.add_moments(_expose(values[row]), sums)
        return sums

    def _apply_last(self) -> np.ndarray:
        shape = (len(self.groups.rows), len(self.weights[2]))
        self.pooled = np.empty(shape, dtype=np.float32)
        self.winners = np.empty(shape, dtype=np.int32)
        sums = np.zeros((2, shape[1]))
        for group, row in self.groups.split(shape[1]):
            found = torch.mm(self._activate(1, row), self.narrow[2].T)
            kernels.pool(_expose(found), self.pooled[group], self.winners[group], sums)
        return sums

    def _activate(self, layer: int, row: slice) -> Tensor:
        """Return some of a layer's values after normalisation and ReLU."""
        values, norm = self.values[layer][row], self.norms[layer]
        active = torch.empty_like(values)
        kernels.activate(_expose(values), norm.scale, norm.shift, _expose(active))
        return active

    def _return_last(self, gradient: Tensor) -> tuple[Tensor, np.ndarray, tuple[Tensor, ...]]:
        """Return the gradients of the second layer's outputs, their sums, and those of the last."""
        norm, weight = self.norms[2], self.weights[2]
        slopes = gradient.numpy() * (self.pooled * norm.scale + norm.shift > 0)
        sums = np.stack([slopes.sum(axis=0), (slopes * self.pooled).sum(axis=0)]).astype(float)
        factors, to_gain, to_bias = norm.return_sums(sums)
        slopes *= norm.scale
        _, by_value, constant = (torch.from_numpy(factor) for factor in factors)
        through = (weight.T @ (by_value[:, None] * weight)).to(self.groups.dtype)
        ground = (constant @ weight).numpy()
        to_weight = torch.zeros_like(weight)
        gram = torch.zeros(through.shape)
        results, sums = torch.empty_like(self.values[1]), _make_sums(self.values[1], 3)
        for group, row in self.groups.split(weight.shape[1]):
            active = self._activate(1, row)
            back = torch.mm(active, through).float()
            gram += torch.mm(active.T, active)
            maxima = (slopes[group], self.winners[group], weight.numpy(), _expose(active))
            kernels.return_maxima(*maxima, back.numpy(), to_weight.numpy())
            near = (_expose(self.values[1][row]), _expose(active), _expose(results[row]))
            kernels.mask_slopes(back.numpy(), ground, *near, sums)
        total = torch.from_numpy(sums[2]).float()
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
        results, sums = torch.empty_like(self.values[0]), _make_sums(self.values[0], 3)
        for _, row in self.groups.split(len(to_weight)):
            back = self._normalise_back(1, row, slopes, factors)
            active = self._activate(0, row)
            to_weight += torch.mm(back.T, active)
            found = torch.mm(back, self.narrow[1])
            near = (_expose(self.values[0][row]), _expose(active), _expose(results[row]))
            kernels.mask_slopes(_expose(found), ground, *near, sums)
        return results, sums, (to_weight, to_gain, to_bias)

    def _return_first(self, slopes: Tensor, sums: np.ndarray) -> tuple[Tensor, ...]:
        """Return the gradients of `mapped` and of the first layer's parameters."""
        factors, to_gain, to_bias = self.norms[0].return_sums(sums)
        to_mapped = torch.zeros_like(self.mapped)
        to_weight = np.zeros(self.weights[0].T.shape, dtype=np.float32)
        for group, row in self.groups.split(slopes.shape[1]):
            back = self._normalise_back(0, row, slopes, factors)
            near = (self.groups.rows[group], self.groups.offsets[group])
            kernels.return_first(_expose(back), *near, to_mapped.numpy(), to_weight)
        return to_mapped, torch.from_numpy(to_weight.T), to_gain, to_bias

    def _normalise_back(
        self, layer: int, row: slice, slopes: Tensor, factors: np.ndarray
    ) -> Tensor:
        back = torch.empty_like(slopes[row])
        before = (_expose(slopes[row]), _expose(self.values[layer][row]))
        kernels.return_normalised(*before, factors, _expose(back))
        return back


def _make_sums(values: Tensor, rows: int = 2) -> np.ndarray:
    return np.zeros((rows, values.shape[1]))


def _expose(values: Tensor) -> np.ndarray:
    """Return the memory of float32 or bfloat16 values as the kernels take it."""
    whole: np.ndarray = (
        values.numpy() if values.dtype == torch.float32 else values.view(torch.uint16).numpy()
    )
    return whole
