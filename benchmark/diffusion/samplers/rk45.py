"""Dormand and Prince's Runge-Kutta pair with a step size of its own for every pose."""

import torch
from torch import Tensor

from benchmark.diffusion.denoiser import Denoise

_STAGES = (
    (),
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_TIMES = (0.0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
_FIRST_STEP, _SMALLEST_STEP, _MAX_STEPS = 0.1, 1e-4, 2000


def sample_rk45(
    denoise: Denoise, poses: Tensor, sigmas: Tensor, *, tolerance: float = 1e-4
) -> Tensor:
    """Integrate dp/dln(sigma) = p - denoise(p, sigma); fifth order, errors controlled pose by pose.

    Unlike the released code's solver, a pose's result does not depend on its companions.

    Args:
        denoise: returns denoised poses.
        poses: (B, K, 9) at noise sigmas[0].
        sigmas: falling noise levels, of which the first and the last above 0 bound the integration;
            if the last is 0, the poses are denoised at the end.
        tolerance: largest error of a step, absolute and relative to the pose.

    Returns:
        (B, K, 9) poses at noise sigmas[-1].
    """
    end = sigmas[sigmas > 0][-1]
    log_sigma = sigmas[0].log().expand(poses.shape[:2])
    step = torch.full_like(log_sigma, _FIRST_STEP)
    for _ in range(_MAX_STEPS):
        step = step.minimum(log_sigma - end.log())
        candidate, error = _advance(denoise, poses, log_sigma, step)
        scale = tolerance * (1 + poses.abs().maximum(candidate.abs()))
        ratio = (error / scale).square().mean(dim=-1).sqrt()
        accepted = (ratio <= 1) | (step <= _SMALLEST_STEP)
        poses = torch.where(accepted[..., None], candidate, poses)
        log_sigma = torch.where(accepted, log_sigma - step, log_sigma)
        step = (step * (0.9 * ratio.clamp_min(1e-9) ** -0.2).clamp(0.2, 5)).clamp_min(
            _SMALLEST_STEP
        )
        if (log_sigma <= end.log()).all():
            break
    return denoise(poses, end) if sigmas[-1] == 0 else poses


def _advance(
    denoise: Denoise, poses: Tensor, log_sigma: Tensor, step: Tensor
) -> tuple[Tensor, Tensor]:
    """Return poses one step further down, and the estimated error of each number."""
    slopes: list[Tensor] = []
    stage, width = poses, step[..., None]
    for time, weights in zip(_TIMES, _STAGES, strict=True):
        change = sum((w * slope for w, slope in zip(weights, slopes, strict=True)), 0 * poses)
        stage = poses + width * change
        slopes.append(denoise(stage, (log_sigma - time * step).exp()) - stage)
    error = sum((w * slope for w, slope in zip(_ERROR, slopes, strict=True)), 0 * poses)
    return stage, width * error
