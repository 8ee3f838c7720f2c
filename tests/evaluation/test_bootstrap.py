"""Bootstrap intervals hold the truth about as often as they say."""

from collections.abc import Callable

import numpy as np

from benchmark.evaluation.bootstrap import compute_intervals, draw_weights, resample_scores
from benchmark.evaluation.instances import METRIC_NAMES
from benchmark.evaluation.protocols import Options, get_protocol
from benchmark.evaluation.scoring import Scores, score_detections
from benchmark.predictions import Predictions

Make = Callable[..., Predictions]


def _score(predictions: Predictions) -> Scores:
    return score_detections(predictions, get_protocol("strict"), Options())


def test_weights_draw_as_many_frames_as_there_are() -> None:
    weights = draw_weights(50, 200, seed=0)
    assert (weights.sum(axis=1) == 50).all()
    np.testing.assert_allclose(weights.mean(), 1.0)
    assert abs((weights == 0).mean() - np.exp(-1)) < 0.02


def test_same_seed_same_intervals(make: Make) -> None:
    predictions = make(degree=6.0, cm=3.0)
    scores = _score(predictions)
    first, again, other = (compute_intervals(predictions, scores, 50, seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_intervals_surround_the_value(make: Make) -> None:
    predictions = make(60, degree=6.0, cm=3.0)
    scores = _score(predictions)
    values = 100 * scores.pose_curves[0][:, 5, 4]
    rows = compute_intervals(predictions, scores, 400, seed=0)
    for value, row in zip([*values, values.mean()], rows, strict=True):
        low, high = row["5deg_2cm"]
        assert low <= value <= high
        assert high - low > 1.0
    assert rows[6]["5deg_2cm"][1] - rows[6]["5deg_2cm"][0] < max(
        high - low for row in rows[:6] for low, high in [row["5deg_2cm"]]
    )


def test_perfect_predictions_leave_no_doubt(make: Make) -> None:
    predictions = make(10)
    samples = resample_scores(predictions, _score(predictions), 30, seed=0)
    assert (samples[:, :, : len(METRIC_NAMES)] == 100.0).all()


def test_coverage(make: Make) -> None:
    """Of 30 data sets, the intervals hold the value of a large set in most.

    Confidence says nothing here, the worst case: AP of 40 frames is a quarter too large on average,
    and plain percentiles hold the value in fewer than half.
    """
    large = _score(make(1500, degree=9.0, cm=4.0, seed=999))
    truth = 100 * large.pose_curves[0][:, 10, 10].mean()
    held = 0
    for seed in range(30):
        predictions = make(40, degree=9.0, cm=4.0, seed=seed)
        low, high = compute_intervals(predictions, _score(predictions), 100, seed)[6]["10deg_5cm"]
        held += low <= truth <= high
    assert held >= 23
