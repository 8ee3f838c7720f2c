"""Ranking, kept counts and pooled poses as recorded from the released GenPose code."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.aggregation import (
    count_kept,
    pool_average,
    pool_ranked,
    rank_hypotheses,
    select_hypotheses,
)
from benchmark.geometry.rotations import (
    average_quaternions,
    compute_quaternion_outer,
    matrix_to_quaternion,
)

SINGLE_PRECISION = 2e-6
WELL_CONDITIONED = 0.1  # least gap between the two largest eigenvalues
RATIOS = ("0.2", "0.4", "0.6", "0.8", "1.0")
Arrays = dict[str, np.ndarray]


@pytest.fixture(params=["k10", "k50"])
def recorded(golden: Path, request: pytest.FixtureRequest) -> Arrays:
    """Return the arrays of one number of hypotheses, without its prefix."""
    prefix = f"{request.param}_"
    arrays = np.load(golden / "aggregation" / "aggregation.npz")
    return {n.removeprefix(prefix): arrays[n] for n in arrays.files if n.startswith(prefix)}


def _split(transform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return transform[..., :3, :3], transform[..., :3, 3]


def _find_well_conditioned(eigenvalues: np.ndarray) -> np.ndarray:
    ordered = np.sort(eigenvalues, axis=-1)
    return np.asarray(ordered[..., -1] - ordered[..., -2] > WELL_CONDITIONED)


def test_order_and_sorted_hypotheses(recorded: Arrays) -> None:
    order = rank_hypotheses(recorded["energy"])
    np.testing.assert_array_equal(order[..., 0], recorded["order_rot"])
    np.testing.assert_array_equal(order[..., 1], recorded["order_trans"])
    sorted_energy = np.take_along_axis(recorded["energy"], order, axis=1)
    np.testing.assert_array_equal(sorted_energy, recorded["sorted_energy"])
    ranked = select_hypotheses(*_split(recorded["RTs"]), order, order.shape[1])
    expected = _split(recorded["sorted_RTs"])
    np.testing.assert_array_equal(ranked[0], expected[0])
    np.testing.assert_array_equal(ranked[1], expected[1])
    columns = np.concatenate([ranked[0][..., 0], ranked[0][..., 1], ranked[1]], axis=-1)
    np.testing.assert_allclose(columns, recorded["sorted_pose9"], atol=SINGLE_PRECISION)
    quaternion = matrix_to_quaternion(ranked[0])
    np.testing.assert_allclose(quaternion, recorded["sorted_quat_wxyz"], atol=SINGLE_PRECISION)


@pytest.mark.parametrize("ratio", RATIOS)
def test_pooled_poses(recorded: Arrays, ratio: str) -> None:
    poses, energy = _split(recorded["RTs"]), recorded["energy"]
    kept = count_kept(energy.shape[1], float(ratio))
    assert kept == recorded[f"r{ratio}_M"]
    rotation, translation = pool_ranked(*poses, energy, keep=float(ratio))
    eigenvalues = recorded[f"r{ratio}_eigenvalues"]
    good = _find_well_conditioned(eigenvalues)
    assert good.any()
    expected = _split(recorded[f"r{ratio}_average_RT"])
    np.testing.assert_allclose(rotation[good], expected[0][good], atol=SINGLE_PRECISION)
    np.testing.assert_allclose(translation, expected[1], atol=SINGLE_PRECISION)
    quaternion = matrix_to_quaternion(rotation[good])
    known = recorded[f"r{ratio}_average_quat"][good]
    alignment = np.abs(np.sum(quaternion * known, axis=-1))
    np.testing.assert_allclose(alignment, 1.0, atol=1e-10)
    chosen = select_hypotheses(*poses, rank_hypotheses(energy), kept)[0]
    outer = compute_quaternion_outer(chosen.mean(axis=1))
    ours = np.linalg.eigvalsh(outer)
    np.testing.assert_allclose(ours, np.sort(eigenvalues, axis=-1), atol=SINGLE_PRECISION)


def test_tracking_pools_alike(recorded: Arrays) -> None:
    rotation, translation = pool_ranked(*_split(recorded["RTs"]), recorded["energy"], keep=0.6)
    good = _find_well_conditioned(recorded["r0.6_eigenvalues"])
    expected = _split(recorded["tracking_average_sRT"])
    np.testing.assert_allclose(rotation[good], expected[0][good], atol=SINGLE_PRECISION)
    np.testing.assert_allclose(translation, expected[1], atol=SINGLE_PRECISION)


def test_ranking_by_true_errors(recorded: Arrays) -> None:
    """The true errors rank in ascending order, each column by itself."""
    order = rank_hypotheses(-recorded["gt_ranker_overlaps"][:, 0])
    kept = count_kept(order.shape[1], 0.6)
    selected = select_hypotheses(*_split(recorded["RTs"]), order, kept)
    expected = _split(recorded["gt_ranker_selected_RTs"])
    np.testing.assert_array_equal(selected[0], expected[0])
    np.testing.assert_array_equal(selected[1], expected[1])
    outer = compute_quaternion_outer(selected[0].mean(axis=1))
    good = _find_well_conditioned(np.linalg.eigvalsh(outer))
    pooled, average = pool_average(*selected), _split(recorded["gt_ranker_average_RT"])
    np.testing.assert_allclose(pooled[0][good], average[0][good], atol=SINGLE_PRECISION)
    np.testing.assert_allclose(pooled[1], average[1], atol=SINGLE_PRECISION)


@pytest.mark.parametrize("weighted", [False, True])
def test_quaternion_averages(recorded: Arrays, weighted: bool) -> None:
    quaternion = recorded["plain_quats_f32"].astype(np.float64)
    weights = recorded["weights"].astype(np.float64) if weighted else None
    expected = recorded["weighted_average_f32" if weighted else "plain_average_f32"]
    share = np.ones(quaternion.shape[:2]) if weights is None else weights
    share = share / share.sum(axis=1, keepdims=True)
    outer = np.einsum("bk,bki,bkj->bij", share, quaternion, quaternion)
    good = _find_well_conditioned(np.linalg.eigvalsh(outer))
    assert good.any()
    alignment = np.abs(np.sum(average_quaternions(quaternion, weights) * expected, axis=-1))
    np.testing.assert_allclose(alignment[good], 1.0, atol=1e-6)


def test_kept_counts(golden: Path) -> None:
    arrays = np.load(golden / "aggregation" / "aggregation.npz")
    for hypotheses, row in enumerate(arrays["M_table"][1:], start=1):
        ours = [count_kept(hypotheses, float(ratio)) for ratio in arrays["M_table_ratio"]]
        np.testing.assert_array_equal(ours, row)
