"""BatchNorm of a training from sums over a batch, there and back.

Source: Ioffe and Szegedy 2015.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

EPS = 1e-5


@dataclass(frozen=True, kw_only=True)
class Moments:
    """Mean and variance (C,) of a layer's outputs over `count` rows, before normalisation."""

    mean: Tensor
    variance: Tensor
    count: int


@dataclass(frozen=True, kw_only=True)
class Normalisation:
    """What normalises one layer, as float32 arrays (C,): scale v + shift.

    Attributes:
        scale, shift: of the values.
        mean, inverse: of the values, and one over their deviation.
        count: of rows that they are taken over.
    """

    scale: np.ndarray
    shift: np.ndarray
    mean: np.ndarray
    inverse: np.ndarray
    count: int

    @classmethod
    def build(cls, sums: np.ndarray, count: int, gain: Tensor, bias: Tensor) -> "Normalisation":
        """Return it from the sums (2, C) of values and of squares over `count` rows."""
        mean = sums[0] / count
        inverse = 1 / np.sqrt(np.maximum(sums[1] / count - mean**2, 0) + EPS)
        scale = gain.numpy() * inverse
        arrays = (scale, bias.numpy() - mean * scale, mean, inverse)
        scale, shift, mean, inverse = (value.astype(np.float32) for value in arrays)
        return cls(scale=scale, shift=shift, mean=mean, inverse=inverse, count=count)

    @property
    def moments(self) -> Moments:
        """What a running average is kept of."""
        variance = torch.from_numpy(1 / self.inverse.astype(float) ** 2 - EPS).float()
        return Moments(mean=torch.from_numpy(self.mean), variance=variance, count=self.count)

    def return_sums(self, sums: np.ndarray) -> tuple[np.ndarray, Tensor, Tensor]:
        """Return the way back through the normalisation, and the gradients of gain and bias.

        Args:
            sums: (2, C) of the gradients, and of their products with the values.
        """
        to_bias = sums[0]
        to_gain = (sums[1] - self.mean * sums[0]) * self.inverse
        by_value = -self.scale * self.inverse * to_gain / self.count
        constant = -self.scale * to_bias / self.count - by_value * self.mean
        factors = np.stack([self.scale, by_value, constant]).astype(np.float32)
        return factors, torch.from_numpy(to_gain).float(), torch.from_numpy(to_bias).float()
