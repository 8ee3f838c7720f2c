"""Noise levels that samplers with fixed steps visit."""

import torch
from torch import Tensor


def karras_sigmas(steps: int, sigma_min: float, sigma_max: float, rho: float = 7.0) -> Tensor:
    """Return `steps` + 1 noise levels from sigma_max down to sigma_min, and then 0.

    Source: Karras et al. 2022, eq. 5.
    """
    ramp = torch.linspace(0, 1, steps)
    inverse_max, inverse_min = sigma_max ** (1 / rho), sigma_min ** (1 / rho)
    sigmas = (inverse_max + ramp * (inverse_min - inverse_max)) ** rho
    return torch.cat([sigmas, sigmas.new_zeros(1)])
