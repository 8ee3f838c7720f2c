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

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from benchmark.networks import shared_kernels as kernels
from benchmark.networks.batch_statistics import Moments, Normalisation
from benchmark.networks.neighbourhoods import Groups


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
        shape = (len(self.groups.rows), len(self.weights[2]))
        self.pooled = np.empty(shape, dtype=np.float32)
        self.winners = np.empty(shape, dtype=np.int32)
        for layer, apply in enumerate((self._apply_first, self._apply_second, self._apply_last)):
            sums = np.sum(self.groups.share(apply), axis=0)
            gain, bias = self.gains[layer], self.biases[layer]
            self.norms.append(Normalisation.build(sums, self.groups.count, gain, bias))
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

    def _apply_first(self, part: slice) -> np.ndarray:
        """Fill in the first layer's values; return their sums and sums of squares."""
        groups, values = self.groups, self.values[0]
        sums = _make_sums(values)
        weight = np.ascontiguousarray(self.weights[0].numpy().T)
        for group, row in groups.split(part, values.shape[1]):
            near = (groups.rows[group], groups.offsets[group])
            kernels.apply_first(self.mapped.numpy(), *near, weight, _expose(values[row]), sums)
        return sums

    def _apply_second(self, part: slice) -> np.ndarray:
        values = self.values[1]
        sums = _make_sums(values)
        for _, row in self.groups.split(part, values.shape[1]):
            torch.mm(self._activate(0, row), self.narrow[1].T, out=values[row])
            kernels.add_moments(_expose(values[row]), sums)
        return sums

    def _apply_last(self, part: slice) -> np.ndarray:
        channels = len(self.weights[2])
        sums = np.zeros((2, channels))
        for group, row in self.groups.split(part, channels):
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
        _, by_value, constant = (torch.from_numpy(factor) for factor in factors)
        results = torch.empty_like(self.values[1])
        through = (weight.T @ (by_value[:, None] * weight)).to(results.dtype)
        ways = (slopes * norm.scale, through, (constant @ weight).numpy(), results)
        parts = self.groups.share(partial(self._return_maxima, *ways))
        sums, *found = (np.sum(values, axis=0) for values in zip(*parts, strict=True))
        to_weight, gram = map(torch.from_numpy, found)
        total = torch.from_numpy(sums[2]).float()
        to_weight += constant[:, None] * total + by_value[:, None] * (weight @ gram)
        sign = self.sign
        return results, sums, (to_weight * sign[:, None], to_gain * sign, to_bias)

    def _return_maxima(
        self, slopes: np.ndarray, through: Tensor, ground: np.ndarray, results: Tensor, part: slice
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Fill in gradients of the second layer; return sums of them, and of what the last needs.

        Args:
            slopes: (G, O) gradients of the maxima before normalisation.
            through: (C, C) and
            ground: (C,), the normalisation's way from the second layer's outputs to their gradient.
            results: (P, C).
            part: of the groups.
        """
        weight = self.weights[2]
        to_weight, gram = torch.zeros_like(weight), torch.zeros(through.shape)
        sums = _make_sums(results, 3)
        for group, row in self.groups.split(part, weight.shape[1]):
            active = self._activate(1, row)
            back = torch.mm(active, through).float()
            gram += torch.mm(active.T, active)
            maxima = (slopes[group], self.winners[group], weight.numpy(), _expose(active))
            kernels.return_maxima(*maxima, back.numpy(), to_weight.numpy())
            near = (_expose(self.values[1][row]), _expose(active), _expose(results[row]))
            kernels.mask_slopes(back.numpy(), ground, *near, sums)
        return sums, to_weight.numpy(), gram.numpy()

    def _return_second(
        self, slopes: Tensor, sums: np.ndarray
    ) -> tuple[Tensor, np.ndarray, tuple[Tensor, ...]]:
        """Return the gradients of the first layer's outputs, their sums, and the second's."""
        factors, *others = self.norms[1].return_sums(sums)
        results = torch.empty_like(self.values[0])
        parts = self.groups.share(partial(self._return_product, slopes, factors, results))
        sums, to_weight = (np.sum(values, axis=0) for values in zip(*parts, strict=True))
        return results, sums, (torch.from_numpy(to_weight), *others)

    def _return_product(
        self, slopes: Tensor, factors: np.ndarray, results: Tensor, part: slice
    ) -> tuple[np.ndarray, np.ndarray]:
        """Fill in gradients of the first layer; return sums of them, and the second's weight's."""
        to_weight, sums = torch.zeros_like(self.weights[1]), _make_sums(results, 3)
        ground = np.zeros(to_weight.shape[1], dtype=np.float32)
        for _, row in self.groups.split(part, len(to_weight)):
            back = self._normalise_back(1, row, slopes, factors)
            active = self._activate(0, row)
            to_weight += torch.mm(back.T, active)
            found = torch.mm(back, self.narrow[1])
            near = (_expose(self.values[0][row]), _expose(active), _expose(results[row]))
            kernels.mask_slopes(_expose(found), ground, *near, sums)
        return sums, to_weight.numpy()

    def _return_first(self, slopes: Tensor, sums: np.ndarray) -> tuple[Tensor, ...]:
        """Return the gradients of `mapped` and of the first layer's parameters."""
        factors, *others = self.norms[0].return_sums(sums)
        to_mapped = torch.zeros_like(self.mapped)
        parts = self.groups.share(partial(self._return_rows, slopes, factors, to_mapped))
        return to_mapped, torch.from_numpy(np.sum(parts, axis=0).T), *others

    def _return_rows(
        self, slopes: Tensor, factors: np.ndarray, to_mapped: Tensor, part: slice
    ) -> np.ndarray:
        """Add to the gradients of `mapped`; return those of the weight of the offsets, (3, C)."""
        to_weight = np.zeros(self.weights[0].T.shape, dtype=np.float32)
        for group, row in self.groups.split(part, slopes.shape[1]):
            back = self._normalise_back(0, row, slopes, factors)
            near = (self.groups.rows[group], self.groups.offsets[group])
            kernels.return_first(_expose(back), *near, to_mapped.numpy(), to_weight)
        return to_weight

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
