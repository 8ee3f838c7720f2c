"""The record that every form is read into, and the checks at the edge that all readers share."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from baselines.importers.names import FrameName
from benchmark.categories import Intrinsics
from benchmark.errors import DataFormatError
from benchmark.geometry.boxes import compute_corners
from benchmark.geometry.similarity import compute_scale
from benchmark.predictions import Estimates
from benchmark.records import Detections, GroundTruth

FROM_Z180 = np.array([-1.0, -1.0, 1.0])
"""Signs that take a camera frame with x left and y up (CASS, 6-PACK) to OpenCV's."""

FROM_OPENGL = np.array([1.0, -1.0, -1.0])
"""Signs that take a camera frame with y up and z backward (CAPTRA) to OpenCV's."""

_LARGEST_PIXEL = 1e6
_LARGEST_METRES = 1e6
_LARGEST_CONFIDENCE = 1e30


@dataclass(frozen=True, kw_only=True)
class ImportedFrame:
    """One image of a foreign result, in this project's frames and units.

    Rows of the tables all say frame 0; `baselines.importers.assembly` numbers them.

    Attributes:
        ground_truth: None where the file has none.
        hypotheses: (detections, K, 3, 4), None where the method has a single answer.
        energies: (detections, K, 2), None where the method ranks nothing.
        tracked: instance that the file follows, where it has one file per instance; its frame
            number then counts the frames of that file.
        source: what writing the very same file again needs, as JSON values.
        notes: what had to be assumed, as sentences.
    """

    name: FrameName
    detections: Detections
    estimates: Estimates
    ground_truth: GroundTruth | None = None
    hypotheses: np.ndarray | None = None
    energies: np.ndarray | None = None
    tracked: str | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def take_array(
    content: Mapping[str, Any], key: str, row_shape: tuple[int, ...], where: str
) -> np.ndarray:
    """Return the numbers under `key` as rows of `row_shape`; an empty array may have any shape.

    Raises:
        DataFormatError: the key is missing, holds something else than finite-shaped numbers, or
            has rows of another shape.
    """
    if key not in content:
        raise DataFormatError(f"{where}: expected the key '{key}', got {_name_keys(content)}")
    array = convert_array(content[key], key, where)
    if array.size == 0:
        return np.zeros((0, *row_shape), dtype=array.dtype if array.dtype.kind in "iufb" else "f8")
    if array.dtype.kind not in "iufb" or array.shape[1:] != row_shape or array.ndim == 0:
        raise DataFormatError(
            f"{where}: '{key}' should be numbers in rows of {row_shape}, "
            f"got {array.dtype} of shape {array.shape}"
        )
    return array


def convert_array(value: Any, key: str, where: str) -> np.ndarray:
    """Turn arrays or nested lists into an array.

    Raises:
        DataFormatError: rows of different lengths.
    """
    try:
        return np.asarray(value)
    except (ValueError, OverflowError) as error:
        raise DataFormatError(f"{where}: '{key}' has rows of different lengths") from error


def check_count(count: int, expected: int, key: str, where: str) -> None:
    """Check that a column has as many rows as its table.

    Raises:
        DataFormatError: it has not.
    """
    if count != expected:
        raise DataFormatError(f"{where}: expected {expected} rows of '{key}', got {count}")


def build_transforms(rotation: np.ndarray, translation: np.ndarray) -> np.ndarray:
    """Return (..., 4, 4) transforms from rotations (..., 3, 3) and translations (..., 3)."""
    transform = np.zeros((*rotation.shape[:-2], 4, 4))
    transform[..., :3, :3] = rotation
    transform[..., :3, 3] = translation
    transform[..., 3, 3] = 1.0
    return transform


