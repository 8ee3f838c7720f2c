"""Ranking by exact likelihood against ranking by energy, on the frames that have likelihoods."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmark.errors import ConfigError
from benchmark.evaluation.evaluator import evaluate
from benchmark.evaluation.protocols import DEFAULT_PROTOCOL, Options
from benchmark.likelihoods import Likelihoods, rank_by_likelihood, take_frames
from benchmark.predictions import Predictions

_ROUNDS = 10_000


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How alike two rankings of a detection's hypotheses are, over many detections.

    Attributes:
        mean: of Spearman's rank correlation over the detections.
        low, high: its 95 % interval, detections drawn again with replacement.
        detections: how many.
    """

    mean: float
    low: float
    high: float
    detections: int


def compare_rankers(
    predictions: Predictions, likelihoods: Likelihoods, protocol: str = DEFAULT_PROTOCOL
) -> dict[str, dict[str, float]]:
    """Return the mean accuracies of every way to rank, on the frames that have likelihoods.

    Args:
        predictions: the whole run.
        likelihoods: of some of its frames.
        protocol: what scores.

    Raises:
        ConfigError: the likelihoods are of another run.
    """
    ranked = rank_by_likelihood(predictions, likelihoods)
    subset = take_frames(predictions, likelihoods.frames.frame)
    options = Options()
    ways = {
        "random, one hypothesis": (subset, replace(options, hypotheses=1)),
        "random": (subset, replace(options, ranker="random")),
        "energy": (subset, options),
        "energy, joint": (subset, replace(options, ranking="joint")),
        "likelihood": (ranked, options),
        "ground truth": (subset, replace(options, ranker="gt")),
    }
    if predictions.energies is None:
        ways = {name: way for name, way in ways.items() if not name.startswith("energy")}
    return {
        name: evaluate(part, [protocol], choice).result.protocols[0].mean
        for name, (part, choice) in ways.items()
    }


def measure_agreement(
    predictions: Predictions, likelihoods: Likelihoods, *, seed: int = 0
) -> dict[str, Agreement]:
    """Return how well log-likelihoods agree with energies: rotation's, translation's, their sum.

    Args:
        predictions: the whole run, with energies.
        likelihoods: of some of its frames.
        seed: of the bootstrap.

    Raises:
        ConfigError: the run has no energies, or too few hypotheses to rank.
    """
    from scipy.stats import rankdata

    if predictions.energies is None or predictions.energies.shape[1] < 2:
        raise ConfigError("rankings can be compared where there are energies and two hypotheses")
    rows, values = likelihoods.by_detection()
    ranks = rankdata(values, axis=1)
    agreements = {}
    for name, energies in _iterate_energies(np.asarray(predictions.energies[rows])):
        found = _correlate(ranks, rankdata(energies, axis=1))
        drawn = np.random.default_rng(seed).integers(0, len(found), (_ROUNDS, len(found)))
        low, high = np.percentile(found[drawn].mean(axis=1), [2.5, 97.5])
        agreements[name] = Agreement(
            mean=float(found.mean()), low=float(low), high=float(high), detections=len(found)
        )
    return agreements


def _iterate_energies(energies: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield "sum", energies.astype(np.float64).sum(axis=-1)
    yield "rotation", energies[..., 0]
    yield "translation", energies[..., 1]


def _correlate(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return the correlation (n,) of the rows of two tables (n, K); 0 where one is constant."""
    first, second = (x - x.mean(axis=1, keepdims=True) for x in (first, second))
    size = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    product = (first * second).sum(axis=1)
    return np.asarray(np.divide(product, size, out=np.zeros(len(size)), where=size > 0))
