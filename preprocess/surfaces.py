"""Points on the surfaces of annotated objects, from the meshes of a NOCS tree."""

from pathlib import Path

import numpy as np

from benchmark.errors import ConfigError
from benchmark.geometry.similarity import compute_scale
from benchmark.shards import ShardInfo
from preprocess.fingerprints import compute_files_fingerprint
from preprocess.frames import PARTS, MetaInstance
from preprocess.labels import MUG
from preprocess.meshes import read_obj
from preprocess.model_files import FOLDER, ModelFiles

POINTS = 4096


class ModelSurfaces:
    """The surfaces of one part's models; each mesh is read and sampled once.

    Args:
        folder: `obj_models` of a NOCS tree.
        info: what the shards say of themselves, which decides the models and the mugs' origin.

    Raises:
        ConfigError: there is no such folder, or the shards are of no part of a NOCS tree.
    """

    def __init__(self, folder: Path, info: ShardInfo) -> None:
        parts = [part for part in PARTS if (part.source, part.split) == (info.source, info.split)]
        if not parts:
            raise ConfigError(f"shards of {info.source}/{info.split} have no meshes in a NOCS tree")
        if folder.name != FOLDER or not folder.is_dir():
            raise ConfigError(f"{folder}: expected the folder {FOLDER} of a NOCS tree")
        self._part, self._models = parts[0], ModelFiles(folder.parent)
        self._folder = folder / self._part.download
        self._recentred = info.label_set.endswith("mug-body-axis")
        self._unit: dict[str, np.ndarray] = {}

    def get_surface(self, instance: str, category: int, transform: np.ndarray) -> np.ndarray:
        """Return points (4096, 3) in the object frame of `transform`'s label, metres.

        Raises:
            DataFormatError: the mesh cannot be read.
        """
        if instance not in self._unit:
            self._unit[instance] = self._sample(
                MetaInstance(id=0, category=category, model=instance)
            )
        surface: np.ndarray = compute_scale(transform) * self._unit[instance]
        return surface

    def describe(self) -> str:
        """Return the fingerprint of all meshes of the part."""
        paths = sorted(self._folder.rglob("*.obj"))
        names = [str(path.relative_to(self._folder)) for path in paths]
        return compute_files_fingerprint(zip(names, paths, strict=True))

    def _sample(self, meta: MetaInstance) -> np.ndarray:
        """Return points in units of the label's scale."""
        vertices, faces = read_obj(self._models.get_mesh_path(self._part, meta))
        diagonal = np.linalg.norm(np.ptp(vertices[np.unique(faces)], axis=0))
        points = sample_surface(vertices, faces, POINTS) / diagonal
        if meta.category == MUG and self._recentred:
            recentring = self._models.get_recentring(self._part, meta)
            return np.asarray(recentring.scale * (points + recentring.shift))
        return np.asarray(points)


def sample_surface(vertices: np.ndarray, faces: np.ndarray, count: int) -> np.ndarray:
    """Return points (count, 3) spread evenly over the triangles; the same ones every time."""
    generator = np.random.default_rng(0)
    corners = vertices[faces]
    sides = corners[:, 1:] - corners[:, :1]
    areas = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=-1)
    rows = generator.choice(len(faces), count, p=areas / areas.sum())
    weights = np.sort(generator.random((count, 2)), axis=1)
    along = np.stack([weights[:, 0], weights[:, 1] - weights[:, 0]], axis=1)
    return np.asarray(corners[rows, 0] + np.einsum("ni,nij->nj", along, sides[rows]))