def change_camera_frame(transform: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """Express object-to-camera transforms (..., 4, 4) in OpenCV's camera frame.

    Identity stays identity, because there it means "no estimate".
    """
    converted = np.array(transform, dtype=float)
    converted[..., :3, :] *= signs[:, None]
    return np.where(is_identity(transform)[..., None, None], np.eye(4), converted)


def is_identity(transform: np.ndarray) -> np.ndarray:
    """Tell which transforms (..., 4, 4) are exactly the identity, which means no estimate."""
    return np.asarray((transform == np.eye(4)).all(axis=(-2, -1)))


def is_pose(transform: np.ndarray) -> np.ndarray:
    """Tell which of the transforms (..., 4, 4) are similarities that a method could have meant."""
    finite = (np.abs(transform) < _LARGEST_METRES).all(axis=(-2, -1))
    scale = compute_scale(np.where(finite[..., None, None], transform, np.eye(4)))
    return np.asarray(finite & (scale > 0) & ~is_identity(transform))


def check_confidence(confidence: np.ndarray, key: str, where: str) -> None:
    """Check that confidences are finite, also as float32.

    Raises:
        DataFormatError: one is not.
    """
    if not (np.abs(confidence) < _LARGEST_CONFIDENCE).all():
        raise DataFormatError(f"{where}: '{key}' should be finite")


def check_pixels(boxes: np.ndarray, key: str, where: str) -> None:
    """Check that boxes hold pixels.

    Raises:
        DataFormatError: a value is not finite or absurdly large.
    """
    if not (np.abs(boxes) < _LARGEST_PIXEL).all():
        raise DataFormatError(f"{where}: '{key}' should hold pixels, got values beyond 1e6")


def build_estimates(transform: np.ndarray, extents: np.ndarray) -> Estimates:
    """Build estimates; what is not a pose becomes the identity, marked as not estimated.

    Args:
        transform: (M, 4, 4) similarities.
        extents: (M, 3), box sides divided by the scale.
    """
    estimated = is_pose(transform)
    return Estimates(
        estimated=estimated,
        transform=np.where(estimated[:, None, None], transform, np.eye(4)),
        extents=extents,
    )


def build_detections(
    category: np.ndarray, bbox: np.ndarray, confidence: np.ndarray | None = None
) -> Detections:
    """Build detections of one frame; without a confidence each gets 1."""
    return Detections(
        frame=np.zeros(len(category)),
        category=category,
        bbox=np.rint(bbox),
        confidence=np.ones(len(category)) if confidence is None else confidence,
    )


def build_ground_truth(
    *,
    category: np.ndarray,
    transform: np.ndarray,
    extents: np.ndarray,
    bbox: np.ndarray,
    instance: Sequence[str] | None = None,
    handle_visible: np.ndarray | None = None,
    where: str,
) -> GroundTruth:
    """Build the ground truth of one frame; without a word on handles, all of them are visible.

    Raises:
        DataFormatError: a true pose is not a similarity.
    """
    rows = len(category)
    if not (is_pose(transform) | is_identity(transform)).all():
        raise DataFormatError(f"{where}: a ground-truth pose is not finite, or singular")
    return GroundTruth(
        frame=np.zeros(rows),
        category=category,
        instance=np.array([""] * rows if instance is None else instance, dtype=str),
        transform=transform,
        extents=extents,
        bbox=np.rint(bbox),
        handle_visible=np.ones(rows) if handle_visible is None else handle_visible,
        visible_pixels=np.full(rows, -1),
    )


def project_boxes(transform: np.ndarray, extents: np.ndarray, intrinsics: Intrinsics) -> np.ndarray:
    """Return the pixel boxes (N, 4) around projected object boxes, cut off at the image's border.

    They stand in for boxes that a file does not have. An object of unknown proportions counts as a
    cube; one that is not in front of the camera gets zeros.
    """
    known = is_pose(transform)
    sides = np.where(np.abs(extents) < _LARGEST_METRES, extents, 3**-0.5)
    points = compute_corners(np.where(known[:, None, None], transform, np.eye(4)), sides)
    in_front = points[..., 2].min(axis=1) > 0
    depth = np.where(in_front[:, None], points[..., 2], 1.0)
    u = intrinsics.fx * points[..., 0] / depth + intrinsics.cx
    v = intrinsics.fy * points[..., 1] / depth + intrinsics.cy
    box = np.stack([v.min(1), u.min(1), v.max(1), u.max(1)], axis=-1)
    limits = [intrinsics.height - 1, intrinsics.width - 1] * 2
    return np.asarray(np.rint(np.clip(box, 0, limits)) * (in_front & known)[:, None])


def _name_keys(content: Mapping[str, Any]) -> str:
    names = ", ".join(str(key)[:40] for key in list(content)[:8])
    return f"the keys {names}" if names else "no keys at all"
