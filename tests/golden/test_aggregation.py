"""Ranking, kept counts and pooled poses as recorded from the released GenPose code."""

import numpy as np
import pytest
import torch

from benchmark.aggregation import (
    count_kept,
    pool_average,
    pool_ranked,
    rank_hypotheses,
    select_hypotheses,
)
from benchmark.diffusion.pose_vector import from_pose_vector
from benchmark.geometry.rotations import (
    average_quaternions,
    compute_quaternion_outer,
    matrix_to_quaternion,
)
from benchmark.geometry.symmetry import compute_rotation_error, compute_translation_error
from tests.golden.parity import Archives, Parity, Recorded

SINGLE_PRECISION = 2e-6
WELL_CONDITIONED = 0.1  # least gap between the two largest eigenvalues
RATIOS = ("0.2", "0.4", "0.6", "0.8", "1.0")


@pytest.fixture(params=["k10", "k50"])
def recorded(archives: Archives, request: pytest.FixtureRequest) -> Recorded:
    """Return the arrays of one number of hypotheses, without its prefix."""
    return archives("aggregation/aggregation.npz").below(f"{request.param}_")


def _split(transform: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return transform[..., :3, :3], transform[..., :3, 3]


def _find_well_conditioned(eigenvalues: np.ndarray) -> np.ndarray:
    ordered = np.sort(eigenvalues, axis=-1)
    return np.asarray(ordered[..., -1] - ordered[..., -2] > WELL_CONDITIONED)


def test_poses_of_pose_vectors(recorded: Recorded, parity: Parity) -> None:
    rotation, translation = from_pose_vector(torch.from_numpy(recorded["pose9"]))
    expected = _split(recorded["RTs"])
    item = "poses of pose vectors (`pose9`, `RTs`)"
    parity(item, rotation, expected[0], atol=SINGLE_PRECISION)
    parity(item, translation, expected[1], atol=SINGLE_PRECISION)


def test_order_and_sorted_hypotheses(recorded: Recorded, parity: Parity) -> None:
    order = rank_hypotheses(recorded["energy"])
    parity("ranking (`order_rot`)", order[..., 0], recorded["order_rot"])
    parity("ranking (`order_trans`)", order[..., 1], recorded["order_trans"])
    sorted_energy = np.take_along_axis(recorded["energy"], order, axis=1)
    parity("ranked energies (`sorted_energy`)", sorted_energy, recorded["sorted_energy"])
    ranked = select_hypotheses(*_split(recorded["RTs"]), order, order.shape[1])
    expected = _split(recorded["sorted_RTs"])
    parity("ranked poses (`sorted_RTs`)", ranked[0], expected[0])
    parity("ranked poses (`sorted_RTs`)", ranked[1], expected[1])
    columns = np.concatenate([ranked[0][..., 0], ranked[0][..., 1], ranked[1]], axis=-1)
    item = "ranked pose vectors (`sorted_pose9`)"
    parity(item, columns, recorded["sorted_pose9"], atol=SINGLE_PRECISION)
    quaternion = matrix_to_quaternion(ranked[0])
    item = "their quaternions (`sorted_quat_wxyz`)"
    parity(item, quaternion, recorded["sorted_quat_wxyz"], atol=SINGLE_PRECISION)


@pytest.mark.parametrize("ratio", RATIOS)
def test_pooled_poses(recorded: Recorded, parity: Parity, ratio: str) -> None:
    poses, energy = _split(recorded["RTs"]), recorded["energy"]
    share = recorded.below(f"r{ratio}_")
    kept = count_kept(energy.shape[1], float(ratio))
    parity("hypotheses kept (`r*_M`)", kept, share["M"])
    rotation, translation = pool_ranked(*poses, energy, keep=float(ratio))
    eigenvalues = share["eigenvalues"]
    good = _find_well_conditioned(eigenvalues)
    assert good.any()
    expected = _split(share["average_RT"])
    item = "pooled rotations, where well conditioned (`r*_average_RT`)"
    parity(item, rotation[good], expected[0][good], atol=SINGLE_PRECISION)
    item = "pooled translations (`r*_average_RT`)"
    parity(item, translation, expected[1], atol=SINGLE_PRECISION)
    quaternion = matrix_to_quaternion(rotation[good])
    alignment = np.abs(np.sum(quaternion * share["average_quat"][good], axis=-1))
    item = "alignment of pooled quaternions (`r*_average_quat`)"
    parity(item, alignment, np.ones_like(alignment), atol=1e-10)
    chosen = select_hypotheses(*poses, rank_hypotheses(energy), kept)[0]
    ours = np.linalg.eigvalsh(compute_quaternion_outer(chosen.mean(axis=1)))
    item = "eigenvalues of the mean quaternion product (`r*_eigenvalues`)"
    parity(item, ours, np.sort(eigenvalues, axis=-1), atol=SINGLE_PRECISION)


def test_tracking_pools_alike(recorded: Recorded, parity: Parity) -> None:
    rotation, translation = pool_ranked(*_split(recorded["RTs"]), recorded["energy"], keep=0.6)
    good = _find_well_conditioned(recorded["r0.6_eigenvalues"])
    expected = _split(recorded["tracking_average_sRT"])
    item = "pooling while tracking (`tracking_average_sRT`)"
    parity(item, rotation[good], expected[0][good], atol=SINGLE_PRECISION)
    parity(item, translation, expected[1], atol=SINGLE_PRECISION)


def test_true_errors(recorded: Recorded, parity: Parity) -> None:
    rotation, translation = _split(recorded["RTs"])
    true_rotation, true_translation = _split(recorded["gt_ranker_gt_RT"][:, None])
    degree, cm = np.moveaxis(recorded["gt_ranker_overlaps"][:, 0], -1, 0)
    cosine = np.cos(compute_rotation_error(rotation, true_rotation, np.array(False)))
    item = "cosines of errors against the truth (`gt_ranker_overlaps`)"
    parity(item, cosine, np.cos(np.radians(degree)), atol=SINGLE_PRECISION)
    item = "centimetres to the truth (`gt_ranker_overlaps`)"
    parity(item, 100 * compute_translation_error(translation, true_translation), cm, atol=1e-4)


def test_ranking_by_true_errors(recorded: Recorded, parity: Parity) -> None:
    """The true errors rank in ascending order, each column by itself."""
    order = rank_hypotheses(-recorded["gt_ranker_overlaps"][:, 0])
    kept = count_kept(order.shape[1], 0.6)
    selected = select_hypotheses(*_split(recorded["RTs"]), order, kept)
    expected = _split(recorded["gt_ranker_selected_RTs"])
    parity("best by the truth (`gt_ranker_selected_RTs`)", selected[0], expected[0])
    parity("best by the truth (`gt_ranker_selected_RTs`)", selected[1], expected[1])
    outer = compute_quaternion_outer(selected[0].mean(axis=1))
    good = _find_well_conditioned(np.linalg.eigvalsh(outer))
    pooled, average = pool_average(*selected), _split(recorded["gt_ranker_average_RT"])
    item = "their averages (`gt_ranker_average_RT`)"
    parity(item, pooled[0][good], average[0][good], atol=SINGLE_PRECISION)
    parity(item, pooled[1], average[1], atol=SINGLE_PRECISION)


@pytest.mark.parametrize("weighted", [False, True])
def test_quaternion_averages(recorded: Recorded, parity: Parity, weighted: bool) -> None:
    quaternion = recorded["plain_quats_f32"].astype(np.float64)
    weights = recorded["weights"].astype(np.float64) if weighted else None
    name = "weighted_average_f32" if weighted else "plain_average_f32"
    share = np.ones(quaternion.shape[:2]) if weights is None else weights
    share = share / share.sum(axis=1, keepdims=True)
    outer = np.einsum("bk,bki,bkj->bij", share, quaternion, quaternion)
    good = _find_well_conditioned(np.linalg.eigvalsh(outer))
    assert good.any()
    average = average_quaternions(quaternion, weights)
    alignment = np.abs(np.sum(average * recorded[name], axis=-1))[good]
    parity(f"alignment with `{name}`", alignment, np.ones_like(alignment), atol=1e-6)


def test_kept_counts(archives: Archives, parity: Parity) -> None:
    arrays = archives("aggregation/aggregation.npz")
    table, ratios = arrays["M_table"][1:], arrays["M_table_ratio"]
    ours = [[count_kept(k, float(ratio)) for ratio in ratios] for k in range(1, len(table) + 1)]
    parity("hypotheses kept, all K and shares (`M_table`)", ours, table)
