"""Pixel loops of the surroundings: where rays meet the table or the room, and shading."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True, error_model="numpy")
def trace_room(
    directions: np.ndarray,
    position: np.ndarray,
    room: tuple[float, float],
    light: np.ndarray,
    albedo: np.ndarray,
    out: tuple[np.ndarray, ...],
) -> None:
    """Find where rays meet the floor or a wall.

    Args:
        directions: (3, H, W) float32 ray directions of unit depth.
        position: (3,) where rays start.
        room: distance of the walls from the middle, height of the floor.
        light: (3,) direction of the lamp.
        albedo: (3, 3) uint8 colours of the walls across x, the floor, the walls across z.
        out: depth, facing, upward, incidence (H, W) float32 and albedo (H, W, 3) uint8 to fill.
    """
    depth, facing, upward, incidence, colour = out
    wall, floor = room
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            nearest, axis = np.inf, 0
            for k in range(3):
                along = directions[k, row, column]
                bound = floor if k == 1 else (wall if along > 0 else -wall)
                distance = (bound - position[k]) / along
                if (k != 1 or along < 0) and distance < nearest:
                    nearest, axis = distance, k
            along = directions[axis, row, column]
            sign = -1.0 if along > 0 else 1.0
            depth[row, column] = nearest
            facing[row, column] = max(sign * light[axis], 0.0)
            upward[row, column] = 1.0 if axis == 1 else 0.0
            incidence[row, column] = abs(along) / _measure(directions, row, column)
            for channel in range(3):
                colour[row, column, channel] = albedo[axis, channel]


@njit(cache=True, nogil=True, error_model="numpy")
def trace_table(
    directions: np.ndarray,
    position: np.ndarray,
    half: np.ndarray,
    light: np.ndarray,
    texture: np.ndarray,
    texels_per_metre: float,
    out: tuple[np.ndarray, ...],
) -> None:
    """Put the table top at y = 0 in front of the room, wherever rays meet it.

    Args:
        directions, position, light, out: as for `trace_room`.
        half: (2,) half sides of the table along x and z.
        texture: (T, T, 3) uint8, repeated over the table and read bilinearly.
        texels_per_metre: its scale.
    """
    depth, facing, upward, incidence, colour = out
    for row in range(depth.shape[0]):
        for column in range(depth.shape[1]):
            along = directions[1, row, column]
            distance = -position[1] / along
            x = position[0] + distance * directions[0, row, column]
            z = position[2] + distance * directions[2, row, column]
            if along < 0 and abs(x) <= half[0] and abs(z) <= half[1]:
                depth[row, column] = distance
                facing[row, column] = max(light[1], 0.0)
                upward[row, column] = 1.0
                incidence[row, column] = -along / _measure(directions, row, column)
                _read_texel(
                    texture, z * texels_per_metre, x * texels_per_metre, colour[row, column]
                )


@njit(cache=True, nogil=True, inline="always")
def _measure(directions: np.ndarray, row: int, column: int) -> float:
    x, y, z = directions[0, row, column], directions[1, row, column], directions[2, row, column]
    return float(np.sqrt(x * x + y * y + z * z))


@njit(cache=True, nogil=True)
def _read_texel(texture: np.ndarray, down: float, across: float, out: np.ndarray) -> None:
    """Read a texture that repeats, bilinearly."""
    side = len(texture)
    top, left = int(np.floor(down)), int(np.floor(across))
    below, right = down - top, across - left
    i, k = top % side, left % side
    j, m = (top + 1) % side, (left + 1) % side
    for channel in range(3):
        upper = (1 - right) * texture[i, k, channel] + right * texture[i, m, channel]
        lower = (1 - right) * texture[j, k, channel] + right * texture[j, m, channel]
        out[channel] = int((1 - below) * upper + below * lower)


@njit(cache=True, nogil=True)
def shade(
    albedo: np.ndarray,
    facing: np.ndarray,
    upward: np.ndarray,
    lit: np.ndarray,
    ambient: float,
    brightness: float,
    out: np.ndarray,
) -> None:
    """Fill `out` (H, W, 3) uint8 with Lambertian colours.

    Args:
        albedo: (H, W, 3) uint8.
        facing, upward, lit: (H, W) float32, as in `Surface`, and the lamp's unblocked share.
        ambient: share of the light that comes from everywhere, more of it from above.
        brightness: factor on all light.
        out: image to fill.
    """
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            around = ambient * (0.8 + 0.2 * upward[row, column])
            direct = (1.0 - ambient) * facing[row, column] * lit[row, column]
            strength = brightness * (around + direct)
            for channel in range(3):
                out[row, column, channel] = int(min(strength * albedo[row, column, channel], 255.0))
