"""DPM-Solver++, the multistep solver that integrates the linear part exactly (Lu et al. 2022).

In lambda = -ln sigma the ODE is dp/dlambda = D(p) - p. Between two noise levels the denoised pose D
is extrapolated by the polynomial through its last values; the exponential is integrated exactly.
"""

import itertools

import torch
from torch import Tensor

from benchmark.diffusion.denoiser import Denoise


def sample_dpm_solver_2m(denoise: Denoise, poses: Tensor, sigmas: Tensor) -> Tensor:
    """Integrate along falling noise levels; second order, one network call a step."""
    return _sample(denoise, poses, sigmas, order=2)


def sample_dpm_solver_3m(denoise: Denoise, poses: Tensor, sigmas: Tensor) -> Tensor:
    """Integrate along falling noise levels; third order, one network call a step.

    The first two steps are of lower order, which shows in the result unless they are short.
    """
    return _sample(denoise, poses, sigmas, order=3)


def _sample(denoise: Denoise, poses: Tensor, sigmas: Tensor, order: int) -> Tensor:
    history: list[tuple[Tensor, Tensor]] = []
    for sigma, following in itertools.pairwise(sigmas):
        history = [(-sigma.log(), denoise(poses, sigma)), *history[: order - 1]]
        if following == 0:
            return history[0][1]
        step = (sigma / following).log()
        poses = poses * torch.exp(-step) + _integrate(history, step)
    return poses


def _integrate(history: list[tuple[Tensor, Tensor]], step: Tensor) -> Tensor:
    """Integrate exp(s - step) D(s) over s from 0 to step, D extrapolated by Newton's polynomial.

    Args:
        history: pairs of lambda and denoised poses, newest first.
        step: length in lambda.
    """
    (now, newest), *older = history
    zeroth = -torch.expm1(-step)
    first = step - zeroth
    if not older:
        return zeroth * newest
    slope = (newest - older[0][1]) / (now - older[0][0])
    if len(older) == 1:
        return zeroth * newest + first * slope
    previous_slope = (older[0][1] - older[1][1]) / (older[0][0] - older[1][0])
    curvature = (slope - previous_slope) / (now - older[1][0])
    second = step**2 - 2 * first  # of s^2; the polynomial's last term is s (s + now - older)
    return zeroth * newest + first * slope + (second + first * (now - older[0][0])) * curvature
