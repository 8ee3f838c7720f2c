"""The audit of a data folder: what is there, what is missing, what that blocks, how to get it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmark.errors import DataFormatError
from preprocess.detections import find_detections_folder
from preprocess.frames import PARTS, Part, find_parts, read_frame_list
from preprocess.labels import MugHandles
from preprocess.model_files import FOLDER, MUG_META
from preprocess.own import find_own_frames, is_own_data, read_own_configuration
from preprocess.survey import PartSurvey, survey_part

_DOWNLOADS = "the NOCS downloads (github.com/hughw19/NOCS_CVPR2019)"
_PURPOSE = {
    "CAMERA/train": ("training on CAMERA (split train)", "camera_train.zip"),
    "CAMERA/val": ("evaluation on CAMERA25 (split val)", "camera_val25K.zip"),
    "Real/train": ("training on Real (split train)", "real_train.zip"),
    "Real/test": ("evaluation on REAL275 (split test)", "real_test.zip"),
}


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that is missing or wrong.

    Attributes:
        what: what was found.
        blocks: what cannot be done, or is done in another way, because of it.
        remedy: how to change that.
    """

    what: str
    blocks: str
    remedy: str


@dataclass(frozen=True, kw_only=True)
class Audit:
    """What a data folder holds.

    Attributes:
        root: the folder.
        kind: "nocs" or "own".
        parts: the parts of a NOCS tree that are there; one for own data.
        detections: where detections were found, if anywhere.
        findings: what is missing or wrong, most important first.
    """

    root: Path
    kind: str
    parts: tuple[PartSurvey, ...]
    detections: Path | None
    findings: tuple[Finding, ...]

    @property
    def usable(self) -> bool:
        """Whether `genbench prepare` would find at least one frame to read."""
        return any(part.usable and len(part.unreadable) < part.sampled for part in self.parts)


def audit(root: Path, detections: Path | None = None) -> Audit:
    """Audit a data folder by its file names and a few decoded images.

    Args:
        root: a NOCS tree in either layout, or a folder of own data.
        detections: folder of detections, None to look for it.

    Raises:
        DataFormatError: not such a folder.
        ConfigError, UnknownNameError: own data whose configuration is wrong.
    """
    if is_own_data(root):
        return _audit_own(root)
    folders = find_parts(root)
    detections = detections or find_detections_folder(root)
    parts = tuple(
        survey_part(root, part, folders[part.name], detections)
        for part in PARTS
        if part.name in folders
    )
    findings = (
        *_check_parts(root, parts),
        *_check_models(root, parts),
        *_check_handles(root, parts),
    )
    return Audit(root=root, kind="nocs", parts=parts, detections=detections, findings=findings)


def _audit_own(root: Path) -> Audit:
    frames = find_own_frames(root, read_own_configuration(root))
    lacking = [frame.id for frame in frames if frame.mask is not None and not frame.mask.is_file()]
    empty = [frame.id for frame in frames if not frame.instances]
    part = PartSurvey(
        name="own",
        folder=root,
        scenes=1,
        frames=len(frames),
        usable=len(frames) - len(lacking),
        missing={"mask.png": len(lacking)} if lacking else {},
        detections=len(frames) - len(empty),
        sampled=1,
    )
    findings = [Finding(what="no ground truth", blocks="evaluate", remedy="none needed for poses")]
    if lacking:
        what = f"{len(lacking)} frames without a mask, the first is {lacking[0]}"
        findings.append(Finding(what=what, blocks="these frames", remedy="add their masks"))
    if empty:
        what = f"{len(empty)} frames without objects, the first is {empty[0]}"
        findings.append(Finding(what=what, blocks="these frames", remedy="add rows to the CSV"))
    return Audit(root=root, kind="own", parts=(part,), detections=None, findings=tuple(findings))


def _check_parts(root: Path, parts: tuple[PartSurvey, ...]) -> Iterator[Finding]:
    there = {part.name: part for part in parts}
    for part in PARTS:
        survey = there.get(part.name)
        if survey is None:
            blocks, archive = _PURPOSE[part.name]
            yield Finding(
                what=f"{part.name} is not there", blocks=blocks, remedy=f"{archive} of {_DOWNLOADS}"
            )
        else:
            yield from _check_part(part, survey)
            yield from _check_list(root, part, survey)


