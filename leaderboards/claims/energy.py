"""Claims about energies: how they go with errors (Figure 3)."""

from collections.abc import Sequence

import numpy as np

from leaderboards.analysis.resampling import Resampling
from leaderboards.claims.groups import DataGroup
from leaderboards.claims.model import Evidence, Measure, MissingEvidenceError, measure
from leaderboards.figures.hypothesis_errors import HypothesisErrors, compute_hypothesis_errors
from leaderboards.runs import Run

_PARTS = ("rotation", "translation")
LOW = (10.0, 2.0)
"""Errors that the paper calls low: below these degrees and centimetres."""

HIGH = (20.0, 4.0)
"""Errors that the paper calls high: above these."""

_ENERGY_BINS = 512
_CHANCE = 0.5


def check_correlation(group: DataGroup) -> Evidence:
    """Measure the rank correlation of energy and error over all hypotheses."""
    run, errors, frame = _read(group)
    return _gather(
        run,
        errors,
        [
            measure(
                f"{part}, Spearman",
                group.estimate(
                    correlate_ranks(energy, error, frame, group.resampling), (-1.0, 1.0)
                ),
                side="below",
                unit="correlation",
            )
            for part, energy, error in _list_parts(errors)
        ],
    )


def check_large_errors(group: DataGroup) -> Evidence:
    """Measure how often a hypothesis of low error has more energy than one of high error."""
    run, errors, frame = _read(group)
    measures = []
    for index, (part, energy, error) in enumerate(_list_parts(errors)):
        area = separate(energy, error < LOW[index], error > HIGH[index], frame, group.resampling)
        name = f"{part}, low above high error"
        measures.append(
            measure(
                name,
                group.estimate(area, (0.0, 1.0)),
                bound=_CHANCE,
                unit="area under the ROC curve",
            )
        )
    return _gather(run, errors, measures)


def check_large_before_small(group: DataGroup) -> Evidence:
    """Compare telling low from high errors with telling very low from low ones."""
    run, errors, frame = _read(group)
    measures = []
    for index, (part, energy, error) in enumerate(_list_parts(errors)):
        low, half = LOW[index], LOW[index] / 2
        large = separate(energy, error < low, error > HIGH[index], frame, group.resampling)
        small = separate(
            energy, error < half, (error >= half) & (error < low), frame, group.resampling
        )
        name = f"{part}, large minus small differences"
        measures.append(
            measure(name, group.estimate(large - small), unit="area under the ROC curve")
        )
    return _gather(run, errors, measures)


def _read(group: DataGroup) -> tuple[Run, HypothesisErrors, np.ndarray]:
    """Return a run, its hypotheses' errors, and the frame of every single hypothesis."""
    run = group.find_generative(2)
    errors = compute_hypothesis_errors(run)
    if errors.energies is None:
        raise MissingEvidenceError(f"{run.name} holds no energies")
    frame = run.predictions.ground_truth.frame[errors.truth]
    return run, errors, np.repeat(frame, errors.degree.shape[1])


def _list_parts(errors: HypothesisErrors) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """Return name, energy and error (n * K,) of rotation and translation."""
    energies = np.asarray(errors.energies, dtype=np.float64)
    return [
        (part, energies[..., index].ravel(), values.ravel())
        for index, (part, values) in enumerate(zip(_PARTS, (errors.degree, errors.cm), strict=True))
    ]


def _gather(run: Run, errors: HypothesisErrors, measures: Sequence[Measure]) -> Evidence:
    return Evidence(
        measures=tuple(measures), runs=(run.name,), count=f"{errors.degree.size} hypotheses"
    )


def correlate_ranks(
    first: np.ndarray, second: np.ndarray, frame: np.ndarray, resampling: Resampling
) -> np.ndarray:
    """Return Spearman's correlation (1 + rounds,) of n values in frames (n,).

    Ranks are those in the whole sample; only their moments are resampled.
    """
    from scipy.stats import rankdata

    x, y = (rankdata(values) / len(values) - 0.5 for values in (first, second))
    means = resampling.mean(np.stack([x, y, x * x, y * y, x * y], axis=1), frame)
    mean_x, mean_y, xx, yy, xy = means.T
    scale = np.sqrt((xx - mean_x**2) * (yy - mean_y**2))
    correlation: np.ndarray = np.full_like(scale, np.nan)
    np.divide(xy - mean_x * mean_y, scale, out=correlation, where=scale > 0)
    return correlation


def separate(
    score: np.ndarray,
    positive: np.ndarray,
    negative: np.ndarray,
    frame: np.ndarray,
    resampling: Resampling,
) -> np.ndarray:
    """Return the area under the ROC curve (1 + rounds,): positives score above negatives.

    Scores are put into 512 bins of equal count; those in one bin count as ties.

    Args:
        score: (n,).
        positive, negative: (n,) bool.
        frame: (n,) where each lies.
        resampling: of the frames.
    """
    edges = np.unique(np.quantile(score, np.linspace(0, 1, _ENERGY_BINS + 1)[1:-1]))
    place = np.searchsorted(edges, score, side="right")
    counts = []
    for chosen in (positive, negative):
        cells = np.zeros((resampling.units, len(edges) + 1))
        np.add.at(cells, (resampling.owner[frame[chosen]], place[chosen]), 1.0)
        counts.append(resampling.counts @ cells)
    above, below = counts
    lower = np.cumsum(below, axis=1) - below / 2
    pairs = above.sum(axis=1) * below.sum(axis=1)
    area: np.ndarray = np.full_like(pairs, np.nan)
    np.divide((above * lower).sum(axis=1), pairs, out=area, where=pairs > 0)
    return area
