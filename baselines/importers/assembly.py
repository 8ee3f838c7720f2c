"""From imported frames to predictions: merging, numbering, and estimates out of hypotheses."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from baselines.importers.layout import compress_layout
from baselines.importers.record import ImportedFrame, build_transforms, is_identity
from benchmark.aggregation import pool_ranked
from benchmark.columns import Table, compute_checksum
from benchmark.errors import DataFormatError
from benchmark.predictions import Estimates, Predictions, RunInfo
from benchmark.records import Detections, Frames, GroundTruth

T = TypeVar("T", Detections, GroundTruth)


def merge_frames(frames: Sequence[ImportedFrame]) -> list[ImportedFrame]:
    """Join the records of the same image, which trackers keep in one file per instance.

    The result is in order of scene and frame number.
    """
    groups: dict[str, list[ImportedFrame]] = {}
    for frame in frames:
        groups.setdefault(frame.name.id, []).append(frame)
    merged = [_merge(group) for group in groups.values()]
    return sorted(merged, key=lambda frame: (frame.name.scene_id, frame.name.number))


def _merge(group: list[ImportedFrame]) -> ImportedFrame:
    truths = [frame.ground_truth for frame in group if frame.ground_truth is not None]
    return replace(
        group[0],
        detections=Detections.concatenate([frame.detections for frame in group]),
        estimates=Estimates.concatenate([frame.estimates for frame in group]),
        ground_truth=GroundTruth.concatenate(truths) if truths else None,
        notes=tuple(dict.fromkeys(note for frame in group for note in frame.notes)),
    )


def assemble(
    frames: Sequence[ImportedFrame], *, form: str, method: str, keep: float
) -> Predictions:
    """Build predictions from frames that have one record each.

    Args:
        frames: in the order of the file.
        form: the form they were read from, for the provenance.
        method: name of the method.
        keep: fraction of ranked hypotheses to average where there are hypotheses but no estimates.

    Raises:
        DataFormatError: a frame occurs twice, or frames differ in the number of hypotheses.
    """
    _check_unique([frame.name.id for frame in frames])
    truths = [frame.ground_truth or GroundTruth.empty() for frame in frames]
    hypotheses, energies = _stack_hypotheses(frames)
    predictions = Predictions(
        info=_describe(frames, energies, form=form, method=method),
        frames=_build_frames(frames),
        ground_truth=_number(truths),
        detections=_number([frame.detections for frame in frames]),
        estimates=Estimates.concatenate([frame.estimates for frame in frames]),
        hypotheses=hypotheses,
        energies=energies if energies is not None and energies.any() else None,
    )
    return _fill_estimates(predictions, keep)


def _check_unique(ids: list[str]) -> None:
    repeated = [name for name, count in Counter(ids).items() if count > 1]
    if repeated:
        raise DataFormatError(
            f"{repeated[0]} occurs more than once: name the file or folder of a single result"
        )


def _describe(
    frames: Sequence[ImportedFrame], energies: np.ndarray | None, *, form: str, method: str
) -> RunInfo:
    """Say where predictions come from; energies that are all zero rank nothing."""
    ranked = energies is not None and bool(energies.any())
    ids = [frame.name.id for frame in frames]
    return RunInfo(
        estimator=method,
        dataset="nocs",
        split=_name_split(frames),
        label_set=f"as in the {form} file",
        has_ground_truth=any(frame.ground_truth is not None for frame in frames),
        draw_order=not (energies is not None and ranked and _is_sorted(energies)),
        configuration={
            "form": form,
            "source": compress_layout([frame.source for frame in frames], ids),
            "zero_energies": energies is not None and not ranked,
        },
        assumptions=_summarise_notes(frames),
    )


def add_fingerprints(predictions: Predictions) -> Predictions:
    """Return the predictions with fingerprints of their detections and labels."""
    tables: dict[str, Table] = {
        "detections": predictions.detections,
        "labels": predictions.ground_truth,
    }
    fingerprints = {name: compute_checksum({name: table}) for name, table in tables.items()}
    return replace(predictions, info=replace(predictions.info, fingerprints=fingerprints))


def add_assumptions(predictions: Predictions, *assumptions: str) -> Predictions:
    """Return the predictions with further sentences about what was assumed."""
    joined = (*predictions.info.assumptions, *assumptions)
    return replace(predictions, info=replace(predictions.info, assumptions=joined))


def _number(tables: Sequence[T]) -> T:
    """Join per-frame tables, giving every row the number of its frame."""
    numbered = [replace(table, frame=np.full(len(table), row)) for row, table in enumerate(tables)]
    return type(tables[0]).concatenate(numbered)


def _build_frames(frames: Sequence[ImportedFrame]) -> Frames:
    cameras = [frame.name.intrinsics for frame in frames]
    return Frames(
        id=np.array([frame.name.id for frame in frames]),
        scene=np.array([frame.name.scene_id for frame in frames]),
        number=np.array([frame.name.number for frame in frames]),
        intrinsics=np.array([(c.fx, c.fy, c.cx, c.cy) for c in cameras]),
        image_size=np.array([(c.width, c.height) for c in cameras]),
    )


def _name_split(frames: Sequence[ImportedFrame]) -> str:
    splits = {frame.name.split.split("/")[1] for frame in frames}
    return splits.pop() if len(splits) == 1 else "all"


def _stack_hypotheses(
    frames: Sequence[ImportedFrame],
) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Join hypotheses and energies; a frame without estimates gets identities where it has none."""
    given = [frame.hypotheses for frame in frames if frame.hypotheses is not None]
    counts = {values.shape[1] for values in given if len(values)}
    if len(counts) > 1:
        raise DataFormatError(f"frames differ in their number of hypotheses: {sorted(counts)}")
    if not given:
        return None, None
    count = counts.pop() if counts else given[0].shape[1]
    hypotheses = [_get_hypotheses(frame, count, given[0].dtype) for frame in frames]
    if all(frame.energies is None for frame in frames):
        return np.concatenate(hypotheses), None
    energies = [
        np.zeros((len(frame.detections), count, 2), np.float32)
        if frame.energies is None or not len(frame.detections)
        else frame.energies
        for frame in frames
    ]
    return np.concatenate(hypotheses), np.concatenate(energies)


