"""Ground truth as NOCS ships it (`gts`), and as SPD's preprocessing writes it (`_label.pkl`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.errors import DataFormatError
from benchmark.geometry.alignment import Similarity
from benchmark.geometry.similarity import compute_rotation, compute_scale
from benchmark.records import GroundTruth
from preprocess.frame_tables import Rejected, rejecting
from preprocess.frames import NocsFrame
from preprocess.instances import VisibleInstance, find_instances, read_frame, select_usable
from preprocess.labels import MUG, LabelledFrame, ObjectLabel, recentre
from preprocess.model_files import ModelFiles
from preprocess.pickle_columns import read_dictionary, take_column

_LARGEST_BOX_DIFFERENCE_PX = 5
_ROTATION_TOLERANCE = 1e-2


@dataclass(frozen=True, kw_only=True)
class Annotation:
    """One `gts` pickle: rows by ascending mask id of the foreground objects.

    Attributes:
        transform: (N, 4, 4) float64 object-to-camera similarity, origin of mugs at the box centre.
        handle_visible: (N,) bool.
        category: (N,) class ids; None in files that hold poses alone.
        bbox: (N, 4) boxes; None likewise.
        extents: (N, 3) box sides divided by the scale; None likewise.
    """

    transform: np.ndarray
    handle_visible: np.ndarray
    category: np.ndarray | None = None
    bbox: np.ndarray | None = None
    extents: np.ndarray | None = None

    @cached_property
    def pose(self) -> Similarity:
        """The transforms (N,), taken apart."""
        return Similarity(
            compute_scale(self.transform),
            compute_rotation(self.transform),
            self.transform[:, :3, 3],
        )


def get_annotation_path(frame: NocsFrame) -> Path:
    """Return where the `gts` pickle of a frame lies."""
    name = frame.part.download
    return frame.root / "gts" / name / f"results_{name}_{frame.scene}_{frame.stem}.pkl"


def read_labelled_frame(
    frame: NocsFrame, models: ModelFiles, *, recentre_mugs: bool = True
) -> LabelledFrame:
    """Read an evaluation frame and its ground truth from `gts`.

    Args:
        frame: of CAMERA val or Real test.
        models: of the same data root.
        recentre_mugs: move the origin of mugs to the axis of their body, as SPD does.

    Raises:
        Rejected: the frame or its ground truth cannot be used at all.
    """
    images = read_frame(frame)
    instances = find_instances(images.mask, images.meta)
    path = get_annotation_path(frame)
    with rejecting("unreadable_annotation"):
        annotation = read_annotation(path)
    rows = match_rows(path, annotation, instances)
    usable, left_out = select_usable(frame.id, instances, images.depth_mm)
    labels = []
    for instance in usable:
        try:
            label = _build_label(frame, models, instance, annotation, rows[instance.meta.id])
            if instance.meta.category == MUG and recentre_mugs:
                label = recentre(label, models.get_recentring(frame.part, instance.meta))
            labels.append(label)
        except DataFormatError as error:
            left_out.append((frame.id, instance.meta.id, "no_label", str(error)))
    return LabelledFrame(images=images, labels=labels, left_out=left_out)


def read_annotation(path: Path) -> Annotation:
    """Read a `gts` pickle, with poses alone (Real) or with boxes, classes and sizes (CAMERA).

    Raises:
        DataFormatError: not such a file, or a pose in it is none.
    """
    content = read_dictionary(path)
    transform = take_column(f"{path}: gt_RTs", content.get("gt_RTs"), (None, 4, 4)).astype(float)
    _check_transforms(path, transform)
    rows = len(transform)
    visible = content.get("handle_visibility", content.get("gt_handle_visibility", np.ones(rows)))
    return Annotation(
        transform=transform,
        handle_visible=take_column(f"{path}: handle_visibility", visible, (rows,)) != 0,
        category=_take_optional(path, content, "gt_class_ids", (rows,)),
        bbox=_take_optional(path, content, "gt_bboxes", (rows, 4)),
        extents=_take_optional(path, content, "gt_scales", (rows, 3)),
    )


def match_rows(
    path: Path, annotation: Annotation, instances: Sequence[VisibleInstance]
) -> dict[int, int]:
    """Return the row of each visible object, by instance id.

    Rows are in the order of the mask ids; where their number or classes disagree with the mask, an
    object takes the row of its class whose box differs by at most 5 pixels in all, as in SPD.

    Raises:
        Rejected: an object has no row.
    """
    ids = [instance.meta.id for instance in instances]
    classes = [instance.meta.category for instance in instances]
    stated = classes if annotation.category is None else annotation.category.tolist()
    if len(annotation.transform) == len(ids) and stated == classes:
        return {id_: row for row, id_ in enumerate(ids)}
    if annotation.category is None or annotation.bbox is None:
        detail = f"{path}: {len(annotation.transform)} poses for {len(ids)} objects in the mask"
        raise Rejected("annotation_mismatch", detail)
    matched = {}
    for instance in instances:
        difference = np.abs(annotation.bbox - instance.bbox).sum(axis=1).astype(float)
        difference[annotation.category != instance.meta.category] = np.inf
        if not len(difference) or difference.min() > _LARGEST_BOX_DIFFERENCE_PX:
            detail = f"{path}: no row for object {instance.meta.id} of the mask"
            raise Rejected("annotation_mismatch", detail)
        matched[instance.meta.id] = int(difference.argmin())
    return matched


def read_spd_label(path: Path) -> GroundTruth:
    """Read a `_label.pkl` of SPD's preprocessing; its mugs are re-centred already.

    Returns:
        One row per object, frame 0; extents are NaN in training labels, which have no `size`.

    Raises:
        DataFormatError: not such a file.
    """
    content = read_dictionary(path)
    category = take_column(f"{path}: class_ids", content.get("class_ids"), (None,))
    rows = len(category)
    scale = take_column(f"{path}: scales", content.get("scales"), (rows,))
    rotation = take_column(f"{path}: rotations", content.get("rotations"), (rows, 3, 3))
    translation = take_column(f"{path}: translations", content.get("translations"), (rows, 3))
    names = content.get("model_list")
    if not isinstance(names, list | tuple) or len(names) != rows or not np.all(scale > 0):
        raise DataFormatError(f"{path}: expected {rows} model names and positive scales")
    if np.any((category < 1) | (category > MUG)):
        raise DataFormatError(f"{path}: expected classes 1 to 6, got {category.tolist()!r:.60}")
    pose = Similarity(scale.astype(float), rotation.astype(float), translation.astype(float))
    _check_transforms(path, pose.to_matrix())
    size = _take_optional(path, content, "size", (rows, 3))
    visible = take_column(
        f"{path}: handle_visibility", content.get("handle_visibility", np.ones(rows)), (rows,)
    )
    return GroundTruth(
        frame=np.zeros(rows),
        category=category,
        instance=np.array([str(name) for name in names]),
        transform=pose.to_matrix(),
        extents=np.full((rows, 3), np.nan) if size is None else size,
        bbox=take_column(f"{path}: bboxes", content.get("bboxes"), (rows, 4)),
        handle_visible=(visible != 0) | (category != MUG),
        visible_pixels=np.full(rows, -1),
    )


def _build_label(
    frame: NocsFrame,
    models: ModelFiles,
    instance: VisibleInstance,
    annotation: Annotation,
    row: int,
) -> ObjectLabel:
    pose = annotation.pose
    if annotation.extents is not None:
        extents = annotation.extents[row].astype(float)
    else:
        extents = models.get_extents(frame.part, instance.meta)
        extents = extents / np.linalg.norm(extents)
    return ObjectLabel(
        instance=instance,
        pose=Similarity(pose.scale[row], pose.rotation[row], pose.translation[row]),
        extents=extents,
        handle_visible=bool(annotation.handle_visible[row]) or instance.meta.category != MUG,
    )


def _check_transforms(path: Path, transform: np.ndarray) -> None:
    """Check that matrices are similarities: a positive scale, a rotation, the last row 0 0 0 1."""
    block = transform[:, :3, :3]
    scale = np.cbrt(np.linalg.det(block))
    with np.errstate(divide="ignore", invalid="ignore"):
        rotation = block / scale[:, None, None]
    residual = np.abs(rotation @ np.swapaxes(rotation, 1, 2) - np.eye(3)).max(
        axis=(1, 2), initial=0
    )
    bad = ~((scale > 0) & (residual < _ROTATION_TOLERANCE))
    bad |= np.any(transform[:, 3] != [0, 0, 0, 1], axis=1)
    if np.any(bad):
        raise DataFormatError(f"{path}: row {int(np.flatnonzero(bad)[0])} is no pose with scale")


def _take_optional(
    path: Path, content: Mapping[str, Any], key: str, shape: tuple[int | None, ...]
) -> np.ndarray | None:
    return take_column(f"{path}: {key}", content[key], shape) if key in content else None
