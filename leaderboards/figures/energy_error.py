"""Figure 3: does the energy of a hypothesis tell how far it is off?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from benchmark.errors import ConfigError
from leaderboards.figures.figure_data import FigureData
from leaderboards.figures.hypothesis_errors import compute_hypothesis_errors
from leaderboards.runs import Run

CURVE_BINS = 24
_ENERGY_CELLS, _ERROR_CELLS = 48, 40
_LINEAR_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class EnergyPanel(FigureData):
    """Energy against one kind of error, over all hypotheses.

    Attributes:
        quantity, unit: what the error is ("rotation", "deg").
        count: (energy cells, error cells) hypotheses in each cell.
        energy_edges, error_edges: edges of the cells; even on axes that are linear between
            -linear_below and linear_below (energy) and logarithmic elsewhere.
        linear_below: see above.
        mean_energy, mean_error: the mean curve: means over equally many hypotheses each, by
            ascending energy.
        low_error: below this an error counts as low, as in the paper's text.
        spearman: rank correlation of energy and error over all hypotheses.
        spearman_low: the same over hypotheses of low error; NaN where there are too few.
    """

    quantity: str
    unit: str
    count: np.ndarray
    energy_edges: np.ndarray
    error_edges: np.ndarray
    linear_below: float
    mean_energy: np.ndarray
    mean_error: np.ndarray
    low_error: float
    spearman: float
    spearman_low: float


@dataclass(frozen=True, kw_only=True)
class EnergyErrorFigure(FigureData):
    """Figure 3.

    Attributes:
        run: name of the run.
        panels: rotation, translation.
    """

    number: ClassVar[int] = 3
    run: str
    panels: tuple[EnergyPanel, ...]


def compute_energy_error(run: Run) -> EnergyErrorFigure:
    """Compute figure 3 from all hypotheses of a run's matched detections.

    Raises:
        ConfigError: the method has no hypotheses or no energies.
    """
    errors = compute_hypothesis_errors(run)
    if errors.energies is None:
        raise ConfigError(f"{run.folder}: {run.info.estimator} has no energies to compare")
    panels = tuple(
        compute_panel(errors.energies[..., index].ravel(), values.ravel(), quantity, unit, low)
        for index, (values, quantity, unit, low) in enumerate(
            [(errors.degree, "rotation", "deg", 10.0), (errors.cm, "translation", "cm", 2.0)]
        )
    )
    counts = f"{errors.degree.size:,} hypotheses of {len(errors.truth):,} matched objects"
    return EnergyErrorFigure(
        caption=f"{counts} (run {run.name} on {run.data}). Colour: hypotheses in a cell; curve: "
        "mean error of equally many hypotheses each, by energy. "
        + " ".join(panel.caption for panel in panels),
        run=run.name,
        panels=panels,
    )


def compute_panel(
    energy: np.ndarray, error: np.ndarray, quantity: str, unit: str, low_error: float
) -> EnergyPanel:
    """Compute one panel from n energies and errors."""
    linear = float(np.quantile(np.abs(energy), _LINEAR_SHARE)) or 1.0
    energy_edges = spread_edges(energy.min(), energy.max(), linear)
    floor = max(float(np.quantile(error, 0.001)), 1e-6)
    error_edges = np.geomspace(floor, max(error.max(), 2 * floor), _ERROR_CELLS + 1)
    clipped = np.clip(error, error_edges[0], error_edges[-1])
    count, _, _ = np.histogram2d(energy, clipped, bins=[energy_edges, error_edges])
    low = error < low_error
    overall, among_low = (compute_spearman(energy[part], error[part]) for part in (error >= 0, low))
    mean_energy, mean_error = compute_mean_curve(energy, error, CURVE_BINS)
    return EnergyPanel(
        caption=f"{quantity.capitalize()}: Spearman {overall:.2f}, {among_low:.2f} among errors "
        f"below {low_error:g} {unit}.",
        quantity=quantity,
        unit=unit,
        count=count.astype(int),
        energy_edges=energy_edges,
        error_edges=error_edges,
        linear_below=linear,
        mean_energy=mean_energy,
        mean_error=mean_error,
        low_error=low_error,
        spearman=overall,
        spearman_low=among_low,
    )


def spread_edges(low: float, high: float, linear: float) -> np.ndarray:
    """Return edges from low to high, even in asinh(x / linear)."""
    first, last = np.arcsinh(low / linear), np.arcsinh(high / linear)
    edges = linear * np.sinh(np.linspace(first, last, _ENERGY_CELLS + 1))
    edges[[0, -1]] = low, high if high > low else low + linear
    return np.asarray(edges)


def compute_mean_curve(
    energy: np.ndarray, error: np.ndarray, bins: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean energy and mean error of `bins` groups of equal size, by ascending energy."""
    order = np.argsort(energy, kind="stable")
    groups = [group for group in np.array_split(order, bins) if len(group)]
    return (
        np.array([energy[group].mean() for group in groups]),
        np.array([error[group].mean() for group in groups]),
    )


def compute_spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Return Spearman's rank correlation; NaN for fewer than three values or constant ones."""
    from scipy.stats import rankdata

    if len(first) < 3:
        return float("nan")
    ranks = [rankdata(values) for values in (first, second)]
    if any(np.ptp(rank) == 0 for rank in ranks):
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])
