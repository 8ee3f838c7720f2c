"""What one protocol measures of detections: overlaps, matches and errors, some blocks at a time.

What is kept of a detection are some numbers and, for its matches, a bit a threshold. All else is
gone when its blocks are done, so that memory hardly grows with the number of frames.
"""

from dataclasses import dataclass, replace

import numpy as np

from benchmark.evaluation.matches import Matches
from benchmark.evaluation.overlaps import choose_overlap, compute_overlaps, has_sizes
from benchmark.evaluation.pairs import Pairs, Part
from benchmark.evaluation.poses import (
    PairErrors,
    Ranked,
    compute_pair_errors,
    compute_pooled_transforms,
    rank_all,
)
from benchmark.evaluation.protocols import (
    HEADLINE,
    MATCH_OVERLAP,
    OVERLAP_THRESHOLDS,
    SHIFT_THRESHOLDS_CM,
    Counting,
    Options,
    Overlap,
    Protocol,
)
from benchmark.predictions import Predictions


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What was found out about each detection (D), object (G) and pair (P), in order of `Pairs`.

    Attributes:
        overlap: (P,) float32, overlap of each pair.
        errors: of each pair.
        partner: (D,) int16, the object of its block that each detection is matched to where it
            overlaps by more than `MATCH_OVERLAP`; -1 for none.
        headline_partner: (D, 4) int16, that which its pose is matched to at each of `HEADLINE`.
        counted_detections: (D,) bool, those that the pose AP counts.
        counted_truths: (G,) bool, likewise.
        overlap_matches: at every overlap threshold, for the overlap that matches.
        pose_matches: at every degree and centimetre threshold.
        size_matches: as overlap_matches, for the overlap of `iou_50`; None without sizes.
    """

    overlap: np.ndarray
    errors: PairErrors
    partner: np.ndarray
    headline_partner: np.ndarray
    counted_detections: np.ndarray
    counted_truths: np.ndarray
    overlap_matches: Matches
    pose_matches: Matches
    size_matches: Matches | None


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is measured, and how.

    Attributes:
        predictions, protocol, options: as given, with the options applied to the protocol.
        ranked: the hypotheses.
        overlap_kind: what matches detections to objects.
        size_kind: the overlap of `iou_50`, None without sizes.
    """

    predictions: Predictions
    protocol: Protocol
    options: Options
    ranked: Ranked
    overlap_kind: Overlap
    size_kind: Overlap | None


def plan(predictions: Predictions, protocol: Protocol, options: Options) -> Task:
    """Say what is to be measured.

    Raises:
        ConfigError: the protocol cannot score this method with these options.
    """
    protocol = options.apply(protocol)
    if protocol.oracle == "joint" and options.pooling == "nearest":
        options = replace(options, ranking="joint")  # ranked apart, hypotheses would be mixed
    sized = options.sizes == "gt" or has_sizes(predictions)
    return Task(
        predictions=predictions,
        protocol=protocol,
        options=options,
        overlap_kind=choose_overlap(protocol, predictions, options.sizes),
        size_kind=protocol.size_overlap if sized else None,
        ranked=rank_all(predictions, options),
    )


def make_room(task: Task, pairs: Pairs) -> Measurements:
    """Return measurements of the right size, for `measure` to fill in part by part."""
    detections, truths, count = (int(start[-1]) for start in pairs.starts)
    overlap_matches = Matches.make(detections, (len(OVERLAP_THRESHOLDS),))
    size_matches = None if task.size_kind is None else overlap_matches
    if task.size_kind not in (None, task.overlap_kind):
        size_matches = Matches.make(detections, (len(OVERLAP_THRESHOLDS),))
    poses = len(task.protocol.degree_thresholds), len(SHIFT_THRESHOLDS_CM)
    return Measurements(
        overlap=np.empty(count, np.float32),
        errors=PairErrors(degree=np.empty(count), cm=np.empty(count)),
        partner=np.empty(detections, np.int16),
        headline_partner=np.empty((detections, len(HEADLINE)), np.int16),
        counted_detections=np.empty(detections, bool),
        counted_truths=np.empty(truths, bool),
        overlap_matches=overlap_matches,
        pose_matches=Matches.make(detections, poses),
        size_matches=size_matches,
    )


