"""Cameras: compacts, rangefinders, reflex cameras, boxes for film and camcorders."""

import numpy as np

from preprocess.synthetic.shapes.colours import sample_colour
from preprocess.synthetic.shapes.mesh import (
    Mesh,
    lathe,
    make_box,
    make_circle,
    make_rectangle,
    merge,
    move,
    skin,
    turn_y_to_x,
)

_DARK = 0.55


def make_camera(rng: np.random.Generator) -> Mesh:
    """Draw a camera: lens toward +x, top +y, width along z, grip at +z."""
    makers = (_make_reflex, _make_compact, _make_cinema, _make_camcorder)
    return makers[rng.choice(4, p=[0.5, 0.24, 0.16, 0.10])](rng)


def _colour(rng: np.random.Generator) -> np.ndarray:
    return sample_colour(rng, dark=_DARK)


def _make_reflex(rng: np.random.Generator) -> Mesh:
    """Return a reflex or mirrorless camera: body, lens, hump, grip, dials, eyepiece, flash."""
    width = rng.uniform(0.105, 0.165)
    height, depth = width * rng.uniform(0.50, 0.72), width * rng.uniform(0.20, 0.45)
    colour = _colour(rng)
    radius = rng.uniform(0.003, 0.4 * depth)
    body = make_box((depth, height, width), colour, radius=radius, edge=rng.uniform(0.001, 0.01))
    lens_z, lens_y = -width * rng.uniform(-0.04, 0.14), -height * rng.uniform(-0.06, 0.10)
    lens_radius = height * rng.uniform(0.30, 0.50)
    length = min(lens_radius * rng.choice([rng.uniform(0.6, 1.8), rng.uniform(1.5, 4.0)]), 0.17)
    parts = [body, move(_make_lens(rng, lens_radius, length), depth / 2, lens_y, lens_z)]
    top = height / 2
    if rng.random() < 0.75:
        parts.append(move(_make_hump(rng, depth, width, height), y=top, z=lens_z))
    if rng.random() < 0.72:
        parts.append(_make_grip(rng, depth, height, width, colour))
    parts += _make_dials(rng, top, depth, width)
    if rng.random() < 0.12:
        tall = rng.uniform(0.04, 0.09)
        flash = make_box((0.05, tall, 0.07), _colour(rng), radius=0.008)
        parts.append(move(flash, y=top + 0.012 + tall / 2, z=lens_z))
    return merge(parts)


def _make_compact(rng: np.random.Generator) -> Mesh:
    """Return a pocket camera: slim rounded body, short telescoping lens, flush controls."""
    width = rng.uniform(0.085, 0.130)
    height, depth = width * rng.uniform(0.52, 0.75), width * rng.uniform(0.18, 0.36)
    colour = sample_colour(rng, dark=0.25)
    radius = rng.uniform(0.1, 0.95) * depth / 2
    body = make_box((depth, height, width), colour, radius=radius, edge=rng.uniform(0.001, 0.008))
    lens_radius = height * rng.uniform(0.24, 0.44)
    lens = _make_lens(rng, lens_radius, lens_radius * rng.uniform(0.25, 1.4))
    lens_y, lens_z = -height * rng.uniform(-0.05, 0.10), -width * rng.uniform(-0.02, 0.18)
    parts = [body, move(lens, depth / 2, lens_y, lens_z)]
    if rng.random() < 0.4:
        parts.append(_make_grip(rng, 0.6 * depth, height, width, colour))
    if rng.random() < 0.35:
        window = make_box((0.003, 0.012, 0.016), sample_colour(rng, dark=0.5), edge=0.0005)
        parts.append(move(window, depth / 2, height * 0.33, lens_z + 0.01))
    return merge(parts + _make_dials(rng, height / 2, depth, width)[:2])


def _make_cinema(rng: np.random.Generator) -> Mesh:
    """Return a boxy film or action camera: nearly cubic body, long lens, often a top handle."""
    width = rng.uniform(0.07, 0.15)
    height, depth = width * rng.uniform(0.7, 1.25), width * rng.uniform(0.6, 1.5)
    edge = rng.uniform(0.001, 0.012)
    body = make_box(
        (depth, height, width), _colour(rng), radius=rng.uniform(0.002, 0.03), edge=edge
    )
    lens_radius = min(width, height) * rng.uniform(0.28, 0.48)
    lens = _make_lens(rng, lens_radius, lens_radius * rng.uniform(0.8, 4.0))
    parts = [body, move(lens, depth / 2, height * rng.uniform(-0.08, 0.08))]
    if rng.random() < 0.5:
        parts += _make_top_handle(rng, depth, height)
    if rng.random() < 0.4:
        grip = make_box((depth * 0.6, height * 0.7, 0.022), _colour(rng), radius=0.01)
        parts.append(move(grip, z=width / 2 + 0.009, y=-height * 0.05))
    return merge(parts + _make_dials(rng, height / 2, depth, width)[:1])


def _make_camcorder(rng: np.random.Generator) -> Mesh:
    """Return a camcorder: long body along x, hooded lens, handle, viewfinder at the rear."""
    length = rng.uniform(0.12, 0.24)
    height, width = length * rng.uniform(0.32, 0.55), length * rng.uniform(0.28, 0.5)
    body = make_box((length, height, width), _colour(rng), radius=0.012, edge=0.008)
    lens_radius = min(width, height) * rng.uniform(0.33, 0.5)
    lens_length = lens_radius * rng.uniform(0.6, 2.2)
    parts = [body, move(_make_lens(rng, lens_radius, lens_length), length / 2)]
    if rng.random() < 0.6:
        parts.append(move(_make_hood(rng, lens_radius), length / 2 + lens_length))
    if rng.random() < 0.7:
        parts += _make_top_handle(rng, length, height)
    if rng.random() < 0.6:
        finder = make_box((length * 0.35, 0.03, 0.03), _colour(rng), radius=0.008)
        parts.append(move(finder, -length / 2, height * 0.4, -width * 0.2))
    grip = make_box((length * 0.5, height * 0.6, 0.02), _colour(rng), radius=0.01)
    return merge([*parts, move(grip, z=width / 2 + 0.008)])


