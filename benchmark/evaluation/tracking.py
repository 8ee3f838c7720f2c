"""Scores of tracked sequences: accuracy at 5 degrees and 5 cm, and mean errors."""

from dataclasses import replace

import numpy as np

from benchmark.categories import CATEGORIES
from benchmark.evaluation.instances import METRIC_NAMES, Instances, list_instances
from benchmark.evaluation.pairs import count_by_category
from benchmark.evaluation.protocols import Options, Protocol
from benchmark.evaluation.result import CategoryResult, ProtocolResult, summarise
from benchmark.evaluation.scoring import score_detections
from benchmark.predictions import Predictions

ACCURATE_DEG, ACCURATE_CM = 5.0, 5.0


def compute_tracking_metrics(degree: np.ndarray, cm: np.ndarray) -> dict[str, float]:
    """Return accuracy in percent and mean errors of one category's tracked poses.

    Args:
        degree, cm: (n,) errors of all instances and frames; an error equal to 5 still passes.
    """
    if not len(degree):
        return dict.fromkeys(("5deg_5cm", "mean_deg", "mean_cm"), np.nan)
    accurate = (degree <= ACCURATE_DEG) & (cm <= ACCURATE_CM)
    return {
        "5deg_5cm": 100.0 * float(accurate.mean()),
        "mean_deg": float(degree.mean()),
        "mean_cm": float(cm.mean()),
    }


def score_tracking(
    predictions: Predictions, protocol: Protocol, options: Options
) -> tuple[ProtocolResult, Instances]:
    """Score tracked poses; each is one row of the detections table.

    A tracked pose belongs to the object of its category whose pixel box it overlaps most. Objects
    without one are left out of the means, as in the official code, and counted in a note.
    """
    scores = score_detections(predictions, replace(protocol, counting="all"), options)
    instances = list_instances(predictions, scores)
    counted = _find_scored_frames(predictions, protocol)[predictions.ground_truth.frame]
    tracked = counted & (instances.detection >= 0)
    accurate = (instances.degree <= ACCURATE_DEG) & (instances.cm <= ACCURATE_CM)
    passed = np.zeros_like(instances.passed)
    passed[:, METRIC_NAMES.index("5deg_5cm")] = tracked & accurate
    instances = replace(instances, counted=tracked, passed=passed)
    lost = int((counted & ~tracked).sum())
    block = summarise(
        _list_categories(predictions, instances, counted),
        protocol=protocol.id,
        version=protocol.version,
        options=options.describe(),
        frames=len(predictions.frames),
        notes=(f"{lost} objects without a tracked pose are left out",) if lost else (),
    )
    return block, instances


def _find_scored_frames(predictions: Predictions, protocol: Protocol) -> np.ndarray:
    """Tell which frames count: all, or all but the first of each sequence."""
    frames = predictions.frames
    scored = np.ones(len(frames), bool)
    if protocol.skip_first_frame:
        for scene in np.unique(frames.scene):
            rows = np.flatnonzero(frames.scene == scene)
            scored[rows[np.argmin(frames.number[rows])]] = False
    return scored


def _list_categories(
    predictions: Predictions, instances: Instances, counted: np.ndarray
) -> list[CategoryResult]:
    category = predictions.ground_truth.category
    truths = count_by_category(category[counted])
    detections = count_by_category(predictions.detections.category)
    rows = []
    for index, item in enumerate(CATEGORIES):
        mine = instances.take((category == item.id) & instances.counted)
        rows.append(
            CategoryResult(
                category=item.name,
                instances=int(truths[index]),
                detections=int(detections[index]),
                matched=len(mine),
                metrics=compute_tracking_metrics(mine.degree, mine.cm),
            )
        )
    return rows
