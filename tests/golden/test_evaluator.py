"""Curves, matches and errors as recorded from the evaluators of GenPose, SPD and NOCS."""

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.evaluation.kernels import compute_average_precision
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
from benchmark.pickles import read_pickle
from benchmark.predictions import Estimates, Predictions, RunInfo
from benchmark.records import Detections, Frames, GroundTruth

TOLERANCE = 1e-6
EDGE_SETS = ("edge_full", "edge_nolaptop", "edge_laptop_gt_only", "edge_laptop_det_only")


@lru_cache(maxsize=8)
def _read_frames(source: Path) -> list[dict[str, Any]]:
    if source.is_dir():
        return [read_pickle(path) for path in sorted(source.glob("*.pkl"))]
    return [entry["result"] for entry in read_pickle(source).values()]


def _build(frames: list[dict[str, Any]], *, hypotheses: bool) -> Predictions:
    """Turn frames into predictions, with hypotheses (GenPose) or with boxes (SPD, NOCS)."""

    def join(key: str) -> np.ndarray:
        return np.concatenate([frame[key] for frame in frames if len(frame[key])])

    counts = [len(frame["pred_class_ids"]) for frame in frames]
    truths = [len(frame["gt_class_ids"]) for frame in frames]
    rows = np.arange(len(frames))
    detections = sum(counts)
    with_hypotheses = {
        "hypotheses": join("multi_hypothesis_pred_RTs")[:, :, :3] if hypotheses else None,
        "energies": join("energy") if hypotheses else None,
    }
    no_sizes = np.full((detections, 3), np.nan)
    return Predictions(
        info=RunInfo(estimator="golden", dataset="golden", split="test", label_set="golden"),
        frames=Frames(
            id=[f"frame_{row:04d}" for row in rows],
            scene=["scene"] * len(rows),
            number=rows,
            intrinsics=np.ones((len(rows), 4)),
            image_size=np.tile([640, 480], (len(rows), 1)),
        ),
        ground_truth=GroundTruth(
            frame=np.repeat(rows, truths),
            category=join("gt_class_ids"),
            instance=["object"] * sum(truths),
            transform=join("gt_RTs"),
            extents=join("gt_scales"),
            bbox=join("gt_bboxes"),
            handle_visible=join("gt_handle_visibility"),
            visible_pixels=np.full(sum(truths), -1),
        ),
        detections=Detections(
            frame=np.repeat(rows, counts),
            category=join("pred_class_ids"),
            bbox=join("pred_bboxes"),
            confidence=join("pred_scores"),
        ),
        estimates=Estimates(
            estimated=np.ones(detections),
            transform=np.tile(np.eye(4), (detections, 1, 1)) if hypotheses else join("pred_RTs"),
            extents=no_sizes if hypotheses else join("pred_scales"),
        ),
        **with_hypotheses,
    )


@pytest.fixture
def build(golden: Path) -> Callable[..., Predictions]:
    """Build predictions of a folder of frames below evaluator/."""

    def built(name: str, *, hypotheses: bool = True) -> Predictions:
        return _build(_read_frames(golden / "evaluator" / name), hypotheses=hypotheses)

    return built


def _check(scores: Scores, path: Path) -> None:
    """Compare every recorded curve, threshold list included."""
    expected = np.load(path)
    protocol = scores.protocol
    np.testing.assert_array_equal(expected["iou_thres_list"], OVERLAP_THRESHOLDS)
    np.testing.assert_array_equal(expected["shift_thres_list"], SHIFT_THRESHOLDS_CM)
    np.testing.assert_array_equal(expected["degree_thres_list"], protocol.degree_thresholds)
    curves = dict(zip(("iou_aps", "iou_acc"), scores.overlap_curves, strict=True))
    curves |= dict(zip(("pose_aps", "pose_acc"), scores.pose_curves, strict=True))
    for name, ours in curves.items():
        if name in expected:
            np.testing.assert_allclose(
                ours, expected[name][1:7], rtol=0, atol=TOLERANCE, err_msg=f"{path.name}: {name}"
            )
            if name.endswith("aps"):
                np.testing.assert_allclose(ours.mean(axis=0), expected[name][7], atol=TOLERANCE)


