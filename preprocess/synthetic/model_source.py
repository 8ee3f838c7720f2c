"""Where the models of a tree come from: parametric families, or a folder of meshes."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmark.categories import CATEGORIES, get_category
from benchmark.errors import DataFormatError
from preprocess.labels import MUG
from preprocess.meshes import read_obj
from preprocess.mugs import compute_mug_axis
from preprocess.synthetic.models import BODY, HANDLE, ModelSplit, ObjectModel, make_model

_SMALLEST, _LARGEST = 0.02, 1.0
_HANDLE_CLEARANCE = 1.08
_HEIGHT_BINS = 24
_CACHED_MODELS = 128


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """Models by category, split and number.

    Attributes:
        seed: seed of parametric models and of the meshes' colours.
        meshes: files of each class id in order of their names; empty for parametric models.
    """

    seed: int
    meshes: tuple[tuple[int, tuple[Path, ...]], ...] = ()

    def get(self, category: int, split: ModelSplit, index: int) -> ObjectModel:
        """Return a model; distractors are always parametric.

        Raises:
            DataFormatError: its mesh cannot be used.
        """
        files = dict(self.meshes).get(category)
        if files is None:
            return _make_cached(category, split, index, self.seed)
        return read_mesh_model(files[index], category, self.seed)

    def count(self) -> dict[int, int]:
        """Return the number of meshes of every class id there is."""
        return {category: len(files) for category, files in self.meshes}


@lru_cache(maxsize=_CACHED_MODELS)
def _make_cached(category: int, split: ModelSplit, index: int, seed: int) -> ObjectModel:
    return make_model(category, split, index, seed)


def find_meshes(folder: Path, seed: int) -> ModelSource:
    """Return the models of a folder with `<category>/<name>.obj` files.

    Raises:
        DataFormatError: no such folder, or no mesh of any category in it.
    """
    found = {
        category.id: tuple(sorted((folder / category.name).glob("*.obj")))
        for category in CATEGORIES
    }
    meshes = tuple((category, files) for category, files in found.items() if files)
    if not meshes:
        names = ", ".join(category.name for category in CATEGORIES)
        raise DataFormatError(
            f"{folder}: expected meshes <category>/<name>.obj, found none: categories are {names}"
        )
    return ModelSource(seed=seed, meshes=meshes)


@lru_cache(maxsize=_CACHED_MODELS)
def read_mesh_model(path: Path, category: int, seed: int) -> ObjectModel:
    """Read a mesh in metres and the NOCS object frame; it is moved to its box centre.

    Raises:
        DataFormatError: not a mesh, or its size is implausible in metres.
    """
    vertices, faces = read_obj(path)
    used, corners = np.unique(faces, return_inverse=True)
    vertices, faces = vertices[used], corners.reshape(faces.shape).astype(np.int32)
    lower, upper = vertices.min(axis=0), vertices.max(axis=0)
    size = float((upper - lower).max())
    if not _SMALLEST <= size <= _LARGEST:
        raise DataFormatError(
            f"{path}: expected an object of {_SMALLEST} to {_LARGEST} m, got {size:.3g} m: "
            "meshes are in metres"
        )
    vertices = vertices - (lower + upper) / 2
    part = np.full(len(faces), BODY, np.uint8)
    if category == MUG:
        part = find_handle(vertices, faces)
    return ObjectModel(
        name=f"{get_category(category).name}_{path.stem}",
        category=category,
        vertices=vertices,
        faces=faces,
        part=part,
        albedo=_paint(path, len(faces), seed),
    )


def find_handle(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return the part (F,) of every face of a mug: HANDLE where it lies outside the round body.

    The body's radius at each height is that of its far side, away from the handle at +x.
    """
    centres = vertices[faces].mean(axis=1) - [compute_mug_axis(vertices, faces), 0.0, 0.0]
    radius = np.hypot(centres[:, 0], centres[:, 2])
    height = centres[:, 1] - centres[:, 1].min()
    level = np.minimum((height / height.max() * _HEIGHT_BINS).astype(int), _HEIGHT_BINS - 1)
    body = np.zeros(_HEIGHT_BINS)
    far_side = centres[:, 0] < 0
    np.maximum.at(body, level[far_side], radius[far_side])
    body = np.where(body > 0, body, np.max(body))
    outside = (centres[:, 0] > 0) & (radius > _HANDLE_CLEARANCE * body[level])
    return np.where(outside, HANDLE, BODY).astype(np.uint8)


def _paint(path: Path, faces: int, seed: int) -> np.ndarray:
    """Return one plain colour (F, 3) uint8 for all faces, drawn from the mesh's name."""
    key = (seed, *path.stem.encode())
    colour = np.random.default_rng(np.random.SeedSequence(key)).integers(60, 220, 3)
    return np.tile(colour.astype(np.uint8), (faces, 1))
