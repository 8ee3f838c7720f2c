"""Inner loops of the depth sensor: noise drawn per pixel from a key, in one pass over the image."""

from typing import Any

import numpy as np
from numba import njit, uint64

CELL = 4
"""Cell side in pixels of the smooth noises."""

CHANNELS = 4
"""Smooth noises: vertical wobble, horizontal wobble, depth, holes."""


@njit(cache=True, nogil=True, inline="always")
def _hash(key: np.uint64, counter: int) -> np.uint64:
    """Return 64 well-mixed bits (the finaliser of SplitMix64) of a key and a counter."""
    bits = uint64(key) + uint64(0x9E3779B97F4A7C15) * uint64(counter + 1)
    bits = (bits ^ (bits >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> uint64(27))) * uint64(0x94D049BB133111EB)
    return bits ^ (bits >> uint64(31))


@njit(cache=True, nogil=True, inline="always")
def _to_normal(bits: np.uint64) -> np.float32:
    """Return nearly normal noise of unit variance: the sum of four 16-bit uniform numbers."""
    low = uint64(0xFFFF)
    total = (bits & low) + ((bits >> uint64(16)) & low)
    total += ((bits >> uint64(32)) & low) + (bits >> uint64(48))
    return (np.float32(total) / np.float32(65535.0) - np.float32(2.0)) * np.float32(1.7320508)


@njit(cache=True, nogil=True, inline="always")
def _blend(upper: np.ndarray, lower: np.ndarray, left: int, channel: int, w: np.ndarray) -> Any:
    """Return smooth noise of about unit variance between the four corners of a cell."""
    return (
        w[0] * upper[left, channel]
        + w[1] * upper[left + 1, channel]
        + w[2] * lower[left, channel]
        + w[3] * lower[left + 1, channel]
    )


@njit(cache=True, nogil=True)
def compute_corner_weights() -> np.ndarray:
    """Return the weights (CELL, CELL, 4) float32 of a cell's corners for every pixel in it."""
    weights = np.empty((CELL, CELL, 4), dtype=np.float32)
    for y in range(CELL):
        for x in range(CELL):
            down, right = y / CELL, x / CELL
            weights[y, x, 0] = (1 - down) * (1 - right)
            weights[y, x, 1] = (1 - down) * right
            weights[y, x, 2] = down * (1 - right)
            weights[y, x, 3] = down * right
            weights[y, x] /= np.sqrt((weights[y, x] ** 2).sum())
    return weights


@njit(cache=True, nogil=True, error_model="numpy")
def read_surfaces(
    depth: np.ndarray,
    incidence_cos: np.ndarray,
    luma: np.ndarray,
    key: np.uint64,
    lattice: np.ndarray,
    constants: np.ndarray,
    wobbled: np.ndarray,
    measured: np.ndarray,
) -> None:
    """Measure every pixel by itself: wobble, axial noise, holes at grazing angles and in the dark.

    Args:
        depth, incidence_cos, luma: (H, W) float32 perfect images.
        key: of this image's noise.
        lattice: (H // CELL + 2, W // CELL + 2, CHANNELS) float32 normal noise at cell corners.
        constants: of the sensor, `SensorModel.as_array`.
        wobbled: (H, W) float32, receives the depth read at the wobbled place.
        measured: (H, W) float32, receives the same with noise, 0 in holes.
    """
    height, width = depth.shape
    axial, share, lateral = constants[0], constants[1], constants[2]
    grazing, blind, dark, dark_share = constants[6], constants[7], constants[8], constants[9]
    one, zero, half = np.float32(1), np.float32(0), np.float32(0.5)
    common, own = np.sqrt(share), np.sqrt(one - share)
    weights = compute_corner_weights()
    for y in range(height):
        upper, lower = lattice[y // CELL], lattice[y // CELL + 1]
        for x in range(width):
            left, weight = x // CELL, weights[y % CELL, x % CELL]
            row = y + int(np.floor(lateral * _blend(upper, lower, left, 0, weight) + half))
            column = x + int(np.floor(lateral * _blend(upper, lower, left, 1, weight) + half))
            z = depth[min(max(row, 0), height - 1), min(max(column, 0), width - 1)]
            wobbled[y, x] = z
            cosine = incidence_cos[y, x]
            darkness = min(max(one - luma[y, x] / dark, zero), one)
            chance = max((grazing - cosine) / (grazing - blind), dark_share * darkness)
            if chance > zero:
                patch = _blend(upper, lower, left, 3, weight)
                # The logistic function of 1.702 x is the normal distribution function within 0.01.
                if one < chance * (one + np.exp(np.float32(-1.702) * patch)):
                    measured[y, x] = zero
                    continue
            noise = own * _to_normal(_hash(key, y * width + x))
            noise += common * _blend(upper, lower, left, 2, weight)
            spread = axial * z * z * (one + darkness) / np.sqrt(max(cosine, np.float32(0.2)))
            measured[y, x] = z + spread * noise


@njit(cache=True, nogil=True, error_model="numpy")
def disturb_edges(
    near: np.ndarray,
    far: np.ndarray,
    measured: np.ndarray,
    key: np.uint64,
    constants: np.ndarray,
    millimetres: np.ndarray,
) -> None:
    """Lose some pixels at jumps in depth, let others fly between both surfaces, and round.

    Args:
        near, far: (H, W) float32, extremes of depth around each pixel.
        measured: (H, W) float32 from `read_surfaces`.
        key: of this image's noise.
        constants: of the sensor, `SensorModel.as_array`.
        millimetres: (H, W) uint16, receives the result, 0 where nothing was measured.
    """
    height, width = measured.shape
    edge_step, flying, lost, step = constants[3], constants[4], constants[5], constants[10]
    one, zero = np.float32(1), np.float32(0)
    for y in range(height):
        for x in range(width):
            z, jump = measured[y, x], far[y, x] - near[y, x]
            if z > zero and jump > edge_step * far[y, x]:
                fate = np.float32(_hash(key, y * width + x) >> uint64(40)) / np.float32(2**24)
                if fate < lost:
                    z = zero
                elif fate < lost + flying and near[y, x] > zero:
                    z = near[y, x] + jump * (fate - lost) / flying
            width_mm = np.floor(one + step * z * z)
            rounded = np.rint(z * np.float32(1000) / width_mm) * width_mm
            millimetres[y, x] = int(min(max(rounded, zero), np.float32(65535)))
