"""The noise schedule and the released sampler against recorded runs."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.diffusion.paper import EnergyNetwork, ScoreNetwork
from benchmark.diffusion.pose_vector import orthonormalise
from benchmark.diffusion.samplers.rk45_official import OfficialSolution, solve_official
from benchmark.diffusion.schedule import VarianceExploding

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

Recorded = dict[str, np.ndarray]


def read_run(golden: Path, name: str) -> Recorded:
    return dict(np.load(golden / "sampler" / f"{name}.npz", allow_pickle=False))


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
    golden: Path, request: pytest.FixtureRequest, name: str
) -> None:
    kind = {"fit": "fitted_network", "rand": "score_network"}[name.split("_")[0]]
    run, tolerance = read_run(golden, name), RUNS[name]
    dtype = torch.float32 if tolerance == 1e-5 else torch.float64
    solution = solve(request.getfixturevalue(kind), run, dtype)
    flat = solution.states.reshape(len(solution.times), -1, 9).numpy()
    np.testing.assert_array_equal(flat[0], run["ode_y_first"])
    np.testing.assert_allclose(flat[-1], run["ode_y_last"], atol=tolerance, rtol=0)
    np.testing.assert_allclose(
        place(solution.poses, run), run["final_pose"], atol=tolerance, rtol=0
    )
    if run["T0"] <= 0.55:
        assert solution.evaluations == run["nfev"]
        assert len(solution.times) == len(run["ode_t"])
    if "process" in run and run["T0"] <= 0.55:
        states = place(solution.states, run).transpose(1, 2, 0, 3)
        np.testing.assert_allclose(states, run["process"], atol=10 * tolerance, rtol=0)


@pytest.mark.parametrize("name", ["fit_T0.55", "rand_T0.15"])
def test_the_first_and_the_last_network_call(
    golden: Path, request: pytest.FixtureRequest, name: str
) -> None:
    kind = {"fit": "fitted_network", "rand": "score_network"}[name.split("_")[0]]
    network, run = request.getfixturevalue(kind), read_run(golden, name)
    features = torch.from_numpy(run["pts_feat"]).repeat_interleave(int(run["K"]), dim=0)
    condition = network.pose_score_net.condition(features)
    for t, pose, score in (
        ("first_eval_t", "first_eval_pose", "first_eval_score"),
        ("denoise_t", "denoise_in", "denoise_score"),
    ):
        found = network.score(
            condition, torch.from_numpy(run[pose])[:, None], torch.from_numpy(run[t])
        )
        largest = float(np.abs(run[score]).max())
        np.testing.assert_allclose(found[:, 0], run[score], atol=1e-5 * largest, rtol=0)


def test_sampled_poses_are_ranked_by_the_recorded_energies(
    golden: Path, energy_network: EnergyNetwork, recorded_network: Recorded
) -> None:
    run, recorded = read_run(golden, "fit_pipeline_T0.55"), read_run(golden, "fit_pipeline_energy")
    features = torch.from_numpy(recorded_network["energy_pts_feat"][run["cloud"]])
    poses = torch.from_numpy(recorded["pred_pose"]).float()
    poses[..., 6:] -= torch.from_numpy(run["pts_center"])[:, None]
    condition = energy_network.pose_score_net.condition(features)
    energies = energy_network.energies(condition, poses, torch.tensor(SCHEDULE.eps)).numpy()
    largest = np.abs(recorded["energy"]).max()
    np.testing.assert_allclose(energies, recorded["energy"], atol=1e-5 * largest, rtol=0)


def test_sigma_and_diffusion_are_exact(golden: Path) -> None:
    recorded = read_run(golden, "sde")
    assert (
        VarianceExploding(
            sigma_min=float(recorded["sigma_min"]),
            sigma_max=float(recorded["sigma_max"]),
            eps=float(recorded["eps"]),
        )
        == SCHEDULE
    )
    single = torch.from_numpy(recorded["t"]).float()
    np.testing.assert_array_equal(SCHEDULE.sigma(single), recorded["sigma_f32"])
    np.testing.assert_array_equal(SCHEDULE.diffusion(single), recorded["diffusion_f32"])
    times = [float(t) for t in recorded["t"]]
    np.testing.assert_array_equal([SCHEDULE.sigma(t) for t in times], recorded["sigma_f64"])
    found = [SCHEDULE.diffusion(t) for t in times]
    np.testing.assert_allclose(found, recorded["diffusion_f64"], rtol=3e-16, atol=0)
    for t in (1.0, 0.55, 0.15):
        prior = torch.from_numpy(recorded["prior_z"]) * SCHEDULE.sigma(t)
        np.testing.assert_array_equal(prior, recorded[f"prior_T{t}"])
