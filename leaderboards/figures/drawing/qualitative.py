"""Drawing of figure 7."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from leaderboards.figures.drawing.frame_view import draw_background, draw_objects, set_window
from leaderboards.figures.drawing.style import make_figure, set_title
from leaderboards.figures.frame_view import FrameView, PosedObjects
from leaderboards.figures.qualitative import QualitativeFigure, QualitativeRow

_MARK = "#D00000"
_INSET, _GAP = (0.36, 0.48), 0.02  # parts of the image's width and height
_COLUMN = 2.55


def draw_qualitative(data: QualitativeFigure, images: Mapping[str, np.ndarray]) -> Figure:
    """Draw a row a frame: truth, then each method.

    Args:
        data: what to draw.
        images: (h, w, 3) uint8 by frame id; frames without one get a plain background.
    """
    columns = 1 + len(data.methods)
    width, height = data.rows[0].views[0].image_size
    row_height = _COLUMN * height / width + 0.06
    figure = make_figure(
        _COLUMN * columns, row_height * len(data.rows) + 0.2, data.caption, pad=0.02
    )
    grid = figure.subplots(len(data.rows), columns, squeeze=False)
    for row, places in zip(data.rows, grid, strict=True):
        image = images.get(row.frame)
        view = row.views[0]
        mine = np.flatnonzero(view.truth_row == row.truth_row)
        _draw_cell(places[0], row, view.truth, mine, image, row.category)
        for view, axes in zip(row.views, places[1:], strict=True):
            mine = np.flatnonzero(view.matched == row.truth_row)
            _draw_cell(axes, row, view.estimates, mine, image, _describe_error(view, mine))
    for axes, title in zip(grid[0], ("truth", *data.methods), strict=True):
        set_title(axes, title, fontsize=10, pad=4)
    return figure


def _draw_cell(
    axes: Axes,
    row: QualitativeRow,
    objects: PosedObjects,
    mine: np.ndarray,
    image: np.ndarray | None,
    text: str,
) -> None:
    """Draw all objects on the image, and the enlarged one (row `mine` of them) in the inset."""
    view = row.views[0]
    draw_background(axes, view, image)
    draw_objects(axes, objects, 0.8)
    left, upper, right, lower = row.window
    mark = Rectangle((left, upper), right - left, lower - upper, fill=False, ec=_MARK, zorder=6)
    axes.add_patch(mark)
    inset = axes.inset_axes(choose_corner(row.window, view.image_size), zorder=7)
    draw_background(inset, view, image)
    draw_objects(inset, objects.take(mine), 1.4)
    set_window(inset, row.window)
    for spine in inset.spines.values():
        spine.set(visible=True, color=_MARK, linewidth=1.2)
    label = {"boxstyle": "square,pad=0.15", "fc": "white", "ec": "none", "alpha": 0.85}
    inset.text(0.04, 0.95, text, fontsize=6.5, va="top", transform=inset.transAxes, bbox=label)


def choose_corner(
    window: np.ndarray, image_size: tuple[int, int]
) -> tuple[float, float, float, float]:
    """Return where the enlarged view goes, as x, y, width, height in parts of the image from below.

    It is the corner that covers least of the enlarged object itself; lower right of equal ones.
    """
    width, height = _INSET
    lefts, bottoms = (1 - _GAP - width, _GAP), (_GAP, 1 - _GAP - height)
    u1, v1, u2, v2 = window / np.tile(image_size, 2)

    def cover(left: float, bottom: float) -> float:
        across = min(u2, left + width) - max(u1, left)
        along = min(1 - v1, bottom + height) - max(1 - v2, bottom)
        return float(max(across, 0.0) * max(along, 0.0))

    places = [(left, bottom) for bottom in bottoms for left in lefts]
    return (*min(places, key=lambda place: cover(*place)), width, height)


def _describe_error(view: FrameView, mine: np.ndarray) -> str:
    if not len(mine):
        return "no match"
    return f"{view.degree[mine[0]]:.1f}\N{DEGREE SIGN}, {view.cm[mine[0]]:.1f} cm"
