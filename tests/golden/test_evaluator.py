"""Curves, matches and errors as recorded from the evaluators of GenPose, SPD and NOCS."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmark.evaluation.kernels import compute_average_precision, match_overlaps
from benchmark.evaluation.pairs import Pairs
from benchmark.evaluation.protocols import (
    OVERLAP_THRESHOLDS,
    SHIFT_THRESHOLDS_CM,
    Options,
    get_protocol,
)
from benchmark.evaluation.scoring import Scores, score_detections
from benchmark.geometry.boxes import compute_image_iou, compute_official_iou
from benchmark.geometry.similarity import compute_rotation, compute_scale
from benchmark.geometry.symmetry import (
    compute_rotation_error,
    compute_translation_error,
    find_symmetric,
)
from benchmark.predictions import Predictions
from tests.golden.parity import Archives, Parity, Recorded

TOLERANCE = 1e-6
EDGE_SETS = ("edge_full", "edge_nolaptop", "edge_laptop_gt_only", "edge_laptop_det_only")


def _get_curves(scores: Scores) -> dict[str, np.ndarray]:
    curves = dict(zip(("iou_aps", "iou_acc"), scores.overlap_curves, strict=True))
    return curves | dict(zip(("pose_aps", "pose_acc"), scores.pose_curves, strict=True))


def check_thresholds(parity: Parity, scores: Scores, expected: Recorded) -> None:
    parity("`iou_thres_list`", OVERLAP_THRESHOLDS, expected["iou_thres_list"])
    parity("`shift_thres_list`", SHIFT_THRESHOLDS_CM, expected["shift_thres_list"])
    degrees = scores.protocol.degree_thresholds
    parity("`degree_thres_list`", degrees, expected["degree_thres_list"])


@pytest.fixture
def check(archives: Archives, parity: Parity) -> Callable[[Scores, str, str], None]:
    """Compare every curve of a file below evaluator/, its categories and their mean."""

    def checked(scores: Scores, name: str, what: str) -> None:
        expected = archives(f"evaluator/{name}.npz")
        check_thresholds(parity, scores, expected)
        for curve, ours in _get_curves(scores).items():
            if curve in expected:
                rows = np.concatenate([ours, ours.mean(axis=0, keepdims=True)])
                parity(f"{what}: `{curve}`", rows, expected[curve][1:], atol=TOLERANCE)

    return checked


def _genpose(predictions: Predictions, *, keep: float = 0.6, **options: Any) -> Scores:
    return score_detections(predictions, get_protocol("genpose"), Options(keep=keep, **options))


RANKERS = {"energy_ranker": "energy", "gt_ranker": "gt"}


@pytest.mark.parametrize("pooling", ["average", "nearest"])
@pytest.mark.parametrize("ranker", list(RANKERS))
@pytest.mark.parametrize(
    ("frames", "prefix"), [("frames_main", "main"), ("k50_results_with_energy.pkl.gz", "k50")]
)
def test_rankers_and_poolings(
    build: Callable[..., Predictions],
    check: Callable[[Scores, str, str], None],
    frames: str,
    prefix: str,
    ranker: str,
    pooling: str,
) -> None:
    scores = _genpose(build(frames), ranker=RANKERS[ranker], pooling=pooling)
    check(scores, f"{prefix}_genpose_{pooling}_{ranker}", "GenPose, rankers and poolings")


@pytest.mark.parametrize("pooling", ["average", "nearest"])
@pytest.mark.parametrize(
    ("frames", "prefix"), [("frames_main", "main"), ("k50_results_with_energy.pkl.gz", "k50")]
)
def test_random_ranker_with_recorded_draws(
    archives: Archives,
    build: Callable[..., Predictions],
    check: Callable[[Scores, str, str], None],
    frames: str,
    prefix: str,
    pooling: str,
) -> None:
    name = f"{prefix}_genpose_{pooling}_random"
    predictions = build(frames)
    draws = archives(f"evaluator/{name}.npz")["random_draws"].reshape(
        -1, predictions.hypotheses.shape[1], 2
    )
    matched = _genpose(predictions)
    rows = matched.pairs.detection[matched.counted_detections]
    assert len(rows) == len(draws)
    energies = np.zeros((len(predictions.detections), *draws.shape[1:]))
    energies[rows] = draws
    scores = _genpose(replace(predictions, energies=energies), pooling=pooling)
    check(scores, name, "GenPose, random ranker with the recorded draws")


@pytest.mark.parametrize("ratio", ["0.2", "0.4", "0.8", "1.0"])
def test_keep_ratios(
    build: Callable[..., Predictions], check: Callable[[Scores, str, str], None], ratio: str
) -> None:
    scores = _genpose(build("frames_main"), keep=float(ratio))
    check(scores, f"main_genpose_average_energy_ranker_ratio{ratio}", "GenPose, keep 0.2 to 1")


def test_without_dropping_the_unmatched(
    build: Callable[..., Predictions], check: Callable[[Scores, str, str], None]
) -> None:
    scores = _genpose(build("frames_main"), use_matches=False)
    check(scores, "main_genpose_average_energy_ranker_nomatch", "GenPose, nothing dropped")


@pytest.mark.parametrize("use_matches", [True, False])
@pytest.mark.parametrize("evaluator", ["spd", "nocs"])
@pytest.mark.parametrize("frames", ["frames_main", *EDGE_SETS])
def test_nocs_and_spd(
    build: Callable[..., Predictions],
    check: Callable[[Scores, str, str], None],
    frames: str,
    evaluator: str,
    use_matches: bool,
) -> None:
    predictions = build(frames, hypotheses=False)
    scores = score_detections(predictions, get_protocol("nocs"), Options(use_matches=use_matches))
    prefix = "main" if frames == "frames_main" else frames
    suffix = "" if use_matches else "_nomatch"
    frames_kind = "300 frames" if frames == "frames_main" else "edge sets"
    check(scores, f"{prefix}_{evaluator}{suffix}", f"{evaluator.upper()}, {frames_kind}")


@pytest.mark.parametrize(
    ("pooling", "ranker"), [("average", "energy"), ("average", "gt"), ("nearest", "energy")]
)
@pytest.mark.parametrize("frames", EDGE_SETS)
def test_edge_cases(
    build: Callable[..., Predictions],
    check: Callable[[Scores, str, str], None],
    frames: str,
    pooling: str,
    ranker: str,
) -> None:
    # Two detections of equal confidence swap places, and the official code forgets their boxes.
    scores = _genpose(build(frames), pooling=pooling, ranker=ranker, sort_boxes=False)
    check(scores, f"{frames}_genpose_{pooling}_{ranker}_ranker", "GenPose, edge sets")


def _with_tied_confidences(predictions: Predictions, recorded: Recorded) -> Predictions:
    counts = np.bincount(predictions.detections.frame, minlength=len(predictions.frames))
    np.testing.assert_array_equal(counts, recorded["count"])
    tied = replace(predictions.detections, confidence=recorded["scores"])
    return replace(predictions, detections=tied)


@pytest.mark.parametrize(("evaluator", "hypotheses"), [("genpose", True), ("spd", False)])
def test_ties_by_a_stable_sort(
    archives: Archives,
    build: Callable[..., Predictions],
    check: Callable[[Scores, str, str], None],
    parity: Parity,
    evaluator: str,
    hypotheses: bool,
) -> None:
    predictions = build("frames_main", hypotheses=hypotheses)
    predictions = _with_tied_confidences(predictions, archives("evaluator/ties_scores.npz"))
    protocol = get_protocol("genpose" if hypotheses else "nocs")
    scores = score_detections(predictions, protocol, Options(keep=0.6, sort_boxes=False))
    check(scores, f"ties_{evaluator}_stable", "ties, stable sort")
    # Precision does not depend on the order of ties.
    unstable = archives(f"evaluator/ties_{evaluator}_introsort.npz")
    check_thresholds(parity, scores, unstable)
    for curve in ("iou_acc", "pose_acc"):
        found, expected = _get_curves(scores)[curve], unstable[curve][1:7]
        parity(f"ties, unstable sort: `{curve}`", found, expected, atol=TOLERANCE)


def test_the_stable_order_itself(
    archives: Archives, build: Callable[..., Predictions], parity: Parity
) -> None:
    tied = archives("evaluator/ties_scores.npz")
    predictions = _with_tied_confidences(build("frames_main"), tied)
    pairs, confidence = _genpose(predictions).pairs, predictions.detections.confidence
    recorded = archives("evaluator/ties_genpose_stable.npz")
    for category in range(1, 7):
        positions = np.flatnonzero(pairs.category == category)
        found, known = confidence[pairs.detection[positions]], f"cls{category}"
        parity("ties: `iou_stage_scores_*`", found, recorded[f"iou_stage_scores_{known}"])
        order = pairs.rank(confidence, category, stable_ties=False)
        expected = positions[recorded[f"iou_stage_order_{known}"]]
        parity("ties, stable sort: `iou_stage_order_*`", order, expected)


def test_ties_in_the_recorded_unstable_order(
    archives: Archives, build: Callable[..., Predictions], parity: Parity
) -> None:
    """Taken in the order that introsort happened to give, the matches give the recorded AP."""
    tied = archives("evaluator/ties_scores.npz")
    predictions = _with_tied_confidences(build("frames_main"), tied)
    scores = _genpose(predictions, sort_boxes=False)
    recorded = archives("evaluator/ties_genpose_introsort.npz")
    for category in range(1, 7):
        positions = np.flatnonzero(scores.pairs.category == category)
        confidence = predictions.detections.confidence[scores.pairs.detection[positions]]
        item = "ties: `iou_stage_scores_*`"
        parity(item, confidence, recorded[f"iou_stage_scores_cls{category}"])
        order = positions[recorded[f"iou_stage_order_cls{category}"]]
        truths = int((scores.pairs.truth_category == category).sum())
        matches = scores.overlap_matches
        ap, _ = compute_average_precision(matches.bits, matches.thresholds, order, truths)
        item = "ties, in the recorded order: `iou_aps`"
        parity(item, ap, recorded["iou_aps"][category], atol=TOLERANCE)


def _shuffle(predictions: Predictions, recorded: Recorded) -> Predictions:
    counts = np.bincount(predictions.detections.frame, minlength=len(predictions.frames))
    np.testing.assert_array_equal(counts, recorded["count"])
    start = np.repeat(np.cumsum(counts) - counts, counts)
    rows = start + recorded["perm"]
    return replace(
        predictions,
        detections=predictions.detections.take(rows),
        estimates=predictions.estimates.take(rows),
        hypotheses=predictions.hypotheses[rows],
        energies=predictions.energies[rows],
    )


@pytest.mark.parametrize(
    ("sort_boxes", "name"),
    [(False, "shuffled_genpose"), (True, "shuffled_genpose_boxes_sorted_too")],
)
def test_unsorted_detections(
    archives: Archives,
    build: Callable[..., Predictions],
    check: Callable[[Scores, str, str], None],
    sort_boxes: bool,
    name: str,
) -> None:
    predictions = _shuffle(build("frames_main"), archives("evaluator/shuffled_perm.npz"))
    what = "boxes sorted too" if sort_boxes else "boxes left unsorted"
    check(_genpose(predictions, sort_boxes=sort_boxes), name, f"GenPose, shuffled, {what}")


@pytest.mark.parametrize(("prefix", "hypotheses"), [("genpose2d", True), ("spd3d", False)])
@pytest.mark.parametrize("frames", ["frames_main", *EDGE_SETS])
def test_overlaps_matches_and_errors_one_by_one(
    archives: Archives,
    build: Callable[..., Predictions],
    parity: Parity,
    frames: str,
    prefix: str,
    hypotheses: bool,
) -> None:
    name = "main" if frames == "frames_main" else frames
    recorded = archives(f"evaluator/{name}_detail.npz").below(f"{prefix}_")
    protocol = get_protocol("genpose" if hypotheses else "nocs")
    options = Options(keep=0.6, sort_boxes=False)
    predictions = build(frames, hypotheses=hypotheses)
    scores = score_detections(predictions, protocol, options)
    pairs = scores.pairs
    block = np.repeat(np.arange(len(pairs.pair_start) - 1), np.diff(pairs.pair_start))
    row = pairs.pair_detection - pairs.detection_start[block]
    column = pairs.pair_truth - pairs.truth_start[block]
    frame = predictions.detections.frame[pairs.detection]
    where = np.c_[frame, pairs.category]
    found = np.c_[where[pairs.pair_detection], row, column]
    parity("who may match whom (`*_iou_index`)", found, recorded["iou_index"])
    item = f"overlaps of pairs (`{prefix}_iou`)"
    parity(item, scores.overlap, recorded["iou"], atol=TOLERANCE)
    partner = match_overlaps(*pairs.starts, scores.overlap, np.array([0.1, 0.25, 0.5, 0.75]))
    np.testing.assert_array_equal(partner[:, 0], scores.partner)
    starts = pairs.detection_start
    ranks = np.arange(len(frame)) - np.repeat(starts[:-1], np.diff(starts))
    found = np.c_[where, ranks, _count_before(pairs), partner]
    parity("matches (`*_match`)", found, recorded["match"])
    kept = scores.counted_detections[pairs.pair_detection] & scores.counted_truths[pairs.pair_truth]
    index = recorded["rt_index"]
    parity("whose errors (`*_rt_index`)", where[pairs.pair_detection[kept]], index[:, :2])
    degree, cm = recorded["rt"].T
    parity(f"centimetres of pairs (`{prefix}_rt`)", scores.errors.cm[kept], cm, atol=2e-5)
    # Single precision in the official rotations: an angle is known to 1e-7 in its cosine.
    cosines = np.cos(np.radians([scores.errors.degree[kept], degree]))
    parity(f"cosines of errors (`{prefix}_rt`)", cosines[0], cosines[1], atol=1e-6)


def _count_before(pairs: Pairs) -> np.ndarray:
    """Return the position (D,) of each detection among those of its block, before any sorting."""
    block = np.repeat(np.arange(len(pairs.detection_start) - 1), np.diff(pairs.detection_start))
    order = np.lexsort((pairs.detection, block))
    position = np.empty(len(order), dtype=int)
    position[order] = np.arange(len(order)) - pairs.detection_start[block[order]]
    return position


@pytest.fixture
def recorded_pairs(archives: Archives) -> Recorded:
    return archives("evaluator/pairs.npz")


def test_pose_errors_of_pairs(recorded_pairs: Recorded, parity: Parity) -> None:
    first, second = recorded_pairs["sRT_1"], recorded_pairs["sRT_2"].astype(np.float64)
    category = np.arange(1, 7)[:, None]
    symmetric = find_symmetric(category, recorded_pairs["handle_visibility"])
    rotations = compute_rotation(first), compute_rotation(second)
    cosine = np.cos(compute_rotation_error(*rotations, symmetric))
    cm = 100.0 * compute_translation_error(first[..., :3, 3], second[..., :3, 3])
    for name in ("RT_errors", "nocs_RT_degree_cm"):
        degree, expected_cm = np.moveaxis(recorded_pairs[name], -1, 0)
        known = ~np.isnan(degree)  # NOCS takes the arccos of a little more than one
        expected = np.cos(np.radians(degree[known]))
        parity(f"cosines of errors (`{name}`)", cosine[known], expected, atol=TOLERANCE)
        if not known.all():
            found = np.abs(cosine[~known])
            item = f"cosines where NaN is recorded (`{name}`)"
            parity(item, found, np.ones_like(found), atol=TOLERANCE)
        parity(f"centimetres (`{name}`)", cm, expected_cm, atol=TOLERANCE)
    degree, metres, scale = np.moveaxis(recorded_pairs["sRT_errors"], -1, 0)
    cosine = np.cos(compute_rotation_error(*rotations))
    relative = np.abs(compute_scale(first) / compute_scale(second) - 1.0)
    item = "without symmetry (`sRT_errors`)"
    parity(f"cosines {item}", cosine, np.cos(np.radians(degree)), atol=TOLERANCE)
    parity(f"metres {item}", cm / 100.0, metres, atol=TOLERANCE)
    parity(f"scale errors {item}", relative, scale, atol=TOLERANCE)


def test_overlaps_of_pairs(recorded_pairs: Recorded, parity: Parity) -> None:
    symmetric = find_symmetric(np.arange(1, 7)[:, None], recorded_pairs["handle_visibility"])
    boxes = [recorded_pairs[name] for name in ("sRT_1", "size_1", "sRT_2", "size_2")]
    overlap = compute_official_iou(*boxes, symmetric)
    for name in ("iou3d_spd", "iou3d_nocs_new"):
        parity(f"3D overlaps (`{name}`)", overlap, recorded_pairs[name], atol=1e-12)
    first, second = np.moveaxis(recorded_pairs["boxes2d"], 1, 0)
    found = compute_image_iou(first, second)
    parity("overlaps of pixel boxes (`iou2d`)", found, recorded_pairs["iou2d"], atol=1e-12)
