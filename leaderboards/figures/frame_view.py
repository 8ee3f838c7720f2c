"""One frame of a run: boxes and axes of truth and estimates, in pixels, with errors and energies.

A method that predicts no size is shown with the size of the object that its detection is matched
to. Where nothing is matched, axes alone are shown.
"""

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from benchmark.categories import get_category
from benchmark.errors import UnknownNameError
from benchmark.geometry.boxes import compute_corners
from benchmark.geometry.cameras import project
from benchmark.geometry.similarity import compute_rotation, compute_scale
from benchmark.predictions import Predictions
from benchmark.records import GroundTruth
from leaderboards.figures.figure_data import FigureData
from leaderboards.runs import Run

BOX_EDGES: tuple[tuple[int, int], ...] = tuple(
    (first, first | bit) for bit in (1, 2, 4) for first in range(8) if not first & bit
)
"""The twelve edges of a box, as pairs of rows of `compute_corners`."""

_NEAR = 0.05  # metres; what reaches closer to the camera's plane is not projected
_AXIS_METRES = 0.08  # of axes without a box


@dataclass(frozen=True, kw_only=True)
class PosedObjects(FigureData):
    """n objects of a frame, in its image and in space.

    Attributes:
        category: (n,) names.
        pose: (n, 4, 4) object to camera, scale 1, metres.
        size: (n, 3) box sides in metres; NaN where unknown.
        corners: (n, 8, 2) u, v pixels of the box corners; NaN where there is no box.
        axes: (n, 4, 2) pixels of the object's origin and the ends of its x, y and z axis.
    """

    category: tuple[str, ...]
    pose: np.ndarray
    size: np.ndarray
    corners: np.ndarray
    axes: np.ndarray

    def __len__(self) -> int:
        return len(self.category)

    def take(self, rows: np.ndarray) -> "PosedObjects":
        """Return some of the objects, by an index array."""
        return PosedObjects(
            caption=self.caption,
            category=tuple(self.category[row] for row in rows),
            pose=self.pose[rows],
            size=self.size[rows],
            corners=self.corners[rows],
            axes=self.axes[rows],
        )


@dataclass(frozen=True, kw_only=True)
class FrameView(FigureData):
    """A frame, as figure 7 and `genbench view` draw it.

    Attributes:
        run, method, frame: names.
        intrinsics: fx, fy, cx, cy.
        image_size: width, height in pixels.
        truth: the annotated objects; none for own data.
        estimates: of the detections with an estimate.
        truth_row: (n,) rows of the ground-truth table.
        detection: (m,) rows of the detections table.
        matched: (m,) row of the object it is matched to, -1 for none.
        confidence: (m,).
        degree, cm: (m,) errors; NaN where nothing is matched.
        energies: (m, K, 2), None if the method ranks nothing.
        borrowed: (m,) whether the box has the true object's size.
    """

    run: str
    method: str
    frame: str
    intrinsics: np.ndarray
    image_size: tuple[int, int]
    truth: PosedObjects
    estimates: PosedObjects
    truth_row: np.ndarray
    detection: np.ndarray
    matched: np.ndarray
    confidence: np.ndarray
    degree: np.ndarray
    cm: np.ndarray
    energies: np.ndarray | None
    borrowed: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Matches:
    """What the default protocol says of every detection.

    Attributes:
        truth: (D,) row of the matched object, -1 for none.
        degree, cm: (D,) errors, NaN for none.
    """

    truth: np.ndarray
    degree: np.ndarray
    cm: np.ndarray


def match_detections(run: Run) -> Matches:
    """Match a run's detections as the default protocol does; none without ground truth."""
    count = len(run.predictions.detections)
    matches = Matches(
        truth=np.full(count, -1), degree=np.full(count, np.nan), cm=np.full(count, np.nan)
    )
    if not run.info.has_ground_truth:
        return matches
    (instances,) = run.evaluate().instances.values()
    rows = np.flatnonzero(instances.detection >= 0)
    detection = instances.detection[rows]
    matches.truth[detection] = rows
    matches.degree[detection], matches.cm[detection] = instances.degree[rows], instances.cm[rows]
    return matches


