"""One training object: a model in view, the sensor, a detector's mask, and the cloud cut out."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from benchmark.categories import CAMERA_INTRINSICS, REAL_INTRINSICS, Intrinsics
from preprocess.clouds import compute_mask_box
from preprocess.crops import Window, compute_window, sample_cloud
from preprocess.mugs import compute_mug_axis
from preprocess.synthetic.arrangements import Arrangement, sample_arrangement
from preprocess.synthetic.detector import DetectorModel, degrade_mask
from preprocess.synthetic.models import (
    MUG,
    ModelSplit,
    ObjectModel,
    is_handle_visible,
    make_model,
)
from preprocess.synthetic.placement import Source
from preprocess.synthetic.regions import (
    Backdrop,
    Box,
    Drawable,
    Region,
    prepare_drawing,
    render_region,
)
from preprocess.synthetic.sensor import quantise_depth, simulate_depth

_MIN_PIXELS = 64
_MIN_VISIBLE = 0.25
_DETECTOR = DetectorModel(leak=0.2)
_DETECTOR_SHARE = 0.7
_CACHED_MODELS = 512


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """The instances that samples draw from.

    Attributes:
        split: random stream of the instances.
        seed: seed of the data set.
        indices: instance numbers, the same for every category.
    """

    split: ModelSplit
    seed: int
    indices: tuple[int, ...]

    def draw(self, category: int, rng: np.random.Generator) -> Drawable:
        """Draw an instance of a category (0 for a distractor)."""
        index = self.indices[rng.integers(len(self.indices))]
        return _build_instance(category, self.split, index, self.seed)


@lru_cache(maxsize=_CACHED_MODELS)
def _build_instance(category: int, split: ModelSplit, index: int, seed: int) -> Drawable:
    return prepare_drawing(make_model(category, split, index, seed))


@dataclass(frozen=True, kw_only=True)
class TrainingObject:
    """One sample; fields as in `benchmark.records.GroundTruth` and `benchmark.shards.Objects`."""

    points: np.ndarray
    category: int
    instance: str
    transform: np.ndarray
    extents: np.ndarray
    bbox: np.ndarray
    handle_visible: bool
    visible_pixels: int
    valid_pixels: int


def make_training_object(
    category: int, catalogue: Catalogue, source: Source, rng: np.random.Generator
) -> TrainingObject:
    """Draw samples of a category until one shows enough of its object."""
    intrinsics = get_intrinsics(source)
    while True:
        sample = _try_training_object(category, catalogue, source, intrinsics, rng)
        if sample is not None:
            return sample


def get_intrinsics(source: Source) -> Intrinsics:
    """Return the camera of a half of the data set."""
    return REAL_INTRINSICS if source == "real" else CAMERA_INTRINSICS


def _try_training_object(
    category: int,
    catalogue: Catalogue,
    source: Source,
    intrinsics: Intrinsics,
    rng: np.random.Generator,
) -> TrainingObject | None:
    """Return a sample, or None where its object is hidden, or too few pixels are measured."""
    target = catalogue.draw(category, rng)
    drawables = [target]

    def draw_neighbour(stream: np.random.Generator) -> ObjectModel:
        drawables.append(catalogue.draw(int(stream.integers(0, 7)), stream))
        return drawables[-1].model

    arrangement = sample_arrangement(target.model, draw_neighbour, source, intrinsics, rng)
    region = render_region(arrangement, drawables, _sample_backdrop(rng), intrinsics)
    if region is None or not _is_seen(region):
        return None
    visible = region.owner == 0
    depth_mm = measure_depth(region, source, rng)
    bbox, mask = _detect(visible, rng)
    if np.count_nonzero(mask & (depth_mm > 0)) < _MIN_PIXELS:
        return None
    window = compute_window(_to_frame(bbox, region.box))
    cloud = sample_cloud(depth_mm, mask, *_shift_origin(window, intrinsics, region.box), rng)
    if cloud.valid_pixels < _MIN_PIXELS:
        return None
    transform, extents = compute_ground_truth(arrangement)
    handle_pixels = int(np.count_nonzero(region.handle & visible))
    seen = int(np.count_nonzero(visible))
    return TrainingObject(
        points=cloud.points,
        category=category,
        instance=target.model.name,
        transform=transform,
        extents=extents,
        bbox=_to_frame(compute_mask_box(visible), region.box),
        handle_visible=category != MUG or is_handle_visible(handle_pixels, seen),
        visible_pixels=seen,
        valid_pixels=cloud.valid_pixels,
    )


def _sample_backdrop(rng: np.random.Generator) -> Backdrop:
    return Backdrop(
        reach=rng.uniform(0.25, 1.2), wall=rng.uniform(1.8, 4.0), luma=rng.uniform(40, 230)
    )


def _is_seen(region: Region) -> bool:
    seen = np.count_nonzero(region.owner == 0)
    return bool(seen >= max(_MIN_PIXELS, _MIN_VISIBLE * np.count_nonzero(region.alone)))


def measure_depth(region: Region, source: Source, rng: np.random.Generator) -> np.ndarray:
    """Return depth (h, w) uint16 in millimetres: through the sensor in Real, clean in CAMERA."""
    if source == "camera":
        return quantise_depth(region.depth)
    return simulate_depth(region.depth, region.incidence, region.luma, rng)


def _detect(visible: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the box (4,) and mask (h, w) to cut with: mostly a detector's, else the true ones."""
    if rng.random() < _DETECTOR_SHARE:
        return degrade_mask(visible, _DETECTOR, rng)
    return compute_mask_box(visible), visible


def _to_frame(bbox: np.ndarray, box: Box) -> np.ndarray:
    """Return a box (4,) of a region as one of the whole frame."""
    return bbox + np.array([box.y1, box.x1, box.y1, box.x1], dtype=np.int32)


def _shift_origin(window: Window, intrinsics: Intrinsics, box: Box) -> tuple[Window, Intrinsics]:
    """Return a window and intrinsics relative to the upper left pixel of a part of the frame."""
    moved = Window(
        window.rmin - box.y1, window.rmax - box.y1, window.cmin - box.x1, window.cmax - box.x1
    )
    return moved, replace(intrinsics, cx=intrinsics.cx - box.x1, cy=intrinsics.cy - box.y1)


def compute_ground_truth(arrangement: Arrangement) -> tuple[np.ndarray, np.ndarray]:
    """Return the target's similarity transform (4, 4) and extents (3,), mugs about their axis."""
    target = arrangement.placements[0]
    pose = arrangement.view.transform(target.rotation, target.translation)
    size = target.model.extents
    if target.model.category == MUG:
        axis_x = compute_mug_axis(target.model.vertices, target.model.faces)
        pose[:3, 3] += pose[:3, 0] * axis_x
        size = size + np.array([2 * abs(axis_x), 0.0, 0.0])
    scale = float(np.linalg.norm(size))
    pose[:3, :3] *= scale
    return pose, size / scale
