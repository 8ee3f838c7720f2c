"""P8: one text per sequence, as iCaps writes it: `category file tx ty tz qw qx qy qz size fps`."""

import re

import numpy as np

from baselines.importers.names import FrameName, parse_frame_path
from baselines.importers.record import (
    ImportedFrame,
    build_detections,
    build_estimates,
    build_ground_truth,
    build_transforms,
    project_boxes,
)
from baselines.importers.sources import Document
from benchmark.categories import get_category
from benchmark.errors import DataFormatError, UnknownNameError
from benchmark.geometry.rotations import quaternion_to_matrix

_NAME = re.compile(r"Pose_(?P<truth>GT_)?.+?_?seq_?(?P<sequence>\d+)$", re.IGNORECASE)
_FEWEST_FIELDS = 10
_NOTES = (
    "the size is one number: it is kept as the scale, and the boxes have no sides",
    "boxes are those of the projected objects, every confidence is 1",
    "all mug handles count as visible",
)


def read_document(document: Document) -> list[ImportedFrame]:
    """Read one sequence, estimates or ground truth (`Pose_GT_...`).

    Raises:
        DataFormatError: the name or a line is not what iCaps writes.
    """
    match = _NAME.match(document.stem)
    if match is None:
        raise DataFormatError(f"{document.where}: expected a name such as 'Pose_mug_seq1.txt'")
    return [
        _read_line(
            line.split(),
            f"{document.where}, line {number}",
            sequence=int(match["sequence"]),
            is_truth=match["truth"] is not None,
        )
        for number, line in enumerate(document.content.splitlines(), start=1)
        if line.strip()
    ]


def _read_line(fields: list[str], where: str, *, sequence: int, is_truth: bool) -> ImportedFrame:
    if len(fields) < _FEWEST_FIELDS:
        raise DataFormatError(f"{where}: expected {_FEWEST_FIELDS + 1} fields, got {len(fields)}")
    try:
        numbers = np.array([float(text) for text in fields[2:10]])
        category = np.array([get_category(fields[0].lower().split("_")[0]).id])
        if not 0.5 < np.linalg.norm(numbers[3:7]) < 2:
            raise ValueError(f"the quaternion {fields[5:9]} has no direction")
    except (ValueError, UnknownNameError) as error:
        raise DataFormatError(f"{where}: {error}") from error
    name = _name_frame(fields[1], sequence, where)
    rotation = quaternion_to_matrix(numbers[None, 3:7])
    scale = numbers[7] if numbers[7] > 0 else 1.0
    transform = build_transforms(scale * rotation, numbers[None, :3])
    extents = np.full((1, 3), np.nan)
    bbox = project_boxes(transform, extents, name.intrinsics)
    if is_truth:
        truth = build_ground_truth(
            category=category, transform=transform, extents=extents, bbox=bbox, where=where
        )
        nothing = (
            build_detections(category[:0], bbox[:0]),
            build_estimates(transform[:0], extents[:0]),
        )
        return ImportedFrame(
            name=name, detections=nothing[0], estimates=nothing[1], ground_truth=truth, notes=_NOTES
        )
    return ImportedFrame(
        name=name,
        detections=build_detections(category, bbox),
        estimates=build_estimates(transform, extents),
        notes=_NOTES,
    )


def _name_frame(text: str, sequence: int, where: str) -> FrameName:
    """Name the image: a path with a scene, or a file name in the sequence of the text."""
    if "/" in text or "\\" in text:
        return parse_frame_path(text, where)
    return parse_frame_path(f"scene_{sequence}/{text}", where)