def measure(task: Task, part: Part, found: Measurements) -> None:
    """Match and measure the detections of a few blocks."""
    pairs, protocol = part.alone, task.protocol
    selection = task.ranked.take(pairs.detection)
    pooled = selection.pool()
    transform = compute_pooled_transforms(selection, pooled)
    overlap, partner = _match(task, task.overlap_kind, pairs, transform)
    found.overlap[part.pairs] = overlap
    found.overlap_matches.store(part.detections, partner)
    if found.size_matches is not None and found.size_matches is not found.overlap_matches:
        _, by_size = _match(task, protocol.size_overlap, pairs, transform)
        found.size_matches.store(part.detections, by_size)
    partner = partner[:, OVERLAP_THRESHOLDS.index(MATCH_OVERLAP)]
    found.partner[part.detections] = partner
    counted = _find_counted(pairs, partner, protocol.counting)
    found.counted_detections[part.detections], found.counted_truths[part.truths] = counted
    allowed = _find_allowed(pairs, overlap, counted, protocol.counting)
    errors, shift_at = compute_pair_errors(pairs, allowed, selection, pooled, protocol)
    found.errors.degree[part.pairs], found.errors.cm[part.pairs] = errors.degree, errors.cm
    _match_poses(part, errors, shift_at, protocol, found)


def _match(
    task: Task, kind: Overlap, pairs: Pairs, transform: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the overlap (P,) of pairs, and the partners (D, 101) that `match_overlaps` gives."""
    from benchmark.evaluation import kernels

    options = task.options
    overlap = compute_overlaps(
        kind, task.predictions, pairs, transform, options.sizes, options.sort_boxes
    )
    partner = kernels.match_overlaps(*pairs.starts, overlap, np.array(OVERLAP_THRESHOLDS))
    return overlap, partner


def _match_poses(
    part: Part, errors: PairErrors, shift_at: np.ndarray, protocol: Protocol, found: Measurements
) -> None:
    from benchmark.evaluation import kernels

    cost = errors.degree + errors.cm
    shifts = np.array(SHIFT_THRESHOLDS_CM)
    partner = kernels.match_poses(*part.alone.starts, cost, shift_at, shifts)
    found.pose_matches.store(part.detections, partner)
    for index, place in enumerate(protocol.headline_places):
        found.headline_partner[part.detections, index] = partner[:, *place]


def _find_counted(
    pairs: Pairs, partner: np.ndarray, counting: Counting
) -> tuple[np.ndarray, np.ndarray]:
    """Tell which detections (D,) and objects (G,) the pose AP counts."""
    if counting != "matched":
        return np.ones(len(pairs.detection), bool), np.ones(len(pairs.truth), bool)
    matched = find_truths(pairs, partner)
    counted = np.zeros(len(pairs.truth), bool)
    counted[matched[matched >= 0]] = True
    return matched >= 0, counted


def find_truths(pairs: Pairs, partner: np.ndarray) -> np.ndarray:
    """Turn indices inside a block (D,) into positions in `pairs.truth`, -1 for none."""
    start = np.repeat(pairs.truth_start[:-1], np.diff(pairs.detection_start))
    return np.where(partner >= 0, start + partner, -1)


def _find_allowed(
    pairs: Pairs,
    overlap: np.ndarray,
    counted: tuple[np.ndarray, np.ndarray],
    counting: Counting,
) -> np.ndarray:
    """Tell which pairs (P,) may match by pose."""
    if counting == "gated":
        return np.asarray(overlap > MATCH_OVERLAP)
    return np.asarray(counted[0][pairs.pair_detection] & counted[1][pairs.pair_truth])
