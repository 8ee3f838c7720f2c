"""Scores of detections under one protocol: matching, then average precision over all thresholds."""

import math
from dataclasses import dataclass, replace

import numpy as np

from benchmark.categories import CATEGORIES
from benchmark.evaluation.overlaps import choose_overlap, compute_overlaps, has_sizes
from benchmark.evaluation.pairs import Pairs, build_pairs
from benchmark.evaluation.poses import (
    PairErrors,
    compute_pair_errors,
    compute_pooled_transforms,
    rank_all,
)
from benchmark.evaluation.protocols import (
    MATCH_OVERLAP,
    OVERLAP_THRESHOLDS,
    SHIFT_THRESHOLDS_CM,
    Counting,
    Options,
    Overlap,
    Protocol,
)
from benchmark.predictions import Predictions

Curves = tuple[np.ndarray, np.ndarray]
"""Average precision and precision, (6, thresholds...): one row a category."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Everything that one protocol measures on a set of detections.

    Attributes:
        protocol: the rules, with what the options changed in them.
        overlap_kind: what matched detections to objects.
        overlap: (P,) overlap of each pair.
        overlap_partner: (D, 101) int16, as `match_overlaps` gives it.
        pose_partner: (D, degrees, shifts) int16, as `match_poses` gives it.
        counted_detections: (D,) bool, those that the pose AP counts.
        counted_truths: (G,) bool, likewise.
        errors: of each pair.
        overlap_curves: over the overlap thresholds, for the overlap that matches.
        pose_curves: over degree and centimetre thresholds.
        size_partner: as overlap_partner, for the overlap of `iou_50`; None without sizes.
        size_curves: likewise.
    """

    protocol: Protocol
    pairs: Pairs
    overlap_kind: Overlap
    overlap: np.ndarray
    overlap_partner: np.ndarray
    pose_partner: np.ndarray
    counted_detections: np.ndarray
    counted_truths: np.ndarray
    errors: PairErrors
    overlap_curves: Curves
    pose_curves: Curves
    size_partner: np.ndarray | None
    size_curves: Curves | None

    @property
    def pose_matched(self) -> np.ndarray:
        """(D, degrees, shifts) bool."""
        return self.pose_partner >= 0


def score_detections(predictions: Predictions, protocol: Protocol, options: Options) -> Scores:
    """Score predictions under a protocol that matches detections.

    Raises:
        ConfigError: the protocol cannot score this method with these options.
    """
    from benchmark.evaluation import kernels

    protocol = options.apply(protocol)
    if protocol.oracle == "joint" and options.pooling == "nearest":
        options = replace(options, ranking="joint")  # ranked apart, hypotheses would be mixed
    kind = choose_overlap(protocol, predictions, options.sizes)
    pairs = build_pairs(predictions, protocol.stable_ties)
    selection = rank_all(predictions, options)
    pooled = selection.pool()
    transform = compute_pooled_transforms(predictions, pooled)
    overlap = compute_overlaps(
        kind, predictions, pairs, transform, options.sizes, options.sort_boxes
    )
    partner = kernels.match_overlaps(*pairs.starts, overlap, np.array(OVERLAP_THRESHOLDS))
    counted = _find_counted(pairs, partner, protocol.counting)
    allowed = _find_allowed(pairs, overlap, counted, protocol.counting)
    errors = compute_pair_errors(pairs, allowed, selection, pooled, protocol)
    pose_partner = kernels.match_poses(
        *pairs.starts, errors.degree + errors.cm, errors.shift_at, np.array(SHIFT_THRESHOLDS_CM)
    )
    every = np.ones(len(pairs.detection), bool), np.ones(len(pairs.truth), bool)
    size_partner = _match_sizes(predictions, pairs, transform, protocol, options, kind, partner)

    def curves(found: np.ndarray, counts: tuple[np.ndarray, np.ndarray]) -> Curves:
        return _compute_curves(predictions, pairs, found, counts, protocol)

    return Scores(
        protocol=protocol,
        pairs=pairs,
        overlap_kind=kind,
        overlap=overlap,
        overlap_partner=partner,
        pose_partner=pose_partner,
        counted_detections=counted[0],
        counted_truths=counted[1],
        errors=errors,
        overlap_curves=curves(partner, every),
        pose_curves=curves(pose_partner, counted),
        size_partner=size_partner,
        size_curves=None if size_partner is None else curves(size_partner, every),
    )


def _find_counted(
    pairs: Pairs, partner: np.ndarray, counting: Counting
) -> tuple[np.ndarray, np.ndarray]:
    """Tell which detections (D,) and objects (G,) the pose AP counts."""
    if counting != "matched":
        return np.ones(len(pairs.detection), bool), np.ones(len(pairs.truth), bool)
    matched = find_truths(pairs, partner[:, OVERLAP_THRESHOLDS.index(MATCH_OVERLAP)])
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


def _match_sizes(
    predictions: Predictions,
    pairs: Pairs,
    transform: np.ndarray,
    protocol: Protocol,
    options: Options,
    kind: Overlap,
    partner: np.ndarray,
) -> np.ndarray | None:
    """Match by the overlap of the IoU columns, where the method has sizes."""
    from benchmark.evaluation import kernels

    if options.sizes == "own" and not has_sizes(predictions):
        return None
    if kind == protocol.size_overlap:
        return partner
    overlap = compute_overlaps(protocol.size_overlap, predictions, pairs, transform, options.sizes)
    found = kernels.match_overlaps(*pairs.starts, overlap, np.array(OVERLAP_THRESHOLDS))
    return np.asarray(found)


def _compute_curves(
    predictions: Predictions,
    pairs: Pairs,
    partner: np.ndarray,
    counted: tuple[np.ndarray, np.ndarray],
    protocol: Protocol,
) -> Curves:
    from benchmark.evaluation import kernels

    shape = partner.shape[1:]
    flat = partner.reshape(len(partner), math.prod(shape))
    rows = []
    for category in CATEGORIES:
        ranked = pairs.rank(predictions.detections.confidence, category.id, protocol.stable_ties)
        truths = int((counted[1] & (pairs.truth_category == category.id)).sum())
        ranked = ranked[counted[0][ranked]]
        rows.append(kernels.compute_average_precision(flat, ranked, truths))
    return (
        np.stack([ap for ap, _ in rows]).reshape(-1, *shape),
        np.stack([precision for _, precision in rows]).reshape(-1, *shape),
    )
