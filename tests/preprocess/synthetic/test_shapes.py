"""Shape families: sizes, frames, closed surfaces, symmetry, determinism and disjoint splits."""

from functools import lru_cache

import numpy as np
import pytest

from benchmark.categories import CATEGORIES
from preprocess.mugs import compute_mug_axis
from preprocess.synthetic.models import HANDLE, MODEL_SPLITS, ObjectModel, make_model

SAMPLES = 25
CATEGORY_IDS = [category.id for category in CATEGORIES]

# Plausible sides in metres: smallest and largest x, y, z.
EXTENTS = {
    0: ([0.02, 0.008, 0.02], [0.25, 0.30, 0.30]),
    1: ([0.03, 0.08, 0.03], [0.13, 0.34, 0.13]),
    2: ([0.09, 0.02, 0.09], [0.27, 0.15, 0.27]),
    3: ([0.02, 0.04, 0.05], [0.50, 0.26, 0.20]),
    4: ([0.04, 0.02, 0.04], [0.13, 0.19, 0.13]),
    5: ([0.16, 0.12, 0.25], [0.48, 0.40, 0.43]),
    6: ([0.07, 0.04, 0.06], [0.18, 0.16, 0.13]),
}


@lru_cache
def draw_models(category: int) -> tuple[ObjectModel, ...]:
    return tuple(make_model(category, "real_train", index, 3) for index in range(SAMPLES))


@pytest.mark.parametrize("category", range(7))
def test_sizes_are_plausible_and_boxes_centred(category: int) -> None:
    for model in draw_models(category):
        lower, upper = EXTENTS[category]
        assert (model.extents >= lower).all(), model.name
        assert (model.extents <= upper).all(), model.name
        np.testing.assert_allclose(
            model.vertices.max(axis=0) + model.vertices.min(axis=0), 0, atol=1e-12
        )


@pytest.mark.parametrize("category", range(7))
def test_surfaces_are_closed_look_outwards_and_have_few_faces(category: int) -> None:
    for model in draw_models(category):
        edges = np.concatenate([model.faces[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
        forward, backward = {tuple(edge) for edge in edges}, {tuple(edge[::-1]) for edge in edges}
        assert len(forward) == len(edges)
        assert forward == backward
        a, b, c = (model.vertices[model.faces[:, corner]] for corner in range(3))
        assert np.einsum("ij,ij->", a, np.cross(b, c)) > 0
        assert len(model.faces) <= 6000
        assert len(model.part) == len(model.albedo) == len(model.faces)


@pytest.mark.parametrize("category", [1, 2, 4])
def test_most_instances_of_symmetric_families_are_round(category: int) -> None:
    quarter_turn = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    round_ones = 0
    for model in draw_models(category):
        turned = model.vertices @ quarter_turn
        here, there = ({tuple(v) for v in vs.round(6) + 0.0} for vs in (model.vertices, turned))
        round_ones += here == there
    assert round_ones >= 0.4 * SAMPLES


def test_mug_handles_reach_toward_x_and_the_axis_is_that_of_the_body() -> None:
    for model in draw_models(6):
        handle = model.vertices[np.unique(model.faces[model.part == HANDLE])]
        body = model.vertices[np.unique(model.faces[model.part != HANDLE])]
        assert handle[:, 0].max() == pytest.approx(model.vertices[:, 0].max())
        assert handle[:, 0].max() > body[:, 0].max() + 0.005
        assert abs(handle[:, 2].mean()) < 1e-6
        middle = (body[:, 0].max() + body[:, 0].min()) / 2
        assert compute_mug_axis(model.vertices, model.faces) == pytest.approx(middle, abs=1e-6)


def test_only_mugs_have_handles() -> None:
    for category in range(6):
        assert all((model.part != HANDLE).all() for model in draw_models(category))


def test_camera_lenses_point_toward_x_and_grips_lie_at_plus_z() -> None:
    """The front is mostly a lens, narrower than the back; a grip makes the +z end reach further."""
    lens_in_front, grip_at_plus_z, grip_at_minus_z = 0, 0, 0
    for model in draw_models(3):
        x, _, z = model.vertices.T
        lens_in_front += np.ptp(z[x > 0.97 * x.max()]) < np.ptp(z[x < 0.97 * x.min()])
        lead = x[z > 0.9 * z.max()].max() - x[z < 0.9 * z.min()].max()
        grip_at_plus_z += lead > 0.002
        grip_at_minus_z += lead < -0.002
    assert lens_in_front >= 0.75 * SAMPLES
    assert grip_at_plus_z >= max(2 * grip_at_minus_z, 0.3 * SAMPLES)


def test_laptop_screens_stand_at_minus_x_and_lean_back() -> None:
    for model in draw_models(5):
        x, y, _ = model.vertices.T
        top, front = model.vertices[y > 0.8 * y.max()], model.vertices[x > 0.8 * x.max()]
        assert top[:, 0].max() < 0.02
        assert front[:, 1].max() < 0
        hinge = x[y < 0.9 * y.min()].min()
        assert np.degrees(np.arctan2(y.max() - y.min(), hinge - top[:, 0].mean())) > 45


def test_bowls_open_upwards() -> None:
    for model in draw_models(2):
        y = model.vertices[:, 1]
        axis = np.hypot(model.vertices[:, 0], model.vertices[:, 2]) < 0.01
        assert y[axis].max() < y.max() - 0.01


def test_models_depend_on_their_arguments_alone_and_splits_share_none() -> None:
    shapes = set()
    for split in MODEL_SPLITS:
        for index in range(3):
            first, again = (make_model(6, split, index, 0) for _ in range(2))
            np.testing.assert_array_equal(first.vertices, again.vertices)
            np.testing.assert_array_equal(first.albedo, again.albedo)
            assert first.name == again.name
            shapes.add((first.name, first.vertices.tobytes()))
    assert len(shapes) == len({vertices for _, vertices in shapes}) == 12


def test_some_surfaces_are_dark_and_most_are_not() -> None:
    luma = [
        np.mean(m.albedo @ [0.299, 0.587, 0.114] < 55) for c in range(7) for m in draw_models(c)
    ]
    assert 0.05 < np.mean(luma) < 0.5
