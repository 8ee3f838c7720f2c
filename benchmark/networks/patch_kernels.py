"""Maxima over small patches of points, compiled, with the layers before them in the same pass.

Written as separate layers these are the slowest part of `PatchEncoder` on a CPU: they move hundreds
of megabytes through memory for little arithmetic. Here a patch stays in the processor's first
cache, and the gradient follows the maxima alone, which are one value in sixteen. Where several
neighbours have the same largest value, the first one gets the gradient.

Shapes: B clouds of N points, P patches of S neighbours, H hidden and C output channels.
"""

from functools import partial
from typing import Any

import numba
import numpy as np
import torch
from torch import Tensor

from benchmark.networks.cloud_sharing import share_clouds

ZERO, LEAST = np.float32(0), np.finfo(np.float32).min


def pool_patches_compiled(points: Tensor, centres: Tensor, *others: Tensor) -> Tensor:
    """Return what `patch_pooling.pool_patches` returns, all on the CPU; arguments in its order."""
    pooled: Tensor = _PooledPatches.apply(points, centres, *others)  # type: ignore[no-untyped-call]
    return pooled


def pool_rows_compiled(values: Tensor, rows: Tensor) -> Tensor:
    """Return what `patch_pooling.pool_rows` returns, on the CPU."""
    pooled: Tensor = _PooledRows.apply(values, rows)  # type: ignore[no-untyped-call]
    return pooled


class _PooledPatches(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        points: Tensor,
        centres: Tensor,
        neighbours: Tensor,
        by_point: Tensor,
        by_centre: Tensor,
        inner_bias: Tensor,
        outer_weight: Tensor,
        outer_bias: Tensor,
    ) -> Tensor:
        clouds = _to_arrays(points, centres, neighbours)
        inner = _to_arrays(by_point.T, by_centre.T, inner_bias)
        weight, bias = _to_arrays(outer_weight, outer_bias)
        pooled, winners = _make_results(clouds[2], len(weight))
        outer = (np.ascontiguousarray(weight.T), bias)
        _share(_pool_patches, len(points), *clouds, *inner, *outer, pooled, winners)
        ctx.arrays = (*clouds, *inner, weight, winners)
        return torch.from_numpy(pooled)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        slope = _to_arrays(gradient)
        parts = _share(_return_to_network, len(gradient), *ctx.arrays, *slope)
        by_point, by_centre, inner_bias, outer = (
            torch.from_numpy(np.sum(part, axis=0)) for part in zip(*parts, strict=True)
        )
        outer_bias = gradient.sum(dim=(0, 1))
        return None, None, None, by_point.T, by_centre.T, inner_bias, outer, outer_bias


class _PooledRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, rows: Tensor) -> Tensor:
        table, picked = _to_arrays(values, rows)
        pooled, winners = _make_results(picked, table.shape[-1])
        _share(_pool_rows, len(table), table, picked, pooled, winners)
        ctx.arrays = (table.shape, picked, winners)
        return torch.from_numpy(pooled)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        shape, picked, winners = ctx.arrays
        to_values = np.zeros(shape, dtype=np.float32)
        slope = _to_arrays(gradient)
        _share(_return_to_rows, len(picked), picked, winners, *slope, to_values)
        return torch.from_numpy(to_values), None


def _share(kernel: Any, clouds: int, *arguments: np.ndarray) -> list[Any]:
    """Return what `kernel(*arguments, start, stop)` returns for parts of the clouds."""
    return share_clouds(partial(kernel, *arguments), clouds)


def _to_arrays(*values: Tensor) -> tuple[np.ndarray, ...]:
    return tuple(value.detach().contiguous().numpy() for value in values)


