"""One row per annotated object: what was matched to it, how far off it is, what it passes."""

from dataclasses import dataclass

import numpy as np

from benchmark.columns import Table, column
from benchmark.evaluation.protocols import (
    HEADLINE,
    MATCH_OVERLAP,
    OVERLAP_THRESHOLDS,
    SHIFT_THRESHOLDS_CM,
)
from benchmark.evaluation.scoring import Scores, find_truths
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
    pairs, count = scores.pairs, len(predictions.ground_truth)
    threshold = OVERLAP_THRESHOLDS.index(MATCH_OVERLAP)
    partner = scores.overlap_partner[:, threshold]
    truth = find_truths(pairs, partner)
    matched = np.flatnonzero(truth >= 0)
    rows, pair = pairs.truth[truth[matched]], _find_pairs(scores, matched, partner[matched])
    detection, overlap = np.full(count, -1), np.zeros(count)
    degree, cm = np.full(count, np.nan), np.full(count, np.nan)
    detection[rows] = pairs.detection[matched]
    np.maximum.at(overlap, pairs.truth[pairs.pair_truth], scores.overlap)
    overlap[rows] = scores.overlap[pair]
    degree[rows], cm[rows] = scores.errors.degree[pair], scores.errors.cm[pair]
    counted, candidates = np.zeros(count, bool), np.zeros(count, int)
    counted[pairs.truth] = scores.counted_truths
    candidates[pairs.truth] = np.repeat(np.diff(pairs.detection_start), np.diff(pairs.truth_start))
    return Instances(
        counted=counted,
        detection=detection,
        candidates=candidates,
        overlap=overlap,
        degree=degree,
        cm=cm,
        passed=_find_passed(scores, count),
    )


def _find_pairs(scores: Scores, detection: np.ndarray, partner: np.ndarray) -> np.ndarray:
    """Return the pairs of detections (n,), as positions, with the objects they were matched to."""
    pairs = scores.pairs
    block = np.searchsorted(pairs.detection_start, detection, side="right") - 1
    width = np.diff(pairs.truth_start)[block]
    within = (detection - pairs.detection_start[block]) * width
    return np.asarray(pairs.pair_start[block] + within + partner)


def _find_passed(scores: Scores, count: int) -> np.ndarray:
    passed = np.zeros((count, len(HEADLINE)), bool)
    for index, place in enumerate(locate_headline(scores)):
        truth = find_truths(scores.pairs, scores.pose_partner[:, *place])
        passed[scores.pairs.truth[truth[truth >= 0]], index] = True
    return passed


def locate_headline(scores: Scores) -> list[tuple[int, int]]:
    """Return where the headline thresholds lie on the axes of the pose curves."""
    degrees = scores.protocol.degree_thresholds
    return [(degrees.index(d), SHIFT_THRESHOLDS_CM.index(cm)) for d, cm in HEADLINE]
