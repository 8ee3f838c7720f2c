"""`obj_models/` of a NOCS tree: extents, SPD's point clouds, and how mugs are re-centred."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.categories import get_category
from benchmark.errors import DataFormatError
from benchmark.reading import read_text
from benchmark.texts import is_file_name
from preprocess.frames import MetaInstance, Part
from preprocess.meshes import read_obj
from preprocess.mugs import compute_mug_recentring
from preprocess.pickle_columns import read_dictionary

FOLDER = "obj_models"
MUG_META = "mug_meta.pkl"
_MAX_EXTENTS_BYTES = 2**16


@dataclass(frozen=True, kw_only=True)
class Recentring:
    """How a mug's origin moves from its box centre to the axis of its body.

    Attributes:
        shift: (3,) in units of the box diagonal.
        scale: box diagonal over the diagonal of the re-centred size.
    """

    shift: np.ndarray
    scale: float


class ModelFiles:
    """The model files of one data root; each file is read once.

    Args:
        root: the data root, which holds `obj_models`.
    """

    def __init__(self, root: Path) -> None:
        self._folder = root / FOLDER
        self._extents: dict[tuple[str, str], np.ndarray] = {}
        self._recentring: dict[tuple[str, str], Recentring] = {}
        self._mug_meta: dict[str, Recentring] | None = None

    @property
    def mug_source(self) -> str:
        """Where re-centring comes from: "mug_meta", or "meshes" where that file is missing."""
        return "mug_meta" if self._read_mug_meta() else "meshes"

    def get_extents(self, part: Part, meta: MetaInstance) -> np.ndarray:
        """Return a model's box sides (3,): metres for Real; of unit diagonal for CAMERA.

        Raises:
            DataFormatError: neither its extents nor its mesh can be read.
        """
        key = (part.name, meta.model)
        if key not in self._extents:
            self._extents[key] = self._read_extents(part, meta)
        return self._extents[key]

    def get_recentring(self, part: Part, meta: MetaInstance) -> Recentring:
        """Return how a mug is re-centred, from `mug_meta.pkl` or else from its mesh.

        Raises:
            DataFormatError: the file does not name the mug and its mesh cannot be read.
        """
        key = (part.name, meta.model)
        if key not in self._recentring:
            known = self._read_mug_meta().get(meta.model)
            self._recentring[key] = known or self._derive_recentring(part, meta)
        return self._recentring[key]

    def get_mesh_path(self, part: Part, meta: MetaInstance) -> Path:
        """Return where a model's mesh lies.

        Raises:
            DataFormatError: its name leads elsewhere; shards hold the names that labels had.
        """
        folder = self._folder / part.download
        if not is_file_name(meta.model):
            raise DataFormatError(f"{folder}: not a model name: {meta.model!r:.80}")
        if part.source == "real":
            return folder / f"{meta.model}.obj"
        synset = meta.synset or get_category(meta.category).synset
        return folder / synset / meta.model / "model.obj"

    def _read_extents(self, part: Part, meta: MetaInstance) -> np.ndarray:
        mesh = self.get_mesh_path(part, meta)
        path = mesh.with_suffix(".txt") if part.source == "real" else mesh.with_name("bbox.txt")
        if path.is_file():
            extents = read_extents(path)
        else:
            vertices, faces = read_obj(mesh)
            extents = np.ptp(vertices[np.unique(faces)], axis=0)
        if not np.all(extents > 0):
            raise DataFormatError(
                f"{path}: expected three positive extents, got {extents.tolist()}"
            )
        return extents if part.source == "real" else extents / np.linalg.norm(extents)

    def _derive_recentring(self, part: Part, meta: MetaInstance) -> Recentring:
        shift, scale = compute_mug_recentring(*read_obj(self.get_mesh_path(part, meta)))
        return Recentring(shift=shift, scale=scale)

    def _read_mug_meta(self) -> dict[str, Recentring]:
        if self._mug_meta is None:
            path = self._folder / MUG_META
            self._mug_meta = read_mug_meta(path) if path.is_file() else {}
        return self._mug_meta


def read_extents(path: Path) -> np.ndarray:
    """Read extents (3,) from Real's three numbers, or from CAMERA's `bbox.txt` (upper, lower).

    Raises:
        DataFormatError: the file cannot be read, or holds something else.
    """
    try:
        words = read_text(path, _MAX_EXTENTS_BYTES).split()[:7]
        numbers = np.array([float(word) for word in words])
    except DataFormatError:
        raise
    except ValueError as error:
        raise DataFormatError(f"{path}: expected numbers ({error})") from error
    if len(numbers) not in (3, 6) or not np.all(np.isfinite(numbers)):
        raise DataFormatError(f"{path}: expected three extents, or upper and lower corner")
    return numbers if len(numbers) == 3 else np.abs(numbers[:3] - numbers[3:])


def read_mug_meta(path: Path) -> dict[str, Recentring]:
    """Read `mug_meta.pkl`: model name to [shift (3,), scale].

    Raises:
        DataFormatError: not such a file.
    """
    rows = read_dictionary(path).items()
    return {str(name): _parse_recentring(f"{path}: {name}", row) for name, row in rows}


def _parse_recentring(where: str, row: Any) -> Recentring:
    if isinstance(row, list | tuple) and len(row) == 2:
        try:
            shift, scale = np.asarray(row[0], float).reshape(3), float(np.asarray(row[1]).item())
        except (TypeError, ValueError):
            shift, scale = np.full(3, np.nan), np.nan
        if np.all(np.isfinite(shift)) and 0 < scale < np.inf:
            return Recentring(shift=shift, scale=scale)
    raise DataFormatError(f"{where}: expected a shift of three numbers and a positive scale")


def read_model_points(path: Path) -> dict[str, np.ndarray]:
    """Read SPD's model pickle (`camera_train.pkl`): model name to points (1024, 3), unit diagonal.

    Raises:
        DataFormatError: not such a file.
    """
    content = read_dictionary(path)
    for name, points in content.items():
        fits = isinstance(points, np.ndarray) and points.ndim == 2 and points.shape[1] == 3
        if not fits or points.dtype.kind != "f" or not np.all(np.isfinite(points)):
            raise DataFormatError(f"{path}: {name!r:.60}: expected points (n, 3)")
    return content
