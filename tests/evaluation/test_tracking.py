"""Tracking protocols: which frames and objects count, and what mugs may do."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from benchmark.evaluation.evaluator import evaluate
from benchmark.evaluation.result import ProtocolResult
from benchmark.evaluation.tracking import compute_tracking_metrics
from benchmark.geometry.rotations import rotation_about_y
from benchmark.predictions import Predictions

Make = Callable[..., Predictions]


def _score(predictions: Predictions, protocol: str) -> ProtocolResult:
    return evaluate(predictions, [f"tracking-{protocol}"]).result.protocols[0]


def test_accuracy_includes_the_threshold() -> None:
    metrics = compute_tracking_metrics(np.array([5.0, 5.1, 1.0]), np.array([5.0, 1.0, 5.1]))
    assert metrics["5deg_5cm"] == pytest.approx(100 / 3)
    assert metrics["mean_deg"] == pytest.approx(3.7)
    assert metrics["mean_cm"] == pytest.approx(11.1 / 3)


@pytest.mark.parametrize("protocol", ["genpose", "captra"])
def test_perfect_tracks(make: Make, protocol: str) -> None:
    predictions = make()
    predictions.ground_truth.handle_visible[:] = 1
    block = _score(predictions, protocol)
    assert block.mean["5deg_5cm"] == 100.0
    assert block.mean["mean_deg"] < 1e-5
    assert block.mean["mean_cm"] < 1e-9


def test_captra_leaves_out_the_first_frame_of_every_scene(make: Make) -> None:
    """Frames 0 and 1 begin the two scenes; spoil them."""
    predictions = make(20)
    first = predictions.frames.number[predictions.detections.frame] == 0
    assert first.sum() == 12
    predictions.estimates.transform[first, :3, 3] += 1.0
    captra, genpose = _score(predictions, "captra"), _score(predictions, "genpose")
    assert captra.mean["mean_cm"] < 1e-9
    assert captra.categories[0].instances == 18
    assert genpose.mean["mean_cm"] == pytest.approx(100 * np.sqrt(3) * 0.1)
    assert genpose.categories[0].instances == 20


def test_mugs_without_handle_are_symmetric_for_genpose_only(make: Make) -> None:
    predictions = make()
    predictions.ground_truth.handle_visible[:] = 0
    mugs = np.flatnonzero(predictions.detections.category == 6)
    turned = predictions.estimates.transform[mugs]
    turned[:, :3, :3] = turned[:, :3, :3] @ rotation_about_y(np.pi / 2)
    predictions.estimates.transform[mugs] = turned
    genpose, captra = _score(predictions, "genpose"), _score(predictions, "captra")
    assert genpose.categories[5].metrics["5deg_5cm"] == 100.0
    assert captra.categories[5].metrics["mean_deg"] == pytest.approx(90.0)


def test_lost_objects_are_left_out_and_counted(make: Make) -> None:
    predictions = make(10)
    kept = np.arange(60) >= 7
    lost = replace(
        predictions,
        detections=predictions.detections.take(kept),
        estimates=predictions.estimates.take(kept),
    )
    block = _score(lost, "genpose")
    assert block.mean["5deg_5cm"] == 100.0
    assert block.notes == ("7 objects without a tracked pose are left out",)
    assert block.categories[0].matched == 8
