"""Where the detections of a frame come from: a folder, a COCO file, or the ground-truth masks."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from preprocess.clouds import Region
from preprocess.coco import CocoResult, decode_results, read_coco
from preprocess.detections import (
    FrameDetections,
    find_detections,
    read_aligned_tracks,
    read_detections,
)
from preprocess.frame_tables import Rejected, rejecting
from preprocess.frames import NocsFrame
from preprocess.instances import FrameImages, find_instances


class DetectionSource(Protocol):
    """Gives the detections of one frame."""

    @property
    def kind(self) -> str:
        """What shards say of where their detections come from."""
        ...

    def list_files(self, frame: NocsFrame) -> list[Path]:
        """Return the files that a frame's detections depend on."""
        ...

    def find_regions(self, frame: NocsFrame, images: FrameImages) -> list[Region]:
        """Return a frame's detections, in the detector's order.

        Raises:
            Rejected: there are none on disk, or they cannot be read.
        """
        ...


@dataclass(frozen=True)
class DetectionFolder:
    """One pickle a frame, in SPD's, DualPoseNet's or the tracking form."""

    folder: Path
    kind: str = "detector"

    def list_files(self, frame: NocsFrame) -> list[Path]:
        """Return the frame's pickle, if it is there."""
        path = find_detections(self.folder, frame)
        return [path] if path else []

    def find_regions(self, frame: NocsFrame, images: FrameImages) -> list[Region]:
        """Read the frame's pickle; see `DetectionSource`."""
        path = find_detections(self.folder, frame)
        if path is None:
            raise Rejected("missing_detections", f"{self.folder}: no detections for {frame.id}")
        height, width = images.mask.shape
        with rejecting("unreadable_detections"):
            return _build_regions(read_detections(path, (width, height)))


@dataclass(frozen=True)
class AlignedFolder:
    """One pickle a frame in the tracking form, whose rows say which object they belong to.

    Rows that the detector did not see have an empty mask, and so give no cloud.
    """

    folder: Path
    kind: str = "aligned"

    def list_files(self, frame: NocsFrame) -> list[Path]:
        """Return the frame's pickle, if it is there."""
        return DetectionFolder(self.folder).list_files(frame)

    def find_regions(self, frame: NocsFrame, images: FrameImages) -> list[Region]:
        """Read the frame's pickle; see `DetectionSource`."""
        path = find_detections(self.folder, frame)
        if path is None:
            raise Rejected("missing_detections", f"{self.folder}: no detections for {frame.id}")
        height, width = images.mask.shape
        with rejecting("unreadable_detections"):
            tracks = read_aligned_tracks(path, (width, height))
        regions = _build_regions(tracks.detections)
        return [
            replace(region, instance=name)
            for region, name in zip(regions, tracks.instances, strict=True)
        ]


@dataclass(frozen=True)
class CocoDetections:
    """All frames in one COCO file, whose images are named by frame id, with or without `_color`."""

    path: Path
    kind: str = "detector"

    def list_files(self, frame: NocsFrame) -> list[Path]:  # noqa: ARG002 - as in DetectionSource
        """Return nothing: the file is the same for all frames, and is fingerprinted once."""
        return []

    def find_regions(self, frame: NocsFrame, images: FrameImages) -> list[Region]:
        """Decode the frame's masks; see `DetectionSource`."""
        with rejecting("unreadable_detections"):
            results = read_coco_once(self.path, self.path.stat().st_mtime_ns)
        named = [name for name in (frame.id, f"{frame.id}_color") if name in results]
        if not named:
            raise Rejected("missing_detections", f"{self.path}: no image named {frame.id}")
        height, width = images.mask.shape
        where = f"{self.path}: {frame.id}"
        with rejecting("unreadable_detections"):
            return _build_regions(decode_results(where, results[named[0]], (width, height)))


@dataclass(frozen=True)
class GroundTruthMasks:
    """The annotated objects themselves, with confidence 1: better than any detector."""

    kind: str = "ground-truth-masks"

    def list_files(self, frame: NocsFrame) -> list[Path]:  # noqa: ARG002 - as in DetectionSource
        """Return nothing: the mask is among the frame's own files."""
        return []

    def find_regions(
        self,
        frame: NocsFrame,  # noqa: ARG002 - as in DetectionSource
        images: FrameImages,
    ) -> list[Region]:
        """Return one region an annotated object."""
        return [
            Region(
                category=instance.meta.category,
                bbox=instance.bbox,
                confidence=1.0,
                mask=images.mask == instance.meta.id,
            )
            for instance in find_instances(images.mask, images.meta)
        ]


@lru_cache(maxsize=1)
def read_coco_once(path: Path, _modified: int) -> dict[str, list[CocoResult]]:
    """Read a COCO file once a process, unless it was modified; see `preprocess.coco.read_coco`."""
    return read_coco(path)


def _build_regions(detections: FrameDetections) -> list[Region]:
    return [
        Region(
            category=int(detections.category[row]),
            bbox=detections.bbox[row],
            confidence=float(detections.confidence[row]),
            mask=detections.masks[..., row],
        )
        for row in range(len(detections))
    ]
