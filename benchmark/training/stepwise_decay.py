"""The learning rate of GenPose's released training."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class StepwiseDecay:
    """Linear warm-up, then a factor at the end of every epoch until the rate is small enough.

    As released: the first step has rate 0, and the warm-up's last rate (0.99 of the peak) is what
    decays.

    Attributes:
        peak: rate that the warm-up heads for.
        warm_up: steps of it.
        factor: of each epoch.
        smallest: no epoch lowers a rate that is not above this.
    """

    peak: float = 1e-3
    warm_up: int = 100
    factor: float = 0.98
    smallest: float = 1e-4

    def get_rate(self, step: int, steps_per_epoch: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        if step < self.warm_up:
            return self.peak * step / self.warm_up
        start = self.peak * (self.warm_up - 1) / self.warm_up
        most = max(0, math.ceil(math.log(self.smallest / start) / math.log(self.factor)))
        epochs = step // steps_per_epoch - (self.warm_up - 1) // steps_per_epoch
        return start * self.factor ** min(epochs, most)
