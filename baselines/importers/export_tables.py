"""Writing predictions as CSV and JSON, for spreadsheets and programs outside this field."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.categories import CATEGORY_NAMES
from benchmark.geometry.similarity import compute_rotation, compute_scale
from benchmark.predictions import Predictions
from benchmark.replacing import replacing
from benchmark.spread import Spread, compute_spread
from benchmark.texts import to_cells

if TYPE_CHECKING:
    import pandas as pd

_AXES = "xyz"


def build_pose_table(predictions: Predictions) -> "pd.DataFrame":
    """Return one row per detection.

    Columns: frame, scene, number, category, confidence, box (y1 x1 y2 x2 in pixels), estimated,
    the rotation row by row (r00 ... r22), the translation (tx ty tz) and the box sides (size_x
    size_y size_z) in metres, and the spread (spread_deg, spread_cm; see `benchmark.spread`). Where
    nothing was estimated, and where a method has no size or no hypotheses, cells are empty.
    """
    import pandas as pd

    frames, detections = predictions.frames, predictions.detections
    row = detections.frame
    columns: dict[str, Any] = {
        "frame": frames.id[row],
        "scene": frames.scene[row],
        "number": frames.number[row],
        "category": np.array(CATEGORY_NAMES)[detections.category.astype(int) - 1],
        "confidence": detections.confidence,
    }
    columns |= dict(zip(("y1", "x1", "y2", "x2"), detections.bbox.T, strict=True))
    columns["estimated"] = predictions.estimates.estimated
    spread = compute_spread(predictions)
    columns |= _split_poses(predictions)
    columns |= {"spread_deg": spread.rotation_deg, "spread_cm": spread.translation_cm}
    return pd.DataFrame(columns)


def _split_poses(predictions: Predictions) -> dict[str, np.ndarray]:
    """Return rotation, translation and size as single columns, NaN where there is no estimate."""
    estimates = predictions.estimates
    missing = estimates.estimated == 0
    rotation = compute_rotation(estimates.transform)
    size = compute_scale(estimates.transform)[:, None] * estimates.extents
    names = [f"r{row}{column}" for row in range(3) for column in range(3)]
    names += [f"t{axis}" for axis in _AXES] + [f"size_{axis}" for axis in _AXES]
    parts = [rotation.reshape(-1, 9), estimates.transform[:, :3, 3], size]
    values = np.where(missing[:, None], np.nan, np.concatenate(parts, axis=1))
    return dict(zip(names, values.T, strict=True))


def write_csv(path: Path, predictions: Predictions) -> None:
    """Write `build_pose_table` as CSV; numbers keep all their digits."""
    table = build_pose_table(predictions)
    with replacing(path) as temporary:
        to_cells(table).to_csv(temporary, index=False)


def write_json(path: Path, predictions: Predictions) -> None:
    """Write one entry per detection: rotation, translation, size, and the hypotheses if any."""
    spread = compute_spread(predictions)
    document = {
        "estimator": predictions.info.estimator,
        "camera_frame": "OpenCV: x right, y down, z forward",
        "unit": "metre",
        "detections": [
            _describe(predictions, spread, row) for row in range(len(predictions.detections))
        ],
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1), encoding="utf-8")


def _describe(predictions: Predictions, spread: Spread, row: int) -> dict[str, Any]:
    detections, estimates = predictions.detections, predictions.estimates
    entry: dict[str, Any] = {
        "frame": str(predictions.frames.id[detections.frame[row]]),
        "category": CATEGORY_NAMES[int(detections.category[row]) - 1],
        "confidence": float(detections.confidence[row]),
        "bbox_y1x1y2x2": detections.bbox[row].tolist(),
        "rotation": None,
        "translation": None,
        "size": None,
    }
    if estimates.estimated[row]:
        transform = estimates.transform[row]
        size = compute_scale(transform) * estimates.extents[row]
        entry["rotation"] = compute_rotation(transform).tolist()
        entry["translation"] = transform[:3, 3].tolist()
        entry["size"] = size.tolist() if np.isfinite(size).all() else None
    if np.isfinite(spread.rotation_deg[row]):
        entry["spread_deg"] = float(spread.rotation_deg[row])
        entry["spread_cm"] = float(spread.translation_cm[row])
    if predictions.hypotheses is not None:
        entry["hypotheses"] = np.asarray(predictions.hypotheses[row]).tolist()
    if predictions.energies is not None:
        entry["energies"] = np.asarray(predictions.energies[row]).tolist()
    return entry
