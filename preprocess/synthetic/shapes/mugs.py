"""Mugs: straight, tapered, flared, barrel and cup-like bodies with handles of many shapes."""

import numpy as np

from preprocess.synthetic.models import HANDLE
from preprocess.synthetic.shapes.colours import paint_bands, sample_colour
from preprocess.synthetic.shapes.mesh import Mesh, lathe, make_superellipse, merge, sweep


def make_mug(rng: np.random.Generator) -> Mesh:
    """Draw a mug: axis y, opening at +y, handle at +x, 5 to 13 cm tall."""
    radius = rng.uniform(0.032, 0.052) if rng.random() < 0.85 else rng.uniform(0.05, 0.06)
    height = radius * rng.uniform(1.45, 2.5)
    wall = rng.uniform(0.0022, 0.0055)
    outer = radius * _sample_wall(rng, height / radius)
    body = _make_body(rng, outer, wall)
    handle = _make_handle(rng, outer, wall)
    painted = paint_bands(body, rng)
    if rng.random() < 0.6:
        handle.albedo[:] = painted.albedo[0]
    return merge([painted, handle])


def _sample_wall(rng: np.random.Generator, height: float) -> np.ndarray:
    """Return the outer wall (P, 2) of radius and y from foot to rim, at most 1 wide."""
    t = np.linspace(0, 1, 20)
    kind = rng.choice(4, p=[0.45, 0.25, 0.12, 0.18])
    if kind == 0:
        radii = 1 + rng.uniform(-0.02, 0.04) * t
    elif kind == 1:
        radii = 1 + rng.uniform(-0.12, 0.35) * t
    elif kind == 2:
        radii = 1 + rng.uniform(0.05, 0.18) * np.sin(np.pi * t ** rng.uniform(0.7, 1.4))
    else:
        radii = rng.uniform(0.45, 0.7) + 0.55 * np.sin(0.5 * np.pi * t ** rng.uniform(0.4, 0.8))
    lip = rng.choice([0.0, rng.uniform(0.0, 0.12)]) * np.clip((t - 0.85) / 0.15, 0, 1) ** 2
    foot = rng.uniform(0.03, 0.15) * np.clip(1 - t / rng.uniform(0.05, 0.2), 0, 1) ** 2
    radii = radii + lip - foot
    return np.stack([radii / radii.max(), t * height], axis=1)


def _make_body(rng: np.random.Generator, outer: np.ndarray, wall: float) -> Mesh:
    """Return the hollow body: outside, rounded rim, inside, floor."""
    inner = outer - [wall, 0.0]
    floor = wall * rng.uniform(1.0, 2.5)
    inside = inner[(inner[:, 1] > floor) & (inner[:, 1] < outer[-1, 1] - wall / 2)][::-1]
    corner = np.array([[inside[-1, 0], floor + 0.003], [inside[-1, 0] - 0.003, floor]])
    rim = np.array(
        [[outer[-1, 0] - wall * 0.2, wall * 0.3], [inner[-1, 0] + wall * 0.2, wall * 0.3]]
    )
    rim[:, 1] += outer[-1, 1]
    profile = np.concatenate([outer, rim, inside, corner])
    return lathe(profile, sample_colour(rng))


def _make_handle(rng: np.random.Generator, outer: np.ndarray, wall: float) -> Mesh:
    """Return a bent bar from the wall to the wall, reaching toward +x."""
    height = outer[-1, 1]
    lower = height * rng.uniform(0.10, 0.34)
    upper = height * rng.uniform(max(0.62, lower / height + 0.35), 0.92)
    ends = np.array([lower, upper])
    anchors = np.interp(ends, outer[:, 1], outer[:, 0]) - 0.6 * wall
    reach = rng.uniform(0.018, 0.042) if rng.random() < 0.85 else rng.uniform(0.012, 0.05)
    path = _sample_path(rng, anchors, ends, reach)
    thick, wide = rng.uniform(0.0025, 0.0055), rng.uniform(0.0035, 0.0105)
    section = make_superellipse(rng.choice([2.0, 2.5, 5.0]), 1.0, 14) * [thick, wide]
    return sweep(path, section, sample_colour(rng), part=HANDLE)


def _sample_path(
    rng: np.random.Generator, anchors: np.ndarray, ends: np.ndarray, reach: float
) -> np.ndarray:
    """Return the handle's centre line (P, 2): a D, an ear, a square or a ring."""
    t = np.linspace(0, 1, 28)
    base = np.interp(t, [0, 1], anchors)
    middle, half = ends.mean(), np.ptp(ends) / 2
    kind = rng.choice(3, p=[0.4, 0.35, 0.25])
    if kind == 1:  # an ear: a cubic Bezier curve, fuller above or below
        low, high = rng.uniform(0.5, 1.6, 2)
        bend = 3 * t * (1 - t) ** 2 * low + 3 * t**2 * (1 - t) * high
        spread = rng.uniform(-0.35, 0.5, 2) * half
        rise = -half * (1 - t) ** 3 + half * t**3
        rise += 3 * t * (1 - t) ** 2 * (-half - spread[0]) + 3 * t**2 * (1 - t) * (half + spread[1])
        return np.stack([base + reach * bend / bend.max(), middle + rise], axis=1)
    exponent = rng.uniform(1.8, 2.4) if kind == 0 else rng.uniform(3.0, 7.0)
    angle = np.pi * (t - 0.5)
    bulge = rng.choice([1.0, rng.uniform(1.0, 1.25)])
    across = np.abs(np.cos(angle)) ** (2 / exponent)
    along = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** (2 / exponent)
    swell = 1 + (bulge - 1) * np.sin(np.pi * t)
    return np.stack([base + reach * across, middle + half * along * swell], axis=1)
