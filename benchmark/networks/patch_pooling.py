"""Maxima over small patches of points: compiled on a CPU, in layers elsewhere."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from benchmark.networks.gathering import gather_rows
from benchmark.networks.patch_kernels import pool_patches_compiled, pool_rows_compiled


def pool_patches(
    points: Tensor,
    centres: Tensor,
    neighbours: Tensor,
    inner: tuple[Tensor, Tensor, Tensor],
    outer: tuple[Tensor, Tensor],
) -> Tensor:
    """Return the maxima (B, P, C) over the neighbours in each patch of a two-layer network.

    The network is outer(relu(by_point p + by_centre c + bias)) of a point p around a centre c.
    Differentiable with respect to the network, not to the points.

    Args:
        points: (B, N, 3).
        centres: (B, P, 3).
        neighbours: (B, P, S) int64 rows of the points, S a multiple of 4 up to 124.
        inner: by_point (H, 3), by_centre (H, 3), H even, and bias (H,).
        outer: weight (C, H) and bias (C,).
    """
    if points.is_cpu:
        return pool_patches_compiled(points, centres, neighbours, *inner, *outer)
    return pool_patches_in_layers(points, centres, neighbours, inner, outer)


def pool_patches_in_layers(
    points: Tensor,
    centres: Tensor,
    neighbours: Tensor,
    inner: tuple[Tensor, Tensor, Tensor],
    outer: tuple[Tensor, Tensor],
) -> Tensor:
    """Return what `pool_patches` returns, on any device."""
    by_point, by_centre, bias = inner
    with torch.autocast(points.device.type, enabled=False):  # differences of coordinates
        from_points = functional.linear(points, by_point)
        from_centres = functional.linear(centres, by_centre, bias)
    hidden = gather_rows(from_points, neighbours) + from_centres[:, :, None]
    return max_over_neighbours(functional.linear(hidden.relu(), *outer))


def pool_rows(values: Tensor, rows: Tensor) -> Tensor:
    """Return the maximum (B, P, C) over the picked rows of each patch.

    Args:
        values: (B, N, C) float32.
        rows: (B, P, S) int64 rows of the values, S at most 127.
    """
    if values.is_cpu:
        return pool_rows_compiled(values, rows)
    return max_over_neighbours(gather_rows(values, rows))


def max_over_neighbours(values: Tensor) -> Tensor:
    """Return the maximum (B, P, C) over the neighbours of (B, P, S, C).

    Its gradient goes to every neighbour that attains the maximum. `torch.amax` shares it among
    them, which costs seven times as much and matters to repeated points only.
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