def find_frame(predictions: Predictions, frame: str) -> int:
    """Return the row of a frame by its id, or by its number in the order of the run.

    Raises:
        UnknownNameError: no such frame; the message suggests the nearest.
    """
    ids = predictions.frames.id
    if frame.isdecimal() and int(frame) < len(ids):
        return int(frame)
    rows = np.flatnonzero(ids == frame)
    if len(rows):
        return int(rows[0])
    near = get_close_matches(frame, ids.tolist(), n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    raise UnknownNameError(
        f"unknown frame '{frame}': {hint}known are {ids[0]} to {ids[-1]}, or 0 to {len(ids) - 1}"
    )


def compute_frame_view(run: Run, frame: int, method: str | None = None) -> FrameView:
    """Compute what a run says of one frame.

    Args:
        run: with or without ground truth.
        frame: row of the frame.
        method: what the run is called; its estimator if not given.
    """
    predictions, matches = run.predictions, match_detections(run)
    intrinsics = predictions.frames.intrinsics[frame]
    truth_row = np.flatnonzero(predictions.ground_truth.frame == frame)
    mine = (predictions.detections.frame == frame) & (predictions.estimates.estimated == 1)
    detection = np.flatnonzero(mine)
    matched = matches.truth[detection]
    size, borrowed = choose_sizes(predictions, detection, matched)
    truths = predictions.ground_truth.take(truth_row)
    estimates = predictions.estimates.take(detection)
    name = str(predictions.frames.id[frame])
    width, height = predictions.frames.image_size[frame].tolist()
    energies = predictions.energies
    return FrameView(
        caption=describe_sizes(borrowed, size),
        run=run.name,
        method=method or run.info.estimator,
        frame=name,
        intrinsics=intrinsics,
        image_size=(width, height),
        truth=pose_objects(
            truths.category, truths.transform, compute_true_sizes(truths), intrinsics
        ),
        estimates=pose_objects(
            predictions.detections.category[detection], estimates.transform, size, intrinsics
        ),
        truth_row=truth_row,
        detection=detection,
        matched=matched,
        confidence=predictions.detections.confidence[detection],
        degree=matches.degree[detection],
        cm=matches.cm[detection],
        energies=None if energies is None else np.asarray(energies[detection]),
        borrowed=borrowed,
    )


def compute_true_sizes(truths: GroundTruth) -> np.ndarray:
    """Return box sides (n, 3) in metres of annotated objects."""
    return np.asarray(compute_scale(truths.transform)[:, None] * truths.extents)


def choose_sizes(
    predictions: Predictions, detection: np.ndarray, matched: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the box sides (m, 3) of detections in metres, and whether (m,) the truth lent them."""
    estimates = predictions.estimates.take(detection)
    size = compute_scale(estimates.transform)[:, None] * estimates.extents
    borrowed = np.isnan(size).any(axis=1) & (matched >= 0)
    size[borrowed] = compute_true_sizes(predictions.ground_truth.take(matched[borrowed]))
    return size, borrowed


def describe_sizes(borrowed: np.ndarray, size: np.ndarray) -> str:
    """Say whose sizes the boxes of m estimates have."""
    sentences = []
    if borrowed.any():
        sentences.append("Boxes have the true sizes: the method predicts none.")
    if np.isnan(size).any():
        sentences.append("Estimates without a size are shown as axes alone.")
    return " ".join(sentences)


def pose_objects(
    category: np.ndarray, transform: np.ndarray, size: np.ndarray, intrinsics: np.ndarray
) -> PosedObjects:
    """Project the boxes and axes of n objects.

    Args:
        category: (n,) class ids.
        transform: (n, 4, 4) similarity transforms, object to camera.
        size: (n, 3) box sides in metres, NaN where unknown.
        intrinsics: fx, fy, cx, cy.
    """
    pose = np.array(transform, dtype=np.float64)
    pose[:, :3, :3] = compute_rotation(transform)
    half = np.where(np.isnan(size), _AXIS_METRES, size / 2.0)
    ends = np.concatenate([np.zeros((len(size), 1, 3)), half[:, :, None] * np.eye(3)], axis=1)
    axes = ends @ pose[:, :3, :3].swapaxes(1, 2) + pose[:, None, :3, 3]
    return PosedObjects(
        caption="",
        category=tuple(get_category(int(id_)).name for id_ in category),
        pose=pose,
        size=size,
        corners=project_visible(compute_corners(pose, size), intrinsics),
        axes=project_visible(axes, intrinsics),
    )


def project_visible(points: np.ndarray, intrinsics: np.ndarray) -> np.ndarray:
    """Return pixels (n, p, 2) of points (n, p, 3); NaN for what reaches behind the camera."""
    ahead = points[..., 2].min(axis=-1) > _NEAR
    return project(np.where(ahead[:, None, None], points, np.nan), intrinsics)
