"""Ranking by likelihood against ranking by energy."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmark.errors import ConfigError
from benchmark.evaluation.rankers import compare_rankers, measure_agreement
from benchmark.likelihoods import FrameRows, LikelihoodInfo, LikelihoodRows, Likelihoods
from benchmark.predictions import Predictions

Make = Callable[..., Predictions]


def make_likelihoods(values: np.ndarray, frames: int) -> Likelihoods:
    """Return log-likelihoods (n, K) of the first n detections."""
    info = LikelihoodInfo(
        sigma=0.1,
        prior_sigma=3.0,
        tolerance=1e-4,
        weights="",
        detections="",
        seconds=1.0,
        energy_seconds=1.0,
    )
    rows = LikelihoodRows(
        detection=np.repeat(np.arange(len(values)), values.shape[1]),
        hypothesis=np.tile(np.arange(values.shape[1]), len(values)),
        log_likelihood=values.reshape(-1),
    )
    return Likelihoods(info=info, frames=FrameRows(frame=np.arange(frames)), rows=rows)


def closeness(predictions: Predictions) -> np.ndarray:
    """Return minus the distance (n, K) of hypotheses to the truth, which detections follow."""
    assert predictions.hypotheses is not None
    truth = predictions.ground_truth.transform[:, None, :3, 3]
    return -np.linalg.norm(predictions.hypotheses[..., 3] - truth, axis=-1)


def test_a_likelihood_that_knows_the_truth_ranks_better_than_random_energies(make: Make) -> None:
    predictions = make(10, degree=0.0, cm=3.0, hypotheses=2)
    rows = compare_rankers(predictions, make_likelihoods(closeness(predictions), 10))
    truth, likelihood, energy = (
        rows[name]["5deg_2cm"] for name in ("ground truth", "likelihood", "energy")
    )
    assert truth == likelihood > energy


def test_only_frames_with_likelihoods_are_scored(make: Make) -> None:
    predictions = make(10, degree=4.0, cm=2.0, hypotheses=6)
    values = closeness(predictions)[: 4 * 6]
    part = compare_rankers(predictions, make_likelihoods(values, 4))
    whole = compare_rankers(predictions, make_likelihoods(closeness(predictions), 10))
    assert part["energy"] != whole["energy"]


def test_agreement_is_the_mean_of_spearmans_correlation(make: Make) -> None:
    predictions = make(6, hypotheses=8)
    values = np.random.default_rng(1).standard_normal((36, 8))
    assert predictions.energies is not None
    found = measure_agreement(predictions, make_likelihoods(values, 6))
    for name, energies in (
        ("sum", predictions.energies.sum(axis=-1)),
        ("rotation", predictions.energies[..., 0]),
        ("translation", predictions.energies[..., 1]),
    ):
        each = [spearmanr(a, b).statistic for a, b in zip(values, energies, strict=True)]
        assert found[name].mean == pytest.approx(np.mean(each), abs=1e-12)
        assert found[name].low < found[name].mean < found[name].high
        assert found[name].detections == 36


def test_rankings_need_energies_to_agree_with(make: Make) -> None:
    predictions = replace(make(6, hypotheses=8), energies=None)
    with pytest.raises(ConfigError, match="energies"):
        measure_agreement(predictions, make_likelihoods(np.zeros((36, 8)), 6))
