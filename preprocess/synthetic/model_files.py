"""`obj_models/`: meshes, their extents, SPD's point clouds and the mugs' re-centring."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmark.categories import get_category
from preprocess.frames import Part
from preprocess.labels import MUG
from preprocess.meshes import write_obj
from preprocess.model_files import FOLDER, MUG_META
from preprocess.mugs import compute_mug_recentring
from preprocess.synthetic.annotations import write_pickle
from preprocess.synthetic.model_source import ModelSource
from preprocess.synthetic.models import ObjectModel
from preprocess.synthetic.plans import ModelKey, get_model_split
from preprocess.synthetic.writer import name_model

CLOUD_POINTS = 1024
_CANDIDATES_PER_POINT = 3
_CLOUD_FILES = {
    "CAMERA/train": "camera_train.pkl",
    "CAMERA/val": "camera_val.pkl",
    "Real/train": "real_train.pkl",
    "Real/test": "real_test.pkl",
}


@dataclass(frozen=True, kw_only=True)
class ModelTask:
    """One model to write: of which part, and which."""

    root: Path
    part: Part
    key: ModelKey
    models: ModelSource
    seed: int


@dataclass(frozen=True, kw_only=True)
class WrittenModel:
    """What the joint files need of a model that has been written.

    Attributes:
        key: name of its part, and which model of it.
        name: as in `_meta.txt`.
        cloud: (1024, 3) float64 points of unit diagonal, mugs about the axis of their body.
        recentring: shift (3,) and scale of a mug, else None.
    """

    key: tuple[str, ModelKey]
    name: str
    cloud: np.ndarray
    recentring: tuple[np.ndarray, float] | None


def write_model(task: ModelTask) -> WrittenModel:
    """Write a model's mesh and extents, and sample its cloud."""
    category, index = task.key
    model = task.models.get(category, get_model_split(task.part), index)
    name = name_model(model, task.part.source)
    folder = task.root / FOLDER / task.part.download
    if task.part.source == "camera":
        _write_camera_model(folder / get_category(category).synset / name, model)
    else:
        write_obj(folder / f"{name}.obj", model.vertices, model.faces)
        _write_row(folder / f"{name}.txt", [model.extents])
    recentring = compute_mug_recentring(model.vertices, model.faces) if category == MUG else None
    cloud = sample_model_cloud(model, np.random.default_rng((task.seed, *task.key)))
    if recentring is not None:
        cloud = recentring[1] * (cloud + recentring[0])
    key = (task.part.name, task.key)
    return WrittenModel(key=key, name=name, cloud=cloud, recentring=recentring)


def _write_camera_model(folder: Path, model: ObjectModel) -> None:
    """Write a mesh of unit diagonal whose z is mirrored, as ShapeNet's are in NOCS."""
    unit = model.vertices / np.linalg.norm(model.extents)
    mirrored = unit * [1.0, 1.0, -1.0]
    write_obj(folder / "model.obj", mirrored, model.faces[:, ::-1])
    _write_row(folder / "bbox.txt", [mirrored.max(axis=0), mirrored.min(axis=0)])


def _write_row(path: Path, rows: list[np.ndarray]) -> None:
    np.savetxt(path, np.array(rows), fmt="%.6f")


def sample_model_cloud(model: ObjectModel, rng: np.random.Generator) -> np.ndarray:
    """Return evenly spread surface points (1024, 3) of a model scaled to unit diagonal."""
    from benchmark.networks.neighbours import group_nearest

    triangles = (model.vertices / np.linalg.norm(model.extents))[model.faces]
    edges = triangles[:, 1:] - triangles[:, :1]
    area = np.linalg.norm(np.cross(edges[:, 0], edges[:, 1]), axis=1)
    count = _CANDIDATES_PER_POINT * CLOUD_POINTS
    chosen = rng.choice(len(area), count, p=area / area.sum())
    weights = rng.random((count, 2))
    weights = np.where(weights.sum(axis=1, keepdims=True) > 1, 1 - weights, weights)
    points = triangles[chosen, 0] + np.einsum("nk,nkc->nc", weights, edges[chosen])
    spread, _ = group_nearest(points[None], CLOUD_POINTS, 1)
    return np.asarray(points[spread[0]])


def write_joint_files(root: Path, written: list[WrittenModel]) -> None:
    """Write SPD's model pickles and `mug_meta.pkl`."""
    for part, name in _CLOUD_FILES.items():
        clouds = {model.name: _renew(model.cloud) for model in written if model.key[0] == part}
        if clouds:
            write_pickle(root / FOLDER / name, clouds)
    mugs = {}
    for model in written:
        if model.recentring is not None:
            shift, scale = model.recentring
            mugs[model.name] = [_renew(shift), scale]
    write_pickle(root / FOLDER / MUG_META, mugs)


def _renew(values: np.ndarray) -> np.ndarray:
    """Return a copy with numpy's own dtype object.

    An array that comes from another process has an equal one of its own, and a pickle tells them
    apart: the bytes would depend on the number of workers.
    """
    copy = np.empty(values.shape, np.float64)
    copy[...] = values
    return copy
