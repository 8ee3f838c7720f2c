"""Drawing of figure 5."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from leaderboards.figures.drawing.style import CATEGORY_COLOURS, FAINT, make_figure, set_title
from leaderboards.figures.feature_map import FeatureFigure, FeatureMap


def draw_feature_maps(data: FeatureFigure) -> Figure:
    """Draw one panel a run, and an empty one for each that is missing."""
    count = len(data.panels) + len(data.missing)
    figure = make_figure(max(2.6 * count, 4.8), 2.7, data.caption)
    axes = figure.subplots(1, count, squeeze=False)[0]
    for panel, place in zip(data.panels, axes, strict=False):
        _draw_panel(place, panel)
    for name, place in zip(data.missing, axes[len(data.panels) :], strict=True):
        _draw_frame(place, f"w/o {name}")
        place.text(0.5, 0.5, "no run", color=FAINT, ha="center", transform=place.transAxes)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=len(labels),
        fontsize=8.5,
        handletextpad=0.1,
        columnspacing=1.0,
        markerscale=1.8,
    )
    return figure


def _draw_panel(axes: Axes, panel: FeatureMap) -> None:
    names = np.array(panel.category)
    for name, colour in CATEGORY_COLOURS.items():
        x, y = panel.place[names == name].T
        unseen = name == panel.unseen
        axes.scatter([], [], s=10, color=colour, label=name)
        if unseen:
            axes.scatter(x, y, s=20, color=colour, marker="x", linewidths=1.2, zorder=3)
        else:
            axes.scatter(x, y, s=9, color=colour, linewidths=0, alpha=0.85, zorder=2)
    _draw_frame(axes, f"w/o {panel.unseen}" if panel.unseen else "trained on all")


def _draw_frame(axes: Axes, title: str) -> None:
    set_title(axes, title)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color("#CCCCCC")
