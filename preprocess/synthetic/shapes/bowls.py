"""Bowls: hemispheres, cones, flat dishes; with a foot, a lip, flared or upright rims."""

import numpy as np

from preprocess.synthetic.shapes.colours import paint_bands, sample_colour
from preprocess.synthetic.shapes.mesh import Mesh, lathe, make_superellipse


def make_bowl(rng: np.random.Generator) -> Mesh:
    """Draw a bowl: axis y, opening at +y, 10 to 24 cm wide."""
    radius = rng.uniform(0.050, 0.105) if rng.random() < 0.85 else rng.uniform(0.1, 0.125)
    height = radius * rng.uniform(0.5, 1.15)
    wall = rng.uniform(0.0020, 0.0060)
    foot_radius, foot_height = radius * rng.uniform(0.25, 0.65), rng.choice([0.0, 0.006])
    outer = _sample_wall(rng, radius, height, foot_radius)
    outer[:, 1] = foot_height + outer[:, 1] * (1 - foot_height / height)
    inner = outer - wall * _compute_normals(outer)
    lip = _sample_lip(rng, outer[-1], wall)
    foot = np.array([[foot_radius * 0.95, 0.0], [foot_radius, 0.0]])
    floor = inner[inner[:, 1] < height - 0.25 * wall][::-1]
    profile = np.concatenate([foot, outer, lip, floor[1:]])
    profile[:, 0] = np.maximum(profile[:, 0], 1e-4)
    squash = 1.0 if rng.random() < 0.8 else rng.uniform(0.95, 1.0)
    return paint_bands(lathe(profile, sample_colour(rng), make_superellipse(2.0, squash)), rng)


def _sample_wall(
    rng: np.random.Generator, radius: float, height: float, foot_radius: float
) -> np.ndarray:
    """Return the outer wall (P, 2) of radius and y from the foot to the rim."""
    t = np.linspace(0, 1, 16)
    round_wall = np.sin(0.5 * np.pi * t ** rng.uniform(0.65, 1.0))
    straight = t ** rng.uniform(0.6, 1.3)
    mix = rng.beta(2.0, 0.8) if rng.random() < 0.7 else rng.random()
    widening = mix * round_wall + (1 - mix) * straight
    rise = t ** rng.uniform(0.9, 1.8)
    flare = rng.choice([0.0, rng.uniform(0, 0.12)]) * np.clip((t - 0.75) / 0.25, 0, 1) ** 2
    radii = foot_radius + (radius - foot_radius) * (widening + flare)
    return np.stack([radii, height * rise], axis=1)


def _compute_normals(profile: np.ndarray) -> np.ndarray:
    """Return the outward unit normals (P, 2) of a profile that rises."""
    tangents = np.gradient(profile, axis=0)
    normals = np.stack([tangents[:, 1], -tangents[:, 0]], axis=1)
    unit: np.ndarray = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    return unit


def _sample_lip(rng: np.random.Generator, rim: np.ndarray, wall: float) -> np.ndarray:
    """Return the rim (P, 2): rounded over the wall, at times with a lip that sticks out."""
    out = wall * rng.choice([0.0, 0.3, rng.uniform(0.5, 2.5)])
    turn = np.linspace(0, np.pi, 5)
    centre = rim + np.array([(out - wall) / 2, 0.0])
    lip: np.ndarray = centre + 0.5 * np.stack(
        [np.cos(turn) * (wall + out), np.sin(turn) * wall], axis=1
    )
    return lip
