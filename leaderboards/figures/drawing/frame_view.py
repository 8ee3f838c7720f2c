"""Boxes and axes on an image: the pieces that figure 7 and `genbench view` are drawn of."""

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes

from leaderboards.figures.drawing.style import AXIS_COLOURS, CATEGORY_COLOURS
from leaderboards.figures.frame_view import BOX_EDGES, FrameView, PosedObjects


def draw_background(axes: Axes, view: FrameView, image: np.ndarray | None) -> None:
    """Draw the colour image (h, w, 3) uint8, or an empty plane of its size."""
    width, height = view.image_size
    if image is None:
        image = np.full((2, 2, 3), 242, dtype=np.uint8)
    axes.imshow(image, extent=(-0.5, width - 0.5, height - 0.5, -0.5), interpolation="antialiased")
    set_window(axes, np.array([0, 0, width, height]))
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def set_window(axes: Axes, window: np.ndarray) -> None:
    """Show only the part u1, v1, u2, v2 of the image."""
    axes.set_xlim(window[0] - 0.5, window[2] - 0.5)
    axes.set_ylim(window[3] - 0.5, window[1] - 0.5)


def draw_points(axes: Axes, pixels: np.ndarray, category: str) -> None:
    """Draw a cloud's points (n, 2) where they are seen."""
    u, v = pixels.T
    colour = CATEGORY_COLOURS[category]
    axes.scatter(u, v, s=1.2, color=colour, linewidths=0, alpha=0.6, rasterized=True)


def draw_objects(axes: Axes, objects: PosedObjects, width: float = 1.2) -> None:
    """Draw boxes in the colours of their categories, and axes in theirs."""
    for category, corners, ends in zip(
        objects.category, objects.corners, objects.axes, strict=True
    ):
        draw_box(axes, corners, CATEGORY_COLOURS[category], width)
        draw_axes(axes, ends, 1.3 * width)


def draw_box(axes: Axes, corners: np.ndarray, colour: str, width: float, dashes: str = "-") -> None:
    """Draw the twelve edges of a box (8, 2); nothing where it is unknown."""
    if not np.isfinite(corners).all():
        return
    outline = [effects.Stroke(linewidth=width + 1.2, foreground="#FFFFFFB0"), effects.Normal()]
    for edge in BOX_EDGES:
        axes.plot(
            *corners[list(edge)].T,
            dashes,
            color=colour,
            lw=width,
            solid_capstyle="round",
            path_effects=outline,
        )


def draw_axes(axes: Axes, ends: np.ndarray, width: float) -> None:
    """Draw the x, y and z axis from the origin: ends (4, 2)."""
    if not np.isfinite(ends).all():
        return
    outline = [effects.Stroke(linewidth=width + 1.0, foreground="white"), effects.Normal()]
    for end, colour in zip(ends[1:], AXIS_COLOURS, strict=True):
        u, v = np.stack([ends[0], end]).T
        axes.plot(u, v, color=colour, lw=width, solid_capstyle="round", path_effects=outline)
