"""What one frame gives to a shard, why it gives nothing, and frames joined into tables."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from benchmark.errors import GenBenchError
from benchmark.records import Detections, Frames, GroundTruth
from benchmark.shards import Objects, Quarantine, Shard, ShardInfo

WHOLE_FRAME = -1

QuarantineRow = tuple[str, int, str, str]
"""Frame id, instance, reason, detail."""


class Rejected(Exception):  # noqa: N818 - a verdict on one frame, which the run survives
    """One frame, or one instance of it, cannot be used; its reason goes to the quarantine table.

    Attributes:
        reason: short code ("unreadable_depth").
        detail: one line for a person, naming the file.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason, self.detail = reason, " ".join(detail.split())


@contextmanager
def rejecting(reason: str) -> Iterator[None]:
    """Turn any complaint about the input inside the block into a rejection for `reason`."""
    try:
        yield
    except (GenBenchError, FileNotFoundError) as error:
        raise Rejected(reason, str(error)) from error


@dataclass(frozen=True, kw_only=True)
class FrameTables:
    """The rows that one frame (or several joined ones) adds to a shard; indices count from 0."""

    frames: Frames = field(default_factory=Frames.empty)
    ground_truth: GroundTruth = field(default_factory=GroundTruth.empty)
    detections: Detections = field(default_factory=Detections.empty)
    objects: Objects = field(default_factory=Objects.empty)
    quarantine: Quarantine = field(default_factory=Quarantine.empty)


def build_quarantine(rows: Sequence[QuarantineRow]) -> Quarantine:
    """Return the table of (frame id, instance, reason, detail) rows."""
    if not rows:
        return Quarantine.empty()
    frame, instance, reason, detail = zip(*rows, strict=True)
    return Quarantine(
        frame=np.array(frame),
        instance=np.array(instance),
        reason=np.array(reason),
        detail=np.array(detail),
    )


def reject_frame(frame_id: str, rejected: Rejected) -> FrameTables:
    """Return what a frame adds that cannot be used: one quarantine row."""
    row = (frame_id, WHOLE_FRAME, rejected.reason, rejected.detail)
    return FrameTables(quarantine=build_quarantine([row]))


def join_frames(info: ShardInfo, parts: Sequence[FrameTables]) -> Shard:
    """Join the tables of frames in order, renumbering their row references."""
    frames = _count_before(parts, "frames")
    annotations = _count_before(parts, "ground_truth")
    detections = _count_before(parts, "detections")
    shifted = [
        replace(
            part,
            ground_truth=replace(part.ground_truth, frame=part.ground_truth.frame + frame),
            detections=replace(part.detections, frame=part.detections.frame + frame),
            objects=replace(
                part.objects,
                frame=part.objects.frame + frame,
                ground_truth=_shift(part.objects.ground_truth, annotation),
                detection=_shift(part.objects.detection, detection),
            ),
        )
        for part, frame, annotation, detection in zip(
            parts, frames, annotations, detections, strict=True
        )
    ]
    return Shard(
        info=info,
        frames=Frames.concatenate([part.frames for part in shifted]),
        ground_truth=GroundTruth.concatenate([part.ground_truth for part in shifted]),
        detections=Detections.concatenate([part.detections for part in shifted]),
        objects=Objects.concatenate([part.objects for part in shifted if len(part.objects)]),
        quarantine=Quarantine.concatenate([part.quarantine for part in shifted]),
    )


def _count_before(parts: Sequence[FrameTables], name: str) -> list[int]:
    """Return how many rows of a table lie before each part."""
    counts = [len(getattr(part, name)) for part in parts]
    return [0, *np.cumsum(counts)[:-1].tolist()] if counts else []


def _shift(rows: np.ndarray, offset: int) -> np.ndarray:
    """Add `offset` to row indices, keeping -1 for none."""
    return np.where(rows < 0, rows, rows + offset)
