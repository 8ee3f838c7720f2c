"""P7: one text per image and instance, as 6-PACK writes it (millimetres, x left and y up)."""

import re

import numpy as np

from baselines.importers.names import FrameName
from baselines.importers.record import (
    FROM_Z180,
    ImportedFrame,
    build_detections,
    build_estimates,
    build_transforms,
    change_camera_frame,
    project_boxes,
)
from baselines.importers.sources import Document
from baselines.importers.tracks import get_category
from benchmark.errors import DataFormatError

_NAME = re.compile(r"(?P<instance>.+)_(?P<scene>scene_\d+)_(?P<index>\d+)_pose$")
_ROW_LENGTHS = (3, 3, 3, 3, 1)
_NOTES = (
    "6-PACK takes the true size: without --ground-truth its objects have none",
    "files count the frames of their sequence: without --ground-truth the count is the number",
    "boxes are those of the projected objects",
)


def read_document(document: Document) -> list[ImportedFrame]:
    """Read the pose of one instance in one image.

    Raises:
        DataFormatError: the name or a line is not what 6-PACK writes.
    """
    match = _NAME.match(document.stem)
    if match is None:
        raise DataFormatError(
            f"{document.where}: expected a name such as 'mug_daniel_norm_scene_1_12_pose.txt'"
        )
    rows = _read_rows(document)
    name = FrameName(split="Real/test", scene=match["scene"], number=int(match["index"]))
    pose = build_transforms(np.array([rows[:3]]), np.array([rows[3]]) / 1000)
    transform = change_camera_frame(pose, FROM_Z180)
    extents = np.full((1, 3), np.nan)
    category = np.array([get_category(match["instance"], document)])
    return [
        ImportedFrame(
            name=name,
            detections=build_detections(
                category, project_boxes(transform, extents, name.intrinsics)
            ),
            estimates=build_estimates(transform, extents),
            tracked=match["instance"],
            notes=_NOTES,
        )
    ]


def _read_rows(document: Document) -> list[list[float]]:
    """Return three rows of the rotation, one of the translation in mm, and the score."""
    lines = [line for line in document.content.splitlines() if line.strip()]
    if len(lines) < len(_ROW_LENGTHS) - 1:
        raise DataFormatError(f"{document.where}: expected 4 or 5 lines, got {len(lines)}")
    rows = []
    for number, (line, length) in enumerate(zip(lines, _ROW_LENGTHS, strict=False), start=1):
        try:
            row = [float(text) for text in line.split()]
        except ValueError as error:
            raise DataFormatError(f"{document.where}, line {number}: {error}") from error
        if len(row) != length:
            raise DataFormatError(
                f"{document.where}, line {number}: expected {length} numbers, got {len(row)}"
            )
        rows.append(row)
    return rows
