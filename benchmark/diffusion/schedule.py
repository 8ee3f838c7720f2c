"""The variance-exploding noise schedule (Song et al. 2021; GenPose eq. 1)."""

import math
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

Time = TypeVar("Time", float, Tensor)


@dataclass(frozen=True, kw_only=True)
class VarianceExploding:
    """Noise that grows geometrically with time, sigma(t) = sigma_min (sigma_max / sigma_min)^t.

    Attributes:
        sigma_min, sigma_max: noise at times 0 and 1.
        eps: the smallest time that is ever sampled or integrated to.
    """

    sigma_min: float = 0.01
    sigma_max: float = 50.0
    eps: float = 1e-5

    def sigma(self, t: Time) -> Time:
        """Return the standard deviation of the noise at time t, in the precision of t."""
        noise: Time = self.sigma_min * (self.sigma_max / self.sigma_min) ** t
        return noise

    def time(self, sigma: Time) -> Time:
        """Return the time at which the noise has the standard deviation sigma."""
        if isinstance(sigma, Tensor):
            return torch.log(sigma / self.sigma_min) / self._log_ratio
        return math.log(sigma / self.sigma_min) / self._log_ratio

    def diffusion(self, t: Time) -> Time:
        """Return g(t) = sqrt(d sigma^2 / dt), the diffusion coefficient."""
        return self.sigma(t) * math.sqrt(2 * self._log_ratio)

    @property
    def _log_ratio(self) -> float:
        return math.log(self.sigma_max) - math.log(self.sigma_min)
