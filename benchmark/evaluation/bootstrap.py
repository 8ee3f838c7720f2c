"""Bootstrap intervals: frames are drawn again with replacement, matches stay as they are."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmark.categories import CATEGORIES
from benchmark.evaluation.instances import METRIC_NAMES
from benchmark.evaluation.protocols import OVERLAP_THRESHOLDS
from benchmark.evaluation.result import Interval
from benchmark.evaluation.scoring import Scores
from benchmark.predictions import Predictions

SIZE_METRICS = {"iou_50": 0.5, "iou_75": 0.75}
_COVERAGE = (2.5, 97.5)
_WEIGHTS_AT_A_TIME = 1 << 19


def compute_intervals(
    predictions: Predictions, scores: Scores, rounds: int, seed: int
) -> list[dict[str, Interval]]:
    """Return 95 % bootstrap intervals of AP in percent: one dict a category, then the mean's.

    A frame's objects are drawn together, because their errors share a view. Neighbouring frames of
    a video are still alike, so for video the intervals are narrower than they should be.

    The intervals are reverse percentiles ("basic" bootstrap): the precision envelope makes AP too
    large in small sets, and larger still in resampled ones. Plain percentiles would lie above the
    value too often; turned around, the bias cancels.

    Args:
        predictions: what was scored.
        scores: under a protocol that counts every object.
        rounds: number of resampled sets.
        seed: of the draws; the same seed gives the same intervals.
    """
    items = _list_categories(predictions, scores)
    frames = len(predictions.frames)
    samples = _resample_rounds(items, frames, rounds, seed)
    whole = _resample(items, np.ones((1, frames)))
    samples, whole = (np.concatenate([a, a.mean(axis=0, keepdims=True)]) for a in (samples, whole))
    return [_find_intervals(*pair) for pair in zip(samples, whole[:, 0], strict=True)]


def resample_scores(predictions: Predictions, scores: Scores, rounds: int, seed: int) -> np.ndarray:
    """Return AP in percent (6, rounds, metrics) of resampled sets of frames."""
    items = _list_categories(predictions, scores)
    return _resample_rounds(items, len(predictions.frames), rounds, seed)


def resample_by_weight(predictions: Predictions, scores: Scores, weights: np.ndarray) -> np.ndarray:
    """Return AP in percent (6, rounds, metrics) with every frame as often as its weight says.

    Args:
        predictions: what was scored.
        scores: under any protocol that matches detections.
        weights: (rounds, frames), as `draw_weights` gives them.
    """
    return _resample(_list_categories(predictions, scores), weights)


@dataclass(frozen=True, kw_only=True)
class _Category:
    """What resampling needs to know of one category.

    Attributes:
        matched: (n, metrics) bool, its detections by descending confidence.
        frame: (n,) their frames.
        truths: (frames,) number of its objects in each frame.
    """

    matched: np.ndarray
    frame: np.ndarray
    truths: np.ndarray


def _list_categories(predictions: Predictions, scores: Scores) -> list[_Category]:
    matched = _collect_matches(scores)
    pairs, truths = scores.pairs, predictions.ground_truth
    items = []
    for category in CATEGORIES:
        ranked = pairs.rank(
            predictions.detections.confidence, category.id, scores.protocol.stable_ties
        )
        ranked = ranked[scores.counted_detections[ranked]]
        counted = pairs.truth[scores.counted_truths & (pairs.truth_category == category.id)]
        items.append(
            _Category(
                matched=matched[ranked],
                frame=predictions.detections.frame[pairs.detection[ranked]].astype(np.int64),
                truths=np.bincount(truths.frame[counted], minlength=len(predictions.frames)),
            )
        )
    return items


def _resample(items: list[_Category], weights: np.ndarray) -> np.ndarray:
    """Return AP in percent (6, rounds, metrics) for weights (rounds, frames)."""
    from benchmark.evaluation import kernels

    samples = [
        kernels.resample_average_precision(
            item.matched, item.frame, weights, (weights @ item.truths).astype(np.float64)
        )
        for item in items
    ]
    return 100.0 * np.stack(samples)


def _resample_rounds(items: list[_Category], frames: int, rounds: int, seed: int) -> np.ndarray:
    """Return AP in percent (6, rounds, metrics) of resampled sets of frames."""
    parts = [_resample(items, weights) for weights in _iterate_weights(frames, rounds, seed)]
    return np.concatenate(parts, axis=1)


def draw_weights(frames: int, rounds: int, seed: int) -> np.ndarray:
    """Return (rounds, frames) how often each frame is drawn when as many are drawn again."""
    return np.concatenate(list(_iterate_weights(frames, rounds, seed)))


def _iterate_weights(frames: int, rounds: int, seed: int) -> Iterator[np.ndarray]:
    """Yield what `draw_weights` returns, some rounds at a time: frames times rounds are many."""
    generator = np.random.default_rng([seed, frames, rounds])
    at_a_time = max(1, _WEIGHTS_AT_A_TIME // max(1, frames))
    for start in range(0, rounds, at_a_time):
        count = min(at_a_time, rounds - start)
        drawn = generator.integers(0, frames, (count, frames)) + frames * np.arange(count)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=count * frames)
        yield counts.reshape(count, frames).astype(np.float64)


def _collect_matches(scores: Scores) -> np.ndarray:
    """Return (D, metrics) bool: right at each headline threshold, then at each of size."""
    columns = [scores.pose_matches.at(*place) for place in scores.protocol.headline_places]
    if scores.size_matches is not None:
        places = [OVERLAP_THRESHOLDS.index(value) for value in SIZE_METRICS.values()]
        columns += [scores.size_matches.at(place) for place in places]
    return np.stack(columns, axis=1)


def _find_intervals(samples: np.ndarray, value: np.ndarray) -> dict[str, Interval]:
    """Return the intervals of one category from its samples (rounds, metrics) and values."""
    usable = samples[~np.isnan(samples).any(axis=1)]
    if not len(usable):
        return {}
    low, high = np.clip(2 * value - np.percentile(usable, _COVERAGE[::-1], axis=0), 0.0, 100.0)
    names = (*METRIC_NAMES, *SIZE_METRICS)
    return {name: (float(a), float(b)) for name, a, b in zip(names, low, high, strict=False)}