def _genpose(predictions: Predictions, *, keep: float = 0.6, **options: Any) -> Scores:
    return score_detections(predictions, get_protocol("genpose"), Options(keep=keep, **options))


RANKERS = {"energy_ranker": "energy", "gt_ranker": "gt"}


@pytest.mark.parametrize("pooling", ["average", "nearest"])
@pytest.mark.parametrize("ranker", list(RANKERS))
@pytest.mark.parametrize(
    ("frames", "prefix"), [("frames_main", "main"), ("k50_results_with_energy.pkl.gz", "k50")]
)
def test_rankers_and_poolings(
    golden: Path,
    build: Callable[..., Predictions],
    frames: str,
    prefix: str,
    ranker: str,
    pooling: str,
) -> None:
    scores = _genpose(build(frames), ranker=RANKERS[ranker], pooling=pooling)
    _check(scores, golden / "evaluator" / f"{prefix}_genpose_{pooling}_{ranker}.npz")


@pytest.mark.parametrize("pooling", ["average", "nearest"])
@pytest.mark.parametrize(
    ("frames", "prefix"), [("frames_main", "main"), ("k50_results_with_energy.pkl.gz", "k50")]
)
def test_random_ranker_with_recorded_draws(
    golden: Path, build: Callable[..., Predictions], frames: str, prefix: str, pooling: str
) -> None:
    path = golden / "evaluator" / f"{prefix}_genpose_{pooling}_random.npz"
    predictions = build(frames)
    draws = np.load(path)["random_draws"].reshape(-1, predictions.hypotheses.shape[1], 2)
    matched = _genpose(predictions)
    rows = matched.pairs.detection[matched.counted_detections]
    assert len(rows) == len(draws)
    energies = np.zeros((len(predictions.detections), *draws.shape[1:]))
    energies[rows] = draws
    _check(_genpose(replace(predictions, energies=energies), pooling=pooling), path)


@pytest.mark.parametrize("ratio", ["0.2", "0.4", "0.8", "1.0"])
def test_keep_ratios(golden: Path, build: Callable[..., Predictions], ratio: str) -> None:
    path = golden / "evaluator" / f"main_genpose_average_energy_ranker_ratio{ratio}.npz"
    _check(_genpose(build("frames_main"), keep=float(ratio)), path)


def test_without_dropping_the_unmatched(golden: Path, build: Callable[..., Predictions]) -> None:
    path = golden / "evaluator" / "main_genpose_average_energy_ranker_nomatch.npz"
    _check(_genpose(build("frames_main"), use_matches=False), path)


@pytest.mark.parametrize("use_matches", [True, False])
@pytest.mark.parametrize("evaluator", ["spd", "nocs"])
@pytest.mark.parametrize("frames", ["frames_main", *EDGE_SETS])
def test_nocs_and_spd(
    golden: Path,
    build: Callable[..., Predictions],
    frames: str,
    evaluator: str,
    use_matches: bool,
) -> None:
    predictions = build(frames, hypotheses=False)
    scores = score_detections(predictions, get_protocol("nocs"), Options(use_matches=use_matches))
    prefix = "main" if frames == "frames_main" else frames
    suffix = "" if use_matches else "_nomatch"
    _check(scores, golden / "evaluator" / f"{prefix}_{evaluator}{suffix}.npz")


