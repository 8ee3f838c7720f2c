"""The five files of a NOCS frame, in the encodings of CAMERA and of Real."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.categories import get_category
from preprocess.frames import NocsFrame
from preprocess.images import BACKGROUND
from preprocess.synthetic.models import ObjectModel
from preprocess.synthetic.render import Rendering

INVALID_DEPTH = 32001


@dataclass(frozen=True, kw_only=True)
class MetaRow:
    """A line of `_meta.txt`: an instance id and its model (0 for a distractor's category)."""

    id: int
    model: ObjectModel


def name_model(model: ObjectModel, source: str) -> str:
    """Return a model's name in a half of the tree: Real names end in `_norm`, as in NOCS."""
    return f"{model.name}_norm" if source == "real" else model.name


def write_frame(
    frame: NocsFrame, rendering: Rendering, depth_mm: np.ndarray, rows: Sequence[MetaRow]
) -> None:
    """Write a frame's files.

    Args:
        frame: where they go, and whether in CAMERA's or in Real's encoding.
        rendering: its images.
        depth_mm: (H, W) uint16 measured depth in millimetres of everything in sight.
        rows: lines of `_meta.txt`.
    """
    frame.folder.mkdir(parents=True, exist_ok=True)
    write_png(frame.get_path("color.png"), rendering.colour)
    write_png(frame.get_path("coord.png"), rendering.coordinates)
    if frame.part.source == "camera":
        frame.full_depth.parent.mkdir(parents=True, exist_ok=True)
        write_png(frame.full_depth, depth_mm)
        write_png(frame.get_path("depth.png"), pack_depth(depth_mm, rendering.instance))
        write_png(frame.get_path("mask.png"), colour_mask(rendering.instance))
    else:
        write_png(frame.get_path("depth.png"), depth_mm)
        write_png(frame.get_path("mask.png"), rendering.instance)
    lines = [_format_row(row, frame.part.source) for row in rows]
    frame.get_path("meta.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def write_png(path: Path, image: np.ndarray) -> None:
    """Write grey (H, W), RGB or RGBA (H, W, 3 or 4) of 8 or 16 bits as a PNG file."""
    import cv2

    if image.ndim == 3:
        image = cv2.cvtColor(
            image, cv2.COLOR_RGB2BGR if image.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        )
    _, encoded = cv2.imencode(".png", image)  # OpenCV's defaults are its fastest settings
    path.write_bytes(encoded.data)


def pack_depth(depth_mm: np.ndarray, instance: np.ndarray) -> np.ndarray:
    """Return CAMERA's foreground depth (H, W, 3) uint8: G * 256 + R, 32001 where no object is."""
    foreground = np.where(instance == BACKGROUND, INVALID_DEPTH, depth_mm)
    packed = np.zeros((*depth_mm.shape, 3), np.uint8)
    packed[..., 0] = foreground & 255
    packed[..., 1] = foreground >> 8
    return packed


def colour_mask(instance: np.ndarray) -> np.ndarray:
    """Return CAMERA's RGBA mask: the id in the red channel, white where no object is."""
    empty = instance == BACKGROUND
    mask = np.full((*instance.shape, 4), BACKGROUND, np.uint8)
    mask[..., 0] = instance
    mask[..., 1:3] = np.where(empty, BACKGROUND, 0)[..., None]
    return mask


def _format_row(row: MetaRow, source: str) -> str:
    """Return a line of `_meta.txt`; every third Real name ends in `.npz`, as some of NOCS do."""
    name = name_model(row.model, source)
    if source == "real":
        ending = ".npz" if row.id % 3 == 0 else ""
        return f"{row.id} {row.model.category} {name}{ending}"
    synset = get_category(row.model.category).synset if row.model.category else "00000000"
    return f"{row.id} {row.model.category} {synset} {name}"
