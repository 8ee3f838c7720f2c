"""What is around the objects of a scene: a textured table in a plain room, and one lamp."""

from dataclasses import dataclass

import numpy as np

_TEXTURE_SIDE = 256


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """A table top at y = 0, a box-shaped room around the origin, a lamp. World: y up, metres.

    Attributes:
        table_half: (2,) half sides of the table top along x and z.
        floor: height of the floor, negative.
        wall: distance of the four walls from the middle.
        texture: (T, T, 3) uint8 RGB tile of the table top.
        tile: side of one texture tile on the table.
        room_albedo: (3, 3) uint8 RGB of the walls across x, the floor, the walls across z.
        light: (3,) unit vector towards the lamp.
        ambient: share of the light that comes from everywhere, 0 to 1.
    """

    table_half: np.ndarray
    floor: float
    wall: float
    texture: np.ndarray
    tile: float
    room_albedo: np.ndarray
    light: np.ndarray
    ambient: float


@dataclass(frozen=True, kw_only=True)
class Surface:
    """What every pixel shows, before shadows and noise.

    Attributes:
        depth: (H, W) float32 metres along the optical axis.
        facing: (H, W) float32 cosine between normal and direction of the lamp, at least 0.
        upward: (H, W) float32 y component of the normal.
        incidence: (H, W) float32 cosine between normal and ray, 0 to 1.
        albedo: (H, W, 3) uint8 RGB.
    """

    depth: np.ndarray
    facing: np.ndarray
    upward: np.ndarray
    incidence: np.ndarray
    albedo: np.ndarray


def sample_surroundings(reach: np.ndarray, rng: np.random.Generator) -> Surroundings:
    """Draw a table that holds objects within `reach` (2,) of its middle, a room and a lamp."""
    height, azimuth = np.deg2rad(rng.uniform(45.0, 80.0)), rng.uniform(0.0, 2 * np.pi)
    light = [np.cos(height) * np.cos(azimuth), np.sin(height), np.cos(height) * np.sin(azimuth)]
    return Surroundings(
        table_half=reach + rng.uniform(0.1, 0.6, 2),
        floor=-float(rng.uniform(0.65, 0.8)),
        wall=float(rng.uniform(1.8, 3.2)),
        texture=draw_table_texture(rng),
        tile=float(rng.uniform(0.4, 0.9)),
        room_albedo=rng.integers(90, 200, (3, 1)).astype(np.uint8)
        + rng.integers(0, 50, (3, 3)).astype(np.uint8),
        light=np.array(light),
        ambient=float(rng.uniform(0.4, 0.6)),
    )


def draw_table_texture(rng: np.random.Generator, side: int = _TEXTURE_SIDE) -> np.ndarray:
    """Draw a table top (side, side, 3) uint8 that tiles: wood grain, or a checked cloth."""
    base = rng.uniform(60.0, 210.0) * rng.uniform(0.75, 1.0, 3)
    if rng.random() < 0.6:
        pattern = 14.0 * _draw_noise(rng, side, (4, 64)) + 6.0 * _draw_noise(rng, side, (16, 16))
    else:
        squares = rng.integers(3, 9)
        rows, columns = np.indices((side, side)) * squares * 2 // side
        pattern = 30.0 * ((rows + columns) % 2) + 5.0 * _draw_noise(rng, side, (64, 64))
    texture: np.ndarray = np.clip(base + pattern[..., None], 5, 250).astype(np.uint8)
    return texture


def _draw_noise(rng: np.random.Generator, side: int, cells: tuple[int, int]) -> np.ndarray:
    """Return smooth periodic noise (side, side) of about unit spread, `cells` waves an axis."""
    import cv2

    margin = 2
    wrapped = np.pad(rng.standard_normal(cells), margin, mode="wrap").astype(np.float32)
    height, width = (side * (count + 2 * margin) // count for count in cells)
    smooth = cv2.resize(wrapped, (width, height), interpolation=cv2.INTER_CUBIC)
    top, left = (margin * side // count for count in cells)
    noise: np.ndarray = smooth[top : top + side, left : left + side]
    return noise


def trace_surroundings(
    around: Surroundings, position: np.ndarray, directions: np.ndarray
) -> Surface:
    """Return what rays meet of the table, the floor and the walls.

    The room has no ceiling: an upward ray meets a wall, however high.

    Args:
        around: the surroundings.
        position: (3,) where all rays start, above the table top and within the walls.
        directions: (3, H, W) float32 x, y and z of ray directions of unit depth.
    """
    from preprocess.synthetic.surroundings_kernels import trace_room, trace_table

    shape = directions.shape[1:]
    depth, facing, upward, incidence = (np.empty(shape, np.float32) for _ in range(4))
    albedo = np.empty((*shape, 3), np.uint8)
    images = (depth, facing, upward, incidence, albedo)
    room = (around.wall, around.floor)
    trace_room(directions, position, room, around.light, around.room_albedo, images)
    density = len(around.texture) / around.tile
    half = around.table_half
    trace_table(directions, position, half, around.light, around.texture, density, images)
    return Surface(depth=depth, facing=facing, upward=upward, incidence=incidence, albedo=albedo)
