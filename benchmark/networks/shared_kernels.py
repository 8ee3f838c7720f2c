"""Compiled passes over a few neighbourhoods, which stay in the processor's cache.

Shapes: G groups of S neighbours, P = G S rows, C channels. Values (P, C) are float32, or bfloat16
that is handed over as uint16, which numba knows; everything else is float32. Sums over rows are
float64: BatchNorm subtracts the square of a mean from a mean of squares.
"""

from typing import Any

import numba
import numpy as np
from numba.extending import overload

_ROWS = 64  # summed in float32 before they are added to the float64 sums
ZERO, HALF = np.float32(0), np.uint32(16)


def widen(value: Any) -> Any:
    """Return a stored value as float32."""
    raise NotImplementedError("compiled only")


def narrow(value: Any, values: Any) -> Any:
    """Return a float32 as `values` stores it, rounded to even where that is bfloat16."""
    raise NotImplementedError("compiled only")


@overload(widen, inline="always")
def _widen(value: Any) -> Any:
    if isinstance(value, numba.types.Float):

        def keep(value: Any) -> Any:
            return value

        return keep

    def widen_half(value: Any) -> Any:
        return np.uint32(np.uint32(value) << HALF).view(np.float32)

    return widen_half


@overload(narrow, inline="always")
def _narrow(value: Any, values: Any) -> Any:  # noqa: ARG001 - numba compares the names
    if isinstance(values.dtype, numba.types.Float):

        def keep(value: Any, values: Any) -> Any:  # noqa: ARG001
            return value

        return keep

    def narrow_to_half(value: Any, values: Any) -> Any:  # noqa: ARG001
        bits = np.float32(value).view(np.uint32)
        even = (bits >> HALF) & np.uint32(1)
        return np.uint16(np.uint32(bits + np.uint32(0x7FFF) + even) >> HALF)

    return narrow_to_half


