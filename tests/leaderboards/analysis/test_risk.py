"""Risk against coverage: closed forms, brute force, and the ends of the scale."""

from collections.abc import Callable

import numpy as np
import pytest

from leaderboards.analysis.resampling import plan_resampling
from leaderboards.analysis.risk import compute_areas, report_risk, trace_curve
from leaderboards.runs import Run

Make = Callable[..., Run]


def normal(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
    scale = np.exp(generator.standard_normal((len(category), 1)))
    return 4.0 * scale * generator.standard_normal((len(category), count))


def test_area_of_a_known_curve() -> None:
    values, frame = np.array([0.0, 0.0, 3.0]), np.zeros(3, int)
    np.testing.assert_allclose(compute_areas(values, frame, np.ones((1, 1))), (0 + 0 + 1) / 3)
    np.testing.assert_allclose(
        compute_areas(values[::-1], frame, np.ones((1, 1))), (3 + 1.5 + 1) / 3
    )


def test_weighted_area_is_that_of_repeated_rows() -> None:
    """To within ties: repeated rows share one risk, where single ones would creep up to it."""
    generator = np.random.default_rng(0)
    values, frame = generator.random(40), np.arange(40)
    weights = generator.integers(0, 4, (3, 40)).astype(float)
    for row, area in zip(weights, compute_areas(values, frame, weights), strict=True):
        seen = np.cumsum(row)
        curve = np.cumsum(row * values)[row > 0] / seen[row > 0]
        np.testing.assert_allclose(area, np.average(curve, weights=row[row > 0]))


@pytest.mark.parametrize(("sign", "expected"), [(1.0, 100.0), (-1.0, None)])
def test_perfect_and_worst_trust(make_run: Make, sign: float, expected: float | None) -> None:
    predictions = make_run().predictions
    resampling = plan_resampling(predictions, rounds=50)
    values = np.random.default_rng(0).random(len(predictions.detections))
    curve = trace_curve("r", "t", values, -sign * values, predictions.detections.frame, resampling)
    assert curve.oracle < curve.random
    if expected is None:
        assert curve.gain.value < 0
        assert curve.value[0] == values.max()
    else:
        np.testing.assert_allclose(curve.gain.value, expected)
        np.testing.assert_allclose(curve.area.value, curve.oracle)
        assert curve.value[0] == values.min()
    np.testing.assert_allclose(curve.value[-1], values.mean())
    np.testing.assert_allclose(curve.coverage[-1], 1.0)


def test_random_trust_gains_nothing(make_run: Make) -> None:
    predictions = make_run(scenes=10, frames=20).predictions
    resampling = plan_resampling(predictions, rounds=200)
    generator = np.random.default_rng(0)
    values, score = generator.random((2, len(predictions.detections)))
    curve = trace_curve("r", "t", values, score, predictions.detections.frame, resampling)
    assert curve.gain.low < 0 < curve.gain.high
    assert abs(curve.gain.value) < 15


def test_energies_that_tell_errors_gain_more_than_random_ones(make_run: Make) -> None:
    telling = make_run("telling", degree=normal)
    random = make_run("random", degree=normal, energy=lambda g, e: g.standard_normal(e.shape))
    gains = {}
    for run in (telling, random):
        table = report_risk(run, rounds=50).tables["risk"]
        row = (table["risk"] == "rotation error in degrees") & (table["trust"] == "mean energy")
        gains[run.name] = float(table.loc[row, "gain"].iloc[0])
    assert gains["telling"] > gains["random"] + 30


def test_methods_without_hypotheses_are_trusted_by_confidence_alone(make_run: Make) -> None:
    report = report_risk(make_run(degree=normal, hypotheses=None), rounds=20)
    assert set(report.tables["risk"]["trust"]) == {"detector's confidence"}
    assert set(report.document) == {"run", "protocol", "resampling", "areas", "curves"}
