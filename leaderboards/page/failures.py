"""The worst failures of a run: matched objects whose pose is furthest off, by category."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.categories import CATEGORIES
from benchmark.evaluation.instances import Instances
from benchmark.evaluation.overlaps import has_sizes
from benchmark.geometry.similarity import compute_scale
from benchmark.predictions import Predictions
from leaderboards.page.scores import clean

FAILURE_PROTOCOL = "genpose"
"""Matches by pixel box, so that even a pose without any overlap is measured."""

UNIT_DEG, UNIT_CM = 5.0, 2.0
"""The worst of two errors is the larger as a multiple of the strictest threshold's."""


@dataclass(frozen=True, kw_only=True)
class ObjectKey:
    """A detection, as runs on the same data share it.

    Attributes:
        data: fingerprint of the data that it belongs to.
        frame: frame id.
        row: of the detection within its frame.
    """

    data: str
    frame: str
    row: int


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One object whose pose is far off.

    Attributes:
        category: index of the category, 0 to 5.
        rank: 0 for the worst of its category.
        key: the detection.
        truth: row of the ground-truth table.
        detection: row of the detections table.
        degree, cm: errors.
    """

    category: int
    rank: int
    key: ObjectKey
    truth: int
    detection: int
    degree: float
    cm: float


def find_failures(
    predictions: Predictions, instances: Instances, data: str, count: int
) -> list[Failure]:
    """Return the `count` worst matched objects of each category, worst first."""
    severity = np.maximum(instances.degree / UNIT_DEG, instances.cm / UNIT_CM)
    rows_in_frame = number_within(predictions.detections.frame)
    failures = []
    for index, category in enumerate(CATEGORIES):
        mine = predictions.ground_truth.category == category.id
        rows = np.flatnonzero(mine & (instances.detection >= 0) & np.isfinite(severity))
        worst = rows[np.argsort(-severity[rows], kind="stable")][:count]
        for rank, row in enumerate(worst):
            detection = int(instances.detection[row])
            frame = str(predictions.frames.id[predictions.detections.frame[detection]])
            failures.append(
                Failure(
                    category=index,
                    rank=rank,
                    key=ObjectKey(data=data, frame=frame, row=int(rows_in_frame[detection])),
                    truth=int(row),
                    detection=detection,
                    degree=float(instances.degree[row]),
                    cm=float(instances.cm[row]),
                )
            )
    return failures


def number_within(groups: np.ndarray) -> np.ndarray:
    """Return each element's position (n,) among the elements of its group, in order."""
    order = np.argsort(groups, kind="stable")
    ordered = groups[order]
    starts = np.searchsorted(ordered, ordered)
    position = np.empty(len(groups), int)
    position[order] = np.arange(len(groups)) - starts
    return position


def describe_failure(
    predictions: Predictions, instances: Instances, failure: Failure
) -> dict[str, Any]:
    """Return a failure as plain values: what it is, and both boxes in the camera frame.

    A box is a pose (3, 4), row by row, and the sides in metres. Where the method predicts no
    size, its box has the true one.
    """
    truths, estimates = predictions.ground_truth, predictions.estimates
    truth, detection = failure.truth, failure.detection
    true_box = _describe_box(truths.transform[truth], truths.extents[truth])
    box = _describe_box(estimates.transform[detection], estimates.extents[detection])
    if not has_sizes(predictions):
        box["size"] = true_box["size"]
    return {
        "category": failure.category,
        "frame": failure.key.frame,
        "instance": str(truths.instance[truth]),
        "degree": clean(failure.degree),
        "cm": clean(failure.cm),
        "confidence": clean(float(predictions.detections.confidence[detection])),
        "visible": int(truths.visible_pixels[truth]),
        "overlap": clean(float(instances.overlap[truth])),
        "truth": true_box,
        "prediction": box,
    }


def _describe_box(transform: np.ndarray, extents: np.ndarray) -> dict[str, Any]:
    scale = float(compute_scale(transform))
    pose = transform[:3].copy()
    pose[:, :3] /= scale
    return {
        "pose": [clean(value, 5) for value in pose.ravel()],
        "size": [clean(value, 5) for value in scale * extents],
    }


def count_missed(predictions: Predictions, instances: Instances) -> list[int]:
    """Return how many objects of each category no detection was matched to."""
    missed = predictions.ground_truth.category[instances.detection < 0]
    return [int((missed == category.id).sum()) for category in CATEGORIES]
