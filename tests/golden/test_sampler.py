"""The noise schedule and the released sampler against recorded runs."""

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.aggregation import rank_hypotheses
from benchmark.diffusion.paper import EnergyNetwork, ScoreNetwork
from benchmark.diffusion.pose_vector import orthonormalise
from benchmark.diffusion.samplers.rk45_official import OfficialSolution, solve_official
from benchmark.diffusion.schedule import VarianceExploding
from tests.golden.parity import Archives, Parity, Recorded

# With every run: the largest difference allowed on the pose vector. A network in double precision
# halves the differences at T0 = 0.55, where float32 noise steers the step size.
RUNS = {
    "fit_track_T0.1": 1e-5,
    "fit_track_T0.15": 1e-5,
    "rand_T0.15": 1e-5,
    "rand_track_T0.15": 1e-5,
    "rand_T0.55": 5e-4,
    "fit_T0.55": 5e-4,
    "fit_T0.55_single": 5e-4,
    "fit_T0.55_steps16": 5e-4,
    "fit_pipeline_T0.55": 5e-4,
    "fit_T1.0": 5e-3,
}
SCHEDULE = VarianceExploding()
NETWORKS = {"fit": "fitted_network", "rand": "score_network"}


def solve(network: ScoreNetwork, run: Recorded, dtype: torch.dtype) -> OfficialSolution:
    """Repeat a recorded run from its recorded noise."""
    network.to(dtype)
    condition = network.pose_score_net.condition(torch.from_numpy(run["pts_feat"]).to(dtype))
    t0 = float(run["T0"])
    noise = torch.from_numpy(run["z"]).view(len(run["cloud"]), int(run["K"]), 9)
    start = noise * SCHEDULE.sigma(t0)
    if "init_x" in run:
        start = start + torch.from_numpy(run["init_x"])[:, None]
    steps = int(run["num_steps"]) if "num_steps" in run else None

    def denoise(poses: Tensor, sigma: Tensor) -> Tensor:
        return network.denoise(condition, poses, sigma)

    solution = solve_official(denoise, start, t0, steps=steps)
    network.float()
    return solution


def place(poses: Tensor, run: Recorded) -> np.ndarray:
    """Return orthonormal poses (..., B, K, 9) with the clouds' means added back."""
    placed = orthonormalise(poses)
    placed[..., 6:] += torch.from_numpy(run["pts_center"])[:, None]
    return placed.numpy()


@pytest.mark.parametrize("name", list(RUNS))
def test_a_recorded_run_is_repeated(
    archives: Archives, request: pytest.FixtureRequest, parity: Parity, name: str
) -> None:
    network = request.getfixturevalue(NETWORKS[name.split("_")[0]])
    run, tolerance = archives(f"sampler/{name}.npz"), RUNS[name]
    dtype = torch.float32 if tolerance == 1e-5 else torch.float64
    solution = solve(network, run, dtype)
    runs = f"T0 = {run['T0']}"
    flat = solution.states.reshape(len(solution.times), -1, 9).numpy()
    parity(f"start, {runs} (`ode_y_first`)", flat[0], run["ode_y_first"])
    parity(f"end, {runs} (`ode_y_last`)", flat[-1], run["ode_y_last"], atol=tolerance)
    poses = place(solution.poses, run)
    parity(f"denoised poses, {runs} (`final_pose`)", poses, run["final_pose"], atol=tolerance)
    if run["T0"] <= 0.55:
        parity(f"network calls, {runs} (`nfev`)", solution.evaluations, run["nfev"])
        parity(f"saved states, {runs} (`n_saved`)", len(solution.times), run["n_saved"])
        # Float32 noise steers the step size, so times differ more than the poses they lead to.
        parity(f"their times, {runs} (`ode_t`)", solution.times, run["ode_t"], atol=10 * tolerance)
    if "process" in run and run["T0"] <= 0.55:
        states = place(solution.states, run).transpose(1, 2, 0, 3)
        item = f"saved states, {runs} (`process`)"
        parity(item, states, run["process"], atol=10 * tolerance)


@pytest.mark.parametrize("name", list(RUNS))
def test_the_first_and_the_last_network_call(
    archives: Archives, request: pytest.FixtureRequest, parity: Parity, name: str
) -> None:
    network = request.getfixturevalue(NETWORKS[name.split("_")[0]])
    run = archives(f"sampler/{name}.npz")
    features = torch.from_numpy(run["pts_feat"]).repeat_interleave(int(run["K"]), dim=0)
    condition = network.pose_score_net.condition(features)
    for t, pose, score in (
        ("first_eval_t", "first_eval_pose", "first_eval_score"),
        ("denoise_t", "denoise_in", "denoise_score"),
    ):
        found = network.score(
            condition, torch.from_numpy(run[pose])[:, None], torch.from_numpy(run[t])
        )
        parity(f"scores of single calls (`{score}`)", found[:, 0], run[score], share=1e-5)
    parity("last time (`eps`, `denoise_t`)", SCHEDULE.eps, run["eps"])


def test_sampled_poses_are_ranked_by_the_recorded_energies(
    archives: Archives, energy_network: EnergyNetwork, recorded_network: Recorded, parity: Parity
) -> None:
    run = archives("sampler/fit_pipeline_T0.55.npz")
    recorded = archives("sampler/fit_pipeline_energy.npz")
    features = torch.from_numpy(recorded_network["energy_pts_feat"][run["cloud"]])
    poses = torch.from_numpy(recorded["pred_pose"]).float()
    poses[..., 6:] -= torch.from_numpy(run["pts_center"])[:, None]
    condition = energy_network.pose_score_net.condition(features)
    energies = energy_network.energies(condition, poses, torch.tensor(SCHEDULE.eps)).numpy()
    parity("energies of sampled poses (`energy`)", energies, recorded["energy"], share=1e-5)
    order = rank_hypotheses(recorded["energy"])
    ranked = np.take_along_axis(recorded["energy"], order, axis=1)
    parity("ranked energies (`sorted_energy`)", ranked, recorded["sorted_energy"])
    rotation, translation = np.split(recorded["pred_pose"], [6], axis=-1)
    expected = np.split(recorded["sorted_pose"], [6], axis=-1)
    for column, part in enumerate((rotation, translation)):
        ranked = np.take_along_axis(part, order[..., column, None], axis=1)
        parity("ranked poses (`sorted_pose`)", ranked, expected[column])


def test_sigma_and_diffusion_are_exact(archives: Archives, parity: Parity) -> None:
    recorded = archives("sampler/sde.npz")
    assert (
        VarianceExploding(
            sigma_min=float(recorded["sigma_min"]),
            sigma_max=float(recorded["sigma_max"]),
            eps=float(recorded["eps"]),
        )
        == SCHEDULE
    )
    single = torch.from_numpy(recorded["t"]).float()
    parity("`sigma_f32`", SCHEDULE.sigma(single), recorded["sigma_f32"])
    parity("`diffusion_f32`", SCHEDULE.diffusion(single), recorded["diffusion_f32"])
    times = [float(t) for t in recorded["t"]]
    parity("`sigma_f64`", [SCHEDULE.sigma(t) for t in times], recorded["sigma_f64"])
    found = [SCHEDULE.diffusion(t) for t in times]
    parity("`diffusion_f64`", found, recorded["diffusion_f64"], rtol=3e-16)
    for t in (1.0, 0.55, 0.15):
        prior = torch.from_numpy(recorded["prior_z"]) * SCHEDULE.sigma(t)
        parity("start noise (`prior_T*`)", prior, recorded[f"prior_T{t}"])
