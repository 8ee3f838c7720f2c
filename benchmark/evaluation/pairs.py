"""Blocks and pairs: detections and objects of one category in one frame, and who may match whom.

Matching never crosses frames or categories, so everything the evaluators do happens inside such a
block. Blocks are laid end to end in flat arrays, which compiled loops can run through; what takes
much memory is done for some of them at a time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from benchmark.categories import CATEGORIES
from benchmark.predictions import Predictions
from benchmark.records import Detections, GroundTruth

_KEYS_PER_FRAME = 256
_AT_A_TIME = 4096


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """All pairs of a detection and an object of the same frame and category.

    Blocks are ordered by frame, then category; detections in a block by descending confidence;
    pairs in a block row by row, one row a detection.

    Attributes:
        detection: (D,) rows of the detections table, in block order.
        truth: (G,) rows of the ground-truth table, in block order.
        detection_start, truth_start, pair_start: (B + 1,) where each block begins.
        category: (D,) class ids of `detection`.
        truth_category: (G,) class ids of `truth`.
    """

    detection: np.ndarray
    truth: np.ndarray
    detection_start: np.ndarray
    truth_start: np.ndarray
    pair_start: np.ndarray
    category: np.ndarray
    truth_category: np.ndarray

    @cached_property
    def pair_detection(self) -> np.ndarray:
        """(P,) positions in `detection`."""
        return np.repeat(np.arange(len(self.detection)), self._per_detection)

    @cached_property
    def pair_truth(self) -> np.ndarray:
        """(P,) positions in `truth`."""
        first = np.repeat(self.truth_start[:-1], np.diff(self.detection_start))
        before = np.cumsum(self._per_detection) - self._per_detection
        shift = np.repeat(first - before, self._per_detection)
        return np.asarray(np.arange(self.pair_start[-1]) + shift)

    @property
    def _per_detection(self) -> np.ndarray:
        """(D,) how many objects each detection may match."""
        return np.repeat(np.diff(self.truth_start), np.diff(self.detection_start))

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

    def split(self) -> Iterator["Part"]:
        """Yield all blocks, some thousand detections and pairs at a time."""
        size = self.detection_start + self.truth_start + self.pair_start
        ends = np.searchsorted(size, np.arange(0, size[-1], _AT_A_TIME))
        for first, last in pairwise(np.unique([*ends, len(size) - 1])):
            yield self._take(first, last)

    def _take(self, first: int, last: int) -> "Part":
        """Return the blocks from `first` to before `last`."""
        starts = [start[first : last + 1] for start in self.starts]
        detections, truths, pairs = (slice(start[0], start[-1]) for start in starts)
        alone = Pairs(
            detection=self.detection[detections],
            truth=self.truth[truths],
            detection_start=starts[0] - starts[0][0],
            truth_start=starts[1] - starts[1][0],
            pair_start=starts[2] - starts[2][0],
            category=self.category[detections],
            truth_category=self.truth_category[truths],
        )
        return Part(detections=detections, truths=truths, pairs=pairs, alone=alone)


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some blocks in a row.

    Attributes:
        detections, truths, pairs: where they lie in the arrays of the whole.
        alone: they by themselves, their positions counted from 0.
    """

    detections: slice
    truths: slice
    pairs: slice
    alone: Pairs


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
        detection=detection.astype(np.int32),
        truth=truth.astype(np.int32),
        detection_start=starts[0],
        truth_start=starts[1],
        pair_start=np.concatenate([[0], np.cumsum(np.diff(starts[0]) * np.diff(starts[1]))]),
        category=detections.category[detection],
        truth_category=truths.category[truth],
    )


def _compute_keys(table: Detections | GroundTruth) -> np.ndarray:
    return np.asarray(table.frame.astype(np.int64) * _KEYS_PER_FRAME + table.category)


def count_by_category(category: np.ndarray) -> np.ndarray:
    """Return how many rows each of the six categories has."""
    return np.bincount(category, minlength=len(CATEGORIES) + 1)[1:]
