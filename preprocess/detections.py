"""Detections with masks: the pickles of SPD, of DualPoseNet, and of GenPose for tracking.

`preprocess.coco` reads COCO's JSON into the same record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.categories import CATEGORIES
from benchmark.errors import DataFormatError
from preprocess.crops import find_shown
from preprocess.frames import NocsFrame
from preprocess.pickle_columns import read_dictionary, take_column

_FOLDERS = ("mrcnn_results", "segmentation_results", "results/mrcnn_results", "detections")
ALIGNED = "aligned_real_test"
_DUALPOSENET_FOLDERS = {"camera": "CAMERA25", "real": "REAL275"}


@dataclass(frozen=True, kw_only=True)
class FrameDetections:
    """What a detector found in one image, in its order.

    Attributes:
        category: (N,) uint8 class ids, 1 to 6.
        bbox: (N, 4) int32 boxes.
        confidence: (N,) float32, 0 to 1; 1 where the detector gives none.
        masks: (h, w, N) bool, True on the object.
    """

    category: np.ndarray
    bbox: np.ndarray
    confidence: np.ndarray
    masks: np.ndarray

    def __len__(self) -> int:
        return len(self.category)


@dataclass(frozen=True, kw_only=True)
class AlignedTracks:
    """The tracking form: detections and ground truth whose rows belong together.

    Attributes:
        detections: one row per annotated object.
        seen: (N,) bool, False where the detector missed the object.
        transform: (N, 4, 4) float64 object-to-camera similarity, scale inside.
        handle_visible: (N,) uint8.
        instances: model names.
    """

    detections: FrameDetections
    seen: np.ndarray
    transform: np.ndarray
    handle_visible: np.ndarray
    instances: tuple[str, ...]


def find_detections_folder(root: Path) -> Path | None:
    """Return the folder of detections that lies inside or beside a data root, if there is one."""
    folders = [base / name for base in (root, root.parent) for name in _FOLDERS]
    return next((folder for folder in folders if folder.is_dir()), None)


def find_aligned_folder(root: Path) -> Path | None:
    """Return the folder of aligned detections inside or beside a data root, if there is one."""
    bases = [base / name for base in (root, root.parent) for name in _FOLDERS]
    return next((base / ALIGNED for base in bases if (base / ALIGNED).is_dir()), None)


def find_detections(folder: Path, frame: NocsFrame) -> Path | None:
    """Return a frame's detections file below `folder`, whichever detector's layout it has."""
    stem = f"results_{frame.part.split}_{frame.scene}_{frame.stem}.pkl"
    inside = (frame.part.download, _DUALPOSENET_FOLDERS[frame.part.source], "")
    paths = (folder.joinpath(name, file) for name in inside for file in (stem, f"{stem}.gz"))
    return next((path for path in paths if path.is_file()), None)


def read_detections(path: Path, image_size: tuple[int, int]) -> FrameDetections:
    """Read a detections pickle of SPD's, DualPoseNet's or the tracking form.

    Args:
        path: the pickle, gzipped or not.
        image_size: width, height in pixels that its masks must have.

    Raises:
        DataFormatError: not a detections pickle, or its columns contradict each other.
    """
    content = read_dictionary(path)
    if "pred_masks" in content:
        content = {
            "class_ids": content.get("pred_class_ids"),
            "rois": content.get("pred_bboxes"),
            "scores": content.get("pred_scores"),
            "masks": content["pred_masks"],
        }
    elif isinstance(content.get("pred"), dict):
        content = content["pred"]
    return build_detections(str(path), content, image_size)


def read_aligned_tracks(path: Path, image_size: tuple[int, int]) -> AlignedTracks:
    """Read a pickle of the tracking form (`aligned_real_test/results_test_*.pkl`).

    Raises:
        DataFormatError: not of this form, or rows of detections and ground truth differ.
    """
    content = read_dictionary(path)
    pred, truth = content.get("pred"), content.get("gt")
    if not isinstance(pred, dict) or not isinstance(truth, dict):
        raise DataFormatError(f"{path}: expected the keys pred and gt of aligned detections")
    detections = build_detections(str(path), pred, image_size)
    rows = len(detections)
    names = truth.get("model_list")
    if not isinstance(names, list | tuple | np.ndarray) or len(names) != rows:
        raise DataFormatError(f"{path}: expected {rows} names in gt.model_list")
    visible = truth.get("handle_visibility", np.ones(rows))
    return AlignedTracks(
        detections=detections,
        seen=take_column(f"{path}: pred.seen", pred.get("seen", np.ones(rows)), (rows,)) != 0,
        transform=take_column(f"{path}: gt.poses", truth.get("poses"), (rows, 4, 4)).astype(float),
        handle_visible=(take_column(f"{path}: gt", visible, (rows,)) != 0).astype(np.uint8),
        instances=tuple(str(name) for name in names),
    )


def build_detections(
    where: str, content: Mapping[str, Any], image_size: tuple[int, int]
) -> FrameDetections:
    """Check the columns class_ids, rois, scores (optional) and masks of one image.

    Args:
        where: the file, for messages.
        content: the columns, under Mask R-CNN's names.
        image_size: width, height in pixels.

    Raises:
        DataFormatError: a column is missing, of another shape, or impossible.
    """
    category = take_column(f"{where}: class_ids", content.get("class_ids"), (None,))
    rows = len(category)
    bbox = take_column(f"{where}: rois", content.get("rois"), (rows, 4))
    confidence = take_column(f"{where}: scores", content.get("scores", np.ones(rows)), (rows,))
    shape = (image_size[1], image_size[0], rows)
    masks = take_column(f"{where}: masks", content.get("masks"), shape)
    if not np.all(np.isin(category, [item.id for item in CATEGORIES])):
        raise DataFormatError(f"{where}: expected classes 1 to 6, got {category.tolist()!r:.60}")
    if np.any(np.abs(bbox) > 2**20) or np.any(bbox[:, :2] > bbox[:, 2:]):
        raise DataFormatError(f"{where}: expected boxes y1 x1 y2 x2 in pixels")
    if not np.all((confidence >= 0) & (confidence <= 1)):
        raise DataFormatError(f"{where}: expected confidences from 0 to 1")
    # a mask's pixels side by side: whatever looks at one mask is several times as fast
    side_by_side = np.ascontiguousarray(np.moveaxis(masks, 2, 0))
    return FrameDetections(
        category=category.astype(np.uint8),
        bbox=bbox.astype(np.int32),
        confidence=confidence.astype(np.float32),
        masks=np.moveaxis(find_shown(side_by_side), 0, 2),
    )
