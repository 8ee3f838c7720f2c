"""What may make an object hard: properties of annotated objects that a run can be sliced by."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmark.categories import CATEGORY_NAMES, get_category
from benchmark.errors import UnknownNameError
from benchmark.geometry.boxes import compute_corners
from benchmark.predictions import Predictions

_WELL_VISIBLE = 95
_FACES = ((0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5))


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """A property by which objects fall into slices.

    Attributes:
        name: on the command line.
        meaning: one sentence for the reader of a table.
        slices: names of the slices, in order.
        assign: gives the slice (objects,) of every annotated object, -1 for none, from the
            predictions and the row of the detection (objects,) that is matched to it, or -1.
    """

    name: str
    meaning: str
    slices: tuple[str, ...]
    assign: Callable[[Predictions, np.ndarray], np.ndarray]


def _bin(values: np.ndarray, edges: tuple[float, ...]) -> np.ndarray:
    """Return how many edges each value reaches, -1 where it is NaN."""
    return np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right"))


def estimate_visibility(predictions: Predictions) -> np.ndarray:
    """Estimate how much of each object (n,) is visible, 0 to 1; NaN where its mask is unknown.

    Masks do not say what is hidden. So the mask's pixels are divided by the area of the object's
    projected box, and that share by its 95th percentile in the category, which stands for a fully
    visible object.
    """
    truths = predictions.ground_truth
    share = truths.visible_pixels / compute_projected_area(predictions)
    share[truths.visible_pixels < 0] = np.nan
    for category in np.unique(truths.category):
        mine = truths.category == category
        if not np.isnan(share[mine]).all():
            share[mine] /= np.nanpercentile(share[mine], _WELL_VISIBLE)
    return np.asarray(np.minimum(share, 1.0))


def compute_projected_area(predictions: Predictions) -> np.ndarray:
    """Return the area (n,) in pixels of each object's box in the image; NaN behind the camera.

    Every point of the outline lies in front of one face and behind another, so that the area is
    half the sum of the six faces'.
    """
    truths = predictions.ground_truth
    fx, fy, cx, cy = predictions.frames.intrinsics[truths.frame].T[:, :, None]
    corners = compute_corners(truths.transform, truths.extents)
    x, y, z = np.moveaxis(corners, -1, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        u, v = fx * x / z + cx, fy * y / z + cy
    faces = np.array(_FACES)
    u, v = u[:, faces], v[:, faces]
    area = np.abs((u * np.roll(v, -1, axis=2) - np.roll(u, -1, axis=2) * v).sum(axis=2)) / 2
    return np.where((z > 0).all(axis=1), area.sum(axis=1) / 2, np.nan)


def _assign_category(predictions: Predictions, _: np.ndarray) -> np.ndarray:
    return predictions.ground_truth.category.astype(int) - 1


def _assign_visibility(predictions: Predictions, _: np.ndarray) -> np.ndarray:
    return _bin(estimate_visibility(predictions), (0.4, 0.7))


def _assign_distance(predictions: Predictions, _: np.ndarray) -> np.ndarray:
    centre = predictions.ground_truth.transform[:, :3, 3]
    return _bin(np.linalg.norm(centre, axis=1), (0.6, 0.8, 1.0))


def _assign_handle(predictions: Predictions, _: np.ndarray) -> np.ndarray:
    truths = predictions.ground_truth
    return np.where(truths.category == get_category("mug").id, truths.handle_visible, -1)


def _assign_holes(predictions: Predictions, detection: np.ndarray) -> np.ndarray:
    found = predictions.detections
    share = np.full(len(detection), np.nan)
    if found.mask_pixels is not None and found.depth_pixels is not None:
        matched = detection >= 0
        pixels = np.maximum(found.mask_pixels[detection[matched]], 1)
        share[matched] = 1 - found.depth_pixels[detection[matched]] / pixels
    return _bin(share, (0.1, 0.3))


ATTRIBUTES: tuple[Attribute, ...] = (
    Attribute(
        name="category",
        meaning="class of the object",
        slices=CATEGORY_NAMES,
        assign=_assign_category,
    ),
    Attribute(
        name="visibility",
        meaning="mask pixels by area of the projected box, relative to the category's "
        "95th percentile: an estimate of the visible share",
        slices=("below 40 %", "40 to 70 %", "above 70 %"),
        assign=_assign_visibility,
    ),
    Attribute(
        name="distance",
        meaning="from the camera to the object's centre",
        slices=("below 0.6 m", "0.6 to 0.8 m", "0.8 to 1 m", "above 1 m"),
        assign=_assign_distance,
    ),
    Attribute(
        name="handle",
        meaning="mugs alone: whether the handle is visible, as the labels say",
        slices=("hidden", "visible"),
        assign=_assign_handle,
    ),
    Attribute(
        name="holes",
        meaning="pixels without depth in the mask of the matched detection; missed objects, and "
        "runs over shards that do not count them (prepare anew), are in no slice",
        slices=("below 10 %", "10 to 30 %", "above 30 %"),
        assign=_assign_holes,
    ),
)


def get_attribute(name: str) -> Attribute:
    """Return the attribute of this name.

    Raises:
        UnknownNameError: there is none; the message suggests the nearest.
    """
    for attribute in ATTRIBUTES:
        if attribute.name == name:
            return attribute
    raise UnknownNameError.suggest("attribute", name, [item.name for item in ATTRIBUTES])
