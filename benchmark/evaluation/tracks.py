"""Errors along tracks: how they grow with time, and what a missed frame does to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmark.columns import Table, column
from benchmark.evaluation.instances import Instances
from benchmark.evaluation.tracking import compute_tracking_metrics
from benchmark.predictions import Predictions

if TYPE_CHECKING:
    import pandas

_AGES = (0, 1, 2, 3, 5, 10, 20, 50, 100)
_RECOVERIES = (1, 2, 3, 4, 5, 10)


@dataclass(frozen=True, kw_only=True)
class TrackedFrames(Table):
    """One row per object and frame in which it was tracked, by scene, instance and frame.

    Attributes:
        truth: row of the object in the ground truth.
        age: frames since the track began, or began again.
        recovery: 1 in the first frame after the object was missed, 2 in the next, and so on; 0
            until it is missed for the first time.
        lost_next: whether the object is missed in the frame that follows.
    """

    truth: np.ndarray = column("i8")
    age: np.ndarray = column("i8")
    recovery: np.ndarray = column("i8")
    lost_next: np.ndarray = column("?")


def list_tracked_frames(predictions: Predictions, instances: Instances) -> TrackedFrames:
    """Return where in its track every tracked pose lies.

    An object is missed in a frame of its scene if it has no tracked pose there, whether or not it
    is annotated. What that means for its track is up to the run's policy.

    Args:
        predictions: of a tracked run.
        instances: what a tracking protocol says of them.
    """
    truth = np.flatnonzero(instances.detection >= 0)
    objects, frame = predictions.ground_truth, predictions.ground_truth.frame[truth]
    place = _find_places(predictions)[frame]
    scene, instance = (
        np.unique(names, return_inverse=True)[1].astype(np.int64)
        for names in (predictions.frames.scene, objects.instance)
    )
    track = scene[frame] * (instance.max(initial=0) + 1) + instance[truth]
    order = np.lexsort((place, track))
    truth, place, track = truth[order], place[order], track[order]
    begins = np.diff(track, prepend=-1) != 0
    after_miss = ~begins & (np.diff(place, prepend=0) > 1)
    coasts = predictions.info.configuration.get("tracking", {}).get("policy") == "coast"
    since = _find_last(begins | after_miss)
    return TrackedFrames(
        truth=truth,
        age=place - place[_find_last(begins) if coasts else since],
        recovery=np.where(after_miss[since], np.arange(len(since)) - since + 1, 0),
        lost_next=np.append(after_miss[1:], np.zeros(min(1, len(truth)), bool)),
    )


def compute_drift(predictions: Predictions, instances: Instances) -> "pandas.DataFrame":
    """Return errors against the frames since a track began, over all objects.

    Returns:
        Columns frames (of age, "5 to 9"), poses, 5deg_5cm, mean_deg, mean_cm.
    """
    tracked = list_tracked_frames(predictions, instances)
    rows = instances.take(tracked.truth)
    return _tabulate("frames", [_slice(rows, tracked.age, span) for span in _spans(_AGES)])


def compute_recoveries(predictions: Predictions, instances: Instances) -> "pandas.DataFrame":
    """Return errors just before an object is missed, and in the frames after it is found again.

    Returns:
        Columns frame ("before a miss", "1 after" ...), poses, 5deg_5cm, mean_deg, mean_cm.
    """
    tracked = list_tracked_frames(predictions, instances)
    rows = instances.take(tracked.truth)
    slices = [{"": "before a miss"} | _measure(rows.take(tracked.lost_next))]
    for span in _spans(_RECOVERIES):
        part = _slice(rows, tracked.recovery, span)
        slices.append(part | {"": f"{part['']} after"})
    return _tabulate("frame", slices)


def _find_places(predictions: Predictions) -> np.ndarray:
    """Return the position (frames,) of every frame in its scene."""
    frames = predictions.frames
    place = np.empty(len(frames), np.int64)
    for scene in np.unique(frames.scene):
        rows = np.flatnonzero(frames.scene == scene)
        place[rows[np.argsort(frames.number[rows], kind="stable")]] = np.arange(len(rows))
    return place


def _find_last(marked: np.ndarray) -> np.ndarray:
    """Return the last marked row (n,) at or before each row; the first row must be marked."""
    return np.maximum.accumulate(np.where(marked, np.arange(len(marked)), 0))


def _spans(starts: Sequence[int]) -> list[tuple[int, int | None]]:
    """Return spans of whole numbers, the last one open: (0, 0), (1, 1), (2, 4), (5, None)."""
    closed = [(low, high - 1) for low, high in pairwise(starts)]
    return [*closed, (starts[-1], None)]


def _slice(rows: Instances, value: np.ndarray, span: tuple[int, int | None]) -> dict[str, Any]:
    low, high = span
    inside = (value >= low) & (value <= (np.inf if high is None else high))
    name = f"{low} and more" if high is None else str(low) if low == high else f"{low} to {high}"
    return {"": name} | _measure(rows.take(inside))


def _measure(rows: Instances) -> dict[str, Any]:
    return {"poses": len(rows)} | compute_tracking_metrics(rows.degree, rows.cm)


def _tabulate(name: str, slices: Sequence[dict[str, Any]]) -> "pandas.DataFrame":
    """Return the slices that hold a pose."""
    import pandas

    table = pandas.DataFrame(slices).rename(columns={"": name})
    return table[table["poses"] > 0].reset_index(drop=True)
