"""Rendering of tabletop scenes by ray casting: colour, depth, instances and coordinate map."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.categories import Intrinsics
from preprocess.synthetic.models import HANDLE
from preprocess.synthetic.placement import Placement
from preprocess.synthetic.scenes import Scene, compute_world_vertices
from preprocess.synthetic.surroundings import Surface, trace_surroundings
from preprocess.synthetic.views import View

BACKGROUND = 255
_SHADOW_LIFT = 1e-3
_BRIGHTNESS = 1.15
_SPARSE = 2


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """One picture of a scene, without any sensor noise.

    Attributes:
        colour: (H, W, 3) uint8 RGB.
        depth: (H, W) float32 metres along the optical axis.
        instance: (H, W) uint8 instance id, 255 where no object is.
        coordinates: (H, W, 3) uint8 RGB as in `_coord.png`: x, y and the mirrored z of the point in
            its object's unit-diagonal cube; 0 outside the six categories' objects.
        handle: (H, W) bool, pixels of handle parts.
        incidence: (H, W) float32 cosine between the surface normal and the ray, 0 to 1.
        albedo: (H, W, 3) uint8 RGB of the surface itself.
    """

    colour: np.ndarray
    depth: np.ndarray
    instance: np.ndarray
    coordinates: np.ndarray
    handle: np.ndarray
    incidence: np.ndarray
    albedo: np.ndarray


@dataclass(frozen=True, kw_only=True)
class _Hits:
    """The N pixels on objects: flat index, index of the object, face in the joined face tables,
    depth, ray direction and unit normal facing the camera (N, 3)."""

    pixels: np.ndarray
    objects: np.ndarray
    faces: np.ndarray
    depth: np.ndarray
    directions: np.ndarray
    normals: np.ndarray


class SceneRenderer:
    """Ray casting of one scene from any number of views, on one thread."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        models = [item.model for item in scene.objects]
        self._single = [_build_raycaster([item]) for item in scene.objects]
        self._together = _build_raycaster(scene.objects)
        self._first_face = np.cumsum([0, *(len(model.faces) for model in models[:-1])])
        self._albedo = np.concatenate([model.albedo for model in models])
        self._is_handle = np.concatenate([model.part == HANDLE for model in models])

    def render(self, view: View, intrinsics: Intrinsics) -> Rendering:
        """Render all images of one view."""
        directions = _build_directions(view, intrinsics)
        surface = trace_surroundings(self.scene.surroundings, view.position, directions)
        hits = self._cast_objects(view, intrinsics, directions)
        self._cover(surface, hits)
        shape = surface.depth.shape
        instance, handle = np.full(shape, BACKGROUND, np.uint8), np.zeros(shape, bool)
        coordinates = np.zeros((*shape, 3), np.uint8)
        instance.reshape(-1)[hits.pixels] = hits.objects + 1
        handle.reshape(-1)[hits.pixels] = self._is_handle[hits.faces]
        coordinates.reshape(-1, 3)[hits.pixels] = self._encode_coordinates(view, hits)
        return Rendering(
            colour=self._shade(view, directions, surface),
            depth=surface.depth,
            instance=instance,
            coordinates=coordinates,
            handle=handle,
            incidence=surface.incidence,
            albedo=surface.albedo,
        )

    def compute_visible_fractions(
        self, view: View, intrinsics: Intrinsics, instance: np.ndarray
    ) -> np.ndarray:
        """Return which fraction of each object's pixels no other object hides, (objects,).

        Both counts are taken on every second row and column; an object outside the picture has 0.
        """
        directions = _build_directions(view, intrinsics)[:, ::_SPARSE, ::_SPARSE]
        sparse = instance[::_SPARSE, ::_SPARSE]
        seen = np.bincount(sparse.reshape(-1), minlength=BACKGROUND + 1)
        fractions = np.zeros(len(self.scene.objects))
        for index, item in enumerate(self.scene.objects):
            rows, columns = _bound_projection([item], view, intrinsics, _SPARSE)
            hit = _cast(self._single[index], view.position, directions[:, rows, columns])
            alone = np.count_nonzero(np.isfinite(hit["t_hit"]))
            fractions[index] = seen[index + 1] / alone if alone else 0.0
        return fractions

    def _cast_objects(self, view: View, intrinsics: Intrinsics, directions: np.ndarray) -> _Hits:
        """Return the pixels on objects; only their part of the image is cast."""
        rows, columns = _bound_projection(self.scene.objects, view, intrinsics, 1)
        window = directions[:, rows, columns]
        found = _cast(self._together, view.position, window)
        inside = np.flatnonzero(np.isfinite(found["t_hit"]))
        objects = found["geometry_ids"].reshape(-1)[inside]
        row, column = np.divmod(inside, window.shape[2])
        rays = window.reshape(3, -1)[:, inside].T
        normals = found["primitive_normals"].reshape(-1, 3)[inside]
        away = np.einsum("nc,nc->n", normals, rays) > 0
        return _Hits(
            pixels=(row + rows.start) * intrinsics.width + column + columns.start,
            objects=objects.astype(np.intp),
            faces=self._first_face[objects] + found["primitive_ids"].reshape(-1)[inside],
            depth=found["t_hit"].reshape(-1)[inside],
            directions=rays,
            normals=np.where(away[:, None], -normals, normals),
        )

    def _cover(self, surface: Surface, hits: _Hits) -> None:
        """Put the objects into `surface`, in front of what is around them."""
        light = self.scene.surroundings.light.astype(np.float32)
        along = np.abs(np.einsum("nc,nc->n", hits.normals, hits.directions))
        length = np.sqrt(np.einsum("nc,nc->n", hits.directions, hits.directions))
        surface.depth.reshape(-1)[hits.pixels] = hits.depth
        surface.facing.reshape(-1)[hits.pixels] = np.maximum(hits.normals @ light, 0.0)
        surface.upward.reshape(-1)[hits.pixels] = hits.normals[:, 1]
        surface.incidence.reshape(-1)[hits.pixels] = np.minimum(along / length, 1.0)
        surface.albedo.reshape(-1, 3)[hits.pixels] = self._albedo[hits.faces]

    def _encode_coordinates(self, view: View, hits: _Hits) -> np.ndarray:
        """Return the coordinate map's RGB (N, 3) uint8; distractors have none."""
        encoded = np.zeros((len(hits.pixels), 3), np.uint8)
        for index, item in enumerate(self.scene.objects):
            if item.model.category == 0:
                continue
            rows = np.flatnonzero(hits.objects == index)
            away = hits.depth[rows, None] * hits.directions[rows]
            local = (away + (view.position - item.translation)) @ item.rotation
            unit = local / np.linalg.norm(item.model.extents) + 0.5
            unit[:, 2] = 1.0 - unit[:, 2]
            encoded[rows] = np.clip(np.rint(unit * 255.0), 0, 255)
        return encoded

    def _shade(self, view: View, directions: np.ndarray, surface: Surface) -> np.ndarray:
        """Return Lambertian colours (H, W, 3) uint8 with the lamp's shadows."""
        from preprocess.synthetic.surroundings_kernels import shade

        lit = self._compute_lit(view, directions, surface)
        colour = np.empty_like(surface.albedo)
        ambient = self.scene.surroundings.ambient
        shade(
            surface.albedo, surface.facing, surface.upward, lit, ambient, _BRIGHTNESS, colour
        )
        return colour

    def _compute_lit(self, view: View, directions: np.ndarray, surface: Surface) -> np.ndarray:
        """Return the share of the lamp's light (H, W) that no object blocks.

        It is found on every second row and column and interpolated, which also softens shadows.
        """
        import cv2
        import open3d

        light = self.scene.surroundings.light
        away = surface.depth[::_SPARSE, ::_SPARSE] * directions[:, ::_SPARSE, ::_SPARSE]
        towards = np.empty((*away.shape[1:], 6), np.float32)
        towards[..., :3] = np.moveaxis(away, 0, -1) + (view.position + _SHADOW_LIFT * light)
        towards[..., 3:] = light
        blocked = self._together.test_occlusions(open3d.core.Tensor(towards), nthreads=1).numpy()
        height, width = surface.depth.shape
        lit: np.ndarray = cv2.resize(1.0 - blocked.astype(np.float32), (width, height))
        return lit


