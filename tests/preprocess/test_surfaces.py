"""Surfaces lie where the labels put the objects, mugs re-centred or not."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.errors import ConfigError
from benchmark.shards import ShardInfo
from preprocess.meshes import write_obj
from preprocess.mugs import compute_mug_recentring
from preprocess.surfaces import ModelSurfaces, sample_surface

CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float) - 0.5
SIDES = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
FACES = np.array([[a, b, c] for a, b, c, _ in SIDES] + [[a, c, d] for a, _, c, d in SIDES])
BOX = np.array([0.3, 0.4, 1.2])  # its diagonal is 1.3


def _make_info(label_set: str = "nocs-gts/mug-body-axis") -> ShardInfo:
    return ShardInfo(dataset="toy", source="real", split="test", label_set=label_set)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """Return a folder with a box that is called a bottle, and one that is called a mug."""
    folder = tmp_path / "obj_models"
    for name in ("bottle_norm", "mug_norm"):
        write_obj(folder / "real_test" / f"{name}.obj", CORNERS * BOX, FACES)
    return folder


def _make_transform(scale: float) -> np.ndarray:
    return np.diag([scale, scale, scale, 1.0])


def test_points_lie_on_the_sides_and_cover_them_evenly() -> None:
    points = sample_surface(CORNERS * BOX, FACES, 20_000)
    on_side = np.isclose(np.abs(points), BOX / 2)
    assert on_side.any(axis=1).all()
    areas = BOX.prod() / BOX
    np.testing.assert_allclose(on_side.mean(axis=0), areas / areas.sum(), atol=0.02)
    np.testing.assert_allclose(points.mean(axis=0), 0.0, atol=0.01)


def test_a_surface_has_the_size_of_the_label(models: Path) -> None:
    surfaces = ModelSurfaces(models, _make_info())
    surface = surfaces.get_surface("bottle_norm", 1, _make_transform(0.26))
    np.testing.assert_allclose(np.ptp(surface, axis=0), BOX * 0.26 / 1.3, rtol=1e-3)


def test_mugs_move_where_the_labels_do(models: Path) -> None:
    shift, scale = compute_mug_recentring(CORNERS * BOX, FACES)
    recentred = ModelSurfaces(models, _make_info())
    plain = ModelSurfaces(models, _make_info("nocs-gts/mug-box-centre"))
    before = plain.get_surface("mug_norm", 6, _make_transform(1.3))
    after = recentred.get_surface("mug_norm", 6, _make_transform(1.3 / scale))
    np.testing.assert_allclose(after, before + 1.3 * shift, atol=1e-12)
    assert abs(shift[0]) > 0.1


def test_the_fingerprint_is_of_the_meshes(models: Path) -> None:
    surfaces = ModelSurfaces(models, _make_info())
    before = surfaces.describe()
    assert surfaces.describe() == before
    write_obj(models / "real_test" / "mug_norm.obj", CORNERS, FACES)
    assert surfaces.describe() != before


def test_a_folder_without_meshes_is_refused(tmp_path: Path, models: Path) -> None:
    with pytest.raises(ConfigError, match="obj_models"):
        ModelSurfaces(tmp_path, _make_info())
    own = ShardInfo(dataset="own", source="own", split="test", label_set="none")
    with pytest.raises(ConfigError, match="NOCS tree"):
        ModelSurfaces(models, own)
