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
from benchmark.diffusion.paper import (
    SCHEDULE,
    EnergyNetwork,
    PaperModel,
    PoseNetwork,
    ScoreNetwork,
)
from benchmark.diffusion.pose_vector import ROTATION_SIZE, from_pose_vector, to_pose_vector
from benchmark.networks.point_ops import find_in_ball, sample_farthest
from benchmark.networks.pointnet2 import LEVELS
from tests.golden.parity import Archives, Parity, Recorded

FEATURE_TOLERANCE = 2e-4
HEAD_TOLERANCE = 1e-5


def make_head_inputs(recorded: Recorded, network: PoseNetwork, name: str) -> list[Tensor]:
    """Return condition, poses and times of the recorded head calls, one pose a row."""
    features = torch.from_numpy(recorded[f"{name}_pts_feat"][recorded["head_cloud"]])
    condition = network.pose_score_net.condition(features)
    return [
        condition,
        torch.from_numpy(recorded["head_pose"])[:, None],
        torch.from_numpy(recorded["head_t"]),
    ]


def test_indices_of_sampling_and_grouping_are_equal(
    recorded_network: Recorded, parity: Parity
) -> None:
    points = recorded_network["pts"]
    for k, (count, scales) in enumerate(LEVELS[:3]):
        rows = sample_farthest(points, count)
        parity("farthest points (`fps_*`)", rows, recorded_network[f"fps_sa{k}"])
        centres = np.take_along_axis(points, rows[..., None], axis=1)
        for r, scale in enumerate(scales):
            found = find_in_ball(points, centres, scale.radius or 0, scale.neighbours)
            for cloud in (0, 15):
                expected = recorded_network[f"ball{cloud}_sa{k}_r{r}"]
                parity("neighbours (`ball*`)", found[cloud], expected)
        points = centres


def test_each_encoder_level_gives_the_recorded_features(
    recorded_network: Recorded, score_network: ScoreNetwork, parity: Parity
) -> None:
    points = torch.from_numpy(recorded_network["pts"][:1])
    features = points[..., :0]
    for k, level in enumerate(score_network.pts_encoder.SA_modules):
        points, features = level(points, features)
        expected = recorded_network[f"sa{k}_feat_cloud0"]
        item = "features of each level (`sa*_feat_cloud0`)"
        parity(item, features[0].T, expected, atol=FEATURE_TOLERANCE)
        if k < 3:
            item = "points of each level (`sa*_xyz_cloud0`)"
            parity(item, points[0], recorded_network[f"sa{k}_xyz_cloud0"])


@pytest.mark.parametrize("name", ["score", "energy"])
@pytest.mark.parametrize(("cloud", "suffix"), [("pts", ""), ("zero_mean_pts", "_zero_mean_input")])
def test_features_of_whole_and_centred_clouds(
    recorded_network: Recorded,
    request: pytest.FixtureRequest,
    parity: Parity,
    name: str,
    cloud: str,
    suffix: str,
) -> None:
    network = request.getfixturevalue(f"{name}_network")
    features = network.pts_encoder(torch.from_numpy(recorded_network[cloud]))
    expected = recorded_network[f"{name}_pts_feat{suffix}"]
    item = f"features of whole clouds (`*_pts_feat{suffix}`)"
    parity(item, features, expected, atol=FEATURE_TOLERANCE)


def test_order_of_ties_does_not_change_features(
    archives: Archives, recorded_network: Recorded, score_network: ScoreNetwork, parity: Parity
) -> None:
    other = archives("network/lowest_index_ties.npz")["score_pts_feat"]
    features = score_network.pts_encoder(torch.from_numpy(recorded_network["pts"]))
    item = "features with ties broken otherwise (`lowest_index_ties.npz`)"
    parity(item, features, other, atol=FEATURE_TOLERANCE)
    fused = recorded_network["score_pts_feat_fma"]
    item = "features with fused arithmetic (`score_pts_feat_fma`)"
    parity(item, features, fused, atol=FEATURE_TOLERANCE)


def test_poses_become_pose_vectors(recorded_network: Recorded, parity: Parity) -> None:
    transform = torch.from_numpy(recorded_network["RT"])
    poses = to_pose_vector(transform[:, :3, :3], transform[:, :3, 3])
    parity("pose vectors (`gt_pose`)", poses, recorded_network["gt_pose"])
    poses[:, ROTATION_SIZE:] -= torch.from_numpy(recorded_network["pts_center"])
    expected = recorded_network["zero_mean_gt_pose"]
    parity("centred pose vectors (`zero_mean_gt_pose`)", poses, expected, atol=1e-7)
    rotation, translation = from_pose_vector(torch.from_numpy(recorded_network["gt_pose"]))
    back = torch.cat([rotation, translation[..., None]], dim=-1)
    parity("poses of pose vectors (`RT`)", back, transform[:, :3].numpy(), atol=1e-6)