def _build_raycaster(objects: Sequence[Placement]) -> Any:
    import open3d

    raycaster = open3d.t.geometry.RaycastingScene(nthreads=1)
    for item in objects:
        raycaster.add_triangles(
            open3d.core.Tensor(compute_world_vertices(item).astype(np.float32)),
            open3d.core.Tensor(item.model.faces.astype(np.uint32)),
        )
    return raycaster


def _build_directions(view: View, intrinsics: Intrinsics) -> np.ndarray:
    """Return the world directions (3, H, W) float32 of all pixels' rays, of unit depth.

    The parameter of a point along such a ray is the point's depth.
    """
    columns = (np.arange(intrinsics.width) - intrinsics.cx) / intrinsics.fx
    rows = (np.arange(intrinsics.height) - intrinsics.cy) / intrinsics.fy
    right, down, forward = view.rotation
    along_row = (right[:, None] * columns).astype(np.float32)
    along_column = (down[:, None] * rows + forward[:, None]).astype(np.float32)
    directions: np.ndarray = along_row[:, None, :] + along_column[:, :, None]
    return directions


def _cast(raycaster: Any, position: np.ndarray, directions: np.ndarray) -> dict[str, np.ndarray]:
    """Return what the rays from `position` along `directions` (3, H, W) hit first."""
    import open3d

    rays = np.empty((*directions.shape[1:], 6), np.float32)
    if not rays.size:
        nothing = np.zeros(0, np.uint32)
        return {
            "t_hit": np.zeros(0, np.float32),
            "geometry_ids": nothing,
            "primitive_ids": nothing,
            "primitive_normals": np.zeros((0, 3), np.float32),
        }
    rays[..., :3] = position
    rays[..., 3:] = np.moveaxis(directions, 0, -1)
    hits = raycaster.cast_rays(open3d.core.Tensor(rays), nthreads=1)
    return {name: values.numpy() for name, values in hits.items()}


def _bound_projection(
    objects: Sequence[Placement], view: View, intrinsics: Intrinsics, step: int
) -> tuple[slice, slice]:
    """Return the rows and columns, in units of `step` pixels, that enclose what objects project to."""
    vertices = np.concatenate([compute_world_vertices(item) for item in objects])
    points = (vertices - view.position) @ view.rotation.T
    depth = np.maximum(points[:, 2], 0.05)
    u = (intrinsics.fx * points[:, 0] / depth + intrinsics.cx) / step
    v = (intrinsics.fy * points[:, 1] / depth + intrinsics.cy) / step
    u, v = np.clip(u, -1, intrinsics.width), np.clip(v, -1, intrinsics.height)
    rows = slice(max(int(v.min()), 0), max(int(v.max()) + 2, 0))
    return rows, slice(max(int(u.min()), 0), max(int(u.max()) + 2, 0))
