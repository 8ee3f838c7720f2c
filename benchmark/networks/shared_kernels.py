"""Compiled passes over a few neighbourhoods, which stay in the processor's cache.

Shapes: G groups of S neighbours, P = G S rows, C channels. Everything is float32, sums over rows
are float64: BatchNorm subtracts the square of a mean from a mean of squares.
"""

import numba
import numpy as np

_ROWS = 64  # summed in float32 before they are added to the float64 sums
ZERO = np.float32(0)
LEAST = np.finfo(np.float32).min


@numba.njit(nogil=True, cache=True, fastmath=True)
def apply_first(
    mapped: np.ndarray, rows: np.ndarray, offsets: np.ndarray, weight: np.ndarray, out: np.ndarray
) -> None:
    """Fill `out` (P, C) with the first layer: what each neighbour's features give, and its offset.

    Args:
        mapped: (N, C) features through the layer; (0, C) where there are none.
        rows: (G, S) int64, which of the N each neighbour is.
        offsets: (G, S, 3) of the neighbours from their centres.
        weight: (3, C) of the offsets.
        out: (P, C).
    """
    size = rows.shape[1]
    for place in range(out.shape[0]):
        x, y, z = offsets[place // size, place % size]
        row = out[place]
        if mapped.shape[0]:
            from_features = mapped[rows[place // size, place % size]]
            for c in range(row.shape[0]):
                row[c] = from_features[c] + (x * weight[0, c] + y * weight[1, c] + z * weight[2, c])
        else:
            for c in range(row.shape[0]):
                row[c] = x * weight[0, c] + y * weight[1, c] + z * weight[2, c]


@numba.njit(nogil=True, cache=True, fastmath=True)
def add_moments(values: np.ndarray, sums: np.ndarray) -> None:
    """Add the sum and the sum of squares of each column of (P, C) to (2, C) float64."""
    channels = values.shape[1]
    part = np.empty((2, channels), dtype=np.float32)
    for start in range(0, values.shape[0], _ROWS):
        part[:] = 0
        for i in range(start, min(start + _ROWS, values.shape[0])):
            for c in range(channels):
                part[0, c] += values[i, c]
                part[1, c] += values[i, c] * values[i, c]
        for c in range(channels):
            sums[0, c] += part[0, c]
            sums[1, c] += part[1, c]


@numba.njit(nogil=True, cache=True, fastmath=True)
def activate(values: np.ndarray, scale: np.ndarray, shift: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` with max(0, scale v + shift) of (P, C)."""
    for i in range(values.shape[0]):
        for c in range(values.shape[1]):
            out[i, c] = max(values[i, c] * scale[c] + shift[c], ZERO)


@numba.njit(nogil=True, cache=True)
def pool(values: np.ndarray, pooled: np.ndarray, winners: np.ndarray) -> None:
    """Fill `pooled` (G, C) with the maxima of (P, C) over the groups, `winners` with whose."""
    size = values.shape[0] // pooled.shape[0]
    for group in range(pooled.shape[0]):
        pooled[group] = values[group * size]
        winners[group] = 0
        for place in range(1, size):
            row, largest, winner = values[group * size + place], pooled[group], winners[group]
            for c in range(row.shape[0]):
                larger = row[c] > largest[c]
                winner[c] = place if larger else winner[c]
                largest[c] = row[c] if larger else largest[c]


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
        to_inputs: (P, C), gradients are added to it.
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
                    to_weight[output, c] += up * inputs[place, c]


@numba.njit(nogil=True, cache=True, fastmath=True)
def mask_slopes(
    slopes: np.ndarray,
    constant: np.ndarray,
    values: np.ndarray,
    activated: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Add the constant (C,) to (P, C) gradients, zero them where the layer is not active.

    Their sums, and those of their products with the layer's values before normalisation, are added
    to `sums` (2, C) float64.
    """
    channels = slopes.shape[1]
    part = np.empty((2, channels), dtype=np.float32)
    for start in range(0, slopes.shape[0], _ROWS):
        part[:] = 0
        for i in range(start, min(start + _ROWS, slopes.shape[0])):
            for c in range(channels):
                kept = slopes[i, c] + constant[c] if activated[i, c] > ZERO else ZERO
                slopes[i, c] = kept
                part[0, c] += kept
                part[1, c] += kept * values[i, c]
        for c in range(channels):
            sums[0, c] += part[0, c]
            sums[1, c] += part[1, c]


@numba.njit(nogil=True, cache=True, fastmath=True)
def return_normalised(slopes: np.ndarray, values: np.ndarray, factors: np.ndarray) -> None:
    """Replace gradients (P, C) after a normalisation by those before it, in place.

    They are linear in the gradient, the value and one; `factors` (3, C) are in that order.
    """
    for i in range(slopes.shape[0]):
        for c in range(slopes.shape[1]):
            slopes[i, c] = (
                factors[0, c] * slopes[i, c] + factors[1, c] * values[i, c] + factors[2, c]
            )


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
            to_weight[0, c] += x * row[c]
            to_weight[1, c] += y * row[c]
            to_weight[2, c] += z * row[c]
        if to_mapped.shape[0]:
            target = to_mapped[rows[place // size, place % size]]
            for c in range(row.shape[0]):
                target[c] += row[c]
