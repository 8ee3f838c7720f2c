"""The colour image of a frame of a NOCS tree, for pictures of results."""

import re
from pathlib import Path

import numpy as np

from benchmark.errors import DataFormatError
from preprocess.frames import find_parts
from preprocess.images import read_png

_NAMES = re.compile(r"\w[\w.+-]*(/\w[\w.+-]*)*")
"""Folders and a file below a part: no way leads out of it."""


def read_colour(root: Path, frame: str) -> np.ndarray:
    """Read the colour image of a frame.

    Args:
        root: NOCS tree.
        frame: id as in `Frames.id` ("Real/test/scene_1/0000").

    Returns:
        (h, w, 3) uint8 red, green, blue.

    Raises:
        DataFormatError: no such frame in the tree, or its image is missing or damaged.
    """
    folders = find_parts(root)
    for name, folder in folders.items():
        place = frame.removeprefix(f"{name}/")
        if place != frame and _NAMES.fullmatch(place):
            image = read_png(folder / f"{place}_color.png")
            if image.ndim != 3 or image.dtype != np.uint8:
                raise DataFormatError(f"{folder / place}_color.png: expected an 8-bit colour image")
            return image
    raise DataFormatError(
        f"{root}: frame '{frame}' is of none of its parts ({', '.join(folders)}): "
        "name the tree that the run's shards were made from"
    )
