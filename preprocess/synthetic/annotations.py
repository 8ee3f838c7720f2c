"""The pickles of a NOCS tree: ground truth, and detections in two forms."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

from preprocess.annotations import get_annotation_path
from preprocess.detections import ALIGNED
from preprocess.frames import NocsFrame
from preprocess.labels import MUG
from preprocess.synthetic.detector import SimulatedDetections
from preprocess.synthetic.truth import Truth

_PICKLE_PROTOCOL = 3
DETECTIONS = "mrcnn_results"


def write_pickle(path: Path, content: Any) -> None:
    """Write plain values and arrays in the pickle protocol that NOCS files have."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=_PICKLE_PROTOCOL))


def write_ground_truth(frame: NocsFrame, truth: Truth, boxes: np.ndarray) -> None:
    """Write `gts/val` or `gts/real_test`: rows in ascending order of the mask ids.

    Real frames hold poses only, and handle visibility where there is a mug.

    Args:
        frame: of CAMERA val or Real test.
        truth: its visible objects.
        boxes: (N, 4) int32 boxes of their masks.
    """
    content: dict[str, Any] = {"gt_RTs": truth.transform.astype(np.float32)}
    if frame.part.source == "camera" or MUG in truth.category:
        content["handle_visibility"] = truth.handle_visible.astype(np.int32)
    if frame.part.source == "camera":
        content |= {
            "image_id": frame.number,
            "obj_list": [str(name) for name in truth.model],
            "gt_class_ids": truth.category.astype(np.int32),
            "gt_bboxes": boxes.astype(np.int32),
            "gt_scales": truth.extents.astype(np.float32),
        }
    write_pickle(get_annotation_path(frame), content)


def write_detections(frame: NocsFrame, found: SimulatedDetections) -> None:
    """Write detections in SPD's Mask R-CNN form; without any, the masks have shape (0, h, w)."""
    masks = found.masks if len(found.scores) else np.zeros((0, *found.masks.shape[:2]), bool)
    content = {
        "class_ids": found.class_ids,
        "rois": found.rois,
        "scores": found.scores,
        "masks": masks,
    }
    folder = frame.root / DETECTIONS / frame.part.download
    write_pickle(folder / f"results_{frame.part.split}_{_name(frame)}", content)


def write_aligned_detections(
    frame: NocsFrame, truth: Truth, poses: np.ndarray, found: SimulatedDetections
) -> None:
    """Write detections in the tracking form: one row for each annotated object.

    Args:
        frame: of Real test.
        truth: its visible objects.
        poses: (N, 4, 4) of these objects, the origin of mugs on the body's axis.
        found: what was detected; an object gets its most confident detection of the right class.
    """
    count = len(truth)
    rois, seen = np.zeros((count, 4), np.int32), np.zeros(count, bool)
    masks = np.zeros((*found.masks.shape[:2], count), bool)
    for row in range(count):
        right = (found.sources == truth.instance[row]) & (found.class_ids == truth.category[row])
        if right.any():
            best = int(np.flatnonzero(right)[0])
            rois[row], masks[..., row], seen[row] = found.rois[best], found.masks[..., best], True
    content = {
        "pred": {
            "class_ids": truth.category.astype(np.int32),
            "rois": rois,
            "masks": masks,
            "seen": seen,
        },
        "gt": {
            "poses": poses.astype(np.float32),
            "handle_visibility": truth.handle_visible.astype(np.int32),
            "model_list": [str(name) for name in truth.model],
        },
    }
    folder = frame.root / DETECTIONS / ALIGNED
    write_pickle(folder / f"results_{frame.part.split}_{_name(frame)}", content)


def _name(frame: NocsFrame) -> str:
    return f"{frame.scene}_{frame.stem}.pkl"