def _get_hypotheses(frame: ImportedFrame, count: int, dtype: np.dtype[Any]) -> np.ndarray:
    if frame.hypotheses is not None and len(frame.hypotheses):
        return frame.hypotheses
    if frame.estimates.estimated.any():
        raise DataFormatError(f"{frame.name.id} has no hypotheses, although other frames have")
    return np.tile(np.eye(4, dtype=dtype)[:3], (len(frame.detections), count, 1, 1))


def _is_sorted(energies: np.ndarray) -> bool:
    """Tell whether both energies descend from hypothesis to hypothesis everywhere."""
    return energies.shape[1] > 1 and bool((np.diff(energies, axis=1) <= 0).all())


def _fill_estimates(predictions: Predictions, keep: float) -> Predictions:
    """Average hypotheses where the file has placeholders (identity, unit size) for estimates."""
    given, hypotheses = predictions.estimates, predictions.hypotheses
    if hypotheses is None or given.estimated.any() or not len(given):
        return predictions
    rotation, translation = pool_ranked(
        hypotheses[..., :3], hypotheses[..., 3], predictions.energies, keep=keep
    )
    full = build_transforms(hypotheses[..., :3], hypotheses[..., 3])
    estimated = np.asarray(~is_identity(full).all(axis=1))
    pooled = np.where(estimated[:, None, None], build_transforms(rotation, translation), np.eye(4))
    sizeless = bool((given.extents == 1).all())
    estimates = Estimates(
        estimated=estimated,
        transform=pooled,
        extents=np.full_like(given.extents, np.nan) if sizeless else given.extents,
    )
    how = f"the best {keep:.0%} of the" if predictions.energies is not None else "all"
    filled = replace(predictions, estimates=estimates)
    filled.info.configuration["placeholders"] = {"poses": True, "sizes": sizeless}
    notes = [f"estimates are the average of {how} hypotheses"]
    return add_assumptions(filled, *notes, *(["unit sizes mean no size"] if sizeless else []))


def _summarise_notes(frames: Sequence[ImportedFrame]) -> tuple[str, ...]:
    """Return every note once, with the number of frames where it does not hold for all."""
    counts = Counter(note for frame in frames for note in dict.fromkeys(frame.notes))
    notes = [
        note if count == len(frames) else f"{note} ({count} of {len(frames)} frames)"
        for note, count in counts.items()
    ]
    failed = sum(int((frame.estimates.estimated == 0).sum()) for frame in frames)
    total = sum(len(frame.detections) for frame in frames)
    if failed and any(frame.hypotheses is None and len(frame.detections) for frame in frames):
        notes.append(f"{failed} of {total} detections have no estimate and count as wrong")
    if any(frame.ground_truth is not None for frame in frames):
        notes.append("ground truth is the file's own")
    cameras = sorted({frame.name.split.split("/")[0] for frame in frames})
    notes.append(f"intrinsics are those of NOCS's {' and '.join(cameras)} camera")
    return tuple(notes)
