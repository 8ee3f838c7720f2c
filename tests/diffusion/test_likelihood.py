"""The likelihood against closed forms: Gaussian data, for which denoiser and flow are known."""

import math

import pytest
import torch
from torch import Tensor

from benchmark.diffusion.likelihood import (
    LikelihoodOptions,
    compute_log_likelihood,
    compute_trace,
)
from benchmark.diffusion.pose_head import PoseHead

MEAN = torch.linspace(-1, 1, 9, dtype=torch.float64)
SPREAD = torch.linspace(0.05, 0.6, 9, dtype=torch.float64)


def denoise(poses: Tensor, sigma: Tensor) -> Tensor:
    """Return the expected clean pose where its numbers are N(MEAN, SPREAD^2)."""
    width = sigma if sigma.dim() == 0 else sigma[..., None]
    return MEAN + SPREAD**2 / (SPREAD**2 + width**2) * (poses - MEAN)


def draw_poses() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn((3, 4, 9), generator=generator, dtype=torch.float64)
    return MEAN + 1.5 * SPREAD * noise


def log_normal(poses: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    squares = ((poses - mean) / spread).square() / 2
    return -(squares + spread.log() + math.log(2 * math.pi) / 2).sum(dim=-1)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7])
def test_the_density_of_the_samplers_own_answer_is_exact(tolerance: float) -> None:
    """N(0, prior^2) shrunk by the flow is a Gaussian whose moments are known."""
    options = LikelihoodOptions(sigma=0.01, prior_sigma=3.0, tolerance=tolerance)
    shrink = ((SPREAD**2 + options.sigma**2) / (SPREAD**2 + options.prior_sigma**2)).sqrt()
    poses = draw_poses()
    expected = log_normal(poses, MEAN - shrink * MEAN, shrink * options.prior_sigma)
    found = compute_log_likelihood(denoise, poses, options)
    torch.testing.assert_close(found, expected, atol=300 * tolerance, rtol=0)


def test_from_large_noise_it_is_the_density_of_the_data() -> None:
    options = LikelihoodOptions(sigma=0.01, prior_sigma=1000.0, tolerance=1e-7)
    poses = draw_poses()
    expected = log_normal(poses, MEAN, (SPREAD**2 + options.sigma**2).sqrt())
    found = compute_log_likelihood(denoise, poses, options)
    torch.testing.assert_close(found, expected, atol=0.02, rtol=0)


def test_a_pose_has_the_same_likelihood_in_any_company() -> None:
    options = LikelihoodOptions(sigma=0.01, prior_sigma=3.0)
    poses = draw_poses()
    together = compute_log_likelihood(denoise, poses, options)
    alone = compute_log_likelihood(denoise, poses[1:2, 2:3], options)
    torch.testing.assert_close(alone, together[1:2, 2:3], atol=1e-12, rtol=0)


def test_the_trace_of_a_network_is_the_sum_of_its_derivatives() -> None:
    torch.manual_seed(0)
    head = PoseHead(features=8, width=16).double()
    torch.nn.init.normal_(head.answer.weight)
    condition = head.condition(torch.randn(2, 8, dtype=torch.float64)).detach()
    poses = torch.randn(2, 3, 9, dtype=torch.float64)
    sigma = torch.rand(2, 3, dtype=torch.float64) + 0.1

    def apply(poses: Tensor, sigma: Tensor) -> Tensor:
        answer: Tensor = head(condition, poses, sigma.log())
        return answer

    found, trace = compute_trace(apply, poses, sigma)
    torch.testing.assert_close(found, apply(poses, sigma))
    step = 1e-6 * torch.eye(9, dtype=torch.float64)
    slopes = [(apply(poses + h, sigma) - apply(poses - h, sigma)) / 2e-6 for h in step]
    expected = torch.stack([slope[..., i] for i, slope in enumerate(slopes)]).sum(dim=0)
    torch.testing.assert_close(trace, expected, atol=1e-6, rtol=1e-6)
