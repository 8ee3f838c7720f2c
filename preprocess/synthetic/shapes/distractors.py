"""Distractors (class 0): boxes, books, beakers, balls, cones, blocks, remote controls."""

import numpy as np

from preprocess.synthetic.shapes.colours import paint_bands, sample_colour
from preprocess.synthetic.shapes.mesh import Mesh, lathe, make_box, make_circle, merge, move


def make_distractor(rng: np.random.Generator) -> Mesh:
    """Draw an everyday object of no category, standing along y."""
    makers = (_make_carton, _make_book, _make_beaker, _make_ball, _make_cone, _make_blocks)
    return makers[rng.integers(len(makers))](rng)


def _make_carton(rng: np.random.Generator) -> Mesh:
    size = rng.uniform([0.03, 0.05, 0.04], [0.10, 0.24, 0.20])
    return paint_bands(make_box(tuple(size), sample_colour(rng), radius=0.001, edge=0.001), rng)


def _make_book(rng: np.random.Generator) -> Mesh:
    size = rng.uniform([0.04, 0.008, 0.12], [0.22, 0.05, 0.28])
    return make_box(tuple(size), sample_colour(rng), radius=0.002, edge=0.001)


def _make_beaker(rng: np.random.Generator) -> Mesh:
    """Return a hollow beaker without a handle."""
    radius, height = rng.uniform(0.025, 0.05), rng.uniform(0.07, 0.16)
    top, wall = radius * rng.uniform(1.0, 1.35), 0.003
    inner = np.array([[top - wall, height], [radius - wall, 0.005], [0.002, 0.005]])
    outer = np.array([[0.9 * radius, 0.0], [radius, 0.002], [top, height]])
    return paint_bands(lathe(np.concatenate([outer, inner]), sample_colour(rng)), rng)


def _make_ball(rng: np.random.Generator) -> Mesh:
    radius, squash = rng.uniform(0.02, 0.07), rng.uniform(0.8, 1.2)
    turn = np.linspace(0.05, np.pi - 0.05, 18)
    profile = radius * np.stack([np.sin(turn), -squash * np.cos(turn)], axis=1)
    return paint_bands(lathe(profile, sample_colour(rng)), rng)


def _make_cone(rng: np.random.Generator) -> Mesh:
    radius, height = rng.uniform(0.02, 0.06), rng.uniform(0.05, 0.2)
    profile = np.array([[radius, 0.0], [radius, 0.004], [radius * rng.uniform(0.05, 0.8), height]])
    return lathe(profile, sample_colour(rng), make_circle(int(rng.choice([4, 6, 24]))))


def _make_blocks(rng: np.random.Generator) -> Mesh:
    """Return a few toy blocks stacked out of line."""
    blocks, level = [], 0.0
    for _ in range(rng.integers(2, 5)):
        size = rng.uniform([0.02, 0.015, 0.02], [0.06, 0.04, 0.09])
        shift = rng.uniform(-0.012, 0.012, 2)
        block = make_box(tuple(size), sample_colour(rng), radius=0.001, edge=0.001)
        blocks.append(move(block, shift[0], level + size[1] / 2, shift[1]))
        level += float(size[1])
    return merge(blocks)
