"""P1: one dictionary per image, as NOCS, SPD, CR-Net, SGPA, DualPoseNet, DPDN and SAR-Net write it.

The scale sits in the matrix (normalised scales) or in the scales (unit rotations). Both mean a box
of cbrt(det) * scales metres, so matrix and scales are kept as given and neither is converted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from baselines.importers.hypotheses import read_hypotheses
from baselines.importers.names import FrameName, parse_frame_path, parse_result_name
from baselines.importers.record import (
    ImportedFrame,
    build_detections,
    build_estimates,
    build_ground_truth,
    check_confidence,
    check_count,
    check_pixels,
    project_boxes,
    take_array,
)
from baselines.importers.sources import Document
from benchmark.errors import DataFormatError
from benchmark.predictions import Estimates
from benchmark.records import Detections, GroundTruth

COLUMNS = (
    "gt_class_ids",
    "gt_bboxes",
    "gt_RTs",
    "gt_scales",
    "gt_handle_visibility",
    "handle_visibility",
    "pred_class_ids",
    "pred_bboxes",
    "pred_scores",
    "pred_RTs",
    "pred_scales",
    "multi_hypothesis_pred_RTs",
    "energy",
)


@dataclass(frozen=True, kw_only=True)
class NocsKeys:
    """Under which keys a dictionary keeps its ground truth and its predictions."""

    gt_class_ids: str = "gt_class_ids"
    gt_transforms: str = "gt_RTs"
    gt_scales: str = "gt_scales"
    class_ids: str = "pred_class_ids"
    transforms: str = "pred_RTs"
    scales: str = "pred_scales"


def read_document(document: Document) -> list[ImportedFrame]:
    """Read one per-frame result file: a dictionary, or a list with one dictionary."""
    content, where = document.content, document.where
    listed = isinstance(content, Sequence)
    if listed and len(content) != 1:
        raise DataFormatError(f"{where}: expected one dictionary, got a list of {len(content)}")
    content = content[0] if listed else content
    name = parse_result_name(document.stem)
    if name is None:
        name = parse_frame_path(get_image_path(content) or document.stem, where)
    return [read_frame(content, name, where, source={"listed": True} if listed else {})]


def get_image_path(content: Mapping[str, Any]) -> str | None:
    """Return the image path that a dictionary names, None where it names none."""
    path = content.get("image_path")
    if isinstance(path, list | tuple) and path:
        path = path[0]
    return str(path) if isinstance(path, str | np.str_) else None


def read_frame(
    content: Mapping[str, Any],
    name: FrameName,
    where: str,
    *,
    keys: NocsKeys | None = None,
    source: Mapping[str, Any] | None = None,
) -> ImportedFrame:
    """Read the dictionary of one image.

    Args:
        content: the dictionary.
        name: the image it belongs to.
        where: file and entry, for error messages.
        keys: where the predictions lie, if not under the usual keys.
        source: what the container needs to be written again.

    Raises:
        DataFormatError: a column is missing, of another shape, or of another length than its table.
    """
    keys = keys or NocsKeys()
    notes: list[str] = []
    ground_truth = read_ground_truth(content, name, where, keys, notes)
    detections, estimates, kept = _read_predictions(content, name, where, keys, notes)
    hypotheses, energies = read_hypotheses(content, where, kept, notes)
    known = {*COLUMNS, *asdict(keys).values(), "image_id", "image_path"}
    notes += [f"'{key}' was left out" for key in content if key not in known]
    return ImportedFrame(
        name=name,
        detections=detections,
        estimates=estimates,
        ground_truth=ground_truth,
        hypotheses=hypotheses,
        energies=energies,
        source={**(source or {}), **describe_layout(content), **_list_zero_poses(content, kept)},
        notes=tuple(notes),
    )


def read_ground_truth(
    content: Mapping[str, Any], name: FrameName, where: str, keys: NocsKeys, notes: list[str]
) -> GroundTruth | None:
    """Read the ground truth of one image; None where there are no poses.

    NOCS's own `gts` of Real hold poses alone: their classes are then 0.
    """
    if keys.gt_transforms not in content:
        return None
    transform = take_array(content, keys.gt_transforms, (4, 4), where)
    rows = len(transform)
    unknown = keys.gt_class_ids not in content
    category = np.zeros(rows) if unknown else take_array(content, keys.gt_class_ids, (), where)
    check_count(rows, len(category), keys.gt_transforms, where)
    extents = _take_or(content, keys.gt_scales, (3,), where, np.full((rows, 3), np.nan), notes)
    boxes = project_boxes(transform, extents, name.intrinsics)
    handle_key = "handle_visibility" if "handle_visibility" in content else "gt_handle_visibility"
    bbox = _take_boxes(content, "gt_bboxes", where, boxes, notes)
    handle_visible = _take_or(content, handle_key, (), where, np.ones(rows), notes)
    kept = np.ones(rows, bool) if unknown else _keep_known(category, "annotations", notes)
    return build_ground_truth(
        category=category[kept],
        transform=transform[kept],
        extents=extents[kept],
        bbox=bbox[kept],
        handle_visible=handle_visible[kept] != 0,
        where=where,
    )


def _read_predictions(
    content: Mapping[str, Any], name: FrameName, where: str, keys: NocsKeys, notes: list[str]
) -> tuple[Detections, Estimates, np.ndarray]:
    """Read detections and estimates, and the mask of the rows that were kept."""
    if not any(str(key).startswith("pred_") for key in content):
        return build_detections(np.zeros(0), np.zeros((0, 4))), Estimates.empty(), np.zeros(0, bool)
    category = take_array(content, keys.class_ids, (), where)
    rows = len(category)
    transform = take_array(content, keys.transforms, (4, 4), where).astype(float)
    extents = take_array(content, keys.scales, (3,), where)
    check_count(len(transform), rows, keys.transforms, where)
    check_count(len(extents), rows, keys.scales, where)
    boxes = project_boxes(transform, extents, name.intrinsics)
    bbox = _take_boxes(content, "pred_bboxes", where, boxes, notes)
    confidence = _take_or(content, "pred_scores", (), where, np.ones(rows), notes)
    check_confidence(confidence, "pred_scores", where)
    kept = _keep_known(category, "detections", notes)
    detections = build_detections(category[kept], bbox[kept], confidence[kept])
    return detections, build_estimates(transform[kept], extents[kept]), kept


def _take_or(
    content: Mapping[str, Any],
    key: str,
    row_shape: tuple[int, ...],
    where: str,
    default: np.ndarray,
    notes: list[str],
) -> np.ndarray:
    """Return an optional column, else `default` with a note."""
    if key not in content:
        what = {"pred_scores": "every confidence is 1", "gt_scales": "its objects have no size"}
        notes.append(f"no '{key}': {what.get(key, 'all mug handles count as visible')}")
        return default
    array = take_array(content, key, row_shape, where)
    check_count(len(array), len(default), key, where)
    return array


def _take_boxes(
    content: Mapping[str, Any], key: str, where: str, projected: np.ndarray, notes: list[str]
) -> np.ndarray:
    """Return the boxes under `key`, else the projected ones with a note."""
    if key not in content:
        notes.append(f"no '{key}': boxes are those of the projected objects")
        return projected
    array = take_array(content, key, (4,), where)
    check_count(len(array), len(projected), key, where)
    check_pixels(array, key, where)
    if (array != np.rint(array)).any():
        notes.append(f"'{key}' were rounded to whole pixels")
    return array


def _keep_known(category: np.ndarray, what: str, notes: list[str]) -> np.ndarray:
    """Return the mask of rows of the six categories; rows of others are left out with a note."""
    kept = np.asarray((category >= 1) & (category <= 6) & (category == np.rint(category)))
    if not kept.all():
        notes.append(f"{what} of classes other than 1 to 6 were left out")
    return kept


def describe_layout(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return type and row shape of every array of a dictionary, so that it can be written back."""
    arrays = {key: content[key] for key in COLUMNS if isinstance(content.get(key), np.ndarray)}
    columns = {key: [array.dtype.str, list(array.shape[1:])] for key, array in arrays.items()}
    layout: dict[str, Any] = {"columns": columns}
    path = get_image_path(content)
    if path is not None:
        layout["image_path"] = path
    if isinstance(content.get("image_id"), int | np.integer):
        layout["image_id"] = int(content["image_id"])
    return layout


def _list_zero_poses(content: Mapping[str, Any], kept: np.ndarray) -> dict[str, list[int]]:
    """Name the rows whose pose is all zeros (SAR-Net's failures), which the table cannot hold."""
    if not len(kept) or "pred_RTs" not in content:
        return {}
    zero = (np.asarray(content["pred_RTs"]) == 0).all(axis=(1, 2))[kept]
    return {"zero_poses": np.flatnonzero(zero).tolist()} if zero.any() else {}