def _make_results(rows: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return room for the maxima, and for which neighbour each is of."""
    shape = (*rows.shape[:2], channels)
    return np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.int8)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _apply_linear(
    matrix: np.ndarray, point: np.ndarray, bias: np.ndarray, least: np.float32, result: np.ndarray
) -> None:
    """Fill (H,) with the point (3,) times the matrix (3, H), plus the bias (H,), or `least`."""
    x, y, z = point[0], point[1], point[2]
    for k in range(result.shape[0]):
        value = bias[k] + x * matrix[0, k] + y * matrix[1, k] + z * matrix[2, k]
        result[k] = max(value, least)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _add_outer_product(point: np.ndarray, row: np.ndarray, matrix: np.ndarray) -> None:
    """Add the product of a point (3,) and a row (H,) to a matrix (3, H)."""
    x, y, z = point[0], point[1], point[2]
    for k in range(row.shape[0]):
        matrix[0, k] += x * row[k]
        matrix[1, k] += y * row[k]
        matrix[2, k] += z * row[k]


@numba.njit(nogil=True, cache=True, fastmath=True)
def _pool_patches(
    points: np.ndarray,
    centres: np.ndarray,
    rows: np.ndarray,
    by_point: np.ndarray,
    by_centre: np.ndarray,
    inner_bias: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    pooled: np.ndarray,
    winners: np.ndarray,
    start: int,
    stop: int,
) -> None:
    """Fill `pooled` and `winners` for the clouds from start to stop; weight is (H, C)."""
    size, channels = weight.shape
    from_centre = np.empty(size, dtype=np.float32)
    hidden = np.empty((rows.shape[2], size), dtype=np.float32)
    outputs = np.empty((4, channels), dtype=np.float32)
    for cloud in range(start, stop):
        for patch in range(rows.shape[1]):
            _apply_linear(by_centre, centres[cloud, patch], inner_bias, LEAST, from_centre)
            for place in range(rows.shape[2]):
                point = points[cloud, rows[cloud, patch, place]]
                _apply_linear(by_point, point, from_centre, ZERO, hidden[place])
            largest, winner = pooled[cloud, patch], winners[cloud, patch]
            largest[:] = LEAST
            for place in range(0, rows.shape[2], 4):
                _apply_outer(weight, hidden[place : place + 4], bias, outputs)
                for i in range(4):
                    _keep_larger(outputs[i], place + i, largest, winner)


@numba.njit(nogil=True, cache=True, fastmath=True)
def _apply_outer(
    weight: np.ndarray, hidden: np.ndarray, bias: np.ndarray, outputs: np.ndarray
) -> None:
    """Fill (4, C) with the hidden layers (4, H) times the weight (H, C), plus the bias (C,).

    Four rows by two columns at a time stay in registers: twice as fast as one by four.
    """
    for i in range(4):
        outputs[i] = bias
    for k in range(0, weight.shape[0], 2):
        a0, b0, c0, d0 = hidden[0, k], hidden[1, k], hidden[2, k], hidden[3, k]
        a1, b1, c1, d1 = hidden[0, k + 1], hidden[1, k + 1], hidden[2, k + 1], hidden[3, k + 1]
        for c in range(weight.shape[1]):
            w0, w1 = weight[k, c], weight[k + 1, c]
            outputs[0, c] += a0 * w0 + a1 * w1
            outputs[1, c] += b0 * w0 + b1 * w1
            outputs[2, c] += c0 * w0 + c1 * w1
            outputs[3, c] += d0 * w0 + d1 * w1


@numba.njit(nogil=True, cache=True)
def _keep_larger(values: np.ndarray, place: int, largest: np.ndarray, winner: np.ndarray) -> None:
    for c in range(values.shape[0]):
        if values[c] > largest[c]:
            largest[c] = values[c]
            winner[c] = place


@numba.njit(nogil=True, cache=True, fastmath=True)
def _return_to_network(
    points: np.ndarray,
    centres: np.ndarray,
    rows: np.ndarray,
    by_point: np.ndarray,
    by_centre: np.ndarray,
    inner_bias: np.ndarray,
    weight: np.ndarray,
    winners: np.ndarray,
    slope: np.ndarray,
    start: int,
    stop: int,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the gradients of by_point, by_centre (3, H), inner bias (H,), outer weight (C, H)."""
    channels, size = weight.shape
    to_point, to_centre = np.zeros_like(by_point), np.zeros_like(by_centre)
    to_bias, to_weight = np.zeros_like(inner_bias), np.zeros_like(weight)
    from_centre, to_patch = np.empty((2, size), dtype=np.float32)
    hidden, to_hidden = np.empty((2, rows.shape[2], size), dtype=np.float32)
    for cloud in range(start, stop):
        for patch in range(rows.shape[1]):
            _apply_linear(by_centre, centres[cloud, patch], inner_bias, LEAST, from_centre)
            for place in range(rows.shape[2]):
                point = points[cloud, rows[cloud, patch, place]]
                _apply_linear(by_point, point, from_centre, ZERO, hidden[place])
            to_hidden[:] = 0
            for c in range(channels):
                up, place = slope[cloud, patch, c], winners[cloud, patch, c]
                if up != 0:
                    for k in range(size):
                        to_hidden[place, k] += up * weight[c, k]
                        to_weight[c, k] += up * hidden[place, k]
            to_patch[:] = 0
            for place in range(rows.shape[2]):
                for k in range(size):
                    to_hidden[place, k] *= hidden[place, k] > 0
                    to_patch[k] += to_hidden[place, k]
                point = points[cloud, rows[cloud, patch, place]]
                _add_outer_product(point, to_hidden[place], to_point)
            _add_outer_product(centres[cloud, patch], to_patch, to_centre)
            for k in range(size):
                to_bias[k] += to_patch[k]
    return to_point, to_centre, to_bias, to_weight


@numba.njit(nogil=True, cache=True)
def _pool_rows(
    values: np.ndarray,
    rows: np.ndarray,
    pooled: np.ndarray,
    winners: np.ndarray,
    start: int,
    stop: int,
) -> None:
    """Fill `pooled` and `winners` for the clouds from start to stop."""
    for cloud in range(start, stop):
        for patch in range(rows.shape[1]):
            pooled[cloud, patch] = values[cloud, rows[cloud, patch, 0]]
            winners[cloud, patch] = 0
            for place in range(1, rows.shape[2]):
                found = values[cloud, rows[cloud, patch, place]]
                _keep_larger(found, place, pooled[cloud, patch], winners[cloud, patch])


@numba.njit(nogil=True, cache=True)
def _return_to_rows(
    rows: np.ndarray,
    winners: np.ndarray,
    slope: np.ndarray,
    to_values: np.ndarray,
    start: int,
    stop: int,
) -> None:
    """Add the gradient of every maximum to the row that it came from."""
    for cloud in range(start, stop):
        for patch in range(rows.shape[1]):
            winner, up = winners[cloud, patch], slope[cloud, patch]
            for place in range(rows.shape[2]):
                row = to_values[cloud, rows[cloud, patch, place]]
                for c in range(up.shape[0]):
                    row[c] += up[c] if winner[c] == place else ZERO
