"""P5: one pickle per instance and sequence, as CAPTRA writes it (y up, z backward)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from baselines.importers.names import FrameName
from baselines.importers.record import (
    FROM_OPENGL,
    ImportedFrame,
    build_detections,
    build_estimates,
    build_ground_truth,
    build_transforms,
    change_camera_frame,
    project_boxes,
)
from baselines.importers.sources import Document
from baselines.importers.tracks import get_category
from benchmark.errors import DataFormatError

_NAME = re.compile(r"(?P<instance>.+?)_(scene_)?(?P<scene>\d+)$")
_NOTES = (
    "boxes are those of the projected objects, every confidence is 1",
    "all mug handles count as visible",
    "the first frame of every sequence is the perturbed initial pose",
)


def read_document(document: Document) -> list[ImportedFrame]:
    """Read one sequence of one instance.

    Raises:
        DataFormatError: a pose is missing or misshapen, or the file's name says no instance.
    """
    match = _NAME.match(document.stem)
    if match is None:
        raise DataFormatError(f"{document.where}: expected a name such as 'mug_daniel_norm_1.pkl'")
    instance = match["instance"]
    category = get_category(instance, document)
    predicted = _read_track(document.content["pred"], f"{document.where}, 'pred'")
    truth = _read_track(document.content["gt"], f"{document.where}, 'gt'")
    if len(predicted) != len(truth):
        raise DataFormatError(
            f"{document.where}: {len(predicted)} predicted poses but {len(truth)} true ones"
        )
    numbers = _read_numbers(document.content.get("frame_nums"), len(truth), document.where)
    scene = f"scene_{int(match['scene'])}"
    return [
        _build_frame(
            FrameName(split="Real/test", scene=scene, number=number), instance, category, *poses
        )
        for number, *poses in zip(numbers, predicted, truth, strict=True)
    ]


def _build_frame(
    name: FrameName,
    instance: str,
    category: int,
    predicted: tuple[np.ndarray, np.ndarray],
    truth: tuple[np.ndarray, np.ndarray],
) -> ImportedFrame:
    classes = np.array([category])
    return ImportedFrame(
        name=name,
        detections=build_detections(classes, project_boxes(*predicted, name.intrinsics)),
        estimates=build_estimates(*predicted),
        ground_truth=build_ground_truth(
            category=classes,
            instance=[instance],
            transform=truth[0],
            extents=truth[1],
            bbox=project_boxes(*truth, name.intrinsics),
            where=name.id,
        ),
        notes=_NOTES,
    )


def _read_track(track: Any, where: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return a transform (1, 4, 4) with scale and extents (1, 3) for every frame."""
    if not isinstance(track, Mapping) or not isinstance(track.get("poses"), Sequence):
        raise DataFormatError(f"{where}: expected 'poses', a list with a pose per frame")
    corners = track.get("corners")
    poses = []
    for index, pose in enumerate(track["poses"]):
        try:
            transform = _read_pose(pose)
            extents = _read_extents(corners[index] if isinstance(corners, list) else corners)
        except (LookupError, TypeError, ValueError) as error:
            raise DataFormatError(f"{where}, frame {index}: unreadable pose ({error})") from error
        poses.append((transform, extents))
    return poses


def _read_pose(pose: Any) -> np.ndarray:
    rotation = np.asarray(pose["rotation"], dtype=float).reshape(1, 3, 3)
    translation = np.asarray(pose["translation"], dtype=float).reshape(1, 3)
    scale = np.asarray(pose["scale"], dtype=float).reshape(1, 1, 1)
    with np.errstate(invalid="ignore", over="ignore"):  # what overflows is no pose
        pose = build_transforms(scale * rotation, translation)
    return change_camera_frame(pose, FROM_OPENGL)


def _read_extents(corners: Any) -> np.ndarray:
    """Return the sides of the box between the two corners; NaN where there are none."""
    if corners is None:
        return np.full((1, 3), np.nan)
    box = np.asarray(corners, dtype=float).reshape(-1, 2, 3)[:1]
    return np.asarray(np.abs(box[:, 1] - box[:, 0]))


def _read_numbers(numbers: Any, count: int, where: str) -> list[int]:
    """Return the frame numbers; the running index where the file has none."""
    if numbers is None:
        return list(range(count))
    try:
        parsed = [int(np.asarray(number).reshape(-1)[0]) for number in numbers]
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        raise DataFormatError(f"{where}: 'frame_nums' should be numbers ({error})") from error
    if len(parsed) != count or not all(0 <= number < 10**9 for number in parsed):
        raise DataFormatError(f"{where}: expected {count} frame numbers, got {numbers!r:.60}")
    return parsed
