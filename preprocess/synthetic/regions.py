"""Ray casting of the part of an image around one object, through cached per-object scenes.

Every object keeps its own ray-casting scene in its own frame; rays are carried into that frame, and
the nearest hit of all objects wins. Nothing is built when an object moves, which makes single
objects many times faster to render than whole frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from benchmark.categories import Intrinsics
from preprocess.synthetic.arrangements import Arrangement
from preprocess.synthetic.models import HANDLE, ObjectModel
from preprocess.synthetic.placement import Placement
from preprocess.synthetic.views import View

_MARGIN = 8
_NEAREST = 0.05
_WALL_INCIDENCE = 0.9
BACKGROUND = -1


class Box(NamedTuple):
    """Pixels of an image, upper ends excluded."""

    y1: int
    x1: int
    y2: int
    x2: int


@dataclass(frozen=True, kw_only=True)
class CastModel:
    """A model ready to be hit by rays.

    Attributes:
        model: the object.
        scene: open3d ray-casting scene in the object frame.
        luma: (F,) float32 brightness of each face, 0 to 255.
    """

    model: ObjectModel
    scene: Any
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


def build_cast_model(model: ObjectModel) -> CastModel:
    """Build the ray-casting scene of one model, on one thread."""
    import open3d

    scene = open3d.t.geometry.RaycastingScene(nthreads=1)
    scene.add_triangles(
        open3d.core.Tensor(model.vertices.astype(np.float32)),
        open3d.core.Tensor(model.faces.astype(np.uint32)),
    )
    luma = (model.albedo @ np.array([0.299, 0.587, 0.114])).astype(np.float32)
    return CastModel(model=model, scene=scene, luma=luma)


def render_region(
    arrangement: Arrangement,
    casters: Sequence[CastModel],
    backdrop: Backdrop,
    intrinsics: Intrinsics,
) -> Region | None:
    """Render the pixels around the target; None where it lies outside the image.

    Args:
        arrangement: target, neighbours and camera.
        casters: one for each placement.
        backdrop: support and wall.
        intrinsics: the camera's.
    """
    view = arrangement.view
    bounds = [_bound_projection(item, view, intrinsics) for item in arrangement.placements]
    box = _widen(bounds[0], _MARGIN, intrinsics)
    if not _is_filled(bounds[0]):
        return None
    rays = _build_rays(box, intrinsics)
    lengths = np.sqrt(rays[..., 0] ** 2 + rays[..., 1] ** 2 + 1)
    region = _render_backdrop(box, rays, lengths, arrangement, backdrop)
    for row, (placement, caster) in enumerate(zip(arrangement.placements, casters, strict=True)):
        own = _intersect(box, bounds[row])
        if _is_filled(own):
            _draw(
                region,
                row,
                own,
                rays,
                lengths,
                view.transform(placement.rotation, placement.translation),
                caster,
            )
    return region


def _bound_projection(placement: Placement, view: View, intrinsics: Intrinsics) -> Box:
    """Return the pixels that enclose an object's projection and lie within the image."""
    pose = view.transform(placement.rotation, placement.translation)
    x, y, z = pose[:3, :3] @ placement.model.vertices.T + pose[:3, 3:]
    z = np.maximum(z, _NEAREST)
    u, v = intrinsics.fx * x / z + intrinsics.cx, intrinsics.fy * y / z + intrinsics.cy
    return Box(
        max(int(v.min()), 0),
        max(int(u.min()), 0),
        min(int(v.max()) + 2, intrinsics.height),
        min(int(u.max()) + 2, intrinsics.width),
    )


def _widen(box: Box, margin: int, intrinsics: Intrinsics) -> Box:
    whole = Box(0, 0, intrinsics.height, intrinsics.width)
    return _intersect(
        whole, Box(box.y1 - margin, box.x1 - margin, box.y2 + margin, box.x2 + margin)
    )


def _intersect(a: Box, b: Box) -> Box:
    return Box(max(a.y1, b.y1), max(a.x1, b.x1), min(a.y2, b.y2), min(a.x2, b.x2))


def _is_filled(box: Box) -> bool:
    return box.y2 > box.y1 and box.x2 > box.x1


def _build_rays(box: Box, intrinsics: Intrinsics) -> np.ndarray:
    """Return directions (h, w, 3) float32 in the camera frame with z = 1, so that t is depth."""
    rays = np.ones((box.y2 - box.y1, box.x2 - box.x1, 3), dtype=np.float32)
    rays[..., 0] = (np.arange(box.x1, box.x2) - intrinsics.cx) / intrinsics.fx
    rays[..., 1] = ((np.arange(box.y1, box.y2) - intrinsics.cy) / intrinsics.fy)[:, None]
    return rays


def _render_backdrop(
    box: Box, rays: np.ndarray, lengths: np.ndarray, arrangement: Arrangement, backdrop: Backdrop
) -> Region:
    """Return the region without objects."""
    target, view = arrangement.placements[0], arrangement.view
    east, up, south = np.moveaxis(rays @ view.rotation.astype(np.float32), -1, 0)
    sink = np.minimum(up, np.float32(-1e-3))
    depth = np.float32(-view.position[1]) / sink
    x, _, z = (view.position - target.translation).astype(np.float32)
    off_support = (depth * east + x) ** 2 + (depth * south + z) ** 2 > backdrop.reach**2
    incidence = -sink / lengths
    depth[off_support] = backdrop.wall
    incidence[off_support] = _WALL_INCIDENCE
    return Region(
        box=box,
        depth=depth,
        owner=np.full(depth.shape, BACKGROUND, dtype=np.int8),
        incidence=incidence,
        luma=np.full(depth.shape, backdrop.luma, dtype=np.float32),
        handle=np.zeros(depth.shape, dtype=bool),
        alone=np.zeros(depth.shape, dtype=bool),
    )


def _draw(
    region: Region,
    row: int,
    own: Box,
    rays: np.ndarray,
    lengths: np.ndarray,
    pose: np.ndarray,
    caster: CastModel,
) -> None:
    """Draw one object into the part `own` of the region wherever it is nearest."""
    import open3d

    top, left, height, width = (
        own.y1 - region.box.y1,
        own.x1 - region.box.x1,
        own.y2 - own.y1,
        own.x2 - own.x1,
    )
    part = np.s_[top : top + height, left : left + width]
    local = np.empty((height * width, 6), dtype=np.float32)
    local[:, :3] = -pose[:3, 3] @ pose[:3, :3]
    np.matmul(rays[part].reshape(-1, 3), pose[:3, :3].astype(np.float32), out=local[:, 3:])
    hits = caster.scene.cast_rays(open3d.core.Tensor(local), nthreads=1)
    depth = hits["t_hit"].numpy()
    if row == 0:
        region.alone[part] = np.isfinite(depth).reshape(height, width)
    nearest = np.flatnonzero(depth < region.depth[part].reshape(-1))
    face = hits["primitive_ids"].numpy()[nearest]
    normals = hits["primitive_normals"].numpy()[nearest]
    along = np.abs(np.einsum("nc,nc->n", normals, local[nearest, 3:]))
    pixels = (nearest // width + top) * region.depth.shape[1] + nearest % width + left
    region.depth.reshape(-1)[pixels] = depth[nearest]
    region.owner.reshape(-1)[pixels] = row
    region.incidence.reshape(-1)[pixels] = along / lengths.reshape(-1)[pixels]
    region.luma.reshape(-1)[pixels] = caster.luma[face]
    region.handle.reshape(-1)[pixels] = (row == 0) & (caster.model.part[face] == HANDLE)
