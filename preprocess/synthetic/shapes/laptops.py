"""Laptops: a keyboard base toward +x and a screen hinged at -x, 80 to 130 degrees open."""

from dataclasses import replace

import numpy as np

from preprocess.synthetic.shapes.colours import sample_colour
from preprocess.synthetic.shapes.mesh import Mesh, lathe, make_box, make_circle, merge, move

_INLAY = 0.0006  # how far keyboard, touchpad and screen stand out of what holds them
_LID_GAP = 0.0008


def make_laptop(rng: np.random.Generator) -> Mesh:
    """Draw an open laptop: keyboard toward +x, screen at -x, width along z, 26 to 42 cm wide."""
    width = rng.uniform(0.26, 0.42)
    depth = width * rng.uniform(0.60, 0.82)
    thick = rng.uniform(0.009, 0.024) if rng.random() < 0.8 else rng.uniform(0.022, 0.042)
    lid_thick = thick * rng.uniform(0.28, 0.55)
    lid_height = depth * rng.uniform(0.88, 1.03)
    opening = np.radians(rng.uniform(80, 130) if rng.random() < 0.4 else rng.uniform(95, 122))
    body, keys = sample_colour(rng, dark=0.3), sample_colour(rng, dark=0.6)
    radius = rng.uniform(0.001, 0.018)
    base = _make_base(rng, (depth, thick, width), radius, body, keys)
    lid_colour = body if rng.random() < 0.7 else sample_colour(rng, dark=0.3)
    lid = _make_lid(rng, (lid_height, lid_thick, width), radius, lid_colour)
    hinge_x = rng.uniform(0.0, 0.02) - depth / 2
    parts = [base, _open_lid(lid, opening, hinge_x)]
    if rng.random() < 0.5:
        barrel_radius = min(0.5 * thick, max(0.004, 0.6 * lid_thick))
        parts.append(move(_make_barrel(rng, barrel_radius, width, body), x=hinge_x))
    return merge(parts)


def _make_base(
    rng: np.random.Generator,
    size: tuple[float, float, float],
    radius: float,
    body: np.ndarray,
    keys: np.ndarray,
) -> Mesh:
    """Return the base with keyboard and touchpad, its top at y = 0."""
    depth, thick, width = size
    box = move(make_box(size, body, radius=radius, edge=0.3 * thick), y=-thick / 2)
    wedge = rng.choice([0.0, rng.uniform(0.0, 0.45)])  # thinner in front, toward +x
    lowered = box.vertices.copy()
    lowered[:, 1] *= 1 - wedge * (lowered[:, 0] / depth + 0.5)
    board_size = (depth * rng.uniform(0.36, 0.5), 2 * _INLAY, width * rng.uniform(0.74, 0.95))
    board = move(make_box(board_size, keys, radius=0.001), x=-depth * rng.uniform(0.10, 0.16))
    pad_size = (depth * rng.uniform(0.2, 0.3), _INLAY, width * rng.uniform(0.25, 0.4))
    pad = move(make_box(pad_size, sample_colour(rng), radius=0.002), x=depth * 0.31)
    return merge([replace(box, vertices=lowered), board, pad])


def _make_lid(
    rng: np.random.Generator, size: tuple[float, float, float], radius: float, colour: np.ndarray
) -> Mesh:
    """Return the lid lying closed: hinge at x = 0, outside up, screen looking down."""
    height, thick, width = size
    shell = move(make_box(size, colour, radius=radius, edge=0.4 * thick), x=height / 2, y=thick / 2)
    bezel = rng.uniform(0.03, 0.10)
    inner = (height * (1 - 2 * bezel), 2 * _INLAY, width * (1 - 1.4 * bezel))
    screen = make_box(inner, sample_colour(rng, dark=0.45), radius=0.001, edge=0.0003)
    return merge([shell, move(screen, x=height / 2)])


def _open_lid(lid: Mesh, opening: float, hinge_x: float) -> Mesh:
    """Return the closed lid turned by `opening` radians about the base's rear edge."""
    x, y, z = lid.vertices.T
    y = y + _LID_GAP
    cos, sin = np.cos(opening), np.sin(opening)
    turned = np.stack([x * cos - y * sin + hinge_x, x * sin + y * cos, z], axis=1)
    return replace(lid, vertices=turned)


def _make_barrel(rng: np.random.Generator, radius: float, width: float, colour: np.ndarray) -> Mesh:
    """Return the hinge's barrel, a cylinder along z at the origin."""
    half = width / 2 * rng.uniform(0.15, 0.9)
    barrel = lathe(np.array([[radius, -half], [radius, half]]), colour, make_circle(12))
    x, y, z = barrel.vertices.T
    return replace(barrel, vertices=np.stack([x, -z, y], axis=1))
