"""Reading a foreign result of any form."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from baselines.importers import (
    captra,
    cass,
    catre,
    genpose,
    gpv,
    icaps,
    masks,
    nocs,
    six_pack,
)
from baselines.importers.assembly import (
    add_assumptions,
    add_fingerprints,
    assemble,
    merge_frames,
)
from baselines.importers.detect import detect_form
from baselines.importers.ground_truth import Truth, place_tracked_frames, replace_ground_truth
from baselines.importers.options import FORMS, ImportOptions
from baselines.importers.record import ImportedFrame
from baselines.importers.sources import Document, list_files, read_documents
from benchmark.errors import DataFormatError, UnknownNameError
from benchmark.predictions import Predictions, read_predictions
from benchmark.records import Frames, GroundTruth
from benchmark.shards import find_shards, read_shard

_TRACKING_FORMS = ("p5", "p7", "p8")
_METHODS = {
    "p3": "cass",
    "p4": "genpose",
    "p5": "captra",
    "p6": "catre",
    "p7": "6-pack",
    "p8": "icaps",
}
_SHOWN = 3


def read_foreign(
    path: Path,
    form: str = "auto",
    *,
    options: ImportOptions | None = None,
    advance: Callable[[int], None] = lambda _count: None,
) -> Predictions:
    """Read a result that another project wrote, a file or a folder of files.

    Args:
        path: the file or folder; gzip is unpacked.
        form: a key of `FORMS`, or "auto" to tell it from the content.
        options: further choices; `form` overrides theirs.
        advance: called with 1 for every file read.

    Raises:
        DataFormatError: nothing of a known form there, a damaged or misshapen file, or detections
            without poses where poses are wanted.
        UnknownNameError: no form of this name.
    """
    options = replace(options or ImportOptions(), form=form)
    if form not in FORMS and form != "auto":
        raise UnknownNameError.suggest("form", form, ["auto", *FORMS])
    found, frames, skipped = _read_frames(path, options, advance)
    if found == "p9" and not options.detections_only:
        raise DataFormatError(
            f"{path}: holds detections without poses, nothing to score: give its folder to "
            "genbench prepare --detections, or keep the detections with genbench import"
        )
    if options.ground_truth is None:
        predictions = _assemble(path, found, frames, options)
        _check_classes(path, predictions)
    else:
        truth = read_truth(options.ground_truth)
        frames = place_tracked_frames(frames, truth)
        predictions = replace_ground_truth(_assemble(path, found, frames, options), truth)
    return add_fingerprints(add_assumptions(predictions, *_name_skipped(skipped)))


def read_truth(path: Path) -> Truth:
    """Read ground truth from a predictions file, from shards, or from a foreign result.

    Raises:
        DataFormatError: there is no ground truth.
    """
    if path.is_dir() and any(path.glob("*.h5")):
        return _read_shards_truth(path)
    if path.suffix == ".h5":
        predictions = read_predictions(path)
    else:
        form, frames, _ = _read_frames(path, ImportOptions(), lambda _count: None)
        predictions = _assemble(path, form, frames, ImportOptions())
    if not predictions.info.has_ground_truth:
        raise DataFormatError(f"{path}: holds no ground truth")
    return Truth(name=path.name, frames=predictions.frames, ground_truth=predictions.ground_truth)


def _read_shards_truth(path: Path) -> Truth:
    shards = [read_shard(shard) for shard in find_shards(path)]
    offsets = np.cumsum([0] + [len(shard.frames) for shard in shards])
    truths = [
        replace(shard.ground_truth, frame=shard.ground_truth.frame + offset)
        for shard, offset in zip(shards, offsets[:-1], strict=True)
    ]
    return Truth(
        name=path.name,
        frames=Frames.concatenate([shard.frames for shard in shards]),
        ground_truth=GroundTruth.concatenate(truths),
    )


def _read_frames(
    path: Path, options: ImportOptions, advance: Callable[[int], None]
) -> tuple[str, list[ImportedFrame], list[str]]:
    """Return the form, the records of all files of that form, and the names of other files."""
    form = None if options.form == "auto" else options.form
    frames: list[ImportedFrame] = []
    skipped: list[str] = []
    first = ""
    for document in read_documents(list_files(path)):
        found = detect_form(document.content)
        if found is None or (options.form != "auto" and found != form):
            skipped.append(document.path.name)
        elif form not in (None, found):
            raise DataFormatError(
                f"{path}: holds {form} ({first}) and {found} ({document.path.name}): "
                "give the folder of one result, or --format"
            )
        else:
            form, first = found, first or document.path.name
            frames += _read_document(form, document, options)
        advance(1)
    if form is None or not frames:
        wanted = "a result of a known form" if form is None else f"a result of form {form}"
        raise DataFormatError(f"{path}: expected {wanted}, found none: see docs/formats.md")
    return form, frames, skipped


def _read_document(form: str, document: Document, options: ImportOptions) -> list[ImportedFrame]:
    match form:
        case "p1":
            return nocs.read_document(document)
        case "p2":
            return gpv.read_document(document)
        case "p3":
            return cass.read_document(document, options)
        case "p4":
            return genpose.read_document(document)
        case "p5":
            return captra.read_document(document)
        case "p6":
            return catre.read_document(document, options)
        case "p7":
            return six_pack.read_document(document)
        case "p8":
            return icaps.read_document(document)
        case _:
            return masks.read_document(document)


def _assemble(
    path: Path, form: str, frames: list[ImportedFrame], options: ImportOptions
) -> Predictions:
    if form in _TRACKING_FORMS:
        frames = merge_frames(frames)
    method = options.method or _METHODS.get(form, "imported")
    try:
        return assemble(frames, form=form, method=method, keep=options.keep)
    except DataFormatError as error:
        raise DataFormatError(f"{path}: {error}") from error


def _check_classes(path: Path, predictions: Predictions) -> None:
    if not predictions.ground_truth.category.all():
        raise DataFormatError(
            f"{path}: its ground truth has poses but no classes ('gt_class_ids'): it can only "
            "serve as --ground-truth for a result that has them"
        )


def _name_skipped(skipped: list[str]) -> list[str]:
    if not skipped:
        return []
    shown = ", ".join(skipped[:_SHOWN]) + (", ..." if len(skipped) > _SHOWN else "")
    return [f"left out {len(skipped)} files of another form: {shown}"]