def test_embeddings_of_time_and_pose(
    recorded_network: Recorded, score_network: ScoreNetwork, parity: Parity
) -> None:
    heads = score_network.pose_score_net
    times = torch.from_numpy(recorded_network["head_t"])
    sigma = SCHEDULE.sigma(times)
    parity("noise of the head calls (`head_std`)", sigma, recorded_network["head_std"], rtol=2e-7)
    found, expected = heads.t_encoder(times[:8, 0]), recorded_network["score_t_feat"]
    parity("embedded times (`score_t_feat`)", found, expected, share=HEAD_TOLERANCE)
    found = heads.pose_encoder(torch.from_numpy(recorded_network["head_pose"]))
    expected = recorded_network["score_pose_feat"]
    parity("embedded poses (`score_pose_feat`)", found, expected, share=HEAD_TOLERANCE)


@pytest.mark.parametrize(
    ("fixture", "expected"), [("score_network", "score_out"), ("fitted_network", "fit_score_out")]
)
def test_scores(
    recorded_network: Recorded,
    request: pytest.FixtureRequest,
    parity: Parity,
    fixture: str,
    expected: str,
) -> None:
    network = request.getfixturevalue(fixture)
    found = network.score(*make_head_inputs(recorded_network, network, "score"))[:, 0]
    parity(f"scores (`{expected}`)", found, recorded_network[expected], share=HEAD_TOLERANCE)


def test_energies_and_their_gradient(
    recorded_network: Recorded, energy_network: EnergyNetwork, parity: Parity
) -> None:
    inputs = make_head_inputs(recorded_network, energy_network, "energy")
    energies = energy_network.energies(*inputs)[:, 0]
    gradient = energy_network.score(*inputs)[:, 0].detach()
    for item, name, found in (
        ("energies", "energy_decoupled", energies),
        ("summed energies", "energy_sum", energies.sum(dim=-1)),
        ("gradients of the energy", "energy_grad_score", gradient),
    ):
        parity(f"{item} (`{name}`)", found, recorded_network[name], share=HEAD_TOLERANCE)


def test_the_model_ranks_candidates_as_recorded(
    recorded_network: Recorded,
    score_network: ScoreNetwork,
    energy_network: EnergyNetwork,
    parity: Parity,
) -> None:
    model = PaperModel(score=score_network, energy=energy_network)
    features = model.encode(torch.from_numpy(recorded_network["pts"]))
    parity("means of clouds (`pts_center`)", features.centre, recorded_network["pts_center"])
    poses = torch.from_numpy(recorded_network["cand_pose"]).float().clone()
    poses[..., 6:] -= features.centre[:, None]
    energies = model.compute_energies(features, poses)
    assert energies is not None
    # The largest recorded energy sets the scale: both columns come from one forward pass.
    item = "energies of candidates (`cand_energy`)"
    parity(item, energies, recorded_network["cand_energy"], share=HEAD_TOLERANCE)
    order = rank_hypotheses(recorded_network["cand_energy"])
    ranked = np.take_along_axis(recorded_network["cand_energy"], order, axis=1)
    item = "ranked energies of candidates (`cand_sorted_energy`)"
    parity(item, ranked, recorded_network["cand_sorted_energy"])
    found = np.take_along_axis(energies.numpy(), rank_hypotheses(energies.numpy()), axis=1)
    parity(item, found, recorded_network["cand_sorted_energy"], share=HEAD_TOLERANCE)
    parts = np.split(recorded_network["cand_pose"], [ROTATION_SIZE], axis=-1)
    ranked_parts = [
        np.take_along_axis(part, order[..., column, None], axis=1)
        for column, part in enumerate(parts)
    ]
    ranked = np.concatenate(ranked_parts, axis=-1)
    parity("ranked candidates (`cand_sorted_pose`)", ranked, recorded_network["cand_sorted_pose"])


@pytest.mark.parametrize("name", ["score", "energy"])
def test_parameter_counts(golden: Path, parity: Parity, name: str) -> None:
    network: nn.Module = {"score": ScoreNetwork, "energy": EnergyNetwork}[name]()
    recorded = json.loads((golden / "network" / "param_counts.json").read_text())[name]
    parts = [part for part in recorded if part not in ("total", "buffers")]
    found = {part: count_parameters(network.get_submodule(part)) for part in parts}
    found |= {"total": count_parameters(network)}
    found |= {"buffers": [sum(buffer.numel() for buffer in network.buffers()), 0]}
    assert set(found) == set(recorded)
    for part, counts in recorded.items():
        parity("parameter counts (`param_counts.json`)", found[part], counts)


def count_parameters(module: nn.Module) -> list[int]:
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in module.parameters()]
    return [sum(size for size, _ in sizes), sum(size for size, trained in sizes if trained)]


@pytest.mark.parametrize("name", ["score", "energy"])
def test_an_exported_checkpoint_has_the_recorded_names_and_loads_strictly(
    golden: Path, tmp_path: Path, request: pytest.FixtureRequest, parity: Parity, name: str
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
    item = "weights exported and read again (`score_ckpt.pth`, `energy_ckpt.pth`)"
    for key, value in original["model_state_dict"].items():
        parity(item, back[key], value.to(back[key].dtype).numpy())
