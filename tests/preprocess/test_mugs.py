"""Mug re-centring against the measured axes of the real meshes and a closed form."""

import json
from pathlib import Path

import numpy as np
import pytest

from preprocess.mugs import compute_mug_axis, compute_mug_recentring

MESHES = Path(__file__).parents[3] / "shared" / "meshes"
REAL_MUGS = ("mujoco_mug", "scopia_cup", "urdf_cup", "ycb_mug")


def read_mug(name: str) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    path = MESHES / "mug" / f"{name}.obj"
    if not path.is_file():
        pytest.skip(f"real mesh {path.name} is not on this machine")
    rows = [line.split() for line in path.read_text().splitlines()]
    vertices = np.array([row[1:4] for row in rows if row[:1] == ["v"]], dtype=float)
    faces = [
        [int(corner.split("/")[0]) - 1 for corner in row[1:]] for row in rows if row[:1] == ["f"]
    ]
    return vertices, np.array(faces), json.loads((MESHES / "mug_offsets.json").read_text())[name]


@pytest.mark.parametrize("name", REAL_MUGS)
def test_axis_of_real_mugs_is_within_a_millimetre(name: str) -> None:
    vertices, faces, measured = read_mug(name)
    assert compute_mug_axis(vertices, faces) == pytest.approx(measured["body_axis_x"], abs=1e-3)


@pytest.mark.parametrize("name", REAL_MUGS)
def test_recentring_of_real_mugs_is_that_of_mug_meta(name: str) -> None:
    vertices, faces, measured = read_mug(name)
    shift, scale = compute_mug_recentring(vertices, faces)
    np.testing.assert_allclose(shift, [measured["mug_meta_t0"], 0, 0], atol=5e-3)
    assert scale == pytest.approx(measured["mug_meta_scale"], abs=5e-3)


def test_recentred_points_have_the_origin_on_the_axis_and_unit_diagonal() -> None:
    turn = np.linspace(0, 2 * np.pi, 37)
    body = np.stack([0.04 * np.cos(turn), np.where(turn > 3, 0.05, -0.05), 0.04 * np.sin(turn)], 1)
    body[[0, 9, 18, 27], :] = [[0.04, 0, 0], [0, 0, 0.04], [-0.04, 0, 0], [0, 0, -0.04]]
    handle = np.array([[0.075, 0.02, 0.005], [0.075, -0.02, -0.005]])
    vertices = np.concatenate([body, handle, [[9.0, 9.0, 9.0]]]) - [0.0175, 0, 0]
    faces = np.arange(39).reshape(-1, 3)
    assert compute_mug_axis(vertices, faces) == pytest.approx(-0.0175)
    shift, scale = compute_mug_recentring(vertices, faces)
    diagonal = np.linalg.norm([0.115, 0.1, 0.08])
    recentred = scale * (vertices[:39] / diagonal + shift)
    assert np.linalg.norm(2 * np.abs(recentred).max(axis=0)) == pytest.approx(1.0)
    np.testing.assert_allclose(recentred[9, [0, 2]] * diagonal / scale, [0, 0.04], atol=1e-12)
