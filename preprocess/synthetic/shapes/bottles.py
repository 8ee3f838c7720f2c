"""Bottles: shouldered, squeezed, jars, flasks and waisted ones; round, oval and nearly square."""

import numpy as np

from preprocess.synthetic.shapes.colours import paint_bands, sample_colour
from preprocess.synthetic.shapes.mesh import Mesh, lathe, make_circle, make_superellipse, smooth

# Ranges of: body radius, body height / radius, shoulder height / radius, neck height / radius,
# neck radius / body radius, cap radius / neck radius, cap height / radius.
_KINDS: tuple[tuple[tuple[float, float], ...], ...] = (
    ((0.024, 0.040), (2.6, 4.4), (0.8, 1.8), (1.0, 2.6), (0.35, 0.52), (1.0, 1.2), (0.2, 0.5)),
    ((0.030, 0.048), (2.8, 4.6), (0.4, 1.2), (0.1, 0.6), (0.34, 0.62), (1.0, 1.25), (0.4, 0.7)),
    ((0.038, 0.054), (2.0, 3.8), (0.3, 0.9), (0.1, 0.4), (0.36, 0.60), (0.7, 1.05), (0.5, 1.2)),
    ((0.024, 0.042), (1.4, 2.8), (0.1, 0.4), (0.05, 0.3), (0.62, 0.95), (1.0, 1.15), (0.5, 1.1)),
    ((0.022, 0.034), (3.4, 6.2), (0.3, 1.5), (0.1, 0.6), (0.40, 0.80), (0.9, 1.15), (0.6, 2.2)),
    ((0.030, 0.040), (3.2, 5.4), (1.6, 2.8), (1.2, 2.2), (0.32, 0.42), (1.0, 1.15), (0.3, 0.6)),
)

_TALLEST = 0.33


def make_bottle(rng: np.random.Generator) -> Mesh:
    """Draw a bottle: axis y, cap at +y, 9 to 32 cm tall."""
    kind = _KINDS[rng.integers(len(_KINDS))]
    radius, body, shoulder, neck, neck_radius, cap_radius, cap = (rng.uniform(*r) for r in kind)
    body_points = _sample_body(rng, body)
    shoulder_points = _sample_shoulder(rng, body_points[-1], shoulder, neck_radius)
    top = body + shoulder
    cap_wide = neck_radius * cap_radius
    taper = rng.choice([1.0, rng.uniform(0.3, 0.9)], p=[0.75, 0.25])
    neck_points = np.array(
        [
            [neck_radius, top + 0.5 * neck],
            [neck_radius, top + neck],
            [cap_wide, top + neck],
            [cap_wide, top + neck + 0.08 * cap],
            [cap_wide * taper, top + neck + cap],
        ]
    )
    lower = smooth(np.concatenate([body_points, shoulder_points]), rounds=2)
    profile = np.concatenate([lower, neck_points])
    outline = _sample_outlines(rng, profile[:, 1], body, shoulder)
    radius = min(radius, _TALLEST / profile[-1, 1])
    return paint_bands(lathe(radius * profile, sample_colour(rng), outline), rng, bands=4)


def _sample_body(rng: np.random.Generator, height: float) -> np.ndarray:
    """Return (P, 2) of radius and height from the foot to below the shoulder."""
    foot = rng.uniform(0.80, 0.97)
    levels = np.linspace(0.06, 1, 9)
    taper = rng.uniform(-0.12, 0.12) * (levels - 0.5) if rng.random() < 0.5 else 0 * levels
    waist = 0 * levels
    if rng.random() < 0.35:
        depth = rng.uniform(-0.08, 0.22)
        waist = depth * np.exp(-(((levels - rng.uniform(0.3, 0.8)) / rng.uniform(0.1, 0.3)) ** 2))
    radii = np.minimum(1 + taper - waist, 1.12)
    wall = np.stack([radii, levels * height], axis=1)
    start = np.array([[foot * 0.9, 0.0], [foot, 0.0], [radii[0], 0.03 * height]])
    return np.concatenate([start, wall])


def _sample_shoulder(
    rng: np.random.Generator, start: np.ndarray, height: float, neck_radius: float
) -> np.ndarray:
    """Return (P, 2) from the body's end to the foot of the neck: round, straight or hollow."""
    t = np.linspace(0.2, 1, 5)
    power = rng.uniform(0.6, 2.4)
    radii = start[0] + (neck_radius - start[0]) * t**power
    return np.stack([radii, start[1] + height * t], axis=1)


def _sample_outlines(
    rng: np.random.Generator, levels: np.ndarray, body: float, shoulder: float
) -> np.ndarray:
    """Return one outline a level (P, N, 2): the body's shape, turning into the neck's circle."""
    circle = make_circle()
    if rng.random() < 0.6:
        return circle
    exponent = rng.choice([2.0, rng.uniform(2.0, 3.2), rng.uniform(3.0, 7.0)])
    flatness = rng.choice([1.0, rng.uniform(0.55, 1.0)], p=[0.35, 0.65])
    sides = [1.0, flatness] if rng.random() < 0.75 else [flatness, 1.0]
    outline = make_superellipse(exponent, 1.0) * np.array(sides)
    blend = np.clip((levels - body) / shoulder, 0, 1)[:, None, None]
    blended: np.ndarray = outline * (1 - blend) + circle * blend
    return blended
