"""Finding the frames of a NOCS tree, in both layouts, and reading what they say of themselves."""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from benchmark.categories import CAMERA_INTRINSICS, REAL_INTRINSICS, Intrinsics
from benchmark.errors import DataFormatError
from benchmark.reading import read_text
from preprocess.images import BACKGROUND

Source = Literal["camera", "real"]
Split = Literal["train", "val", "test"]

_FRAME_FILE = re.compile(r"([0-9]{1,9})_(?:color\.png|coord\.png|depth\.png|mask\.png|meta\.txt)")
_NAME = re.compile(r"[A-Za-z0-9][\w.+-]{0,199}")
_MAX_TEXT_BYTES = 2**24


@dataclass(frozen=True, kw_only=True)
class Part:
    """One of the four parts of a NOCS tree.

    Attributes:
        source: "camera" (rendered on photographs) or "real".
        split: train, val or test.
        name: its folder in the working layout ("Real/test"), which starts every frame id.
        download: its folder as unzipped from the download ("real_test"), also the name that
            `gts`, `obj_models` and detection folders use.
    """

    source: Source
    split: Split
    name: str
    download: str

    @property
    def intrinsics(self) -> Intrinsics:
        """The camera of this part."""
        return CAMERA_INTRINSICS if self.source == "camera" else REAL_INTRINSICS


PARTS: tuple[Part, ...] = (
    Part(source="camera", split="train", name="CAMERA/train", download="train"),
    Part(source="camera", split="val", name="CAMERA/val", download="val"),
    Part(source="real", split="train", name="Real/train", download="real_train"),
    Part(source="real", split="test", name="Real/test", download="real_test"),
)


@dataclass(frozen=True, kw_only=True)
class NocsFrame:
    """One image of a NOCS tree.

    Attributes:
        root: the data root.
        part: which part it belongs to.
        scene: folder name ("00000", "scene_1").
        stem: file prefix ("0000").
        folder: where its files lie.
    """

    root: Path
    part: Part
    scene: str
    stem: str
    folder: Path

    @property
    def id(self) -> str:
        """Unique name, the same in both layouts ("Real/test/scene_1/0000")."""
        return f"{self.part.name}/{self.scene}/{self.stem}"

    @property
    def number(self) -> int:
        """Position in the scene."""
        return int(self.stem)

    def get_path(self, kind: str) -> Path:
        """Return the path of one of the frame's files ("depth.png", "meta.txt", "label.pkl")."""
        return self.folder / f"{self.stem}_{kind}"

    @property
    def full_depth(self) -> Path:
        """Depth with the photographed background, which CAMERA has in a folder of its own."""
        folder = self.root / "camera_full_depths" / self.part.split / self.scene
        return folder / f"{self.stem}_composed.png"


@dataclass(frozen=True, kw_only=True)
class MetaInstance:
    """One row of `_meta.txt`: an object that may or may not be visible.

    Attributes:
        id: value in the mask.
        category: class id, 0 for a distractor.
        model: model name without ending.
        synset: ShapeNet synset of CAMERA models, empty for Real ones.
    """

    id: int
    category: int
    model: str
    synset: str = ""


def find_parts(root: Path) -> dict[str, Path]:
    """Return the folders of the parts that a NOCS tree has, by the part's name.

    Raises:
        DataFormatError: no such folder, or none of the parts is in it.
    """
    if not root.is_dir():
        raise DataFormatError(f"{root}: no such folder: name the folder that holds CAMERA or Real")
    found = {}
    for part in PARTS:
        folders = [
            folder for name in (part.name, part.download) if (folder := root / name).is_dir()
        ]
        if folders:
            found[part.name] = folders[0]
    if not found:
        names = ", ".join(f"{part.name} (or {part.download})" for part in PARTS)
        raise DataFormatError(f"{root}: not a NOCS tree: expected one of {names}")
    return found


