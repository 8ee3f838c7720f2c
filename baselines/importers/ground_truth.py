"""Taking the ground truth from elsewhere, for results that have none or that follow one object."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from baselines.importers.record import ImportedFrame, build_detections, project_boxes
from benchmark.errors import DataFormatError
from benchmark.geometry.similarity import compute_scale
from benchmark.predictions import Predictions
from benchmark.records import Frames, GroundTruth


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Annotated frames.

    Attributes:
        name: what to call the place they came from.
        frames, ground_truth: as in predictions; where only poses are known (NOCS's own `gts` of
            Real) every category is 0.
    """

    name: str
    frames: Frames
    ground_truth: GroundTruth


def replace_ground_truth(predictions: Predictions, truth: Truth) -> Predictions:
    """Return the predictions over the frames of `truth`, with its ground truth.

    Frames without a prediction stay, so that what a method missed is counted. Detections in frames
    that have no ground truth are left out, with a note.

    Raises:
        DataFormatError: no frame in common.
    """
    if len(truth.ground_truth) and not truth.ground_truth.category.any():
        return _replace_poses(predictions, truth)
    rows = {name: row for row, name in enumerate(truth.frames.id)}
    new_row = np.array([rows.get(name, -1) for name in predictions.frames.id], dtype=int)
    if (new_row < 0).all():
        raise DataFormatError(
            f"{truth.name}: no frame in common: it has {_first(truth.frames.id)}, "
            f"the result has {_first(predictions.frames.id)}"
        )
    frame = new_row[predictions.detections.frame]
    order = np.argsort(frame, kind="stable")
    order = order[frame[order] >= 0]
    detections = replace(predictions.detections.take(order), frame=frame[order])
    arrays = {name: values[order] for name, values in predictions.arrays().items()}
    missing = int((new_row < 0).sum())
    notes = [f"{missing} frames without ground truth were left out"] if missing else []
    configuration = {k: v for k, v in predictions.info.configuration.items() if k != "source"}
    info = replace(predictions.info, has_ground_truth=True, configuration=configuration)
    return _note_truth(
        replace(
            predictions,
            info=info,
            frames=truth.frames,
            ground_truth=truth.ground_truth,
            detections=detections,
            estimates=predictions.estimates.take(order),
            **arrays,
        ),
        truth,
        notes,
    )


def _replace_poses(predictions: Predictions, truth: Truth) -> Predictions:
    """Replace poses and handle visibility alone, where the rows of every frame correspond."""
    own = predictions.ground_truth
    transform, visible = own.transform.copy(), own.handle_visible.copy()
    rows = {name: row for row, name in enumerate(truth.frames.id)}
    for row, name in enumerate(predictions.frames.id):
        ours = np.flatnonzero(own.frame == row)
        theirs = np.flatnonzero(truth.ground_truth.frame == rows.get(name, -1))
        if len(ours) != len(theirs):
            raise DataFormatError(
                f"{truth.name}: {len(theirs)} poses for {name}, but the result names {len(ours)} "
                "objects there"
            )
        transform[ours] = truth.ground_truth.transform[theirs]
        visible[ours] = truth.ground_truth.handle_visible[theirs]
    changed = replace(own, transform=transform, handle_visible=visible)
    return _note_truth(replace(predictions, ground_truth=changed), truth, [])


def _note_truth(predictions: Predictions, truth: Truth, notes: Sequence[str]) -> Predictions:
    kept = [text for text in predictions.info.assumptions if not text.startswith("ground truth is")]
    kept += [f"ground truth is that of {truth.name}", *notes]
    label_set = f"as in {truth.name}"
    info = replace(predictions.info, assumptions=tuple(kept), label_set=label_set)
    return replace(predictions, info=info)


def place_tracked_frames(frames: Sequence[ImportedFrame], truth: Truth) -> list[ImportedFrame]:
    """Turn counts within a sequence into frame numbers, and give objects their true size.

    The n-th file of an instance in a scene belongs to the n-th frame in which the instance is
    annotated (to the n-th frame of the scene where instances have no names).

    Raises:
        DataFormatError: a sequence has more files than frames.
    """
    starts: dict[tuple[str, str], int] = {}
    for frame in frames:
        if frame.tracked is not None:
            key = frame.tracked, frame.name.scene_id
            starts[key] = min(frame.name.number, starts.get(key, frame.name.number))
    sequences = {key: _find_sequence(truth, *key) for key in starts}
    return [
        frame
        if frame.tracked is None
        else _place(
            frame,
            truth,
            sequences[frame.tracked, frame.name.scene_id],
            frame.name.number - starts[frame.tracked, frame.name.scene_id],
        )
        for frame in frames
    ]


def _find_sequence(truth: Truth, instance: str, scene: str) -> np.ndarray:
    """Return the rows of the scene's frames that show the instance, in order of frame number."""
    in_scene = np.asarray(truth.frames.scene == scene)
    showing = np.zeros(len(truth.frames), dtype=bool)
    showing[truth.ground_truth.frame[truth.ground_truth.instance == instance]] = True
    chosen = np.flatnonzero(in_scene & showing if (in_scene & showing).any() else in_scene)
    return np.asarray(chosen[np.argsort(truth.frames.number[chosen], kind="stable")])


def _place(
    frame: ImportedFrame, truth: Truth, sequence: np.ndarray, position: int
) -> ImportedFrame:
    if position >= len(sequence):
        raise DataFormatError(
            f"{truth.name}: {frame.tracked} is in {len(sequence)} frames of {frame.name.scene}, "
            f"but there is a result number {position + 1}"
        )
    row = int(sequence[position])
    name = replace(frame.name, number=int(truth.frames.number[row]))
    objects = truth.ground_truth
    same = np.flatnonzero((objects.frame == row) & (objects.instance == frame.tracked))
    if not len(same):
        return replace(frame, name=name)
    size = compute_scale(objects.transform[same[:1]])[:, None] * objects.extents[same[:1]]
    bbox = project_boxes(frame.estimates.transform, size, name.intrinsics)
    return replace(
        frame,
        name=name,
        estimates=replace(frame.estimates, extents=size),
        detections=build_detections(frame.detections.category, bbox, frame.detections.confidence),
    )


def _first(names: np.ndarray) -> str:
    return f"'{names[0]}' first" if len(names) else "none"
