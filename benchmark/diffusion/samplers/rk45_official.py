"""The released code's sampler, to the digit: for parity with published numbers only.

It differs from `rk45` in two ways, kept on purpose. The step size is controlled by the error
norm over the whole flattened batch, so a pose depends on its companions. And the denoising step at
the end has the wrong sign: it moves away from the mode (by less than 4e-4 in practice).
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

from benchmark.diffusion.denoiser import Denoise
from benchmark.diffusion.schedule import VarianceExploding

_SCHEDULE = VarianceExploding()
_TOLERANCE = 1e-5


@dataclass(frozen=True, kw_only=True)
class OfficialSolution:
    """What the released sampler computed.

    Attributes:
        poses: (B, K, 9) float64, after the denoising step.
        times: (S,) float64 saved times: accepted steps, or the grid that was asked for.
        states: (S, B, K, 9) float64 poses at the saved times.
        evaluations: network calls of the solver.
    """

    poses: Tensor
    times: np.ndarray
    states: Tensor
    evaluations: int


def sample_rk45_official(denoise: Denoise, poses: Tensor, sigmas: Tensor) -> Tensor:
    """Integrate from the noise sigmas[0] as the released code does; other levels are ignored."""
    t0 = _SCHEDULE.time(float(sigmas[0]))
    return solve_official(denoise, poses, t0).poses.to(poses.dtype)


def solve_official(
    denoise: Denoise, poses: Tensor, t0: float, *, steps: int | None = None
) -> OfficialSolution:
    """Integrate dp/dt = -g^2 / 2 score with scipy's RK45 (tolerances 1e-5), then denoise.

    Args:
        denoise: returns denoised poses, in float64 for poses in float64.
        poses: (B, K, 9) at time t0; a start from an earlier pose has noise sigma(t0) added to it.
        t0: start time; the paper says 1, the released scripts 0.55 and 0.15 (tracking).
        steps: number of equidistant times to save; also divides the denoising step (1000 if None).
    """
    shape, eps = poses.shape, _SCHEDULE.eps

    def score(state: np.ndarray, t: float) -> np.ndarray:
        noisy = torch.from_numpy(state).view(shape).to(poses.device)
        sigma = noisy.new_tensor(_SCHEDULE.sigma(t))
        return ((denoise(noisy, sigma) - noisy) / sigma**2).reshape(-1).cpu().numpy()

    def slope(t: float, state: np.ndarray) -> np.ndarray:
        # numpy 1 rounded this product to float32, which the recorded numbers show.
        factor = np.float32(-0.5 * _SCHEDULE.diffusion(t) ** 2)
        return (factor * score(state, t).astype(np.float32)).astype(np.float64)

    start = poses.double().reshape(-1).cpu().numpy()
    grid = None if steps is None else np.linspace(t0, eps, steps)
    solution = solve_ivp(
        slope, (t0, eps), start, rtol=_TOLERANCE, atol=_TOLERANCE, method="RK45", t_eval=grid
    )
    end = solution.y[:, -1]
    drift = -(_SCHEDULE.diffusion(eps) ** 2) * score(end, eps)
    denoised = end + drift * (1 - eps) / (steps or 1000)
    states = torch.from_numpy(np.ascontiguousarray(solution.y.T)).view(-1, *shape)
    return OfficialSolution(
        poses=torch.from_numpy(denoised).view(shape).to(poses.device),
        times=solution.t,
        states=states,
        evaluations=solution.nfev,
    )
