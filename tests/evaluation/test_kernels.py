"""Matching and average precision against what they say, written plainly."""

import numpy as np
import pytest

from benchmark.evaluation.kernels import (
    compute_average_precision,
    match_overlaps,
    match_poses,
    resample_average_precision,
)
from benchmark.evaluation.matches import Matches

ONE_BLOCK = (np.array([0, 2]), np.array([0, 2]), np.array([0, 4]))


def _compute_plain_ap(matched: np.ndarray, truths: int) -> float:
    """Area below the precision envelope, one point after the other."""
    found = np.cumsum(matched)
    recall, precision = found / truths, found / np.arange(1, len(matched) + 1)
    area, before = 0.0, 0.0
    for place in range(len(matched)):
        area += (recall[place] - before) * precision[place:].max()
        before = recall[place]
    return area


def _pack(matched: np.ndarray) -> np.ndarray:
    """Return the bits that stand for (D, T) bool."""
    matches = Matches.make(len(matched), matched.shape[1:])
    matches.store(slice(None), np.where(matched, 0, -1))
    return matches.bits


def test_average_precision_is_the_area_below_the_envelope() -> None:
    generator = np.random.default_rng(0)
    matched = generator.random((40, 30)) < np.linspace(0.05, 0.95, 30)
    ranked = generator.permutation(40)
    ap, precision = compute_average_precision(_pack(matched), 30, ranked, 50)
    expected = [_compute_plain_ap(column, 50) for column in matched[ranked].T]
    np.testing.assert_allclose(ap, expected, atol=1e-12)
    np.testing.assert_allclose(precision, matched.mean(axis=0), atol=1e-12)


def test_empty_sides_of_average_precision() -> None:
    nothing, some = _pack(np.zeros((0, 2), bool)), _pack(np.zeros((3, 2), bool))
    ap, precision = compute_average_precision(nothing, 2, np.arange(0), 4)
    assert (ap == 0).all()
    assert np.isnan(precision).all()
    ap, precision = compute_average_precision(some, 2, np.arange(3), 0)
    assert np.isnan(ap).all()
    assert (precision == 0).all()


def test_overlap_matching_is_greedy_and_strict() -> None:
    """The first detection takes what it overlaps most; the threshold itself is not enough."""
    overlap = np.array([0.6, 0.5, 0.9, 0.5])
    partner = match_overlaps(*ONE_BLOCK, overlap, np.array([0.1, 0.5, 0.6]))
    np.testing.assert_array_equal(partner, [[0, 0, -1], [1, -1, 0]])


def test_pose_matching_takes_the_least_cost_and_includes_the_threshold() -> None:
    degree, cm = np.array([4.0, 2.0, 5.0, 1.0]), np.array([1.0, 2.0, 2.0, 9.0])
    shift_at = np.where(degree[:, None] <= np.array([2.0, 5.0]), cm[:, None], np.inf)
    partner = match_poses(*ONE_BLOCK, degree + cm, shift_at, np.array([1.0, 2.0, 100.0]))
    # Detection 0: object 1 costs 4, object 0 costs 5. Detection 1: object 0 costs 7.
    np.testing.assert_array_equal(partner[0], [[-1, 1, 1], [0, 1, 1]])
    np.testing.assert_array_equal(partner[1], [[-1, -1, -1], [-1, 0, 0]])


def test_ties_of_overlap_go_to_the_later_object() -> None:
    partner = match_overlaps(*ONE_BLOCK, np.full(4, 0.7), np.array([0.5]))
    np.testing.assert_array_equal(partner[:, 0], [1, 0])


@pytest.mark.parametrize("seed", range(5))
def test_resampling_equals_writing_frames_out(seed: int) -> None:
    """A frame drawn three times is three frames, whose detections stand side by side."""
    generator = np.random.default_rng(seed)
    matched, frame = generator.random((30, 2)) < 0.5, generator.integers(0, 6, 30)
    weights = generator.integers(0, 4, (3, 6)).astype(float)
    truths = generator.integers(25, 40, 3).astype(float)
    ap = resample_average_precision(matched, frame, weights, truths)
    for row, weight in enumerate(weights):
        written = np.repeat(matched, weight[frame].astype(int), axis=0)
        expected = [_compute_plain_ap(column, int(truths[row])) for column in written.T]
        np.testing.assert_allclose(ap[row], expected, atol=1e-12)
