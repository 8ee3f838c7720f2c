"""What is known of an annotated object, the mug convention, and rows of the ground-truth table."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from benchmark.errors import DataFormatError
from benchmark.geometry.alignment import Similarity
from benchmark.records import GroundTruth
from preprocess.frame_tables import QuarantineRow
from preprocess.frames import NocsFrame
from preprocess.instances import FrameImages, VisibleInstance
from preprocess.model_files import FOLDER, Recentring
from preprocess.pickle_columns import read_dictionary

MUG = 6
_HANDLE_FILES = ("Real/train/mug_handle.pkl", f"{FOLDER}/mug_handle.pkl", "mug_handle.pkl")


@dataclass(frozen=True, kw_only=True)
class ObjectLabel:
    """One annotated object.

    Attributes:
        instance: the object in the mask.
        pose: object-to-camera similarity, its scale the diagonal of the object's size.
        extents: (3,) box sides divided by the pose's scale.
        handle_visible: False only for a mug whose handle cannot be seen.
    """

    instance: VisibleInstance
    pose: Similarity
    extents: np.ndarray
    handle_visible: bool = True


@dataclass(frozen=True, kw_only=True)
class LabelledFrame:
    """One frame with its annotated objects.

    Attributes:
        images: depth, mask and metadata.
        labels: by ascending instance id.
        left_out: quarantine rows of the objects that cannot be used.
    """

    images: FrameImages
    labels: list[ObjectLabel]
    left_out: list[QuarantineRow] = field(default_factory=list)


def recentre(label: ObjectLabel, recentring: Recentring) -> ObjectLabel:
    """Move a mug's origin from its box centre to the axis of its body, as SPD does.

    The size is then twice the largest distance from the new origin along each axis.
    """
    pose = label.pose
    translation = pose.translation - pose.scale * (pose.rotation @ recentring.shift)
    extents = recentring.scale * (label.extents + 2 * np.abs(recentring.shift))
    moved = Similarity(pose.scale / recentring.scale, pose.rotation, translation)
    return replace(label, pose=moved, extents=extents)


def build_ground_truth(labels: Sequence[ObjectLabel]) -> GroundTruth:
    """Return the table of one frame's objects; its frame is row 0."""
    if not labels:
        return GroundTruth.empty()
    instances = [label.instance for label in labels]
    return GroundTruth(
        frame=np.zeros(len(labels)),
        category=np.array([instance.meta.category for instance in instances]),
        instance=np.array([instance.meta.model for instance in instances]),
        transform=np.stack([label.pose.to_matrix() for label in labels]),
        extents=np.stack([label.extents for label in labels]),
        bbox=np.stack([instance.bbox for instance in instances]),
        handle_visible=np.array([label.handle_visible for label in labels]),
        visible_pixels=np.array([instance.visible_pixels for instance in instances]),
    )


class MugHandles:
    """`mug_handle.pkl`: whether the mug's handle is visible, for each frame of Real train.

    Args:
        root: the data root; without the file every handle counts as visible.
    """

    def __init__(self, root: Path) -> None:
        paths = (root / name for name in _HANDLE_FILES)
        self.path = next((path for path in paths if path.is_file()), None)
        self._flags: dict[str, dict[int, bool]] | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is such a file."""
        return self.path is not None

    def is_visible(self, frame: NocsFrame) -> bool:
        """Return whether the handle can be seen in a frame; True where nothing is known of it.

        Raises:
            DataFormatError: the file is there, but is none of this form.
        """
        if self.path is None or frame.part.name != "Real/train":
            return True
        if self._flags is None:
            self._flags = read_mug_handles(self.path)
        return self._flags.get(frame.scene, {}).get(frame.number, True)


def read_mug_handles(path: Path) -> dict[str, dict[int, bool]]:
    """Read `mug_handle.pkl`: scene name to frame number to whether the handle is visible.

    Raises:
        DataFormatError: not such a file.
    """
    content = read_dictionary(path)
    scenes: dict[str, dict[int, bool]] = {}
    try:
        for key in content:
            if not key.endswith("_res"):
                numbers = [int(number) for number in content[key]]
                flags = [bool(flag) for flag in content[f"{key}_res"]]
                scenes[key] = dict(zip(numbers, flags, strict=True))
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataFormatError(
            f"{path}: expected frame numbers and as many flags for each scene: get it again"
        ) from error
    return scenes
