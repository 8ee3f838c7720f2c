"""Model files: extents in every form they come in, and mugs with and without `mug_meta.pkl`."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import DataFormatError
from preprocess.frames import PARTS, MetaInstance
from preprocess.meshes import write_obj
from preprocess.model_files import ModelFiles, read_extents, read_model_points, read_mug_meta
from preprocess.mugs import compute_mug_recentring

CAMERA_VAL, REAL_TEST = PARTS[1], PARTS[3]
MUG = MetaInstance(id=1, category=6, model="mug_a_norm")
CORNERS = np.stack(np.meshgrid(*[[0.0, 1.0]] * 3), axis=-1).reshape(-1, 3)
SIDES = np.array([0.14, 0.1, 0.09])


def write_box(path: Path) -> None:
    """Write a box that is not centred, with a vertex that no face uses."""
    vertices = np.vstack([CORNERS * SIDES + [1, 2, 3], [[9, 9, 9]]])
    write_obj(path, vertices, np.array([[0, 1, 2], [3, 4, 5], [5, 6, 7]]))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_real_extents_are_metric_and_camera_s_of_unit_diagonal(tmp_path: Path) -> None:
    folder = tmp_path / "obj_models"
    write(folder / "real_test" / "mug_a_norm.txt", "0.14 0.1\n0.09\n")
    write(folder / "val" / "03797390" / "m" / "bbox.txt", "0.07 0.05 0.045\n-0.07 -0.05 -0.045\n")
    models = ModelFiles(tmp_path)
    np.testing.assert_allclose(models.get_extents(REAL_TEST, MUG), SIDES)
    camera = MetaInstance(id=1, category=6, model="m", synset="03797390")
    expected = SIDES / np.linalg.norm(SIDES)
    np.testing.assert_allclose(models.get_extents(CAMERA_VAL, camera), expected)
    without_synset = MetaInstance(id=1, category=6, model="m")
    np.testing.assert_allclose(models.get_extents(CAMERA_VAL, without_synset), expected)


def test_without_extents_the_mesh_tells(tmp_path: Path) -> None:
    write_box(tmp_path / "obj_models" / "real_test" / "mug_a_norm.obj")
    np.testing.assert_allclose(ModelFiles(tmp_path).get_extents(REAL_TEST, MUG), SIDES)


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match=r"mug_a_norm\.obj"):
        ModelFiles(tmp_path).get_extents(REAL_TEST, MUG)


@pytest.mark.parametrize("text", ["", "1 2", "1 2 3 4", "1 2 x", "1 2 nan", "1 2 inf", "1 " * 100])
def test_extents_of_another_form_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataFormatError, match=r"a\.txt"):
        read_extents(write(tmp_path / "a.txt", text))


@pytest.mark.parametrize("text", ["0 0 0", "-1 1 1", "1 0 1"])
def test_extents_are_positive(tmp_path: Path, text: str) -> None:
    write(tmp_path / "obj_models" / "real_test" / "mug_a_norm.txt", text)
    with pytest.raises(DataFormatError, match="positive"):
        ModelFiles(tmp_path).get_extents(REAL_TEST, MUG)


def test_recentring_comes_from_the_file_or_else_from_the_mesh(tmp_path: Path) -> None:
    folder = tmp_path / "obj_models"
    write_box(folder / "real_test" / "mug_a_norm.obj")
    derived = ModelFiles(tmp_path)
    assert derived.mug_source == "meshes"
    faces = np.arange(8).reshape(4, 2)[:, [0, 1, 1]]
    shift, scale = compute_mug_recentring(CORNERS * SIDES, faces)
    found = derived.get_recentring(REAL_TEST, MUG)
    np.testing.assert_allclose(found.shift, shift)
    np.testing.assert_allclose(found.scale, scale)
    stored = {"mug_a_norm": [np.array([0.1, 0.0, 0.0]), 0.8]}
    (folder / "mug_meta.pkl").write_bytes(pickle.dumps(stored))
    models = ModelFiles(tmp_path)
    assert models.mug_source == "mug_meta"
    np.testing.assert_array_equal(models.get_recentring(REAL_TEST, MUG).shift, [0.1, 0, 0])
    assert models.get_recentring(REAL_TEST, MUG).scale == 0.8


@pytest.mark.parametrize(
    "content",
    [
        [1],
        {"m": 3},
        {"m": [np.zeros(2), 1.0]},
        {"m": [np.zeros(3), 0.0]},
        {"m": [np.zeros(3), "x"]},
    ],
)
def test_mug_meta_of_another_form_is_refused(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "mug_meta.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DataFormatError, match=r"mug_meta\.pkl"):
        read_mug_meta(path)


def test_model_points(tmp_path: Path) -> None:
    path = tmp_path / "real_test.pkl"
    points = {"mug_a_norm": np.random.default_rng(0).normal(size=(1024, 3))}
    path.write_bytes(pickle.dumps(points))
    np.testing.assert_array_equal(read_model_points(path)["mug_a_norm"], points["mug_a_norm"])
    for wrong in (np.zeros((5, 2)), np.zeros((5, 3), int), [[1.0, 2, 3]], np.full((5, 3), np.nan)):
        path.write_bytes(pickle.dumps({"mug_a_norm": wrong}))
        with pytest.raises(DataFormatError, match="mug_a_norm"):
            read_model_points(path)
