"""Ranking and pooling of hypotheses by their laws."""

import numpy as np
import pytest

from benchmark.aggregation import (
    check_keep,
    count_kept,
    pool_average,
    pool_ranked,
    rank_hypotheses,
    select_hypotheses,
)
from benchmark.errors import ConfigError
from benchmark.geometry.rotations import compute_angle, rotation_about_axis, sample_rotations


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(2)


def test_columns_are_ranked_apart_or_by_their_sum() -> None:
    energies = np.array([[3.0, 0.0], [2.0, 9.0], [1.0, 5.0]])
    np.testing.assert_array_equal(rank_hypotheses(energies), [[0, 1], [1, 2], [2, 0]])
    np.testing.assert_array_equal(rank_hypotheses(energies, "joint"), [[1, 1], [2, 2], [0, 0]])


def test_equal_energies_keep_draw_order() -> None:
    order = rank_hypotheses(np.zeros((4, 20, 2)))
    np.testing.assert_array_equal(order[3, :, 1], np.arange(20))


def test_selection_takes_rotation_and_translation_by_their_own_order(
    generator: np.random.Generator,
) -> None:
    rotation, translation = sample_rotations(generator, 2, 5, 7), generator.random((2, 5, 7, 3))
    order = rank_hypotheses(generator.random((2, 5, 7, 2)))
    chosen = select_hypotheses(rotation, translation, order, 3)
    for batch in np.ndindex(2, 5):
        for place in range(3):
            first, second = order[batch][place]
            np.testing.assert_array_equal(chosen[0][batch][place], rotation[batch][first])
            np.testing.assert_array_equal(chosen[1][batch][place], translation[batch][second])


def test_selection_of_no_detection() -> None:
    chosen = select_hypotheses(
        np.zeros((0, 5, 3, 3)), np.zeros((0, 5, 3)), np.zeros((0, 5, 2), dtype=int), 2
    )
    assert chosen[0].shape == (0, 2, 3, 3)
    assert chosen[1].shape == (0, 2, 3)


@pytest.mark.parametrize(
    ("hypotheses", "keep", "kept"), [(50, 0.6, 30), (10, 0.29, 2), (3, 0.1, 1)]
)
def test_kept_counts_are_truncated_and_at_least_one(
    hypotheses: int, keep: float, kept: int
) -> None:
    assert count_kept(hypotheses, keep) == kept


@pytest.mark.parametrize("keep", [0.0, -0.5, 1.01, float("nan")])
def test_fractions_that_keep_nothing_or_too_much_are_refused(keep: float) -> None:
    with pytest.raises(ConfigError, match="above 0 and at most 1"):
        check_keep(keep)


def test_low_energies_are_left_out(generator: np.random.Generator) -> None:
    """Three good hypotheses and two outliers of low energy: the outliers do not pull."""
    center = sample_rotations(generator)
    turns = rotation_about_axis(generator.standard_normal((5, 3)), np.array([0.01] * 3 + [2.0] * 2))
    translation = np.array([[0.0, 0, 1]] * 3 + [[5.0, 5, 5]] * 2)
    energies = np.array([[3.0, 3], [2, 2], [4, 4], [0, 0], [1, 1]])
    rotation, mean = pool_ranked(turns @ center, translation, energies, keep=0.6)
    assert compute_angle(rotation, center) < 0.02
    np.testing.assert_allclose(mean, [0, 0, 1], atol=1e-12)
    everything, _ = pool_ranked(turns @ center, translation, None)
    assert compute_angle(everything, center) > 0.05


def test_pooling_moves_with_the_camera(generator: np.random.Generator) -> None:
    rotation = rotation_about_axis(generator.standard_normal((4, 9, 3)), generator.random((4, 9)))
    translation = generator.random((4, 9, 3))
    camera, shift = sample_rotations(generator), generator.random(3)
    before = pool_average(rotation, translation)
    after = pool_average(camera @ rotation, translation @ camera.T + shift)
    np.testing.assert_allclose(after[0], camera @ before[0], atol=1e-9)
    np.testing.assert_allclose(after[1], before[1] @ camera.T + shift, atol=1e-12)
