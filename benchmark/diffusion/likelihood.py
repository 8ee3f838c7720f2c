"""Exact log-likelihood of poses under a diffusion model, by its probability-flow ODE.

The ODE carries a pose up to the largest noise, where the density is known; on the way the log
density changes by the divergence of the flow. A pose has nine numbers, so the divergence is taken
exactly, from nine vector-Jacobian products, where images need a random estimate of it.

Source: Song et al. 2021, section 4.3; GenPose eq. 5.
"""

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmark.diffusion.denoiser import Denoise, PoseModel, bind
from benchmark.diffusion.samplers.rk45 import integrate_rk45
from benchmark.likelihoods import ScoredHypotheses


@dataclass(frozen=True, kw_only=True)
class LikelihoodOptions:
    """Which density is computed, and how closely.

    Attributes:
        sigma: noise level whose density is evaluated: that of clean poses plus this much noise.
        prior_sigma: noise level at which the density is taken to be N(0, prior_sigma^2), which is
            where sampling starts from.
        tolerance: largest error of a step of the ODE solver, absolute and relative.
    """

    sigma: float
    prior_sigma: float
    tolerance: float = 1e-4


def score_hypotheses(
    model: PoseModel[Any], features: Any, poses: Tensor, options: LikelihoodOptions
) -> ScoredHypotheses:
    """Return the log density of pose vectors (B, K, 9), and what it and their energies cost."""
    started = time.perf_counter()
    model.compute_energies(features, poses)
    energies_done = time.perf_counter()
    log_likelihood = compute_log_likelihood(bind(model, features), poses, options).cpu().numpy()
    return ScoredHypotheses(
        log_likelihood=log_likelihood,
        sigma=options.sigma,
        prior_sigma=options.prior_sigma,
        seconds=time.perf_counter() - energies_done,
        energy_seconds=energies_done - started,
    )


def compute_log_likelihood(denoise: Denoise, poses: Tensor, options: LikelihoodOptions) -> Tensor:
    """Return the log density (B, K) of poses (B, K, 9), in nats and in the units of the poses.

    It is the density of what an exact solver of the ODE samples when it starts from
    N(0, prior_sigma^2) and stops at noise `sigma`.

    Args:
        denoise: returns denoised poses, and is differentiable.
        poses: pose vectors, at noise `sigma`.
        options: noise levels and tolerance.
    """

    def slope(state: Tensor, log_sigma: Tensor) -> Tensor:
        poses = state[..., :-1]
        denoised, trace = compute_trace(denoise, poses, log_sigma.exp())
        divergence = poses.shape[-1] - trace
        return torch.cat([poses - denoised, divergence[..., None]], dim=-1)

    levels = poses.new_tensor([options.sigma, options.prior_sigma]).log()
    start = torch.cat([poses, torch.zeros_like(poses[..., :1])], dim=-1)
    end = integrate_rk45(slope, start, levels[0], levels[1], tolerance=options.tolerance)
    return _log_normal(end[..., :-1], options.prior_sigma) + end[..., -1]


def compute_trace(denoise: Denoise, poses: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
    """Return denoised poses (B, K, 9), and the trace (B, K) of their derivative by the poses.

    A pose's answer depends on no other pose, so the products of nine directions with the
    derivative serve all poses at once.
    """
    poses = poses.detach().requires_grad_()
    with torch.enable_grad():
        denoised = denoise(poses, sigma)
    directions = torch.eye(poses.shape[-1], dtype=poses.dtype, device=poses.device)
    products = directions[:, None, None].expand(-1, *poses.shape)
    (rows,) = torch.autograd.grad(denoised, poses, products, is_grads_batched=True)
    return denoised.detach(), rows.diagonal(dim1=0, dim2=-1).sum(dim=-1)


def _log_normal(poses: Tensor, sigma: float) -> Tensor:
    """Return the log density (...) of N(0, sigma^2) at poses (..., 9)."""
    constant = poses.shape[-1] * math.log(sigma * math.sqrt(2 * math.pi))
    return -(poses / sigma).square().sum(dim=-1) / 2 - constant
