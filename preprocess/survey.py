"""What lies in a part of a NOCS tree, by file names alone: seconds for hundreds of thousands."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.errors import DataFormatError
from preprocess.annotations import get_annotation_path
from preprocess.detections import find_detections
from preprocess.frames import NocsFrame, Part, find_frames
from preprocess.images import read_depth, read_mask

FRAME_FILES = ("color.png", "coord.png", "depth.png", "mask.png", "meta.txt")
_NEEDED = ("depth.png", "mask.png", "meta.txt")
_SAMPLED_FRAMES = 12


@dataclass(frozen=True, kw_only=True)
class PartSurvey:
    """What there is of one part.

    Attributes:
        name: the part ("Real/test").
        folder: where it lies.
        scenes, frames: numbers of them; a frame has at least one file.
        usable: frames with depth, mask and meta.
        missing: number of frames that lack each kind of file.
        ground_truth: frames with a pickle below `gts`, or a `_label.pkl` of SPD's preprocessing.
        detections: frames with a detections file.
        sampled: frames whose images were decoded as a sample.
        unreadable: what was wrong with those that could not be.
    """

    name: str
    folder: Path
    scenes: int
    frames: int
    usable: int
    missing: dict[str, int] = field(default_factory=dict)
    ground_truth: int = 0
    detections: int = 0
    sampled: int = 0
    unreadable: tuple[str, ...] = ()


def survey_part(root: Path, part: Part, folder: Path, detections: Path | None) -> PartSurvey:
    """Count what there is of one part, and decode a few of its images.

    Args:
        root: the data root.
        part: the part.
        folder: where it lies.
        detections: folder of detections, if there is one.
    """
    frames = find_frames(root, part)
    present = {scene: set(_list_names(folder / scene)) for scene in {f.scene for f in frames}}
    lacking = [_list_missing(frame, present[frame.scene]) for frame in frames]
    usable = [
        frame for frame, missing in zip(frames, lacking, strict=True) if not missing & {*_NEEDED}
    ]
    annotated = set(_list_names(root / "gts" / part.download))
    problems = [problem for frame in _pick(usable) if (problem := _find_problem(frame))]
    return PartSurvey(
        name=part.name,
        folder=folder,
        scenes=len(present),
        frames=len(frames),
        usable=len(usable),
        missing=dict(Counter(kind for missing in lacking for kind in sorted(missing))),
        ground_truth=sum(
            get_annotation_path(frame).name in annotated
            or f"{frame.stem}_label.pkl" in present[frame.scene]
            for frame in frames
        ),
        detections=sum(find_detections(detections, frame) is not None for frame in frames)
        if detections
        else 0,
        sampled=len(_pick(usable)),
        unreadable=tuple(problems),
    )


def _list_names(folder: Path) -> Iterator[str]:
    if folder.is_dir():
        with os.scandir(folder) as entries:
            yield from [entry.name for entry in entries]


def _list_missing(frame: NocsFrame, names: set[str]) -> set[str]:
    return {kind for kind in FRAME_FILES if f"{frame.stem}_{kind}" not in names}


def _pick(frames: list[NocsFrame]) -> list[NocsFrame]:
    """Return a few frames, spread evenly."""
    return frames[:: max(len(frames) // _SAMPLED_FRAMES, 1)][:_SAMPLED_FRAMES]


def _find_problem(frame: NocsFrame) -> str:
    """Return what is wrong with a frame's images; empty if nothing is."""
    try:
        depth, mask = read_depth(frame.get_path("depth.png")), read_mask(frame.get_path("mask.png"))
    except DataFormatError as error:
        return str(error)
    if depth.shape != mask.shape:
        return f"{frame.get_path('mask.png')}: another size than its depth"
    return "" if depth.any() else f"{frame.get_path('depth.png')}: no pixel has a depth"
