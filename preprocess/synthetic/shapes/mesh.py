"""Closed triangle meshes from rings of points: solids of revolution, rounded boxes, bent tubes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from preprocess.synthetic.models import BODY

SIDES = 36


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """A triangle mesh whose faces carry a part and a colour.

    Attributes:
        vertices: (V, 3) float64 metres.
        faces: (F, 3) int32, counter-clockwise seen from outside.
        part: (F,) uint8.
        albedo: (F, 3) uint8 RGB.
    """

    vertices: np.ndarray
    faces: np.ndarray
    part: np.ndarray
    albedo: np.ndarray


def skin(rings: np.ndarray, colour: np.ndarray, *, part: int = BODY) -> Mesh:
    """Close a surface over rings of points, capping both ends with fans.

    Args:
        rings: (P, N, 3), neighbouring rings joined point by point.
        colour: (3,) RGB of all faces.
        part: part of all faces.
    """
    count, sides = rings.shape[:2]
    grid = np.arange(count * sides).reshape(count, sides)
    here, right = grid, np.roll(grid, -1, axis=1)
    lower = np.stack([here[:-1], here[1:], right[:-1]], axis=-1).reshape(-1, 3)
    upper = np.stack([right[:-1], here[1:], right[1:]], axis=-1).reshape(-1, 3)
    first, last = np.full(sides, count * sides), np.full(sides, count * sides + 1)
    start = np.stack([first, here[0], right[0]], axis=-1)
    end = np.stack([last, right[-1], here[-1]], axis=-1)
    vertices = np.concatenate([rings.reshape(-1, 3), rings[[0, -1]].mean(axis=1)])
    faces = np.concatenate([lower, upper, start, end]).astype(np.int32)
    if compute_volume(vertices, faces) < 0:
        faces = faces[:, ::-1].copy()
    return Mesh(
        vertices=vertices,
        faces=faces,
        part=np.full(len(faces), part, dtype=np.uint8),
        albedo=np.tile(np.asarray(colour, dtype=np.uint8), (len(faces), 1)),
    )


def compute_volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Return the signed volume of a closed mesh: positive when its faces look outwards."""
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def make_circle(sides: int = SIDES) -> np.ndarray:
    """Return the unit circle (sides, 2); with a multiple of four sides it spans [-1, 1] exactly."""
    turn = 2 * np.pi * np.arange(sides) / sides
    return np.stack([np.cos(turn), np.sin(turn)], axis=1)


def make_superellipse(exponent: float, aspect: float, sides: int = SIDES) -> np.ndarray:
    """Return |x|^e + |z / aspect|^e = 1 as (sides, 2): an ellipse for 2, above it more a box."""
    circle = make_circle(sides)
    points: np.ndarray = np.sign(circle) * np.abs(circle) ** (2 / exponent) * [1.0, aspect]
    return points


def make_rectangle(half_x: float, half_z: float, radius: float, corner: int = 4) -> np.ndarray:
    """Return a rounded rectangle (4 * corner, 2) about the origin."""
    radius = min(radius, half_x, half_z)
    turn = np.linspace(0, np.pi / 2, corner)
    quarter = radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    inner = np.array([half_x - radius, half_z - radius])
    arcs = [
        quarter + inner,
        quarter[::-1] * [-1, 1] + inner * [-1, 1],
        quarter * [-1, -1] - inner,
        quarter[::-1] * [1, -1] + inner * [1, -1],
    ]
    return np.concatenate(arcs)


def smooth(points: np.ndarray, rounds: int = 2) -> np.ndarray:
    """Round the corners of a polyline (P, D) by Chaikin's corner cutting; its ends stay."""
    for _ in range(rounds):
        ahead = 0.75 * points[:-1] + 0.25 * points[1:]
        behind = 0.25 * points[:-1] + 0.75 * points[1:]
        cut = np.stack([ahead, behind], axis=1).reshape(-1, points.shape[1])
        points = np.concatenate([points[:1], cut[1:-1], points[-1:]])
    return points


def lathe(
    profile: np.ndarray, colour: np.ndarray, outline: np.ndarray | None = None, *, part: int = BODY
) -> Mesh:
    """Turn a profile (P, 2) of (radius, y) about y, or carry it along another unit outline.

    Args:
        profile: from one end to the other; both ends are closed by a disc.
        colour: (3,) RGB.
        outline: (N, 2) or one outline a ring (P, N, 2), in units of the radius; else a circle.
        part: part of all faces.
    """
    outline = make_circle() if outline is None else outline
    outlines = np.broadcast_to(outline, (len(profile), *outline.shape[-2:]))
    flat = profile[:, 0, None, None] * outlines
    heights = np.broadcast_to(profile[:, 1, None], flat.shape[:2])
    return skin(np.stack([flat[..., 0], heights, flat[..., 1]], axis=-1), colour, part=part)


def make_box(
    size: Sequence[float], colour: np.ndarray, *, radius: float = 0.004, edge: float = 0.002
) -> Mesh:
    """Return a box about the origin with rounded upright edges and bevelled top and bottom.

    Args:
        size: sides along x, y, z.
        colour: (3,) RGB.
        radius: of the upright edges.
        edge: width of the bevel.
    """
    half_x, half_y, half_z = (side / 2 for side in size)
    edge = min(edge, 0.45 * min(half_x, half_y, half_z))
    turn = np.linspace(0, np.pi / 2, 4)
    insets, rises = edge * (1 - np.cos(turn)), half_y - edge * (1 - np.sin(turn))
    stations = [(inset, -rise) for inset, rise in zip(insets[::-1], rises[::-1], strict=True)]
    stations += list(zip(insets, rises, strict=True))
    rings = []
    for inset, height in stations:
        flat = make_rectangle(half_x - inset, half_z - inset, max(radius - inset, 1e-4))
        rings.append(np.insert(flat, 1, height, axis=1))
    return skin(np.array(rings), colour)


def sweep(path: np.ndarray, cross_section: np.ndarray, colour: np.ndarray, *, part: int) -> Mesh:
    """Carry a cross section along a path in the plane z = 0.

    Args:
        path: (P, 2) of x, y.
        cross_section: (N, 2): first across the path within the plane, then along z.
        colour: (3,) RGB.
        part: part of all faces.
    """
    tangents = np.gradient(path, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    normals = np.stack([-tangents[:, 1], tangents[:, 0]], axis=1)
    flat = path[:, None] + normals[:, None] * cross_section[None, :, :1]
    depth = np.broadcast_to(cross_section[None, :, 1:], (*flat.shape[:2], 1))
    return skin(np.concatenate([flat, depth], axis=-1), colour, part=part)


def turn_y_to_x(mesh: Mesh) -> Mesh:
    """Turn a mesh about z so that what pointed along +y points along +x."""
    x, y, z = mesh.vertices.T
    return replace(mesh, vertices=np.stack([y, -x, z], axis=1))


def move(mesh: Mesh, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
    """Shift a mesh."""
    return replace(mesh, vertices=mesh.vertices + np.array([x, y, z]))


def merge(meshes: Sequence[Mesh]) -> Mesh:
    """Join meshes into one; where they overlap, both surfaces stay."""
    offsets = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        faces=np.concatenate([m.faces + np.int32(o) for m, o in zip(meshes, offsets, strict=True)]),
        part=np.concatenate([mesh.part for mesh in meshes]),
        albedo=np.concatenate([mesh.albedo for mesh in meshes]),
    )