@pytest.mark.parametrize(
    ("pooling", "ranker"), [("average", "energy"), ("average", "gt"), ("nearest", "energy")]
)
@pytest.mark.parametrize("frames", EDGE_SETS)
def test_edge_cases(
    golden: Path, build: Callable[..., Predictions], frames: str, pooling: str, ranker: str
) -> None:
    path = golden / "evaluator" / f"{frames}_genpose_{pooling}_{ranker}_ranker.npz"
    # Two detections of equal confidence swap places, and the official code forgets their boxes.
    scores = _genpose(build(frames), pooling=pooling, ranker=ranker, sort_boxes=False)
    _check(scores, path)


def _with_tied_confidences(predictions: Predictions, path: Path) -> Predictions:
    recorded = np.load(path)
    counts = np.bincount(predictions.detections.frame, minlength=len(predictions.frames))
    np.testing.assert_array_equal(counts, recorded["count"])
    tied = replace(predictions.detections, confidence=recorded["scores"])
    return replace(predictions, detections=tied)


@pytest.mark.parametrize(("evaluator", "hypotheses"), [("genpose", True), ("spd", False)])
def test_ties_by_a_stable_sort(
    golden: Path, build: Callable[..., Predictions], evaluator: str, hypotheses: bool
) -> None:
    folder = golden / "evaluator"
    predictions = build("frames_main", hypotheses=hypotheses)
    predictions = _with_tied_confidences(predictions, folder / "ties_scores.npz")
    protocol = get_protocol("genpose" if hypotheses else "nocs")
    scores = score_detections(predictions, protocol, Options(keep=0.6, sort_boxes=False))
    _check(scores, folder / f"ties_{evaluator}_stable.npz")


def test_ties_in_the_recorded_unstable_order(
    golden: Path, build: Callable[..., Predictions]
) -> None:
    """Taken in the order that introsort happened to give, the matches give the recorded AP."""
    folder = golden / "evaluator"
    predictions = _with_tied_confidences(build("frames_main"), folder / "ties_scores.npz")
    scores = _genpose(predictions, sort_boxes=False)
    recorded = np.load(folder / "ties_genpose_introsort.npz")
    for category in range(1, 7):
        positions = np.flatnonzero(scores.pairs.category == category)
        confidence = predictions.detections.confidence[scores.pairs.detection[positions]]
        np.testing.assert_array_equal(confidence, recorded[f"iou_stage_scores_cls{category}"])
        order = positions[recorded[f"iou_stage_order_cls{category}"]]
        truths = int((scores.pairs.truth_category == category).sum())
        ap, precision = compute_average_precision(scores.overlap_partner, order, truths)
        np.testing.assert_allclose(ap, recorded["iou_aps"][category], atol=TOLERANCE)
        np.testing.assert_allclose(precision, recorded["iou_acc"][category], atol=TOLERANCE)
    # Precision does not depend on the order, so this file has something to say of poses as well.
    np.testing.assert_allclose(scores.pose_curves[1], recorded["pose_acc"][1:7], atol=TOLERANCE)


def _shuffle(predictions: Predictions, path: Path) -> Predictions:
    recorded = np.load(path)
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
    golden: Path, build: Callable[..., Predictions], sort_boxes: bool, name: str
) -> None:
    folder = golden / "evaluator"
    predictions = _shuffle(build("frames_main"), folder / "shuffled_perm.npz")
    _check(_genpose(predictions, sort_boxes=sort_boxes), folder / f"{name}.npz")


