"""One row per annotated object: what was matched to it, how far off it is, what it passes."""

from dataclasses import dataclass

import numpy as np

from benchmark.columns import Table, column
from benchmark.evaluation.measurements import find_truths
from benchmark.evaluation.pairs import Pairs, Part
from benchmark.evaluation.protocols import HEADLINE
from benchmark.evaluation.scoring import Scores
from benchmark.predictions import Predictions

METRIC_NAMES = tuple(f"{degree:g}deg_{cm:g}cm" for degree, cm in HEADLINE)


@dataclass(frozen=True, kw_only=True)
class Instances(Table):
    """One row per row of the ground-truth table, in the same order.

    Attributes:
        counted: whether the pose AP counts the object at all.
        detection: row of the matched detection, -1 where none is matched.
        candidates: number of detections of its category in its frame.
        overlap: overlap with the matched detection, else the largest with any; 0 without any.
        degree, cm: errors of the matched detection; NaN where none is matched.
        passed: whether some detection counts as right at each of `METRIC_NAMES`.
    """

    counted: np.ndarray = column("?")
    detection: np.ndarray = column("i8")
    candidates: np.ndarray = column("i8")
    overlap: np.ndarray = column("f8")
    degree: np.ndarray = column("f8")
    cm: np.ndarray = column("f8")
    passed: np.ndarray = column("?", len(METRIC_NAMES))


def list_instances(predictions: Predictions, scores: Scores) -> Instances:
    """Say of every annotated object how it fared under one protocol."""
    instances = _make_room(len(predictions.ground_truth))
    for part in scores.pairs.split():
        rows, pairs = part.alone.truth, part.alone
        instances.counted[rows] = scores.counted_truths[part.truths]
        instances.candidates[rows] = np.repeat(
            np.diff(pairs.detection_start), np.diff(pairs.truth_start)
        )
        _store_matches(instances, scores, part)
        for index, partner in enumerate(scores.headline_partner[part.detections].T):
            found = find_truths(pairs, partner)
            instances.passed[rows[found[found >= 0]], index] = True
    return instances


def _make_room(count: int) -> Instances:
    """Return objects that nothing is matched to."""
    return Instances(
        counted=np.zeros(count, bool),
        detection=np.full(count, -1),
        candidates=np.zeros(count, int),
        overlap=np.zeros(count),
        degree=np.full(count, np.nan),
        cm=np.full(count, np.nan),
        passed=np.zeros((count, len(METRIC_NAMES)), bool),
    )


def _store_matches(instances: Instances, scores: Scores, part: Part) -> None:
    """Fill in the matched detections of a few blocks, how far they overlap and are off."""
    pairs, partner = part.alone, scores.partner[part.detections]
    overlap = scores.overlap[part.pairs]
    np.maximum.at(instances.overlap, pairs.truth[pairs.pair_truth], overlap)
    truth = find_truths(pairs, partner)
    matched = np.flatnonzero(truth >= 0)
    rows, pair = pairs.truth[truth[matched]], _find_pairs(pairs, matched, partner[matched])
    instances.detection[rows] = pairs.detection[matched]
    instances.overlap[rows] = overlap[pair]
    instances.degree[rows] = scores.errors.degree[part.pairs][pair]
    instances.cm[rows] = scores.errors.cm[part.pairs][pair]


def _find_pairs(pairs: Pairs, detection: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """Return the pairs of detections (n,), as positions, with the objects they were matched to."""
    block = np.searchsorted(pairs.detection_start, detection, side="right") - 1
    width = np.diff(pairs.truth_start)[block]
    within = (detection - pairs.detection_start[block]) * width
    return np.asarray(pairs.pair_start[block] + within + partner)
