"""Frames of CAMERA train and Real train into rows: one cloud an annotated object.

Clouds are cut as GenPose does in training: a window jittered about the object, a mask whose border
is now and then too wide or too narrow, so that the clouds look like a detector's.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.categories import Intrinsics
from benchmark.inference import compute_seeds
from benchmark.shards import Objects
from preprocess.clouds import NO_OBJECT, CloudOptions, build_frame
from preprocess.crops import SampledCloud, Window, sample_cloud
from preprocess.frame_tables import FrameTables, QuarantineRow, Rejected, build_quarantine
from preprocess.frames import NocsFrame
from preprocess.instances import FrameImages, VisibleInstance
from preprocess.label_fitting import derive_labels
from preprocess.labels import MugHandles, build_ground_truth
from preprocess.model_files import ModelFiles

MIN_TRAINING_POINTS = 50

_PADDING = 1.5
_JITTER = 0.25
_BORDER_SHARE = 0.5
_BORDER_PX = 3


@dataclass(frozen=True, kw_only=True)
class TrainingReader:
    """Reads frames whose objects are annotated by mask and coordinate map.

    Attributes:
        models: of the same data root.
        handles: of the same data root.
        recentre_mugs: move the origin of mugs to the axis of their body.
        clouds: how clouds are drawn.
    """

    models: ModelFiles
    handles: MugHandles
    recentre_mugs: bool
    clouds: CloudOptions

    def list_files(self, frame: NocsFrame) -> dict[str, list[Path]]:
        """Return the files that the frame's rows depend on, by fingerprint."""
        kinds = ("depth.png", "mask.png", "meta.txt")
        return {
            "frames": [frame.get_path(kind) for kind in kinds],
            "labels": [frame.get_path("coord.png")],
        }

    def read(self, frame: NocsFrame) -> FrameTables:
        """Return the frame's ground truth and a cloud for every object of it.

        Raises:
            Rejected: the frame cannot be used.
        """
        labelled = derive_labels(frame, self.models, self.handles, recentre_mugs=self.recentre_mugs)
        if not labelled.images.depth_mm.any():
            raise Rejected("no_depth", f"{frame.get_path('depth.png')}: no pixel has a depth")
        instances = [label.instance for label in labelled.labels]
        objects, too_small = self._cut(frame, labelled.images, instances)
        if not labelled.labels:
            left_out = ", ".join(sorted({row[2] for row in labelled.left_out}))
            raise Rejected("no_usable_object", f"{frame.id}: every object is left out: {left_out}")
        return FrameTables(
            frames=build_frame(
                frame.id,
                f"{frame.part.name}/{frame.scene}",
                frame.number,
                frame.part.intrinsics,
            ),
            ground_truth=build_ground_truth(labelled.labels),
            objects=objects,
            quarantine=build_quarantine(labelled.left_out + too_small),
        )

    def _cut(
        self, frame: NocsFrame, images: FrameImages, instances: list[VisibleInstance]
    ) -> tuple[Objects, list[QuarantineRow]]:
        ids = [instance.meta.id for instance in instances]
        seeds = compute_seeds(self.clouds.seed, [frame.id] * len(ids), ids)
        clouds = [
            draw_training_cloud(images, instance, frame.part.intrinsics, int(seed))
            for instance, seed in zip(instances, seeds, strict=True)
        ]
        kept = [row for row, c in enumerate(clouds) if c.valid_pixels >= MIN_TRAINING_POINTS]
        too_small = [
            (frame.id, ids[row], "too_few_points", f"{cloud.valid_pixels} points in the crop")
            for row, cloud in enumerate(clouds)
            if row not in kept
        ]
        return self._build_objects(clouds, instances, kept), too_small

    def _build_objects(
        self, clouds: list[SampledCloud], instances: list[VisibleInstance], kept: list[int]
    ) -> Objects:
        if not kept:
            return Objects.empty()
        pixels = np.stack([clouds[row].pixels for row in kept]) if self.clouds.pixels else None
        return Objects(
            points=np.stack([clouds[row].points for row in kept]),
            frame=np.zeros(len(kept)),
            detection=np.full(len(kept), NO_OBJECT),
            ground_truth=np.array(kept),
            category=np.array([instances[row].meta.category for row in kept]),
            valid_pixels=np.array([clouds[row].valid_pixels for row in kept]),
            pixels=pixels,
        )


def draw_training_cloud(
    images: FrameImages, instance: VisibleInstance, intrinsics: Intrinsics, seed: int
) -> SampledCloud:
    """Return the cloud of an annotated object, cut with a jittered window and mask."""
    rng = np.random.Generator(np.random.Philox(seed))
    window = jitter_window(instance.bbox, rng)
    mask = jitter_border(images.mask == instance.meta.id, instance.bbox, rng)
    return sample_cloud(images.depth_mm, mask, window, intrinsics, rng)


def jitter_window(bbox: np.ndarray, rng: np.random.Generator) -> Window:
    """Return a square window of 1.5 box sides, give or take a quarter in size and in place.

    It may reach beyond the image.

    Args:
        bbox: (4,) y1, x1, y2, x2.
        rng: draws size and place.
    """
    low, high = bbox[:2].astype(float), bbox[2:].astype(float)
    shift = rng.uniform(-_JITTER, _JITTER, 2) * (high - low)
    side = _PADDING * (high - low).max() * rng.uniform(1 - _JITTER, 1 + _JITTER)
    corner = np.floor((low + high) / 2 + shift - side / 2).astype(int)
    side = max(round(side), 1)
    return Window(int(corner[0]), int(corner[0]) + side, int(corner[1]), int(corner[1]) + side)


def jitter_border(mask: np.ndarray, bbox: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the mask (h, w), half the time grown or shrunk by 1 to 3 pixels.

    Args:
        mask: (h, w) bool.
        bbox: (4,) box of the mask.
        rng: draws whether, which way and how far.
    """
    import cv2

    moved, grow, radius = rng.random() < _BORDER_SHARE, rng.random() < 0.5, int(rng.integers(1, 4))
    if not moved:
        return mask
    y1, x1 = np.maximum(bbox[:2] - _BORDER_PX - 1, 0)
    y2, x2 = bbox[2:] + _BORDER_PX + 1
    part = np.ascontiguousarray(mask[y1:y2, x1:x2], dtype=np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    deformed = np.zeros_like(mask)
    deformed[y1:y2, x1:x2] = cv2.dilate(part, kernel) if grow else cv2.erode(part, kernel)
    return deformed
