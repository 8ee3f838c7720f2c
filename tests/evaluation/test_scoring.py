"""The laws of every protocol: perfect is 100, broken never passes, oracles bound."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmark.errors import ConfigError
from benchmark.evaluation.protocols import (
    OVERLAP_THRESHOLDS,
    SHIFT_THRESHOLDS_CM,
    Options,
    get_protocol,
)
from benchmark.evaluation.scoring import Scores, score_detections
from benchmark.geometry.rotations import rotation_about_y
from benchmark.geometry.symmetry import find_symmetric
from benchmark.predictions import Predictions

Make = Callable[..., Predictions]
DETECTION_PROTOCOLS = ("genpose", "nocs", "catre", "strict")


def _score(predictions: Predictions, protocol: str, **options: object) -> Scores:
    return score_detections(predictions, get_protocol(protocol), Options(**options))  # type: ignore[arg-type]


def _ap(scores: Scores, degree: float, cm: float) -> np.ndarray:
    place = scores.protocol.degree_thresholds.index(degree), SHIFT_THRESHOLDS_CM.index(cm)
    return np.asarray(scores.pose_curves[0][:, *place])


@pytest.mark.parametrize("protocol", DETECTION_PROTOCOLS)
def test_perfect_predictions_score_one(make: Make, protocol: str) -> None:
    scores = _score(make(), protocol)
    assert (scores.pose_curves[0][:, 1:, 1:] == 1.0).all()
    below = OVERLAP_THRESHOLDS.index(0.99)
    assert scores.size_curves is not None
    assert (scores.size_curves[0][:, :below] == 1.0).all()
    assert (scores.size_curves[0][:, -1] == 0.0).all()


@pytest.mark.parametrize("protocol", DETECTION_PROTOCOLS)
def test_a_pose_that_is_not_a_number_never_passes(make: Make, protocol: str) -> None:
    predictions = make()
    predictions.estimates.transform[::6] = np.nan
    scores = _score(predictions, protocol)
    assert (scores.pose_curves[0][0] == 0.0).all()
    assert (_ap(scores, 5.0, 2.0)[1:] == 1.0).all()


@pytest.mark.parametrize("protocol", DETECTION_PROTOCOLS)
def test_ap_rises_with_the_thresholds(make: Make, protocol: str) -> None:
    ap = _score(make(degree=6.0, cm=3.0), protocol).pose_curves[0]
    assert (np.diff(ap, axis=1) >= 0).all()
    assert (np.diff(ap, axis=2) >= 0).all()
    assert 0.1 < ap[:, 10, 10].mean() < 0.9


@pytest.mark.parametrize("protocol", DETECTION_PROTOCOLS)
def test_turning_symmetric_objects_changes_nothing(make: Make, protocol: str) -> None:
    predictions = make(degree=4.0, cm=2.0)
    truths, turned = predictions.ground_truth, predictions.estimates.transform.copy()
    symmetric = find_symmetric(truths.category, truths.handle_visible)
    angle = np.where(symmetric, 2 * np.pi / 20 * np.arange(len(truths)), 0.0)
    turned[:, :3, :3] = turned[:, :3, :3] @ rotation_about_y(angle)
    again = replace(predictions, estimates=replace(predictions.estimates, transform=turned))
    before, after = (_score(p, protocol).pose_curves[0] for p in (predictions, again))
    np.testing.assert_allclose(after[:, 1:], before[:, 1:], atol=1e-12)


@pytest.mark.parametrize("protocol", DETECTION_PROTOCOLS)
def test_order_of_rows_does_not_matter(make: Make, protocol: str) -> None:
    predictions = make(degree=6.0, cm=3.0)
    order = np.random.default_rng(1).permutation(len(predictions.detections))
    shuffled = replace(
        predictions,
        detections=predictions.detections.take(order),
        estimates=predictions.estimates.take(order),
        ground_truth=predictions.ground_truth.take(order[::-1]),
    )
    before, after = (_score(p, protocol).pose_curves[0] for p in (predictions, shuffled))
    np.testing.assert_array_equal(after, before)


def _drop(predictions: Predictions, rows: slice) -> Predictions:
    kept = np.ones(len(predictions.detections), bool)
    kept[rows] = False
    return replace(
        predictions,
        detections=predictions.detections.take(kept),
        estimates=predictions.estimates.take(kept),
    )


def test_missed_objects_cost_nothing_officially_and_count_strictly(make: Make) -> None:
    """With half of the objects found, perfectly: 1.0 there and 0.5 under a strict count."""
    predictions = _drop(make(20), slice(0, 60))
    for protocol in ("genpose", "nocs", "catre"):
        assert (_ap(_score(predictions, protocol), 5.0, 2.0) == 1.0).all()
        everything = _score(predictions, protocol, use_matches=False)
        np.testing.assert_allclose(_ap(everything, 5.0, 2.0), 0.5)
    np.testing.assert_allclose(_ap(_score(predictions, "strict"), 5.0, 2.0), 0.5)


def test_false_detections_of_high_confidence_cost_half_strictly(make: Make) -> None:
    """As many false detections ahead of the right ones as there are objects: precision 1/2."""
    predictions = make(20)
    far = predictions.estimates.transform.copy()
    far[:, :3, 3] += 5.0
    detections = predictions.detections
    doubled = replace(
        predictions,
        detections=type(detections).concatenate(
            [replace(detections, confidence=detections.confidence / 2 + 1), detections]
        ),
        estimates=type(predictions.estimates).concatenate(
            [replace(predictions.estimates, transform=far), predictions.estimates]
        ),
    )
    np.testing.assert_allclose(_ap(_score(doubled, "strict"), 5.0, 2.0), 0.5)
    assert (_ap(_score(doubled, "nocs"), 5.0, 2.0) == 1.0).all()


def test_strict_needs_overlap_and_nocs_without_matches_does_not(make: Make) -> None:
    """A right pose whose predicted size is tiny overlaps by less than 0.1."""
    predictions = make()
    tiny = replace(predictions.estimates, extents=predictions.estimates.extents * 0.3)
    predictions = replace(predictions, estimates=tiny)
    assert (_ap(_score(predictions, "strict"), 5.0, 2.0) == 0.0).all()
    assert (_ap(_score(predictions, "nocs", use_matches=False), 5.0, 2.0) == 1.0).all()


def test_doubled_detections_count_once(make: Make) -> None:
    predictions = make(20)
    twice = replace(
        predictions,
        detections=type(predictions.detections).concatenate([predictions.detections] * 2),
        estimates=type(predictions.estimates).concatenate([predictions.estimates] * 2),
    )
    for protocol in DETECTION_PROTOCOLS:
        scores = _score(twice, protocol)
        matched = scores.pose_matches.at(5, 4)
        assert matched.sum() == len(predictions.ground_truth)


@pytest.mark.parametrize(
    ("protocol", "ranking"), [("genpose", "separate"), ("genpose", "joint"), ("strict", "joint")]
)
def test_oracles_bound_what_they_choose_from(make: Make, protocol: str, ranking: str) -> None:
    """The nearest hypothesis is at least as good as the one that energy or chance ranks first."""
    predictions = make(degree=8.0, cm=4.0, hypotheses=10, sizes=False)
    for ranker in ("energy", "random"):
        one = _score(predictions, protocol, ranker=ranker, ranking=ranking, keep=0.1)
        nearest = _score(predictions, protocol, pooling="nearest", keep=1.0)
        assert (nearest.pose_curves[0] >= one.pose_curves[0] - 1e-12).all()
        assert nearest.pose_curves[0].sum() > one.pose_curves[0].sum()


def test_joint_oracle_is_stricter_than_separate_minima(make: Make) -> None:
    predictions = make(degree=8.0, cm=4.0, hypotheses=6, sizes=False)
    options = {"pooling": "nearest", "keep": 1.0}
    separate = _score(predictions, "genpose", oracle="separate", **options).pose_curves[0]
    joint = _score(predictions, "genpose", oracle="joint", **options).pose_curves[0]
    assert (joint <= separate + 1e-12).all()
    assert joint.sum() < separate.sum()


def test_joint_oracle_takes_any_hypothesis_that_meets_both_thresholds(make: Make) -> None:
    """One hypothesis is off by 9 degrees, the other by 4 cm: both thresholds have a witness."""
    predictions = make(3, hypotheses=2, sizes=False)
    truths = predictions.ground_truth.transform
    poses = np.repeat(truths[:, None, :3] / [0.2, 0.2, 0.2, 1.0], 2, axis=1)
    tilt = rotation_about_y(np.radians(9.0))[[1, 0, 2]][:, [1, 0, 2]]  # about x
    poses[:, 0, :, :3] = poses[:, 0, :, :3] @ tilt
    poses[:, 1, 2, 3] += 0.04
    predictions = replace(predictions, hypotheses=poses)
    scores = _score(predictions, "strict", pooling="nearest", keep=1.0)
    assert (_ap(scores, 10.0, 2.0) == 1.0).all()
    assert (_ap(scores, 5.0, 5.0) == 1.0).all()
    assert (_ap(scores, 5.0, 2.0) == 0.0).all()
    separate = _score(predictions, "strict", pooling="nearest", keep=1.0, oracle="separate")
    assert (_ap(separate, 5.0, 2.0) == 1.0).all()


def test_first_drawn_hypotheses_only(make: Make) -> None:
    predictions = make(degree=8.0, cm=4.0, hypotheses=10, sizes=False)
    fewer = replace(
        predictions,
        hypotheses=predictions.hypotheses[:, :4],
        energies=predictions.energies[:, :4],
    )
    first = _score(predictions, "genpose", hypotheses=4).pose_curves[0]
    np.testing.assert_array_equal(first, _score(fewer, "genpose").pose_curves[0])
    with pytest.raises(ConfigError, match="11 hypotheses asked for, but the file holds 10"):
        _score(predictions, "genpose", hypotheses=11)
    unordered = replace(predictions, info=replace(predictions.info, draw_order=False))
    with pytest.raises(ConfigError, match="sorted"):
        _score(unordered, "genpose", hypotheses=4)


def test_hypotheses_without_energies_are_all_averaged(make: Make) -> None:
    predictions = make(degree=8.0, cm=4.0, hypotheses=10, sizes=False)
    bare = replace(predictions, energies=None)
    np.testing.assert_array_equal(
        _score(bare, "genpose", keep=0.2).pose_curves[0],
        _score(predictions, "genpose", keep=1.0).pose_curves[0],
    )


def test_detections_without_estimate_have_the_identity_pose(make: Make) -> None:
    predictions = make(hypotheses=5, sizes=False)
    predictions.estimates.estimated[::6] = 0
    predictions.estimates.transform[::6] = np.eye(4)
    scores = _score(predictions, "genpose")
    assert (_ap(scores, 10.0, 5.0) == [0, 1, 1, 1, 1, 1]).all()
    assert scores.counted_detections.all()


@pytest.mark.parametrize("protocol", ["nocs", "catre"])
def test_methods_without_sizes_need_the_true_ones(make: Make, protocol: str) -> None:
    predictions = make(sizes=False)
    with pytest.raises(ConfigError, match="--sizes gt"):
        _score(predictions, protocol)
    lent = _score(predictions, protocol, sizes="gt")
    own = _score(make(sizes=True), protocol)
    np.testing.assert_array_equal(lent.overlap, own.overlap)


def test_strict_matches_by_image_box_without_sizes(make: Make) -> None:
    scores = _score(make(sizes=False), "strict")
    assert scores.overlap_kind == "image"
    assert scores.size_curves is None
    assert (_ap(scores, 5.0, 2.0) == 1.0).all()


def test_gated_protocols_have_no_choice_of_matches(make: Make) -> None:
    with pytest.raises(ConfigError, match="no choice of use_matches"):
        _score(make(), "strict", use_matches=True)


def test_hidden_handles_make_mugs_symmetric(make: Make) -> None:
    predictions = make()
    mugs = np.flatnonzero(predictions.ground_truth.category == 6)
    predictions.ground_truth.handle_visible[mugs] = np.arange(len(mugs)) % 2
    turned = predictions.estimates.transform[mugs]
    turned[:, :3, :3] = turned[:, :3, :3] @ rotation_about_y(np.pi / 2)
    predictions.estimates.transform[mugs] = turned
    scores = _score(predictions, "nocs", use_matches=False)
    passed = scores.pose_matches.at(5, 4)
    assert passed.sum() == len(predictions.ground_truth) - len(mugs) // 2


def test_random_ranking_follows_its_seed(make: Make) -> None:
    predictions = make(degree=8.0, cm=4.0, hypotheses=10, sizes=False)
    first, again, other = (
        _score(predictions, "genpose", ranker="random", keep=0.1, seed=seed).pose_curves[0]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
