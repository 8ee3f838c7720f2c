"""One frame on its own, as `genbench view` shows it."""

from collections.abc import Sequence

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import AsinhLocator, FuncFormatter

from benchmark.geometry.cameras import project
from leaderboards.figures.drawing.frame_view import (
    draw_background,
    draw_box,
    draw_objects,
    draw_points,
)
from leaderboards.figures.drawing.style import CATEGORY_COLOURS, INK, format_number, make_figure
from leaderboards.figures.frame_view import FrameView

_IMAGE_WIDTH, _SIDE_WIDTH = 6.2, 4.2
_ENERGIES = ("rotation energy", "translation energy")


def draw_frame(
    view: FrameView,
    image: np.ndarray | None = None,
    clouds: Sequence[tuple[str, np.ndarray]] = (),
) -> Figure:
    """Draw boxes and axes on the image, and beside it errors and energies of every estimate.

    Args:
        view: what to draw.
        image: (h, w, 3) uint8; None for a plain background.
        clouds: category and points (n, 3) in the camera frame, drawn where they are seen.
    """
    width, height = view.image_size
    energies = "" if view.energies is None else ", and the energy of each hypothesis"
    caption = (
        f"{view.method}, run {view.run}, frame {view.frame}. Dashed black: truth. Right: what was "
        f"detected (the detector's confidence) with its errors{energies}. {view.caption}"
    )
    figure = make_figure(_IMAGE_WIDTH + _SIDE_WIDTH, _IMAGE_WIDTH * height / width, caption)
    parts = figure.subfigures(1, 2, squeeze=False, width_ratios=[_IMAGE_WIDTH, _SIDE_WIDTH])
    axes = parts[0, 0].subplots()
    draw_background(axes, view, image)
    for category, points in clouds:
        draw_points(axes, project(points, view.intrinsics), category)
    draw_objects(axes, view.estimates, 1.2)
    for corners in view.truth.corners:
        draw_box(axes, corners, INK, 0.7, "--")
    _number_estimates(axes, view)
    _draw_side(parts[0, 1], view)
    return figure


def _number_estimates(axes: Axes, view: FrameView) -> None:
    outline = [effects.Stroke(linewidth=2.5, foreground="white"), effects.Normal()]
    for number, ends in enumerate(view.estimates.axes, start=1):
        if np.isfinite(ends).all():
            u, v = ends[0]
            text = axes.text(u, v, str(number), weight="bold", size=11, path_effects=outline)
            text.set_clip_on(True)


def _draw_side(figure: SubFigure, view: FrameView) -> None:
    """Draw a line for every estimate: what and how far off it is, and its K energies."""
    panels = figure.subplots(1, 2, sharey=True)
    places = np.arange(1, len(view.estimates) + 1)
    for index, (axes, name) in enumerate(zip(panels, _ENERGIES, strict=True)):
        axes.set_ylim(max(len(places), 1) + 0.5, 0.5)
        axes.tick_params(axis="y", length=0)
        for place in places[:-1]:
            axes.axhline(place + 0.5, color="#E5E5E5", lw=0.6)
        if view.energies is None:
            axes.spines[:].set_visible(False)
            axes.set_xticks([])
        else:
            axes.set_xlabel(name)
            _draw_energies(axes, view.energies[..., index], view.estimates.category)
    panels[0].set_yticks(places, labels=describe_estimates(view))


def _draw_energies(axes: Axes, energies: np.ndarray, category: Sequence[str]) -> None:
    spread = np.linspace(-0.25, 0.25, energies.shape[1]) if energies.shape[1] > 1 else np.zeros(1)
    for number, (values, name) in enumerate(zip(energies, category, strict=True), start=1):
        colour = CATEGORY_COLOURS[name]
        axes.scatter(values, number + spread, s=9, color=colour, linewidths=0, alpha=0.8)
    linear = float(np.quantile(np.abs(energies), 0.25)) if energies.size else 1.0
    axes.set_xscale("asinh", linear_width=linear or 1.0)
    axes.xaxis.set_major_locator(AsinhLocator(linear or 1.0, numticks=4))
    axes.xaxis.set_major_formatter(FuncFormatter(_format_energy))
    axes.grid(axis="x", color="#E5E5E5", lw=0.6)
    axes.tick_params(axis="x", labelsize=7.5)


def _format_energy(value: float, _: int | None) -> str:
    return format_number(value) if value else ""  # zero stands too close to the tick beside it


def describe_estimates(view: FrameView) -> list[str]:
    """Return a label for every estimate: number, category, detector's confidence, errors."""
    labels = []
    for number, (name, degree, cm, confidence) in enumerate(
        zip(view.estimates.category, view.degree, view.cm, view.confidence, strict=True), start=1
    ):
        matched = np.isfinite(degree)
        errors = f"{degree:.1f}\N{DEGREE SIGN}, {cm:.1f} cm" if matched else "no match"
        labels.append(f"{number} {name} ({confidence:.2f})\n{errors}")
    return labels
