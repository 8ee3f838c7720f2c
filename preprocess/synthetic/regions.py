"""Rendering of the part of an image around one object: perfect depth and what the sensor needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from benchmark.categories import Intrinsics
from preprocess.synthetic.arrangements import Arrangement
from preprocess.synthetic.models import HANDLE, ObjectModel
from preprocess.synthetic.placement import Placement
from preprocess.synthetic.raster import NEAREST, draw_mesh, draw_support
from preprocess.synthetic.views import View

BACKGROUND = -1
_MARGIN = 8


class Box(NamedTuple):
    """Pixels of an image, upper ends excluded."""

    y1: int
    x1: int
    y2: int
    x2: int


@dataclass(frozen=True, kw_only=True)
class Drawable:
    """A model with what drawing it again and again needs.

    Attributes:
        model: the object.
        luma: (F,) float32 brightness of each face, 0 to 255.
    """

    model: ObjectModel
    luma: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """What lies behind the objects: the support up to an edge, then a wall.

    Attributes:
        reach: distance from the target at which the support ends, metres.
        wall: depth of the wall, metres.
        luma: brightness of both.
    """

    reach: float
    wall: float
    luma: float


@dataclass(frozen=True, kw_only=True)
class Region:
    """Perfect images of the part `box` of a frame.

    Attributes:
        box: pixels of the frame.
        depth: (h, w) float32 metres.
        owner: (h, w) int8 row of the placement that is seen, BACKGROUND elsewhere.
        incidence: (h, w) float32 cosine between surface normal and line of sight.
        luma: (h, w) float32.
        handle: (h, w) bool, the target's handle.
        alone: (h, w) bool, the target if nothing stood before it.
    """

    box: Box
    depth: np.ndarray
    owner: np.ndarray
    incidence: np.ndarray
    luma: np.ndarray
    handle: np.ndarray
    alone: np.ndarray


def prepare_drawing(model: ObjectModel) -> Drawable:
    """Compute the brightness of a model's faces."""
    luma = (model.albedo @ np.array([0.299, 0.587, 0.114])).astype(np.float32)
    return Drawable(model=model, luma=luma)


def render_region(
    arrangement: Arrangement,
    drawables: Sequence[Drawable],
    backdrop: Backdrop,
    intrinsics: Intrinsics,
) -> Region | None:
    """Render the pixels around the target; None where it lies outside the image.

    Args:
        arrangement: target, neighbours and camera.
        drawables: one for each placement.
        backdrop: support and wall.
        intrinsics: the camera's.
    """
    meshes = [_see(placement, arrangement.view) for placement in arrangement.placements]
    box = _bound_projection(meshes[0], intrinsics)
    if box.y2 <= box.y1 or box.x2 <= box.x1:
        return None
    centre = (intrinsics.cx - box.x1, intrinsics.cy - box.y1)
    camera = np.array([intrinsics.fx, intrinsics.fy, *centre])
    region = _render_backdrop(box, arrangement.view, backdrop, camera)
    for row, (vertices, drawable) in enumerate(zip(meshes, drawables, strict=True)):
        _draw(region, row, vertices, drawable, camera)
    return region


def _see(placement: Placement, view: View) -> np.ndarray:
    """Return the vertices (V, 3) of an object in the camera frame."""
    pose = view.transform(placement.rotation, placement.translation)
    seen: np.ndarray = placement.model.vertices @ pose[:3, :3].T + pose[:3, 3]
    return seen


def _bound_projection(vertices: np.ndarray, intrinsics: Intrinsics) -> Box:
    """Return the pixels within a margin of a projection, and within the image."""
    x, y, z = vertices.T
    z = np.maximum(z, NEAREST)
    u, v = intrinsics.fx * x / z + intrinsics.cx, intrinsics.fy * y / z + intrinsics.cy
    return Box(
        max(int(v.min()) - _MARGIN, 0),
        max(int(u.min()) - _MARGIN, 0),
        min(int(v.max()) + 2 + _MARGIN, intrinsics.height),
        min(int(u.max()) + 2 + _MARGIN, intrinsics.width),
    )


def _render_backdrop(box: Box, view: View, backdrop: Backdrop, camera: np.ndarray) -> Region:
    """Return the region without objects: the support, seen up to its edge, and the wall."""
    shape = (box.y2 - box.y1, box.x2 - box.x1)
    depth, incidence = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.float32)
    draw_support(
        view.position, view.rotation, camera, backdrop.reach, backdrop.wall, depth, incidence
    )
    return Region(
        box=box,
        depth=depth,
        owner=np.full(shape, BACKGROUND, dtype=np.int8),
        incidence=incidence,
        luma=np.full(shape, backdrop.luma, dtype=np.float32),
        handle=np.zeros(shape, dtype=bool),
        alone=np.zeros(shape, dtype=bool),
    )


def _draw(
    region: Region, row: int, vertices: np.ndarray, drawable: Drawable, camera: np.ndarray
) -> None:
    """Draw one object of the arrangement into the region, in place."""
    face_seen = np.zeros(region.depth.shape, dtype=np.int32)
    draw_mesh(
        vertices,
        drawable.model.faces,
        drawable.luma,
        camera,
        row,
        region.depth,
        region.owner,
        face_seen,
        region.incidence,
        region.luma,
    )
    if row == 0:
        region.alone[...] = region.owner == 0
        region.handle[...] = region.alone & (drawable.model.part == HANDLE)[face_seen]