def _check_list(root: Path, part: Part, survey: PartSurvey) -> Iterator[Finding]:
    """Compare SPD's list of frames, where there is one, with the frames."""
    path = root / f"{part.name}_list.txt"
    if not path.is_file():
        return
    try:
        listed = len(read_frame_list(path))
    except DataFormatError as error:
        what = str(error)
    else:
        what = f"{path.name} lists {listed} frames, {survey.frames} are there"
        if listed == survey.frames:
            return
    yield Finding(what=what, blocks="nothing: prepare reads the folders", remedy="none needed")


def _check_part(part: Part, survey: PartSurvey) -> Iterator[Finding]:
    if survey.usable < survey.frames:
        counts = ", ".join(f"{count} {kind}" for kind, count in sorted(survey.missing.items()))
        yield Finding(
            what=f"{part.name}: {survey.frames - survey.usable} of {survey.frames} frames lack "
            f"files ({counts})",
            blocks="these frames; prepare leaves them out",
            remedy="unpack the archive again; some frames of CAMERA are incomplete in the original",
        )
    if survey.unreadable:
        yield Finding(
            what=f"{part.name}: {len(survey.unreadable)} of {survey.sampled} sampled frames cannot "
            f"be read ({survey.unreadable[0]})",
            blocks="these frames; prepare leaves them out",
            remedy="unpack the archive again",
        )
    if part.split == "train":
        yield from _check_training(survey)
    else:
        yield from _check_evaluation(part, survey)


def _check_training(survey: PartSurvey) -> Iterator[Finding]:
    lacking = survey.missing.get("coord.png", 0)
    if lacking:
        yield Finding(
            what=f"{survey.name}: {lacking} frames without a coordinate map",
            blocks="training labels of these frames, which are derived from it",
            remedy="unpack the archive again",
        )


def _check_evaluation(part: Part, survey: PartSurvey) -> Iterator[Finding]:
    if survey.ground_truth < survey.frames:
        yield Finding(
            what=f"{part.name}: {survey.frames - survey.ground_truth} of {survey.frames} frames "
            f"without ground truth in gts/{part.download}",
            blocks="evaluation of these frames",
            remedy=f"gts.zip of {_DOWNLOADS}, unpacked to gts/",
        )
    if survey.detections < survey.frames:
        yield Finding(
            what=f"{part.name}: {survey.frames - survey.detections} of {survey.frames} frames "
            "without detections",
            blocks="numbers comparable with published ones: with none at all, prepare takes "
            "ground-truth masks instead",
            remedy="Mask R-CNN results of object-deformnet (github.com/mentian/object-deformnet), "
            "unpacked to mrcnn_results/ or named by --detections",
        )


def _check_models(root: Path, parts: tuple[PartSurvey, ...]) -> Iterator[Finding]:
    folder = root / FOLDER
    for part in PARTS:
        if part.name in {survey.name for survey in parts} and not (folder / part.download).is_dir():
            yield Finding(
                what=f"{FOLDER}/{part.download} is not there",
                blocks=f"object sizes of {part.name} where its annotations hold none",
                remedy=f"obj_models.zip of {_DOWNLOADS}, unpacked to {FOLDER}/",
            )
    if not (folder / MUG_META).is_file():
        with_meshes = folder.is_dir()
        yield Finding(
            what=f"{FOLDER}/{MUG_META} is not there",
            blocks="nothing: it is derived from the meshes"
            if with_meshes
            else "re-centring of mugs, which published numbers have",
            remedy="none needed" if with_meshes else "get obj_models, or use --no-mug-recenter",
        )


def _check_handles(root: Path, parts: tuple[PartSurvey, ...]) -> Iterator[Finding]:
    if "Real/train" in {survey.name for survey in parts} and not MugHandles(root).is_known:
        yield Finding(
            what="mug_handle.pkl is not there",
            blocks="symmetry of mugs in Real/train: every handle counts as visible",
            remedy="the data page of GenPose (github.com/Jiyao06/GenPose), unpacked to obj_models/",
        )
