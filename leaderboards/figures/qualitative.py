"""Figure 7: truth and the estimates of two methods on the colour image, one object enlarged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from benchmark.categories import get_category
from benchmark.errors import ConfigError
from benchmark.geometry.boxes import compute_corners
from benchmark.predictions import Predictions
from leaderboards.figures.choice import check_comparable, name_methods
from leaderboards.figures.figure_data import FigureData
from leaderboards.figures.frame_view import (
    FrameView,
    Matches,
    compute_frame_view,
    find_frame,
    match_detections,
    project_visible,
)
from leaderboards.runs import Run

DEFAULT_CATEGORIES = ("mug", "laptop", "camera", "bottle")
_MARGIN = 0.2  # around the enlarged object, in parts of its larger side
_SMALLEST = 48.0  # pixels
_SMALL_SHARE = 0.25


@dataclass(frozen=True, kw_only=True)
class QualitativeRow(FigureData):
    """One frame: the truth, and what each method makes of it.

    Attributes:
        frame: its id.
        category: of the enlarged object.
        truth_row: row of the enlarged object in the ground-truth table.
        views: one a method, in the order of the figure.
        window: (4,) square around the enlarged object, u1, v1, u2, v2 in pixels.
    """

    frame: str
    category: str
    truth_row: int
    views: tuple[FrameView, ...]
    window: np.ndarray


@dataclass(frozen=True, kw_only=True)
class QualitativeFigure(FigureData):
    """Figure 7.

    Attributes:
        methods: names in the order of the columns after the truth.
        rows: one frame each.
    """

    number: ClassVar[int] = 7
    methods: tuple[str, ...]
    rows: tuple[QualitativeRow, ...]


def compute_qualitative(
    runs: Sequence[Run],
    categories: Sequence[str] = DEFAULT_CATEGORIES,
    frames: Sequence[str] = (),
) -> QualitativeFigure:
    """Compute figure 7 for one or two runs over the same frames.

    Args:
        runs: the methods; the last one is ours.
        categories: of the smallest quarter of each in the image, the object at the median of the
            difference in rotation error between first and last method is shown.
        frames: ids to show instead; in each, the object that they differ most on is enlarged.

    Raises:
        ConfigError: the runs are of different data or frames, or there is nothing to show.
        UnknownNameError: no such frame.
    """
    check_comparable(runs)
    _check_same_frames(runs)
    difference = compute_differences([match_detections(run) for run in runs], runs[0])
    truths = runs[0].predictions.ground_truth
    if frames:
        rows = [find_frame(runs[0].predictions, frame) for frame in frames]
        objects = [_find_largest(difference, truths.frame == row, frames) for row in rows]
    else:
        small = find_small(runs[0].predictions)
        found = [
            _find_median(difference, (truths.category == get_category(name).id) & small)
            for name in categories
        ]
        objects = [row for row in found if row is not None]
    if not objects:
        names = ", ".join(categories)
        raise ConfigError(
            f"{runs[0].folder}: no {names} to enlarge is matched: name a frame with --frame"
        )
    methods = name_methods(runs)
    rows_ = tuple(compute_row(runs, methods, row) for row in objects)
    return QualitativeFigure(
        caption=_describe(rows_, methods, bool(frames)), methods=tuple(methods), rows=rows_
    )


def _check_same_frames(runs: Sequence[Run]) -> None:
    first = runs[0].predictions.frames.id
    for run in runs[1:]:
        if not np.array_equal(run.predictions.frames.id, first):
            raise ConfigError(
                f"{run.folder} and {runs[0].folder} are over different frames: run both on the "
                "same shards, without --limit"
            )


def compute_differences(matches: Sequence[Matches], run: Run) -> np.ndarray:
    """Return by how many degrees the last method is nearer to each object (G,) than the first.

    NaN where either has no match; for a single method its error.
    """
    degrees = np.full((len(matches), len(run.predictions.ground_truth)), np.nan)
    for row, match in zip(degrees, matches, strict=True):
        found = match.truth >= 0
        row[match.truth[found]] = match.degree[found]
    return np.asarray(degrees[0] if len(matches) == 1 else degrees[0] - degrees[-1])


def find_small(predictions: Predictions) -> np.ndarray:
    """Tell which annotated objects (G,) are of the smallest quarter of their category in the image.

    Enlarging shows most of them.
    """
    truths = predictions.ground_truth
    corners = project_visible(
        compute_corners(truths.transform, truths.extents),
        predictions.frames.intrinsics[truths.frame][:, None],
    )
    sides = np.ptp(corners, axis=1).max(axis=1)
    small = np.zeros(len(truths), dtype=bool)
    for category in np.unique(truths.category):
        mine = (truths.category == category) & np.isfinite(sides)
        small |= mine & (sides <= np.quantile(sides[mine], _SMALL_SHARE) if mine.any() else mine)
    return small


def _find_median(difference: np.ndarray, of_category: np.ndarray) -> int | None:
    """Return the object at the (upper) median difference of a category, if any is matched."""
    rows = np.flatnonzero(of_category & np.isfinite(difference))
    order = np.argsort(difference[rows], kind="stable")
    return int(rows[order[len(order) // 2]]) if len(rows) else None


def _find_largest(difference: np.ndarray, of_frame: np.ndarray, frames: Sequence[str]) -> int:
    rows = np.flatnonzero(of_frame & np.isfinite(difference))
    if not len(rows):
        raise ConfigError(f"no object is matched in a frame of {', '.join(frames)}: choose another")
    return int(rows[np.argmax(np.abs(difference[rows]))])


def compute_row(runs: Sequence[Run], methods: Sequence[str], truth_row: int) -> QualitativeRow:
    """Compute one row of the figure around one annotated object."""
    predictions = runs[0].predictions
    frame = int(predictions.ground_truth.frame[truth_row])
    views = tuple(
        compute_frame_view(run, frame, method) for run, method in zip(runs, methods, strict=True)
    )
    (place,) = np.flatnonzero(views[0].truth_row == truth_row)
    corners = views[0].truth.corners[place]
    box = np.concatenate([corners.min(axis=0), corners.max(axis=0)])
    return QualitativeRow(
        caption="",
        frame=views[0].frame,
        category=get_category(int(predictions.ground_truth.category[truth_row])).name,
        truth_row=truth_row,
        views=views,
        window=compute_window(box, views[0].image_size),
    )


def compute_window(box: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Return a square (4,) around a box u1, v1, u2, v2 with a margin, moved into the image."""
    size = np.array(image_size, dtype=np.float64)
    side = max(_SMALLEST, (box[2:] - box[:2]).max() * (1 + 2 * _MARGIN))
    side = min(side, size.min())
    corner = np.clip((box[:2] + box[2:] - side) / 2, 0, size - side)
    return np.concatenate([corner, corner + side])


def _describe(rows: Sequence[QualitativeRow], methods: Sequence[str], asked: bool) -> str:
    median = "what the last method gains in rotation error" if len(methods) > 1 else "all errors"
    chosen = (
        f"of each category's smallest quarter in the image, the object at the median of {median}"
    )
    chosen = "the object that the methods differ most on" if asked else chosen
    lent = [
        name
        for index, name in enumerate(methods)
        if any(row.views[index].borrowed.any() for row in rows)
    ]
    sizes = (
        f" Boxes of {' and '.join(lent)} have the true sizes: none are predicted." if lent else ""
    )
    names = ", ".join(row.frame for row in rows)
    return f"Frames {names}. Enlarged: {chosen}. Axes: x orange, y green, z blue.{sizes}"