def find_frames(root: Path, part: Part) -> list[NocsFrame]:
    """Return every frame of a part that has at least one file, by scene and number.

    A frame need not be complete: what is missing shows when it is read.
    """
    folder = find_parts(root).get(part.name)
    if folder is None:
        return []
    frames = []
    for scene in sorted(_list_folders(folder), key=_natural_order):
        with os.scandir(folder / scene) as entries:
            matches = [_FRAME_FILE.fullmatch(entry.name) for entry in entries]
        stems = {match[1] for match in matches if match}
        frames += [
            NocsFrame(root=root, part=part, scene=scene, stem=stem, folder=folder / scene)
            for stem in sorted(stems, key=lambda stem: (int(stem), stem))
        ]
    return frames


def _list_folders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if _NAME.fullmatch(entry.name) and entry.is_dir()]


def _natural_order(name: str) -> tuple[tuple[str, int], ...]:
    """Order scene_2 before scene_10."""
    return tuple((text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", name))


def read_frame_list(path: Path) -> list[str]:
    """Read a list file of SPD (`CAMERA/val_list.txt`): one `split/scene/frame` a line.

    Returns:
        Frame ids as in `NocsFrame.id`, in the list's order.

    Raises:
        DataFormatError: the file cannot be read or names something outside its own folder.
    """
    ids = []
    for number, line in enumerate(_read_lines(path), start=1):
        pieces = PurePosixPath(line).parts
        if not all(_NAME.fullmatch(piece) for piece in pieces) or len(pieces) != 3:
            raise DataFormatError(
                f"{path}, line {number}: expected split/scene/frame, got {line!r:.80}"
            )
        ids.append(f"{path.parent.name}/{'/'.join(pieces)}")
    return ids


def read_meta(path: Path) -> list[MetaInstance]:
    """Read `_meta.txt` in CAMERA's form (id, class, synset, model) or Real's (id, class, model).

    Raises:
        DataFormatError: the file cannot be read, a row has another form, or an id stands twice.
    """
    instances = [
        _parse_meta_row(f"{path}, line {number}", line.split())
        for number, line in enumerate(_read_lines(path), start=1)
    ]
    ids = [instance.id for instance in instances]
    for id_ in ids:
        if ids.count(id_) > 1:
            raise DataFormatError(f"{path}: instance {id_} stands there twice: get the file again")
    return instances


def _parse_meta_row(where: str, words: list[str]) -> MetaInstance:
    numbers, names = words[:2], words[2:]
    if len(words) not in (3, 4) or not all(word.isdecimal() for word in numbers):
        raise DataFormatError(
            f"{where}: expected 'instance class [synset] model', got {' '.join(words)!r:.80}"
        )
    id_, category = (int(word[:9]) for word in numbers)
    if not 0 <= id_ < BACKGROUND or not 0 <= category <= 6:
        raise DataFormatError(
            f"{where}: expected instance 0 to 254 and class 0 to 6, got {id_} and {category}"
        )
    if not all(_NAME.fullmatch(name) for name in names):
        raise DataFormatError(f"{where}: not a model name: {' '.join(names)!r:.80}")
    synset = names[0] if len(names) == 2 else ""
    model = names[-1].removesuffix(".npz")
    return MetaInstance(id=id_, category=category, model=model, synset=synset)


def _read_lines(path: Path) -> list[str]:
    """Read the lines of a small text file that are not blank."""
    lines = read_text(path, _MAX_TEXT_BYTES).splitlines()
    return [line.strip() for line in lines if line.strip()]


def mark_background(mask: np.ndarray, listed: set[int]) -> np.ndarray:
    """Return a mask whose background is 255, as it should be.

    Some Real masks have background 0. Where nothing is 255, and 0 is no listed instance, 0 is the
    background; where 0 is listed too, the mask has no background.

    Args:
        mask: (h, w) uint8 ids as stored.
        listed: instance ids of `_meta.txt`.
    """
    if 0 in listed or np.any(mask == BACKGROUND):
        return mask
    return np.where(mask == 0, np.uint8(BACKGROUND), mask)
