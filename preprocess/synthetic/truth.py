"""What the renderer knows of every visible object: the file that no NOCS reader looks at."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from benchmark.columns import (
    Table,
    column,
    get_group,
    read_table,
    write_table,
    write_text,
)
from benchmark.replacing import replacing
from benchmark.shards import open_checked

TRUTH_FILE = "synth6_truth.h5"
_FORMAT = "genbench-synth6-truth"
_SCHEMA_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Truth(Table):
    """One row per object of the six categories with at least one visible pixel.

    Attributes:
        frame: id of the frame ("Real/test/scene_1/0000").
        instance: id in the mask.
        category: class id, 1 to 6.
        model: model name as in `_meta.txt`, without `.npz`.
        transform: object-to-camera similarity, scale * R in the upper left block, t in metres; the
            raw NOCS convention, with the origin of mugs at the box centre.
        extents: box sides divided by the scale, the box diagonal.
        visible_pixels: pixels in the mask.
        visible_fraction: share of the object inside the picture that nothing hides.
        handle_pixels: visible pixels of a mug's handle.
        handle_visible: 0 only for mugs with too few of them.
    """

    frame: np.ndarray = column("str")
    instance: np.ndarray = column("i4")
    category: np.ndarray = column("u1")
    model: np.ndarray = column("str")
    transform: np.ndarray = column("f8", 4, 4)
    extents: np.ndarray = column("f8", 3)
    visible_pixels: np.ndarray = column("i4")
    visible_fraction: np.ndarray = column("f4")
    handle_pixels: np.ndarray = column("i4")
    handle_visible: np.ndarray = column("u1")


def write_truth(path: Path, truth: Truth) -> None:
    """Write the table under a temporary name, then rename the file to `path`."""
    with replacing(path) as temporary, h5py.File(temporary, "w", libver="v110") as file:
        write_text(file, "format", _FORMAT)
        file.attrs["schema_version"] = _SCHEMA_VERSION
        write_table(file.create_group("objects"), truth)


def read_truth(path: Path) -> Truth:
    """Read the table.

    Raises:
        ShardFormatError: not such a file, or damaged.
    """
    with open_checked(path, _FORMAT, _SCHEMA_VERSION) as file:
        return read_table(get_group(file, "objects"), Truth)
