"""Drawing of figure 8."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leaderboards.figures.drawing.style import CATEGORY_COLOURS, INK, make_figure, set_title
from leaderboards.figures.precision_curves import MEAN, PrecisionFigure, PrecisionPanel

_UNITS = {"deg": "\N{DEGREE SIGN}"}


def draw_precision_curves(data: PrecisionFigure) -> Figure:
    """Draw a row of panels for each method, one panel for each kind of threshold."""
    quantities = list(dict.fromkeys(panel.quantity for row in data.rows for panel in row))
    quantities.sort(key=["3D IoU", "rotation", "translation"].index)
    figure = make_figure(2.9 * len(quantities) + 0.2, 2.35 * len(data.rows) + 0.35, data.caption)
    grid = figure.subplots(len(data.rows), len(quantities), squeeze=False, sharey=True)
    for row, places in zip(data.rows, grid, strict=True):
        panels = {panel.quantity: panel for panel in row}
        for quantity, axes in zip(quantities, places, strict=True):
            if quantity in panels:
                _draw_panel(axes, panels[quantity])
            else:
                axes.set_axis_off()
                axes.text(0.5, 0.5, "no sizes", ha="center", transform=axes.transAxes)
        places[0].set_ylabel("average precision (%)")
    handles, labels = grid[0][-1].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=len(labels),
        fontsize=8.5,
        handlelength=1.3,
        columnspacing=1.0,
    )
    return figure


def _draw_panel(axes: Axes, panel: PrecisionPanel) -> None:
    for name, values in zip(panel.names, panel.precision, strict=True):
        colour, width = (INK, 2.0) if name == MEAN else (CATEGORY_COLOURS[name], 1.4)
        dashes = "--" if name == MEAN else "-"
        axes.plot(panel.thresholds, values, dashes, color=colour, lw=width, label=name)
    unit = _UNITS.get(panel.unit, panel.unit)
    axes.set_xlabel(f"{panel.quantity} threshold ({unit})")
    set_title(axes, panel.method, loc="left")
    axes.set_xlim(panel.thresholds[0], panel.thresholds[-1])
    axes.set_ylim(0, 102)
    axes.grid(color="#E5E5E5", lw=0.6)
    axes.set_axisbelow(True)
