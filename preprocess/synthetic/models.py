"""One object of synth6: its mesh, parts and colours, and how an instance is drawn."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

ModelSplit = Literal["camera_train", "camera_val", "real_train", "real_test"]
MODEL_SPLITS: tuple[ModelSplit, ...] = ("camera_train", "camera_val", "real_train", "real_test")

BODY = 0
HANDLE = 1
MUG = 6


@dataclass(frozen=True, kw_only=True)
class ObjectModel:
    """A coloured triangle mesh in its NOCS object frame (y up), metres, box centre at the origin.

    Attributes:
        name: unique instance name ("mug_camera_train_0042").
        category: class id 1 to 6, 0 for a distractor.
        vertices: (V, 3) float64.
        faces: (F, 3) int32 rows of `vertices`, counter-clockwise seen from outside.
        part: (F,) uint8, BODY or HANDLE.
        albedo: (F, 3) uint8 RGB; dark faces return little of a depth sensor's light.
    """

    name: str
    category: int
    vertices: np.ndarray
    faces: np.ndarray
    part: np.ndarray
    albedo: np.ndarray

    @property
    def extents(self) -> np.ndarray:
        """Sides (3,) of the axis-aligned bounding box in metres."""
        sides: np.ndarray = np.ptp(self.vertices, axis=0)
        return sides


def make_model(category: int, split: ModelSplit, index: int, seed: int) -> ObjectModel:
    """Make the `index`-th instance of a category in a split, from these arguments alone.

    Splits draw from separate random streams, so no instance occurs in two of them.

    Args:
        category: class id 1 to 6, or 0 for a distractor.
        split: one of MODEL_SPLITS.
        index: instance number, from 0.
        seed: seed of the whole data set.
    """
    from preprocess.synthetic.shapes import make_shape

    stream = np.random.SeedSequence((seed, MODEL_SPLITS.index(split), category, index))
    mesh = make_shape(category, np.random.default_rng(stream))
    centre = (mesh.vertices.min(axis=0) + mesh.vertices.max(axis=0)) / 2
    return ObjectModel(
        name=f"{_family_name(category)}_{split}_{index:04d}",
        category=category,
        vertices=mesh.vertices - centre,
        faces=mesh.faces,
        part=mesh.part,
        albedo=mesh.albedo,
    )


def is_handle_visible(handle_pixels: int, visible_pixels: int) -> bool:
    """Tell whether so many of a mug's visible pixels lie on its handle that its heading shows."""
    return handle_pixels >= max(15, 0.015 * visible_pixels)


def _family_name(category: int) -> str:
    from benchmark.categories import get_category

    return get_category(category).name if category else "distractor"
