"""Frames of CAMERA val and Real test into rows: detections, their clouds, and the ground truth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from benchmark.geometry.boxes import compute_image_iou
from benchmark.records import Detections, GroundTruth
from benchmark.shards import Objects
from preprocess.annotations import get_annotation_path, read_labelled_frame, read_spd_label
from preprocess.clouds import NO_OBJECT, CloudOptions, build_detections, build_frame, cut_clouds
from preprocess.detection_sources import DetectionSource
from preprocess.frame_tables import (
    FrameTables,
    QuarantineRow,
    Rejected,
    build_quarantine,
    rejecting,
)
from preprocess.frames import NocsFrame
from preprocess.instances import FrameImages, read_frame
from preprocess.labels import build_ground_truth
from preprocess.model_files import ModelFiles

Annotations = Literal["gts", "spd", "none"]
"""Pickles below `gts`, `_label.pkl` files of SPD's preprocessing, or nothing."""

_LEAST_OVERLAP = 0.1


@dataclass(frozen=True, kw_only=True)
class EvaluationReader:
    """Reads frames whose objects a detector found.

    Attributes:
        detections: where detections come from.
        annotations: where ground truth comes from.
        models: of the same data root.
        recentre_mugs: move the origin of mugs to the axis of their body.
        clouds: how clouds are drawn.
    """

    detections: DetectionSource
    annotations: Annotations
    models: ModelFiles
    recentre_mugs: bool
    clouds: CloudOptions

    def list_files(self, frame: NocsFrame) -> dict[str, list[Path]]:
        """Return the files that the frame's rows depend on, by fingerprint."""
        own = [frame.get_path(kind) for kind in ("depth.png", "mask.png", "meta.txt")]
        labels = {
            "gts": [get_annotation_path(frame)],
            "spd": [frame.get_path("label.pkl")],
            "none": [],
        }
        return {
            "frames": own,
            "detections": self.detections.list_files(frame),
            "labels": labels[self.annotations],
        }

    def read(self, frame: NocsFrame) -> FrameTables:
        """Return the frame's ground truth, detections and clouds.

        Raises:
            Rejected: the frame, its detections or its ground truth cannot be used.
        """
        images, truth, left_out = self._read_truth(frame)
        if not images.depth_mm.any():
            raise Rejected("no_depth", f"{frame.get_path('depth.png')}: no pixel has a depth")
        regions = self.detections.find_regions(frame, images)
        height, width = images.depth_mm.shape
        intrinsics = replace(frame.part.intrinsics, width=width, height=height)
        objects, no_cloud = cut_clouds(frame.id, images.depth_mm, regions, intrinsics, self.clouds)
        found = build_detections(regions, images.depth_mm)
        return FrameTables(
            frames=build_frame(
                frame.id, f"{frame.part.name}/{frame.scene}", frame.number, intrinsics
            ),
            ground_truth=truth,
            detections=found,
            objects=match_objects(objects, found, truth, [region.instance for region in regions]),
            quarantine=build_quarantine(left_out + no_cloud),
        )

    def _read_truth(self, frame: NocsFrame) -> tuple[FrameImages, GroundTruth, list[QuarantineRow]]:
        if self.annotations == "gts":
            labelled = read_labelled_frame(frame, self.models, recentre_mugs=self.recentre_mugs)
            return labelled.images, build_ground_truth(labelled.labels), labelled.left_out
        images, truth = read_frame(frame), GroundTruth.empty()
        if self.annotations == "spd":
            with rejecting("unreadable_annotation"):
                truth = read_spd_label(frame.get_path("label.pkl"))
        return images, truth, []


def match_objects(
    objects: Objects, detections: Detections, truth: GroundTruth, instances: Sequence[str]
) -> Objects:
    """Set the ground truth of clouds: the same-class annotation whose box overlaps most.

    -1 where no overlap (IoU of the 2D boxes) reaches 0.1. One annotation may be named twice. A
    detection that says whose it is (`instances`, "" where not) belongs to that object.
    """
    if not len(objects) or not len(truth):
        return objects
    boxes, classes = detections.bbox[objects.detection], objects.category
    overlap = compute_image_iou(boxes[:, None], truth.bbox[None])
    names = np.array(instances)[objects.detection][:, None]
    overlap[names == truth.instance[None]] += 1.0
    overlap[(names != "") & (names != truth.instance[None])] = 0.0
    overlap[classes[:, None] != truth.category[None]] = 0.0
    best = overlap.argmax(axis=1)
    reached = overlap[np.arange(len(best)), best] >= _LEAST_OVERLAP
    return replace(objects, ground_truth=np.where(reached, best, NO_OBJECT))
