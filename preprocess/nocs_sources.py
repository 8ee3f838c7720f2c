"""The splits of a NOCS tree as sources of frames: which files give detections and ground truth."""

from dataclasses import asdict
from pathlib import Path

from benchmark.errors import DataFormatError
from benchmark.shards import ShardInfo
from preprocess.annotations import get_annotation_path
from preprocess.detection_sources import (
    AlignedFolder,
    CocoDetections,
    DetectionFolder,
    DetectionSource,
    GroundTruthMasks,
)
from preprocess.detections import (
    ALIGNED,
    find_aligned_folder,
    find_detections,
    find_detections_folder,
)
from preprocess.evaluation_frames import Annotations, EvaluationReader
from preprocess.fingerprints import compute_files_fingerprint
from preprocess.frames import PARTS, NocsFrame, Part, find_frames, find_parts
from preprocess.labels import MugHandles
from preprocess.model_files import FOLDER, MUG_META, ModelFiles
from preprocess.prepare import FrameSource, PrepareOptions
from preprocess.training_frames import TrainingReader

_SYNTH6_MARK = "synth6_truth.h5"
_ALIGNED_WORD = "aligned"


def find_nocs_sources(root: Path, options: PrepareOptions) -> list[FrameSource]:
    """Return the parts of a NOCS tree that are asked for.

    Raises:
        DataFormatError: no NOCS tree, the split is not in it, or mugs cannot be re-centred.
    """
    there = find_parts(root)
    parts = [part for part in PARTS if part.name in there and options.split in (None, part.split)]
    if not parts:
        wanted = " or ".join(part.name for part in PARTS if part.split == options.split)
        raise DataFormatError(f"{root}: no split {options.split}: expected {wanted}")
    found = {part: find_frames(root, part)[:: options.stride] for part in parts}
    if not any(found.values()):
        raise DataFormatError(f"{root}: expected frames (<scene>/0000_depth.png ...), found none")
    return [_build_source(root, part, frames, options) for part, frames in found.items() if frames]


def _build_source(
    root: Path, part: Part, frames: list[NocsFrame], options: PrepareOptions
) -> FrameSource:
    if part.split == "train":
        return _build_training_source(root, part, frames, options)
    return _build_evaluation_source(root, part, frames, options)


def _build_training_source(
    root: Path, part: Part, frames: list[NocsFrame], options: PrepareOptions
) -> FrameSource:
    _check_recentring(root, part, options)
    handles = MugHandles(root)
    reader = TrainingReader(
        models=ModelFiles(root),
        handles=handles,
        recentre_mugs=options.recentre_mugs,
        clouds=options.clouds,
    )
    notes = []
    if part.source == "real" and not handles.is_known:
        notes.append(f"{part.name}: no mug_handle.pkl: every mug's handle counts as visible")
    info = _describe(root, part, options, labels="derived", detections="ground-truth-masks")
    return FrameSource(info=info, frames=frames, reader=reader, notes=tuple(notes))


def _build_evaluation_source(
    root: Path, part: Part, frames: list[NocsFrame], options: PrepareOptions
) -> FrameSource:
    detections = find_detection_source(root, frames, options.detections)
    annotations = find_annotations(root, part, frames)
    notes = []
    if detections.kind == "ground-truth-masks":
        notes.append(
            f"{part.name}: NO DETECTIONS FOUND: ground-truth masks are taken instead, so numbers "
            "are better than any detector's and not comparable; name a folder with --detections"
        )
    if annotations == "none":
        notes.append(f"{part.name}: no ground truth found: runs cannot be evaluated")
    elif annotations == "gts":
        _check_recentring(root, part, options)
    reader = EvaluationReader(
        detections=detections,
        annotations=annotations,
        models=ModelFiles(root),
        recentre_mugs=options.recentre_mugs,
        clouds=options.clouds,
    )
    info = _describe(root, part, options, labels=annotations, detections=detections.kind)
    return FrameSource(info=info, frames=frames, reader=reader, notes=tuple(notes))


def find_detection_source(
    root: Path, frames: list[NocsFrame], named: Path | None
) -> DetectionSource:
    """Return where the detections of a part come from.

    In place of a folder, the word `aligned` stands for the data's own aligned ones, for tracking.

    Raises:
        DataFormatError: what the user named is not there, or holds nothing for these frames.
    """
    if named is not None and named.name == _ALIGNED_WORD and not named.exists():
        named = find_aligned_folder(root) or root / ALIGNED
    if named is not None and named.is_file():
        return CocoDetections(named)
    folder = named or find_detections_folder(root)
    if named is not None and not named.exists():
        raise DataFormatError(f"{named}: no such folder or file: give that of the detections")
    if folder is not None and any(find_detections(folder, frame) for frame in frames):
        return AlignedFolder(folder) if folder.name == ALIGNED else DetectionFolder(folder)
    if named is not None:
        example = f"results_{frames[0].part.split}_{frames[0].scene}_{frames[0].stem}.pkl"
        raise DataFormatError(
            f"{named}: no detections for {frames[0].part.name}: expected files like {example}"
        )
    return GroundTruthMasks()


def find_annotations(root: Path, part: Part, frames: list[NocsFrame]) -> Annotations:
    """Return where the ground truth of a part comes from.

    Poses alone, as Real's pickles hold them, need the object sizes of `obj_models`.
    """
    has_sizes = part.source == "camera" or (root / FOLDER / part.download).is_dir()
    if has_sizes and any(get_annotation_path(frame).is_file() for frame in frames):
        return "gts"
    if any(frame.get_path("label.pkl").is_file() for frame in frames):
        return "spd"
    return "none"


def _check_recentring(root: Path, part: Part, options: PrepareOptions) -> None:
    """Check that mugs can be re-centred, before hours of work."""
    folder = root / FOLDER
    sources = (folder / MUG_META, folder / part.download)
    if options.recentre_mugs and not any(source.exists() for source in sources):
        raise DataFormatError(
            f"{folder}: neither {MUG_META} nor the meshes of {part.download}, from which mugs are "
            "re-centred: get one of them, or use --no-mug-recenter"
        )


def _describe(
    root: Path, part: Part, options: PrepareOptions, *, labels: str, detections: str
) -> ShardInfo:
    """Return what the shards of a part say of themselves."""
    centre = "mug-body-axis" if options.recentre_mugs or labels == "spd" else "mug-box-centre"
    names = {"gts": "nocs-gts", "spd": "spd-labels", "derived": "nocs-derived"}
    is_synth6 = (root / _SYNTH6_MARK).is_file()
    return ShardInfo(
        dataset="synth6" if is_synth6 else "nocs",
        source=part.source,
        split=part.split,
        label_set=f"{names[labels]}/{centre}" if labels in names else "none",
        has_ground_truth=labels in names,
        configuration={
            "stride": options.stride,
            "recentre_mugs": options.recentre_mugs,
            "clouds": asdict(options.clouds),
            "detections": detections,
            "models": _compute_models_fingerprint(root, part, options.detections),
        },
    )


def _compute_models_fingerprint(root: Path, part: Part, detections: Path | None) -> str:
    """Return the fingerprint of the files that all frames of a part depend on."""
    folder = root / FOLDER
    handles = MugHandles(root).path
    files = [folder / MUG_META, *([handles] if handles else [])]
    if part.source == "real":
        files += sorted((folder / part.download).glob("*.txt"))
    if detections is not None and detections.is_file():
        files.append(detections)
    return compute_files_fingerprint((path.name, path) for path in files)
