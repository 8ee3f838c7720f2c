"""The depth camera of synth6: a structured-light sensor for Real, a perfect one for CAMERA.

What is modelled, each with the size that consumer sensors show: axial noise that grows with the
square of the distance and is partly correlated between neighbours, edges that wobble by about a
pixel, points that fly between the surfaces on both sides of an edge, holes along edges, at grazing
angles and on dark surfaces, and steps of whole millimetres that widen with distance.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class SensorModel:
    """Constants of the sensor.

    Attributes:
        axial_noise: standard deviation at one metre on a bright frontal surface, metres.
        correlated_share: share of the noise's variance that neighbours have in common.
        lateral_noise: standard deviation of the wobble of edges, pixels.
        edge_step: smallest jump in depth that counts as an edge, relative to the distance.
        flying_share, edge_hole_share: shares of edge pixels that fly, and that are lost.
        grazing_cos, blind_cos: cosine of incidence below which holes appear, and nothing is seen.
        dark_luma, dark_hole_share: luma (0 to 255) below which holes appear, their share at zero.
        step: width of a depth step at one metre beyond the first, millimetres.
    """

    axial_noise: float = 0.0024
    correlated_share: float = 0.4
    lateral_noise: float = 0.55
    edge_step: float = 0.015
    flying_share: float = 0.18
    edge_hole_share: float = 0.30
    grazing_cos: float = 0.26
    blind_cos: float = 0.07
    dark_luma: float = 55.0
    dark_hole_share: float = 0.5
    step: float = 1.2


def quantise_depth(depth: np.ndarray) -> np.ndarray:
    """Return depth (H, W) in metres as whole millimetres, uint16; what is not finite becomes 0."""
    clean = np.where(np.isfinite(depth), depth, 0.0)
    return np.rint(np.clip(clean, 0.0, 65.0) * 1000.0).astype(np.uint16)


def simulate_depth(
    depth: np.ndarray,
    incidence_cos: np.ndarray,
    luma: np.ndarray,
    rng: np.random.Generator,
    sensor: SensorModel = SensorModel(),
) -> np.ndarray:
    """Return what the sensor measures of a perfect depth image.

    Args:
        depth: (H, W) metres along z; 0 or infinite where there is no surface.
        incidence_cos: (H, W) cosine between the surface's normal and the line of sight.
        luma: (H, W) brightness of the surface, 0 to 255.
        rng: random stream.
        sensor: constants.

    Returns:
        (H, W) uint16 millimetres, 0 where nothing was measured.
    """
    true = np.where(np.isfinite(depth), depth, 0.0).astype(np.float32)
    wobbled = _wobble_edges(true, sensor, rng)
    measured = wobbled + _sample_axial_noise(wobbled, incidence_cos, luma, sensor, rng)
    holes = _sample_surface_holes(incidence_cos, luma, sensor, rng)
    _disturb_edges(measured, holes, wobbled, sensor, rng)
    measured[holes | (wobbled <= 0)] = 0
    return _quantise_coarsely(measured, sensor)


def _draw_smooth(shape: tuple[int, ...], cell: int, rng: np.random.Generator) -> np.ndarray:
    """Return normal noise of unit variance that is correlated over about `cell` pixels."""
    import cv2

    height, width = shape
    coarse = rng.standard_normal((height // cell + 2, width // cell + 2), dtype=np.float32)
    large = cv2.resize(coarse, None, fx=cell, fy=cell, interpolation=cv2.INTER_LINEAR)
    # Linear interpolation keeps on average two thirds of the variance along each axis.
    noise: np.ndarray = large[:height, :width] * np.float32(1.5)
    return noise


def _wobble_edges(depth: np.ndarray, sensor: SensorModel, rng: np.random.Generator) -> np.ndarray:
    """Return every pixel's depth read from a place that is up to a pixel or two away."""
    height, width = depth.shape
    shifts = [
        np.rint(sensor.lateral_noise * _draw_smooth(depth.shape, 2, rng)).astype(np.int32)
        for _ in range(2)
    ]
    rows = np.clip(np.arange(height, dtype=np.int32)[:, None] + shifts[0], 0, height - 1)
    columns = np.clip(np.arange(width, dtype=np.int32) + shifts[1], 0, width - 1)
    wobbled: np.ndarray = depth.reshape(-1)[rows * np.int32(width) + columns]
    return wobbled


def _sample_axial_noise(
    depth: np.ndarray,
    incidence_cos: np.ndarray,
    luma: np.ndarray,
    sensor: SensorModel,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return noise (H, W) in metres along z, larger on slanted and dark surfaces."""
    shared = np.float32(np.sqrt(sensor.correlated_share))
    own = np.float32(np.sqrt(1 - sensor.correlated_share))
    noise = own * rng.standard_normal(depth.shape, dtype=np.float32)
    noise += shared * _draw_smooth(depth.shape, 6, rng)
    slant = np.clip(incidence_cos, 0.2, 1.0).astype(np.float32)
    darkness = np.clip(1 - luma / np.float32(sensor.dark_luma), 0, 1).astype(np.float32)
    spread: np.ndarray = np.float32(sensor.axial_noise) * depth**2 * (1 + darkness) / np.sqrt(slant)
    return noise * spread


def _sample_surface_holes(
    incidence_cos: np.ndarray, luma: np.ndarray, sensor: SensorModel, rng: np.random.Generator
) -> np.ndarray:
    """Return the mask (H, W) of patches lost at grazing angles and on dark surfaces."""
    grazing = (sensor.grazing_cos - incidence_cos) / (sensor.grazing_cos - sensor.blind_cos)
    darkness = np.clip(1 - luma / sensor.dark_luma, 0, 1)
    chance = np.maximum(np.clip(grazing, 0, 1), sensor.dark_hole_share * darkness)
    patches = 0.8 * _draw_smooth(chance.shape, 5, rng) + 0.6 * _draw_smooth(chance.shape, 2, rng)
    holes = np.zeros(chance.shape, dtype=bool)
    risky = chance > 0
    # The logistic function of 1.702 x is the normal distribution function to within 0.01.
    holes[risky] = 1 / (1 + np.exp(-1.702 * patches[risky])) < chance[risky]
    return holes


def _disturb_edges(
    measured: np.ndarray,
    holes: np.ndarray,
    depth: np.ndarray,
    sensor: SensorModel,
    rng: np.random.Generator,
) -> None:
    """Let some pixels at jumps in depth fly between both surfaces, and lose others, in place."""
    import cv2

    kernel = np.ones((3, 3), dtype=np.uint8)
    far, near = cv2.dilate(depth, kernel), cv2.erode(depth, kernel)
    edge = np.flatnonzero((far - near).reshape(-1) > sensor.edge_step * far.reshape(-1))
    fate = rng.random(len(edge), dtype=np.float32)
    holes.reshape(-1)[edge[fate < sensor.edge_hole_share]] = True
    flying = edge[fate > 1 - sensor.flying_share]
    flying = flying[near.reshape(-1)[flying] > 0]
    blend = rng.random(len(flying), dtype=np.float32)
    low, high = near.reshape(-1)[flying], far.reshape(-1)[flying]
    measured.reshape(-1)[flying] = low + blend * (high - low)


def _quantise_coarsely(depth: np.ndarray, sensor: SensorModel) -> np.ndarray:
    """Return millimetres (H, W), rounded to steps of one millimetre that widen with distance."""
    step = np.floor(1 + np.float32(sensor.step) * depth**2)
    return (np.rint(depth * 1000 / step) * step).clip(0, 65535).astype(np.uint16)
