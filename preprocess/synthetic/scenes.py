"""Tabletop scenes: which objects stand where, and the path of the camera around them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from preprocess.synthetic.models import ObjectModel
from preprocess.synthetic.placement import Placement, rest_on_plane, sample_resting_rotation
from preprocess.synthetic.surroundings import Surroundings, sample_surroundings
from preprocess.synthetic.views import CameraPath, sample_camera_path

_GAP, _ROUNDING = 0.006, 0.0015
_FIRST_RING, _RING_STEP, _TRIES_PER_RING = 0.04, 0.02, 6


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Objects (the instance id of each is its index + 1), what is around them, a camera path."""

    objects: tuple[Placement, ...]
    surroundings: Surroundings
    path: CameraPath


def make_scene(models: Sequence[ObjectModel], rng: np.random.Generator) -> Scene:
    """Put objects down close together on a table, without contact, and choose a camera path."""
    objects = place_objects(models, rng)
    reach = np.abs(np.concatenate([compute_world_vertices(item)[:, [0, 2]] for item in objects]))
    radius = float(np.linalg.norm(reach, axis=1).max())
    return Scene(
        objects=objects,
        surroundings=sample_surroundings(reach.max(axis=0), rng),
        path=sample_camera_path(radius, rng),
    )


def compute_world_vertices(placement: Placement) -> np.ndarray:
    """Return the vertices (V, 3) of a placed object in the world."""
    vertices: np.ndarray = placement.model.vertices @ placement.rotation.T + placement.translation
    return vertices


def place_objects(models: Sequence[ObjectModel], rng: np.random.Generator) -> tuple[Placement, ...]:
    """Put every model down on the table, large ones first and nearest to the middle.

    Footprints (convex outlines seen from above) never overlap, so objects never penetrate each
    other. The order of the result is that of `models`.
    """
    by_size = np.argsort([-np.linalg.norm(model.extents) for model in models], kind="stable")
    placed: dict[int, Placement] = {}
    footprints: list[np.ndarray] = []
    for index in by_size:
        standing = rest_on_plane(models[index], sample_resting_rotation(models[index], rng))
        footprint = _compute_footprint(compute_world_vertices(standing))
        spot = _find_free_spot(footprint, footprints, rng)
        footprints.append(footprint + spot)
        placed[index] = rest_on_plane(models[index], standing.rotation, *spot.tolist())
    return tuple(placed[index] for index in range(len(models)))


def _compute_footprint(vertices: np.ndarray) -> np.ndarray:
    """Return the convex outline (P, 2) of vertices seen from above, x and z, widened by a gap."""
    import cv2

    hull = cv2.convexHull(vertices[:, [0, 2]].astype(np.float32))
    outline = cv2.approxPolyDP(hull, _ROUNDING, True)[:, 0].astype(np.float64)
    widening = 1.0 + _GAP / 2 / np.linalg.norm(outline, axis=1, keepdims=True)
    return np.asarray(outline * widening)


def _find_free_spot(
    footprint: np.ndarray, others: Sequence[np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """Return the first free place (2,), x and z, of tries that move slowly outwards."""
    tries = 0
    while True:
        radius = _FIRST_RING + _RING_STEP * (tries // _TRIES_PER_RING)
        angle = rng.uniform(0.0, 2 * np.pi)
        spot = radius * np.sqrt(rng.uniform(0.3, 1.0)) * np.array([np.cos(angle), np.sin(angle)])
        if not any(do_outlines_overlap(footprint + spot, other) for other in others):
            return np.asarray(spot)
        tries += 1


def do_outlines_overlap(first: np.ndarray, second: np.ndarray) -> bool:
    """Tell whether two convex polygons (P, 2) and (Q, 2) overlap: no edge of either parts them."""
    low = np.maximum(first.min(axis=0), second.min(axis=0))
    if (low > np.minimum(first.max(axis=0), second.max(axis=0))).any():
        return False  # their bounding boxes are apart already
    edges = np.concatenate([np.roll(first, -1, axis=0) - first, np.roll(second, -1, 0) - second])
    across = np.stack([-edges[:, 1], edges[:, 0]])
    ours, theirs = first @ across, second @ across
    parted = (ours.max(axis=0) < theirs.min(axis=0)) | (theirs.max(axis=0) < ours.min(axis=0))
    return not parted.any()
