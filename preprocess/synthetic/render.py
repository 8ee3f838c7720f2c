"""Rendering of tabletop scenes by rasterising: colour, depth, instances and coordinate map."""

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
_NOTHING = -1
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
class _Drawable:
    """An object with its vertices (V, 3) and the unit normals (F, 3) of its faces in the world."""

    item: Placement
    vertices: np.ndarray
    normals: np.ndarray


@dataclass(frozen=True, kw_only=True)
class _Canvas:
    """Images (H, W) that objects are drawn into: depth and incidence, and which face is seen."""

    depth: np.ndarray
    incidence: np.ndarray
    owner: np.ndarray
    face: np.ndarray
    brightness: np.ndarray

    @classmethod
    def begin(cls, depth: np.ndarray, incidence: np.ndarray) -> "_Canvas":
        """Return a canvas on which nothing is drawn in front of what these images show."""
        return cls(
            depth=depth,
            incidence=incidence,
            owner=np.full(depth.shape, _NOTHING, np.int8),
            face=np.zeros(depth.shape, np.int32),
            brightness=np.empty_like(depth),
        )


class SceneRenderer:
    """Rendering of one scene from any number of views, on one thread."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._drawables = [_build_drawable(item) for item in scene.objects]
        self._shadow_caster = _build_raycaster(scene)

    def render(self, view: View, intrinsics: Intrinsics) -> Rendering:
        """Render all images of one view."""
        directions = _build_directions(view, intrinsics)
        surface = trace_surroundings(self.scene.surroundings, view.position, directions)
        shape = surface.depth.shape
        canvas = _Canvas.begin(surface.depth, surface.incidence)
        for index, drawable in enumerate(self._drawables):
            _draw(drawable, index, view, intrinsics, canvas)
        instance, handle = np.full(shape, BACKGROUND, np.uint8), np.zeros(shape, bool)
        coordinates = np.zeros((*shape, 3), np.uint8)
        for index, drawable in enumerate(self._drawables):
            pixels = np.flatnonzero(canvas.owner == index)
            faces = canvas.face.reshape(-1)[pixels]
            rays = directions.reshape(3, -1)[:, pixels]
            self._paint(surface, pixels, drawable, faces, rays)
            instance.reshape(-1)[pixels] = index + 1
            handle.reshape(-1)[pixels] = drawable.item.model.part[faces] == HANDLE
            points = (rays * surface.depth.reshape(-1)[pixels]).T
            coordinates.reshape(-1, 3)[pixels] = _encode_coordinates(drawable.item, view, points)
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

        An object outside the picture has 0.
        """
        seen = np.bincount(instance.reshape(-1), minlength=BACKGROUND + 1)
        fractions = np.zeros(len(self._drawables))
        for index, drawable in enumerate(self._drawables):
            depth = np.full(instance.shape, np.inf, np.float32)
            canvas = _Canvas.begin(depth, np.empty_like(depth))
            _draw(drawable, index, view, intrinsics, canvas)
            alone = np.count_nonzero(canvas.owner == index)
            fractions[index] = seen[index + 1] / alone if alone else 0.0
        return fractions

    def _paint(
        self,
        surface: Surface,
        pixels: np.ndarray,
        drawable: _Drawable,
        faces: np.ndarray,
        rays: np.ndarray,
    ) -> None:
        """Put an object's colour and its attitude to the lamp into `surface`."""
        normals = drawable.normals[faces]
        away = np.einsum("nc,cn->n", normals, rays) > 0
        normals[away] *= -1
        light = self.scene.surroundings.light.astype(np.float32)
        surface.facing.reshape(-1)[pixels] = np.maximum(normals @ light, 0)
        surface.upward.reshape(-1)[pixels] = normals[:, 1]
        surface.albedo.reshape(-1, 3)[pixels] = drawable.item.model.albedo[faces]

    def _shade(self, view: View, directions: np.ndarray, surface: Surface) -> np.ndarray:
        """Return Lambertian colours (H, W, 3) uint8 with the lamp's shadows."""
        from preprocess.synthetic.surroundings_kernels import shade

        lit = self._compute_lit(view, directions, surface)
        colour = np.empty_like(surface.albedo)
        ambient = self.scene.surroundings.ambient
        shade(surface.albedo, surface.facing, surface.upward, lit, ambient, _BRIGHTNESS, colour)
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
        rays = open3d.core.Tensor.from_numpy(towards)
        blocked = self._shadow_caster.test_occlusions(rays, nthreads=1).numpy()
        height, width = surface.depth.shape
        lit: np.ndarray = cv2.resize(1.0 - blocked.astype(np.float32), (width, height))
        return lit


def _build_drawable(item: Placement) -> _Drawable:
    vertices = compute_world_vertices(item)
    corners = vertices[item.model.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    return _Drawable(item=item, vertices=vertices, normals=normals.astype(np.float32))


def _build_raycaster(scene: Scene) -> Any:
    import open3d

    raycaster = open3d.t.geometry.RaycastingScene(nthreads=1)
    for item in scene.objects:
        raycaster.add_triangles(
            open3d.core.Tensor.from_numpy(compute_world_vertices(item).astype(np.float32)),
            open3d.core.Tensor.from_numpy(item.model.faces.astype(np.uint32)),
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


def _draw(
    drawable: _Drawable, index: int, view: View, intrinsics: Intrinsics, canvas: _Canvas
) -> None:
    """Draw one object wherever it is nearest; both sides of its faces, as meshes may be open."""
    from preprocess.synthetic.raster import draw_mesh

    vertices = (drawable.vertices - view.position) @ view.rotation.T
    faces = drawable.item.model.faces
    camera = np.array([intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy])
    brightness = np.zeros(len(faces), np.float32)
    for side in (faces, faces[:, ::-1]):
        draw_mesh(
            vertices,
            np.ascontiguousarray(side),
            brightness,
            camera,
            index,
            canvas.depth,
            canvas.owner,
            canvas.face,
            canvas.incidence,
            canvas.brightness,
        )


def _encode_coordinates(item: Placement, view: View, points: np.ndarray) -> np.ndarray:
    """Return the coordinate map's RGB (N, 3) uint8 of points relative to the camera's position."""
    if item.model.category == 0:
        return np.zeros(points.shape, np.uint8)
    to_unit = (item.rotation / np.linalg.norm(item.model.extents)).astype(np.float32)
    start = (view.position - item.translation).astype(np.float32)
    unit = (points + start) @ to_unit + np.float32(0.5)
    unit[:, 2] = 1 - unit[:, 2]
    encoded: np.ndarray = np.clip(np.rint(unit * 255), 0, 255).astype(np.uint8)
    return encoded