@numba.njit(nogil=True, cache=True, fastmath=True)
def apply_first(
    mapped: np.ndarray,
    rows: np.ndarray,
    offsets: np.ndarray,
    weight: np.ndarray,
    out: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Fill `out` (P, C) with the first layer: what each neighbour's features give, and its offset.

    Args:
        mapped: (N, C) features through the layer; (0, C) where there are none.
        rows: (G, S) int64, which of the N each neighbour is.
        offsets: (G, S, 3) of the neighbours from their centres.
        weight: (3, C) of the offsets.
        out: (P, C).
        sums: (2, C) float64, the sums of `out` and of its squares are added to it.
    """
    size, channels = rows.shape[1], out.shape[1]
    part, row = np.empty((2, channels), dtype=np.float32), np.zeros(channels, dtype=np.float32)
    for group in range(rows.shape[0]):
        part[:] = 0
        for place in range(size):
            if mapped.shape[0]:
                row[:] = mapped[rows[group, place]]
            x, y, z = offsets[group, place]
            target = out[group * size + place]
            for c in range(channels):
                value = row[c] + (x * weight[0, c] + y * weight[1, c] + z * weight[2, c])
                part[0, c] += value
                part[1, c] += value * value
                target[c] = narrow(value, out)
        sums += part


@numba.njit(nogil=True, cache=True, fastmath=True)
def add_moments(values: np.ndarray, sums: np.ndarray) -> None:
    """Add the sum and the sum of squares of each column of (P, C) to (2, C) float64."""
    channels = values.shape[1]
    part = np.empty((2, channels), dtype=np.float32)
    for start in range(0, values.shape[0], _ROWS):
        part[:] = 0
        for i in range(start, min(start + _ROWS, values.shape[0])):
            for c in range(channels):
                value = widen(values[i, c])
                part[0, c] += value
                part[1, c] += value * value
        sums += part


@numba.njit(nogil=True, cache=True, fastmath=True)
def activate(values: np.ndarray, scale: np.ndarray, shift: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` with max(0, scale v + shift) of (P, C)."""
    for i in range(values.shape[0]):
        target = out[i]
        for c in range(values.shape[1]):
            target[c] = narrow(max(widen(values[i, c]) * scale[c] + shift[c], ZERO), out)


@numba.njit(nogil=True, cache=True, fastmath=True)
def pool(values: np.ndarray, pooled: np.ndarray, winners: np.ndarray, sums: np.ndarray) -> None:
    """Fill `pooled` (G, C) with the maxima of (P, C) over the groups, `winners` with whose.

    Sums and sums of squares of the values are added to `sums` (2, C) float64.
    """
    size, channels = values.shape[0] // pooled.shape[0], values.shape[1]
    part = np.empty((2, channels), dtype=np.float32)
    for group in range(pooled.shape[0]):
        largest, winner = pooled[group], winners[group]
        part[:] = 0
        for place in range(size):
            row = values[group * size + place]
            for c in range(channels):
                value = widen(row[c])
                part[0, c] += value
                part[1, c] += value * value
                larger = place == 0 or value > largest[c]
                winner[c] = place if larger else winner[c]
                largest[c] = value if larger else largest[c]
        sums += part


@numba.njit(nogil=True, cache=True, fastmath=True)
def return_maxima(
    slope: np.ndarray,
    winners: np.ndarray,
    weight: np.ndarray,
    inputs: np.ndarray,
    to_inputs: np.ndarray,
    to_weight: np.ndarray,
) -> None:
    """Take the gradients of maxima through the layer that they are of.

    Args:
        slope, winners: (G, O) gradients, and which neighbour each is of.
        weight: (O, C) of the layer.
        inputs: (P, C) of the layer.
        to_inputs: (P, C) float32, gradients are added to it.
        to_weight: (O, C), likewise.
    """
    size = inputs.shape[0] // slope.shape[0]
    for group in range(slope.shape[0]):
        for output in range(slope.shape[1]):
            up = slope[group, output]
            if up != 0:
                place = group * size + winners[group, output]
                for c in range(inputs.shape[1]):
                    to_inputs[place, c] += up * weight[output, c]
                for c in range(inputs.shape[1]):
                    to_weight[output, c] += up * widen(inputs[place, c])


@numba.njit(nogil=True, cache=True, fastmath=True)
def mask_slopes(
    slopes: np.ndarray,
    constant: np.ndarray,
    values: np.ndarray,
    active: np.ndarray,
    out: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Fill `out` with (P, C) gradients plus a constant (C,), zero where the layer is not active.

    Added to `sums` (3, C) float64: the sums of what is filled in, of its products with the layer's
    values before normalisation, and of the activations.
    """
    channels = slopes.shape[1]
    part = np.empty((3, channels), dtype=np.float32)
    for start in range(0, slopes.shape[0], _ROWS):
        part[:] = 0
        for i in range(start, min(start + _ROWS, slopes.shape[0])):
            target = out[i]
            for c in range(channels):
                activation = widen(active[i, c])
                kept = widen(slopes[i, c]) + constant[c]
                kept = kept if activation > ZERO else ZERO
                part[0, c] += kept
                part[1, c] += kept * widen(values[i, c])
                part[2, c] += activation
                target[c] = narrow(kept, out)
        sums += part


@numba.njit(nogil=True, cache=True, fastmath=True)
def return_normalised(
    slopes: np.ndarray, values: np.ndarray, factors: np.ndarray, out: np.ndarray
) -> None:
    """Fill `out` with gradients (P, C) before a normalisation, from those after it.

    They are linear in the gradient, the value and one; `factors` (3, C) are in that order.
    """
    for i in range(slopes.shape[0]):
        target = out[i]
        for c in range(slopes.shape[1]):
            slope = factors[0, c] * widen(slopes[i, c])
            target[c] = narrow(slope + factors[1, c] * widen(values[i, c]) + factors[2, c], out)


@numba.njit(nogil=True, cache=True, fastmath=True)
def return_first(
    slopes: np.ndarray,
    rows: np.ndarray,
    offsets: np.ndarray,
    to_mapped: np.ndarray,
    to_weight: np.ndarray,
) -> None:
    """Add the gradients (P, C) of `apply_first` to those of `mapped` (N, C) and weight (3, C)."""
    size = rows.shape[1]
    for place in range(slopes.shape[0]):
        x, y, z = offsets[place // size, place % size]
        row = slopes[place]
        for c in range(row.shape[0]):
            to_weight[0, c] += x * widen(row[c])
            to_weight[1, c] += y * widen(row[c])
            to_weight[2, c] += z * widen(row[c])
        if to_mapped.shape[0]:
            target = to_mapped[rows[place // size, place % size]]
            for c in range(row.shape[0]):
                target[c] += widen(row[c])
