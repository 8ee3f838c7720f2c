"""One frame in a window: clouds, boxes and axes in 3D, by open3d."""

import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmark.errors import ConfigError
from benchmark.geometry.boxes import compute_corners
from leaderboards.figures.drawing.style import CATEGORY_COLOURS
from leaderboards.figures.frame_view import BOX_EDGES, FrameView

Clouds = Sequence[tuple[str, np.ndarray]]
"""Category and points (n, 3) in the camera frame, metres."""

_TRUTH_COLOUR = "#222222"
_GREY = "#B0B0B0"


def check_display() -> None:
    """Check that a window can be opened.

    Raises:
        ConfigError: there is no display.
    """
    on_linux = sys.platform.startswith("linux")
    if on_linux and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ConfigError("--interactive needs a display, and there is none: use --out FILE.png")


def show_frame(view: FrameView, clouds: Clouds) -> None:
    """Open a window with a frame's objects; returns when it is closed.

    Raises:
        ConfigError: there is no display.
    """
    check_display()
    import open3d

    shown = build_geometries(view, clouds)
    open3d.visualization.draw_geometries(shown, f"{view.method}: {view.frame}")


def build_geometries(view: FrameView, clouds: Clouds) -> list[Any]:
    """Return what is shown: coloured clouds, boxes of truth and estimates, axes of estimates."""
    shown = [_build_cloud(points, category) for category, points in clouds]
    shown += _build_boxes(view.truth.pose, view.truth.size, [_TRUTH_COLOUR] * len(view.truth))
    colours = [CATEGORY_COLOURS[name] for name in view.estimates.category]
    shown += _build_boxes(view.estimates.pose, view.estimates.size, colours)
    return shown + [_build_axes(pose) for pose in view.estimates.pose]


def _build_cloud(points: np.ndarray, category: str) -> Any:
    import open3d

    cloud = open3d.geometry.PointCloud(open3d.utility.Vector3dVector(points.astype(np.float64)))
    cloud.paint_uniform_color(_parse_colour(CATEGORY_COLOURS.get(category, _GREY)))
    return cloud


def _build_boxes(pose: np.ndarray, size: np.ndarray, colours: Sequence[str]) -> list[Any]:
    import open3d

    boxes = []
    for corners, colour in zip(compute_corners(pose, size), colours, strict=True):
        if np.isfinite(corners).all():
            box = open3d.geometry.LineSet(
                open3d.utility.Vector3dVector(corners), open3d.utility.Vector2iVector(BOX_EDGES)
            )
            box.paint_uniform_color(_parse_colour(colour))
            boxes.append(box)
    return boxes


def _build_axes(pose: np.ndarray) -> Any:
    import open3d

    frame = open3d.geometry.TriangleMesh.create_coordinate_frame(size=0.05)
    return frame.transform(pose)


def _parse_colour(text: str) -> list[float]:
    """Return red, green and blue, 0 to 1, of "#RRGGBB"."""
    return [int(text[start : start + 2], 16) / 255 for start in (1, 3, 5)]
