"""P6: the three files of CATRE, all with unit rotations and metric sizes.

(a) refinement step -> image -> columns; (b) image -> list of objects with all steps; (c) initial
poses as JSON, image -> list of objects with masks.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from baselines.importers.detect import is_by_step
from baselines.importers.names import FrameName, parse_frame_path
from baselines.importers.nocs import read_frame
from baselines.importers.options import ImportOptions
from baselines.importers.record import ImportedFrame, build_transforms
from baselines.importers.sources import Document
from benchmark.errors import ConfigError, DataFormatError
from benchmark.rle import decode_rle

_STEP = re.compile(r"pose_(\d+)$")


def read_document(document: Document, options: ImportOptions) -> list[ImportedFrame]:
    """Read one of the three files.

    Raises:
        ConfigError: the file has no such iteration as `options.iteration`.
        DataFormatError: an image or object is not what CATRE writes.
    """
    read = _read_steps if is_by_step(document.content) else _read_objects
    return read(document, options)


def _read_steps(document: Document, options: ImportOptions) -> list[ImportedFrame]:
    """Read form (a), `{exp}_{dataset}_preds.pkl`."""
    steps = sorted(int(key.removeprefix("iter")) for key in document.content)
    step = _choose_step(steps, options, document.where)
    frames = []
    images = document.content[f"iter{step}"]
    if not isinstance(images, Mapping):
        raise DataFormatError(f"{document.where}, 'iter{step}': expected a dictionary of images")
    for key, columns in images.items():
        where = f"{document.where}, 'iter{step}', '{key}'"
        if not isinstance(columns, Mapping):
            raise DataFormatError(f"{where}: expected a dictionary of columns")
        frames.append(
            _annotate(read_frame(columns, parse_frame_path(str(key), where), where), step)
        )
    return frames


def _read_objects(document: Document, options: ImportOptions) -> list[ImportedFrame]:
    """Read forms (b), `results.pkl`, and (c), initial poses; they name their columns apart."""
    return [
        _read_image(str(key), objects, f"{document.where}, '{key}'", options)
        for key, objects in document.content.items()
    ]


def _read_image(key: str, objects: Any, where: str, options: ImportOptions) -> ImportedFrame:
    name = parse_frame_path(key, where)
    if not isinstance(objects, list) or not all(isinstance(one, Mapping) for one in objects):
        raise DataFormatError(f"{where}: expected a list of dictionaries, one per object")
    keys = {str(key) for one in objects for key in one}
    steps = sorted(int(found[1]) for key in keys if (found := _STEP.match(key)))
    step = _choose_step(steps, options, where) if steps else None
    suffix = "est" if step is None else str(step)
    try:
        columns = {
            "pred_class_ids": np.array([int(one["obj_id"]) for one in objects]),
            "pred_scores": np.array([float(one.get("score", 1.0)) for one in objects]),
            "pred_bboxes": np.array([_get_box(one, name) for one in objects]).reshape(-1, 4),
            "pred_RTs": _build_poses([one[f"pose_{suffix}"] for one in objects]),
            "pred_scales": np.array([one[f"scale_{suffix}"] for one in objects], float).reshape(
                -1, 3
            ),
        }
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise DataFormatError(f"{where}: unreadable object ({error})") from error
    return _annotate(read_frame(columns, name, where), step)


def _build_poses(poses: list[Any]) -> np.ndarray:
    matrices = np.array(poses, dtype=float).reshape(-1, 3, 4)
    return build_transforms(matrices[:, :, :3], matrices[:, :, 3])


def _get_box(entry: Mapping[str, Any], name: FrameName) -> list[float]:
    """Return [y1, x1, y2, x2] of one object: its box, else the box around its mask."""
    box = entry.get("bbox_est", entry.get("bbox_det_xyxy"))
    if box is not None:
        x1, y1, x2, y2 = (float(value) for value in box)
        return [y1, x1, y2, x2]
    camera = name.intrinsics
    mask = decode_rle(entry["segmentation"], (camera.width, camera.height))
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return [0.0] * 4
    return [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]


def _choose_step(steps: list[int], options: ImportOptions, where: str) -> int:
    if options.iteration is None:
        return steps[-1]
    if options.iteration not in steps:
        raise ConfigError(f"{where}: no iteration {options.iteration}: there are {steps}")
    return options.iteration


def _annotate(frame: ImportedFrame, step: int | None) -> ImportedFrame:
    note = "the poses are CATRE's initial ones" if step is None else f"poses of iteration {step}"
    return replace(frame, notes=(*frame.notes, note))
