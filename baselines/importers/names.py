"""Which frame of which NOCS split a result belongs to, from names found in files.

A name from a file only ever becomes a frame id. It is never opened, and an id cannot climb out of a
data root: it is rebuilt from a split, a scene and a number.
"""

import re
from dataclasses import dataclass
from typing import Literal

from benchmark.categories import CAMERA_INTRINSICS, REAL_INTRINSICS, Intrinsics
from benchmark.errors import DataFormatError

Split = Literal["Real/test", "Real/train", "CAMERA/val", "CAMERA/train"]

_RESULT_NAME = re.compile(
    r"results?_(?P<split>real_test|test|val)_(?P<scene>.+)_(?P<number>[0-9]{1,9})$"
)
_FRAME_NUMBER = re.compile(r"(?P<number>[0-9]{1,9})(_[a-z]+)?(\.[a-z]+)?$", re.IGNORECASE)
_SCENE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}$")
_REAL_FOLDERS = {"real", "real_test", "real_train", "real275"}
_CAMERA_FOLDERS = {"camera", "camera25", "val", "camera_val"}


@dataclass(frozen=True, kw_only=True)
class FrameName:
    """The identity of one image.

    Attributes:
        split: folder of the split below the data root.
        scene: sequence within the split ("scene_1", "00000").
        number: frame number within the scene.
    """

    split: Split
    scene: str
    number: int

    @property
    def scene_id(self) -> str:
        """Return the scene as `benchmark.records.Frames.scene` has it ("Real/test/scene_1")."""
        return f"{self.split}/{self.scene}"

    @property
    def id(self) -> str:
        """Return the frame as `benchmark.records.Frames.id` has it ("Real/test/scene_1/0000")."""
        return f"{self.scene_id}/{self.number:04d}"

    @property
    def intrinsics(self) -> Intrinsics:
        """Return the intrinsics of the NOCS camera that took this frame."""
        return REAL_INTRINSICS if self.split.startswith("Real") else CAMERA_INTRINSICS


def parse_result_name(stem: str) -> FrameName | None:
    """Parse the name of a per-frame result file, None where it does not follow the pattern.

    Args:
        stem: file name without suffix ("results_test_scene_1_0000", "results_val_00000_0000").
    """
    match = _RESULT_NAME.match(stem)
    if match is None or not _SCENE.match(match["scene"]):
        return None
    split: Split = "CAMERA/val" if match["split"] == "val" else "Real/test"
    return FrameName(split=split, scene=match["scene"], number=int(match["number"]))


def parse_frame_path(text: str, where: str) -> FrameName:
    """Parse a path to an image, or its last two parts ("data/Real/test/scene_1/0000_color.png").

    Raises:
        DataFormatError: no scene and frame number at the end.
    """
    parts = [part for part in re.split(r"[/\\]+", text) if part]
    number = _FRAME_NUMBER.match(parts[-1]) if parts else None
    if number is None or len(parts) < 2 or not _SCENE.match(parts[-2]):
        raise DataFormatError(
            f"{where}: expected a frame such as 'Real/test/scene_1/0000', got {text[:80]!r}"
        )
    split = _guess_split([part.lower() for part in parts[:-1]])
    return FrameName(split=split, scene=parts[-2], number=int(number["number"]))


def _guess_split(folders: list[str]) -> Split:
    """Tell the split from the folders above a frame; sequences called scene_N are always Real."""
    train = any(folder in ("train", "real_train") for folder in folders[:-1])
    if _REAL_FOLDERS & set(folders) or folders[-1].startswith("scene_"):
        return "Real/train" if train else "Real/test"
    if _CAMERA_FOLDERS & set(folders) or folders[-1].isdigit():
        return "CAMERA/train" if train else "CAMERA/val"
    return "Real/test"
