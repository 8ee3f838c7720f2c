"""The depth camera of synth6: a structured-light sensor for Real, a perfect one for CAMERA.

What is modelled, each with the size that consumer sensors show: axial noise that grows with the
square of the distance and is partly correlated between neighbours, edges that wobble by about a
pixel, points that fly between the surfaces on both sides of an edge, holes along edges, at grazing
angles and on dark surfaces, and steps of whole millimetres that widen with distance.
"""

from dataclasses import dataclass, fields

import numpy as np

from preprocess.synthetic.sensor_kernels import CELL, CHANNELS, disturb_edges, read_surfaces


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

    def as_array(self) -> np.ndarray:
        """Return the constants in the order of their declaration, float32."""
        return np.array([getattr(self, item.name) for item in fields(self)], dtype=np.float32)


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
    import cv2

    keys = rng.integers(2**63, size=2).astype(np.uint64)
    cells = (depth.shape[0] // CELL + 2, depth.shape[1] // CELL + 2, CHANNELS)
    lattice = rng.standard_normal(cells, dtype=np.float32)
    clean = np.where(np.isfinite(depth), depth, 0).astype(np.float32)
    wobbled, measured = np.empty_like(clean), np.empty_like(clean)
    constants = sensor.as_array()
    slant = np.ascontiguousarray(incidence_cos, dtype=np.float32)
    light = np.ascontiguousarray(luma, dtype=np.float32)
    read_surfaces(clean, slant, light, keys[0], lattice, constants, wobbled, measured)
    around = np.ones((3, 3), dtype=np.uint8)
    near, far = cv2.erode(wobbled, around), cv2.dilate(wobbled, around)
    millimetres = np.empty(depth.shape, dtype=np.uint16)
    disturb_edges(near, far, measured, keys[1], constants, millimetres)
    return millimetres