@pytest.mark.parametrize(("prefix", "hypotheses"), [("genpose2d", True), ("spd3d", False)])
@pytest.mark.parametrize("frames", ["frames_main", *EDGE_SETS])
def test_overlaps_matches_and_errors_one_by_one(
    golden: Path,
    build: Callable[..., Predictions],
    frames: str,
    prefix: str,
    hypotheses: bool,
) -> None:
    name = "main" if frames == "frames_main" else frames
    recorded = np.load(golden / "evaluator" / f"{name}_detail.npz")
    protocol = get_protocol("genpose" if hypotheses else "nocs")
    options = Options(keep=0.6, sort_boxes=False)
    scores = score_detections(build(frames, hypotheses=hypotheses), protocol, options)
    pairs = scores.pairs
    block = np.repeat(np.arange(len(pairs.pair_start) - 1), np.diff(pairs.pair_start))
    row = pairs.pair_detection - pairs.detection_start[block]
    column = pairs.pair_truth - pairs.truth_start[block]
    np.testing.assert_array_equal(recorded[f"{prefix}_iou_index"][:, 2:], np.c_[row, column])
    np.testing.assert_allclose(scores.overlap, recorded[f"{prefix}_iou"], atol=TOLERANCE)
    thresholds = [OVERLAP_THRESHOLDS.index(value) for value in (0.1, 0.25, 0.5, 0.75)]
    np.testing.assert_array_equal(
        scores.overlap_partner[:, thresholds], recorded[f"{prefix}_match"][:, 4:]
    )
    kept = scores.counted_detections[pairs.pair_detection] & scores.counted_truths[pairs.pair_truth]
    degree, cm = recorded[f"{prefix}_rt"].T
    np.testing.assert_allclose(scores.errors.cm[kept], cm, atol=1e-4)
    # Single precision in the official rotations: an angle is known to 1e-7 in its cosine.
    cosines = np.cos(np.radians([scores.errors.degree[kept], degree]))
    np.testing.assert_allclose(cosines[0], cosines[1], atol=2e-6)


@pytest.fixture
def recorded_pairs(golden: Path) -> dict[str, np.ndarray]:
    return dict(np.load(golden / "evaluator" / "pairs.npz"))


def test_pose_errors_of_pairs(recorded_pairs: dict[str, np.ndarray]) -> None:
    first, second = recorded_pairs["sRT_1"], recorded_pairs["sRT_2"].astype(np.float64)
    category = np.arange(1, 7)[:, None]
    symmetric = find_symmetric(category, recorded_pairs["handle_visibility"])
    rotations = compute_rotation(first), compute_rotation(second)
    cosine = np.cos(compute_rotation_error(*rotations, symmetric))
    cm = 100.0 * compute_translation_error(first[..., :3, 3], second[..., :3, 3])
    for name in ("RT_errors", "nocs_RT_degree_cm"):
        degree, expected_cm = np.moveaxis(recorded_pairs[name], -1, 0)
        known = ~np.isnan(degree)  # NOCS takes the arccos of a little more than one
        np.testing.assert_allclose(cosine[known], np.cos(np.radians(degree[known])), atol=TOLERANCE)
        np.testing.assert_allclose(np.abs(cosine[~known]), 1.0, atol=TOLERANCE)
        np.testing.assert_allclose(cm, expected_cm, atol=TOLERANCE)
    degree, metres, scale = np.moveaxis(recorded_pairs["sRT_errors"], -1, 0)
    cosine = np.cos(compute_rotation_error(*rotations))
    np.testing.assert_allclose(cosine, np.cos(np.radians(degree)), atol=TOLERANCE)
    np.testing.assert_allclose(cm / 100.0, metres, atol=TOLERANCE)
    relative = np.abs(compute_scale(first) / compute_scale(second) - 1.0)
    np.testing.assert_allclose(relative, scale, atol=TOLERANCE)


def test_overlaps_of_pairs(recorded_pairs: dict[str, np.ndarray]) -> None:
    symmetric = find_symmetric(np.arange(1, 7)[:, None], recorded_pairs["handle_visibility"])
    boxes = [recorded_pairs[name] for name in ("sRT_1", "size_1", "sRT_2", "size_2")]
    overlap = compute_official_iou(*boxes, symmetric)
    for name in ("iou3d_spd", "iou3d_nocs_new"):
        np.testing.assert_allclose(overlap, recorded_pairs[name], rtol=0, atol=1e-12)
    first, second = np.moveaxis(recorded_pairs["boxes2d"], 1, 0)
    np.testing.assert_allclose(
        compute_image_iou(first, second), recorded_pairs["iou2d"], atol=1e-12
    )
