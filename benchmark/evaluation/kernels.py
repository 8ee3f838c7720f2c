"""Compiled loops of the evaluators: greedy matching and average precision over all thresholds."""

import math

import numba
import numpy as np

Array = np.ndarray
UNMATCHED = -1
_BYTES = np.arange(256, dtype=np.uint8)
_EIGHT_BITS = np.unpackbits(_BYTES, bitorder="little").view(np.uint64)
"""The bits of every byte, each as a byte of its own."""


@numba.njit(cache=True)
def match_overlaps(
    detection_start: Array,
    truth_start: Array,
    pair_start: Array,
    overlap: Array,
    thresholds: Array,
) -> Array:
    """Match detections to objects greedily, at every overlap threshold.

    In order of confidence, each detection takes the free object that it overlaps most, if by more
    than the threshold.

    Args:
        detection_start, truth_start, pair_start: (B + 1,) as in `Pairs`.
        overlap: (P,) float64; NaN never matches.
        thresholds: (T,).

    Returns:
        (D, T) int16, the index in its block of the object taken, -1 for none.
    """
    partner = np.full((detection_start[-1], len(thresholds)), UNMATCHED, dtype=np.int16)
    for block in range(len(pair_start) - 1):
        first, last = detection_start[block], detection_start[block + 1]
        truths = truth_start[block + 1] - truth_start[block]
        pairs = overlap[pair_start[block] : pair_start[block + 1]].reshape(last - first, truths)
        preferred = _rank_rows(-pairs, True)
        taken = np.empty(truths, dtype=np.bool_)
        for t in range(len(thresholds)):
            taken[:] = False
            for i in range(last - first):
                for j in preferred[i]:
                    if not taken[j] and pairs[i, j] > thresholds[t]:
                        taken[j] = True
                        partner[first + i, t] = j
                        break
    return partner


@numba.njit(cache=True)
def match_poses(
    detection_start: Array,
    truth_start: Array,
    pair_start: Array,
    cost: Array,
    shift_at: Array,
    shifts: Array,
) -> Array:
    """Match detections to objects greedily, at every pair of degree and centimetre thresholds.

    In order of confidence, each detection takes the free object of least cost among those whose
    pose it meets.

    Args:
        detection_start, truth_start, pair_start: (B + 1,) as in `Pairs`.
        cost: (P,) degree + centimetre error.
        shift_at: (P, R) the centimetre error that goes with each degree threshold, infinite where
            the rotation error is above it.
        shifts: (S,) centimetre thresholds; an error equal to the threshold passes.

    Returns:
        (D, R, S) int16, the index in its block of the object taken, -1 for none.
    """
    degrees = shift_at.shape[1]
    shape = (detection_start[-1], degrees, len(shifts))
    partner = np.full(shape, UNMATCHED, dtype=np.int16)
    for block in range(len(pair_start) - 1):
        first, last = detection_start[block], detection_start[block + 1]
        truths = truth_start[block + 1] - truth_start[block]
        start = pair_start[block]
        preferred = _rank_rows(
            cost[start : pair_start[block + 1]].reshape(last - first, truths), False
        )
        taken = np.zeros((truths, degrees, len(shifts)), dtype=np.bool_)
        for i in range(last - first):
            for j in preferred[i]:
                pair = start + i * truths + j
                _take_where_free(j, shift_at[pair], shifts, taken[j], partner[first + i])
    return partner


@numba.njit(cache=True)
def _take_where_free(
    truth: int, shift_at: Array, shifts: Array, taken: Array, partner: Array
) -> None:
    """Give one detection an object at all thresholds (R, S) where it fits and both are free."""
    for r in range(len(shift_at)):
        if shift_at[r] > shifts[-1]:
            continue
        for s in range(len(shifts)):
            fits = shift_at[r] <= shifts[s]
            if fits and not taken[r, s] and partner[r, s] == UNMATCHED:
                taken[r, s] = True
                partner[r, s] = truth


@numba.njit(cache=True)
def _rank_rows(cost: Array, last_first: bool) -> Array:
    """Return the order of ascending cost of each row; ties keep their order, or are reversed."""
    order = np.empty(cost.shape, dtype=np.int16)
    for row in range(cost.shape[0]):
        for column in range(cost.shape[1]):
            value = cost[row, column]
            place = column
            while place > 0 and (
                cost[row, order[row, place - 1]] > value
                or (last_first and cost[row, order[row, place - 1]] == value)
            ):
                order[row, place] = order[row, place - 1]
                place -= 1
            order[row, place] = column
    return order


@numba.njit(cache=True)
def compute_average_precision(
    bits: Array, thresholds: int, ranked: Array, truths: int
) -> tuple[Array, Array]:
    """Return average precision and precision of one category at every threshold.

    VOC, all points: the area below the precision envelope over recall.

    Args:
        bits: (D, bytes) uint8, as in `Matches`.
        thresholds: how many of the bits count.
        ranked: (n,) rows of `bits` by descending confidence.
        truths: number of objects.

    Returns:
        AP (thresholds,): 0 without detections, NaN with detections but no object; precision
        (thresholds,): NaN without detections.
    """
    ap, found, envelope = np.zeros(thresholds), np.zeros(thresholds), np.zeros(thresholds)
    eights = np.empty(bits.shape[1], dtype=np.uint64)
    matched = eights.view(np.uint8)
    for row in ranked:
        _unpack(bits[row], eights)
        for t in range(thresholds):
            found[t] += matched[t]
    precision = found / len(ranked) if len(ranked) else np.full(thresholds, math.nan)
    for place in range(len(ranked) - 1, -1, -1):
        _unpack(bits[ranked[place]], eights)
        for t in range(thresholds):
            if matched[t]:
                envelope[t] = max(envelope[t], found[t] / (place + 1))
                ap[t] += envelope[t]
                found[t] -= 1
    if len(ranked):
        ap /= truths if truths else math.nan
    return ap, precision


@numba.njit(cache=True)
def _unpack(packed: Array, eights: Array) -> None:
    """Write each byte of `packed` as eight bytes of 0 or 1, its lowest bit first."""
    for byte in range(len(packed)):
        eights[byte] = _EIGHT_BITS[packed[byte]]


@numba.njit(cache=True)
def resample_average_precision(
    matched: Array, frame: Array, weights: Array, truths: Array
) -> Array:
    """Return the average precision of a category when frames are drawn again, with replacement.

    A frame drawn w times counts w times: its detections stand next to each other in the ranking.

    Args:
        matched: (n, T) bool, by descending confidence.
        frame: (n,) frame of each detection.
        weights: (rounds, frames) how often each frame was drawn.
        truths: (rounds,) number of objects in the frames drawn.

    Returns:
        (rounds, T), NaN where a round drew no object.
    """
    rounds, size = len(weights), matched.shape[1]
    ap = np.zeros((rounds, size))
    found, envelope = np.empty(size), np.empty(size)
    for r in range(rounds):
        found[:] = 0.0
        envelope[:] = 0.0
        seen = 0.0
        for i in range(len(matched)):
            seen += weights[r, frame[i]]
            for t in range(size):
                found[t] += weights[r, frame[i]] * matched[i, t]
        for i in range(len(matched) - 1, -1, -1):
            weight = weights[r, frame[i]]
            if weight == 0:
                continue
            for t in range(size):
                if matched[i, t]:
                    envelope[t] = max(envelope[t], found[t] / seen)
                    ap[r, t] += weight * envelope[t]
                    found[t] -= weight
            seen -= weight
        ap[r] /= truths[r] if truths[r] else math.nan
    return ap
