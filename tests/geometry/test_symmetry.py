"""Pose errors under a rotational symmetry about y."""

import numpy as np
import pytest

from benchmark.geometry.rotations import (
    compute_angle,
    rotation_about_axis,
    rotation_about_y,
    sample_rotations,
)
from benchmark.geometry.symmetry import (
    align_to_camera,
    compute_rotation_error,
    compute_translation_error,
    find_symmetric,
)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(3)


def test_which_objects_are_symmetric() -> None:
    category = np.arange(1, 7)
    np.testing.assert_array_equal(find_symmetric(category, np.ones(6)), [1, 1, 0, 1, 0, 0])
    np.testing.assert_array_equal(find_symmetric(category, np.zeros(6)), [1, 1, 0, 1, 0, 1])


def test_turns_about_y_are_free_where_symmetric(generator: np.random.Generator) -> None:
    first, second = sample_rotations(generator, 2, 40)
    turned = first @ rotation_about_y(generator.uniform(-np.pi, np.pi, 40))
    error = compute_rotation_error(first, second, symmetric=True)
    np.testing.assert_allclose(compute_rotation_error(turned, second, True), error, atol=1e-12)
    np.testing.assert_allclose(compute_rotation_error(first, turned, True), 0.0, atol=1e-12)
    assert (compute_rotation_error(turned, first) > 0.01).any()


def test_symmetric_error_is_the_smallest_over_all_turns(generator: np.random.Generator) -> None:
    first, second = sample_rotations(generator, 2, 10)
    turns = rotation_about_y(np.linspace(0, 2 * np.pi, 2000))
    searched = compute_angle(first[:, None] @ turns, second[:, None]).min(axis=1)
    np.testing.assert_allclose(compute_rotation_error(first, second, True), searched, atol=2e-3)


def test_flags_choose_row_by_row(generator: np.random.Generator) -> None:
    first, second = sample_rotations(generator, 2, 2)
    error = compute_rotation_error(first, second, np.array([True, False]))
    assert error[0] == compute_rotation_error(first[0], second[0], True)
    assert error[1] == compute_angle(first[1], second[1])


def test_tilt_of_an_upright_object() -> None:
    tilt = rotation_about_axis(np.array([1.0, 0.0, 0.0]), np.array(0.25))
    assert compute_rotation_error(np.eye(3), tilt, True) == pytest.approx(0.25, abs=1e-12)


def test_translation_error_is_the_distance() -> None:
    assert compute_translation_error(np.zeros(3), np.array([3.0, 0.0, 4.0])) == 5.0


def test_aligned_rotations_forget_the_turn(generator: np.random.Generator) -> None:
    rotation = sample_rotations(generator, 30)
    turned = rotation @ rotation_about_y(generator.uniform(-np.pi, np.pi, 30))
    aligned = align_to_camera(rotation)
    np.testing.assert_allclose(align_to_camera(turned), aligned, atol=1e-9)
    np.testing.assert_allclose(aligned[..., 1], rotation[..., 1], atol=1e-12)
    trace = aligned[:, 0, 0] + aligned[:, 2, 2]
    for angle in np.linspace(-3, 3, 13):
        other = aligned @ rotation_about_y(angle)
        assert (other[:, 0, 0] + other[:, 2, 2] <= trace + 1e-12).all()
