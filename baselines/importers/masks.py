"""P9: detections with masks, which hold no poses: the inputs of the methods, not their results."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from baselines.importers.names import FrameName, parse_frame_path, parse_result_name
from baselines.importers.nocs import NocsKeys, get_image_path, read_ground_truth
from baselines.importers.record import (
    ImportedFrame,
    build_detections,
    build_estimates,
    build_ground_truth,
    check_confidence,
    check_count,
    check_pixels,
    take_array,
)
from baselines.importers.sources import Document
from benchmark.records import GroundTruth


def read_document(document: Document) -> list[ImportedFrame]:
    """Read one image: SPD's form, DualPoseNet's, or GenPose's for tracking."""
    content, where = document.content, document.where
    name = parse_result_name(document.stem)
    if name is None:
        name = parse_frame_path(get_image_path(content) or document.stem, where)
    notes: list[str] = []
    aligned = "rois" not in content and "pred_masks" not in content
    detected = _rename(content["pred"] if aligned else content)
    category = take_array(detected, "class_ids", (), where)
    rows = len(category)
    boxes = take_array(detected, "rois", (4,), where)
    check_count(len(boxes), rows, "rois", where)
    check_pixels(boxes, "rois", where)
    kept = np.asarray((category >= 1) & (category <= 6))
    confidence = (
        take_array(detected, "scores", (), where) if "scores" in detected else np.ones(rows)
    )
    check_count(len(confidence), rows, "scores", where)
    check_confidence(confidence, "scores", where)
    truth: GroundTruth | None
    if aligned:
        truth = _read_aligned_truth(content["gt"], category, boxes, where, kept)
    else:
        truth = read_ground_truth(content, name, where, NocsKeys(), notes)
    return [_build(name, category[kept], boxes[kept], confidence[kept], truth, notes)]


def _build(
    name: FrameName,
    category: np.ndarray,
    boxes: np.ndarray,
    confidence: np.ndarray,
    truth: GroundTruth | None,
    notes: list[str],
) -> ImportedFrame:
    count = len(category)
    return ImportedFrame(
        name=name,
        detections=build_detections(category, boxes, confidence),
        estimates=build_estimates(np.tile(np.eye(4), (count, 1, 1)), np.full((count, 3), np.nan)),
        ground_truth=truth,
        notes=(*notes, "detections only: no pose in the file"),
    )


def _rename(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns under Mask R-CNN's own names."""
    names = {"pred_class_ids": "class_ids", "pred_bboxes": "rois", "pred_scores": "scores"}
    return {names.get(key, key): value for key, value in content.items()}


def _read_aligned_truth(
    truth: Mapping[str, Any], category: np.ndarray, boxes: np.ndarray, where: str, kept: np.ndarray
) -> GroundTruth:
    """Read the ground truth whose rows are those of the detections (GenPose's tracking form)."""
    transform = take_array(truth, "poses", (4, 4), where)
    check_count(len(transform), len(category), "poses", where)
    visible = np.ones(len(category))
    if "handle_visibility" in truth:
        visible = take_array(truth, "handle_visibility", (), where)
    check_count(len(visible), len(category), "handle_visibility", where)
    models = truth.get("model_list", [""] * len(category))
    instances = np.array([str(model) for model in models] if isinstance(models, list) else [])
    check_count(len(instances), len(category), "model_list", where)
    return build_ground_truth(
        category=category[kept],
        transform=transform[kept],
        extents=np.full((int(kept.sum()), 3), np.nan),
        bbox=boxes[kept],
        instance=list(instances[kept]),
        handle_visible=visible[kept] != 0,
        where=where,
    )
