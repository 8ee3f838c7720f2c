"""Blocks and pairs: detections and objects of one category in one frame, and who may match whom.

Matching never crosses frames or categories, so everything the evaluators do happens inside such a
block. Blocks are laid end to end in flat arrays, which compiled loops can run through.
"""

from dataclasses import dataclass

import numpy as np

from benchmark.categories import CATEGORIES
from benchmark.predictions import Predictions
from benchmark.records import Detections, GroundTruth

_KEYS_PER_FRAME = 256


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """All pairs of a detection and an object of the same frame and category.

    Blocks are ordered by frame, then category; detections in a block by descending confidence;
    pairs in a block row by row, one row a detection.

    Attributes:
        detection: (D,) rows of the detections table, in block order.
        truth: (G,) rows of the ground-truth table, in block order.
        detection_start, truth_start, pair_start: (B + 1,) where each block begins.
        pair_detection, pair_truth: (P,) positions in `detection` and `truth`.
        category: (D,) class ids of `detection`.
        truth_category: (G,) class ids of `truth`.
    """

    detection: np.ndarray
    truth: np.ndarray
    detection_start: np.ndarray
    truth_start: np.ndarray
    pair_start: np.ndarray
    pair_detection: np.ndarray
    pair_truth: np.ndarray
    category: np.ndarray
    truth_category: np.ndarray

    @property
    def starts(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where each block begins, of detections, objects and pairs."""
        return self.detection_start, self.truth_start, self.pair_start

    def rank(self, confidence: np.ndarray, category: int, stable_ties: bool) -> np.ndarray:
        """Return the positions of a category's detections by descending confidence.

        Args:
            confidence: (rows of the detections table,).
            category: class id.
            stable_ties: see `Protocol`.
        """
        positions = np.flatnonzero(self.category == category)
        order = order_descending(confidence[self.detection[positions]], stable_ties)
        return np.asarray(positions[order])


def order_descending(confidence: np.ndarray, stable_ties: bool) -> np.ndarray:
    """Return the order of descending confidence; ties keep their order, or are reversed."""
    if stable_ties:
        return np.argsort(-confidence, kind="stable")
    return np.argsort(confidence, kind="stable")[::-1]


def build_pairs(predictions: Predictions, stable_ties: bool) -> Pairs:
    """Group detections and ground truth by frame and category, and list all pairs."""
    detections, truths = predictions.detections, predictions.ground_truth
    detection_keys, truth_keys = _compute_keys(detections), _compute_keys(truths)
    detection = order_descending(detections.confidence, stable_ties)
    detection = detection[np.argsort(detection_keys[detection], kind="stable")]
    truth = np.argsort(truth_keys, kind="stable")
    keys = np.union1d(detection_keys, truth_keys)
    starts = [
        np.append(np.searchsorted(sorted_keys, keys), len(sorted_keys))
        for sorted_keys in (detection_keys[detection], truth_keys[truth])
    ]
    return Pairs(
        detection=detection,
        truth=truth,
        category=detections.category[detection],
        truth_category=truths.category[truth],
        **_list_pairs(*starts),
    )


def _compute_keys(table: Detections | GroundTruth) -> np.ndarray:
    return np.asarray(table.frame.astype(np.int64) * _KEYS_PER_FRAME + table.category)


def _list_pairs(detection_start: np.ndarray, truth_start: np.ndarray) -> dict[str, np.ndarray]:
    columns = np.diff(truth_start)
    counts = np.diff(detection_start) * columns
    pair_start = np.concatenate([[0], np.cumsum(counts)])
    block = np.repeat(np.arange(len(counts)), counts)
    within = np.arange(pair_start[-1]) - pair_start[block]
    return {
        "detection_start": detection_start,
        "truth_start": truth_start,
        "pair_start": pair_start,
        "pair_detection": detection_start[block] + within // columns[block],
        "pair_truth": truth_start[block] + within % columns[block],
    }


def count_by_category(category: np.ndarray) -> np.ndarray:
    """Return how many rows each of the six categories has."""
    return np.bincount(category, minlength=len(CATEGORIES) + 1)[1:]
