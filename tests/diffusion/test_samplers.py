"""Samplers against the closed form: for a Gaussian target the denoiser and the flow are known."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.diffusion.denoiser import Denoise
from benchmark.diffusion.samplers.dpm_solver import sample_dpm_solver_2m, sample_dpm_solver_3m
from benchmark.diffusion.samplers.euler import sample_euler
from benchmark.diffusion.samplers.grids import karras_sigmas
from benchmark.diffusion.samplers.heun import sample_heun
from benchmark.diffusion.samplers.rk45 import sample_rk45
from benchmark.diffusion.samplers.rk45_official import sample_rk45_official, solve_official
from benchmark.diffusion.schedule import VarianceExploding

MEAN, SPREAD, SIGMA_MAX, SIGMA_MIN = 0.7, 0.4, 3.0, 0.02
SCHEDULE = VarianceExploding()

Sampler = Callable[[Denoise, Tensor, Tensor], Tensor]


def denoise(poses: Tensor, sigma: Tensor) -> Tensor:
    """Return the expected clean pose where all its numbers are N(MEAN, SPREAD^2)."""
    width = sigma if sigma.dim() == 0 else sigma[..., None]
    return MEAN + SPREAD**2 / (SPREAD**2 + width**2) * (poses - MEAN)


def flow(poses: Tensor, sigma: float, following: float) -> Tensor:
    """Return where the probability-flow ODE takes poses between two noise levels."""
    shrink = ((SPREAD**2 + following**2) / (SPREAD**2 + sigma**2)) ** 0.5
    return MEAN + (poses - MEAN) * shrink


def draw_start(samples: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return SIGMA_MAX * torch.randn((2, samples, 9), generator=generator, dtype=torch.float64)


def geometric_sigmas(steps: int) -> Tensor:
    """Return geometric levels after two tiny steps, in which multistep solvers start up."""
    levels = torch.logspace(
        np.log10(SIGMA_MAX), np.log10(SIGMA_MIN), steps + 1, dtype=torch.float64
    )
    start = SIGMA_MAX * torch.tensor([1, 1 - 1e-5], dtype=torch.float64)
    return torch.cat([start, SIGMA_MAX * (1 - 2e-5) * levels / levels[0]])


@pytest.mark.parametrize(
    ("sampler", "order"),
    [
        (sample_euler, 1),
        (sample_heun, 2),
        (sample_dpm_solver_2m, 2),
        (sample_dpm_solver_3m, 3),
    ],
)
def test_the_error_falls_with_the_order_that_the_solver_claims(
    sampler: Sampler, order: int
) -> None:
    start = draw_start()
    exact = flow(start, SIGMA_MAX, float(geometric_sigmas(1)[-1]))
    counts = [128, 256, 512, 1024]
    errors = [
        float((sampler(denoise, start, geometric_sigmas(n)) - exact).abs().max()) for n in counts
    ]
    slope, _ = np.polyfit(np.log(counts), np.log(errors), 1)
    assert -slope == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize("sampler", [sample_euler, sample_heun, sample_dpm_solver_2m, sample_rk45])
def test_noise_levels_that_end_at_zero_give_the_denoised_pose(sampler: Sampler) -> None:
    sigmas = torch.tensor([SIGMA_MAX, SIGMA_MIN, 0.0], dtype=torch.float64)
    start = draw_start()
    before = sampler(denoise, start, sigmas[:-1])
    found = sampler(denoise, start, sigmas)
    torch.testing.assert_close(found, denoise(before, sigmas[1]), atol=1e-12, rtol=0)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7])
def test_rk45_keeps_its_tolerance(tolerance: float) -> None:
    start = draw_start()
    sigmas = torch.tensor([SIGMA_MAX, SIGMA_MIN], dtype=torch.float64)
    found = sample_rk45(denoise, start, sigmas, tolerance=tolerance)
    error = (found - flow(start, SIGMA_MAX, SIGMA_MIN)).abs().max()
    assert error < 10 * tolerance


def test_rk45_gives_a_pose_the_same_result_in_any_company() -> None:
    start = draw_start()
    wild = torch.cat([start, 1e3 * start], dim=1)
    sigmas = torch.tensor([SIGMA_MAX, SIGMA_MIN], dtype=torch.float64)
    alone = sample_rk45(denoise, start, sigmas)
    torch.testing.assert_close(
        sample_rk45(denoise, wild, sigmas)[:, : start.shape[1]], alone, atol=1e-14, rtol=0
    )


def test_the_official_solver_integrates_and_then_steps_away_from_the_mode() -> None:
    start = draw_start()
    t0 = SCHEDULE.time(SIGMA_MAX)
    solution = solve_official(denoise, start, t0)
    sigma = SCHEDULE.sigma(SCHEDULE.eps)
    end = flow(start, SIGMA_MAX, sigma)
    torch.testing.assert_close(solution.states[-1], end, atol=2e-4, rtol=0)
    step = solution.poses - solution.states[-1]
    towards = denoise(end, torch.tensor(sigma)) - end
    assert ((step * towards).sum(dim=-1) < 0).all()
    sigmas = torch.tensor([SIGMA_MAX, SIGMA_MIN], dtype=torch.float64)
    torch.testing.assert_close(sample_rk45_official(denoise, start, sigmas), solution.poses)


def test_karras_levels_fall_from_the_largest_to_the_smallest_and_zero() -> None:
    sigmas = karras_sigmas(12, 0.002, 80.0)
    assert len(sigmas) == 13
    assert (sigmas[:-1] > sigmas[1:]).all()
    torch.testing.assert_close(sigmas[[0, -2, -1]], torch.tensor([80.0, 0.002, 0.0]))
    roots = sigmas[:-1] ** (1 / 7)
    steps = roots[1:] - roots[:-1]
    torch.testing.assert_close(steps, steps.mean().expand_as(steps), atol=1e-5, rtol=0)
