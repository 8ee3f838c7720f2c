"""Drawing of figure 4."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from leaderboards.figures.drawing.style import FAINT, INK, make_figure
from leaderboards.figures.rotation_distribution import (
    RotationFigure,
    RotationMap,
    project_mollweide,
)

_HUES = "twilight_shifted"  # cyclic; lightness tells it apart too
_GRID = "#DDDDDD"
_TICKS = {-np.pi: "\N{MINUS SIGN}180\N{DEGREE SIGN}", 0.0: "0\N{DEGREE SIGN}"}
_TICKS[np.pi] = "180\N{DEGREE SIGN}"


def draw_rotation_distribution(data: RotationFigure) -> Figure:
    """Draw the rotations sampled for each object on a map of the sphere."""
    count = len(data.maps)
    figure = make_figure(3.6 * count, 2.6, data.caption)
    axes = figure.subplots(1, count, squeeze=False)[0]
    for item, place in zip(data.maps, axes, strict=True):
        _draw_map(place, item)
    scale = ScalarMappable(Normalize(-np.pi, np.pi), colormaps[_HUES])
    bar = figure.colorbar(
        scale, ax=list(axes), orientation="horizontal", fraction=0.06, pad=0.03, aspect=45
    )
    bar.set_ticks(list(_TICKS), labels=list(_TICKS.values()))
    bar.set_label("turn about the x axis (0\N{DEGREE SIGN}: y axis up)", fontsize=8)
    bar.outline.set_visible(False)
    return figure


def _draw_map(axes: Axes, item: RotationMap) -> None:
    _draw_grid(axes)
    colours = colormaps[_HUES]((item.turn + np.pi) / (2 * np.pi))
    if len(item.orbit_place):
        axes.scatter(
            item.orbit_place[:, 0],
            item.orbit_place[:, 1],
            s=1.8,
            color=FAINT,
            zorder=2,
            linewidths=0,
        )
    x, y = item.place.T
    axes.scatter(x, y, s=26, c=colours, edgecolors=INK, linewidths=0.4, alpha=0.9, zorder=3)
    ring = colormaps[_HUES]((item.truth_turn + np.pi) / (2 * np.pi))
    x, y = item.truth_place
    axes.scatter(x, y, s=230, facecolors="none", edgecolors="black", lw=3.0, zorder=4)
    axes.scatter(x, y, s=230, facecolors="none", edgecolors=[ring], lw=1.6, zorder=5)
    kind = "symmetric" if item.symmetric else "asymmetric"
    axes.set_title(f"{item.category} ({kind})", pad=4)


def _draw_grid(axes: Axes) -> None:
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_xlim(-2.05, 2.05)
    axes.set_ylim(-1.03, 1.03)
    fine = np.linspace(-1, 1, 121)
    for step in range(-5, 6):
        meridian = np.full_like(fine, step * np.pi / 6)
        axes.plot(*project_mollweide(meridian, fine * np.pi / 2).T, color=_GRID, lw=0.6, zorder=0)
    for step in range(-2, 3):
        parallel = np.full_like(fine, step * np.pi / 6)
        axes.plot(*project_mollweide(fine * np.pi, parallel).T, color=_GRID, lw=0.6, zorder=0)
    axes.add_patch(Ellipse((0, 0), 4, 2, fill=False, ec=FAINT, lw=1.0, zorder=1))