def _make_lens(rng: np.random.Generator, radius: float, length: float) -> Mesh:
    """Return a barrel of one to four steps along +x from x = 0, with a recessed front glass."""
    steps = rng.integers(1, 5)
    cuts = np.concatenate([[0.0], np.sort(rng.uniform(0.1, 0.9, steps - 1)), [1.0]]) * length
    trend = rng.uniform(-0.12, 0.06)
    radii = radius * np.clip(
        1 + trend * np.arange(steps) + rng.uniform(-0.06, 0.06, steps), 0.5, 1.1
    )
    rings = [[radii[0], -0.01]]
    for index in range(steps):
        rings += [[radii[index], cuts[index]], [radii[index], cuts[index + 1]]]
    rim, sunk = radii[-1], min(rng.uniform(0.001, 0.015), 0.6 * length)
    front = [[0.88 * rim, length], [0.82 * rim, length - sunk], [0.4 * rim, length - 0.6 * sunk]]
    barrel = lathe(np.array(rings + front), _colour(rng), make_circle(28))
    glass = np.abs(barrel.vertices[barrel.faces]).mean(axis=1)
    barrel.albedo[
        (glass[:, 1] > length - 1.1 * sunk) & (np.hypot(*glass[:, ::2].T) < 0.7 * rim)
    ] = 25
    return turn_y_to_x(barrel)


def _make_hump(rng: np.random.Generator, depth: float, width: float, height: float) -> Mesh:
    """Return the pentaprism's housing: a frustum standing on y = 0, sloping off on all sides."""
    half_x, half_z = depth * rng.uniform(0.35, 0.75), width * rng.uniform(0.14, 0.24)
    rise = height * rng.uniform(0.10, 0.34)
    slope = rng.uniform(0.35, 0.9)
    shift = depth * rng.uniform(-0.1, 0.2)
    stations = ((1.0, -0.01), (1.0, 0.15 * rise), (slope, 0.95 * rise), (0.9 * slope, rise))
    rings = []
    for shrink, level in stations:
        flat = make_rectangle(half_x * (0.5 + 0.5 * shrink), half_z * shrink, 0.006)
        rings.append(np.insert(flat, 1, level, axis=1) + np.array([shift, 0, 0]))
    return skin(np.array(rings), _colour(rng))


def _make_grip(
    rng: np.random.Generator, depth: float, height: float, width: float, colour: np.ndarray
) -> Mesh:
    """Return the hand grip: a rounded column in front of the body's +z end."""
    thick, wide = depth * rng.uniform(0.4, 1.1), width * rng.uniform(0.12, 0.24)
    tall = height * rng.uniform(0.75, 1.0)
    grip = make_box((thick, tall, wide), colour, radius=0.45 * min(thick, wide), edge=0.004)
    return move(grip, depth / 2 + thick * 0.2, (tall - height) / 2, width / 2 - 0.52 * wide)


def _make_dials(rng: np.random.Generator, top: float, depth: float, width: float) -> list[Mesh]:
    """Return up to four dials and buttons on the top plate, either side of the middle."""
    dials = []
    for _ in range(rng.integers(0, 5)):
        radius = min(rng.uniform(0.004, 0.011), 0.45 * depth)
        tall = rng.uniform(0.002, 0.009)
        profile = np.array([[radius, -0.004], [radius, tall], [0.9 * radius, tall + 0.0005]])
        side = rng.choice([-1, 1], p=[0.35, 0.65])
        z = side * width * rng.uniform(0.26, 0.42)
        dial = lathe(profile, _colour(rng), make_circle(12))
        dials.append(move(dial, depth * rng.uniform(-0.15, 0.15), top, z))
    return dials


def _make_top_handle(rng: np.random.Generator, length: float, height: float) -> list[Mesh]:
    """Return a carrying handle along x above the body: two posts and a bar."""
    rise, colour = rng.uniform(0.025, 0.05), _colour(rng)
    span = length * rng.uniform(0.5, 0.9)
    bar = move(make_box((span, 0.016, 0.02), colour, radius=0.006), y=height / 2 + rise)
    post = make_box((0.016, rise + 0.008, 0.016), colour)
    posts = [move(post, side * (span / 2 - 0.01), height / 2 + rise / 2) for side in (-1, 1)]
    return [bar, *posts]


def _make_hood(rng: np.random.Generator, radius: float) -> Mesh:
    """Return a matte box: a hollow frustum opening toward +x from x = 0."""
    depth, wide = radius * rng.uniform(0.6, 1.4), radius * rng.uniform(1.3, 2.0)
    tall = wide * rng.uniform(0.6, 0.9)
    stations = ((0.75, -0.002), (1.0, depth), (0.94, depth), (0.66, 0.1 * depth))
    rings = []
    for scale, level in stations:
        flat = make_rectangle(tall * scale, wide * scale, 0.004)
        rings.append(np.insert(flat, 1, level, axis=1))
    return turn_y_to_x(skin(np.array(rings), _colour(rng)))
