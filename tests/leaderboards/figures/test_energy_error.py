"""Figure 3: the mean curve, the cells and the correlations, against sums done by hand."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmark.errors import ConfigError
from leaderboards.figures.energy_error import (
    CURVE_BINS,
    compute_energy_error,
    compute_mean_curve,
    compute_panel,
    compute_spearman,
)
from leaderboards.runs import Run

MakeRun = Callable[..., Run]


def draw_spread(generator: np.random.Generator, category: np.ndarray, count: int) -> np.ndarray:
    """Give errors between zero and eight."""
    return 8 * generator.random((len(category), count))


def add_noise(generator: np.random.Generator, error: np.ndarray) -> np.ndarray:
    """Give energies that follow the errors loosely."""
    return -error - 6 * generator.random(error.shape)


def test_the_mean_curve_is_the_mean_of_equal_groups_by_energy() -> None:
    generator = np.random.default_rng(0)
    energy, error = generator.normal(size=120), generator.random(120)
    x, y = compute_mean_curve(energy, error, 6)
    ranked = sorted(zip(energy, error, strict=True))
    for group in range(6):
        members = ranked[20 * group : 20 * group + 20]
        assert x[group] == pytest.approx(sum(e for e, _ in members) / 20)
        assert y[group] == pytest.approx(sum(r for _, r in members) / 20)


def test_every_hypothesis_is_in_a_cell() -> None:
    generator = np.random.default_rng(1)
    energy, error = -generator.exponential(size=500), 180 * generator.random(500)
    panel = compute_panel(energy, error, "rotation", "deg", 10.0)
    assert panel.count.sum() == 500
    assert panel.count.shape == (len(panel.energy_edges) - 1, len(panel.error_edges) - 1)
    assert (np.diff(panel.energy_edges) > 0).all()
    assert (panel.energy_edges[0], panel.energy_edges[-1]) == (energy.min(), energy.max())
    inside = (energy >= panel.energy_edges[20]) & (energy < panel.energy_edges[21])
    assert panel.count[20].sum() == inside.sum()


def test_spearman_is_scipys_and_nan_where_there_is_none() -> None:
    generator = np.random.default_rng(2)
    first = generator.integers(0, 9, 200).astype(float)  # with ties
    second = first + generator.normal(0, 3, 200)
    assert compute_spearman(first, second) == pytest.approx(spearmanr(first, second).statistic)
    assert np.isnan(compute_spearman(first[:2], second[:2]))
    assert np.isnan(compute_spearman(np.ones(9), np.arange(9.0)))


def test_errors_of_a_run_are_those_it_was_made_with(make_run: MakeRun) -> None:
    run = make_run(degree=draw_spread, cm=draw_spread, energy=add_noise)
    data = compute_energy_error(run)
    energies = np.asarray(run.predictions.energies, "f8")
    rotation, translation = data.panels
    assert rotation.count.sum() == translation.count.sum() == energies[..., 0].size
    assert -1 < rotation.spearman < -0.5
    assert len(rotation.mean_error) == CURVE_BINS
    assert np.mean(rotation.mean_error) == pytest.approx(4.0, abs=0.2)
    assert np.mean(translation.mean_error) == pytest.approx(4.0, abs=0.2)
    assert f"{rotation.spearman:.2f}" in data.caption


def test_a_method_without_hypotheses_is_refused(make_run: MakeRun) -> None:
    with pytest.raises(ConfigError, match="gives one pose without hypotheses"):
        compute_energy_error(make_run(hypotheses=None))
