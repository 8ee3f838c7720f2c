"""Cans: soup, fish, coffee, drinks and slim drinks; closed or open."""

import numpy as np

from preprocess.synthetic.shapes.colours import paint_bands, sample_colour
from preprocess.synthetic.shapes.mesh import Mesh, lathe

# Ranges of radius and height, and the inset of top and bottom over the radius (drinks are necked).
_KINDS: tuple[tuple[tuple[float, float], tuple[float, float], tuple[float, float]], ...] = (
    ((0.031, 0.043), (0.080, 0.125), (0.00, 0.02)),
    ((0.030, 0.036), (0.105, 0.135), (0.08, 0.22)),
    ((0.024, 0.032), (0.115, 0.180), (0.06, 0.20)),
    ((0.035, 0.055), (0.028, 0.062), (0.00, 0.03)),
    ((0.042, 0.060), (0.110, 0.175), (0.00, 0.02)),
)


def make_can(rng: np.random.Generator) -> Mesh:
    """Draw a can: axis y, lid or opening at +y, 3 to 18 cm tall."""
    ranges = _KINDS[rng.choice(len(_KINDS), p=[0.3, 0.27, 0.15, 0.13, 0.15])]
    radius, height, neck = (rng.uniform(*values) for values in ranges)
    wall = _sample_wall(rng, height, neck)
    rim = 1 - neck + rng.uniform(0.0, 0.03)
    lid_depth = height * 0.97 if rng.random() < 0.12 else rng.uniform(0.001, 0.006)
    top = np.array(
        [
            [rim, height - 0.002],
            [rim, height],
            [rim - 0.05, height],
            [rim - 0.06, height - lid_depth],
            [0.3 * rim, height - lid_depth],
        ]
    )
    profile = np.concatenate([wall, top]) * [radius, 1]
    return paint_bands(lathe(profile, sample_colour(rng), None), rng, bands=4)


def _sample_wall(rng: np.random.Generator, height: float, neck: float) -> np.ndarray:
    """Return (P, 2) from the bottom's middle to below the upper rim; radius 1, y in metres."""
    base = 1 - neck * rng.uniform(0.5, 1.2)
    shoulder = rng.uniform(0.006, 0.016) if neck > 0.05 else 0.0025
    dome = rng.uniform(0.001, 0.005)
    levels = np.linspace(shoulder, height - shoulder, 14)
    radii = np.ones(14)
    if neck < 0.05 and rng.random() < 0.4:
        ribs = np.sin(levels / height * 2 * np.pi * rng.integers(4, 9))
        radii -= rng.uniform(0.005, 0.02) * (ribs > 0)
    foot = np.array([[base * 0.7, dome], [base * 0.93, 0.0], [base, 0.001]])
    return np.concatenate([foot, np.stack([radii, levels], axis=1)])
