"""Networks and checkpoints against outputs of the released code."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark.aggregation import rank_hypotheses
from benchmark.diffusion.official_checkpoints import (
    read_official_checkpoint,
    write_official_checkpoint,
)
from benchmark.diffusion.paper import EnergyNetwork, PaperModel, PoseNetwork, ScoreNetwork
from benchmark.networks.point_ops import find_in_ball, sample_farthest
from benchmark.networks.pointnet2 import LEVELS

Recorded = dict[str, np.ndarray]

FEATURE_TOLERANCE = 2e-4
HEAD_TOLERANCE = 1e-5


def assert_close_to_largest(found: Tensor, expected: np.ndarray) -> None:
    tolerance = HEAD_TOLERANCE * float(np.abs(expected).max())
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=tolerance, rtol=0)


def make_head_inputs(recorded: Recorded, network: PoseNetwork, name: str) -> list[Tensor]:
    """Return condition, poses and times of the recorded head calls, one pose a row."""
    features = torch.from_numpy(recorded[f"{name}_pts_feat"][recorded["head_cloud"]])
    condition = network.pose_score_net.condition(features)
    return [
        condition,
        torch.from_numpy(recorded["head_pose"])[:, None],
        torch.from_numpy(recorded["head_t"]),
    ]


def test_indices_of_sampling_and_grouping_are_equal(recorded_network: Recorded) -> None:
    points = recorded_network["pts"]
    for k, (count, scales) in enumerate(LEVELS[:3]):
        rows = sample_farthest(points, count)
        np.testing.assert_array_equal(rows, recorded_network[f"fps_sa{k}"])
        centres = np.take_along_axis(points, rows[..., None], axis=1)
        for r, scale in enumerate(scales):
            found = find_in_ball(points, centres, scale.radius or 0, scale.neighbours)
            for cloud in (0, 15):
                expected = recorded_network[f"ball{cloud}_sa{k}_r{r}"]
                np.testing.assert_array_equal(found[cloud], expected)
        points = centres


def test_each_encoder_level_gives_the_recorded_features(
    recorded_network: Recorded, score_network: ScoreNetwork
) -> None:
    points = torch.from_numpy(recorded_network["pts"][:1])
    features = points[..., :0]
    for k, level in enumerate(score_network.pts_encoder.SA_modules):
        points, features = level(points, features)
        expected = recorded_network[f"sa{k}_feat_cloud0"]
        np.testing.assert_allclose(features[0].T, expected, atol=FEATURE_TOLERANCE, rtol=0)
        if k < 3:
            np.testing.assert_array_equal(points[0], recorded_network[f"sa{k}_xyz_cloud0"])


@pytest.mark.parametrize("name", ["score", "energy"])
@pytest.mark.parametrize(("cloud", "suffix"), [("pts", ""), ("zero_mean_pts", "_zero_mean_input")])
def test_features_of_whole_and_centred_clouds(
    recorded_network: Recorded, request: pytest.FixtureRequest, name: str, cloud: str, suffix: str
) -> None:
    network = request.getfixturevalue(f"{name}_network")
    features = network.pts_encoder(torch.from_numpy(recorded_network[cloud]))
    expected = recorded_network[f"{name}_pts_feat{suffix}"]
    np.testing.assert_allclose(features, expected, atol=FEATURE_TOLERANCE, rtol=0)


def test_order_of_ties_does_not_change_features(
    golden: Path, recorded_network: Recorded, score_network: ScoreNetwork
) -> None:
    other = np.load(golden / "network" / "lowest_index_ties.npz")["score_pts_feat"]
    features = score_network.pts_encoder(torch.from_numpy(recorded_network["pts"]))
    np.testing.assert_allclose(features, other, atol=FEATURE_TOLERANCE, rtol=0)
    fused = recorded_network["score_pts_feat_fma"]
    np.testing.assert_allclose(features, fused, atol=FEATURE_TOLERANCE, rtol=0)


def test_embeddings_of_time_and_pose(
    recorded_network: Recorded, score_network: ScoreNetwork
) -> None:
    heads = score_network.pose_score_net
    times = torch.from_numpy(recorded_network["head_t"][:8, 0])
    assert_close_to_largest(heads.t_encoder(times), recorded_network["score_t_feat"])
    poses = torch.from_numpy(recorded_network["head_pose"])
    assert_close_to_largest(heads.pose_encoder(poses), recorded_network["score_pose_feat"])


@pytest.mark.parametrize(
    ("fixture", "expected"), [("score_network", "score_out"), ("fitted_network", "fit_score_out")]
)
def test_scores(
    recorded_network: Recorded, request: pytest.FixtureRequest, fixture: str, expected: str
) -> None:
    network = request.getfixturevalue(fixture)
    inputs = make_head_inputs(recorded_network, network, "score")
    assert_close_to_largest(network.score(*inputs)[:, 0], recorded_network[expected])


def test_energies_and_their_gradient(
    recorded_network: Recorded, energy_network: EnergyNetwork
) -> None:
    inputs = make_head_inputs(recorded_network, energy_network, "energy")
    energies = energy_network.energies(*inputs)[:, 0]
    assert_close_to_largest(energies, recorded_network["energy_decoupled"])
    assert_close_to_largest(energies.sum(dim=-1), recorded_network["energy_sum"])
    gradient = energy_network.score(*inputs)[:, 0]
    assert_close_to_largest(gradient, recorded_network["energy_grad_score"])


def test_the_model_ranks_candidates_as_recorded(
    recorded_network: Recorded, score_network: ScoreNetwork, energy_network: EnergyNetwork
) -> None:
    model = PaperModel(score=score_network, energy=energy_network)
    features = model.encode(torch.from_numpy(recorded_network["pts"]))
    np.testing.assert_array_equal(features.centre, recorded_network["pts_center"])
    poses = torch.from_numpy(recorded_network["cand_pose"]).float()
    poses[..., 6:] -= features.centre[:, None]
    energies = model.compute_energies(features, poses)
    assert energies is not None
    # The largest recorded energy sets the scale: both columns come from one forward pass.
    assert_close_to_largest(energies, recorded_network["cand_energy"])
    order = rank_hypotheses(recorded_network["cand_energy"])
    ranked = np.take_along_axis(recorded_network["cand_energy"], order, axis=1)
    np.testing.assert_array_equal(ranked, recorded_network["cand_sorted_energy"])
    found = np.take_along_axis(energies.numpy(), rank_hypotheses(energies.numpy()), axis=1)
    assert_close_to_largest(torch.from_numpy(found), recorded_network["cand_sorted_energy"])


@pytest.mark.parametrize("name", ["score", "energy"])
def test_parameter_counts(golden: Path, name: str) -> None:
    network: nn.Module = {"score": ScoreNetwork, "energy": EnergyNetwork}[name]()
    recorded = json.loads((golden / "network" / "param_counts.json").read_text())[name]
    parts = [part for part in recorded if part not in ("total", "buffers")]
    found = {part: count_parameters(network.get_submodule(part)) for part in parts}
    found |= {"total": count_parameters(network)}
    found |= {"buffers": [sum(buffer.numel() for buffer in network.buffers()), 0]}
    assert found == recorded


def count_parameters(module: nn.Module) -> list[int]:
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in module.parameters()]
    return [sum(size for size, _ in sizes), sum(size for size, trained in sizes if trained)]


@pytest.mark.parametrize("name", ["score", "energy"])
def test_an_exported_checkpoint_has_the_recorded_names_and_loads_strictly(
    golden: Path, tmp_path: Path, request: pytest.FixtureRequest, name: str
) -> None:
    network = request.getfixturevalue(f"{name}_network")
    path = tmp_path / "exported.pth"
    count = len(list(network.parameters()))
    write_official_checkpoint(path, network.state_dict(), count, epoch=3, step=9)
    recorded = json.loads((golden / "network" / "state_dict_keys.json").read_text())
    content = torch.load(path, weights_only=True)
    original = torch.load(golden / "network" / f"{name}_ckpt.pth", weights_only=True)
    assert set(content) == set(original)
    groups = [file["optimizer_state_dict"]["param_groups"][0] for file in (content, original)]
    assert groups[0]["params"] == groups[1]["params"]
    state = content["model_state_dict"]
    described = {key: [list(value.shape), str(value.dtype)] for key, value in state.items()}
    assert described == recorded
    assert list(described) == list(recorded)
    back = read_official_checkpoint(path)
    assert all(torch.equal(back[key], value) for key, value in network.state_dict().items())
