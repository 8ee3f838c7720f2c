"""Scores of detections under one protocol: matching, then average precision over all thresholds."""

from dataclasses import dataclass

import numpy as np

from benchmark.categories import CATEGORIES
from benchmark.evaluation.matches import Matches
from benchmark.evaluation.measurements import Measurements, Task, make_room, measure, plan
from benchmark.evaluation.pairs import Pairs, build_pairs
from benchmark.evaluation.protocols import Options, Overlap, Protocol
from benchmark.predictions import Predictions

Curves = tuple[np.ndarray, np.ndarray]
"""Average precision and precision, (6, thresholds...): one row a category."""


@dataclass(frozen=True, kw_only=True)
class Scores(Measurements):
    """Everything that one protocol measures on a set of detections.

    Attributes:
        protocol: the rules, with what the options changed in them.
        pairs: whose measurements these are.
        overlap_kind: what matched detections to objects.
        overlap_curves: over the overlap thresholds, for the overlap that matches.
        pose_curves: over degree and centimetre thresholds.
        size_curves: as overlap_curves, for the overlap of `iou_50`; None without sizes.
    """

    protocol: Protocol
    pairs: Pairs
    overlap_kind: Overlap
    overlap_curves: Curves
    pose_curves: Curves
    size_curves: Curves | None


def score_detections(predictions: Predictions, protocol: Protocol, options: Options) -> Scores:
    """Score predictions under a protocol that matches detections.

    Raises:
        ConfigError: the protocol cannot score this method with these options.
    """
    task = plan(predictions, protocol, options)
    pairs = build_pairs(predictions, task.protocol.stable_ties)
    found = make_room(task, pairs)
    for part in pairs.split():
        measure(task, part, found)
        task.ranked.release()
    every = np.ones(len(pairs.detection), bool), np.ones(len(pairs.truth), bool)
    counted = found.counted_detections, found.counted_truths
    overlap_curves = _compute_curves(task, pairs, found.overlap_matches, every)
    size_curves = None
    if found.size_matches is not None:
        size_curves = overlap_curves
        if found.size_matches is not found.overlap_matches:
            size_curves = _compute_curves(task, pairs, found.size_matches, every)
    return Scores(
        **vars(found),
        protocol=task.protocol,
        pairs=pairs,
        overlap_kind=task.overlap_kind,
        overlap_curves=overlap_curves,
        pose_curves=_compute_curves(task, pairs, found.pose_matches, counted),
        size_curves=size_curves,
    )


def _compute_curves(
    task: Task, pairs: Pairs, matches: Matches, counted: tuple[np.ndarray, np.ndarray]
) -> Curves:
    from benchmark.evaluation import kernels

    confidence, stable_ties = task.predictions.detections.confidence, task.protocol.stable_ties
    rows = []
    for category in CATEGORIES:
        ranked = pairs.rank(confidence, category.id, stable_ties)
        ranked = ranked[counted[0][ranked]]
        truths = int((counted[1] & (pairs.truth_category == category.id)).sum())
        rows.append(
            kernels.compute_average_precision(matches.bits, matches.thresholds, ranked, truths)
        )
    return (
        np.stack([ap for ap, _ in rows]).reshape(-1, *matches.shape),
        np.stack([precision for _, precision in rows]).reshape(-1, *matches.shape),
    )
