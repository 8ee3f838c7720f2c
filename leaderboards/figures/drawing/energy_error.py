"""Drawing of figure 3."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from leaderboards.figures.drawing.style import format_number, make_figure
from leaderboards.figures.energy_error import EnergyErrorFigure, EnergyPanel

_CURVE = "#D55E00"
_UNITS = {"deg": "\N{DEGREE SIGN}"}


def draw_energy_error(data: EnergyErrorFigure) -> Figure:
    """Draw energy against rotation and translation error, with the mean curves."""
    figure = make_figure(7.2, 3.1, data.caption)
    axes = figure.subplots(1, len(data.panels), squeeze=False)[0]
    for panel, place in zip(data.panels, axes, strict=True):
        _draw_panel(place, panel)
    axes[-1].legend(loc="lower left", fontsize=8)
    return figure


def _draw_panel(axes: Axes, panel: EnergyPanel) -> None:
    cells = np.ma.masked_equal(panel.count.T, 0)
    mesh = axes.pcolormesh(
        panel.energy_edges,
        panel.error_edges,
        cells,
        norm=LogNorm(1, max(2, cells.max())),
        cmap="Blues",
        rasterized=True,
    )
    axes.plot(
        panel.mean_energy, panel.mean_error, "o-", color=_CURVE, ms=3, lw=1.6, label="mean error"
    )
    axes.set_xscale("asinh", linear_width=panel.linear_below)
    axes.set_yscale("log")
    # Decades below the linear part would lie on top of each other.
    decades = -(10.0 ** np.arange(-9, 9))
    axes.set_xticks(decades[-decades >= panel.linear_below])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: format_number(value)))
    axes.set_xlim(panel.energy_edges[0], panel.energy_edges[-1])
    unit = _UNITS.get(panel.unit, panel.unit)
    axes.set_xlabel(f"{panel.quantity} energy (higher is likelier)")
    axes.set_ylabel(f"{panel.quantity} error ({unit})")
    axes.set_title(f"Spearman {format_number(panel.spearman, 2)}", loc="right", fontsize=9)
    bar = axes.figure.colorbar(mesh, ax=axes, pad=0.02, fraction=0.05)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_number(value)))
    bar.set_label("hypotheses")
    bar.outline.set_visible(False)
