"""Rotations and quaternions: closed forms, and agreement with scipy."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmark.geometry.rotations import (
    average_quaternions,
    average_rotations,
    compute_angle,
    compute_quaternion_outer,
    matrix_to_quaternion,
    quaternion_to_matrix,
    rotation_about_axis,
    rotation_about_y,
    sample_rotations,
)


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(7)


def test_quaternions_agree_with_scipy_in_any_batch_shape(generator: np.random.Generator) -> None:
    rotation = sample_rotations(generator, 4, 25)
    expected = Rotation.from_matrix(rotation.reshape(-1, 3, 3)).as_quat(scalar_first=True)
    expected = np.where(expected[:, :1] < 0, -expected, expected).reshape(4, 25, 4)
    np.testing.assert_allclose(matrix_to_quaternion(rotation), expected, atol=1e-12)
    np.testing.assert_allclose(quaternion_to_matrix(-3 * expected), rotation, atol=1e-12)


@pytest.mark.parametrize("axis", [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
def test_half_turns_have_quaternions(axis: list[float]) -> None:
    """Where w is 0 the usual formula divides by zero."""
    rotation = rotation_about_axis(np.array(axis, float), np.array(np.pi))
    quaternion = matrix_to_quaternion(rotation)
    np.testing.assert_allclose(quaternion_to_matrix(quaternion), rotation, atol=1e-12)


def test_quaternion_outer_is_the_outer_product(generator: np.random.Generator) -> None:
    quaternion = matrix_to_quaternion(sample_rotations(generator, 50))
    outer = compute_quaternion_outer(quaternion_to_matrix(quaternion))
    np.testing.assert_allclose(outer, quaternion[:, :, None] * quaternion[:, None], atol=1e-12)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-4, 1.0, 3.0, np.pi - 1e-4, np.pi])
def test_angle_is_exact_near_zero_and_near_half_a_turn(
    generator: np.random.Generator, angle: float
) -> None:
    start = sample_rotations(generator, 20)
    turn = rotation_about_axis(generator.standard_normal((20, 3)), np.full(20, angle))
    np.testing.assert_allclose(compute_angle(start, start @ turn), angle, rtol=1e-6, atol=5e-8)


def test_equal_rotations_have_angle_zero(generator: np.random.Generator) -> None:
    rotation = sample_rotations(generator, 100)
    assert (compute_angle(rotation, rotation) == 0).all()


def test_turns_about_y_agree_with_the_general_formula() -> None:
    angle = np.linspace(-4, 4, 17)
    general = rotation_about_axis(np.array([0.0, 2.0, 0.0]), angle)
    np.testing.assert_allclose(rotation_about_y(angle), general, atol=1e-12)


def test_average_undoes_opposite_turns(generator: np.random.Generator) -> None:
    center, axis = sample_rotations(generator, 6), generator.standard_normal((6, 3))
    pair = [rotation_about_axis(axis, np.full(6, turn)) @ center for turn in (-0.4, 0.4)]
    np.testing.assert_allclose(average_rotations(np.stack(pair, axis=1)), center, atol=1e-12)


def test_average_is_equivariant_and_ignores_order(generator: np.random.Generator) -> None:
    rotation = rotation_about_axis(generator.standard_normal((9, 3)), generator.random(9))
    left = sample_rotations(generator)
    average = average_rotations(rotation)
    np.testing.assert_allclose(average_rotations(left @ rotation), left @ average, atol=1e-10)
    np.testing.assert_allclose(average_rotations(rotation[::-1]), average, atol=1e-10)


def test_weights_choose(generator: np.random.Generator) -> None:
    rotation = sample_rotations(generator, 5)
    weights = np.array([0.0, 0.0, 2.0, 0.0, 0.0])
    np.testing.assert_allclose(average_rotations(rotation, weights), rotation[2], atol=1e-12)
    quaternion = matrix_to_quaternion(rotation)
    np.testing.assert_allclose(average_quaternions(quaternion, weights), quaternion[2], atol=1e-12)


def test_both_averages_are_the_same_whatever_the_signs(generator: np.random.Generator) -> None:
    rotation = rotation_about_axis(generator.standard_normal((8, 3)), generator.random(8))
    quaternion = matrix_to_quaternion(rotation) * generator.choice([-1, 1], (8, 1))
    expected = matrix_to_quaternion(average_rotations(rotation))
    np.testing.assert_allclose(average_quaternions(quaternion), expected, atol=1e-10)


def test_average_of_what_is_not_finite_is_not_finite(generator: np.random.Generator) -> None:
    rotation = sample_rotations(generator, 2, 3)
    rotation[0, 1, 0, 0] = np.nan
    average = average_rotations(rotation)
    assert np.isnan(average[0]).all()
    assert np.isfinite(average[1]).all()


def test_sampled_rotations_are_uniform(generator: np.random.Generator) -> None:
    """Of uniform rotations every axis has mean zero, and E[trace^2] = 1."""
    rotation = sample_rotations(generator, 20_000)
    np.testing.assert_allclose(np.linalg.det(rotation), 1.0, atol=1e-12)
    np.testing.assert_allclose(rotation.mean(axis=0), 0.0, atol=0.02)
    trace = np.trace(rotation, axis1=1, axis2=2)
    assert np.mean(trace**2) == pytest.approx(1.0, abs=0.05)
