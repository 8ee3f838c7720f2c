"""Dormand and Prince's Runge-Kutta pair with a step size of its own for every pose."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchmark.diffusion.denoiser import Denoise

Slope = Callable[[Tensor, Tensor], Tensor]
"""Maps states (B, K, S) and times (B, K) to the states' derivatives with respect to time."""

_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_TIMES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
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

    def slope(state: Tensor, log_sigma: Tensor) -> Tensor:
        return state - denoise(state, log_sigma.exp())

    start, end = sigmas[0], sigmas[sigmas > 0][-1]
    poses = integrate_rk45(slope, poses, start.log(), end.log(), tolerance=tolerance)
    return denoise(poses, end) if sigmas[-1] == 0 else poses


def integrate_rk45(
    slope: Slope, states: Tensor, start: Tensor, end: Tensor, *, tolerance: float
) -> Tensor:
    """Solve an ordinary differential equation for many states, each with steps of its own.

    Args:
        slope: derivative of the states with respect to time.
        states: (B, K, S) at time `start`.
        start, end: scalar times, in either order; a first step is 0.1 long.
        tolerance: largest error of a step, absolute and relative to the state.

    Returns:
        (B, K, S) states at time `end`.
    """
    direction = torch.sign(end - start)
    time = start.expand(states.shape[:2])
    step = torch.full_like(time, _FIRST_STEP)
    first = slope(states, time)
    for _ in range(_MAX_STEPS):
        left = (end - time).abs()
        step = step.minimum(left)
        candidate, last, error = _advance(slope, states, first, time, direction * step)
        scale = tolerance * (1 + states.abs().maximum(candidate.abs()))
        ratio = (error / scale).square().mean(dim=-1).sqrt()
        accepted = (ratio <= 1) | (step <= _SMALLEST_STEP)
        states = torch.where(accepted[..., None], candidate, states)
        first = torch.where(accepted[..., None], last, first)
        time = torch.where(accepted, torch.where(step < left, time + direction * step, end), time)
        factor = (0.9 * ratio.clamp_min(1e-9) ** -0.2).clamp(0.2, 5)
        step = (step * factor).clamp_min(_SMALLEST_STEP)
        if (time == end).all():
            break
    return states


def _advance(
    slope: Slope, states: Tensor, first: Tensor, time: Tensor, step: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return states one step further on, the slopes there, and the error of each number.

    Args:
        slope, states, time: as above.
        first: slopes at `states`, which the step before has computed.
        step: (B, K), signed.
    """
    slopes, stage, width = [first], states, step[..., None]
    for share, weights in zip(_TIMES, _STAGES, strict=True):
        stage = states + width * _combine(weights, slopes)
        slopes.append(slope(stage, time + share * step))
    return stage, slopes[-1], width * _combine(_ERROR, slopes)


def _combine(weights: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    """Return the weighted sum of slopes."""
    total = torch.zeros_like(slopes[0])
    for weight, slope in zip(weights, slopes, strict=True):
        if weight:
            total.add_(slope, alpha=weight)
    return total
